from __future__ import annotations

import asyncio

from duologue.clock import MILLISECOND, SECOND
from duologue.simulation.virtual_time import LoopClock, VirtualLoop, simulate
from duologue.telemetry.loop_lag import LIMIT, MOST, PERIOD, Lag, LoopLag


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


def in_ms(lags: list[Lag]) -> list[tuple[int, bool, bool]]:
    return [(round(lag.late / MILLISECOND), lag.over, lag.held) for lag in lags]


def test_late_wakes_are_told_once() -> None:
    for late, over in ((3, False), (12, True)):
        looked: list[int] = []
        lag = LoopLag(BusyClock(), lambda looked=looked: looked.append(1))
        simulate(watched(lag, PERIOD // 2 + late * MILLISECOND, 3 * PERIOD + MILLISECOND))
        assert in_ms(lag.take()) == [(0, False, False), (late, over, over), (0, False, False)]
        assert len(looked) == 3 and not lag.take()


def test_one_long_stall_is_one_late_wake_and_the_grid_goes_on_from_there() -> None:
    clock, at = BusyClock(), list[int]()
    lag = LoopLag(clock, lambda: at.append(round(clock.now() / MILLISECOND)))
    simulate(watched(lag, PERIOD // 2 + 500 * MILLISECOND, 870 * MILLISECOND))
    assert at == [100, 700, 800]
    assert [late for late, _, _ in in_ms(lag.take())] == [0, 500, 0]


def test_nothing_is_looked_at_afterwards() -> None:
    async def scene() -> None:
        with lag.watching():
            await asyncio.sleep(1.5 * PERIOD / SECOND)
        await asyncio.sleep(5 * PERIOD / SECOND)

    lag = LoopLag(BusyClock())
    simulate(scene())
    assert len(lag.take()) == 1


def test_what_nobody_takes_is_bounded() -> None:
    lag = LoopLag(BusyClock())
    simulate(watched(lag, 0, (MOST + 10) * PERIOD))
    assert len(lag.take()) == MOST


def test_what_the_machine_did_is_told_from_what_we_did() -> None:
    assert Lag(late=40 * MILLISECOND, used=39 * MILLISECOND).held
    assert not Lag(late=40 * MILLISECOND, used=1 * MILLISECOND).held
    assert not Lag(late=LIMIT, used=LIMIT).over
