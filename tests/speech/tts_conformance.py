"""What every engine that speaks must do. Derive a class from :class:`TtsConformance` and give it ``make`` and
``voice``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest

from duologue.audio.pcm import Samples
from duologue.errors import ClosedError, DuologueError, InputError
from duologue.speech.engine import TextToSpeech
from duologue.speech.utterance import Mark, MarkKind

SENTENCE = "The quick brown fox jumps over the lazy dog, and then it sleeps."


@dataclass(frozen=True)
class Heard:
    """All that one call gave."""

    samples: Samples
    marks: tuple[Mark, ...]

    def of(self, kind: MarkKind) -> list[Mark]:
        return [mark for mark in self.marks if mark.kind is kind]


async def hear(engine: TextToSpeech, text: str, voice: str) -> Heard:
    chunks = [chunk async for chunk in engine.speak(text, voice)]
    samples = np.concatenate([np.zeros(0, np.float32), *(chunk.samples for chunk in chunks)])
    return Heard(samples, tuple(mark for chunk in chunks for mark in chunk.marks))


def check_marks(heard: Heard, text: str) -> None:
    for kind in MarkKind:
        marks = heard.of(kind)
        for mark in marks:
            assert 0 <= mark.start <= mark.end <= len(heard.samples), mark
        for before, after in pairwise(marks):
            assert before.start <= after.start, (before, after)
            assert before.end <= after.start, (before, after)
    offsets = [mark.offset for mark in heard.of(MarkKind.WORD) if mark.offset >= 0]
    assert offsets == sorted(set(offsets))
    for mark in heard.of(MarkKind.WORD):
        if mark.offset >= 0:
            assert text[mark.offset : mark.offset + len(mark.text)] == mark.text


class TtsConformance:
    """The suite. ``voice`` must exist; ``make`` gives a cold engine."""

    voice = ""

    def make(self) -> TextToSpeech:
        raise NotImplementedError

    @pytest.fixture
    async def engine(self) -> AsyncIterator[TextToSpeech]:
        engine = self.make()
        await engine.warm_up()
        yield engine
        await engine.close()

    async def test_cold_it_does_not_claim_anything(self) -> None:
        engine = self.make()
        with pytest.raises(DuologueError):
            _ = engine.capabilities
        await engine.close()

    async def test_what_it_claims_is_true(self, engine: TextToSpeech) -> None:
        claims = engine.capabilities
        heard = await hear(engine, SENTENCE, self.voice)
        assert engine.name
        assert 8_000 <= claims.rate <= 48_000
        assert 1.0 < len(heard.samples) / claims.rate < 10.0
        assert bool(heard.of(MarkKind.WORD)) == claims.word_marks
        assert bool(heard.of(MarkKind.PHONEME)) == claims.phoneme_marks
        assert bool(claims.alphabet) == claims.phoneme_marks

    async def test_the_sound_is_float_mono_finite_and_not_clipped(self, engine: TextToSpeech) -> None:
        samples = (await hear(engine, SENTENCE, self.voice)).samples
        assert samples.dtype == np.float32
        assert samples.ndim == 1
        assert bool(np.isfinite(samples).all())
        assert 0.01 < float(np.abs(samples).max()) <= 1.0

    async def test_it_streams(self, engine: TextToSpeech) -> None:
        chunks = [chunk async for chunk in engine.speak(SENTENCE, self.voice)]
        assert len(chunks) > 3

    async def test_marks_are_in_order_and_inside(self, engine: TextToSpeech) -> None:
        heard = await hear(engine, SENTENCE, self.voice)
        check_marks(heard, SENTENCE)
        if engine.capabilities.word_marks:
            words = [mark.text for mark in heard.of(MarkKind.WORD)]
            assert words == [word.strip(",.") for word in SENTENCE.split()]

    @pytest.mark.parametrize("text", ["", "   ", "\n\t", "...", "—"])
    async def test_nothing_to_say_gives_no_chunk(self, engine: TextToSpeech, text: str) -> None:
        assert [chunk async for chunk in engine.speak(text, self.voice)] == []

    @pytest.mark.parametrize(
        "text",
        [
            "Naïve café, über straße — “quoted” don't 42 times…",
            "Emoji 😀 in the middle, 👩‍👩‍👧 a family, and 𝔘𝔫𝔦code.",
            "日本語 and Русский and العربية together.",
            "a\x00b\x07c \ud800 lone",
        ],
    )
    async def test_any_unicode_is_spoken_with_true_offsets(self, engine: TextToSpeech, text: str) -> None:
        heard = await hear(engine, text, self.voice)
        assert len(heard.samples) > 0
        check_marks(heard, text)

    async def test_two_thousand_characters(self, engine: TextToSpeech) -> None:
        text = (SENTENCE + " ") * 32
        heard = await hear(engine, text[:2_000], self.voice)
        check_marks(heard, text[:2_000])
        assert len(heard.samples) / engine.capabilities.rate > 30

    async def test_an_unknown_voice_is_named_with_those_there_are(self, engine: TextToSpeech) -> None:
        with pytest.raises(InputError, match="nobody") as caught:
            await hear(engine, SENTENCE, "nobody")
        assert engine.capabilities.voices[0] in caught.value.remedy
        assert len((await hear(engine, "Still here.", self.voice)).samples) > 0

    async def test_a_listener_that_leaves_costs_nothing(self, engine: TextToSpeech) -> None:
        async with aclosing(engine.speak(SENTENCE * 20, self.voice)) as stream:
            async for _ in stream:
                break
        assert len((await hear(engine, "And on.", self.voice)).samples) > 0

    async def test_a_cancelled_listener_leaves_the_engine_working(self, engine: TextToSpeech) -> None:
        begun = asyncio.Event()

        async def listen() -> None:
            async for _ in engine.speak(SENTENCE * 20, self.voice):
                begun.set()
                await asyncio.Event().wait()

        async with asyncio.TaskGroup() as group:
            task = group.create_task(listen())
            await begun.wait()
            task.cancel()
        assert len((await hear(engine, "And on.", self.voice)).samples) > 0

    async def test_lines_spoken_at_once_do_not_mix(self, engine: TextToSpeech) -> None:
        texts = ["One.", "Two little birds sat there.", SENTENCE, "Four."]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(hear(engine, text, self.voice)) for text in texts]
        for text, task in zip(texts, tasks, strict=True):
            heard = task.result()
            check_marks(heard, text)
            if engine.capabilities.word_marks:
                assert [mark.text for mark in heard.of(MarkKind.WORD)] == [w.strip(",.") for w in text.split()]

    async def test_a_line_nobody_reads_holds_nobody_up(self, engine: TextToSpeech) -> None:
        async with aclosing(engine.speak(SENTENCE * 10, self.voice)) as idle:
            await anext(idle)
            assert len((await hear(engine, "Meanwhile.", self.voice)).samples) > 0
            assert len((await anext(idle)).samples) >= 0

    async def test_close_is_idempotent_and_final(self, engine: TextToSpeech) -> None:
        await engine.close()
        await engine.close()
        with pytest.raises(ClosedError):
            await hear(engine, SENTENCE, self.voice)
