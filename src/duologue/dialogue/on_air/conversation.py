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
from duologue.dialogue.inbox import Inbox
from duologue.dialogue.on_air.delivery import DeliveryHold, LineDelivery, PaceState
from duologue.dialogue.on_air.plan import MAX_WAITING, Plan, Question, Step, StepKind, choose_gap, too_many_waiting
from duologue.dialogue.on_air.rundown import (
    AbandonStep,
    Fill,
    Hand,
    Prepare,
    Rundown,
    RundownEffect,
    StepUnreported,
    TakeBack,
)
from duologue.dialogue.on_air.said_lines import SaidLines, asked_in, lines_of
from duologue.dialogue.on_air.turn_parts import PartedTurn, TurnPart, parts_of
from duologue.dialogue.on_air.voice_pace import Coming, Paces
from duologue.dialogue.on_air.writing import Changed, Writer, note_failure
from duologue.dialogue.ports import PlayEnded, PlayEvent, PlayStarted, StageFloor, Voiced
from duologue.errors import InputError, InternalError, PeerError, raise_first
from duologue.language.engine import Line, Prompt
from duologue.language.moderation import Moderator, Subject
from duologue.language.persona import Persona
from duologue.precedence import Errand, Urgency, errand_of
from duologue.speech.utterance import Utterance
from duologue.telemetry.ledger import TurnRecord

MAX_UNVOICED = 3
"""So many turns in a row that could not be voiced end the conversation."""
MAX_INBOX = 256
"""Events that may wait for the director."""
WIND_DOWN_SECONDS = 1.0
"""How long a stop waits for the floor to say what it had played."""
SHORT_TURNS, SHORT_WORDS = 2, 20
"""With a slow voice so many turns at the start are no longer than so many words: the first is there sooner."""
PONDERED_MS = 300
"""A silence that is stretched by so much is acted, not kept still."""


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
    floor: StageFloor
    moderator: Moderator
    clock: Clock
    writer: Writer
    fillers: Fillers
    changed: Changed
    on_voiced: Callable[[Utterance], None]
    on_pace: Callable[[PaceState], None]
    paces: Paces
    patient: bool


@dataclass(frozen=True, slots=True)
class _Written:
    """The words of a step are there."""

    step: Step


@dataclass(frozen=True, slots=True)
class _PartVoiced:
    """The voice is done with a part; None: it could not be voiced."""

    turn_id: str
    part: TurnPart
    voiced: Voiced | None


_Event: TypeAlias = PlayEvent | Interlude | _Written | _PartVoiced | Question


@dataclass(frozen=True, slots=True)
class _AtVoice:
    """The part that is being voiced, since when (ns)."""

    turn_id: str
    part: TurnPart
    since: int
    task: asyncio.Task[None]


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
        self._turns: dict[str, PartedTurn] = {}
        self._playing: dict[str, str] = {}
        self._delivery = LineDelivery(crew.paces, patient=crew.patient)
        self._at_voice: _AtVoice | None = None
        self._voice_idle = asyncio.Event()
        self._look_at = 0
        self._pondered = ""
        self._orphans: list[str] = []
        self._told = PaceState()
        self._said = SaidLines()
        self._topic = brief.topic
        self._ended_at = 0
        self._unvoiced = 0
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._closed = False
        self._opened = asyncio.Event()
        self._over = asyncio.Event()

    # What the director calls

    async def run(self) -> ConversationOutcome:
        """Hold the conversation; see :meth:`duologue.dialogue.on_air.director.Director.run`."""
        try:
            self._topic = await self._crew.moderator.admit(self.brief.topic, Subject.TOPIC)
            if not self._stopping:
                await self._supervise()
            if self._stopping:
                await self._wind_down()
            return ConversationOutcome.STOPPED if self._stopping else ConversationOutcome.ENDED
        finally:
            self._over.set()
            if self._told != PaceState():
                self._crew.on_pace(PaceState())
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
            raise_first(failures)

    async def _converse(self) -> None:
        async with asyncio.TaskGroup() as group:
            fillers = group.create_task(self._prepare_fillers())
            self._rundown.depth = self._delivery.depth
            await self._execute(self._rundown.start(self._crew.clock.now()), group)
            self._arrange()
            while not self._rundown.done or self._inbox:  # a question may have come with the last word
                await self._execute(await self._next_effects(), group)
                await self._go_on(group)
            self._closed = True
            fillers.cancel()

    async def _prepare_fillers(self) -> None:
        """Not before the first turn is on its way: nobody waits for a filler yet, but for the opening."""
        await self._opened.wait()
        if self._crew.patient:
            return
        with errand_of(Errand(Urgency.AHEAD)):
            async for unvoiced in self._crew.fillers.prepare(self._voice_to_spare):
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
        deadline = min((at for at in (self._rundown.deadline, self._look_at) if at), default=None)
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
            case _Written(step):
                return self._on_written(step, now)
            case _PartVoiced():
                self._on_part_voiced(event, now)
                return []

    def _on_written(self, step: Step, now: int) -> list[RundownEffect]:
        turn = self._turns.get(step.id)
        if turn is None:
            return []  # abandoned in the same instant
        turn.writing = None
        language = self._crew.cast[step.speaker].language if self._delivery.slow else None
        turn.parts = parts_of(turn.record.text, step.id, turn.record.gap_ms, self.brief.seed, language)
        return self._rundown.written(step, now)

    def _on_part_voiced(self, event: _PartVoiced, now: int) -> None:
        at_voice, self._at_voice = self._at_voice, None
        turn = self._turns.get(event.turn_id)
        if turn is None or at_voice is None:
            return
        part, record = event.part, turn.record
        if event.voiced is None:
            turn.end_early(part)
            self._unvoiced += turn.failed
            if self._unvoiced >= MAX_UNVOICED:
                self._close(record.id, "failed")
                raise PeerError(
                    f"{MAX_UNVOICED} turns in a row could not be voiced: {record.failure}",
                    where="voice", remedy="Look at the speech engine (`duologue doctor`) and start again.",
                )  # fmt: skip
            return
        self._unvoiced = 0
        part.utterance = event.voiced.utterance
        record.engine = part.utterance.engine or record.engine
        record.cached += part.utterance.cached
        record.sound_ms += 1000 * part.utterance.duration
        record.queued_ms = record.queued_ms or turn.errand.waited / MILLISECOND
        record.first_audio = record.first_audio or event.voiced.first_audio
        record.voiced = now if turn.whole else 0
        took = (now - at_voice.since) / SECOND
        self._crew.paces.of(record.speaker).learn(part.text, took, part.utterance.duration)
        self._crew.on_voiced(part.utterance)

    def _on_started(self, event: PlayStarted, now: int) -> list[RundownEffect]:
        turn, part = self._played(event.utterance_id)
        if turn is None or part is None or part.utterance is None:
            return []
        record, sound = turn.record, part.utterance.duration
        self._delivery.began(sound, now)
        again, turn.begun = turn.begun > 0, turn.parts.index(part) + 1
        if turn.begun > 1:
            turn.goes_on(part, event.at_ns)
            self._crew.changed(record)
            self._rundown.goes_on(now + round(sound * SECOND))
            return []
        record.on_air, record.state = event.at_ns, "on_air"
        if turn.step and not again:
            turn.begins_after(self._ended_at)
            self._said.began(turn.step, record.text)
        self._crew.changed(record)
        if again:  # by a stage that took the place of one that died
            self._rundown.goes_on(now + round(sound * SECOND))
            return []
        return self._rundown.began(record.id, round(sound * SECOND), now)

    def _on_ended(self, event: PlayEnded, now: int) -> list[RundownEffect]:
        turn, part = self._played(event.utterance_id)
        if turn is None or part is None or part.utterance is None:
            return []
        record = turn.record
        del self._playing[part.id]
        if turn.parts.index(part) < turn.begun:  # else the floor could not say it, and somebody may still speak
            self._delivery.ended(event.played_samples / part.utterance.rate, now)
        turn.ended(part, event.played_samples)
        record.ended = event.at_ns
        if event.failure:
            turn.refused = event.failure
            note_failure(record, "stage", event.failure)
        if turn.cut:
            self._orphans += [each.id for each in turn.parts[turn.over : turn.handed]]
        if not turn.done:
            following = turn.parts[turn.over]
            waits = turn.handed > turn.over
            self._rundown.goes_on(now + following.gap_ms * MILLISECOND if waits else 0)
            return []
        return self._on_turn_ended(turn, now)

    def _on_turn_ended(self, turn: PartedTurn, now: int) -> list[RundownEffect]:
        record = turn.record
        record.interrupted = turn.cut
        if turn.step and turn.begun:
            self._ended_at = record.ended
            self._said.ended(record)
        self._close(record.id, "failed" if turn.refused and not record.heard else "ended")
        return self._rundown.finished(record.id, self._gap_ahead(), now)

    def _played(self, utterance_id: str) -> tuple[PartedTurn | None, TurnPart | None]:
        """The turn and the part that are this utterance, of those on the floor."""
        turn = self._turns.get(self._playing.get(utterance_id, ""))
        return turn, turn.part(utterance_id) if turn else None

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
        gap = choose_gap(self.brief.seed, step, self._text_before(step))
        record = TurnRecord(step.id, self.brief.id, step.number, step.speaker, step.kind, gap_ms=gap)
        turn = PartedTurn(record, step)
        prompt = self._prompt(step)
        self._turns[step.id] = turn
        turn.writing = group.create_task(self._write(turn, step, prompt))

    async def _write(self, turn: PartedTurn, step: Step, prompt: Prompt) -> None:
        record = turn.record
        with telling(_handovers_of(record)), errand_of(turn.errand) as errand:
            await self._crew.writer.write(prompt, record)
        record.prompt_tokens, record.kept_tokens = errand.prompt, errand.kept
        self._inbox.put(_Written(step))

    async def _hand(self, step: Step, stretch_ms: int = 0) -> None:
        turn = self._turns[step.id]
        turn.record.state = "queued"
        self._crew.changed(turn.record)
        await self._hand_part(turn, stretch_ms)
        self._opened.set()

    async def _hand_part(self, turn: PartedTurn, stretch_ms: int) -> None:
        part = turn.next
        if part is None or part.utterance is None:
            raise InternalError("a turn without sound was to be handed to the floor", where=turn.record.id)
        turn.handed += 1
        self._playing[part.id] = turn.record.id
        if stretch_ms >= PONDERED_MS:
            await self._ponder(turn, part)
        await self._crew.floor.play(part.utterance, part.gap_ms + stretch_ms)

    async def _ponder(self, turn: PartedTurn, part: TurnPart) -> None:
        """Who speaks next acts through the wait for ``part``."""
        if self._pondered != part.id:
            self._pondered = part.id
            await self._crew.floor.ponder(turn.record.speaker)

    async def _take_back(self, step: Step) -> list[RundownEffect]:
        done = await self._crew.floor.withdraw(step.id)
        if done:
            self._withdraw(step)
        return self._rundown.taken_back(step, done, self._crew.clock.now())

    async def _fill(self, utterance_id: str, speaker: str) -> list[RundownEffect]:
        utterance = self._crew.fillers.take(speaker, utterance_id)
        if utterance is None:
            await self._crew.floor.ponder(speaker)
            return self._rundown.finished(utterance_id, 0, self._crew.clock.now())
        record = self._filler(utterance_id, speaker, utterance.text)
        turn = PartedTurn(record, None, [TurnPart(utterance_id, utterance.text, 0, utterance)])
        self._turns[utterance_id] = turn
        self._crew.changed(record)
        self._crew.on_voiced(utterance)
        await self._hand_part(turn, 0)
        return []

    # The voice, and what is ready

    async def _go_on(self, group: asyncio.TaskGroup) -> None:
        """Give the voice its next part and the floor what it may have."""
        while self._orphans:
            await self._crew.floor.withdraw(self._orphans.pop())
        self._rundown.depth = self._delivery.depth
        await self._execute(self._rundown.look_ahead(), group)
        self._voice_next(group)
        self._look_at = 0
        while await self._hand_next(group):
            self._voice_next(group)
        self._arrange()
        if self._delivery.state != self._told:
            self._told = self._delivery.state
            self._crew.on_pace(self._told)

    def _arrange(self) -> None:
        """How urgent each turn in the making is: the first by when the floor falls silent, the others are ahead."""
        due, first = max(self._delivery.free_at, 1), True
        for turn in self._turns.values():
            if turn.step is not None and not turn.whole and not turn.failed:
                turn.errand.set(Urgency.NEXT if first else Urgency.AHEAD, due if first else 0)
                first = False

    def _voice_next(self, group: asyncio.TaskGroup) -> None:
        """One part at a time, in the order in which they will be heard."""
        if self._at_voice is not None:
            return
        for turn in self._turns.values():
            if (part := turn.unvoiced) is not None:
                self._voice_idle.clear()
                task = group.create_task(self._voice(turn, part))
                self._at_voice = _AtVoice(turn.record.id, part, self._crew.clock.now(), task)
                return
        self._voice_idle.set()

    async def _voice(self, turn: PartedTurn, part: TurnPart) -> None:
        with telling(_handovers_of(turn.record)), errand_of(turn.errand):
            voiced = await self._crew.writer.voice(turn.record, part.text, part.id)
        self._inbox.put(_PartVoiced(turn.record.id, part, voiced))

    async def _voice_to_spare(self) -> None:
        """A slow voice says fillers when nothing else is to be said."""
        if self._delivery.slow:
            await self._voice_idle.wait()

    async def _hand_next(self, group: asyncio.TaskGroup) -> bool:
        """Hand the next part to the floor, or leave out a turn that has no sound; True if something was done."""
        now = self._crew.clock.now()
        current = self._turns.get(self._rundown.current.id) if self._rundown.current else None
        if current is not None and not current.done and current.next is not None:
            return await self._hand_more(current, now)
        if current is not None and current.done:  # what was to follow in it has no sound
            await self._execute(self._on_turn_ended(current, now), group)
            return True
        step = self._rundown.upcoming
        turn = self._turns.get(step.id) if step else None
        if step is None or turn is None or self._rundown.ahead:
            return False
        if turn.failed:
            self._close(step.id, "failed")
            await self._execute(self._rundown.given_up(step, now), group)
            return True
        stretch = self._turn_may_begin(turn, current, now)
        if stretch is None:
            if self._look_at and current is None and not self._rundown.filler:
                await self._ponder(turn, turn.parts[0])
            return False
        effects = self._rundown.prepared(step, now)
        for effect in effects:
            assert isinstance(effect, Hand)
            await self._hand(step, stretch)
        return bool(effects)

    async def _hand_more(self, turn: PartedTurn, now: int) -> bool:
        """The next part of the turn on air, when the one before it has begun."""
        part = turn.next
        if part is None or turn.begun < turn.handed:
            return False
        if part.utterance is None:
            if turn.over == turn.handed:  # it stands still
                await self._ponder(turn, part)
            return False
        verdict = self._delivery.part(self._coming(turn), now)
        await self._hand_part(turn, verdict.stretch_ms)
        if turn.over == turn.handed - 1:
            self._rundown.goes_on(now + (part.gap_ms + verdict.stretch_ms) * MILLISECOND)
        return True

    def _turn_may_begin(self, turn: PartedTurn, current: PartedTurn | None, now: int) -> int | None:
        """By how much the silence before it is stretched (ms), or None: not yet."""
        if not self._delivery.slow:
            return 0 if turn.whole else None
        first = turn.next
        if first is None or first.utterance is None or (current is not None and current.begun < len(current.parts)):
            return None
        own = [self._one_coming(turn, part, now) for part in turn.parts]
        verdict = self._delivery.turn(own, self._coming(turn), now)
        if isinstance(verdict, DeliveryHold):
            self._look_at = verdict.until
            return None
        return verdict.stretch_ms

    def _coming(self, first: PartedTurn) -> list[Coming]:
        """All that is known to come, from what ``first`` still has to say, and one more part as long as any was."""
        now = self._crew.clock.now()
        upcoming = [self._turns[step.id] for step in self._rundown.preparing if step.id in self._turns]
        found = [
            self._one_coming(turn, part, now)
            for turn in (first, *(each for each in upcoming if each is not first))
            for part in turn.parts[turn.handed :]
        ]
        if not self._ends_with(upcoming):
            slowest = self._crew.paces.slowest
            found.append(Coming(0.0, slowest.longest, slowest.longest * slowest.factor))
        return found

    def _ends_with(self, upcoming: list[PartedTurn]) -> bool:
        """Nothing is planned after these."""
        return bool(self.brief.turns) and self._rundown.plan.taken + len(upcoming) >= self.brief.turns

    def _one_coming(self, turn: PartedTurn, part: TurnPart, now: int) -> Coming:
        gap = part.gap_ms / 1000
        if part.utterance is not None:
            return Coming(gap, part.utterance.duration, 0.0)
        pace = self._crew.paces.of(turn.record.speaker)
        sound = pace.sound(part.text)
        work = sound * pace.factor
        if self._at_voice is not None and self._at_voice.part is part:
            work = max(0.1 * work, work - (now - self._at_voice.since) / SECOND)
        return Coming(gap, sound, work)

    def _give_up(self, step: Step) -> None:
        turn = self._turns[step.id]
        note_failure(turn.record, "stage", "it never reported this turn")
        self._close(step.id, "failed")

    def _withdraw(self, step: Step) -> None:
        """A turn will not be said; it is planned anew under another id."""
        turn = self._turns[step.id]
        if turn.writing:
            turn.writing.cancel()
        if self._at_voice is not None and self._at_voice.turn_id == step.id:
            self._at_voice.task.cancel()
            self._at_voice = None
        self._close(step.id, "withdrawn")

    def _close(self, turn_id: str, state: str) -> None:
        turn = self._turns.pop(turn_id)
        for part in turn.parts:
            self._playing.pop(part.id, None)
        turn.record.state = state
        self._crew.changed(turn.record)

    # Memory

    def _prompt(self, step: Step) -> Prompt:
        persona = self._crew.cast[step.speaker]
        if self._delivery.slow and step.kind is StepKind.TURN and step.number < SHORT_TURNS:
            persona = replace(persona, max_words=min(persona.max_words, SHORT_WORDS))
        others = tuple(other for other in self._crew.cast.values() if other.name != persona.name)
        return replace(
            Prompt.by(persona, others, self._topic, (*self._said.lines, *self._foreseen(), *asked_in(step))),
            moment=step.moment,
            turn=step.number,
            turns=self.brief.turns,
            seed=self.brief.seed,
        )

    def _foreseen(self) -> list[Line]:
        """What will have been said before the next step that is prepared."""
        found: list[Line] = []
        for step in (*((self._rundown.ahead,) if self._rundown.ahead else ()), *self._rundown.preparing):
            if (turn := self._turns.get(step.id)) is not None and turn.record.text:
                found += lines_of(step, turn.record.text)
        return found

    def _text_before(self, step: Step) -> str:
        foreseen = self._foreseen()
        return foreseen[-1].text if foreseen else self._said.last

    def _gap_ahead(self) -> int:
        """The silence chosen before what comes next (ms)."""
        step = self._rundown.ahead or self._rundown.upcoming
        return self._turns[step.id].record.gap_ms if step and step.id in self._turns else 0

    # The end

    async def _wind_down(self) -> None:
        """After a stop: silence, and the last words that were heard."""
        await self._crew.floor.clear()
        on_air = [turn for turn in self._turns.values() if turn.record.state == "on_air"]
        for turn in on_air:
            if turn.begun == turn.over:  # between two parts
                turn.cut = True
                self._on_turn_ended(turn, self._crew.clock.now())
        playing = {turn.record.id for turn in on_air}
        try:
            async with asyncio.timeout(WIND_DOWN_SECONDS):
                while playing & self._turns.keys():
                    event = await self._inbox.next(None, self._crew.clock)
                    if isinstance(event, PlayEnded):
                        self._leave_off(event)
        except TimeoutError:
            pass  # the records left say so
        for turn_id in list(self._turns):
            if self._turns[turn_id].record.state == "on_air":
                self._turns[turn_id].record.interrupted = True
                self._turns[turn_id].record.failure = "stage: it did not say how much of this turn was heard"
                self._close(turn_id, "failed")
            else:
                self._close(turn_id, "withdrawn")

    def _leave_off(self, event: PlayEnded) -> None:
        """The last that is heard of a turn, though it may have had more to say."""
        turn, _ = self._played(event.utterance_id)
        self._on_ended(event, self._crew.clock.now())
        if turn is not None and not turn.done:
            turn.cut = True
            self._on_turn_ended(turn, self._crew.clock.now())

    def _new_id(self) -> str:
        return f"{self.brief.id}-{next(self._numbers)}"


def _handovers_of(record: TurnRecord) -> Callable[[Handover], None]:
    def befell(handover: Handover) -> None:
        record.handovers = (*record.handovers, handover.words)

    return befell
