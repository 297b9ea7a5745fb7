"""The recorder: both sides on one timeline, over long conversations, gaps and a source whose clock is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import numpy as np
import pytest

from duologue.audio.pcm import RATE, Samples, silence
from duologue.audio.tracks import Tracks
from duologue.clock import MILLISECOND, SECOND
from duologue.dialogue.recording import ConversationRecorder, stretched
from duologue.speech.hearing import EAR_RATE

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

START = 5 * SECOND
BLOCK = EAR_RATE // 50


class Clicks:
    """Where the clicks are on each side, in samples; the sound itself is not kept."""

    def __init__(self) -> None:
        self.found: tuple[list[int], list[int]] = ([], [])
        self.length = 0
        self.recorder = ConversationRecorder(Tracks(self.take))
        self.recorder.begin(START)

    def take(self, piece: Samples) -> None:
        for side in (0, 1):
            for at in np.flatnonzero(np.abs(piece[:, side]) > 0.3):
                place = self.length + int(at)
                if not self.found[side] or place - self.found[side][-1] > RATE // 4:
                    self.found[side].append(place)
        self.length += len(piece)


def person(
    seconds: float, speed: float, gaps: list[tuple[float, float]], jitter: Random | None
) -> Iterator[tuple[int, int, Samples]]:
    """Blocks of a source whose clock runs at ``speed``: when each comes (ns), its first sample, its sound with a click
    at each full second of ours. In ``gaps`` (seconds) nothing is sent.
    """
    rate = EAR_RATE * speed
    came = 0
    for at in range(0, round(seconds * rate) - BLOCK, BLOCK):
        begin, end = at / rate, (at + BLOCK) / rate
        if any(first <= begin < last for first, last in gaps):
            continue
        block = silence(BLOCK)
        second = int(end)
        if begin <= second < end and second:
            place = min(BLOCK - 1, round((second - begin) * rate))
            block[place : place + 8] = 0.9
        late = jitter.randrange(30) * MILLISECOND if jitter and jitter.random() < 0.5 else 0
        came = max(came, START + round(end * SECOND) + late)
        yield came, at, block


def record(seconds: float, speed: float, gaps: list[tuple[float, float]], jitter: Random | None = None) -> Clicks:
    clicks = Clicks()
    source = person(seconds, speed, gaps, jitter)
    coming = next(source, None)
    for number in range(round(seconds * 50)):
        at = START + number * 20 * MILLISECOND
        while coming is not None and coming[0] <= at:
            clicks.recorder.hear(coming[2], coming[1], coming[0])
            coming = next(source, None)
        block = silence(RATE // 50)
        if number and number % 50 == 0:
            block[:24] = 0.9
        clicks.recorder.character(block, at)
    clicks.recorder.close()
    return clicks


GAPS = [(20.5, 33.5), (61.2, 61.9), (70.5, 71.5)]


@pytest.mark.parametrize(
    ("speed", "jitter", "most_ms"),
    [(1.0, False, 1), (1.03, False, 1), (1.0005, False, 1), (1.0, True, 20), (1.03, True, 20)],
)
def test_a_click_lies_where_it_was_on_both_sides(speed: float, jitter: bool, most_ms: float) -> None:
    seconds = 180
    clicks = record(seconds, speed, GAPS, Random(3) if jitter else None)
    left, right = clicks.found
    assert right == [second * RATE for second in range(1, seconds)]
    expected = [
        second for second in range(1, seconds - 1) if not any(first <= second < last + 0.05 for first, last in GAPS)
    ]
    near = {round(place / RATE): place for place in left}
    assert set(expected) <= set(near) and not set(near) - set(range(1, seconds))
    worst = max(abs(near[second] - second * RATE) for second in expected)
    assert worst <= most_ms * RATE // 1000, worst * 1000 / RATE


def test_a_source_without_a_clock_is_recorded_when_it_comes() -> None:
    clicks = Clicks()
    block = silence(BLOCK)
    block[:8] = 0.9
    for at in (1000, 2000):
        clicks.recorder.hear(block, None, START + at * MILLISECOND)
        clicks.recorder.character(silence(48), START + at * MILLISECOND)
    clicks.recorder.close()
    assert all(abs(place - (ms - 20) * 48) <= 24 for place, ms in zip(clicks.found[0], (1000, 2000), strict=True))


def test_hours_in_which_nobody_is_heard_are_written_as_they_pass() -> None:
    """Such as a call that is held: nothing comes from either side, and what comes after it stands at its place."""
    most, written = 0, 0

    def write(sides: Samples) -> None:
        nonlocal burst, written
        burst += len(sides)
        written += len(sides)

    recorder = ConversationRecorder(Tracks(write))
    recorder.begin(0)
    burst, hours = 0, 3
    for second in range(hours * 3600):
        burst = 0
        recorder.pass_time(second * SECOND)
        most = max(most, burst)
    burst, end = 0, hours * 3600 * SECOND
    recorder.hear(np.ones(320, np.float32), hours * 3600 * 16_000 - 320, end)
    recorder.close()
    assert most <= RATE and burst <= 7 * RATE
    assert abs(written - hours * 3600 * RATE) <= RATE // 100


def test_a_source_that_was_set_back_goes_on() -> None:
    clicks = Clicks()
    loud = silence(BLOCK)
    loud[:8] = 0.9
    for number in range(200):
        now = START + (number + 1) * 20 * MILLISECOND
        at = number * BLOCK if number < 100 else (number - 100) * BLOCK
        clicks.recorder.hear(loud if number in (50, 150) else silence(BLOCK), at, now)
        clicks.recorder.character(silence(960), now - 20 * MILLISECOND)
    clicks.recorder.close()
    assert all(abs(place - RATE * wanted) <= 960 for place, wanted in zip(clicks.found[0], (1, 3), strict=True))


def test_what_is_made_longer_sounds_the_same() -> None:
    sine = np.sin(np.arange(960) * 2 * np.pi * 300 / RATE).astype(np.float32)
    longer = stretched(sine, 990)
    assert len(longer) == 990 and longer[0] == sine[0] and longer[-1] == sine[-1]
    wanted = np.sin(np.arange(990) * 2 * np.pi * 300 / RATE * 959 / 989)
    assert np.abs(longer - wanted).max() < 1e-3
