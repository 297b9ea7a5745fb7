"""Ears for tests and simulations: scripted ones, whose text goes by the time in the sound, on whatever clock, failing
where told to; and voice activity by loudness.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np

from duologue.audio.pcm import Samples
from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.errors import ClosedError, InternalError
from duologue.speech.hearing import EAR_RATE, Expected, HearingCapabilities, Transcript, VoicePresence
from duologue.speech.hearing_sound import clean
from duologue.speech.utterance import Mark, MarkKind


@dataclass(frozen=True, slots=True)
class Word:
    """A word and where in the sound it ends (seconds): it is understood when so much has come."""

    text: str
    end: float


@dataclass(frozen=True, slots=True)
class Hearing:
    """How one call of :meth:`FakeHearing.listen` goes. Times are nanoseconds on the engine's clock.

    Every word whose end has come is understood and settled. ``final`` replaces the text at the end (a withdrawn
    partial), ``latency`` is how long the final takes, ``confidence`` how sure it is of all, ``language`` what it was.
    After ``good_seconds`` of sound ``error`` is raised, or with ``hang`` nothing more ever comes.
    """

    words: tuple[Word, ...] = ()
    final: str | None = None
    latency: int = 0
    good_seconds: float = 0.0
    error: Exception | None = None
    hang: bool = False
    confidence: float = 1.0
    language: str = ""


def evenly(text: str, begin: float = 0.2, each: float = 0.3) -> tuple[Word, ...]:
    """The words of ``text``, one each ``each`` seconds."""
    return tuple(Word(word, begin + each * (number + 1)) for number, word in enumerate(text.split()))


class FakeHearing:
    """Call ``n`` goes as ``script[n]`` says, later calls as ``usual``."""

    name = "fake"

    def __init__(
        self, script: Sequence[Hearing] = (), usual: Hearing | None = None, *, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self.script = tuple(script)
        self._usual = usual or Hearing()
        self._clock = clock
        self._warm = False
        self._closed = False
        self.calls: list[Expected] = []
        """What was expected, call by call."""
        self.seconds: list[float] = []
        """How much sound came, call by call."""
        self.cancelled = 0
        """Calls that were given up by the listener."""

    @property
    def capabilities(self) -> HearingCapabilities:
        """See the protocol."""
        if not self._warm:
            raise InternalError("the fake ear was asked what it can do before warm_up()")
        return HearingCapabilities(partials=True, punctuation=True, words=True)

    async def warm_up(self) -> None:
        """Nothing to load."""
        self._warm = True

    async def listen(
        self, sound: AsyncIterator[Samples], expected: Expected | None = None, voice: VoicePresence | None = None
    ) -> AsyncGenerator[Transcript, None]:
        """See the protocol."""
        if self._closed:
            raise ClosedError("the fake ear is closed")
        turn = len(self.calls)
        hearing = self.script[turn] if turn < len(self.script) else self._usual
        self.calls.append(expected or Expected())
        self.seconds.append(0.0)
        shown = understood(hearing, 0.0)
        try:
            async for block in sound:
                self.seconds[turn] += len(clean(block)) / EAR_RATE
                await _misbehave(hearing, self.seconds[turn])
                before, shown = shown, understood(hearing, self.seconds[turn])
                if shown.text != before.text:
                    yield shown
            await _misbehave(hearing, max(self.seconds[turn], hearing.good_seconds))
            await self._clock.wait_until(self._clock.now() + hearing.latency)
            yield _final(hearing, shown)
        except (GeneratorExit, asyncio.CancelledError):
            self.cancelled += 1
            raise

    async def close(self) -> None:
        """Idempotent."""
        self._closed = True


def understood(hearing: Hearing, seconds: float) -> Transcript:
    """What ``hearing`` gives after so much sound."""
    words: list[Mark] = []
    offset = 0
    for word in hearing.words:
        if word.end > seconds:
            break
        begin = max(words[-1].end if words else 0, round((word.end - 0.3) * EAR_RATE))
        words.append(Mark(MarkKind.WORD, word.text, begin, round(word.end * EAR_RATE), offset=offset))
        offset += len(word.text) + 1
    text = " ".join(word.text for word in words)
    stable = len(text) if hearing.final is None else 0
    return Transcript(text, False, stable, tuple(words), hearing.confidence, hearing.language)


def _final(hearing: Hearing, shown: Transcript) -> Transcript:
    text = shown.text if hearing.final is None else hearing.final
    words = shown.words if text == shown.text else ()
    return Transcript(text, True, len(text), words, hearing.confidence, hearing.language)


async def _misbehave(hearing: Hearing, seconds: float) -> None:
    if seconds < hearing.good_seconds:
        return
    if hearing.error is not None:
        raise hearing.error
    if hearing.hang:
        await asyncio.Event().wait()


class Loudness:
    """Voice activity that takes whatever is louder than ``least`` (the mean of amplitudes, of 1) for a voice."""

    def __init__(self, least: float = 0.05) -> None:
        self._least = least
        self._numbers = count()
        self.streams: set[int] = set()
        """Those that are open."""

    def open(self) -> int:
        """See :class:`~duologue.speech.hearing.VoiceActivity`."""
        stream = next(self._numbers)
        self.streams.add(stream)
        return stream

    def step(self, frames: Mapping[int, Samples]) -> Mapping[int, float]:
        """See the protocol: 1 or 0."""
        return {stream: float(np.abs(frame).mean() > self._least) for stream, frame in frames.items()}

    def forget(self, stream: int) -> None:
        """See the protocol."""
        self.streams.remove(stream)
