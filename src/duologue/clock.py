"""The only reader of time.

Inside the house time is an ``int`` of monotonic nanoseconds; wall time exists only to stamp what leaves it (a log
line, a report, a playlist). Cores import only the units from here: they take ``now`` as an argument and return their
next deadline. The shells around them hold a :class:`Clock`, so that the same shell runs on :class:`VirtualClock` in a
simulation.
"""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

MILLISECOND = 1_000_000
"""Nanoseconds in a millisecond."""
SECOND = 1_000_000_000
"""Nanoseconds in a second."""


class Clock(Protocol):
    """A source of monotonic time and of waiting."""

    def now(self) -> int:
        """Monotonic time in nanoseconds; comparable between the processes of one machine."""
        ...

    def wall(self) -> int:
        """Unix time in nanoseconds, for stamps only. Never subtract two of them."""
        ...

    def cpu(self) -> int:
        """CPU time of this process so far (ns): what tells our own slowness from a machine that did not run us."""
        ...

    def sleep_until(self, deadline: int) -> None:
        """Block this thread until ``now() >= deadline`` (ns). Returns at once when that has passed."""
        ...

    async def wait_until(self, deadline: int) -> None:
        """The same for a task: other tasks go on meanwhile."""
        ...


class SystemClock:
    """The machine's clock (``CLOCK_MONOTONIC``, which on Linux is one for all processes)."""

    def now(self) -> int:
        return time.monotonic_ns()

    def wall(self) -> int:
        return time.time_ns()

    def cpu(self) -> int:
        return time.process_time_ns()

    def sleep_until(self, deadline: int) -> None:
        while (left := deadline - time.monotonic_ns()) > 0:
            time.sleep(left / SECOND)

    async def wait_until(self, deadline: int) -> None:
        await asyncio.sleep(max(0, deadline - time.monotonic_ns()) / SECOND)


class VirtualClock:
    """Time that moves only when somebody waits: an hour passes in no time, and always in the same way.

    ``start`` and ``epoch`` are nanoseconds (monotonic and Unix).
    """

    def __init__(self, start: int = 0, epoch: int = 1_700_000_000 * SECOND) -> None:
        self._now = start
        self._epoch = epoch - start

    def now(self) -> int:
        return self._now

    def wall(self) -> int:
        return self._epoch + self._now

    def cpu(self) -> int:
        return self._now

    def advance(self, nanoseconds: int) -> None:
        """Move time forward."""
        self._now += nanoseconds

    def sleep_until(self, deadline: int) -> None:
        self._now = max(self._now, deadline)

    async def wait_until(self, deadline: int) -> None:
        self._now = max(self._now, deadline)
        await asyncio.sleep(0)


class SteadyClock:
    """Another clock whose wall time is read once, when this is made, and then counted on by its monotonic time.

    What is stamped with it stays in order, and in step with a programme's own time, when the machine's clock is set.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._epoch = clock.wall() - clock.now()

    def now(self) -> int:
        return self._clock.now()

    def wall(self) -> int:
        return self._epoch + self._clock.now()

    def cpu(self) -> int:
        return self._clock.cpu()

    def sleep_until(self, deadline: int) -> None:
        self._clock.sleep_until(deadline)

    async def wait_until(self, deadline: int) -> None:
        await self._clock.wait_until(deadline)


SYSTEM_CLOCK: Clock = SystemClock()
"""The default for shells."""


def milliseconds(nanoseconds: int) -> float:
    """Nanoseconds as milliseconds, for records and messages."""
    return nanoseconds / MILLISECOND
