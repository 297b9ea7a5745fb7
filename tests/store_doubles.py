"""A store without a thread, for conversations on virtual time; older stores, and who listens to the one writer."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import URL, Connection, create_engine, select
from sqlalchemy.orm import Session

from duologue.clock import Clock
from duologue.errors import PeerError
from duologue.store.database import MIGRATIONS, Database, RejectedError, database_url
from duologue.store.people import meet
from duologue.store.store import Store
from duologue.store.tables import Base, PersonRow
from duologue.store.values import StoreState, Who
from duologue.store.writer import StoreWrite

T = TypeVar("T")
PATIENCE = 20.0


class InstantStore(Store):
    """``failure``: what the database says now."""

    def __init__(self, file: Path, clock: Clock) -> None:
        super().__init__("", file, clock)
        self.database = Database(database_url("", file))
        self.failure: PeerError | None = None
        self.writes = 0
        self.rejected = 0
        self._told = ""

    @property
    def state(self) -> StoreState:
        return StoreState(self.database.where, self.failure.what if self.failure else "")

    def start(self) -> None:
        """Nothing to be started."""

    def put(self, write: StoreWrite, key: str = "") -> None:
        self.writes += 1
        try:
            self.do(write)
        except RejectedError:
            self.rejected += 1
        except PeerError:
            pass
        self._tell_of_changes()

    async def ask(self, question: Callable[[Session], T]) -> T:
        try:
            return self.do(question)
        finally:
            self._tell_of_changes()

    async def close(self) -> None:
        self.database.close()

    def do(self, work: Callable[[Session], T]) -> T:
        """At once, in a transaction."""
        if self.failure is not None:
            raise self.failure
        self.database.open()
        with self.database.begin(writes=True) as connection, Session(connection) as session:
            done = work(session)
            session.flush()
            return done

    def rows(self, statement: Any) -> list[Any]:
        """What a statement selects, as plain rows of one column or several."""
        self.database.open()
        with self.database.begin(writes=False) as connection:
            return [tuple(row) for row in connection.execute(statement)]

    def _tell_of_changes(self) -> None:
        failure = self.state.failure
        if failure != self._told:
            self._told = failure
            for listener in tuple(self.listeners):
                listener(self.state)


class Told:
    """What the writer says of itself, from its own thread."""

    def __init__(self) -> None:
        self.states: list[StoreState] = []
        self._news = threading.Condition()

    def __call__(self, state: StoreState) -> None:
        with self._news:
            self.states.append(state)
            self._news.notify_all()

    def wait(self, count: int) -> StoreState:
        """Until it has said so much."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.states) >= count, PATIENCE), self.states
            return self.states[count - 1]


def person(name: str) -> StoreWrite:
    return lambda session: meet(session, Who(name), 5)


def names(session: Session) -> list[str]:
    return sorted(session.scalars(select(PersonRow.key)))


def make_older(url: URL, revision: str) -> None:
    """A store as the version of that revision left it."""
    engine = create_engine(url)
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def differences(connection: Connection) -> list[Any]:
    """Between the tables that are there and those of the models."""

    def ours(name: str | None, kind: str, parents: object) -> bool:
        return not (name or "").startswith(("passages_search", "sqlite_"))

    context = MigrationContext.configure(connection, opts={"include_name": ours, "compare_type": True})
    return list(compare_metadata(context, Base.metadata))


def fill(file: Path) -> None:
    with sqlite3.connect(file) as old:
        old.execute("insert into people (id, realm, key, name, began, seen) values ('p', '', 'ada', 'Ada', 1, 2)")
        old.execute("insert into conversations (id, person_id, character, began) values ('c', 'p', 'chad', 3)")
        old.execute(
            "insert into turns (id, conversation_id, role, heard, interrupted) values ('t', 'c', 'person', 'Hi.', 0)"
        )
        old.execute("insert into facts (id, person_id, text, at) values ('f', 'p', 'They like tea.', 4)")
