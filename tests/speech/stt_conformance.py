"""What every engine that hears must do. Derive a class from :class:`SttConformance` and give it ``make``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from itertools import pairwise

import numpy as np
import pytest
from spoken_phrases import KITCHEN, flite, noise, padded, silence, telephone

from duologue.audio.pcm import Samples
from duologue.errors import ClosedError, DuologueError, InputError
from duologue.speech.hearing import EAR_RATE, Expected, SpeechToText, Transcript

BLOCK = EAR_RATE // 50


def in_blocks(samples: Samples, size: int = BLOCK) -> list[Samples]:
    return [samples[at : at + size] for at in range(0, len(samples), size)]


async def told(blocks: Iterable[Samples]) -> AsyncIterator[Samples]:
    """Faster than real time, as a file is."""
    for block in blocks:
        yield block
        await asyncio.sleep(0)


async def without_end(samples: Samples) -> AsyncIterator[Samples]:
    for block in in_blocks(samples):
        yield block
        await asyncio.sleep(0)
    await asyncio.Event().wait()


async def hear(
    engine: SpeechToText, samples: Samples, expected: Expected | None = None, size: int = BLOCK
) -> list[Transcript]:
    return [transcript async for transcript in engine.listen(told(in_blocks(samples, size)), expected)]


def letters(text: str) -> str:
    return "".join(character for character in text if character.isalnum())


def check(transcripts: list[Transcript], seconds: float, words: bool = True) -> Transcript:
    """The promises of the protocol about any run that ended well; gives the final one."""
    assert [transcript.final for transcript in transcripts] == [False] * (len(transcripts) - 1) + [True]
    for transcript in transcripts:
        assert 0 <= transcript.stable <= len(transcript.text)
        assert transcript.confidence == -1.0 or 0.0 <= transcript.confidence <= 1.0
        assert transcript.text == transcript.text.strip()
        for mark in transcript.words:
            assert 0 <= mark.start <= mark.end <= (seconds + 0.1) * EAR_RATE, mark
            assert transcript.text[mark.offset : mark.offset + len(mark.text)] == mark.text
        for before, after in pairwise(transcript.words):
            assert before.start <= before.end <= after.start
            assert before.offset < after.offset
    for before, after in pairwise(transcripts):
        assert after.text[: before.stable] == before.text[: before.stable], (before, after)
    last = transcripts[-1]
    assert last.stable == len(last.text)
    if words and last.words:
        assert letters("".join(mark.text for mark in last.words)) == letters(last.text)
    return last


class SttConformance:
    """The suite. ``make`` gives a cold engine; ``knows_words`` is False for a model of random weights."""

    knows_words = True
    long_seconds = 40

    def make(self) -> SpeechToText:
        raise NotImplementedError

    @pytest.fixture
    async def engine(self) -> AsyncIterator[SpeechToText]:
        engine = self.make()
        await engine.warm_up()
        yield engine
        await engine.close()

    def sound(self) -> Samples:
        return padded(flite(KITCHEN))

    async def test_cold_it_does_not_claim_anything(self) -> None:
        engine = self.make()
        with pytest.raises(DuologueError):
            _ = engine.capabilities
        await engine.close()

    async def test_speech_gives_partials_if_claimed_and_one_final_last(self, engine: SpeechToText) -> None:
        sound = self.sound()
        transcripts = await hear(engine, sound)
        last = check(transcripts, len(sound) / EAR_RATE)
        assert engine.name
        assert bool(transcripts[:-1]) == engine.capabilities.partials
        assert bool(last.words) == engine.capabilities.words
        if self.knows_words:
            assert {"turn", "kitchen"} <= set(last.text.lower().replace(".", "").split())

    async def test_a_telephone_is_understood_too(self, engine: SpeechToText) -> None:
        sound = telephone(self.sound())
        last = check(await hear(engine, sound), len(sound) / EAR_RATE)
        if self.knows_words:
            assert {"turn", "kitchen"} & set(last.text.lower().replace(".", "").split())

    async def test_how_sound_is_cut_does_not_matter(self, engine: SpeechToText) -> None:
        sound = self.sound()
        whole = check(await hear(engine, sound, size=len(sound)), len(sound) / EAR_RATE)
        odd = check(await hear(engine, sound, size=777), len(sound) / EAR_RATE)
        assert odd.text == whole.text

    async def test_what_was_heard_before_changes_nothing(self, engine: SpeechToText) -> None:
        first = check(await hear(engine, self.sound()), 10)
        await hear(engine, noise(1.0, 0.3))
        assert check(await hear(engine, self.sound()), 10).text == first.text

    @pytest.mark.parametrize("sound", [[], [np.zeros(0, np.float32)], [np.zeros(1, np.float32)]], ids=len)
    async def test_no_sound_is_an_empty_final(self, engine: SpeechToText, sound: Sequence[Samples]) -> None:
        transcripts = [transcript async for transcript in engine.listen(told(sound))]
        assert [(transcript.text, transcript.final) for transcript in transcripts] == [("", True)]

    async def test_silence_says_nothing(self, engine: SpeechToText) -> None:
        transcripts = await hear(engine, silence(2.0))
        last = check(transcripts, 2.0)
        if self.knows_words:
            assert last.text == ""

    @pytest.mark.parametrize(
        "garbage",
        [
            np.full(EAR_RATE, np.nan, np.float32),
            np.full(EAR_RATE, np.inf, np.float32),
            np.full(EAR_RATE, 1e30, np.float32),
            noise(1.0, 10.0),
            np.tile(np.array([1.0, -1.0], np.float32), EAR_RATE // 2),
        ],
        ids=["nan", "inf", "huge", "loud noise", "nyquist"],
    )
    async def test_garbage_ends_in_one_final_and_harms_nobody(self, engine: SpeechToText, garbage: Samples) -> None:
        check(await hear(engine, garbage), 1.0)
        check(await hear(engine, self.sound()), 10)

    async def test_stereo_is_refused_with_words(self, engine: SpeechToText) -> None:
        with pytest.raises(InputError, match="mono"):
            await hear(engine, np.zeros((EAR_RATE, 2), np.float32))
        check(await hear(engine, self.sound()), 10)

    @pytest.mark.slow
    async def test_long_speech_without_a_pause(self, engine: SpeechToText) -> None:
        once = flite(KITCHEN)
        sound = np.tile(once, int(self.long_seconds * EAR_RATE / len(once)) + 1)
        last = check(await hear(engine, sound, size=EAR_RATE // 5), len(sound) / EAR_RATE)
        if self.knows_words:
            assert last.text.count("kitchen") >= 0.7 * self.long_seconds * EAR_RATE / len(once)

    async def test_a_listener_that_leaves_costs_nothing(self, engine: SpeechToText) -> None:
        if engine.capabilities.partials:
            async with aclosing(engine.listen(without_end(self.sound()))) as stream:
                async for _ in stream:
                    break
        check(await hear(engine, self.sound()), 10)

    async def test_a_cancelled_listener_leaves_the_engine_working(self, engine: SpeechToText) -> None:
        reached = asyncio.Event()

        async def sound() -> AsyncIterator[Samples]:
            for block in in_blocks(self.sound()):
                yield block
            reached.set()
            await asyncio.Event().wait()

        async def listen() -> None:
            async for _ in engine.listen(sound()):
                pass

        async with asyncio.TaskGroup() as group:
            task = group.create_task(listen())
            await reached.wait()
            task.cancel()
        check(await hear(engine, self.sound()), 10)

    async def test_a_source_that_fails_is_not_hidden(self, engine: SpeechToText) -> None:
        async def broken() -> AsyncIterator[Samples]:
            yield self.sound()
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            async for _ in engine.listen(broken()):
                pass
        check(await hear(engine, self.sound()), 10)

    async def test_two_are_heard_at_once_and_not_mixed(self, engine: SpeechToText) -> None:
        alone = check(await hear(engine, self.sound()), 10).text
        async with asyncio.TaskGroup() as group:
            speech = group.create_task(hear(engine, self.sound()))
            quiet = group.create_task(hear(engine, silence(1.0)))
        assert check(speech.result(), 10).text == alone
        check(quiet.result(), 1.0)

    async def test_close_is_idempotent_and_final(self, engine: SpeechToText) -> None:
        await engine.close()
        await engine.close()
        with pytest.raises(ClosedError):
            await hear(engine, self.sound())
