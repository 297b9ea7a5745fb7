"""Who talks with us: found by what their client calls them, told about, exported, forgotten. Within a transaction."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, func, inspect, select
from sqlalchemy.orm import Session

from duologue.clock import MILLISECOND, SECOND
from duologue.errors import InputError
from duologue.ids import unique_id
from duologue.store.tables import (
    Base,
    ConversationRow,
    CorrectionRow,
    Fact,
    LessonRun,
    PersonRow,
    Review,
    Timing,
    ToolCallRow,
    Turn,
    UsageRow,
    Vocable,
)
from duologue.store.usage import of_no_conversation, of_nobody
from duologue.store.values import Known, Who
from duologue.telemetry.ledger import WITH_PEOPLE


def known(person: PersonRow) -> Known:
    """As a value."""
    return Known(person.id, person.realm, person.key, person.name, person.level, person.began, person.seen)


def find(session: Session, who: Who) -> PersonRow | None:
    """The person, if we ever met."""
    return session.scalar(select(PersonRow).where(PersonRow.realm == who.realm, PersonRow.key == who.key))


def meet(session: Session, who: Who, at: int) -> PersonRow:
    """The person, a new one if need be; seen ``at``."""
    person = find(session, who)
    if person is None:
        person = PersonRow(id=unique_id(at), realm=who.realm, key=who.key, name="", level="", began=at, seen=at)
        session.add(person)
    person.seen = max(person.seen, at)
    session.flush()
    return person


def people(session: Session) -> list[Known]:
    """Everybody, who was here last first."""
    return [known(each) for each in session.scalars(select(PersonRow).order_by(PersonRow.seen.desc()))]


def named(session: Session, name: str) -> PersonRow:
    """The one person who is meant by an id, by what their client calls them, or by their name. Raises
    :class:`InputError` for nobody, and for several.
    """
    exact = session.get(PersonRow, name)
    if exact is not None:
        return exact
    wanted = _folded(name)  # not by the database: SQLite knows small and capital letters of English alone
    called = session.execute(select(PersonRow.id, PersonRow.key, PersonRow.name))
    key = Who(name).key
    ids = [row.id for row in called if row.key == key or (wanted and _folded(row.name) == wanted)][:5]
    found = list(session.scalars(select(PersonRow).where(PersonRow.id.in_(ids))))
    if len(found) == 1:
        return found[0]
    if not found:
        raise InputError(f"nobody called {name!r} is in the store", where="PERSON", remedy="duologue store lists them.")
    raise InputError(f"several people are called {name!r}", where="PERSON", remedy=f"Name one by id: {', '.join(ids)}.")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def forget(session: Session, person: PersonRow) -> list[str]:
    """Delete all of a person; the recordings that were theirs, which are files for the caller to remove. What engines
    were asked for them stays in the sums, as nobody's.
    """
    held = select(ConversationRow.recording).where(
        ConversationRow.person_id == person.id, ConversationRow.recording != ""
    )
    recordings = list(session.scalars(held))
    of_nobody(session, person.id)
    session.execute(delete(PersonRow).where(PersonRow.id == person.id))
    return recordings


def parts_of(session: Session, person: PersonRow) -> set[str]:
    """What the ledger calls their conversations, by which the runs of these are found."""
    ours = select(ConversationRow.id).where(ConversationRow.person_id == person.id)
    return {f"{part}:{name}" for name in session.scalars(ours) for part in WITH_PEOPLE}


def expire(session: Session, before: int) -> list[str]:
    """Delete conversations that ended before (Unix ns), and what hangs on them; their recordings, to be removed."""
    old = ConversationRow.began < before
    recordings = list(session.scalars(select(ConversationRow.recording).where(old, ConversationRow.recording != "")))
    session.execute(delete(ConversationRow).where(old))
    of_no_conversation(session, datetime.fromtimestamp(before / SECOND, UTC).date().isoformat())
    return recordings


def export(session: Session, person: PersonRow) -> dict[str, Any]:
    """All that is kept of a person, as JSON takes it."""
    ours = select(ConversationRow).where(ConversationRow.person_id == person.id).order_by(ConversationRow.began)
    return {
        "person": _row(person),
        "facts": _rows(session, Fact, Fact.person_id == person.id),
        "corrections": _rows(session, CorrectionRow, CorrectionRow.person_id == person.id),
        "vocabulary": [
            {**_row(word), "reviews_made": _rows(session, Review, Review.vocable_id == word.id)}
            for word in session.scalars(select(Vocable).where(Vocable.person_id == person.id).order_by(Vocable.id))
        ],
        "lessons": _rows(session, LessonRun, LessonRun.person_id == person.id),
        "usage": _rows(session, UsageRow, UsageRow.person_id == person.id),
        "conversations": [
            {
                **_row(each),
                "turns": _turns(session, each),
                "tool_calls": _rows(session, ToolCallRow, ToolCallRow.conversation_id == each.id),
            }
            for each in session.scalars(ours)
        ],
    }


def _turns(session: Session, conversation: ConversationRow) -> list[dict[str, Any]]:
    ours = select(Turn).where(Turn.conversation_id == conversation.id).order_by(Turn.number, Turn.id)
    told: list[dict[str, Any]] = []
    for turn in session.scalars(ours):
        timing = session.get(Timing, turn.id)
        told.append(_row(turn) | ({"waited_ms": timing.waited_ms, "stages": timing.stages} if timing else {}))
    return told


def _rows(session: Session, table: type[Base], where: ColumnElement[bool]) -> list[dict[str, Any]]:
    return [_row(each) for each in session.scalars(select(table).where(where).order_by(*inspect(table).primary_key))]


def _row(row: Base) -> dict[str, Any]:
    return {column.key: getattr(row, column.key) for column in inspect(type(row)).column_attrs}


def counts(session: Session, tables: Sequence[type[Base]]) -> dict[str, int]:
    """How many rows each table has."""
    return {table.__tablename__: session.scalar(select(func.count()).select_from(table)) or 0 for table in tables}


def milliseconds(at: int | None) -> float | None:
    """A time of the store as pages take it (Unix ms)."""
    return None if at is None else at / MILLISECOND
