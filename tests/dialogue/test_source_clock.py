"""The clock of the person's sound: blocks that are late, missing, twice there, and a source that falls silent."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, Callable

import numpy as np
import pytest
from fault_doubles import Scene
from hypothesis import given
from hypothesis import strategies as st
from session_doubles import Says

from duologue.audio.pcm import Samples
from duologue.clock import MILLISECOND, SECOND
from duologue.dialogue.listening.endpointing import PreRoll
from duologue.dialogue.listening.source_clock import BACK_SAMPLES, SourceClock
from duologue.dialogue.ports import Captured, PlayStarted
from duologue.dialogue.turns.vocabulary import (
    Clear,
    EngineFailed,
    Note,
    Pause,
    Report,
    SpeechStarted,
    SpeechStopped,
    Stage,
    State,
)
from duologue.simulation.virtual_time import simulate
from duologue.speech.hearing import EAR_RATE

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

BLOCK = EAR_RATE // 50
ASKS = Says(1.0, "what time is it please Ada")
"""Over at 2.8 s."""


# The clock alone


def placed(arrivals: list[tuple[int, int]]) -> list[int]:
    """Where 20 ms blocks end (ms), each given by its number and when it came (ms)."""
    clock = SourceClock()
    return [clock.place(number * BLOCK, BLOCK, came * MILLISECOND).end // MILLISECOND for number, came in arrivals]


def test_late_blocks_keep_their_place() -> None:
    on_time = [(number, 20 * number + 30) for number in range(50)]
    stalled = [(number, 2500) for number in range(50, 124)]
    after = [(number, 20 * number + 30) for number in range(124, 150)]
    assert placed(on_time + stalled + after) == [20 * number + 30 for number in range(150)]


def test_a_way_that_has_become_longer_is_the_way_within_a_second_or_so() -> None:
    found = placed([(number, 20 * number + (0 if number < 50 else 400)) for number in range(200)])
    assert found[60] == 1200 and found[150] == 3400


def test_a_clock_that_stood_still_is_not_late_for_ever() -> None:
    assert placed([(0, 20), (1, 40), (2, 9_060), (3, 9_080)]) == [20, 40, 9_060, 9_080]


@pytest.mark.parametrize(("speed", "late"), [(1.03, 0), (0.97, 65)])
def test_a_clock_that_runs_fast_or_slow_is_followed(speed: float, late: int) -> None:
    came = [round(20 * number / speed) + 100 for number in range(3000)]
    found = placed(list(enumerate(came)))
    assert all(0 <= at - end <= late for at, end in zip(came, found, strict=True))


def test_what_was_heard_already_is_left_out_and_what_is_missing_is_known() -> None:
    clock = SourceClock()
    clock.place(0, BLOCK, 0)
    assert clock.place(0, BLOCK, 0).skip == BLOCK
    assert clock.place(BLOCK // 2, BLOCK, 0).skip == BLOCK // 2
    assert clock.place(2 * BLOCK, BLOCK, 0).gap == BLOCK // 2
    back = clock.place(3 * BLOCK - BACK_SAMPLES - 1, BLOCK, SECOND)
    assert (back.back, back.skip, back.end) == (BACK_SAMPLES + 1, 0, SECOND)
    assert clock.place(4 * BLOCK - BACK_SAMPLES - 1, BLOCK, SECOND).skip == 0


@given(st.lists(st.tuples(st.integers(-40_000, 40_000), st.integers(0, 4_000), st.integers(0, 4_000)), max_size=60))
def test_whatever_comes_ends_in_order_and_never_later_than_it_came(steps: list[tuple[int, int, int]]) -> None:
    clock, at, now, last = SourceClock(), 0, 0, -(10**18)
    for jump, count, wait in steps:
        at, now = at + jump, now + wait * MILLISECOND
        found = clock.place(at, count, now)
        assert found.end <= now and 0 <= found.skip <= count and found.gap >= 0
        if count > found.skip:
            assert found.end >= last
            last = found.end
        at += count


# A conversation on such a source

Arrives = Callable[[float], float | None]
"""When what was said until then (s) comes; None: it never does."""


def over(scene: Scene, arrives: Arrives, *, counts: bool = True) -> Scene:
    """Hold ``scene`` on a line with such delays; ``counts``: it tells where its sound lies."""

    async def source() -> AsyncGenerator[Samples | Captured, None]:
        sound, start = scene.sound(), scene.clock.now()
        for number in range(round(scene.seconds * EAR_RATE) // BLOCK):
            came = arrives((number + 1) * 0.02)
            block = sound[number * BLOCK : (number + 1) * BLOCK]
            if came is not None:
                await scene.clock.wait_until(start + round(came * SECOND))
                yield Captured(block, 7_000_000 + number * BLOCK) if counts else block
        await scene.clock.wait_until(start + round(scene.seconds * SECOND))

    simulate(scene.run(source))
    scene.check()
    return scene


def at_once(said: float) -> float:
    return said


def stalled(begin: float, seconds: float) -> Arrives:
    """A line that holds back what is said from ``begin`` on, and then gives it all at once."""
    return lambda said: max(said, begin + seconds) if said > begin else said


def voices(scene: Scene) -> list[float]:
    """Onsets and offsets as told (s)."""
    return [item.at / SECOND for _, item in scene.log if isinstance(item, SpeechStarted | SpeechStopped)]


def first_sound(scene: Scene) -> float:
    return min(item.at_ns for _, item in scene.log if isinstance(item, PlayStarted)) / SECOND


@pytest.mark.parametrize("counts", [True, False])
def test_who_is_muted_in_the_middle_of_a_word_is_answered_as_if_they_were_silent(counts: bool) -> None:
    until = 2.6  # the last word is not all there
    quiet = over(Scene([Says(1.0, "what time is it please", seconds=0)], seconds=12.0), at_once)
    scene = Scene([ASKS], seconds=12.0, state=State.CLOSED)
    muted = over(scene, lambda said: said if said < until else None, counts=counts)
    assert muted.context()[0] == ("person", "what time is it please")
    assert first_sound(muted) == pytest.approx(first_sound(quiet) + 0.1, abs=0.25)
    assert len(muted.context()) == 2


def test_who_comes_back_after_a_pause_without_sound_is_heard_from_the_first_word_on() -> None:
    script = [Says(1.0, "what time is it"), Says(14.0, "and where are we now")]

    def spoken(said: float) -> float | None:
        return said if 1.0 < said <= 2.2 or 14.0 < said <= 15.5 else None

    scene = over(Scene(script, seconds=24.0), spoken)
    assert [text for who, text in scene.context() if who == "person"] == [says.text for says in script]
    assert voices(scene)[2] == pytest.approx(14.0, abs=0.04)


def test_ten_seconds_without_sound_name_the_source_once() -> None:
    scene = over(Scene([Says(1.0, "what time is it")], seconds=40.0), lambda said: said if said < 4.0 else None)
    named = [(at, item) for at, item in scene.log if isinstance(item, EngineFailed)]
    assert [item for _, item in named] == [EngineFailed(Stage.NOTICING, "the source has given no sound for 10 s")]
    assert named[0][0] / SECOND == pytest.approx(14.0, abs=0.1)


@pytest.mark.parametrize("begin", [0.5, 1.05, 1.5, 2.7])
@pytest.mark.parametrize("seconds", [0.15, 0.6, 1.5])
def test_words_that_come_late_are_heard_once_each_and_have_their_times(begin: float, seconds: float) -> None:
    scene = over(Scene([ASKS], seconds=20.0), stalled(begin, seconds))
    assert scene.context()[0] == ("person", ASKS.text)
    assert len([text for who, text in scene.context() if who == "person"]) == 1
    found = voices(scene)
    assert found[0] == pytest.approx(1.0, abs=0.03) and found[-1] == pytest.approx(2.8, abs=0.03)
    for earlier, later in itertools.pairwise(found):
        assert earlier <= later + 0.04


def test_a_cough_that_comes_late_is_still_short() -> None:
    """Its end came with its beginning: nobody has been speaking for a second and a half."""
    scene = Scene([ASKS], seconds=20.0)
    scene.cough = Says(5.0, seconds=0.25)
    over(scene, stalled(4.9, 1.5))
    notes = [report.note for report in scene.reports()]
    assert Note.INTERRUPTED not in notes and not any(isinstance(item, Clear | Pause) for _, item in scene.log)
    assert scene.context()[1][1].endswith("too.")


def test_an_interruption_that_comes_late_takes_the_floor_at_once() -> None:
    script = [ASKS, Says(5.0, "wait a moment please")]
    scene = over(Scene(script, seconds=20.0), stalled(4.9, 1.2))
    (interrupted,) = [item for item in scene.reports() if item.note is Note.INTERRUPTED]
    assert interrupted.ms == pytest.approx(1100, abs=60)
    assert [text for who, text in scene.context() if who == "person"] == [says.text for says in script]


def test_our_own_stall_is_no_silence_of_the_source() -> None:
    """Nobody was let in for 1.5 s; the person spoke on."""
    scene = Scene([ASKS], seconds=20.0)

    async def source() -> AsyncGenerator[Captured, None]:
        sound = scene.sound()
        for number in range(round(scene.seconds * EAR_RATE) // BLOCK):
            if number == 75:
                scene.clock.ahead = 1500 * MILLISECOND
            await scene.clock.wait_until((number + 1) * 20 * MILLISECOND)
            yield Captured(sound[number * BLOCK : (number + 1) * BLOCK], number * BLOCK)

    simulate(scene.run(source))
    scene.check()
    assert voices(scene) == pytest.approx([1.0, 2.8], abs=0.03)
    assert scene.context()[0] == ("person", ASKS.text) and len(scene.context()) == 2


def test_a_clock_that_was_set_back_is_named_and_the_words_after_it_are_heard() -> None:
    script = [Says(1.0, "what time is it"), Says(12.0, "and where are we now")]
    scene = Scene(script, seconds=22.0)

    async def source() -> AsyncGenerator[Captured, None]:
        sound, start = scene.sound(), scene.clock.now()
        for number in range(round(scene.seconds * EAR_RATE) // BLOCK):
            await scene.clock.wait_until(start + (number + 1) * 20 * MILLISECOND)
            at = number * BLOCK if number < 500 else (number - 500) * BLOCK
            yield Captured(sound[number * BLOCK : (number + 1) * BLOCK], at)

    simulate(scene.run(source))
    scene.check()
    assert Report(Note.FAILED, "the source's clock was set back by 10.0 s", stage=Stage.NOTICING) in scene.reports()
    assert [text for who, text in scene.context() if who == "person"] == [says.text for says in script]


def test_empty_blocks_do_not_pile_up() -> None:
    roll = PreRoll()
    for _ in range(10_000):
        roll.push(np.zeros(0, np.float32))
    assert len(roll._blocks) <= 1  # pyright: ignore[reportPrivateUsage]
