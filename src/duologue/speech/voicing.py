"""From an engine's chunks to an utterance that can go on air: 48 kHz, trimmed, of one loudness, marks to match."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import dataclass, replace

import numpy as np

from duologue.audio.loudness import fade_edges, normalise
from duologue.audio.pcm import RATE, Samples
from duologue.audio.resample import resample, rescale
from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.errors import PeerError
from duologue.speech.engine import TextToSpeech
from duologue.speech.utterance import Mark, MarkKind, SpeechChunk, Utterance

MAX_SECONDS = 600
"""An engine that gives more sound for one line is stopped."""
_SILENCE_DB = -50.0
"""Below the loudest window: what is quieter at the ends is silence."""
_WINDOW = RATE * 5 // 1000
_LEAD, _TAIL = RATE * 5 // 1000, RATE * 10 // 1000
"""Kept before the first sound, as much as a fade needs (whoever waits for an answer waits for this too), and after the
last (samples).
"""


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

    async def voice(self, text: str, voice: str, *, speaker: str, utterance_id: str, expression: str = "") -> Spoken:
        """Voice ``text`` with an engine's ``voice``. The heavy part runs in a thread.

        Raises what the engine raises, and :class:`PeerError` when it gives no sound, no finite sound, or no end of it.
        """
        chunks, first_audio = await self._collect(text, voice)
        samples, marks = await asyncio.to_thread(finish, chunks, self._tts.capabilities.rate)
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
    raw = np.concatenate([np.zeros(0, np.float32), *(chunk.samples for chunk in chunks)])
    if not bool(np.isfinite(raw).all()):
        raise PeerError("the speech engine gave sound that is not a number")
    samples = resample(raw, rate)
    begin, end = sounding(samples)
    if begin == end:
        return samples[:0], ()
    marks = (mark for chunk in chunks for mark in chunk.marks)
    return fade_edges(normalise(samples[begin:end])), _place(marks, rate, begin, end)


def sounding(samples: Samples) -> tuple[int, int]:
    """From where to where something is to be heard, with a margin; (0, 0) for silence."""
    windows = -(-len(samples) // _WINDOW)
    padded = np.zeros(windows * _WINDOW, np.float32)
    padded[: len(samples)] = samples
    power = (padded.reshape(windows, _WINDOW) ** 2).mean(axis=1)
    loudest = float(power.max(initial=0.0))
    if loudest < 1e-9:  # -90 dBFS
        return 0, 0
    loud = np.flatnonzero(power > loudest * 10 ** (_SILENCE_DB / 10))
    return max(0, int(loud[0]) * _WINDOW - _LEAD), min(len(samples), (int(loud[-1]) + 1) * _WINDOW + _TAIL)


def _place(marks: Iterable[Mark], rate: int, begin: int, end: int) -> tuple[Mark, ...]:
    """Rescale, shift and clip marks; a phoneme of which nothing is left is dropped, a word is kept for its text."""
    placed: list[Mark] = []
    for mark in marks:
        start, stop = (min(max(rescale(at, rate), begin), end) - begin for at in (mark.start, mark.end))
        if stop > start or mark.kind is MarkKind.WORD:
            placed.append(replace(mark, start=start, end=stop))
    return tuple(sorted(placed, key=lambda mark: (mark.start, mark.kind is MarkKind.PHONEME)))
