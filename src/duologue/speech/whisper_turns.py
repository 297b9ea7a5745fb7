"""Who is next at something that serves one at a time: the most urgent first, and among equals who came first."""

from __future__ import annotations

import asyncio
import heapq
from itertools import count


class Turns:
    """Turns on one event loop. As many may wait as there are listeners, each with one wish."""

    def __init__(self) -> None:
        self._having: Turn | None = None
        self._waiting: list[tuple[int, int, Turn]] = []
        self._count = count()

    @property
    def busy(self) -> bool:
        """Somebody has it."""
        return self._having is not None

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def ask(self, rank: int) -> Turn:
        """A place in the queue; a lower ``rank`` goes first. Whoever asks must :meth:`Turn.leave`, however it ends."""
        turn = Turn(self)
        if self._having is None:
            self._having = turn
            turn.come.set()
        else:
            heapq.heappush(self._waiting, (rank, next(self._count), turn))
        return turn

    def left(self, turn: Turn) -> None:
        """It is over, or is not waited for any more."""
        if turn is not self._having:
            self._waiting = [wish for wish in self._waiting if wish[2] is not turn]
            heapq.heapify(self._waiting)
            return
        self._having = heapq.heappop(self._waiting)[2] if self._waiting else None
        if self._having is not None:
            self._having.come.set()


class Turn:
    """One wish. ``come`` is set when it may begin."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self.come = asyncio.Event()

    async def within(self, seconds: float) -> bool:
        """Wait for it so long; whether it has come."""
        try:
            async with asyncio.timeout(seconds):
                await self.come.wait()
        except TimeoutError:
            return False
        return True

    def leave(self) -> None:
        """Make place for the next. Idempotent."""
        self._turns.left(self)
