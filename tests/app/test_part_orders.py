"""What a person stops stays so until it is started again, and the house goes on. Virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from part_doubles import PartDouble, raising

from duologue.app.house.house import House
from duologue.app.models import PartState
from duologue.errors import InputError, PeerError
from duologue.settings import load_settings
from duologue.simulation.virtual_time import LoopClock, simulate


def played(scene: Callable[[House], Awaitable[None]], *parts: PartDouble, clock: LoopClock) -> Awaitable[House]:
    async def play() -> House:
        one = House(load_settings({"serve.show": False}), clock=clock, parts=parts)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(one.run())
            await asyncio.sleep(2)
            await scene(one)
            running.cancel()
        return one

    return play()


def test_a_part_that_is_stopped_ends_and_begins_when_it_is_started() -> None:
    async def story() -> None:
        clock = LoopClock()
        part, other = PartDouble("p", clock=clock), PartDouble("w", clock=clock)

        async def scene(one: House) -> None:
            assert one.direct_part("p", "stop").state is PartState.STOPPED
            await asyncio.sleep(300)
            [keeper, _] = one.keepers
            assert (keeper.state, keeper.reasons) == (PartState.STOPPED, ("it was stopped",))
            assert part.began == [0.0] and not part.up and other.up
            one.direct_part("p", "stop")  # again: nothing to do
            one.direct_part("p", "start")
            await asyncio.sleep(2)
            assert keeper.state is PartState.UP and keeper.restarts == 0

        one = await played(scene, part, other, clock=clock)
        assert part.began == [0.0, 302.0] and other.began == [0.0]
        assert [keeper.state for keeper in one.keepers] == [PartState.OVER, PartState.OVER]

    simulate(story(), limit=None)


def test_a_part_that_is_restarted_begins_when_it_has_ended() -> None:
    async def slow_end() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(3)

    async def story() -> None:
        clock = LoopClock()
        part = PartDouble("p", slow_end, clock=clock)

        async def scene(one: House) -> None:
            assert one.direct_part("p", "restart").state is PartState.RESTARTING
            await asyncio.sleep(1)
            assert one.keepers[0].state is PartState.RESTARTING
            await asyncio.sleep(4)
            assert one.keepers[0].state is PartState.UP

        await played(scene, part, clock=clock)
        assert part.began == [0.0, 5.0]

    simulate(story())


def test_a_part_that_waits_for_its_next_try_is_started_at_once() -> None:
    async def story() -> None:
        clock = LoopClock()
        part = PartDouble("p", *[raising(PeerError("no"))] * 3, clock=clock)

        async def scene(one: House) -> None:
            await asyncio.sleep(0.5)  # tries at 0, 1 and 3 s
            one.direct_part("p", "start")
            await asyncio.sleep(0.1)

        await played(scene, part, clock=clock)
        assert part.began == [0.0, 1.0, 2.5]

    simulate(story())


def test_what_goes_wrong_while_it_is_stopped_does_not_start_it() -> None:
    async def bad_end() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise PeerError("the recording could not be finished")

    async def story() -> None:
        clock = LoopClock()
        part = PartDouble("p", bad_end, clock=clock)

        async def scene(one: House) -> None:
            one.direct_part("p", "stop")
            await asyncio.sleep(100)
            assert one.keepers[0].state is PartState.STOPPED

        await played(scene, part, clock=clock)
        assert part.began == [0.0]

    simulate(story())


def test_a_part_that_will_not_end_is_told_to_be_ending() -> None:
    async def slow() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(5)

    async def story() -> None:
        clock = LoopClock()

        async def scene(one: House) -> None:
            assert one.direct_part("p", "stop").reasons == ("it is being stopped",)

        await played(scene, PartDouble("p", slow, clock=clock), clock=clock)

    simulate(story())


def test_a_house_ends_whose_part_is_stopped() -> None:
    async def story() -> None:
        clock = LoopClock()

        async def scene(one: House) -> None:
            one.direct_part("p", "stop")

        one = await played(scene, PartDouble("p", clock=clock), clock=clock)
        assert one.keepers[0].state is PartState.OVER

    simulate(story())


def test_what_has_failed_for_good_is_not_directed() -> None:
    async def story() -> None:
        clock = LoopClock()
        wrong = PartDouble("p", raising(InputError("there is no room 'x'")), clock=clock)

        async def scene(one: House) -> None:
            with pytest.raises(InputError, match="failed for good"):
                one.direct_part("p", "start")
            with pytest.raises(InputError, match="no part 'q'"):
                one.direct_part("q", "stop")

        await played(scene, wrong, PartDouble("w", clock=clock), clock=clock)

    simulate(story())
