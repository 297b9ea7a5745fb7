"""A reply spoken while it is written: sentences are voiced two at a time and delivered in order.

The time to the first sound is that of the first sentence plus its voice, whatever the length of the reply. While it is
played, the next ones are written and voiced; how far ahead that runs is bounded by the listener, who is awaited.

Each sentence passes moderation before it is voiced. One that is refused becomes one of the persona's deflections, and
nothing more of that reply is said. A sentence that cannot be voiced is left out. All of it stands in the
:class:`ReplyReport`.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TypeAlias, cast

from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.dialogue.ports import Voice, Voiced
from duologue.dialogue.replies_text import Cut, Part, ReplyReader
from duologue.errors import DuologueError, PeerError
from duologue.language.moderation import Moderator, Subject
from duologue.language.persona import Persona
from duologue.language.structured import Form, ReplyChunk
from duologue.language.tools import Filler

AHEAD = 4
"""Sentences that may be voiced and not yet taken by the listener."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A sentence of the reply with its sound, marks and duration. ``chunk`` is its structured chunk as far as it is
    known by now, None without one.
    """

    index: int
    text: str
    voiced: Voiced
    chunk: ReplyChunk | None = None


Deliver: TypeAlias = Callable[[Spoken], Awaitable[None]]
"""Takes each sentence, in order, one at a time; may wait. What it raises ends the reply."""


@dataclass(slots=True)
class ReplyReport:
    """How one reply went. Times are monotonic ns, 0 where nothing came; ``failures`` are sentences, with their cause.

    ``text`` is what was delivered, joined by spaces.
    """

    form: Form = Form.PLAIN
    problem: str = ""
    cut: Cut = Cut.NONE
    text: str = ""
    sentences: int = 0
    refused: int = 0
    fillers: int = 0
    failures: list[str] = field(default_factory=list[str])
    first_token: int = 0
    first_sentence: int = 0
    first_audio: int = 0
    complete: int = 0
    chunks: tuple[ReplyChunk, ...] = ()


_Line: TypeAlias = tuple[Part, "asyncio.Task[Voiced | None]"]


class Replies:
    """Speaks replies with one voice port. ``parallel`` sentences are voiced at once; ``tries`` and ``voice_seconds``
    are for each. ``forms`` counts what structured replies turned out to be.
    """

    def __init__(
        self,
        voice: Voice,
        moderator: Moderator,
        *,
        clock: Clock = SYSTEM_CLOCK,
        parallel: int = 2,
        tries: int = 2,
        voice_seconds: float = 20.0,
    ) -> None:
        self.voice = voice
        self.moderator = moderator
        self.clock = clock
        self.parallel = parallel
        self.tries = tries
        self.voice_seconds = voice_seconds
        self.forms: Counter[Form] = Counter()

    async def speak(
        self, stream: AsyncIterator[str], reader: ReplyReader, speaker: Persona, reply_id: str, deliver: Deliver
    ) -> ReplyReport:
        """Speak what comes from ``stream`` as ``speaker``; utterances are named ``reply_id-0``, ``-1``, ….

        Cancel the caller's task to stop: the engine's stream and the voices under way are closed before this returns.
        Raises :class:`PeerError` when not one sentence could be delivered, and what ``deliver`` raises.
        """
        under_way = _Reply(self, reader, speaker, reply_id, deliver)
        try:
            await under_way.run(stream)
        except BaseExceptionGroup as group:
            raise _first(group) from group
        report = under_way.report
        report.form, report.problem, report.cut = reader.form, reader.problem, reader.cut
        report.chunks = tuple(reader.chunks.values())
        if reader.structured:
            self.forms[reader.form] += 1
        if not report.sentences:
            cause = "; ".join(report.failures) or "it answered nothing that can be spoken"
            raise PeerError(f"the reply could not be spoken: {cause}", where=speaker.name)
        return report


class _Reply:
    """One reply under way."""

    def __init__(self, owner: Replies, reader: ReplyReader, speaker: Persona, reply_id: str, deliver: Deliver) -> None:
        self._owner = owner
        self._reader = reader
        self._speaker = speaker
        self._id = reply_id
        self._deliver = deliver
        self._lines: asyncio.Queue[_Line | None] = asyncio.Queue(AHEAD)
        self._slots = asyncio.Semaphore(owner.parallel)
        self._count = 0
        self._refused = False
        self.report = ReplyReport()

    async def run(self, stream: AsyncIterator[str]) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._hand_over())
            try:
                await self._read(stream, group)
            finally:
                if isinstance(stream, AsyncGenerator):
                    await stream.aclose()
            self.report.complete = self._owner.clock.now()
            await self._lines.put(None)

    async def _read(self, stream: AsyncIterator[str], group: asyncio.TaskGroup) -> None:
        """Read until the end, a cap, a refusal or a failure; what came before a failure is still said."""
        broken = False
        try:
            async for piece in stream:
                self.report.first_token = self.report.first_token or self._owner.clock.now()
                self.report.fillers += isinstance(piece, Filler)
                await self._begin_all(self._reader.feed(piece), group)
                if self._reader.cut or self._refused:
                    break
        except Exception as error:  # an engine may come from a stranger's package: what it said so far is still said
            self.report.failures.append(f"language: {_words(error)}")
            broken = True
        await self._begin_all(self._reader.finish(broken=broken), group)

    async def _begin_all(self, parts: list[Part], group: asyncio.TaskGroup) -> None:
        for part in parts:
            if not self._refused:
                await self._begin(part, group)

    async def _begin(self, part: Part, group: asyncio.TaskGroup) -> None:
        """Judge a sentence and begin to voice it, as soon as one of the voices is free."""
        self.report.first_sentence = self.report.first_sentence or self._owner.clock.now()
        verdict = await self._owner.moderator.judge(part.text, Subject.LINE)
        if not verdict.allowed:
            self._refused = True
            self.report.refused += 1
            part = replace(part, text=self._deflection(), chunk=-1)
        part = replace(part, index=self._count)
        self._count += 1
        await self._slots.acquire()
        await self._lines.put((part, group.create_task(self._voice(part))))

    def _deflection(self) -> str:
        return random.Random(f"deflection {self._id}").choice(self._speaker.deflections)

    async def _voice(self, part: Part) -> Voiced | None:
        """The sound of a sentence; None, and a failure in the report, when the voice fails in all tries."""
        owner = self._owner
        try:
            for _ in range(owner.tries):
                try:
                    async with asyncio.timeout(owner.voice_seconds):
                        return await owner.voice.voice(part.text, self._speaker.name, f"{self._id}-{part.index}")
                except TimeoutError:
                    self.report.failures.append(f"voice: no sound in {owner.voice_seconds:g} s")
                except Exception as error:  # as above
                    self.report.failures.append(f"voice: {_words(error)}")
            return None
        finally:
            self._slots.release()

    async def _hand_over(self) -> None:
        """Deliver in order, each as soon as it and all before it are there."""
        while (line := await self._lines.get()) is not None:
            part, task = line
            voiced = await task
            if voiced is None:
                continue
            chunk = self._reader.chunks.get(part.chunk)
            if chunk is not None and chunk.expression:
                voiced = replace(voiced, utterance=replace(voiced.utterance, expression=chunk.expression))
            self.report.first_audio = self.report.first_audio or voiced.first_audio or self._owner.clock.now()
            await self._deliver(Spoken(part.index, part.text, voiced, chunk))
            self.report.sentences += 1
            self.report.text = f"{self.report.text} {part.text}".strip()


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, DuologueError) else f"{type(error).__name__}: {error}"


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one cause of a group: what happened first."""
    error = group.exceptions[0]
    return _first(cast("BaseExceptionGroup[BaseException]", error)) if isinstance(error, BaseExceptionGroup) else error
