"""The default ears themselves, where they are, told by the default voice: what they promise, with real words."""

from __future__ import annotations

import difflib
from collections.abc import AsyncIterator

import numpy as np
import pytest
import pytest_asyncio
from benchmarks.natural.callers import Half, sentences, trimmed
from benchmarks.natural.nobody import sounds_of_nobody
from benchmarks.natural.recordings import heard, normal

from duologue.audio.pcm import Samples
from duologue.audio.resample import resample
from duologue.models.entries import PIPER_JOE, WHISPER_TINY_EN
from duologue.models.shelf import ModelShelf
from duologue.settings import load_models_folder
from duologue.speech.hearing import EAR_RATE, Transcript
from duologue.speech.piper import engine as piper
from duologue.speech.piper.engine import PiperSpeech
from duologue.speech.silero import Silero
from duologue.speech.voicing.voicing import Voicing
from duologue.speech.whisper.engine import Whisper, WhisperSettings

SHELF = ModelShelf(load_models_folder(None))  # before the tests' own surroundings hide it
pytestmark = [
    pytest.mark.peer,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(
        not all(map(SHELF.has, (PIPER_JOE, WHISPER_TINY_EN))),
        reason="the ears and the voice are not here: duologue models get natural",
    ),
]
MONOLOGUE_S = 90
"""Three of the windows that Whisper was trained with; of three minutes test_whisper_parts.py tells without a model."""
BREATH = np.zeros(2 * EAR_RATE // 5, np.float32)
"""Between two sentences of it: shorter than any pause that ends a turn."""
MISHEARD = 0.1
"""Of the words of a monologue, at most."""
LOST = 3
"""Words in a row that may be misheard; more were lost, or said twice."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ears() -> AsyncIterator[Whisper]:
    """One for all that is listened to here, as in a house."""
    whisper = Whisper(WhisperSettings(model=str(SHELF.path(WHISPER_TINY_EN)), every_s=5.0))  # finals are looked at
    await whisper.warm_up()
    yield whisper
    await whisper.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def voice() -> AsyncIterator[PiperSpeech]:
    joe = piper.engine(piper.PiperSettings(folder=SHELF.path(PIPER_JOE)))
    await joe.warm_up()
    yield joe
    await joe.close()


_SPOKEN = dict[str, Samples]()


async def said(voice: PiperSpeech, text: str) -> Samples:
    """The same lines are spoken in a monologue and without a pause: once for both."""
    if text not in _SPOKEN:
        _SPOKEN[text] = await _spoken(voice, text)
    return _SPOKEN[text]


async def _spoken(voice: PiperSpeech, text: str) -> Samples:
    spoken = await Voicing(voice).voice(text, PIPER_JOE.voices[0], speaker="caller", utterance_id="said")
    return resample(spoken.utterance.samples, spoken.utterance.rate, EAR_RATE)


async def understood(ears: Whisper, sound: Samples) -> tuple[list[str], Transcript]:
    """As a session hears it: told of pauses, and without what lies where nobody spoke."""
    text, transcript = await heard(ears, sound, Silero())
    return normal(text).split(), transcript


@pytest.mark.parametrize(
    "text",
    [
        "No, no, no, not that one.", "Yes, yes, I know.", "It was very, very cold.", "Five five, two two.",
        "Bye bye.", "Ten of clubs.", "I paid for two tickets.",
    ],
)  # fmt: skip
async def test_what_is_said_twice_is_heard_twice_and_nothing_else_is(
    ears: Whisper, voice: PiperSpeech, text: str
) -> None:
    words, transcript = await understood(ears, await said(voice, text))
    assert words == normal(text).split()
    ends = [mark.end for mark in transcript.words]
    assert ends == sorted(ends) and 0.5 < transcript.confidence <= 1.0


@pytest.mark.parametrize(("kind", "sound"), [pytest.param(*each, id=each[0]) for each in sounds_of_nobody(20.0)])
async def test_nothing_comes_of_what_nobody_said_though_it_be_taken_for_a_voice(
    ears: Whisper, kind: str, sound: Samples
) -> None:
    text, _ = await heard(ears, sound, Silero(), forced=True)
    assert text == "", kind


@pytest.mark.timeout(300)
async def test_a_monologue_is_heard_whole_and_nothing_twice(ears: Whisper, voice: PiperSpeech) -> None:
    lines = [" ".join(phrases) for kind, phrases in sentences(Half.TUNING) if kind != "dictated"]
    sounds, length, spoken = list[Samples](), 0, list[str]()
    for line in lines:
        if length >= MONOLOGUE_S * EAR_RATE:
            break
        sounds += [await said(voice, line), BREATH]
        length += len(sounds[-2]) + len(BREATH)
        spoken += normal(line).split()
    words, _ = await understood(ears, np.concatenate(sounds))
    check_heard(spoken, words)


@pytest.mark.timeout(300)
async def test_speech_without_any_pause_is_heard_whole_and_nothing_twice(ears: Whisper, voice: PiperSpeech) -> None:
    """Three quarters of a minute: every cut lies within speech. Once 26 words of these lines were lost."""
    lines = [" ".join(phrases) for kind, phrases in sentences(Half.TUNING) if kind != "dictated"][10:45][::-1]
    sound = np.concatenate([trimmed(await said(voice, line)) for line in lines])
    words, _ = await understood(ears, sound)
    check_heard(normal(" ".join(lines)).split(), words)


def check_heard(spoken: list[str], words: list[str]) -> None:
    """Words may be misheard, a few of them; not lost, nor heard twice."""
    steps = difflib.SequenceMatcher(None, spoken, words, autojunk=False).get_opcodes()
    wrong = [step for step in steps if step[0] != "equal"]
    assert max((max(two - one, other - first) for _, one, two, first, other in wrong), default=0) <= LOST, wrong
    assert sum(max(two - one, other - first) for _, one, two, first, other in wrong) <= MISHEARD * len(spoken)
