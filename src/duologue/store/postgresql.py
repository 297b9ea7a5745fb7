"""Connections to PostgreSQL that end when nothing is heard on them: of a server that is stopped, or a network that is
gone, no word comes, and psycopg waits for good.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar

from psycopg import Connection, OperationalError
from psycopg.abc import PQGen
from psycopg.rows import TupleRow
from sqlalchemy import Engine, event

from duologue.clock import SECOND, SYSTEM_CLOCK

T = TypeVar("T")
SILENT_SECONDS = 25.0
"""A server that works says something sooner: it ends a statement itself before (``statement_timeout``)."""


class WatchedConnection(Connection[TupleRow]):
    """Raises :class:`psycopg.OperationalError`, and is closed, when nothing comes for :data:`SILENT_SECONDS`."""

    def wait(self, gen: PQGen[T], *args: Any, **kwargs: Any) -> T:
        """All that waits for the server waits here."""
        return super().wait(self._watched(gen), *args, **kwargs)

    def _watched(self, waiting: PQGen[T]) -> Generator[Any, Any, T]:
        """``waiting`` is told ten times a second that nothing came, and is left then."""
        heard = SYSTEM_CLOCK.now()
        try:
            wanted = next(waiting)
            while True:
                ready = yield wanted
                if ready:
                    heard = SYSTEM_CLOCK.now()
                elif SYSTEM_CLOCK.now() - heard > SILENT_SECONDS * SECOND:
                    self.close()
                    raise OperationalError(f"the server has given no sign of life for {SILENT_SECONDS:g} s")
                wanted = waiting.send(ready)
        except StopIteration as end:
            return end.value


def watch(engine: Engine) -> None:
    """Have ``engine`` connect so."""

    def connect(dialect: object, record: object, arguments: list[Any], named: dict[str, Any]) -> WatchedConnection:
        return WatchedConnection.connect(*arguments, **named)

    event.listen(engine, "do_connect", connect)
