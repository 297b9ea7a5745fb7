"""The pace at which appended sound is listened to, and the formats in which it comes and goes."""

from __future__ import annotations

import asyncio
import base64
import itertools
from collections.abc import Awaitable, Callable

import numpy as np
import pytest
from call_doubles import TestClock

from duologue.app.realtime.answers import RealtimeAnswers
from duologue.app.realtime.items import RealtimeItems
from duologue.app.realtime.messages import AudioFormat, EventError
from duologue.app.realtime.settings import RealtimeConfig
from duologue.app.realtime.sound import MOST_SECONDS, DeltaWriter, PacedSound, SoundReader
from duologue.audio.far_playout import FarEndMessage, MessageKind
from duologue.audio.pcm import RATE, Samples
from duologue.clock import MILLISECOND, SECOND
from duologue.simulation.virtual_time import simulate
from duologue.speech.hearing import EAR_RATE

Heard = list[tuple[int, int, int]]
"""When (ns), from which sample on, how many."""


def listened(story: Callable[[PacedSound, TestClock], Awaitable[None]]) -> tuple[Heard, PacedSound]:
    heard: Heard = []
    kept: list[PacedSound] = []

    async def main() -> None:
        clock = TestClock(SECOND)
        sound = PacedSound(clock)
        kept.append(sound)

        def hear(samples: Samples, at: int) -> None:
            heard.append((clock.now(), at, len(samples)))

        async with asyncio.TaskGroup() as group:
            running = group.create_task(sound.run(hear))
            await story(sound, clock)
            running.cancel()

    simulate(main(), limit=600)
    return heard, kept[0]


def block(milliseconds: int) -> Samples:
    return np.zeros(milliseconds * EAR_RATE // 1000, np.float32)


@pytest.mark.parametrize("length", [20, 100, 200])
@pytest.mark.parametrize("drift", [0.998, 1.0, 1.002])
def test_what_comes_as_time_passes_is_heard_at_once(length: int, drift: float) -> None:
    """For a minute, by a clock that runs a little fast or slow."""
    came: list[int] = []

    async def story(sound: PacedSound, clock: TestClock) -> None:
        begun = clock.now()
        for number in range(60_000 // length):
            await clock.wait_until(begun + round(number * length * MILLISECOND * drift))
            came.append(clock.now())
            assert sound.push(block(length))
        await asyncio.sleep(1)

    heard, sound = listened(story)
    assert sum(count for _, _, count in heard) == sound.total == 60 * EAR_RATE
    waited = [at - arrived for (at, _, _), arrived in zip(heard, came, strict=True)]
    assert max(waited) < 2 * MILLISECOND


def test_a_file_at_once_is_heard_at_the_pace_of_time_and_in_one_piece() -> None:
    async def story(sound: PacedSound, clock: TestClock) -> None:
        for _ in range(30):
            assert sound.push(block(100))
        await asyncio.sleep(5)

    heard, _ = listened(story)
    assert 2.5 * SECOND < heard[-1][0] - heard[0][0] < 3.1 * SECOND
    ends = [at + count for _, at, count in heard]
    assert [at for _, at, _ in heard[1:]] == ends[:-1]  # nothing is missing between them


def test_a_pause_in_what_is_sent_keeps_its_length_and_is_no_debt() -> None:
    async def story(sound: PacedSound, clock: TestClock) -> None:
        begun = clock.now()
        for number in (*range(10), *range(100, 110)):
            await clock.wait_until(begun + number * 100 * MILLISECOND)
            sound.push(block(100))
        await asyncio.sleep(1)

    heard, sound = listened(story)
    places = [at for _, at, _ in heard]
    assert abs((places[10] - places[9]) / EAR_RATE - 9.1) < 0.01
    assert sound.total == 2 * EAR_RATE
    assert sound.milliseconds(heard[-1][0]) == 2_000  # a client counts what it sent


def test_late_sound_is_heard_when_it_comes_where_it_belongs() -> None:
    async def story(sound: PacedSound, clock: TestClock) -> None:
        begun = clock.now()
        for number in range(20):
            late = 200 * MILLISECOND if number == 9 else 0
            await clock.wait_until(begun + number * 50 * MILLISECOND + late)
            sound.push(block(50))
        await asyncio.sleep(1)

    heard, _ = listened(story)
    places = [at for _, at, _ in heard]
    assert [later - at for at, later in itertools.pairwise(places)] == [800] * 19


def test_no_more_waits_than_may_and_what_is_cleared_is_not_heard() -> None:
    async def story(sound: PacedSound, clock: TestClock) -> None:
        taken = sum(sound.push(block(1_000)) for _ in range(MOST_SECONDS + 10))
        assert taken == MOST_SECONDS
        await asyncio.sleep(2)
        sound.clear()
        await asyncio.sleep(5)
        assert sound.total < 3 * EAR_RATE
        sound.push(block(100))
        await asyncio.sleep(1)

    heard, sound = listened(story)
    assert heard[-1][0] > 7 * SECOND and heard[-1][2] == 1_600
    assert sound.total == sum(count for _, _, count in heard)


@pytest.mark.parametrize(
    ("kind", "rate", "width"), [("audio/pcm", 24_000, 2), ("audio/pcmu", 8_000, 1), ("audio/pcma", 8_000, 1)]
)
def test_what_is_said_in_a_format_is_read_in_it(kind: str, rate: int, width: int) -> None:
    form = AudioFormat.model_validate({"type": kind})
    tone = (0.4 * np.sin(2 * np.pi * 300 * np.arange(RATE) / RATE)).astype(np.float32)
    writer, reader = DeltaWriter(form), SoundReader(form)
    data = b"".join(writer.feed(tone[at : at + 9_600], last=at + 9_600 >= RATE) for at in range(0, RATE, 9_600))
    assert abs(len(data) - rate * width) <= 40 * width
    heard = np.concatenate([
        reader.feed(base64.b64encode(data[at : at + 960]).decode()) for at in range(0, len(data), 960)
    ])  # fmt: skip
    assert abs(len(heard) - EAR_RATE) < 200
    assert abs(float(np.abs(heard[2_000:-2_000]).max()) - 0.4) < 0.03
    assert len(writer.pause(4_800)) == 4_800 * rate // RATE * width


def test_halves_of_samples_are_refused() -> None:
    with pytest.raises(EventError, match="middle of a sample"):
        SoundReader(AudioFormat()).feed(base64.b64encode(b"abc").decode())


def test_the_rest_of_an_utterance_whose_response_is_over_is_nobodys() -> None:
    """That it is whole may be said when its client has cancelled the response, or its reply has ended."""
    told: list[str] = []

    def tell(kind: str, **_: object) -> None:
        told.append(kind)

    answers = RealtimeAnswers(tell, RealtimeItems("r"), "c", "", TestClock(SECOND), lambda: 0)
    answers.config = RealtimeConfig("model")
    answers.order(FarEndMessage(1, MessageKind.PLAY, "r1/0", 0, np.zeros(960, np.float32), more=True), by_client=False)
    answers.finish("cancelled", "client_cancelled")
    over = len(told)
    for rest in (960, 0):
        message = FarEndMessage(2, MessageKind.EXTEND, "r1/0", 960, np.zeros(rest, np.float32), more=rest > 0)
        answers.order(message, by_client=True)
    assert told[over - 1] == "response.done" and len(told) == over
