from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duologue.audio.loudness import decibels, integrated_loudness, true_peak
from duologue.audio.pcm import RATE
from duologue.clock import SECOND, VirtualClock
from duologue.errors import InputError, PeerError
from duologue.speech.espeak.engine import Espeak
from duologue.speech.fake import Behaviour, FakeSpeech
from duologue.speech.utterance import Mark, MarkKind, SpeechChunk, Utterance
from duologue.speech.voicing.marks import sounding
from duologue.speech.voicing.voicing import Voicing, finish
from few_examples import examples

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

FAKE_RATE = 24_000


def burst(before: int, length: int, after: int) -> np.ndarray:
    tone = 0.1 * np.sin(2 * np.pi * 300 * np.arange(length) / FAKE_RATE)
    return np.concatenate([np.zeros(before), tone, np.zeros(after)]).astype(np.float32)


async def test_an_utterance_is_complete() -> None:
    tts = FakeSpeech()
    await tts.warm_up()
    spoken = await Voicing(tts).voice("Hello there.", "low", speaker="chad", utterance_id="u1", expression="smile")
    utterance = spoken.utterance
    assert (utterance.id, utterance.speaker, utterance.text) == ("u1", "chad", "Hello there.")
    assert (utterance.expression, utterance.engine, utterance.alphabet) == ("smile", "fake", "ipa")
    assert utterance.rate == RATE
    assert [mark.text for mark in utterance.words()] == ["Hello", "there"]
    assert len(utterance.phonemes()) == 2


async def test_the_time_of_the_first_sound_is_told() -> None:
    clock = VirtualClock(start=SECOND)
    tts = FakeSpeech([Behaviour(latency=2 * SECOND, per_chunk=SECOND)], clock=clock)
    await tts.warm_up()
    spoken = await Voicing(tts, clock).voice("One two three.", "low", speaker="a", utterance_id="1")
    assert spoken.first_audio == 3 * SECOND
    assert clock.now() == 5 * SECOND


@pytest.fixture
async def espeak() -> AsyncIterator[Espeak]:
    engine = Espeak()
    await engine.warm_up()
    yield engine
    await engine.close()


LINES = ["No.", "Well, I never!", "It was the best of times, it was the worst of times, and the boat sank."]


@pytest.mark.parametrize("voice", ["en-us+m3?rate=165&pitch=35", "en-us+f5?rate=178&pitch=55"])
async def test_real_speech_is_of_one_loudness_and_never_clips(espeak: Espeak, voice: str) -> None:
    voicing = Voicing(espeak)
    for line in LINES:
        utterance = (await voicing.voice(line, voice, speaker="a", utterance_id="1")).utterance
        assert integrated_loudness(utterance.samples) == pytest.approx(-16.0, abs=0.3)
        assert decibels(true_peak(utterance.samples)) <= -0.99
        assert np.abs(utterance.samples[:2]).max() < 0.01
        assert np.abs(utterance.samples[-2:]).max() < 0.01
        check(utterance)


def check(utterance: Utterance) -> None:
    assert [mark.start for mark in utterance.marks] == sorted(mark.start for mark in utterance.marks)
    for mark in utterance.marks:
        assert 0 <= mark.start <= mark.end <= len(utterance.samples)
    for word in utterance.words():
        assert utterance.text[word.offset : word.offset + len(word.text)] == word.text
    assert utterance.words()[0].start < RATE // 10
    assert utterance.words()[-1].end > len(utterance.samples) - RATE // 10


async def test_a_long_line_does_not_hold_the_event_loop(espeak: Espeak, loop_guard: None) -> None:
    """A minute of speech, which takes over a second of CPU to level."""
    text = " ".join(LINES[2] for _ in range(14))
    utterance = (await Voicing(espeak).voice(text, "en-us+m3", speaker="a", utterance_id="1")).utterance
    assert utterance.duration > 45


async def test_silence_around_speech_is_cut_and_marks_move_with_it() -> None:
    sound = burst(12_000, 24_000, 6_000)
    marks = (
        Mark(MarkKind.PHONEME, "_", 0, 12_000),
        Mark(MarkKind.WORD, "hm", 12_000, 36_000, offset=0),
        Mark(MarkKind.PHONEME, "m", 12_000, 36_000, stressed=True),
    )
    samples, placed = finish(
        [SpeechChunk(sound[:20_000], marks[:1]), SpeechChunk(sound[20_000:], marks[1:])], FAKE_RATE
    )
    assert len(samples) == pytest.approx(RATE, abs=1_500)
    word, phoneme = placed[-2:]
    assert (word.kind, phoneme.kind) == (MarkKind.WORD, MarkKind.PHONEME)
    assert word.start == phoneme.start == pytest.approx(480, abs=300)
    assert word.end - word.start == RATE
    assert phoneme.stressed
    assert word.offset == 0


def test_what_sounds_is_found_with_a_margin() -> None:
    sound = np.zeros(RATE, np.float32)
    assert sounding(sound) == (0, 0)
    sound[10_000:20_000] = 0.1
    begin, end = sounding(sound)
    assert 10_000 - 500 < begin <= 10_000 - 240
    assert 20_000 + 480 <= end < 20_000 + 1_000
    assert sounding(np.ones(100, np.float32)) == (0, 100)


@settings(max_examples=examples(30), deadline=None)
@given(cuts=st.lists(st.integers(0, 30_000), max_size=6))
def test_how_the_engine_cuts_its_chunks_changes_nothing(cuts: list[int]) -> None:
    sound = burst(3_000, 24_000, 3_000)
    pieces = np.split(sound, sorted(cuts))
    whole, _ = finish([SpeechChunk(sound)], FAKE_RATE)
    chopped, _ = finish([SpeechChunk(piece) for piece in pieces], FAKE_RATE)
    np.testing.assert_array_equal(whole, chopped)


class Mute(FakeSpeech):
    """It gives no sound of anything."""

    async def speak(self, text: str, voice: str) -> AsyncGenerator[SpeechChunk, None]:
        for chunk in ():
            yield chunk


@pytest.mark.parametrize(("text", "fault"), [("Hello.", PeerError), ("...", InputError), ("\U0001f389", InputError)])
async def test_silence_is_the_engine_s_fault_if_there_are_words_and_else_the_text_s(
    text: str, fault: type[Exception]
) -> None:
    """A caller's emoji took the house's voice out of its chain for up to five minutes."""
    tts = Mute()
    await tts.warm_up()
    with pytest.raises(fault, match="nothing to say"):
        await Voicing(tts).voice(text, "low", speaker="a", utterance_id="1")
    with pytest.raises(fault, match="nothing to say"):
        async for _ in Voicing(tts).stream(text, "low", speaker="a", utterance_id="1"):
            pass


async def test_an_engine_that_gives_no_numbers_is_an_error() -> None:
    with pytest.raises(PeerError, match="not a number"):
        finish([SpeechChunk(np.array([0.1, np.nan], np.float32))], FAKE_RATE)


async def test_an_engine_without_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duologue.speech.voicing.voicing.MAX_SECONDS", 2)
    tts = FakeSpeech()
    await tts.warm_up()
    with pytest.raises(PeerError, match="no end of sound"):
        await Voicing(tts).voice("word " * 100, "low", speaker="a", utterance_id="1")
    assert tts.cancelled == 1


async def test_errors_of_the_engine_come_through() -> None:
    tts = FakeSpeech([Behaviour(error=PeerError("it broke"))])
    await tts.warm_up()
    with pytest.raises(PeerError, match="it broke"):
        await Voicing(tts).voice("Hello.", "low", speaker="a", utterance_id="1")
    with pytest.raises(InputError, match="nobody"):
        await Voicing(tts).voice("Hello.", "nobody", speaker="a", utterance_id="1")


async def test_cancelling_reaches_the_engine() -> None:
    tts = FakeSpeech(usual=Behaviour(hang=True, good_chunks=1))
    await tts.warm_up()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(Voicing(tts).voice("One two.", "low", speaker="a", utterance_id="1"))
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel()
    assert tts.cancelled == 1
