"""Forced alignment against espeak-ng's own times, which are true to 2 ms."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from itertools import pairwise

import numpy as np
import pytest
from spoken_phrases import KITCHEN, espeak, flite, noise, padded, silence

from duologue.audio.pcm import RATE, Samples
from duologue.audio.resample import resample
from duologue.errors import ClosedError, InputError
from duologue.speech.alignment import MAX_SECONDS, Aligner
from duologue.speech.espeak.engine import Espeak
from duologue.speech.hearing import EAR_RATE
from duologue.speech.utterance import Mark, MarkKind
from duologue.speech.voicing.voicing import Voicing

pytestmark = pytest.mark.slow  # models are loaded and sound is understood: not for every save

TEXT = "The quick brown fox jumps over the lazy dog, and then it sleeps for 42 hours."


@pytest.fixture
async def aligner() -> AsyncIterator[Aligner]:
    aligner = Aligner()
    await aligner.warm_up()
    yield aligner
    await aligner.close()


def words(marks: tuple[Mark, ...]) -> list[Mark]:
    return [mark for mark in marks if mark.kind is MarkKind.WORD]


def phonemes(marks: tuple[Mark, ...]) -> list[Mark]:
    return [mark for mark in marks if mark.kind is MarkKind.PHONEME]


async def test_words_and_phonemes_are_where_the_voice_says(aligner: Aligner) -> None:
    voice = Espeak()
    await voice.warm_up()
    spoken = (await Voicing(voice).voice(TEXT, "en-us+m3", speaker="a", utterance_id="u")).utterance
    await voice.close()
    found = await aligner.align(spoken.samples, spoken.rate, TEXT)
    assert [mark.text for mark in words(found)] == [mark.text for mark in spoken.words()]
    assert [mark.offset for mark in words(found)] == [mark.offset for mark in spoken.words()]
    errors = [abs(ours.start - theirs.start) / RATE for ours, theirs in zip(words(found), spoken.words(), strict=True)]
    assert np.median(errors) < 0.03
    assert np.quantile(errors, 0.9) < 0.12
    check_inside(found, spoken.samples)


async def test_a_low_voice_does_not_lose_its_way(aligner: Aligner) -> None:
    for text in ("Redacted. You may imagine a very long black bar.", "I recognise it now when I hear it in shops."):
        assert [mark.text for mark in words(await aligner.align(espeak(text), EAR_RATE, text))] == [
            word.strip(".") for word in text.split()
        ]


async def test_what_is_written_otherwise_than_it_is_said_is_found_where_our_voices_say_it(aligner: Aligner) -> None:
    """A sum was sought as "five fifty": the words behind it slid into its last ones."""
    text = "It was $5.50 at 3:30 on the 21st, so pay."
    voice = Espeak()
    await voice.warm_up()
    spoken = (await Voicing(voice).voice(text, "en-us+m3", speaker="a", utterance_id="u")).utterance
    await voice.close()
    found = words(await aligner.align(spoken.samples, spoken.rate, text))
    assert [(mark.text, mark.offset) for mark in found] == [(mark.text, mark.offset) for mark in spoken.words()]
    assert max(abs(ours.start - theirs.start) for ours, theirs in zip(found, spoken.words(), strict=True)) < 0.12 * RATE


def check_inside(marks: tuple[Mark, ...], samples: Samples) -> None:
    for kind in (words(marks), phonemes(marks)):
        assert kind
        assert all(0 <= mark.start < mark.end <= len(samples) for mark in kind)
        assert all(before.end <= after.start for before, after in pairwise(kind))
    for word in words(marks):
        own = [mark for mark in phonemes(marks) if word.start <= mark.start < word.end]
        assert own[0].start == word.start
        assert own[-1].end == word.end


async def test_new_words_numbers_and_pauses_have_places(aligner: Aligner) -> None:
    once = resample(flite("hello zorblax"), EAR_RATE, 22_050)
    sound = np.concatenate([once, np.zeros(22_050, np.float32), resample(flite("forty two"), EAR_RATE, 22_050)])
    found = await aligner.align(sound, 22_050, "Hello, Zorblax!  42.")
    assert [(mark.text, mark.offset) for mark in words(found)] == [("Hello", 0), ("Zorblax", 7), ("42", 17)]
    assert words(found)[2].start >= len(once) + 20_000
    assert [mark.text for mark in phonemes(found)][:4] in (["HH", "AH", "L", "OW"], ["HH", "EH", "L", "OW"])
    check_inside(found, sound)


async def test_a_text_that_is_not_spoken_is_refused_and_the_next_one_aligned(aligner: Aligner) -> None:
    for sound in (silence(0.1), silence(0.0)):
        with pytest.raises(InputError, match="does not hold"):
            await aligner.align(sound, EAR_RATE, "a rather long sentence for a tenth of a second")
    with pytest.raises(InputError, match="too long"):
        await aligner.align(silence(MAX_SECONDS + 1.0), EAR_RATE, "hello")
    assert await aligner.align(noise(1.0), EAR_RATE, " …!? ") == ()
    assert len(words(await aligner.align(padded(flite(KITCHEN)), EAR_RATE, KITCHEN))) == 8


async def test_two_at_once_and_a_worker_that_dies(aligner: Aligner) -> None:
    sound = padded(flite(KITCHEN))
    alone = await aligner.align(sound, EAR_RATE, KITCHEN)
    assert aligner.pid is not None
    os.kill(aligner.pid, signal.SIGKILL)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(aligner.align(sound, EAR_RATE, KITCHEN)) for _ in range(2)]
    assert [task.result() for task in tasks] == [alone, alone]


async def test_close_is_idempotent_and_final(aligner: Aligner) -> None:
    await aligner.close()
    await aligner.close()
    with pytest.raises(ClosedError):
        await aligner.align(padded(flite(KITCHEN)), EAR_RATE, KITCHEN)
