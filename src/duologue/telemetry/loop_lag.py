"""How late the event loop wakes: something held it, or the machine did not run us."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

from duologue.clock import MILLISECOND, SECOND, SYSTEM_CLOCK, Clock, milliseconds

PERIOD = 50 * MILLISECOND
"""Of the grid. To wake a program that sleeps costs a tenth of a millisecond of CPU: most of what watching it costs."""
LIMIT = 5 * MILLISECOND
"""A loop that wakes later than this was held too long."""


@dataclass(frozen=True, slots=True)
class LagSummary:
    """Some wake-ups: how many, how many over :data:`LIMIT`, of those how many while the process itself got little CPU.

    ``stalled`` ones are the machine's doing (or a blocking call); the others are work of ours on the loop, or a busy
    thread.
    """

    wakes: int = 0
    over: int = 0
    stalled: int = 0
    worst_ms: float = 0.0


class LoopLag:
    """Wakes on an absolute grid and notes how late, :meth:`watching` the loop that runs.

    ``observe`` gets each lag (ns) and whether work of ours held the loop over the limit, for metrics. A timer wakes it
    and no task: that would be a second turn of the loop for each look, a fifth of what one costs.
    """

    def __init__(self, clock: Clock = SYSTEM_CLOCK, observe: Callable[[int, bool], None] | None = None) -> None:
        self._clock = clock
        self._observe = observe
        self._wakes = self._over = self._stalled = self._worst = 0
        self._due = self._cpu = 0
        self._timer: asyncio.TimerHandle | None = None
        self.total_over = 0

    @contextmanager
    def watching(self) -> Generator[None]:
        """The loop is looked at inside."""
        self._due, self._cpu = self._clock.now(), self._clock.cpu()
        self._wait(asyncio.get_running_loop())
        try:
            yield
        finally:
            if self._timer is not None:
                self._timer.cancel()

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        """For the next point of the grid, which begins anew where one was missed: one stall is one late wake."""
        now, following = self._clock.now(), self._due + PERIOD
        self._due = following if following > now else now + PERIOD
        self._timer = loop.call_later((self._due - now) / SECOND, self._wake, loop)

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        lag, before, self._cpu = self._clock.now() - self._due, self._cpu, self._clock.cpu()
        self._wait(loop)
        self.note(lag, self._cpu - before)

    def note(self, lag: int, cpu: int) -> None:
        """A wake-up came ``lag`` ns late, and the process used ``cpu`` ns since the one before."""
        over, stalled = lag > LIMIT, cpu < lag // 2
        self._wakes += 1
        self._worst = max(self._worst, lag)
        if over:
            self.total_over += 1
            self._over += 1
            self._stalled += stalled
        if self._observe is not None:
            self._observe(max(0, lag), over and not stalled)

    def take(self) -> LagSummary:
        """The wake-ups since the last call."""
        summary = LagSummary(self._wakes, self._over, self._stalled, milliseconds(self._worst))
        self._wakes = self._over = self._stalled = self._worst = 0
        return summary
