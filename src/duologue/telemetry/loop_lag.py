"""How late the event loop wakes: something held it, or the machine did not run us."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from duologue.clock import MILLISECOND, SYSTEM_CLOCK, Clock, milliseconds

PERIOD = 40 * MILLISECOND
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
    """Wakes on an absolute grid and notes how late. Run :meth:`run` on the loop to be watched.

    ``observe`` gets each lag (ns) and whether work of ours held the loop over the limit, for metrics.
    """

    def __init__(self, clock: Clock = SYSTEM_CLOCK, observe: Callable[[int, bool], None] | None = None) -> None:
        self._clock = clock
        self._observe = observe
        self._wakes = self._over = self._stalled = self._worst = 0
        self.total_over = 0

    async def run(self) -> None:
        """Until cancelled."""
        due, cpu = self._clock.now(), self._clock.cpu()
        while True:
            # After a long stall take up the grid where it is now: one stall is one late wake, not many.
            due = max(due + PERIOD, self._clock.now())
            await self._clock.wait_until(due)
            lag, before, cpu = self._clock.now() - due, cpu, self._clock.cpu()
            self.note(lag, cpu - before)

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
