"""One conversation on air: the one place that executes what the rundown decides."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import count
from typing import TypeAlias

from duologue.chains import Handover, telling
from duologue.clock import MILLISECOND, SECOND, Clock
from duologue.dialogue.fillers import Fillers
from duologue.dialogue.heard import heard_text
from duologue.dialogue.inbox import Inbox
from duologue.dialogue.plan import MAX_WAITING, Plan, Question, Step, StepKind, choose_gap, too_many_waiting
from duologue.dialogue.ports import Floor, PlayEnded, PlayEvent, PlayStarted
from duologue.dialogue.rundown import AbandonStep, Fill, Hand, Prepare, Rundown, RundownEffect, StepUnreported, TakeBack
from duologue.dialogue.writing import Changed, Writer
from duologue.errors import InputError, InternalError, PeerError, first_cause
from duologue.language.engine import Line, Prompt, newest
from duologue.language.moderation import Moderator, Subject
from duologue.language.persona import Persona
from duologue.speech.utterance import Utterance
from duologue.telemetry.ledger import TurnRecord

MAX_UNVOICED = 3
"""So many turns in a row that could not be voiced end the conversation."""
MAX_INBOX = 256
"""Events that may wait for the director."""
WIND_DOWN_SECONDS = 1.0
"""How long a stop waits for the floor to say what it had played."""


@dataclass(frozen=True, slots=True)
class Brief:
    """A conversation to hold. ``turns`` counts both speakers' turns, 0 for no end; equal seeds give equal choices.

    ``held_ns``: for how long others have the floor when it begins.
    """

    id: str
    topic: str
    turns: int = 12
    seed: int = 0
    held_ns: int = 0


@dataclass(frozen=True, slots=True)
class Interlude:
    """Somebody who is not of the conversation has the floor from ``at_ns`` on (monotonic) for ``duration_ns``, if
    nobody cuts it; 0 says that it is over.
    """

    at_ns: int
    duration_ns: int


class ConversationOutcome(StrEnum):
    """How a conversation came to its end (a failure is raised instead)."""

    ENDED = "ended"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Crew:
    """All that a conversation works with; the same for every conversation of a director."""

    cast: Mapping[str, Persona]
    floor: Floor
    moderator: Moderator
    clock: Clock
    writer: Writer
    fillers: Fillers
    changed: Changed
    on_voiced: Callable[[Utterance], None]
    patient: bool


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A step is written and voiced; None: it could not be voiced."""

    step: Step
    utterance: Utterance | None


_Event: TypeAlias = PlayEvent | Interlude | _Prepared | Question


@dataclass(slots=True)
class _Turn:
    """What is known of a step while it is prepared, waits or plays."""

    record: TurnRecord
    step: Step | None = None
    utterance: Utterance | None = None
    task: asyncio.Task[None] | None = None


class OnAir:
    """A conversation from its first word to its last. Used once."""

    def __init__(self, crew: Crew, brief: Brief) -> None:
        self.brief = brief
        self._crew = crew
        self._numbers = count()
        plan = Plan(tuple(crew.cast), brief.turns)
        self._rundown = Rundown(plan, self._new_id, patient=crew.patient)
        self._rundown.held(brief.held_ns, 0, crew.clock.now())
        self._inbox = Inbox[_Event](MAX_INBOX, "director")
        self._unread_questions = 0
        self._turns: dict[str, _Turn] = {}
        self._lines: tuple[Line, ...] = ()
        self._topic = brief.topic
        self._said_before = ""
        self._ended_at = 0
        self._unvoiced = 0
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._closed = False
        self._opened = asyncio.Event()
        self._over = asyncio.Event()

    # What the director calls

    async def run(self) -> ConversationOutcome:
        """Hold the conversation; see :meth:`duologue.dialogue.director.Director.run`."""
        try:
            self._topic = await self._crew.moderator.admit(self.brief.topic, Subject.TOPIC)
            if not self._stopping:
                await self._supervise()
            if self._stopping:
                await self._wind_down()
            return ConversationOutcome.STOPPED if self._stopping else ConversationOutcome.ENDED
        finally:
            self._over.set()
            for turn_id in list(self._turns):  # none are left unless a failure ended the conversation
                self._close(turn_id, "withdrawn")

    async def stop(self) -> None:
        """End now; returns when the floor is silent."""
        self._stopping = True
        if self._task:
            self._task.cancel()
        await self._over.wait()

    def put(self, event: PlayEvent | Interlude) -> None:
        """Take the floor's report."""
        self._inbox.put(event)

    def ask(self, author: str, text: str, to: str) -> str:
        """Take a person's message, moderated before; returns the id of the turn that will answer."""
        if self._unread_questions + len(self._rundown.plan.waiting) >= MAX_WAITING:
            raise too_many_waiting()
        if self._stopping or self._closed:
            raise InputError("the conversation is over", where="chat", remedy="Start another one.")
        now = self._crew.clock.now()
        person = TurnRecord(
            self._new_id(), self.brief.id, self._rundown.plan.taken, author, StepKind.PERSON, text, text,
            asked=now, text_complete=now, on_air=now, ended=now, state="ended", to=to,
        )  # fmt: skip
        self._crew.changed(person)
        question = Question(self._new_id(), author, text, to)
        self._unread_questions += 1
        self._inbox.put(question)
        return question.turn_id

    # The loop

    async def _supervise(self) -> None:
        """Run the loop as a task that :meth:`stop` can cancel."""
        try:
            async with asyncio.TaskGroup() as group:
                self._task = group.create_task(self._converse())
        except BaseExceptionGroup as failures:
            raise first_cause(failures) from failures

    async def _converse(self) -> None:
        async with asyncio.TaskGroup() as group:
            fillers = group.create_task(self._prepare_fillers())
            await self._execute(self._rundown.start(self._crew.clock.now()), group)
            while not self._rundown.done or self._inbox:  # a question may have come with the last word
                await self._execute(await self._next_effects(), group)
            self._closed = True
            fillers.cancel()

    async def _prepare_fillers(self) -> None:
        """Not before the first turn is on its way: nobody waits for a filler yet, but for the opening."""
        await self._opened.wait()
        if self._crew.patient:
            return
        async for unvoiced in self._crew.fillers.prepare():
            record = self._filler(self._new_id(), unvoiced.speaker, unvoiced.text)
            record.state, record.failure = "failed", f"voice: {unvoiced.failure}"
            self._crew.changed(record)

    def _filler(self, utterance_id: str, speaker: str, text: str) -> TurnRecord:
        now = self._crew.clock.now()
        number = self._rundown.plan.taken
        record = TurnRecord(
            utterance_id, self.brief.id, number, speaker, StepKind.FILLER, text, asked=now, state="queued"
        )
        record.text_complete = record.voiced = now
        return record

    async def _next_effects(self) -> list[RundownEffect]:
        """Wait for an event or the rundown's deadline, and ask the rundown what to do."""
        deadline = self._rundown.deadline
        clock = self._crew.clock
        event = await self._inbox.next(deadline, clock)
        return self._rundown.tick(clock.now()) if event is None else self._handle(event, clock.now())

    def _handle(self, event: _Event, now: int) -> list[RundownEffect]:
        match event:
            case PlayStarted():
                return self._on_started(event, now)
            case PlayEnded():
                return self._on_ended(event, now)
            case Interlude(at_ns, duration_ns):
                if self._ended_at:
                    self._ended_at = at_ns + duration_ns
                return self._rundown.held(duration_ns, self._gap_ahead(), now)
            case Question():
                self._unread_questions -= 1
                return self._rundown.asked(event, now)
            case _Prepared(step, utterance):
                return self._on_prepared(step, utterance, now)

    def _on_prepared(self, step: Step, utterance: Utterance | None, now: int) -> list[RundownEffect]:
        turn = self._turns.get(step.id)
        if turn is None:
            return []  # abandoned in the same instant
        turn.task = None
        if utterance is None:
            self._close(step.id, "failed")
            self._unvoiced += 1
            if self._unvoiced >= MAX_UNVOICED:
                raise PeerError(
                    f"{MAX_UNVOICED} turns in a row could not be voiced: {turn.record.failure}",
                    where="voice", remedy="Look at the speech engine (`duologue doctor`) and start again.",
                )  # fmt: skip
            return self._rundown.given_up(step, now)
        self._unvoiced = 0
        turn.utterance = utterance
        self._crew.on_voiced(utterance)
        return self._rundown.prepared(step, now)

    def _on_started(self, event: PlayStarted, now: int) -> list[RundownEffect]:
        turn = self._turns.get(event.utterance_id)
        if turn is None or turn.utterance is None:
            return []
        record = turn.record
        record.on_air, record.state = event.at_ns, "on_air"
        if turn.step:
            self._count_wait(record)
            self._remember(turn.step, record.text)
        self._crew.changed(record)
        return self._rundown.began(record.id, round(turn.utterance.duration * SECOND), now)

    def _on_ended(self, event: PlayEnded, now: int) -> list[RundownEffect]:
        turn = self._turns.get(event.utterance_id)
        if turn is None or turn.utterance is None:
            return []
        record = turn.record
        record.ended = event.at_ns
        record.heard = heard_text(turn.utterance, event.played_samples)
        record.interrupted = event.played_samples < len(turn.utterance.samples)
        if turn.step:
            self._ended_at = event.at_ns
            self._correct(record)
        self._close(record.id, "ended")
        return self._rundown.finished(record.id, self._gap_ahead(), now)

    # What the effects do

    async def _execute(self, effects: list[RundownEffect], group: asyncio.TaskGroup) -> None:
        for effect in effects:
            match effect:
                case Prepare(step):
                    self._prepare(step, group)
                case AbandonStep(step):
                    self._withdraw(step)
                case Hand(step):
                    await self._hand(step)
                case TakeBack(step):
                    await self._execute(await self._take_back(step), group)
                case Fill(utterance_id, speaker):
                    await self._execute(await self._fill(utterance_id, speaker), group)
                case StepUnreported(step):
                    self._give_up(step)

    def _prepare(self, step: Step, group: asyncio.TaskGroup) -> None:
        gap = choose_gap(self.brief.seed, step, self._said_before)
        record = TurnRecord(step.id, self.brief.id, step.number, step.speaker, step.kind, gap_ms=gap)
        turn = _Turn(record, step)
        self._turns[step.id] = turn
        turn.task = group.create_task(self._write_and_voice(step, self._prompt(step), record))

    async def _write_and_voice(self, step: Step, prompt: Prompt, record: TurnRecord) -> None:
        def befell(handover: Handover) -> None:
            record.handovers = (*record.handovers, handover.words)

        with telling(befell):
            await self._crew.writer.write(prompt, record)
            voiced = await self._crew.writer.voice(record)
        self._inbox.put(_Prepared(step, voiced.utterance if voiced else None))

    async def _hand(self, step: Step) -> None:
        turn = self._turns[step.id]
        if turn.utterance is None:
            raise InternalError("a turn without sound was to be handed to the floor", where=step.id)
        turn.record.state = "queued"
        self._crew.changed(turn.record)
        await self._crew.floor.play(turn.utterance, turn.record.gap_ms)
        self._opened.set()

    async def _take_back(self, step: Step) -> list[RundownEffect]:
        done = await self._crew.floor.withdraw(step.id)
        if done:
            self._withdraw(step)
        return self._rundown.taken_back(step, done, self._crew.clock.now())

    async def _fill(self, utterance_id: str, speaker: str) -> list[RundownEffect]:
        utterance = self._crew.fillers.take(speaker, utterance_id)
        if utterance is None:
            return self._rundown.finished(utterance_id, 0, self._crew.clock.now())
        record = self._filler(utterance_id, speaker, utterance.text)
        self._turns[utterance_id] = _Turn(record, None, utterance)
        self._crew.changed(record)
        self._crew.on_voiced(utterance)
        await self._crew.floor.play(utterance, 0)
        return []

    def _give_up(self, step: Step) -> None:
        turn = self._turns[step.id]
        turn.record.failure = "; ".join(filter(None, (turn.record.failure, "stage: it never reported this turn")))
        self._close(step.id, "failed")

    def _withdraw(self, step: Step) -> None:
        """A turn will not be said; it is planned anew under another id."""
        turn = self._turns[step.id]
        if turn.task:
            turn.task.cancel()
        self._close(step.id, "withdrawn")

    def _close(self, turn_id: str, state: str) -> None:
        turn = self._turns.pop(turn_id)
        turn.record.state = state
        self._crew.changed(turn.record)

    # Memory

    def _prompt(self, step: Step) -> Prompt:
        persona = self._crew.cast[step.speaker]
        asked = [Line(step.question.author, step.question.text)] if step.question else []
        others = tuple(other for other in self._crew.cast.values() if other.name != persona.name)
        return replace(
            Prompt.by(persona, others, self._topic, (*self._lines, *asked)),
            moment=step.moment,
            turn=step.number,
            turns=self.brief.turns,
            seed=self.brief.seed,
        )

    def _remember(self, step: Step, text: str) -> None:
        """A step began: it will be heard, unless :meth:`_correct` learns otherwise."""
        asked = [Line(step.question.author, step.question.text)] if step.question else []
        self._lines = newest((*self._lines, *asked, Line(step.speaker, text)))
        self._said_before = text

    def _correct(self, record: TurnRecord) -> None:
        """Keep of the last line what was heard."""
        if record.interrupted and self._lines:
            *before, last = self._lines
            heard = [Line(last.speaker, record.heard)] if record.heard else []
            self._lines = (*before, *heard)

    def _count_wait(self, record: TurnRecord) -> None:
        """Silence beyond the chosen gap since the turn before, fillers included (ms); a sample's rounding is not a
        wait.
        """
        if self._ended_at:
            waited = (record.on_air - self._ended_at) / MILLISECOND - record.gap_ms
            record.waited_ms = round(waited, 3) if waited >= 1.0 else 0.0

    def _gap_ahead(self) -> int:
        """The silence chosen before what comes next (ms)."""
        step = self._rundown.ahead or self._rundown.preparing
        return self._turns[step.id].record.gap_ms if step and step.id in self._turns else 0

    # The end

    async def _wind_down(self) -> None:
        """After a stop: silence, and the last words that were heard."""
        await self._crew.floor.clear()
        playing = {turn_id for turn_id, turn in self._turns.items() if turn.record.state == "on_air"}
        try:
            async with asyncio.timeout(WIND_DOWN_SECONDS):
                while playing & self._turns.keys():
                    event = await self._inbox.next(None, self._crew.clock)
                    if isinstance(event, PlayEnded):
                        self._on_ended(event, self._crew.clock.now())
        except TimeoutError:
            pass  # the records left say so
        for turn_id in list(self._turns):
            if self._turns[turn_id].record.state == "on_air":
                self._turns[turn_id].record.interrupted = True
                self._turns[turn_id].record.failure = "stage: it did not say how much of this turn was heard"
                self._close(turn_id, "failed")
            else:
                self._close(turn_id, "withdrawn")

    def _new_id(self) -> str:
        return f"{self.brief.id}-{next(self._numbers)}"
