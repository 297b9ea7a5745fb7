"""Events to whoever listens: a bounded queue each, so that a slow listener costs itself and nobody else."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable

from duologue.app.models import Event, Notice, NoticeEvent

CAPACITY = 256
"""Events that wait for one listener. Beyond that the oldest are dropped, and the listener is told."""


class Bus:
    """Publish from the event loop, subscribe from anywhere on it. ``dropped`` counts what slow listeners missed."""

    def __init__(self, snapshot: Callable[[], list[Event]]) -> None:
        self._snapshot = snapshot
        self._queues: set[asyncio.Queue[Event | None]] = set()
        self.dropped = 0

    @property
    def listeners(self) -> int:
        """How many subscriptions are open."""
        return len(self._queues)

    def publish(self, event: Event) -> None:
        """Hand ``event`` to every listener; never waits."""
        for waiting in self._queues:
            if waiting.full():
                self.dropped += 1
                waiting.get_nowait()
            waiting.put_nowait(event)

    def notice(self, notice: Notice) -> None:
        """Publish a word to the people at the pages."""
        self.publish(NoticeEvent(notice=notice))

    def close(self) -> None:
        """End every subscription."""
        for waiting in self._queues:
            if waiting.full():
                waiting.get_nowait()
            waiting.put_nowait(None)

    @contextlib.asynccontextmanager
    async def subscribe(self) -> AsyncGenerator[AsyncIterator[Event]]:
        """Events from now on, the full state first; ends when the bus is closed."""
        waiting: asyncio.Queue[Event | None] = asyncio.Queue(CAPACITY)
        first = self._snapshot()
        self._queues.add(waiting)
        try:
            yield _events(first, waiting)
        finally:
            self._queues.discard(waiting)


async def _events(first: list[Event], waiting: asyncio.Queue[Event | None]) -> AsyncGenerator[Event]:
    for event in first:
        yield event
    while (event := await waiting.get()) is not None:
        yield event
