"""What a session says: replies written, moderated and voiced, sentence by sentence, as the table asks for them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from duologue.audio.pcm import RATE
from duologue.clock import MILLISECOND, SECOND, SYSTEM_CLOCK, Clock
from duologue.dialogue.fillers import Fillers, Stock
from duologue.dialogue.ports import Voice
from duologue.dialogue.replies.replies import (
    Expressed,
    ReplyEnding,
    ReplyItem,
    SentenceVoicing,
    StreamBegun,
    Take,
    VoiceLimits,
    read_reply,
)
from duologue.dialogue.replies.text import SpokenPart
from duologue.dialogue.turns.vocabulary import (
    AudioGrew,
    AudioReady,
    ChunkWritten,
    EngineFailed,
    Event,
    ReplyBegun,
    ReplyFinished,
    SentenceReady,
    Stage,
    ToolRan,
)
from duologue.errors import in_words
from duologue.language.engine import LanguageModel, Prompt, ReadsAhead
from duologue.language.moderation import Moderator
from duologue.language.persona import Persona
from duologue.language.structured import ReplyChunk
from duologue.language.tools import ToolCall
from duologue.precedence import Errand, Urgency, errand_of
from duologue.speech.utterance import Utterance
from duologue.streams import cancelled
from duologue.telemetry.log import get_logger

LIMITS = VoiceLimits(seconds=5.5, rate=RATE)
"""A person waits: who needs so much longer than is to be expected of it is asked again, and then left out; of a voice
that is quick, before the table gives up on the reply (12 s).
"""
AT_ONCE = 8
"""Events of one engine that may be posted before the session is let to them. One would cost a turn of the loop each."""
AT_HAND = ("missed", "thinking", "voicing", "spent", "moment")
"""Apologies that are voiced beforehand. Where ears failed the voice is at hand, and each more keeps a slow one busy."""
GAP_SECONDS = 2.0
"""So long what is prepared waits for replies that are being made."""
EXPRESSION_SECONDS = 0.3
"""How long a sentence that is voiced as a whole waits to know what it is said with: models write that after the text.
One that grows is told of it when it is known.
"""

_log = get_logger("session")


@dataclass(slots=True)
class _Work:
    """What is being done for one reply. ``sentences`` names the structured chunk of each sentence, ``given`` is the
    sound that was posted of each (s). While it is ``speculative`` nobody waits for it.
    """

    prompt: Prompt | None = None
    speculative: bool = False
    sentences: list[int] = field(default_factory=list[int])
    tasks: list[asyncio.Task[None]] = field(default_factory=list[asyncio.Task[None]])
    thought: Errand = field(default_factory=Errand)
    voices: dict[int, Errand] = field(default_factory=dict[int, Errand])
    given: dict[int, float] = field(default_factory=dict[int, float])
    _until: int = 0  # when what was posted will have been heard at the earliest (ns)
    _expressions: dict[int, asyncio.Future[str]] = field(default_factory=dict[int, "asyncio.Future[str]"])

    def take(self, reply: str, item: ReplyItem) -> Event | None:
        """What ``item`` of the reply named ``reply`` means to the session; None: only to us."""
        match item:
            case StreamBegun():
                return ReplyBegun(reply, self.thought.prompt, self.thought.kept)
            case SpokenPart(text=text, chunk=chunk):
                self.sentences.append(chunk)
                return SentenceReady(reply, text)
            case Expressed(chunk, expression):
                self._express(chunk, expression)
                return None
            case ReplyChunk(index=chunk, expression=expression):
                self._express(chunk, expression)
                return ChunkWritten(reply, item)
            case ReplyEnding(failure=""):
                return ReplyFinished(reply, item.form, item.problem, item.cut)
            case ReplyEnding(failure=failure):
                return EngineFailed(Stage.THINKING, failure, reply=reply)

    def sounds(self, index: int, seconds: float, now: int) -> None:
        """So much of a sentence is at hand."""
        more, self.given[index] = seconds - self.given.get(index, 0.0), seconds
        self._until = max(self._until, now) + round(more * SECOND)
        self.arrange()

    def adopt(self, now: int) -> None:
        """It counts from now on."""
        self.speculative = False
        if self.given:
            self._until = now + round(sum(self.given.values()) * SECOND)
        self.arrange()

    def arrange(self) -> None:
        """How urgent is what is done for it: in silence the first sentence is waited for, then its voice; once it
        sounds, what is heard next: the sentence in the making, or where there is none more words.
        """
        making = sorted(self.voices)
        if self.speculative:
            for errand in (self.thought, *self.voices.values()):
                errand.set(Urgency.SPECULATIVE)
        elif not self.given:
            self.thought.set(Urgency.SOUNDING if making else Urgency.AWAITED)
            for index in making:
                self.voices[index].set(Urgency.AWAITED if index == making[0] else Urgency.NEXT)
        else:
            self.thought.set(Urgency.NEXT if making else Urgency.SOUNDING, self._until)
            for index in making:
                self.voices[index].set(Urgency.SOUNDING if index == making[0] else Urgency.NEXT, self._until)

    def _express(self, chunk: int, expression: str) -> None:
        """``chunk`` is said with this. The first word on it counts."""
        known = self._expression(chunk)
        if not known.done():
            known.set_result(expression)

    async def expression(self, index: int, seconds: float) -> str:
        """What sentence ``index`` is said with; empty if that does not become known so soon."""
        chunk = self.sentences[index] if index < len(self.sentences) else -1
        if chunk < 0:
            return ""
        known = self._expression(chunk)
        if not known.done() and seconds:
            await asyncio.wait([known], timeout=seconds)
        return known.result() if known.done() else ""

    def _expression(self, chunk: int) -> asyncio.Future[str]:
        if chunk not in self._expressions:
            self._expressions[chunk] = asyncio.get_running_loop().create_future()
        return self._expressions[chunk]


class SessionMouth:
    """Writes with ``model`` and speaks with ``voice`` for one persona; posts what is ready."""

    def __init__(
        self,
        persona: Persona,
        model: LanguageModel,
        voice: Voice,
        moderator: Moderator,
        post: Callable[[Event], None],
        limits: VoiceLimits = LIMITS,
        stock: Stock | None = None,
        ask: Callable[[str, ToolCall], Awaitable[object]] | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._reading: asyncio.Task[None] | None = None
        self._preparing: asyncio.Task[None] | None = None
        self._limits = limits
        self._persona = persona
        self._model = model
        self._moderator = moderator
        self._post = post
        self._voicing = SentenceVoicing(voice, limits)
        self._stock = stock or Stock()
        self._texts = persona.language.apologies.model_dump()
        self._fillers = Fillers(self._voicing, (persona,), self._stock)
        self._at_work = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._apologies: dict[str, Utterance] = {}
        self._spent: set[Stage] = set()
        self._replies: dict[str, _Work] = {}
        self._posted = 0

    def change(self, persona: Persona, voice: Voice | None) -> None:
        """Go on as ``persona``, in another voice where one is given; what is prepared has to be prepared anew, and what
        was being prepared for who spoke before is not.
        """
        self._stop_preparing()
        if voice is not None:
            self._voicing, self._stock = SentenceVoicing(voice, self._limits), Stock()
        self._persona, self._texts = persona, persona.language.apologies.model_dump()
        self._fillers = Fillers(self._voicing, (persona,), self._stock)
        self._apologies.clear()

    def prepare(self, group: asyncio.TaskGroup) -> None:
        """Voice beforehand what must not wait for a voice: apologies and fillers, in the gaps between replies. What
        fails is left out.
        """
        self._stop_preparing()
        with errand_of(Errand(Urgency.AHEAD)):
            self._preparing = group.create_task(self._prepare())

    def _stop_preparing(self) -> None:
        if self._preparing is not None:
            self._preparing.cancel()
            self._preparing = None

    async def _prepare(self) -> None:
        for stage in AT_HAND:
            text = self._texts[stage]
            await self._gap()
            attempt = await self._stock.voice(self._voicing, text, self._persona.name, f"apology-{stage}")
            for failure in attempt.failures:
                self._post(EngineFailed(Stage.VOICING, f"apology: {failure}"))
            if attempt.voiced is not None:
                self._apologies[stage] = attempt.voiced.utterance
        async for unvoiced in self._fillers.prepare(self._gap):
            self._post(EngineFailed(Stage.VOICING, f"filler {unvoiced.text!r}: {unvoiced.failure}"))

    async def _gap(self) -> None:
        """Until no reply is in the making; but an engine that hangs must not keep its own apology from being made."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GAP_SECONDS):
                await self._idle.wait()

    def read_ahead(self, prompt: Prompt, group: asyncio.TaskGroup) -> None:
        """Have read what the next prompt begins with (``prompt`` is like it, but for the words of its last line), by an
        engine that can, when nobody needs the machine.
        """
        if self._reading is not None:
            self._reading.cancel()
        if isinstance(model := self._model, ReadsAhead):
            self._reading = group.create_task(self._read(model, prompt))

    async def _read(self, model: ReadsAhead, prompt: Prompt) -> None:
        try:
            with errand_of(Errand(Urgency.AHEAD)):
                await model.read_ahead(prompt)
        except (Exception, asyncio.CancelledError) as error:  # an engine may come from a stranger's package
            if cancelled():
                raise
            _log.warning("a prompt was not read ahead", cause=in_words(error))  # the answer tells what is wrong

    def think(self, reply: str, prompt: Prompt, group: asyncio.TaskGroup, *, speculative: bool = False) -> None:
        """Write ``reply``. Tools of ``prompt`` that are not committed wait for :meth:`adopt`."""
        self._spent.discard(Stage.THINKING)
        work = self._replies[reply] = _Work(prompt, speculative)
        work.arrange()
        if prompt.tools:
            prompt.tools.told = lambda outcome: self._post(ToolRan(reply, outcome))
            if (ask := self._ask) is not None:
                prompt.tools.far = lambda call: ask(reply, call)
        self._start(reply, self._write(reply, prompt), group)

    def adopt(self, reply: str) -> None:
        """``reply`` is no speculation any more: its tools may run."""
        known = self._replies.get(reply)
        if known is None:
            return
        known.adopt(self._clock.now())
        if known.prompt and known.prompt.tools:
            known.prompt.tools.commit()

    def voice(self, reply: str, index: int, text: str, group: asyncio.TaskGroup) -> None:
        """Voice a sentence of it."""
        self._start(reply, self._speak(reply, index, text), group)

    def spent(self, stage: Stage, *, spent: bool) -> None:
        """Whether every engine of ``stage`` has reached a cap of the day: that is said, and not that it failed."""
        (self._spent.add if spent else self._spent.discard)(stage)

    def apologise(
        self, reply: str, index: int, stage: Stage, group: asyncio.TaskGroup, *, missed: bool = False
    ) -> None:
        """Say that ``stage`` failed, or that it ``missed`` the words, from what is prepared if it is."""
        name = "spent" if stage in self._spent else "missed" if missed else stage.value
        if utterance := self._apologies.get(name):
            self._post(AudioReady(reply, index, replace(utterance, id=f"{reply}/{index}")))
        else:
            self.voice(reply, index, self._texts[name], group)

    def filler(self, utterance_id: str) -> Utterance | None:
        """The next filler."""
        return self._fillers.take(self._persona.name, utterance_id)

    def moment(self, utterance_id: str) -> Utterance | None:
        """That what was said is still being understood, if that is prepared."""
        prepared = self._apologies.get("moment")
        return replace(prepared, id=utterance_id) if prepared else None

    def abandon(self, reply: str) -> None:
        """Stop all that is done for ``reply``."""
        if known := self._replies.pop(reply, None):
            for task in known.tasks:
                task.cancel()

    def close(self) -> None:
        """Stop everything. What was stopped keeps its frames, which hold us: it is let go of."""
        self._stop_preparing()
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
        for reply in list(self._replies):
            self.abandon(reply)

    def _start(self, reply: str, work: Coroutine[None, None, None], group: asyncio.TaskGroup) -> None:
        tasks = self._replies.setdefault(reply, _Work()).tasks
        tasks[:] = [task for task in tasks if not task.done()]
        task = group.create_task(work)
        self._at_work += 1
        self._idle.clear()
        task.add_done_callback(self._done)
        tasks.append(task)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._at_work -= 1
        if not self._at_work:
            self._idle.set()

    async def _give(self, event: Event) -> None:
        self._post(event)
        self._posted += 1
        if self._posted % AT_ONCE == 0:
            await asyncio.sleep(0)  # an engine that never waits must not flood the inbox

    async def _write(self, reply: str, prompt: Prompt) -> None:
        known = self._replies[reply]
        with errand_of(known.thought):
            async with aclosing(read_reply(self._model, prompt, self._moderator)) as items:
                async for item in items:
                    if (event := known.take(reply, item)) is not None:
                        await self._give(event)

    async def _speak(self, reply: str, index: int, text: str) -> None:
        work = self._replies[reply]
        errand = work.voices[index] = Errand()
        work.arrange()
        try:
            with errand_of(errand):
                take = self._taking(reply, index)
                attempt = await self._voicing.voice(text, self._persona.name, f"{reply}/{index}", take)
        finally:
            del work.voices[index]
            work.arrange()
        if attempt.voiced is None:
            self._post(EngineFailed(Stage.VOICING, "; ".join(attempt.failures), reply=reply, index=index))
            return
        for failure in attempt.failures:  # mended by another try, and told
            self._post(EngineFailed(Stage.VOICING, failure, reply=reply))
        if attempt.broken_off:
            self._post(EngineFailed(Stage.VOICING, attempt.broken_off, reply=reply, index=index))

    def _taking(self, reply: str, index: int) -> Take:
        """Posts a sentence as soon as it begins, and as it grows."""
        known, begun, expression = self._replies[reply], False, ""
        errand = known.voices[index]

        async def take(utterance: Utterance) -> None:
            nonlocal begun, expression
            if not expression:
                whole = not begun and not utterance.open
                expression = await known.expression(index, EXPRESSION_SECONDS if whole else 0.0)
            if expression:
                utterance = replace(utterance, expression=expression)
            grown, begun = begun, True
            known.sounds(index, utterance.duration, self._clock.now())
            queued_ms = (known.thought.waited + errand.waited) / MILLISECOND
            event = AudioGrew(reply, index, utterance) if grown else AudioReady(reply, index, utterance, queued_ms)
            await self._give(event)

        return take
