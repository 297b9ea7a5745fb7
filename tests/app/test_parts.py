"""What a part of the house suffers is its own: whatever it raises, whenever, and also when it hangs. Virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest
from part_doubles import PartDouble, over, raising
from structlog.testing import capture_logs

from duologue.app.house import house as house_module
from duologue.app.house.house import House
from duologue.app.house.parts import Keeper, pause_after
from duologue.app.models import NoticeEvent, PartEvent, PartState
from duologue.clock import SECOND
from duologue.errors import InputError, PeerError
from duologue.settings import load_settings
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.telemetry.ledger import Entry, MachineRecord, PartRecord, WorkerRecord
from duologue.telemetry.stream import HOUSE

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

LONG = 600.0


class Odd(BaseException):
    """Neither an error nor a way to end a program."""


def house(*parts: PartDouble, clock: LoopClock, stuck: list[str] | None = None) -> House:
    named: list[str] = [] if stuck is None else stuck
    return House(load_settings({"serve.show": False}), clock=clock, parts=parts, stuck=named.extend)


async def watched(one: House, seconds: float) -> None:
    """Let it run for so long, then end it."""
    async with asyncio.TaskGroup() as group:
        running = group.create_task(one.run())
        await asyncio.sleep(seconds)
        running.cancel()


def test_pauses_double_up_to_a_minute() -> None:
    assert [pause_after(failures) // SECOND for failures in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert pause_after(100_000) == 60 * SECOND


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("boom"),
        PeerError("the stage is gone"),
        MemoryError(),
        ExceptionGroup("", [KeyError("x"), PeerError("y")]),
        asyncio.CancelledError(),  # its own, that nobody asked for
        SystemExit(3),
        Odd("odd"),
        BaseExceptionGroup("", [Odd("inside")]),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("after", [0.0, 150.0])
def test_whatever_a_part_raises_it_is_named_and_started_again_and_the_other_does_not_notice(
    error: BaseException, after: float
) -> None:
    async def story() -> None:
        clock = LoopClock()
        broken, well = PartDouble("broken", raising(error, after), clock=clock), PartDouble("well", clock=clock)
        one = house(broken, well, clock=clock)
        await watched(one, after + 10)
        assert broken.began == [0.0, after + 1.0] and well.began == [0.0]
        assert [keeper.restarts for keeper in one.keepers] == [1, 0]

    with capture_logs() as logged:
        simulate(story(), limit=None)
    [line] = [line for line in logged if line["event"] == "part.restarts"]
    assert line["part"] == "broken" and line["seconds"] == 1.0 and line["error"]
    foreseen = isinstance(error, PeerError)
    assert (line["exc_info"] is None) is foreseen


def test_failures_in_a_row_wait_longer_and_two_quiet_minutes_forgive_them() -> None:
    async def story() -> list[float]:
        clock = LoopClock()
        part = PartDouble(
            "p", *[raising(PeerError("no"))] * 4, raising(PeerError("late"), 119.0), raising(PeerError("later"), 121.0),
            clock=clock,
        )  # fmt: skip
        await watched(house(part, clock=clock), 500)
        return part.began

    # pauses of 1, 2, 4, 8 s; after 119 s of quiet still 16; after 121 again 1
    assert simulate(story()) == [0.0, 1.0, 3.0, 7.0, 15.0, 150.0, 272.0]


def test_what_cannot_be_is_not_tried_again_and_ends_the_house_only_if_it_is_all_there_is() -> None:
    async def story(others: int) -> list[PartState]:
        clock = LoopClock()
        wrong = PartDouble("wrong", raising(InputError("there is no room 'x'")), clock=clock)
        one = house(wrong, *(PartDouble(f"w{n}", clock=clock) for n in range(others)), clock=clock)
        if not others:
            with pytest.RaisesGroup(pytest.RaisesExc(InputError, match="no room 'x'")):
                await one.run()
        else:
            async with asyncio.TaskGroup() as group:
                running = group.create_task(one.run())
                await asyncio.sleep(100)
                seen = [keeper.state for keeper in one.keepers]
                assert one.keepers[0].view().reasons == ("it has failed, see the log",)
                running.cancel()
            return seen
        assert wrong.began == [0.0]
        return [keeper.state for keeper in one.keepers]

    assert simulate(story(0)) == [PartState.FAILED]
    assert simulate(story(1)) == [PartState.FAILED, PartState.UP]


def test_an_input_error_after_it_was_up_is_no_setting_that_cannot_be() -> None:
    async def story() -> list[float]:
        clock = LoopClock()
        part = PartDouble("p", raising(InputError("the film is gone"), LONG), clock=clock)
        await watched(house(part, clock=clock), LONG + 10)
        return part.began

    assert simulate(story(), limit=None) == [0.0, LONG + 1.0]


def test_a_house_is_over_when_all_its_parts_are() -> None:
    async def story() -> list[PartState]:
        clock = LoopClock()
        one = house(PartDouble("a", over, clock=clock), PartDouble("b", over, clock=clock), clock=clock)
        await one.run()
        return [keeper.state for keeper in one.keepers]

    assert simulate(story()) == [PartState.OVER, PartState.OVER]


def test_a_house_without_a_part_is_refused_with_a_remedy() -> None:
    with pytest.raises(InputError, match="nothing is switched on") as refused:
        House(load_settings({"serve.show": False}))
    assert "[serve]" in refused.value.remedy


def test_the_readers_of_its_topic_are_told_and_no_others() -> None:
    async def story() -> tuple[list[object], list[object]]:
        clock = LoopClock()
        part = PartDouble("line", raising(RuntimeError("boom"), 5.0), clock=clock)
        one = house(part, PartDouble("talk", clock=clock), clock=clock)
        line, talk = (one.bus.subscribe(frozenset({topic})) for topic in ("line", "talk"))
        await watched(one, 20)
        return [event async for event in line], [event async for event in talk]

    line, talk = simulate(story())
    states = [event.part.state.value for event in line if isinstance(event, PartEvent)]
    assert states == ["starting", "up", "restarting", "up"]
    [notice] = [event.notice for event in line if isinstance(event, NoticeEvent)]
    assert "line has failed: RuntimeError: boom" in notice.text and notice.remedy
    assert {event.part.name for event in talk if isinstance(event, PartEvent)} == {"talk"}
    assert not [event for event in talk if isinstance(event, NoticeEvent)]


async def hang_once() -> None:
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.Event().wait()


def deaf(seconds: float) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        left = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < left:
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                continue

    return run


def test_a_part_that_hangs_when_it_closes_is_named_and_told_again_and_the_others_have_closed_long_since() -> None:
    closed: list[float] = []

    async def tidy() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(1.0)
            closed.append(asyncio.get_running_loop().time())

    async def story() -> float:
        clock = LoopClock()
        stuck: list[str] = []
        one = house(
            PartDouble("hangs", hang_once, clock=clock), PartDouble("tidy", tidy, clock=clock), clock=clock, stuck=stuck
        )
        await watched(one, 10)
        assert stuck == []
        return clock.now() / SECOND

    with capture_logs() as logged:
        assert simulate(story()) == 10 + house_module.CLOSING_SECONDS
    assert closed == pytest.approx([11.0])
    assert [(line["parts"], line["given_up"]) for line in logged if line["event"] == "part.hangs"] == [
        (["hangs"], False)
    ]


def test_a_part_that_will_not_hear_is_told_to_whoever_owns_the_process() -> None:
    async def story() -> list[str]:
        clock = LoopClock()
        stuck: list[str] = []
        one = house(
            PartDouble("deaf", deaf(4000), clock=clock), PartDouble("well", clock=clock), clock=clock, stuck=stuck
        )
        await watched(one, 10)
        return stuck

    assert simulate(story()) == ["deaf"]


def test_what_goes_wrong_while_it_ends_is_named_and_ends_nobody_else() -> None:
    async def bad_end() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise PeerError("the recording could not be finished")

    async def story() -> list[PartState]:
        clock = LoopClock()
        one = house(PartDouble("p", bad_end, clock=clock), PartDouble("w", clock=clock), clock=clock)
        await watched(one, 5)
        return [keeper.state for keeper in one.keepers]

    with capture_logs() as logged:
        assert simulate(story()) == [PartState.OVER, PartState.OVER]
    assert [line["error"] for line in logged if line["event"] == "part.ended_badly"] == [
        "the recording could not be finished."
    ]


def test_a_part_that_is_up_stays_so_while_it_would_serve_nobody_and_says_why() -> None:
    async def story() -> None:
        clock = LoopClock()
        part = PartDouble("p", clock=clock)
        one = house(part, clock=clock)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(one.run())
            await asyncio.sleep(2)
            part.up = False
            [keeper] = one.keepers
            assert keeper.state is PartState.UP and keeper.reasons == ("it is being set up",)
            assert b'duologue_part_up{part="p"} 0.0' in one.metrics()
            running.cancel()

    simulate(story())


def test_a_part_that_cannot_say_how_it_is_ends_nobody() -> None:
    class Confused(PartDouble):
        def ready(self) -> Sequence[str]:
            raise ZeroDivisionError("how should I know")

    async def story() -> None:
        clock = LoopClock()
        one = house(Confused("p", clock=clock), well := PartDouble("w", clock=clock), clock=clock)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(one.run())
            await asyncio.sleep(5)
            assert [keeper.state for keeper in one.keepers] == [PartState.STARTING, PartState.UP]
            assert "how should I know" in one.keepers[0].reasons[0] and well.began == [0.0]
            running.cancel()

    simulate(story())


def test_a_keeper_says_when_its_part_is_started_again() -> None:
    async def story() -> None:
        clock = LoopClock(start=0)
        keeper = Keeper(PartDouble("p", *[raising(PeerError("no"))] * 3, clock=clock), clock)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(keeper.run())
            await asyncio.sleep(1.5)
            view = keeper.view()
            assert (view.state, view.failure, view.restarts, view.due) == (PartState.RESTARTING, "no.", 2, 3000.0)
            assert view.reasons == ("it is started again: no.",)
            running.cancel()

    simulate(story())


def test_what_a_part_suffers_is_in_the_ledger_as_that_parts_and_no_workers() -> None:
    async def scene() -> list[Entry]:
        clock = LoopClock()
        part = PartDouble("frail", raising(PeerError("the line is dead"), after=3.5), clock=clock)
        one, told = house(part, clock=clock), list[Entry]()
        one.ledger.watch(told.append)
        await watched(one, 60.0)
        return told

    told = simulate(scene())
    assert not [entry for entry in told if isinstance(entry.record, WorkerRecord)]
    parts = [entry for entry in told if isinstance(entry.record, PartRecord)]
    assert {entry.of for entry in parts} == {"frail"}
    assert [entry.record for entry in parts] == [
        PartRecord("frail", "starting"),
        PartRecord("frail", "up"),
        PartRecord("frail", "restarting", "the line is dead.", 1),
        PartRecord("frail", "up", restarts=1),
    ]


def test_a_house_without_a_show_measures_the_machine_once_a_second() -> None:
    async def scene() -> tuple[list[Entry], bytes]:
        clock = LoopClock()
        one, told = house(PartDouble("talk", clock=clock), clock=clock), list[Entry]()
        one.ledger.watch(told.append)
        await watched(one, 10.5)
        return told, one.metrics()

    told, metrics = simulate(scene())
    found = [entry for entry in told if isinstance(entry.record, MachineRecord)]
    assert len(found) == 10 and {entry.of for entry in found} == {HOUSE}
    assert all(isinstance(entry.record, MachineRecord) and entry.record.rss_mb["main"] > 0 for entry in found)
    assert b'duologue_process_resident_bytes{process="main"}' in metrics
    assert b"duologue_loop_lag_seconds_count 0.0" not in metrics
