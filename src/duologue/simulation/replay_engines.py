"""Engines of a talk that is heard again: replies as they were recorded, and real engines whose work takes its time."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import ExitStack, aclosing
from dataclasses import replace
from typing import TypeVar

import numpy as np

from duologue.audio.pcm import RATE, Samples
from duologue.clock import MILLISECOND, Clock
from duologue.dialogue.ports import Voice, Voiced
from duologue.language.engine import LanguageCapabilities, LanguageModel, Prompt
from duologue.simulation.borrowed import BorrowedEngine
from duologue.simulation.engines import voiced
from duologue.simulation.recorded_talk import RecordedLine, RecordedReply
from duologue.simulation.virtual_time import WorkingLoop
from duologue.speech.hearing import (
    Expected,
    HearingCapabilities,
    SpeechToText,
    Transcript,
    TurnEnd,
    VoicePresence,
)
from duologue.speech.utterance import Mark, Utterance
from duologue.streams import closing

T = TypeVar("T")
UNRECORDED = "I see."
"""What is said where no reply was recorded at all."""
_WORDS_PER_MINUTE = 170.0
"""Of a voice of which nothing was recorded."""


class RecordedMind:
    """Gives the replies of a talk again, with the times that they took: to what the person began to say last."""

    name = "recorded"

    def __init__(self, replies: Sequence[RecordedReply], clock: Clock) -> None:
        self._replies = replies
        self._clock = clock

    @property
    def capabilities(self) -> LanguageCapabilities:
        """See the protocol."""
        return LanguageCapabilities(streaming=True, deterministic=True)

    async def warm_up(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to release."""

    async def write(self, prompt: Prompt) -> AsyncGenerator[str, None]:
        """See the protocol."""
        began = self._clock.now()
        reply = self._of(began)
        words = reply.text.split()
        for number, word in enumerate(words):
            share = number / max(1, len(words) - 1)
            due = reply.first_ms + share * max(0.0, reply.all_ms - reply.first_ms)
            await self._clock.wait_until(began + round(due * MILLISECOND))
            yield f" {word}" if number else word

    def _of(self, now: int) -> RecordedReply:
        found = [reply for reply in self._replies if reply.since <= now]
        first = self._replies[:1] or [RecordedReply(0, UNRECORDED, 0.0, 0.0)]
        return (found or first)[-1]


class RecordedVoice:
    """Sounds as long as it did, after as long as it took. What was not said then is as long as its letters would be."""

    def __init__(self, lines: Sequence[RecordedLine], clock: Clock) -> None:
        self._lines: dict[str, list[RecordedLine]] = {}
        for line in lines:
            self._lines.setdefault(_plain(line.text), []).append(line)
        letters = sum(len(line.text) for line in lines)
        samples = sum(len(line.samples) for line in lines)
        self._each = samples / letters if letters else 0.0
        self._clock = clock

    async def voice(self, text: str, speaker: str, utterance_id: str) -> Voiced:
        """See :class:`~duologue.dialogue.ports.Voice`."""
        now = self._clock.now()
        known = self._lines.get(_plain(text), [])
        line = min(known, key=lambda each: (not each.played, abs(each.asked - now)), default=None)
        if line is not None and "/" in utterance_id:
            await self._clock.wait_until(now + round(line.after_ms * MILLISECOND))
        utterance = voiced(text, speaker, utterance_id, _WORDS_PER_MINUTE, "recorded")
        if line is not None:
            utterance = _stretched(utterance, line.samples)
        elif self._each:
            utterance = _stretched(utterance, np.zeros(max(1, round(len(text) * self._each)), np.float32))
        return Voiced(utterance, self._clock.now())


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _stretched(utterance: Utterance, samples: Samples) -> Utterance:
    """The same words in another sound, which they share as before."""
    share = len(samples) / max(1, len(utterance.samples))

    def moved(mark: Mark) -> Mark:
        return replace(mark, start=round(mark.start * share), end=min(len(samples), round(mark.end * share)))

    return replace(utterance, samples=samples, rate=RATE, marks=tuple(map(moved, utterance.marks)))


class _Shift:
    """An engine at work, or not."""

    def __init__(self, loop: WorkingLoop) -> None:
        self._loop = loop
        self._stack = ExitStack()
        self._on = False

    def set(self, on: bool) -> None:
        if on and not self._on:
            self._stack.enter_context(self._loop.at_work())
        elif self._on and not on:
            self._stack.close()
        self._on = on


class WorkingEars(BorrowedEngine[HearingCapabilities]):
    """Real ears on a :class:`WorkingLoop`: they are at work from the moment they have the sound that they asked for
    until they ask for more, or say something. Ears that say nothing before the end may ask somebody beside listening
    (a server, at a pause): they are at work for the whole of a stretch.
    """

    def __init__(self, engine: SpeechToText, loop: WorkingLoop) -> None:
        super().__init__(engine)
        self._engine = engine
        self._loop = loop

    async def listen(
        self, sound: AsyncIterator[Samples], expected: Expected | None = None, voice: VoicePresence | None = None
    ) -> AsyncGenerator[Transcript, None]:
        """See the protocol."""
        shift = _Shift(self._loop)
        given = self._given(sound, shift) if self.capabilities.partials else sound
        try:
            async with aclosing(self._engine.listen(given, expected, voice)) as transcripts:
                while True:
                    shift.set(True)
                    try:
                        transcript = await anext(transcripts)
                    except StopAsyncIteration:
                        return
                    shift.set(not self.capabilities.partials)
                    yield transcript
        finally:
            shift.set(False)

    async def _given(self, sound: AsyncIterator[Samples], shift: _Shift) -> AsyncGenerator[Samples, None]:
        while True:
            shift.set(False)
            try:
                block = await anext(sound)
            except StopAsyncIteration:
                return
            finally:
                shift.set(True)
            yield block


class WorkingMind(BorrowedEngine[LanguageCapabilities]):
    """A real mind on a :class:`WorkingLoop`."""

    def __init__(self, engine: LanguageModel, loop: WorkingLoop) -> None:
        super().__init__(engine)
        self._engine = engine
        self._loop = loop

    async def write(self, prompt: Prompt) -> AsyncGenerator[str, None]:
        """See the protocol."""
        async with closing(self._engine.write(prompt)) as pieces:
            async for piece in _working(pieces, self._loop):
                yield piece


class WorkingVoice:
    """A real voice on a :class:`WorkingLoop`."""

    def __init__(self, voice: Voice, loop: WorkingLoop) -> None:
        self._voice = voice
        self._loop = loop

    async def voice(self, text: str, speaker: str, utterance_id: str) -> Voiced:
        """See :class:`~duologue.dialogue.ports.Voice`."""
        with self._loop.at_work():
            spoken = await self._voice.voice(text, speaker, utterance_id)
        if spoken.more is None:
            return spoken
        return replace(spoken, more=_working(spoken.more, self._loop))


class WorkingTurnEnd:
    """Who judges by the sound of a turn, on a :class:`WorkingLoop`."""

    def __init__(self, engine: TurnEnd, loop: WorkingLoop) -> None:
        self._engine = engine
        self._loop = loop

    async def ended(self, sound: Samples) -> float:
        """See the protocol."""
        with self._loop.at_work():
            return await self._engine.ended(sound)


async def _working(pieces: AsyncIterator[T], loop: WorkingLoop) -> AsyncGenerator[T, None]:
    """The same, each waited for while somebody is at work."""
    while True:
        with loop.at_work():
            try:
                piece = await anext(pieces)
            except StopAsyncIteration:
                return
        yield piece
