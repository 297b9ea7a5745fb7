"""What a person may ask of what is kept of them: to see it, to change it, to have it forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from duologue.app.people.models import FactView, MemoryChange, MemoryView
from duologue.app.people.remembering import remove_files
from duologue.clock import MILLISECOND, Clock
from duologue.errors import InputError
from duologue.store.facts import facts_of, forget_fact, forget_facts, rewrite
from duologue.store.people import export, find, forget, meet, parts_of
from duologue.store.store import Store
from duologue.store.tables import PersonRow
from duologue.store.values import KnownFact, NewFact, Who
from duologue.telemetry.run_shelf import RunShelf


class People:
    """On the store of a house. Raises what :meth:`Store.ask <duologue.store.store.Store.ask>` does."""

    def __init__(self, store: Store, clock: Clock, runs: RunShelf) -> None:
        self._store = store
        self._clock = clock
        self._runs = runs

    async def memory(self, who: Who) -> MemoryView:
        """Of somebody we never met: nothing."""

        def read(session: Session) -> MemoryView:
            person = find(session, who)
            return MemoryView(name="", facts=()) if person is None else _view(person, facts_of(session, person.id))

        return await self._store.ask(read)

    async def change(self, who: Who, change: MemoryChange) -> MemoryView:
        """Remember this and nothing else. Raises :class:`InputError` for a fact that is not theirs."""
        now = self._clock.wall()
        facts = [(each.id, NewFact(each.text, each.kind, character=each.character)) for each in change.facts]

        def write(session: Session) -> MemoryView:
            person = meet(session, who, now)
            if change.name is not None:
                person.name = " ".join(change.name.split())
            rewrite(session, person, facts, now)
            session.flush()
            return _view(person, facts_of(session, person.id))

        return await self._store.ask(write)

    async def forget_fact(self, who: Who, fact: str) -> None:
        """One. Raises :class:`InputError` when there is none of that id."""
        await self._store.ask(lambda session: forget_fact(session, _known(find(session, who)), fact))

    async def forget_facts(self, who: Who) -> None:
        """All facts; what was said stays."""

        def write(session: Session) -> None:
            person = find(session, who)
            if person is not None:
                forget_facts(session, person)

        await self._store.ask(write)

    async def export(self, who: Who) -> dict[str, Any]:
        """All that is kept of them. Raises :class:`InputError` for somebody we never met."""
        return await self._store.ask(lambda session: export(session, _known(find(session, who))))

    async def forget(self, who: Who) -> None:
        """All of them, recordings and runs too. Raises :class:`InputError` for somebody we never met."""

        def write(session: Session) -> None:
            person = _known(find(session, who))
            self._runs.remove_of(parts_of(session, person))
            remove_files(forget(session, person))

        await self._store.ask(write)


def _known(person: PersonRow | None) -> PersonRow:
    if person is None:
        raise InputError("nothing is kept of you", where="person", remedy="Talk with somebody first.")
    return person


def _view(person: PersonRow, facts: Sequence[KnownFact]) -> MemoryView:
    return MemoryView(
        name=person.name,
        facts=tuple(
            FactView(
                id=fact.id, text=fact.text, kind=fact.kind, character=fact.character, source=fact.source,
                at=fact.at / MILLISECOND,
            )
            for fact in facts
        ),
    )  # fmt: skip
