"""What the benchmarks of hearing share: human recordings with their texts, noise, a listener as in a session, and how
errors are counted. See :mod:`benchmarks.natural.ears`.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import re
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import av
import numpy as np

from duologue.audio.pcm import Samples, from_int16
from duologue.audio.resample import FrameResampler
from duologue.clock import SECOND
from duologue.dialogue.listening.endpointing import SpeechGate
from duologue.dialogue.listening.unvoiced import VoiceTrack, text_without
from duologue.dialogue.turns.vocabulary import SpeechStarted
from duologue.places import models_folder
from duologue.simulation.spoken import telephone
from duologue.speech.hearing import EAR_RATE, VAD_FRAME, Expected, SpeechToText, Transcript
from duologue.speech.pocketsphinx.words import dictionary_words
from duologue.speech.silero import Silero

PROMPTS = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
PROMPT_TEXTS = Path("/usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz")
SPHINX = Path("/usr/share/pocketsphinx/test/data")
QUIET_S = 1.0
"""Silence behind each recording, for the decision that it is over: it falls 0.35 s after the voice has gone."""
DECIDED = 350 * EAR_RATE // 1000
LONGEST_S = 29
"""Of a recording, so that a whole one fits the window that Whisper was trained with."""


@dataclass(frozen=True)
class Said:
    """A recording and what is said in it."""

    sound: Samples
    text: str


def model_folder() -> Path:
    """The English model that was fetched, or what ``EARS_MODEL`` says."""
    return (
        Path(os.environ.get("EARS_MODEL", "")) if os.environ.get("EARS_MODEL") else models_folder() / "whisper-tiny.en"
    )


def read(path: Path) -> Samples:
    """A recording at the ears' rate."""
    if path.suffix == ".raw":
        return from_int16(np.fromfile(path, np.int16))
    resampler = FrameResampler(EAR_RATE)
    with av.open(str(path)) as container:
        frames = [part for frame in container.decode(audio=0) for part in resampler.push(frame)]
    return np.concatenate([part.to_ndarray()[0] for part in [*frames, *resampler.push(None)]])


_UNSPOKEN = re.compile(r"\([^)]*\)|\[[^]]*\]|<[^>]*>")


def prompts(first: str, last: str, folder: Path = PROMPTS, texts: Path = PROMPT_TEXTS) -> list[Said]:
    """Asterisk's prompts of two words and more whose names begin with the letters from ``first`` to ``last``. Their
    texts write keys as ``*`` and ``#``, which is read out, and in brackets of any kind what nobody says: of ten
    recordings of silence that they are so, of others what sounds, or how a word is to be understood.
    """
    found: list[Said] = []
    for line in gzip.decompress(texts.read_bytes()).decode("utf-8", "replace").splitlines():
        name, mark, text = line.strip().partition(": ")
        path, text = folder / f"{name}.wav", _UNSPOKEN.sub(" ", text)
        if mark and path.exists() and first <= name[0] <= last and len(text.split()) > 1:
            found.append(Said(read(path), text.replace("*", " star ").replace("#", " pound ")))
    return [each for each in found if len(each.sound) <= LONGEST_S * EAR_RATE]


def testdata() -> list[Said]:
    """The eleven recordings of Debian's package."""
    found = [Said(read(SPHINX / "goforward.raw"), "go forward ten meters")]
    for folder, texts in (("cards", "cards.transcription"), ("librivox", "transcription")):
        for line in (SPHINX / folder / texts).read_text().splitlines():
            match = re.fullmatch(r"(?:<s>)?(.*?)(?:</s>)?\s*\((.*)\)", line.strip())
            if match and (path := SPHINX / folder / f"{match[2]}.wav").exists():
                found.append(Said(read(path), match[1]))
    return found


class Listener:
    """A voice and its ears, as in a session; the sound comes faster than real time, so times are those of the sound."""

    def __init__(self, activity: Silero, forced: bool = False) -> None:
        self._activity = activity
        self._stream = activity.open()
        self._gate = SpeechGate()
        self._forced = forced
        self.track = VoiceTrack()
        self.onsets = 0

    @property
    def ended(self) -> int | None:
        """See :class:`duologue.speech.hearing.VoicePresence`."""
        return None if self._forced else self.track.ended

    async def told(self, sound: Samples) -> AsyncIterator[Samples]:
        """The sound, voice activity being told of each frame as it comes."""
        for at in range(0, len(sound) - VAD_FRAME + 1, VAD_FRAME):
            frame = sound[at : at + VAD_FRAME]
            probability = self._activity.step({self._stream: frame})[self._stream]
            event = self._gate.step(probability, (at + VAD_FRAME) * SECOND // EAR_RATE)
            if event is not None:
                self.onsets += isinstance(event, SpeechStarted)
                self.track.change(event.at * EAR_RATE // SECOND, isinstance(event, SpeechStarted))
            yield frame
            await asyncio.sleep(0)
            if self.ended is not None and at - self.ended > DECIDED and at > len(sound) - QUIET_S * EAR_RATE:
                return
        self._activity.forget(self._stream)


async def heard(
    ears: SpeechToText, sound: Samples, activity: Silero, forced: bool = False, expected: Expected | None = None
) -> tuple[str, Transcript]:
    """What was heard in the end, and the transcript that it is of."""
    listener, last = Listener(activity, forced), Transcript("")
    if not forced:
        sound = np.concatenate([sound, np.zeros(round(QUIET_S * EAR_RATE), np.float32)])
    async for transcript in ears.listen(listener.told(sound), expected, listener):
        last = transcript
    return last.text if forced else text_without(last, listener.track.silent), last


def telephoned(sound: Samples) -> Samples:
    """Through G.711 µ-law, and 8 kHz."""
    narrow = np.clip(telephone(sound), -1.0, 1.0)
    coded: Samples = np.rint(np.sign(narrow) * np.log1p(255 * np.abs(narrow)) / np.log(256) * 127) / 127
    return (np.sign(coded) * np.expm1(np.abs(coded) * np.log(256)) / 255).astype(np.float32)


def noisy(kind: Callable[[int], Samples], decibels: float) -> Callable[[Samples], Samples]:
    """Noise added so far below the voice."""

    def add(sound: Samples) -> Samples:
        noise = kind(len(sound))
        voice = float(np.sqrt(np.mean(np.square(sound))))
        scale = voice / float(np.sqrt(np.mean(np.square(noise)))) / 10 ** (decibels / 20)
        return (sound + noise * scale).astype(np.float32)

    return add


def babble(recordings: Sequence[Said]) -> Callable[[int], Samples]:
    """Six of the recordings at once, said over and over."""

    def made(count: int) -> Samples:
        return np.sum([np.resize(each.sound, count) for each in recordings[:60:10]], axis=0).astype(np.float32)

    return made


_CONTRACTED = tuple(
    (re.compile(rf"\b{short}\b"), whole)
    for short, whole in (
        ("can't|cannot", "can not"), ("won't", "will not"), ("let's", "let us"), ("i'm", "i am"),
        (r"(it|that|there|here|what|who|he|she|where|how)'s", r"\1 is"), (r"(\w+)n't", r"\1 not"),
        (r"(\w+)'re", r"\1 are"), (r"(\w+)'ll", r"\1 will"), (r"(\w+)'ve", r"\1 have"),
    )
)  # fmt: skip
"""Short forms written out, as Whisper's own normaliser has them: "you're" may be the hearing of "you are"."""


def normal(text: str) -> str:
    """A text as its words are counted: :func:`duologue.speech.pocketsphinx.words.dictionary_words` (lower case, no
    marks, numbers read out), short forms written out.
    """
    words = " ".join(dictionary_words(text))
    for pattern, whole in _CONTRACTED:
        words = pattern.sub(whole, words)
    return words


_MOST_JOINED = 12
"""Words that may be one: letters that are spelled."""


def one_spelling(said: str, understood: str) -> tuple[str, str]:
    """Two normal texts; words of one that are one word of the other are one in both ("log in", "login"; "t t y",
    "TTY").
    """
    one, other = said.split(), understood.split()
    return " ".join(_joined(one, set(other) - set(one))), " ".join(_joined(other, set(one) - set(other)))


def _joined(words: Sequence[str], known: set[str]) -> list[str]:
    made: list[str] = []
    at = 0
    while at < len(words):
        most = min(len(words), at + _MOST_JOINED)
        to = next((to for to in range(most, at + 1, -1) if "".join(words[at:to]) in known), at + 1)
        made.append("".join(words[at:to]))
        at = to
    return made


def errors(said: Sequence[str], understood: Sequence[str], exact: bool = False) -> tuple[float, int]:
    """Word errors in percent, and the words that were said; ``exact``: short forms and blanks within a word count."""
    jiwer: Any = import_module("jiwer")
    if exact:
        sides = [[" ".join(dictionary_words(text)) for text in side] for side in (said, understood)]
        pairs = list(zip(*sides, strict=True))
    else:
        pairs = [one_spelling(normal(one), normal(other)) for one, other in zip(said, understood, strict=True)]
    return 100.0 * float(jiwer.wer([one for one, _ in pairs], [other for _, other in pairs])), sum(
        len(one.split()) for one, _ in pairs
    )


def interval(said: Sequence[str], understood: Sequence[str]) -> tuple[float, float]:
    """In which the word errors lie with 95 %, by drawing recordings anew."""
    generator, drawn = np.random.default_rng(5), list[float]()
    for _ in range(200):
        places = [int(place) for place in generator.integers(0, len(said), len(said))]
        drawn.append(errors([said[n] for n in places], [understood[n] for n in places])[0])
    return float(np.percentile(drawn, 2.5)), float(np.percentile(drawn, 97.5))
