"""The person's side of a session of the Realtime API: their sound, and their turns as items.

With turn detection the conversation listens as it does to everybody, and says when a turn is over. Without it the
client does: what was appended until it commits is one stretch for the ears, understood while it comes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from duologue.app.realtime.answers import Tell
from duologue.app.realtime.items import RealtimeItem, RealtimeItems, joined
from duologue.app.realtime.messages import EventError
from duologue.app.realtime.sound import PacedSound
from duologue.audio.pcm import Samples
from duologue.clock import Clock
from duologue.errors import in_words
from duologue.precedence import Errand, Urgency, errand_of
from duologue.speech.hearing import EAR_RATE, Expected, SpeechToText
from duologue.streams import cancelled

MOST_APPENDED = 120 * EAR_RATE
"""Samples of a turn that the client commits."""
LEAST_APPENDED = EAR_RATE // 10
"""Less is no turn."""


class AppendedSound:
    """Sound that the ears get while it is appended; :meth:`text` is what they understood, ``failure`` why it is not."""

    def __init__(self, ears: SpeechToText, expected: Expected) -> None:
        self.samples = 0
        self.failure = ""
        self._ears = ears
        self._expected = expected
        self._blocks: asyncio.Queue[Samples | None] = asyncio.Queue()
        self._errand = Errand(Urgency.AHEAD)
        self._task: asyncio.Task[str] | None = None

    def push(self, samples: Samples, group: asyncio.TaskGroup) -> None:
        """The next block. Raises :class:`EventError` for more than a turn."""
        if self.samples + len(samples) > MOST_APPENDED:
            raise EventError(
                f"More than {MOST_APPENDED // EAR_RATE} s were appended. Commit them, or clear the buffer.",
                code="input_audio_buffer_full", param="audio",
            )  # fmt: skip
        self.samples += len(samples)
        self._blocks.put_nowait(samples)
        if self._task is None:
            with errand_of(self._errand):
                self._task = group.create_task(self._listen())

    async def text(self) -> str:
        """Nothing more comes: all of it, or as far as the ears came."""
        self._errand.set(Urgency.AWAITED)
        self._blocks.put_nowait(None)
        assert self._task is not None
        return await self._task

    def drop(self) -> None:
        """Nobody wants to know."""
        if self._task is not None:
            self._task.cancel()

    async def _listen(self) -> str:
        """Raises nothing: the words, after what an engine does that fails."""
        text = ""
        try:
            async with aclosing(self._ears.listen(self._read(), self._expected)) as transcripts:
                async for transcript in transcripts:
                    text = transcript.text
        except (Exception, asyncio.CancelledError) as error:  # an engine may come from a stranger's package
            if cancelled():
                raise
            self.failure = in_words(error)
        return text.strip()

    async def _read(self) -> AsyncGenerator[Samples]:
        while (block := await self._blocks.get()) is not None:
            yield block


@dataclass(slots=True)
class _Voice:
    """Somebody speaks: the item that it will be, since when (ns), and whether the client knows of it."""

    item: str
    at: int
    told: bool = False


class PersonTurns:
    """The items of what the person says where the conversation says when a turn is over. ``wanted``: the client wants
    to read what was said.
    """

    def __init__(
        self, tell: Tell, items: RealtimeItems, sound: PacedSound, clock: Clock, wanted: Callable[[], bool]
    ) -> None:
        self._tell = tell
        self._items = items
        self._sound = sound
        self._clock = clock
        self._wanted = wanted
        self._voice: _Voice | None = None
        self._offset = 0
        self._said: list[str] = []
        self.bound: list[RealtimeItem] = []
        """Of the turn that is being answered, or not answered yet."""

    @property
    def speaks(self) -> bool:
        """A voice is, or may be, theirs."""
        return self._voice is not None

    def began(self, at: int, *, floor: bool) -> None:
        """Their voice came up; ``floor``: nobody else has it, so that the client may know at once."""
        if self._voice is None:
            self._voice = _Voice(self._items.new_id(), at)
        if floor:
            self.heard()

    def ended(self, at: int) -> None:
        """Their voice went."""
        self._offset = at

    def heard(self) -> None:
        """The client is told that they speak: it stops its own sound."""
        voice = self._voice
        if voice is not None and not voice.told:
            voice.told = True
            start = self._sound.milliseconds(voice.at)
            self._tell("input_audio_buffer.speech_started", item_id=voice.item, audio_start_ms=start)

    def write(self, items: list[RealtimeItem]) -> None:
        """What they wrote belongs to the turn."""
        self._said += [item.text for item in items if item.text]
        self.bound += items

    def close(self, person: str) -> None:
        """The turn is over, and ``person`` is all that they said in it, in writing too."""
        before = " ".join(joined(self._said).split())
        text = " ".join(person.split())
        said = text[len(before) :].strip() if text.startswith(before) else text
        if not said:
            return
        voice = self._voice or _Voice(self._items.new_id(), self._clock.now())
        self._voice = voice
        self.heard()
        self._voice = None
        item = RealtimeItem(voice.item, role="user", form="input_audio", text=None)
        end = self._sound.milliseconds(max(self._offset, voice.at))
        self._tell("input_audio_buffer.speech_stopped", item_id=item.id, audio_end_ms=end)
        self.commit(item)
        self.transcribed(item, said, (end - self._sound.milliseconds(voice.at)) / 1000)
        self._said.append(said)
        self.bound.append(item)

    def commit(self, item: RealtimeItem) -> None:
        """What was heard is an item."""
        previous = self._items.add(item)
        self._tell("input_audio_buffer.committed", item_id=item.id, previous_item_id=previous)
        self._tell("conversation.item.added", previous_item_id=previous, item=item.wire())

    def transcribed(self, item: RealtimeItem, text: str, seconds: float) -> None:
        """What was said in it is known."""
        item.text = text
        self._tell("conversation.item.done", previous_item_id=self._items.before(item), item=item.wire())
        if self._wanted():
            kind = "conversation.item.input_audio_transcription"
            about = {"item_id": item.id, "content_index": 0}
            if text:
                self._tell(f"{kind}.delta", **about, delta=text)
            usage = {"type": "duration", "seconds": round(max(0.0, seconds), 3)}
            self._tell(f"{kind}.completed", **about, transcript=text, usage=usage)

    def failed(self, item: RealtimeItem, what: str) -> None:
        """Nobody knows what was said in it."""
        item.text = ""
        self._tell("conversation.item.done", previous_item_id=self._items.before(item), item=item.wire())
        if self._wanted():
            error = {"type": "server_error", "code": "transcription_failed", "message": what}
            self._tell(
                "conversation.item.input_audio_transcription.failed", item_id=item.id, content_index=0, error=error
            )  # fmt: skip

    def nothing(self) -> None:
        """The voice was nobody's, or said nothing."""
        voice, self._voice = self._voice, None
        if voice is not None and voice.told:
            end = self._sound.milliseconds(max(self._offset, voice.at))
            self._tell("input_audio_buffer.speech_stopped", item_id=voice.item, audio_end_ms=end)

    def settle(self) -> None:
        """The turn was answered: its items are in the context."""
        for item in self.bound:
            item.known = True
        self.bound, self._said = [], []
