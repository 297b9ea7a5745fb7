"""Forced alignment: where each word and phoneme of a known text is in its sound.

For clips that come with text and no marks, so that lips can follow them. PocketSphinx does the work in a process of its
own (1/30 to 1/20 of real time); its places are hundredths of a second. Words that its dictionary lacks are pronounced
by rule; what is written otherwise than it is said (“$5.50”) is read as our voices read it.
"""

from __future__ import annotations

import asyncio

import numpy as np

from duologue.audio.pcm import Samples, silence, to_int16
from duologue.audio.resample import resample, rescale
from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.errors import InputError, PeerError
from duologue.speech.hearing import EAR_RATE
from duologue.speech.hearing_sound import clean
from duologue.speech.pocketsphinx.messages import FRAME, Align, Aligned, PlacedWord
from duologue.speech.pocketsphinx.process import SphinxProcess
from duologue.speech.pocketsphinx.words import DictionaryWord, written_words
from duologue.speech.utterance import Mark, MarkKind

ALPHABET = "arpabet"
"""Of the phoneme marks: ARPAbet in upper case, without stress, as in CMU's dictionary."""
MAX_SECONDS = 120
"""Of one sound. Longer ones are to be cut at their sentences first."""
_EDGE = 20
"""Frames of silence laid around the sound: PocketSphinx wants a pause to begin and to end with."""
_PATIENCE = 60.0
"""Seconds without an answer after which the worker is given up."""


class Aligner:
    """Aligns one sound at a time; others wait. The worker is started by the first, or by :meth:`warm_up`."""

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self._process = SphinxProcess(_PATIENCE, clock=clock)
        self._turn = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """The worker's process id, None while there is none."""
        return self._process.pid

    async def warm_up(self) -> None:
        """Start the worker. Raises :class:`PeerError` when PocketSphinx does not come up."""
        async with self._turn:
            await self._process.start()

    async def align(self, samples: Samples, rate: int, text: str) -> tuple[Mark, ...]:
        """Word marks, each followed by its phoneme marks, in samples at ``rate``; empty for a text without words.

        Raises :class:`InputError` when the sound is too long, or does not hold the text; :class:`PeerError` when
        PocketSphinx fails twice.
        """
        words = written_words(text)
        if not words:
            return ()
        if len(samples) > MAX_SECONDS * rate:
            raise InputError(
                f"a sound of {len(samples) / rate:.0f} s is too long to be aligned at once",
                where="sound", remedy=f"Cut it into pieces of at most {MAX_SECONDS} s.",
            )  # fmt: skip
        pcm = await asyncio.to_thread(as_pcm, samples, rate)
        spoken = tuple(word for written in words for word in written.spoken)
        async with self._turn:
            placed = await self._ask(Align(pcm, spoken))
        if len(placed) != len(spoken):
            raise InputError(
                "the sound does not hold the text", where=f"“{text[:60]}”",
                remedy="Give the words that are spoken, or no text: then the lips follow the sound alone.",
            )  # fmt: skip
        return _marks(words, placed, rate, len(samples))

    async def close(self) -> None:
        """End the worker. Idempotent."""
        await self._process.close()

    async def _ask(self, request: Align) -> tuple[PlacedWord, ...]:
        """The answer; a worker that dies is replaced once."""
        try:
            answer = await self._process.ask(request)
        except PeerError:
            answer = await self._process.ask(request)
        assert isinstance(answer, Aligned)
        return answer.words


def as_pcm(samples: Samples, rate: int) -> bytes:
    """A sound as PocketSphinx takes it, with a pause before and after it."""
    pause = silence(_EDGE * FRAME)
    return to_int16(np.concatenate([pause, resample(clean(samples), rate, EAR_RATE), pause])).tobytes()


def _marks(
    words: tuple[DictionaryWord, ...], placed: tuple[PlacedWord, ...], rate: int, length: int
) -> tuple[Mark, ...]:
    """The marks of the written words: a number's is from its first spoken word to its last."""

    def at(frame: int) -> int:
        return max(0, min(rescale((frame - _EDGE) * FRAME, EAR_RATE, rate), length))

    marks: list[Mark] = []
    first = 0
    for word in words:
        own = placed[first : first + len(word.spoken)]
        first += len(word.spoken)
        marks.append(Mark(MarkKind.WORD, word.text, at(own[0].start), at(own[-1].end), offset=word.offset))
        marks += [
            Mark(MarkKind.PHONEME, phone.name, at(phone.start), at(phone.end)) for part in own for phone in part.phones
        ]
    return tuple(marks)
