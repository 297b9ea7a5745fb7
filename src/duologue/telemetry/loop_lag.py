"""How late the event loop wakes: something held it, or the machine did not run us."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

from duologue.clock import MILLISECOND, SECOND, SYSTEM_CLOCK, Clock

PERIOD = 100 * MILLISECOND
"""Of the grid. To wake a program that sleeps costs a tenth of a millisecond of CPU: most of what watching it costs. Who
was kept waiting is told by what it waited for, however short that was (:mod:`duologue.telemetry.turns`).
"""
LIMIT = 5 * MILLISECOND
"""A loop that wakes later than this was held too long."""
MOST = 1000
"""Wake-ups that wait to be taken; the oldest go."""


@dataclass(frozen=True, slots=True)
class Lag:
    """A wake-up: how ``late`` it was, and how much CPU the process ``used`` since the one before (ns)."""

    late: int
    used: int

    @property
    def over(self) -> bool:
        """Too late."""
        return self.late > LIMIT

    @property
    def held(self) -> bool:
        """Too late by work of ours on the loop, or by a busy thread: not by a machine that gave us little CPU, nor by a
        call that blocks.
        """
        return self.over and self.used >= self.late // 2


class LoopLag:
    """Wakes on an absolute grid and notes how late, :meth:`watching` the loop that runs; ``woke`` is called then.

    A timer wakes it and no task: that would be a second turn of the loop for each look, a fifth of what one costs.
    """

    def __init__(self, clock: Clock = SYSTEM_CLOCK, woke: Callable[[], None] = lambda: None) -> None:
        self._clock = clock
        self._woke = woke
        self._lags: deque[Lag] = deque(maxlen=MOST)
        self._due = self._cpu = 0
        self._timer: asyncio.TimerHandle | None = None

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

    def take(self) -> list[Lag]:
        """The wake-ups since the last call, the newest :data:`MOST` of them."""
        found = [*self._lags]
        self._lags.clear()
        return found

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        """For the next point of the grid, which begins anew where one was missed: one stall is one late wake."""
        now, following = self._clock.now(), self._due + PERIOD
        self._due = following if following > now else now + PERIOD
        self._timer = loop.call_later((self._due - now) / SECOND, self._wake, loop)

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        before, self._cpu = self._cpu, self._clock.cpu()
        self._lags.append(Lag(self._clock.now() - self._due, self._cpu - before))
        self._wait(loop)
        self._woke()
