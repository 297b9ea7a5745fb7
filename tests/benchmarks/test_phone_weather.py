"""What a way does to a caller's words, through a whole line on virtual time: the ears get both ends of each utterance,
and the caller is answered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from benchmarks.phone.board import Call, board
from benchmarks.phone.loss import RecordingEars, judge
from benchmarks.phone.packets import PACKET, Spoken
from benchmarks.phone.virtual import virtual_line
from benchmarks.phone.zero import ANSWER, zero_voice

from duologue.audio.pcm import Samples
from duologue.audio.resample import resample
from duologue.clock import MILLISECOND
from duologue.language.fake import FakeLanguage, ScriptedReply
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.speech.hearing_fake import Loudness

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

BURST = 5
"""Packets that come together, the first of them a hundred ms late."""


def in_bursts(number: int) -> int:
    return (BURST - number % BURST) * PACKET


def now_and_then(number: int) -> int:
    """For a fifth of a second in each whole one nothing comes, then all at once."""
    place = number % 50
    return (10 - place) * PACKET if place < 10 else 0


@dataclass(frozen=True)
class Weather:
    """A share of packets that is lost, and how late each of the others comes."""

    loss: float = 0.0
    late: Callable[[int], int] | None = None


CALM = Weather()
WEATHER = [
    CALM, Weather(0.01), Weather(0.05), Weather(0.2), Weather(late=in_bursts), Weather(0.05, in_bursts),
    Weather(late=now_and_then),
]  # fmt: skip
NAMES = ["calm", "1 %", "5 %", "20 %", "bursts of 100 ms", "bursts and 5 %", "holes of 200 ms"]


def noise(seed: int) -> Samples:
    return np.random.default_rng(seed).normal(0, 0.1, 12_000).astype(np.float32)


async def _talk(call: Call, ears: RecordingEars, pauses: list[float]) -> list[tuple[Samples, list[Samples]]]:
    """The caller says something, each time after a silence; with it what the ears got of it."""
    found: list[tuple[Samples, list[Samples]]] = []
    clock = call.board.clock
    assert await call.answered()
    for seed, pause in enumerate(pauses):
        await call.heard_after(0, 5.0)
        await call.silent_for(1_000)
        await clock.wait_until(clock.now() + round(pause * 1e9))
        begun, sound = len(ears.given), noise(seed)
        said: Spoken = call.say(sound)
        assert await call.heard_after(said.end, 7.0), "it was answered"
        found.append((sound, ears.given[begun:]))
    return found


def held(weather: Weather, pauses: list[float]) -> list[tuple[Samples, list[Samples]]]:
    ears = RecordingEars()

    async def story() -> list[tuple[Samples, list[Samples]]]:
        clock = LoopClock()
        model = FakeLanguage(usual=ScriptedReply(ANSWER))
        makes = {"tts": zero_voice(), "stt": ears, "vad": Loudness(0.02), "llm": model}
        async with virtual_line(makes, clock) as line, board(line.port, clock, seed=3, stamps=False) as people:
            call = people.call(loss=weather.loss)
            if weather.late is not None:
                call.held_up = weather.late
            found = await _talk(call, ears, pauses)
            assert bool(call.lost) == bool(weather.loss)
            call.hang_up()
            await call.until(lambda: call.ended is not None, 5)
            assert not line.troubles, line.troubles
            return found

    return simulate(story(), None)


@pytest.mark.parametrize("weather", WEATHER, ids=NAMES)
def test_words_have_both_their_ends_in_any_weather(weather: Weather) -> None:
    for sound, stretches in held(weather, [0.0, 0.5, 1.0]):
        given = judge(resample(sound, 8000, 16_000), stretches)
        assert (given.first, given.last) == (True, True)


@pytest.mark.parametrize("weather", [CALM, Weather(0.05, in_bursts)], ids=["calm", "bursts and 5 %"])
def test_who_says_nothing_for_half_a_minute_is_heard_when_they_do(weather: Weather) -> None:
    for sound, stretches in held(weather, [0.5, 30.0]):
        given = judge(resample(sound, 8000, 16_000), stretches)
        assert (given.first, given.last) == (True, True)


def test_bursts_are_what_they_are_called() -> None:
    assert [in_bursts(number) // MILLISECOND for number in range(6)] == [100, 80, 60, 40, 20, 100]
    assert max(now_and_then(number) for number in range(50)) == 200 * MILLISECOND
