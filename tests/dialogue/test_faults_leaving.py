"""A person, a source, a sink or an owner that goes away in any state: all ends soon, and what was heard is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import numpy as np
import pytest
from fault_doubles import Scene, Trouble
from session_doubles import Says

from duologue.audio.pcm import Samples
from duologue.clock import SECOND
from duologue.dialogue.turns.vocabulary import Note, Stage, State
from duologue.errors import PeerError
from duologue.simulation.virtual_time import simulate
from duologue.speech.utterance import Utterance

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute


STATES = [state for state in State if state is not State.CLOSED]
ASKS = Says(1.0, "what time is it please Ada")


class Leaving(Scene):
    """When the state is reached, ``how`` happens."""

    how = ""
    gone_at = -1

    def __post_init__(self) -> None:
        super().__post_init__()
        self.gone = asyncio.Event()

    def reached(self) -> bool:
        return self.armed_at >= 0

    async def leaving_source(self) -> AsyncGenerator[Samples, None]:
        async for block in self.source():
            if self.reached() and self.gone_at < 0:
                self.gone_at = self.clock.now()
                self.gone.set()
                match self.how:
                    case "hangs up":
                        self.session.hang_up()
                    case "source ends":
                        return
                    case "source breaks":
                        raise PeerError("the line is cut")
                    case _:
                        pass
            yield block

    async def order(self) -> None:
        if not self.reached():
            return
        match self.how:
            case "sink breaks":
                raise PeerError("the far end is gone")
            case "sink hangs":
                await asyncio.Event().wait()
            case _:
                pass

    async def play(self, utterance: Utterance, gap_ms: int) -> None:
        await self.order()
        await super().play(utterance, gap_ms)

    async def clear(self) -> None:
        await self.order()
        await super().clear()

    async def pause(self) -> None:
        await self.order()
        await super().pause()

    async def resume(self) -> None:
        await self.order()
        await super().resume()


def leaving(how: str, state: State, *, seconds: float = 16.0) -> Leaving:
    holds = [(0.3, 0.7)] if state is State.HELD else []
    scene = Leaving(
        [ASKS], Trouble(), state, typed=[(7.3, "and now")], holds=holds, cough=Says(6.0, seconds=0.3), seconds=seconds,
    )  # fmt: skip
    scene.how = how
    return scene


def heard_is_kept(scene: Scene) -> None:
    """What the far end played is in the context, word for word."""
    heard = [commit.heard for commit in scene.commits() if commit.heard]
    replies = list(dict.fromkeys(name.partition("/")[0] for name in scene.plays if "/" in name))
    truth = [scene.truth(reply) for reply in replies]
    assert [words for words in truth if words] == heard
    assert [text for who, text in scene.context() if who == "ada"] == heard


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("how", ["hangs up", "source ends", "source breaks"])
def test_who_leaves_in_any_state_keeps_what_was_heard(how: str, state: State) -> None:
    scene = leaving(how, state)
    if how == "source breaks":
        with pytest.raises(PeerError, match="the line is cut"):
            simulate(scene.run(scene.leaving_source))
    else:
        simulate(scene.run(scene.leaving_source))
    assert scene.reached() and scene.log[-1][0] - scene.gone_at < SECOND // 10
    scene.check()
    heard_is_kept(scene)


@pytest.mark.parametrize("state", STATES)
def test_an_owner_that_cancels_in_any_state_keeps_what_was_heard(state: State) -> None:
    scene = leaving("cancelled", state)

    async def cancelled() -> None:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(scene.run(scene.leaving_source))
            await scene.gone.wait()
            task.cancel()

    simulate(cancelled())
    assert scene.session.state is State.CLOSED
    heard_is_kept(scene)


@pytest.mark.parametrize("state", STATES)
def test_a_sink_that_breaks_in_any_state_ends_it_with_its_cause(state: State) -> None:
    scene = leaving("sink breaks", state)
    with pytest.raises(PeerError, match="the far end is gone"):
        simulate(scene.run(scene.leaving_source))
    scene.check()
    heard_is_kept(scene)


@pytest.mark.parametrize("state", STATES)
def test_a_sink_that_takes_no_order_is_named_and_ends_nothing(state: State) -> None:
    scene = leaving("sink hangs", state, seconds=30.0)
    simulate(scene.run(scene.leaving_source))
    named = {report.stage for report in scene.reports() if report.note in (Note.FAILED, Note.STALLED)}
    assert Stage.PLAYING in named
    scene.check()


@pytest.mark.parametrize("state", STATES)
def test_a_sink_that_falls_silent_in_any_state_is_named(state: State) -> None:
    """It takes what it is given, and tells nothing any more."""
    scene = leaving("", state, seconds=30.0)

    scene.mute = True
    simulate(scene.run(scene.leaving_source))
    assert any(report.note is Note.STALLED and report.stage is Stage.PLAYING for report in scene.reports())
    assert scene.session.state is State.CLOSED and not scene.twice and scene.tasks_left == 0


def test_a_sink_that_breaks_while_nothing_is_wanted_of_it_is_the_owners_to_notice() -> None:
    """Nothing is asked of the sink in silence: the session goes on until something is."""
    scene = leaving("sink breaks", State.QUIET, seconds=0.9)
    simulate(scene.run(scene.leaving_source))
    assert scene.context() == []


async def garbage(scene: Scene) -> AsyncGenerator[Samples, None]:
    """Noise at every level that a float can hold, in blocks of every length."""
    noise = np.random.default_rng(5)
    levels = [1e-30, 1e-3, 1.0, 1e4, 1e30]
    for number in range(400):
        await scene.clock.wait_until(number * SECOND // 50)
        yield (noise.standard_normal(int(noise.integers(0, 2000))) * levels[number % 5]).astype(np.float32)


def test_garbage_for_sound_is_survived() -> None:
    scene = leaving("", State.QUIET)
    simulate(scene.run(lambda: garbage(scene)))
    scene.check()
