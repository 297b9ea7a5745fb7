"""What is remembered of a person, as values; and its place in the store. Within a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from duologue.errors import InputError
from duologue.ids import unique_id
from duologue.store.tables import Fact, PersonRow
from duologue.store.values import LONGEST, MOST_FACTS, KnownFact, NewFact


def facts_of(session: Session, person_id: str, character: str | None = None) -> list[KnownFact]:
    """What is remembered of a person, the newest first; with ``character`` what that one may know of it."""
    wanted = select(Fact).where(Fact.person_id == person_id).order_by(Fact.at.desc(), Fact.id.desc())
    if character is not None:
        wanted = wanted.where(or_(Fact.character == "", Fact.character == character))
    return [
        KnownFact(each.id, each.text, each.kind, each.slot, each.character, each.source, each.at)
        for each in session.scalars(wanted)
    ]


def remember(
    session: Session, person_id: str, facts: Iterable[NewFact], *, source: str, at: int, conversation: str | None = None
) -> None:
    """Add facts that are new: one that is known by its words is only made newer, one of a slot replaces the former.

    ``source`` is who says so (``person``, or what found it), ``at`` when (Unix ns). Beyond :data:`MOST_FACTS` of a
    person the oldest go, those that they wrote themselves excepted.
    """
    held = list(session.scalars(select(Fact).where(Fact.person_id == person_id)))
    for number, fact in enumerate(facts):
        now = at + number  # ns: what was told in one breath keeps its order
        text = " ".join(fact.text.split())[:LONGEST]
        if not text:
            continue
        same = next((each for each in held if each.text.casefold() == text.casefold()), None)
        if same is not None:
            same.at = now
            continue
        if fact.slot:
            for each in [each for each in held if each.slot == fact.slot]:
                session.delete(each)
                held.remove(each)
        row = Fact(
            id=unique_id(at), person_id=person_id, conversation_id=conversation, character=fact.character,
            kind=fact.kind, slot=fact.slot, text=text, source=source, at=now,
        )  # fmt: skip
        session.add(row)
        held.append(row)
    own = sorted((each for each in held if each.source != "person"), key=lambda each: (each.at, each.id))
    for each in own[: max(0, len(held) - MOST_FACTS)]:
        session.delete(each)


def rewrite(session: Session, person: PersonRow, facts: Sequence[tuple[str, NewFact]], at: int) -> None:
    """What the person made of it: ``(id, fact)`` for each that stays (an empty id: a new one); the others go.

    ``at`` is when (Unix ns). Raises :class:`InputError` for an id that is not theirs, and for too many.
    """
    if len(facts) > MOST_FACTS:
        raise InputError(f"{len(facts)} facts", where="facts", remedy=f"At most {MOST_FACTS}.")
    held = {each.id: each for each in session.scalars(select(Fact).where(Fact.person_id == person.id))}
    for name, fact in facts:
        text = " ".join(fact.text.split())[:LONGEST]
        row = held.pop(name, None) if name else None
        if name and row is None:
            raise InputError(f"there is no fact {name!r}", where="facts", remedy="Read them again, then change them.")
        if not text:
            raise InputError("a fact without words", where="facts", remedy="Leave it out to have it forgotten.")
        if row is None:
            session.add(
                Fact(
                    id=unique_id(at), person_id=person.id, character=fact.character, kind=fact.kind, slot=fact.slot,
                    text=text, source="person", at=at,
                )
            )  # fmt: skip
        elif (row.text, row.kind) != (text, fact.kind):
            row.text, row.kind, row.source, row.at = text, fact.kind, "person", at
    for row in held.values():
        session.delete(row)


def forget_fact(session: Session, person: PersonRow, name: str) -> None:
    """Delete one. Raises :class:`InputError` when there is none of that id."""
    fact = session.get(Fact, name)
    if fact is None or fact.person_id != person.id:
        raise InputError(f"there is no fact {name!r}", where="fact", remedy="GET /api/people/me/memory lists them.")
    session.delete(fact)


def forget_facts(session: Session, person: PersonRow) -> None:
    """Delete all of them."""
    session.execute(delete(Fact).where(Fact.person_id == person.id))


def within(facts: Sequence[KnownFact], characters: int) -> list[KnownFact]:
    """The newest facts that fit into so many ``characters``, slots (a name, a home) before all else; oldest first, as
    they are told.
    """
    ranked = sorted(facts, key=lambda each: (not each.slot, each.source != "person", -each.at))
    kept: list[KnownFact] = []
    for fact in ranked:
        if len(fact.text) + 1 <= characters:
            characters -= len(fact.text) + 1
            kept.append(fact)
    return sorted(kept, key=lambda each: (each.at, each.id))
