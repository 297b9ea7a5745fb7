"""How quickly engines work: only their own time counts, and what came first after a start is told apart."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator

import numpy as np
import pytest

from duologue.clock import MILLISECOND, SECOND
from duologue.paces import KEPT, EnginePace, PaceFigures
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.speech.engine import SpeechCapabilities
from duologue.speech.timed import TimedSpeech
from duologue.speech.utterance import SpeechChunk


def test_nothing_is_known_of_who_has_done_nothing() -> None:
    assert EnginePace().figures == PaceFigures()


def test_the_first_line_is_cold_and_the_others_are_warm() -> None:
    pace = EnginePace()
    pace.started(2 * SECOND)
    pace.did(500 * MILLISECOND, SECOND, 20, 1.0)
    assert pace.figures == PaceFigures(cold_ms=2500.0)
    for first in (10, 30, 20):
        pace.did(first * MILLISECOND, SECOND // 10, 15, 1.0)
    figures = pace.figures
    assert (figures.cold_ms, figures.warm_ms) == (2500.0, 20.0)
    assert (figures.characters, figures.length) == (pytest.approx(150.0), pytest.approx(1 / 15))
    pace.started(SECOND)  # it was started again
    pace.did(100 * MILLISECOND, SECOND, 10)
    assert pace.figures.cold_ms == 1100.0


def test_only_the_newest_lines_count() -> None:
    pace = EnginePace()
    pace.did(0, SECOND, 1)
    for _ in range(10):
        pace.did(SECOND, SECOND, 1)
    for _ in range(KEPT):
        pace.did(MILLISECOND, SECOND, 100)
    assert pace.figures.warm_ms == 1.0
    assert pace.figures.characters == pytest.approx(100.0)


class Slow:
    """Starts in 2 s, gives its first sound after 0.3 s and each other after 0.1 s. ``fails``: in the middle."""

    name = "slow"
    capabilities = SpeechCapabilities(rate=16_000, voices=("v",))

    def __init__(self, *, fails: bool = False) -> None:
        self.fails = fails

    async def warm_up(self) -> None:
        await asyncio.sleep(2)

    async def speak(self, text: str, voice: str) -> AsyncGenerator[SpeechChunk, None]:
        await asyncio.sleep(0.2)
        for index in range(4):
            await asyncio.sleep(0.1)
            if self.fails and index == 2:
                raise RuntimeError("gone")
            yield SpeechChunk(np.ones(16_000, np.float32))

    async def close(self) -> None: ...


def test_a_listener_that_takes_its_time_slows_no_engine() -> None:
    async def story() -> PaceFigures:
        engine = TimedSpeech(Slow(), LoopClock())
        await engine.warm_up()
        for _ in range(2):
            async for _ in engine.speak("a" * 30, "v"):
                await asyncio.sleep(7)
        return engine.pace.figures

    figures = simulate(story())
    assert figures.cold_ms == pytest.approx(2300)
    assert figures.warm_ms == pytest.approx(300)
    assert figures.characters == pytest.approx(30 / 0.6)
    assert figures.length == pytest.approx(4 / 30)


def test_a_line_that_does_not_come_to_its_end_is_not_counted() -> None:
    async def story() -> None:
        engine = TimedSpeech(Slow(fails=True), LoopClock())
        with pytest.raises(RuntimeError, match="gone"):
            async for _ in engine.speak("a", "v"):
                pass
        async for _ in engine.speak("a", "v"):
            break
        assert engine.pace.figures == PaceFigures()

    simulate(story())


def paced(*works: tuple[float, float, int]) -> EnginePace:
    """Of lines after the first: when its first sound came, when its last (s), and how many characters it has."""
    pace = EnginePace()
    for first, took, characters in ((0.1, 0.1, 1), *works):
        pace.did(round(first * SECOND), round(took * SECOND), characters)
    return pace


def test_of_an_engine_that_gives_a_line_whole_the_first_sound_follows_the_length() -> None:
    pace = paced((2.0, 2.02, 30), (4.0, 4.02, 60))
    assert pace.until_first(15) == pytest.approx(1.0) and pace.until_first(150) == pytest.approx(10.0)
    assert pace.within(5.0) == pytest.approx(75, abs=1)


def test_of_one_that_streams_it_does_not() -> None:
    pace = paced((0.2, 2.0, 30), (0.2, 4.0, 60), (0.3, 0.31, 2))
    assert pace.until_first(15) == pace.until_first(2_000) == pytest.approx(0.2)
    assert pace.within(5.0) == math.inf


def test_who_waited_for_others_counts_for_what_is_expected_and_not_for_what_it_can() -> None:
    pace = paced(*[(2.0, 2.0, 30), (4.0, 4.0, 30)] * 4)
    assert pace.until_first(30) == pytest.approx(3.0)
    assert pace.within(5.0) == pytest.approx(75, abs=1)


def test_until_more_is_known_the_cold_line_counts() -> None:
    pace = EnginePace()
    assert pace.until_first(10) is None and pace.within(5.0) is None
    pace.started(20 * SECOND)
    pace.did(2 * SECOND, 2 * SECOND, 20)
    assert pace.until_first(10) == pytest.approx(1.0)
    assert pace.within(5.0) is None  # who is cold says little of what they can
