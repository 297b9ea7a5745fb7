from __future__ import annotations

import asyncio

import pytest

from duologue.clock import MILLISECOND, SECOND, VirtualClock
from duologue.simulation.virtual_time import LoopClock, VirtualLoop, simulate
from duologue.telemetry.loop_lag import LIMIT, PERIOD, LagSummary, LoopLag


class BusyClock(LoopClock):
    """Of a process that computes all the time."""

    def cpu(self) -> int:
        return self.now()


async def watched(lag: LoopLag, held: int, until: int) -> None:
    """Until then (ns), and so long something holds the loop in the second period."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    loop.call_later(1.5 * PERIOD / SECOND, loop.stand_still, held / SECOND)
    with lag.watching():
        await asyncio.sleep(until / SECOND)


def test_late_wakes_are_counted() -> None:
    seen: list[tuple[float, bool]] = []
    for late in (3, 12):
        lag = LoopLag(BusyClock(), lambda lag, by_us: seen.append((round(lag / MILLISECOND, 3), by_us)))
        simulate(watched(lag, PERIOD // 2 + late * MILLISECOND, 3 * PERIOD + MILLISECOND))
        found = lag.take()
        assert (found.wakes, found.over, found.stalled) == (3, int(late > 5), 0)
        assert found.worst_ms == pytest.approx(late)
        assert lag.total_over == int(late > 5)
        assert lag.take() == LagSummary()
    assert seen == [(0, False), (3, False), (0, False), (0, False), (12, True), (0, False)]


def test_one_long_stall_is_one_late_wake_and_the_grid_goes_on_from_there() -> None:
    clock, seen = BusyClock(), list[tuple[int, int]]()
    lag = LoopLag(clock, lambda lag, _: seen.append((round(clock.now() / MILLISECOND), round(lag / MILLISECOND))))
    simulate(watched(lag, PERIOD // 2 + 500 * MILLISECOND, 720 * MILLISECOND))
    assert seen == [(50, 0), (600, 500), (650, 0), (700, 0)]


def test_nothing_is_looked_at_afterwards() -> None:
    async def scene() -> None:
        with lag.watching():
            await asyncio.sleep(1.5 * PERIOD / SECOND)
        await asyncio.sleep(5 * PERIOD / SECOND)

    lag = LoopLag(BusyClock())
    simulate(scene())
    assert lag.take().wakes == 1


def test_what_the_machine_did_is_told_from_what_we_did() -> None:
    lag = LoopLag(VirtualClock())
    lag.note(lag=40 * MILLISECOND, cpu=39 * MILLISECOND)
    lag.note(lag=40 * MILLISECOND, cpu=1 * MILLISECOND)
    lag.note(lag=LIMIT, cpu=0)
    assert lag.take() == LagSummary(wakes=3, over=2, stalled=1, worst_ms=40.0)
