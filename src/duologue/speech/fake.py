"""A scripted engine for tests and simulations: a tone for each word, on whatever clock, failing where it is told to."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from duologue.audio.pcm import Samples
from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.errors import ClosedError, InputError, InternalError
from duologue.speech.engine import SpeechCapabilities
from duologue.speech.utterance import Mark, MarkKind, SpeechChunk

VOICES = {"low": 110.0, "high": 220.0}
"""The voices and their base pitch (Hz)."""
_WORD = re.compile(r"\w[\w'’]*")
_WORD_S = 0.2
_PAUSE_S = 0.05


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How one call of :meth:`FakeSpeech.speak` goes. Times are nanoseconds on the engine's clock.

    After ``good_chunks`` chunks (one a word) ``error`` is raised, or with ``hang`` nothing more ever comes.
    """

    latency: int = 0
    per_chunk: int = 0
    good_chunks: int = 0
    error: Exception | None = None
    hang: bool = False


class FakeSpeech:
    """Call ``n`` behaves as ``script[n]`` says, later calls as ``usual``."""

    name = "fake"

    def __init__(
        self,
        script: Sequence[Behaviour] = (),
        usual: Behaviour | None = None,
        *,
        clock: Clock = SYSTEM_CLOCK,
        rate: int = 24_000,
    ) -> None:
        self._script = tuple(script)
        self._usual = usual or Behaviour()
        self._clock = clock
        self._rate = rate
        self._warm = False
        self._closed = False
        self.calls: list[tuple[str, str]] = []
        """What was asked: text and voice."""
        self.cancelled = 0
        """Calls that were given up by the listener."""

    @property
    def capabilities(self) -> SpeechCapabilities:
        """See the protocol: words and one phoneme a word, ``a``, in the alphabet ``ipa``."""
        if not self._warm:
            raise InternalError("the fake engine was asked what it can do before warm_up()")
        return SpeechCapabilities(
            rate=self._rate, word_marks=True, phoneme_marks=True, alphabet="ipa", voices=tuple(VOICES)
        )

    async def warm_up(self) -> None:
        """Nothing to load."""
        self._warm = True

    async def speak(self, text: str, voice: str) -> AsyncGenerator[SpeechChunk, None]:
        """See the protocol."""
        if self._closed:
            raise ClosedError("the fake engine is closed")
        if voice not in VOICES:
            raise InputError(f"there is no voice {voice!r}", where="voice", remedy=f"There are: {', '.join(VOICES)}.")
        turn = len(self.calls)
        behaviour = self._script[turn] if turn < len(self._script) else self._usual
        self.calls.append((text, voice))
        try:
            async for chunk in self._play(text, VOICES[voice], behaviour):
                yield chunk
        except (GeneratorExit, asyncio.CancelledError):
            self.cancelled += 1
            raise

    async def close(self) -> None:
        """Idempotent."""
        self._closed = True

    async def _play(self, text: str, pitch: float, behaviour: Behaviour) -> AsyncGenerator[SpeechChunk, None]:
        await self._wait(behaviour.latency)
        at = 0
        for index, match in enumerate(_WORD.finditer(text)):
            if index:
                await self._wait(behaviour.per_chunk)
            if index == behaviour.good_chunks:
                await self._misbehave(behaviour)
            chunk = self._word(match.group(), match.start(), at, pitch)
            at += len(chunk.samples)
            yield chunk

    async def _misbehave(self, behaviour: Behaviour) -> None:
        if behaviour.error is not None:
            raise behaviour.error
        if behaviour.hang:
            await asyncio.Event().wait()

    async def _wait(self, nanoseconds: int) -> None:
        await self._clock.wait_until(self._clock.now() + nanoseconds)

    def _word(self, word: str, offset: int, at: int, pitch: float) -> SpeechChunk:
        sounding, pause = int(_WORD_S * self._rate), int(_PAUSE_S * self._rate)
        frequency = pitch * (1 + crc32(word.encode("utf-8", "replace")) % 8 / 8)
        tone = 0.2 * np.sin(2 * np.pi * frequency * np.arange(sounding) / self._rate)
        samples: Samples = np.concatenate([tone, np.zeros(pause)]).astype(np.float32)
        marks = (
            Mark(MarkKind.WORD, word, at, at + sounding, offset=offset),
            Mark(MarkKind.PHONEME, "a", at, at + sounding, stressed=True),
        )
        return SpeechChunk(samples, marks)
