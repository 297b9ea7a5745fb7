"""The store of a running house: what it keeps, without ever waiting for it. Commands open a :class:`Database` instead.

Writes are given to one thread (:mod:`duologue.store.writer`) and forgotten; questions go the same way, behind the
writes before them, so who asks sees what was written. While the database fails, ``failure`` says so and talks go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy.orm import Session

from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.errors import PeerError
from duologue.store.database import Database, database_url
from duologue.store.values import StoreState
from duologue.store.writer import StoreWrite, StoreWriter

T = TypeVar("T")
SILENT_SECONDS = 30.0
"""Who asks waits no longer while nothing is done at all: on a disk that hangs the thread does, for good. A database
that is only slow, or has much to write before, is waited for.
"""


class Store:
    """Make it, :meth:`start` it on the loop, :meth:`close` it at the end. Its ``listeners`` are called on the loop."""

    def __init__(self, url: str, file: Path, clock: Clock = SYSTEM_CLOCK) -> None:
        self.clock = clock
        self.listeners: list[Callable[[StoreState], None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._writer = StoreWriter(Database(database_url(url, file)), clock, self._changed)

    @property
    def state(self) -> StoreState:
        """How it is now."""
        return self._writer.state

    def start(self) -> None:
        """Take writes from now on; call it on the loop. Nothing is opened before the first."""
        self._loop = asyncio.get_running_loop()
        self._writer.start()

    def put(self, write: StoreWrite, key: str = "") -> None:
        """Write this when it can be; a newer write of the same ``key`` takes its place while it waits. Never waits."""
        self._writer.put(write, key)

    async def ask(self, question: Callable[[Session], T]) -> T:
        """What ``question`` comes to, after all that was put before; what it writes is committed by then.

        Raises :class:`~duologue.errors.PeerError` while the database fails or does not answer,
        :class:`~duologue.errors.ClosedError` when the store is closed, and what ``question`` raises.
        """
        answer = asyncio.wrap_future(self._writer.ask(question))
        try:
            steps = -1
            while not answer.done():
                if steps == self._writer.steps:
                    raise PeerError(
                        f"the store has done nothing for {SILENT_SECONDS:g} s", where=self.state.where,
                        remedy="See whether its disk, or its server, hangs.",
                    )  # fmt: skip
                steps = self._writer.steps
                await asyncio.wait([answer], timeout=SILENT_SECONDS)
            return answer.result()
        finally:
            answer.cancel()

    async def close(self) -> None:
        """Write the rest and let go of the database. Idempotent."""
        await asyncio.to_thread(self._writer.close)
        self._loop = None

    def _changed(self, state: StoreState) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._tell, state)

    def _tell(self, state: StoreState) -> None:
        for listener in tuple(self.listeners):
            listener(state)


@contextmanager
def opened(url: str, file: Path, *, writes: bool = True) -> Generator[Session]:
    """One transaction on the store, for a command: committed at the end unless something is raised. It blocks.

    Raises as :class:`~duologue.store.database.Database`.
    """
    database = Database(database_url(url, file))
    try:
        database.open()
        with database.begin(writes=writes) as connection, Session(connection) as session:
            yield session
            session.flush()
    finally:
        database.close()
