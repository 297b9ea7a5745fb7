"""Engines that take no time, for what is measured around them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping

import numpy as np

from benchmarks.voice import probe
from duologue.audio.pcm import Samples, from_int16
from duologue.speech.engine import SpeechCapabilities
from duologue.speech.utterance import Mark, MarkKind, SpeechChunk


class Loudness:
    """Voice activity that costs next to nothing: by some samples of a sound that swings to both sides."""

    def __init__(self) -> None:
        self._next = 0

    def open(self) -> int:
        self._next += 1
        return self._next

    def step(self, frames: Mapping[int, Samples]) -> Mapping[int, float]:
        return {stream: float(frame[::16].max() > 0.05) for stream, frame in frames.items()}

    def forget(self, stream: int) -> None:
        pass


class ZeroSpeech:
    """A voice that has its sound at once, with a mark for each word: what a ``mode`` of the probe answers with for
    ``answer``, and a short one for all else (what a session voices beforehand, apologies and fillers).
    """

    def __init__(self, answer: str = probe.ANSWER, mode: str = "reply", name: str = "zero") -> None:
        self.name = name
        self._answer = answer
        self._sound = from_int16(np.frombuffer(probe.answer_pcm(mode), np.int16))

    @property
    def capabilities(self) -> SpeechCapabilities:
        return SpeechCapabilities(probe.VOICE_RATE, word_marks=True)

    async def warm_up(self) -> None:
        pass

    async def speak(self, text: str, voice: str) -> AsyncGenerator[SpeechChunk, None]:
        sound = self._sound if text == self._answer else self._sound[: probe.VOICE_RATE // 4]
        words = text.split()
        each = len(sound) // max(1, len(words))
        marks = tuple(Mark(MarkKind.WORD, word, n * each, (n + 1) * each) for n, word in enumerate(words))
        yield SpeechChunk(sound, marks)

    async def close(self) -> None:
        pass
