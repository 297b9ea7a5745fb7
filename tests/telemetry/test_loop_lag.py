from __future__ import annotations

import asyncio

from duologue.clock import MILLISECOND, VirtualClock
from duologue.telemetry.loop_lag import LIMIT, PERIOD, LagSummary, LoopLag


class Held(VirtualClock):
    """A loop that wakes late by what the script says, and then stands still."""

    def __init__(self, delays: list[int]) -> None:
        super().__init__()
        self.delays = delays
        self.done = asyncio.Event()

    async def wait_until(self, deadline: int) -> None:
        if not self.delays:
            self.done.set()
            await asyncio.Event().wait()
        await super().wait_until(deadline + self.delays.pop(0))


async def watch(clock: Held, lag: LoopLag) -> None:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(lag.run())
        await clock.done.wait()
        task.cancel()


async def test_late_wakes_are_counted() -> None:
    clock = Held([0, 3 * MILLISECOND, 12 * MILLISECOND, 0])
    seen: list[tuple[int, bool]] = []
    lag = LoopLag(clock, lambda late, held: seen.append((late, held)))
    await watch(clock, lag)
    assert lag.take() == LagSummary(wakes=4, over=1, stalled=0, worst_ms=12.0)
    assert seen == [(0, False), (3 * MILLISECOND, False), (12 * MILLISECOND, True), (0, False)]
    assert lag.total_over == 1
    assert lag.take() == LagSummary()


async def test_one_long_stall_is_one_late_wake_and_the_grid_goes_on_from_there() -> None:
    clock = Held([500 * MILLISECOND, 0, 0])
    lag = LoopLag(clock)
    await watch(clock, lag)
    assert lag.take().over == 1
    assert clock.now() == PERIOD + 500 * MILLISECOND + PERIOD


def test_what_the_machine_did_is_told_from_what_we_did() -> None:
    lag = LoopLag(VirtualClock())
    lag.note(lag=40 * MILLISECOND, cpu=39 * MILLISECOND)
    lag.note(lag=40 * MILLISECOND, cpu=1 * MILLISECOND)
    lag.note(lag=LIMIT, cpu=0)
    assert lag.take() == LagSummary(wakes=3, over=2, stalled=1, worst_ms=40.0)
