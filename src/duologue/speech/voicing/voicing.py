"""From an engine's chunks to an utterance that can go on air: 48 kHz, trimmed, of one loudness, marks to match."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from duologue.audio.loudness import fade_edges, levelled, normalise
from duologue.audio.pcm import RATE, Samples
from duologue.audio.resample import resample
from duologue.clock import MILLISECOND, SYSTEM_CLOCK, Clock
from duologue.errors import InputError, PeerError, in_words
from duologue.speech.engine import TextToSpeech
from duologue.speech.utterance import CHARACTERS_A_SECOND, Mark, SpeechChunk, Utterance
from duologue.speech.voicing.marks import place, sounding
from duologue.speech.voicing.stream import GrowingLine, Levels
from duologue.speech.words import says_something
from duologue.telemetry.log import get_logger

MAX_SECONDS = 600
"""An engine that gives more sound for one line is stopped."""
WHOLE_MS = 10
"""A line that is there no later than that, at its exact loudness, is not worth streaming."""
BEGIN_MS = 250
"""With so much sound a line begins whose engine has the rest of it in a moment: what is heard first covers that moment
on a busy machine, too.
"""
DEARER = 1.1
"""What bringing a line to its loudness costs is the least that it did cost; each line makes that so much more."""


_log = get_logger("duologue.speech.voicing")


@dataclass(frozen=True, slots=True)
class Spoken:
    """An utterance, and when its engine gave the first sound (monotonic ns)."""

    utterance: Utterance
    first_audio: int


class Voicing:
    """Voices lines on one engine. The engine must be warm; closing it stays with its owner. ``streaming`` is how it is
    asked for lines that stream, where that is another way.
    """

    def __init__(
        self, tts: TextToSpeech, clock: Clock = SYSTEM_CLOCK, *, streaming: TextToSpeech | None = None
    ) -> None:
        self._tts = tts
        self._streaming = streaming or tts
        self._clock = clock
        self._levels = Levels()
        self._quick = False
        self._cost = 0.0  # of bringing a second of sound to its exact loudness (ns)

    async def voice(self, text: str, voice: str, *, speaker: str, utterance_id: str, expression: str = "") -> Spoken:
        """Voice ``text`` with an engine's ``voice``. The heavy part runs in a thread.

        Raises what the engine raises, :class:`PeerError` when it gives no sound, no finite sound, or no end of it, and
        :class:`InputError` when it gives none of a text without a letter or a digit: pictures and marks that one voice
        reads out are nothing to another, and that is no failure of the engine.
        """
        chunks, first_audio = await self._collect(text, voice)
        samples, marks = await asyncio.to_thread(self._whole, chunks, voice)
        if len(samples) == 0:
            raise _silent(self._tts.name, text, voice)
        utterance = Utterance(
            id=utterance_id,
            speaker=speaker,
            text=text,
            samples=samples,
            marks=marks,
            alphabet=self._tts.capabilities.alphabet,
            expression=expression,
            engine=self._tts.name,
            cached=any(chunk.cached for chunk in chunks),
        )
        return Spoken(utterance, first_audio)

    async def stream(
        self, text: str, voice: str, *, speaker: str, utterance_id: str, expression: str = ""
    ) -> AsyncGenerator[Spoken, None]:
        """The same as it comes: open, and again each time that it has grown, at last closed. Where that takes
        :data:`WHOLE_MS` at the most (by how quick the engine was with its last line, and by what its loudness costs) it
        comes once, at its exact loudness. Raises the same.
        """
        utterance = Utterance(
            utterance_id, speaker, text, np.zeros(0, np.float32), alphabet=self._tts.capabilities.alphabet,
            expression=expression, engine=self._tts.name, open=True,
        )  # fmt: skip
        rate, line = self._tts.capabilities.rate, GrowingLine(self._tts.capabilities.rate, voice, self._levels)
        chunks: list[SpeechChunk] = []
        first_audio, given, count, pushed, own = 0, False, 0, 0, 0
        async with aclosing(self._streaming.speak(text, voice)) as stream:
            async for chunk in stream:
                now = self._clock.now()
                first_audio = first_audio or (now if len(chunk.samples) else 0)
                count += len(chunk.samples)
                if count > MAX_SECONDS * rate:
                    raise PeerError(f"{self._tts.name} gives no end of sound for {text[:60]!r}", where=f"voice {voice}")
                chunks.append(chunk)
                more = len(chunk.samples) > 0  # or there is a pause now
                if more and self._quick and self._waits(now - first_audio, count / rate, text, begun=given):
                    continue
                grown = await asyncio.to_thread(_push, line, chunks[pushed:])
                pushed = len(chunks)
                if grown:
                    given = True
                    grown_so_far = replace(utterance, samples=line.samples, marks=line.marks(), cached=chunk.cached)
                    yield Spoken(grown_so_far, first_audio)
                own += self._clock.now() - now
        self._quick = self._clock.now() - first_audio - own < WHOLE_MS * MILLISECOND
        close = partial(_close, line, chunks[pushed:]) if given else partial(self._whole, chunks, voice)
        samples, marks = await asyncio.to_thread(close)
        if len(samples) == 0:
            raise _silent(self._tts.name, text, voice)
        if given and self._levels.asks(voice):  # nobody waits for that
            learning = asyncio.get_running_loop().run_in_executor(None, self._learn, line)
            learning.add_done_callback(_told)
        cached = any(chunk.cached for chunk in chunks)
        yield Spoken(replace(utterance, samples=samples, marks=marks, open=False, cached=cached), first_audio)

    def _waits(self, elapsed: int, seconds: float, text: str, *, begun: bool) -> bool:
        """Whether more is waited for of a quick engine, ``elapsed`` after its first sound, when so many ``seconds`` of
        ``text`` are there: for enough to begin with, when it has ``begun`` for the rest, or for the whole, unless as
        much as the text tells would cost too much.
        """
        most = WHOLE_MS * MILLISECOND
        whole = max(seconds, len(text) / CHARACTERS_A_SECOND)
        return elapsed < most and (begun or elapsed + self._cost * whole < most or seconds * 1000 < BEGIN_MS)

    def _whole(self, chunks: list[SpeechChunk], voice: str) -> tuple[Samples, tuple[Mark, ...]]:
        """As :func:`finish`; what the voice wants is learnt for lines that stream, and what it costs."""
        sound, marks = _trimmed(chunks, self._tts.capabilities.rate)
        begun = self._clock.now()
        result, gain = levelled(sound)
        if len(sound):
            self._levels.learn(voice, gain)
            self._note_cost(begun, len(sound))
        return fade_edges(result), marks

    def _learn(self, line: GrowingLine) -> None:
        begun = self._clock.now()
        line.learn()
        self._note_cost(begun, len(line.samples))

    def _note_cost(self, begun: int, samples: int) -> None:
        cost = (self._clock.now() - begun) * RATE / samples
        self._cost = min(cost, self._cost * DEARER) if self._cost else cost

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


def _silent(engine: str, text: str, voice: str) -> PeerError | InputError:
    """Whose fault it is that there is no sound."""
    fault = PeerError if says_something(text) else InputError
    return fault(
        f"{engine} had nothing to say for {text[:60]!r}", where=f"voice {voice}",
        remedy="Give it words, or another engine or voice.",
    )  # fmt: skip


def _told(learning: asyncio.Future[None]) -> None:
    """The line was heard all the same."""
    if not learning.cancelled() and (error := learning.exception()) is not None:
        _log.error("the loudness of a voice was not learnt", cause=in_words(error), exc_info=error)


def _joined(chunks: list[SpeechChunk]) -> SpeechChunk:
    """All of them as one."""
    samples = np.concatenate([np.zeros(0, np.float32), *(chunk.samples for chunk in chunks)])
    return SpeechChunk(samples, tuple(mark for chunk in chunks for mark in chunk.marks))


def _push(line: GrowingLine, chunks: list[SpeechChunk]) -> bool:
    """Whether there is more to be played."""
    return line.push(_joined(chunks))


def _close(line: GrowingLine, chunks: list[SpeechChunk]) -> tuple[Samples, tuple[Mark, ...]]:
    """All of it, with its last ``chunks``."""
    if chunks:
        line.push(_joined(chunks))
    return line.close(learns=False)


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
