"""How well each word of a known sentence was said, for who asks from another process: see
:mod:`duologue.speech.pronunciation.goodness`, which does the work beside PocketSphinx (a fifth of real time).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from duologue.audio.pcm import Samples
from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.errors import InputError, PeerError
from duologue.speech.alignment import as_pcm
from duologue.speech.pocketsphinx.messages import Scored, ScoreWords
from duologue.speech.pocketsphinx.process import SphinxProcess
from duologue.speech.pocketsphinx.words import written_words
from duologue.speech.pronunciation.goodness import PhoneScore, SoundScore
from duologue.workers import Supervised

MAX_SECONDS = 30
"""Of one sound."""
_PATIENCE = 20.0
"""Seconds without an answer after which the worker is given up."""


@dataclass(frozen=True, slots=True)
class WordEvidence:
    """A word as it stands in the text: see :attr:`~duologue.speech.pronunciation.goodness.SoundScore.evidence`."""

    text: str
    evidence: float
    phones: tuple[PhoneScore, ...] = ()


class PronunciationScorer:
    """Scores one sound at a time; others wait. The worker is started by the first, or by :meth:`warm_up`."""

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self._process = SphinxProcess(_PATIENCE, clock=clock)
        self._turn = asyncio.Lock()

    @property
    def workers(self) -> tuple[Supervised, ...]:
        """Its worker, for a page."""
        return (self._process.worker,)

    async def warm_up(self) -> None:
        """Start the worker. Raises :class:`PeerError` when PocketSphinx does not come up."""
        async with self._turn:
            await self._process.start()

    async def score(self, samples: Samples, rate: int, text: str) -> tuple[WordEvidence, ...]:
        """Each word of ``text``; none when the sound does not hold them, or nothing is to be said.

        Raises :class:`InputError` for a sound of more than :data:`MAX_SECONDS`, :class:`PeerError` when PocketSphinx
        fails.
        """
        words = written_words(text)
        spoken = tuple(word for written in words for word in written.spoken)
        if not spoken or not len(samples):
            return ()
        if len(samples) > MAX_SECONDS * rate:
            raise InputError(
                f"a sound of {len(samples) / rate:.0f} s is too long to be scored", where="sound",
                remedy=f"Give {MAX_SECONDS} s at most.",
            )  # fmt: skip
        pcm = await asyncio.to_thread(as_pcm, samples, rate)
        async with self._turn:
            answer = await self._ask(ScoreWords(pcm, spoken))
        found: list[WordEvidence] = []
        first = 0
        for word in words if len(answer) == len(spoken) else ():
            own = answer[first : first + len(word.spoken)]
            first += len(word.spoken)
            phones = tuple(phone for part in own for phone in part.phones)
            found.append(WordEvidence(word.text, min(part.evidence for part in own), phones))
        return tuple(found)

    async def close(self) -> None:
        """End the worker. Idempotent."""
        await self._process.close()

    async def _ask(self, request: ScoreWords) -> tuple[SoundScore, ...]:
        """The answer; a worker that dies is replaced once."""
        try:
            answer = await self._process.ask(request)
        except PeerError:
            answer = await self._process.ask(request)
        assert isinstance(answer, Scored)
        return answer.words
