"""What happened and was not handled yet: a bounded queue that is read against a deadline. The session's and the
director's loops both wait here.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

from duologue.clock import SECOND, Clock
from duologue.errors import InternalError

T = TypeVar("T")


class Inbox(Generic[T]):
    """At most ``limit`` events wait for ``owner``; one more means that its loop is held, which is a fault of ours.

    One task reads; anybody on its loop may put. It knows its owner by name alone, so that whoever is given :meth:`put`
    holds nobody.
    """

    def __init__(self, limit: int, owner: str) -> None:
        self._limit = limit
        self._owner = owner
        self._closed = False
        self._events: deque[T] = deque()
        self._waiter: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._events)

    def put(self, event: T) -> None:
        """Append ``event``, unless nothing is taken any more. Raises :class:`InternalError` when too many wait."""
        if self._closed:
            return
        if len(self._events) >= self._limit:
            raise InternalError(f"{self._limit} events wait: the loop of {self._owner} is held", where=self._owner)
        self._events.append(event)
        if self._waiter is not None:
            _wake(self._waiter)

    def close(self) -> None:
        """Take nothing any more: what waits is forgotten. Idempotent."""
        self._closed = True
        self._events.clear()

    def take(self) -> T | None:
        """The first event, None when none waits."""
        return self._events.popleft() if self._events else None

    async def next(self, deadline: int | None, clock: Clock) -> T | None:
        """The first event, as soon as there is one; None once ``deadline`` (ns) has come without. An event that waits
        goes before a deadline that is past.
        """
        if self._events:
            return self._events.popleft()
        loop = asyncio.get_running_loop()
        waiter = self._waiter = loop.create_future()
        left = None if deadline is None else max(0, deadline - clock.now()) / SECOND
        timer = None if left is None else loop.call_later(left, _wake, waiter)
        try:
            await waiter
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()
        return self.take()


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
