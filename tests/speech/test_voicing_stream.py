"""A line that is played while it is made: at once, of one loudness, and the same however it comes."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator

import numpy as np
import pytest
from structlog.testing import capture_logs

from duologue.audio.loudness import decibels, integrated_loudness, levelled, true_peak
from duologue.audio.pcm import RATE, Samples
from duologue.clock import MILLISECOND, SECOND, VirtualClock
from duologue.errors import PeerError
from duologue.speech.chain import VoicingChain
from duologue.speech.engine import SpeechCapabilities
from duologue.speech.espeak.engine import Espeak
from duologue.speech.fake import Behaviour, FakeSpeech
from duologue.speech.utterance import SpeechChunk, Utterance
from duologue.speech.voicing.stream import GrowingLine, Levels
from duologue.speech.voicing.voicing import Voicing, finish

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

TEXT = "One two three four."
LONG = "One two three four, " * 3
SLOW = Behaviour(latency=SECOND, per_chunk=SECOND // 5)


async def streamed(voicing: Voicing, text: str = TEXT) -> list[Utterance]:
    return [each.utterance async for each in voicing.stream(text, "low", speaker="a", utterance_id="u")]


async def test_a_line_is_there_with_its_first_word_and_grows_to_the_whole() -> None:
    clock = VirtualClock()
    tts = FakeSpeech(usual=SLOW, clock=clock)
    await tts.warm_up()
    came = [
        (clock.now(), spoken.utterance, spoken.first_audio)
        async for spoken in Voicing(tts, clock).stream(TEXT, "low", speaker="a", utterance_id="u")
    ]
    assert [at for at, _, _ in came[:4]] == [SECOND + number * SECOND // 5 for number in range(4)]
    assert {first for _, _, first in came} == {SECOND}
    utterances = [utterance for _, utterance, _ in came]
    assert [utterance.open for utterance in utterances] == [True] * (len(came) - 1) + [False]
    for earlier, later in itertools.pairwise(utterances):
        assert np.array_equal(later.samples[: len(earlier.samples)], earlier.samples)
        assert len(later.words()) >= len(earlier.words())
    whole = (await Voicing(tts, clock).voice(TEXT, "low", speaker="a", utterance_id="u")).utterance
    last = utterances[-1]
    assert abs(len(last.samples) - len(whole.samples)) < RATE // 100
    for one, other in zip(last.marks, whole.marks, strict=True):
        assert (one.text, one.kind) == (other.text, other.kind) and abs(one.start - other.start) < RATE // 200


def test_the_noise_of_a_voice_before_a_soft_opening_is_no_part_of_the_line() -> None:
    """Some 50 ms at -96 dBFS, the burst of a consonant at -47, its silence, and the vowel: whoever waits for an answer
    would wait for the noise as well.
    """
    drawn = np.random.default_rng(1)

    def part(ms: int, db: float) -> Samples:
        return (10 ** (db / 20) * drawn.standard_normal(RATE * ms // 1000)).astype(np.float32)

    sound = np.concatenate([part(50, -96), part(10, -47), part(60, -96), part(400, -20)])
    line = GrowingLine(RATE, "low", Levels())
    line.push(SpeechChunk(sound))
    opening = np.abs(line.samples[: RATE * 60 // 1000])  # the burst is in it either way
    assert np.flatnonzero(opening > 0.1 * opening.max())[0] < RATE * 10 // 1000
    faint = GrowingLine(RATE, "low", Levels())
    samples, _ = (faint.push(SpeechChunk(part(300, -85))), faint.close())[1]
    assert len(samples) > RATE * 250 // 1000  # a whole line that is as soft is no silence


async def test_an_engine_that_has_all_at_once_is_waited_for_from_its_second_line_on() -> None:
    clock = VirtualClock()
    tts = FakeSpeech(usual=Behaviour(latency=SECOND), clock=clock)
    await tts.warm_up()
    voicing = Voicing(tts, clock)
    assert len(await streamed(voicing)) > 1
    (only,) = await streamed(voicing)
    whole = (await voicing.voice(TEXT, "low", speaker="a", utterance_id="u")).utterance
    assert not only.open and np.array_equal(only.samples, whole.samples) and only.marks == whole.marks


class AtOnce:
    """Gives a second of sound for each 15 characters at once, in pieces of a quarter of a second; what it costs to
    bring sound to its loudness is told to the clock.
    """

    name = "at-once"
    capabilities = SpeechCapabilities(rate=RATE, voices=("low",))

    async def speak(self, text: str, voice: str) -> AsyncGenerator[SpeechChunk]:
        for number in range(4 * len(text) // 15):
            at = np.arange(number * RATE // 4, (number + 1) * RATE // 4)
            yield SpeechChunk((0.3 * np.sin(at / 30)).astype(np.float32))

    async def warm_up(self) -> None: ...

    async def close(self) -> None: ...


@pytest.mark.parametrize(("ms_a_second", "first"), [(1, 4.0), (5, 0.25)])
async def test_the_whole_is_waited_for_only_where_all_of_the_text_may_be_there_soon(
    ms_a_second: int, first: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line of four seconds, at once: of the second its first quarter begins it, though a second would be in time."""
    clock = VirtualClock()

    def costly(sound: Samples) -> tuple[Samples, float]:
        clock.advance(len(sound) * ms_a_second * MILLISECOND // RATE)
        return levelled(sound)

    monkeypatch.setattr("duologue.speech.voicing.voicing.levelled", costly)
    voicing = Voicing(AtOnce(), clock)
    await voicing.voice(LONG, "low", speaker="a", utterance_id="u")  # what it costs is known
    await streamed(voicing, LONG)  # and that it is quick
    begun = (await streamed(voicing, LONG))[0]
    assert len(begun.samples) == pytest.approx(first * RATE, abs=RATE / 10)


async def test_what_a_voice_wants_is_learnt_from_whole_lines_as_well() -> None:
    clock = VirtualClock()
    tts = FakeSpeech(usual=SLOW, clock=clock)
    await tts.warm_up()
    voicing = Voicing(tts, clock)
    await voicing.voice("Sorry about that.", "low", speaker="a", utterance_id="apology")
    assert integrated_loudness((await streamed(voicing))[-1].samples) == pytest.approx(-16.0, abs=0.7)


async def test_a_loudness_that_cannot_be_learnt_is_said_and_costs_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(line: GrowingLine) -> None:
        raise ValueError("no level")

    monkeypatch.setattr(GrowingLine, "learn", broken)
    clock = VirtualClock()
    tts = FakeSpeech(usual=SLOW, clock=clock)
    await tts.warm_up()
    with capture_logs() as told:
        assert not (await streamed(Voicing(tts, clock)))[-1].open
        await asyncio.get_running_loop().shutdown_default_executor()
        await asyncio.sleep(0)
    assert [(each["log_level"], each["cause"]) for each in told] == [("error", "ValueError: no level")]


async def test_a_quick_engine_that_has_become_slow_streams_again() -> None:
    clock = VirtualClock()
    tts = FakeSpeech([Behaviour(), SLOW], clock=clock)
    await tts.warm_up()
    voicing = Voicing(tts, clock)
    await streamed(voicing)
    assert len(await streamed(voicing)) > 1


@pytest.mark.parametrize(("good", "successor"), [(0, True), (2, False)])
async def test_who_fails_before_the_first_sound_hands_over_and_not_after_it(good: int, successor: bool) -> None:
    clock = VirtualClock()
    broken = FakeSpeech(
        usual=Behaviour(per_chunk=50 * MILLISECOND, good_chunks=good, error=PeerError("broken")), clock=clock
    )
    second = FakeSpeech(usual=SLOW, clock=clock)
    broken.name, second.name = "first", "second"
    chain = VoicingChain([broken, second], clock=clock)
    await chain.warm_up()
    voices = {"first": "low", "second": "low"}
    given: list[Utterance] = []
    try:
        async for each in chain.stream(TEXT, voices, speaker="a", utterance_id="u"):
            given.append(each.utterance)
    except PeerError:
        assert not successor
    assert {each.engine for each in given} == {"second" if successor else "first"}
    assert given[-1].open is not successor
    await chain.close()


def pieces(chunks: list[SpeechChunk], size: int) -> list[SpeechChunk]:
    """The same sound in pieces of so many samples."""
    sound = np.concatenate([chunk.samples for chunk in chunks])
    return [SpeechChunk(sound[at : at + size]) for at in range(0, len(sound), size)]


def grown(chunks: list[SpeechChunk], rate: int, levels: Levels) -> Samples:
    line = GrowingLine(rate, "v", levels)
    for chunk in chunks:
        before = line.samples
        line.push(chunk)
        assert np.array_equal(line.samples[: len(before)], before)
    return line.close()[0]


async def test_real_speech_comes_to_its_loudness_and_never_clips_in_pieces_of_any_size() -> None:
    tts = Espeak()
    await tts.warm_up()
    try:
        lines = [
            [chunk async for chunk in tts.speak(text, "en-us+m3?rate=165&pitch=35")]
            for text in (
                "Well, I never thought that it would come to this, my friend.",
                "It was the best of times, it was the worst of times, and the boat sank in the end.",
            )
        ]
        rate = tts.capabilities.rate
    finally:
        await tts.close()
    for size in (700, 4_000, 30_000):
        levels = Levels()
        for number, chunks in enumerate(lines):  # the first is judged by its beginning, the next by the first
            sound = grown(pieces(chunks, size), rate, levels)
            assert integrated_loudness(sound) == pytest.approx(-16.0, abs=1.5 if number else 4.0)
            assert decibels(true_peak(sound)) <= -0.7
            assert np.abs(sound[:2]).max() < 0.01 and np.abs(sound[-2:]).max() < 0.01
            whole, _ = finish(chunks, rate)
            assert abs(len(whole) - len(sound)) < RATE // 50
            assert (
                np.corrcoef(whole[: RATE // 2], sound[: RATE // 2])[0, 1] > 0.93
            )  # in step; limited a little otherwise
