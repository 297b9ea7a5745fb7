"""From an engine's chunks to an utterance that can go on air: 48 kHz, trimmed, of one loudness, marks to match."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from duologue.audio.loudness import fade_edges, levelled, normalise
from duologue.audio.pcm import Samples
from duologue.audio.resample import resample
from duologue.clock import MILLISECOND, SYSTEM_CLOCK, Clock
from duologue.errors import PeerError
from duologue.speech.engine import TextToSpeech
from duologue.speech.utterance import Mark, SpeechChunk, Utterance
from duologue.speech.voicing_marks import place, sounding
from duologue.speech.voicing_stream import GrowingLine, Levels

MAX_SECONDS = 600
"""An engine that gives more sound for one line is stopped."""
WHOLE_MS = 10
"""An engine that needs no longer for all of a line is not worth streaming."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """An utterance, and when its engine gave the first sound (monotonic ns)."""

    utterance: Utterance
    first_audio: int


class Voicing:
    """Voices lines on one engine. The engine must be warm; closing it stays with its owner."""

    def __init__(self, tts: TextToSpeech, clock: Clock = SYSTEM_CLOCK) -> None:
        self._tts = tts
        self._clock = clock
        self._levels = Levels()
        self._quick = False

    async def voice(self, text: str, voice: str, *, speaker: str, utterance_id: str, expression: str = "") -> Spoken:
        """Voice ``text`` with an engine's ``voice``. The heavy part runs in a thread.

        Raises what the engine raises, and :class:`PeerError` when it gives no sound, no finite sound, or no end of it.
        """
        chunks, first_audio = await self._collect(text, voice)
        samples, marks = await asyncio.to_thread(self._whole, chunks, voice)
        if len(samples) == 0:
            raise PeerError(
                f"{self._tts.name} had nothing to say for {text[:60]!r}", where=f"voice {voice}",
                remedy="Give it words, or another engine or voice.",
            )  # fmt: skip
        utterance = Utterance(
            id=utterance_id,
            speaker=speaker,
            text=text,
            samples=samples,
            marks=marks,
            alphabet=self._tts.capabilities.alphabet,
            expression=expression,
            engine=self._tts.name,
        )
        return Spoken(utterance, first_audio)

    async def stream(
        self, text: str, voice: str, *, speaker: str, utterance_id: str, expression: str = ""
    ) -> AsyncGenerator[Spoken, None]:
        """The same as it comes: open, and again each time that it has grown, at last closed. From an engine that had
        its last line within :data:`WHOLE_MS` it comes once, at its exact loudness. Raises the same.
        """
        utterance = Utterance(
            utterance_id, speaker, text, np.zeros(0, np.float32), alphabet=self._tts.capabilities.alphabet,
            expression=expression, engine=self._tts.name, open=True,
        )  # fmt: skip
        rate, line = self._tts.capabilities.rate, GrowingLine(self._tts.capabilities.rate, voice, self._levels)
        chunks: list[SpeechChunk] = []
        first_audio, given, count, pushed = 0, False, 0, 0
        async with aclosing(self._tts.speak(text, voice)) as stream:
            async for chunk in stream:
                now = self._clock.now()
                first_audio = first_audio or (now if len(chunk.samples) else 0)
                count += len(chunk.samples)
                if count > MAX_SECONDS * rate:
                    raise PeerError(f"{self._tts.name} gives no end of sound for {text[:60]!r}", where=f"voice {voice}")
                chunks.append(chunk)
                if self._quick and now - first_audio < WHOLE_MS * MILLISECOND:
                    continue
                grown = [await asyncio.to_thread(line.push, each) for each in chunks[pushed:]]
                pushed = len(chunks)
                if any(grown):
                    given = True
                    yield Spoken(replace(utterance, samples=line.samples, marks=line.marks()), first_audio)
        self._quick = self._clock.now() - first_audio < WHOLE_MS * MILLISECOND
        samples, marks = await asyncio.to_thread(line.close if given else partial(self._whole, chunks, voice))
        if len(samples) == 0:
            raise PeerError(
                f"{self._tts.name} had nothing to say for {text[:60]!r}", where=f"voice {voice}",
                remedy="Give it words, or another engine or voice.",
            )  # fmt: skip
        yield Spoken(replace(utterance, samples=samples, marks=marks, open=False), first_audio)

    def _whole(self, chunks: list[SpeechChunk], voice: str) -> tuple[Samples, tuple[Mark, ...]]:
        """As :func:`finish`; what the voice wants is learnt for lines that stream."""
        sound, marks = _trimmed(chunks, self._tts.capabilities.rate)
        result, gain = levelled(sound)
        if len(sound):
            self._levels.learn(voice, gain)
        return fade_edges(result), marks

    async def _collect(self, text: str, voice: str) -> tuple[list[SpeechChunk], int]:
        chunks: list[SpeechChunk] = []
        first_audio, count = 0, 0
        most = MAX_SECONDS * self._tts.capabilities.rate
        async with aclosing(self._tts.speak(text, voice)) as stream:
            async for chunk in stream:
                if first_audio == 0 and len(chunk.samples):
                    first_audio = self._clock.now()
                count += len(chunk.samples)
                if count > most:
                    raise PeerError(f"{self._tts.name} gives no end of sound for {text[:60]!r}", where=f"voice {voice}")
                chunks.append(chunk)
        return chunks, first_audio


def finish(chunks: list[SpeechChunk], rate: int) -> tuple[Samples, tuple[Mark, ...]]:
    """All of a line at ``rate`` -> its sound at 48 kHz, trimmed, levelled and faded, and its marks in order of start.

    Silence gives no samples. Raises :class:`PeerError` for sound that is not finite.
    """
    sound, marks = _trimmed(chunks, rate)
    return fade_edges(normalise(sound)), marks


def _trimmed(chunks: list[SpeechChunk], rate: int) -> tuple[Samples, tuple[Mark, ...]]:
    raw = np.concatenate([np.zeros(0, np.float32), *(chunk.samples for chunk in chunks)])
    if not bool(np.isfinite(raw).all()):
        raise PeerError("the speech engine gave sound that is not a number")
    samples = resample(raw, rate)
    begin, end = sounding(samples)
    if begin == end:
        return samples[:0], ()
    return samples[begin:end], place((mark for chunk in chunks for mark in chunk.marks), rate, begin, end)
