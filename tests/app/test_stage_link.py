"""The link to the stage: one ordered queue, poison dropped and named, and nothing that ends it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

import pytest
from stage_doubles import FORMAT, Theatre, line

from duologue.app.show import stage_link
from duologue.clock import SECOND
from duologue.errors import InputError, InternalError, PeerError
from duologue.stage.messages import (
    Announce,
    Baked,
    Cut,
    Dropped,
    Encoded,
    Handled,
    Handling,
    LightsKept,
    SayUtterance,
    SetLights,
    ShowTv,
    Shutdown,
    StageFailed,
    StagePlan,
    StreamRun,
    TvState,
    UtteranceEnded,
    UtteranceStarted,
    UtteranceWithdrawn,
    WithdrawUtterance,
)
from duologue.stage.motion.pose import Daylight, Lights
from duologue.supervision import WorkerPhase
from duologue.telemetry.ledger import GovernorStep, SkipRecord, StepRecord


@contextlib.asynccontextmanager
async def theatre() -> AsyncGenerator[Theatre]:
    house = Theatre()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(house.link.run())
        try:
            yield house
        finally:
            for child in house.children:
                child.open.set()
                child.die()
            running.cancel()


async def test_a_new_stage_is_told_its_state_first_and_then_what_is_to_be_said() -> None:
    async with theatre() as house:
        await house.settle()
        house.child.ready()
        await house.link.play(line("a"), 300)
        await house.link.show_tv(Path("film.mp4"))
        await house.link.set_lights(Lights(Daylight.NIGHT))
        await house.link.announce("Soon")
        await house.link.play(line("b"), 300)
        await house.settle()
        house.child.die()
        sent = (await house.next_child()).sent
        assert isinstance(sent[0], StagePlan)
        assert sent[0].lights == Lights(Daylight.NIGHT)
        assert [type(message) for message in sent[1:]] == [ShowTv, Announce, SayUtterance, SayUtterance]
        assert house.child.said == ["a", "b"]


async def test_what_is_asked_while_a_stage_comes_up_follows_what_it_must_know() -> None:
    async with theatre() as house:
        await house.settle()
        house.child.ready()
        await house.link.play(line("a"), 0)
        await house.settle()
        house.shut = True
        house.child.die()
        child = await house.next_child()
        await house.link.play(line("b"), 0)
        await house.link.announce("Late")
        assert child.sent == []
        child.open.set()
        await house.settle()
        assert [type(message) for message in child.sent] == [StagePlan, SayUtterance, SayUtterance, Announce]
        assert child.said == ["a", "b"]


MOMENTS = ("no stage", "not read", "plan read", "said", "ready", "begun", "dead")


@pytest.mark.parametrize("order", ["cut", "clear"])
@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_stop_at_any_moment_of_a_restart_is_kept(moment: str, order: str) -> None:
    async with theatre() as house:
        await house.settle()
        first = house.child
        first.ready()
        await house.link.play(line("a"), 0)
        await house.settle()
        first.report(UtteranceStarted("a", 0))
        await house.settle()
        house.shut = moment in ("not read", "plan read")
        if moment == "no stage":
            house.hold.clear()
        child = first
        if moment != "dead":
            first.die()
            await house.settle()
            child = house.child if moment != "no stage" else first
        if moment == "plan read":
            child.open.set()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        if moment in ("ready", "begun"):
            child.ready()
            await house.settle()
        if moment == "begun":
            child.report(UtteranceStarted("a", 1000))
            await house.settle()
        await (house.link.cut(("a",)) if order == "cut" else house.link.clear())
        if moment == "dead":
            first.die()
        house.hold.set()
        await house.settle()
        house.child.open.set()
        await house.settle()
        newest = house.child
        assert newest is not first
        assert newest.said == [] or isinstance(newest.sent[-1], Cut)
        newest.die()
        last = await house.next_child()
        assert last.said == []
        assert house.heard.ended == ["a"] or order == "clear"
        assert len(house.heard.ended) <= 1


async def test_what_was_not_sent_yet_is_taken_back_at_once() -> None:
    async with theatre() as house:
        house.shut = True
        await house.settle()
        await house.link.play(line("a"), 0)
        await house.link.play(line("b"), 0)
        assert await house.link.withdraw("a")
        house.child.open.set()
        await house.settle()
        assert house.child.said == ["b"]
        assert not any(isinstance(message, WithdrawUtterance) for message in house.child.sent)


async def test_only_the_newest_light_film_and_announcement_wait_to_be_sent() -> None:
    async with theatre() as house:
        house.shut = True
        await house.settle()
        for number in range(10):
            await house.link.set_lights(Lights(lamp=bool(number % 2)))
            await house.link.show_tv(Path(f"{number}.mp4"))
            await house.link.announce(str(number))
        house.child.open.set()
        await house.settle()
        cues = house.child.sent[1:]
        assert cues == [SetLights(Lights(lamp=True)), ShowTv(Path("9.mp4")), Announce("9")]


async def test_a_withdrawal_is_answered_by_the_stage_or_by_its_death() -> None:
    async with theatre() as house:
        await house.settle()
        house.child.ready()
        for name in "ab":
            await house.link.play(line(name), 0)
        await house.settle()
        async with asyncio.TaskGroup() as group:
            refused = group.create_task(house.link.withdraw("a"))
            await house.settle()
            house.child.report(UtteranceWithdrawn("a", False))
            await house.settle()
            died = group.create_task(house.link.withdraw("b"))
            await house.settle()
            house.child.die()
        await house.settle()
        assert (refused.result(), died.result()) == (False, True)
        assert (len(house.children), house.child.said) == (2, ["a"])


@pytest.mark.parametrize("dies", [False, True])
async def test_what_is_withdrawn_for_who_has_left_is_told_to_those_who_count_on_it(dies: bool) -> None:
    """A token that is revoked cancels its request: the clip was gone, and the queue of clips waited for it for good."""
    async with theatre() as house:
        await house.settle()
        house.child.ready()
        await house.link.play(line("a"), 0)
        await house.settle()
        leaves = asyncio.get_running_loop().create_task(house.link.withdraw("a"))
        await house.settle()
        leaves.cancel()
        await house.settle()
        if dies:
            house.child.die()
        else:
            house.child.report(UtteranceWithdrawn("a", True))
        await house.settle()
        assert house.heard.ended == ["a"] and house.link.queued("a") is None


# Poison


async def test_a_line_that_cannot_be_said_is_dropped_and_named_and_nothing_else_suffers() -> None:
    async with theatre() as house:
        await house.settle()
        house.child.ready()
        await house.link.play(line("a"), 0)
        await house.link.play(line("b"), 0)
        await house.settle()
        house.child.report(Handling("a"), Dropped("a", "ValueError: no such speaker"))
        await house.settle()
        assert (house.heard.ended, house.heard.failures) == (["a"], ["ValueError: no such speaker"])
        assert "no such speaker" in house.heard.troubles[0]
        house.child.die()
        assert (await house.next_child()).said == ["b"]


@pytest.mark.parametrize("when", ["prepared", "heard"])
async def test_a_line_at_which_the_stage_died_twice_is_dropped_and_named(when: str) -> None:
    async with theatre() as house:
        await house.settle()
        await house.link.play(line("good"), 0)
        await house.link.play(line("bad", "The poison."), 0)
        for _ in range(2):
            house.child.ready()
            house.child.report(Handling("good"), Handled("good"))
            house.child.report(Handling("bad"))
            if when == "heard":
                house.child.report(Handled("bad"), UtteranceStarted("bad", 9))
            await house.settle()
            house.child.die()
            await house.next_child()
        assert house.child.said == ["good"]
        assert (house.heard.ended, house.heard.failures) == (["bad"], ["the stage died twice at it"])
        assert "The poison." in house.heard.troubles[0]
        assert house.link.restarts == 2


async def test_a_film_goes_before_the_words_spoken_beside_it() -> None:
    async with theatre() as house:
        await house.settle()
        await house.link.show_tv(Path("crash.mkv"))
        await house.link.play(line("a"), 0)
        for _ in range(2):
            house.child.ready()
            house.child.report(UtteranceStarted("a", 9))
            await house.settle()
            house.child.die()
            await house.next_child()
        assert not any(isinstance(message, ShowTv) for message in house.child.sent)
        assert house.child.said == ["a"]
        assert house.heard.tv == [""]
        assert "crash.mkv" in house.heard.troubles[0]


async def test_a_new_stage_is_told_of_the_film_that_was_on_and_not_of_one_that_failed() -> None:
    night, broken, gone = Path("night.mp4"), Path("broken.mp4"), Path("gone.mp4")
    async with theatre() as house:
        await house.settle()
        house.child.ready()
        await house.link.show_tv(night)
        await house.settle()
        house.child.report(TvState(night))
        await house.link.show_tv(broken)
        await house.settle()
        house.child.report(TvState(night, failed=broken))  # it plays on
        await house.settle()
        house.child.die()
        assert ShowTv(night) in (await house.next_child()).sent
        house.child.ready()
        await house.settle()
        assert house.heard.tv == ["night", "night"]
        await house.link.show_tv(gone)
        house.child.report(TvState(None, failed=night))  # broke off before the next one was open, which is still wanted
        await house.settle()
        house.child.die()
        assert ShowTv(gone) in (await house.next_child()).sent
        house.child.ready()
        house.child.report(TvState(None, failed=gone))
        await house.settle()
        house.child.die()
        assert not any(isinstance(message, ShowTv) for message in (await house.next_child()).sent)


async def test_a_light_is_taken_back_and_an_announcement_too() -> None:
    async with theatre() as house:
        await house.settle()
        house.child.ready()
        await house.settle()
        await house.link.set_lights(Lights(Daylight.NIGHT))
        for _ in range(2):
            house.child.die()
            await house.next_child()
        plan = house.child.sent[0]
        assert isinstance(plan, StagePlan)
        assert plan.lights == Lights()
        assert house.heard.lights == [Lights()]
        await house.link.announce("boom")
        for _ in range(2):
            house.child.ready()
            await house.settle()
            house.child.die()
            await house.next_child()
        assert not any(isinstance(message, Announce) for message in house.child.sent)
        assert "boom" in house.heard.troubles[-1]
        assert house.heard.captions == [""]


async def test_a_light_that_cannot_be_made_is_taken_back_everywhere() -> None:
    async with theatre() as house:
        await house.settle()
        house.child.ready()
        await house.settle()
        await house.link.set_lights(Lights(Daylight.NIGHT))
        house.child.report(LightsKept(Lights()))
        await house.settle()
        assert house.heard.lights == [Lights()]
        house.child.die()
        plan = (await house.next_child()).sent[0]
        assert isinstance(plan, StagePlan) and plan.lights == Lights()


async def test_a_light_that_was_baked_is_no_suspect() -> None:
    async with theatre() as house:
        await house.settle()
        house.child.ready()
        await house.settle()
        await house.link.set_lights(Lights(Daylight.NIGHT))
        house.child.report(Baked("lights night", 700.0))
        for _ in range(3):
            await house.settle()
            house.child.die()
            await house.next_child()
            house.child.ready()
        assert house.heard.lights == []


async def test_a_plan_that_is_refused_ends_a_show_that_is_not_on_air_yet() -> None:
    house = Theatre()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(_error_of(house))
        await house.settle()
        house.child.report(StageFailed("3 characters do not fit", "cast", "Choose fewer.", refused=True))
    error = running.result()
    assert isinstance(error, InputError)
    assert error.where == "cast"
    assert len(house.children) == 1


async def _error_of(house: Theatre) -> BaseException:
    try:
        await house.link.run()
    except InputError as error:
        return error
    raise AssertionError("it never ends without an error")


async def test_once_on_air_it_is_tried_again_and_named() -> None:
    async with theatre() as house:
        await house.settle()
        house.child.ready()
        await house.settle()
        house.child.die()
        for _ in range(3):
            child = await house.next_child()
            child.report(StageFailed("room.toml is gone", "room", "Put it back.", refused=True))
        (await house.next_child()).ready()
        await house.settle()
        assert house.link.ready.is_set()
        assert [error.what for error in house.heard.died[1:]] == ["room.toml is gone"] * 3


# Nothing ends it


async def test_an_error_of_ours_in_packaging_is_the_end_of_a_stage_and_not_of_the_show() -> None:
    async with theatre() as house:
        await house.settle()
        house.child.ready()
        await house.settle()
        house.outlet.broken = InternalError("the sound ends at sample 5")
        house.child.report(Encoded(()))
        child = await house.next_child()
        child.ready()
        await house.settle()
        assert house.outlet.begun == [FORMAT, FORMAT]
        assert "the sound ends" in str(house.heard.died[0])


async def test_a_fork_that_fails_is_tried_again_with_growing_pauses() -> None:
    house = Theatre()
    house.fork_fails = 6
    async with asyncio.TaskGroup() as group:
        running = group.create_task(house.link.run())
        await house.next_child()
        assert house.link.restarts == 6
        assert "Resource temporarily unavailable" in str(house.heard.died[0])
        assert house.clock.now() == (0 + 100 + 200 + 400 + 800 + 1600) * SECOND // 1000
        house.child.die()
        running.cancel()


async def test_whatever_is_raised_beside_it_another_stage_follows() -> None:
    async with theatre() as house:
        await house.settle()
        house.outlet.broken = KeyError("what nobody expected")
        house.child.ready()
        house.child.report(Encoded(()))
        await house.next_child()
        assert isinstance(house.heard.died[0], PeerError)
        assert "what nobody expected" in str(house.heard.died[0])


async def test_a_stage_that_is_silent_is_killed_and_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage_link, "SILENT_LIMIT", 0.01)
    async with theatre() as house:
        await house.settle()
        stuck = house.child
        stuck.ready()
        house.grown.clear()
        async with asyncio.timeout(5):
            await house.grown.wait()
        assert stuck.killed and stuck.closed
        assert "no sign of life" in str(house.heard.died[0])


async def test_steps_skips_and_changes_of_format_are_passed_on() -> None:
    async with theatre() as house:
        await house.settle()
        house.child.ready()
        step, skip = (
            StepRecord(1, 30, GovernorStep.TV, GovernorStep.FULL, 790.0, "why"),
            SkipRecord(2, 100, 150, 1600.0),
        )
        small = replace(FORMAT, width=160, height=90)
        house.child.report(step, skip, StreamRun(small, 150))
        await house.settle()
        assert (house.heard.steps, house.heard.skips) == ([step], [skip])
        assert house.outlet.begun == [FORMAT, small]


async def test_what_ended_is_not_said_again() -> None:
    async with theatre() as house:
        await house.settle()
        house.child.ready()
        await house.link.play(line("a"), 0)
        await house.settle()
        house.child.report(UtteranceStarted("a", 0), UtteranceEnded("a", 4800, 4800))
        await house.settle()
        house.child.die()
        assert (await house.next_child()).said == []
        assert house.heard.ended == ["a"]


# A restart on request


async def test_a_stage_that_is_restarted_on_request_ends_its_line_and_leaves_and_the_next_line_is_the_next_ones() -> (
    None
):
    async with theatre() as house:
        await house.settle()
        first = house.child
        first.ready()
        for name in "ab":
            await house.link.play(line(name), 0)
        await house.settle()
        first.report(UtteranceStarted("a", 0))
        await house.settle()
        async with asyncio.TaskGroup() as group:
            restart = group.create_task(house.link.worker.restart())
            await house.settle()
            assert not restart.done() and first.said == ["a", "b"]
            first.report(UtteranceEnded("a", 4800, 4800))
            await restart
        await house.settle()
        assert isinstance(first.sent[-1], Shutdown) and not first.killed
        first.report(Encoded(()))
        first.die(PeerError("the process exited with status 0"))
        assert (await house.next_child()).said == ["b"]
        state = house.link.worker.state
        assert (state.restarts, state.failures, state.phase) == (1, 0, WorkerPhase.STARTING)
        assert [error.what for error in house.heard.died] == ["stage was restarted"]
        house.child.ready()
        await house.settle()
        assert house.link.worker.state.phase is WorkerPhase.UP
