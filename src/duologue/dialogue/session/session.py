"""A conversation between a person and a character, on any source and sink of sound: the one place that executes what
the turn-taking table decides.

The session owns the loop and the one timer. Everything that happens (a voice, a transcript, a sentence, a report of the
sink) becomes an event in one inbox; each event is handled whole, its effects executed in order, before the next. It
runs on any clock, so a thousand conversations take seconds in a simulation.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from duologue.audio.pcm import Samples
from duologue.chains import FailureMoment, Handover, telling
from duologue.clock import MILLISECOND, SECOND, SYSTEM_CLOCK, Clock
from duologue.dialogue.fillers import Stock
from duologue.dialogue.inbox import Inbox
from duologue.dialogue.listening.echo import EchoFilter
from duologue.dialogue.listening.endpointing import AdaptivePatience, BoundedPatience, JudgedPatience
from duologue.dialogue.ports import Captured, PlayEnded, PlayEvent, PlayProgress, PlayStarted, Sink, Voice
from duologue.dialogue.session.control import SessionControl
from duologue.dialogue.session.ears import SessionEars, TurnJudge
from duologue.dialogue.session.mouth import SessionMouth
from duologue.dialogue.session.orders import SinkOrders
from duologue.dialogue.turns.policy import BACKCHANNELS, Policy
from duologue.dialogue.turns.turns import TurnTaking
from duologue.dialogue.turns.vocabulary import (
    Abandon,
    Adopt,
    Apologise,
    Apply,
    Attach,
    BeginStretch,
    CallTool,
    Change,
    Clear,
    Commit,
    DropStretch,
    Ears,
    Effect,
    EndStretch,
    EngineFailed,
    Event,
    Extend,
    Filler,
    GiveDigit,
    GiveResult,
    HandedOver,
    HandOver,
    HangUp,
    Patience,
    Pause,
    Play,
    Resume,
    Stage,
    State,
    StopHearing,
    Think,
    Timeout,
    Typed,
    VoiceSentence,
    Withdraw,
)
from duologue.errors import ClosedError, in_words, raise_first
from duologue.language.engine import LanguageModel, Line, Moment, Prompt, newest
from duologue.language.moderation import Moderator
from duologue.language.persona import Persona
from duologue.language.tools import CallMemory, Toolbox, ToolUse
from duologue.metering import Customer, charged_to, current_customer
from duologue.speech.hearing import EAR_RATE, Expected, SpeechToText, TurnEnd, VoiceActivity
from duologue.speech.shared_activity import SharedActivity
from duologue.speech.utterance import Utterance
from duologue.telemetry.log import get_logger
from duologue.telemetry.traces import conversation_span, span_id, trace_id
from duologue.tracing import TraceContext, current_trace, traced

_log = get_logger("session")
MAX_INBOX = 4096
"""Events that may wait."""
PORTION = EAR_RATE // 10
"""Samples of a source that never waits, that are taken before somebody else is let to the loop."""
MOVED_NS = 50 * MILLISECOND
"""What plays is so much elsewhere than was thought: its echo is expected anew."""


@dataclass(frozen=True, slots=True)
class SessionEngines:
    """What a session works with. All of them are warm; closing them stays with their owner. Many sessions of one loop
    do best with one :class:`~duologue.speech.shared_activity.SharedActivity`. ``turn`` judges by the sound of a turn
    whether it is over; without it the words alone say how long to wait. ``stock`` is what was voiced beforehand.
    """

    activity: VoiceActivity | SharedActivity
    ears: SpeechToText
    model: LanguageModel
    voice: Voice
    moderator: Moderator
    turn: TurnEnd | None = None
    stock: Stock = field(default_factory=Stock)


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """How a conversation is held. ``id`` begins the ids of everything in it (unique for ever, if it is),
    ``conversation`` is what its records call it, where that is not its id; ``history`` is what was said before.
    ``person`` is what the other side is called in the context; ``topic`` may be empty. With ``greet`` the character
    speaks first. ``expected`` takes the persona's language, and its phrases where it has none and no grammar.
    ``schema`` asks for structured replies (:func:`~duologue.language.structured.reply_schema`); ``toolbox`` holds what
    the character may call. Engines are asked for ``customer``; None: for whom the caller of :meth:`Session.run` asks.
    """

    id: str = ""
    conversation: str = ""
    person: str = "person"
    topic: str = ""
    history: tuple[Line, ...] = ()
    greet: bool = False
    seed: int = 0
    policy: Policy = field(default_factory=Policy)
    expected: Expected = field(default_factory=Expected)
    schema: Mapping[str, object] | None = None
    toolbox: Toolbox | None = None
    customer: Customer | None = None


Observe = Callable[[Event | Effect, int], None]
"""Sees every event and effect with its time (ns), in order: ledgers, captions and metrics are made of it. What it
raises is logged once, and ends nothing.
"""


class Session:
    """One conversation. Call :meth:`run` once; the other methods may be called, on its loop, while it runs.

    What is said by the character comes out of ``sink``, whose reports go to :meth:`notify`.
    """

    def __init__(
        self,
        persona: Persona,
        engines: SessionEngines,
        sink: Sink,
        options: SessionOptions | None = None,
        *,
        patience: Patience | None = None,
        clock: Clock = SYSTEM_CLOCK,
        observe: Observe = lambda item, now: None,
    ) -> None:
        self._persona = persona
        self._engines = engines
        self._options = options or SessionOptions()
        self._clock = clock
        self._tell = observe
        self._untold = 0
        self._inbox = Inbox[Event](MAX_INBOX, "session")
        self._post = self._inbox.put  # a method of ours would have all that posts hold us, whom it is held by
        self._orders = SinkOrders(sink, clock, self._post)
        self._echo = EchoFilter()
        words = persona.language.turns
        guessed = engines.ears.capabilities.guesses_ends
        judged = JudgedPatience(words, guessed=guessed) if engines.turn and patience is None else None
        judge = TurnJudge(engines.turn, judged.judge) if engines.turn and judged else None
        self._patience = judged or AdaptivePatience(words, guessed=guessed)
        self._given_patience = patience
        policy, wait = self._tuned(self._options.policy)
        name = f"{self._options.id}-" if self._options.id else ""
        self._turns = TurnTaking(policy, wait, clock.now(), name)
        self._control = SessionControl(self._post, name, persona.language)
        expected = self._expected()
        self._ears = SessionEars(
            engines.activity, engines.ears, expected, self._echo, clock, self._post, judge, words,
            self._patience.sounded if guessed else None,
        )  # fmt: skip
        self._mouth = SessionMouth(
            persona,
            engines.model,
            engines.voice,
            engines.moderator,
            self._post,
            stock=engines.stock,
            ask=self._control.ask,
            clock=clock,
        )
        self._trace = conversation_span(self._options.conversation or self._options.id, current_trace())
        self._lines = newest(self._options.history)
        self._calls = CallMemory()
        self._playing: dict[str, Utterance] = {}
        self._place: tuple[str, int] = ("", 0)
        self._began = 0  # when the playing utterance would have begun, without what held it (ns)

    # What the owner calls

    async def run(self, source: AsyncIterator[Samples | Captured] | None = None) -> None:
        """Hold the conversation until :meth:`hang_up`, or the end of ``source`` (blocks of 16 kHz mono float32; those
        without a place on the source's clock end when they come).

        Without a source call :meth:`hear`. Raises what the source or the sink raise; engines' failures are part of
        the conversation.
        """
        with charged_to(self._options.customer or current_customer()):
            await self._hold(source)

    async def _hold(self, source: AsyncIterator[Samples | Captured] | None) -> None:
        try:
            await self._work(source)
        except BaseExceptionGroup as failures:
            raise_first(failures)
        except asyncio.CancelledError as error:
            error.__traceback__ = None  # our group and its frames would hold each other, and us
            raise
        finally:
            self._settle_up()
            self._mouth.close()
            self._ears.drop_all()
            self._ears.close()

    async def _work(self, source: AsyncIterator[Samples | Captured] | None) -> None:
        async with asyncio.TaskGroup() as group:
            self._mouth.prepare(group)
            beside = [group.create_task(self._orders.run())]
            if source is not None:
                beside.append(group.create_task(self._read(source)))
            await self._converse(group)
            await self._orders.drain()
            for task in beside:
                task.cancel()
            self._mouth.close()
            self._ears.drop_all()

    def hear(self, block: Samples, at: int | None = None) -> None:
        """Take the next block of the person's sound: mono float32 at 16 kHz, of any length. ``at`` is the number of its
        first sample on the source's own clock (:class:`~duologue.dialogue.ports.Captured`); None: it ends now.

        Raises :class:`~duologue.errors.InputError` for sound of another kind.
        """
        self._ears.hear(block, at)

    def say(self, text: str) -> None:
        """The person wrote ``text``. Empty: the character is invited to begin."""
        self._post(Typed(text))

    def notify(self, report: PlayEvent | PlayProgress) -> None:
        """What the sink did."""
        self._post(report)

    def hang_up(self) -> None:
        """The person is gone: what they had heard by then is kept. Idempotent."""
        self._post(HangUp())

    def recall(self, lines: Iterable[Line]) -> None:
        """Go on as if this had been said before, oldest first: whoever keeps the conversation has changed it there.

        What is being answered now enters the context after it, as always.
        """
        self._lines = newest(lines)
        self._post(Change())

    @property
    def control(self) -> SessionControl:
        """What the owner wants: words said, a stop, the person's turn over, digits, an end, a change, another sink."""
        return self._control

    @property
    def state(self) -> State:
        """Where the conversation stands."""
        return self._turns.state

    @property
    def lines(self) -> tuple[Line, ...]:
        """The context: what was said and heard, oldest first."""
        return self._lines

    # The loop

    async def _read(self, source: AsyncIterator[Samples | Captured]) -> None:
        given = 0
        async for block in source:
            samples, at = (block.samples, block.at) if isinstance(block, Captured) else (block, None)
            self.hear(samples, at)
            given += max(len(samples), EAR_RATE // 50)
            if given >= PORTION:
                given = 0
                await asyncio.sleep(0)  # a source that never waits must not keep everybody else waiting
        self.hang_up()

    async def _converse(self, group: asyncio.TaskGroup) -> None:
        language = self._persona.language
        if not language.known:
            what = f"no words of {language.tag!r} are known: turns end by pauses alone, and apologies are English"
            self._post(EngineFailed(Stage.HEARING, what))
        if self._options.greet:
            self.say("")
        else:
            self._read_ahead(group)
        while self._turns.state is not State.CLOSED:
            event = await self._next_event()
            now = self._clock.now()
            self._note_playing(event)
            self._observe(event, now)
            for effect in self._handle(event, now):
                self._observe(effect, now)
                self._execute(effect, group)

    def _handle(self, event: Event, now: int) -> list[Effect]:
        """What the table makes of it. Once the conversation is over nothing further happens in it."""
        effects = self._turns.handle(event, now)
        if self._turns.state is State.CLOSED:
            self._inbox.close()
        return effects

    async def _next_event(self) -> Event:
        """What waits, or the timeout at the deadline."""
        while True:
            deadline = self._turns.deadline()
            if deadline is None:
                raise ClosedError("the conversation is over")
            due, missed = max(deadline, self._ears.catching_up_until), self._ears.deadline
            event = await self._inbox.next(due if missed is None else min(due, missed), self._clock)
            if event is not None:
                return event
            now = self._clock.now()
            if missed is not None and missed <= now:
                self._ears.miss(now)  # posts what it finds
            elif max(deadline, self._ears.catching_up_until) <= now:  # sound that came meanwhile may hold it up
                return Timeout()

    def _observe(self, item: Event | Effect, now: int) -> None:
        """Who looks on is no part of the conversation: what they raise is logged, and they miss that."""
        try:
            self._tell(item, now)
        except Exception as error:
            self._untold += 1
            if self._untold == 1:
                _log.error("an observer failed", item=type(item).__name__, cause=in_words(error), exc_info=True)

    def _settle_up(self) -> None:
        """However it ended (the source or the sink broke, the owner cancelled): what was heard is kept."""
        while self._turns.state is not State.CLOSED:
            event = self._inbox.take() or HangUp()
            if not isinstance(event, HangUp | PlayStarted | PlayProgress | PlayEnded):
                continue
            now = self._clock.now()
            self._observe(event, now)
            for effect in self._handle(event, now):
                self._observe(effect, now)
                if isinstance(effect, Commit):
                    self._remember(effect)

    # What the effects do

    def _execute(self, effect: Effect, group: asyncio.TaskGroup) -> None:
        match effect:
            case Play(utterance, gap_ms):
                self._play(utterance, gap_ms)
            case Extend(utterance):
                self._extend(utterance)
            case Filler(utterance_id, moment):
                self._mutter(utterance_id, moment)
            case Pause():
                self._orders.pause(self._expect_no_echo)
            case Resume():
                self._orders.resume(lambda: self._expect_echo(*self._place, self._clock.now()))
            case Clear():
                self._playing.clear()
                self._orders.clear(self._expect_no_echo)
            case Withdraw(utterance_id):
                self._orders.withdraw(utterance_id)
            case Attach():
                if (sink := self._control.sink) is not None:
                    self._playing.clear()
                    self._expect_no_echo()  # the one before is silent, or nobody hears it
                    self._orders.attach(sink)
            case Apply(change):
                self._apply(change, group)
            case GiveDigit() | HandOver() | CallTool() | GiveResult():
                self._control.execute(effect)
            case Commit():
                self._remember(effect)
                self._read_ahead(group)
            case _:
                self._instruct(effect, group)

    def _instruct(self, effect: Effect, group: asyncio.TaskGroup) -> None:
        """What ears and mouth do, and which chain of theirs hands over meanwhile."""
        with telling(lambda handover: self._post_handover(effect, handover)), traced(self._span(effect)):
            self._direct(effect, group)

    def _span(self, effect: Effect) -> TraceContext:
        """Whose work it is, for the servers of others: a stage of a turn of ours, or the conversation."""
        match effect:
            case Think(reply):
                stage = "chat"
            case VoiceSentence(reply) | Apologise(reply):
                stage = "voice"
            case _:
                return self._trace
        turn = f"{self._options.conversation or self._options.id}/{reply}"
        return TraceContext(trace_id(turn), span_id(f"{turn} {stage}"))

    def _post_handover(self, effect: Effect, handover: Handover) -> None:
        spent = handover.moment is FailureMoment.CAP and not handover.successor
        match effect:
            case BeginStretch(stretch):
                self._mouth.spent(Stage.HEARING, spent=spent)
                self._post(HandedOver(Stage.HEARING, handover.words, stretch=stretch))
            case Think(reply):
                self._mouth.spent(Stage.THINKING, spent=spent)
                self._post(HandedOver(Stage.THINKING, handover.words, reply=reply))
            case VoiceSentence(reply) | Apologise(reply):
                self._mouth.spent(Stage.VOICING, spent=spent)
                self._post(HandedOver(Stage.VOICING, handover.words, reply=reply))
            case _:
                pass  # nothing else asks an engine

    def _direct(self, effect: Effect, group: asyncio.TaskGroup) -> None:
        match effect:
            case BeginStretch(stretch, since):
                self._ears.begin(stretch, since, group)
            case EndStretch(stretch):
                self._ears.end(stretch)
            case StopHearing(stretch):
                self._ears.leave(stretch)
            case DropStretch(stretch):
                self._ears.drop(stretch)
            case Ears(is_open, echoes):
                if is_open:
                    self._ears.listen(self._options.policy.tail_ms if echoes else 0)
                else:
                    self._ears.ignore()
            case Think(reply, person, speculative):
                self._mouth.think(reply, self._prompt(person, speculative), group, speculative=speculative)
            case Adopt(reply):
                self._mouth.adopt(reply)
            case VoiceSentence(reply, index, text):
                self._mouth.voice(reply, index, text, group)
            case Apologise(reply, index, stage, missed):
                self._mouth.apologise(reply, index, stage, group, missed=missed)
            case Abandon(reply):
                self._mouth.abandon(reply)
            case _:
                pass  # Annotate and Report: the observer has seen them

    def _play(self, utterance: Utterance, gap_ms: int) -> None:
        self._playing[utterance.id] = utterance
        self._orders.play(utterance, gap_ms)

    def _extend(self, utterance: Utterance) -> None:
        self._playing[utterance.id] = utterance
        self._orders.extend(utterance)
        playing, played = self._place
        if playing == utterance.id:
            self._expect_echo(playing, played, self._began + played * SECOND // utterance.rate)

    def _mutter(self, utterance_id: str, moment: bool) -> None:
        utterance = self._mouth.moment(utterance_id) if moment else self._mouth.filler(utterance_id)
        if utterance is None:
            self._post(PlayEnded(utterance_id, self._clock.now(), 0))
        else:
            self._play(utterance, 0)

    def _note_playing(self, event: Event) -> None:
        """Where the floor is: what of our words can come back as an echo."""
        match event:
            case PlayStarted(utterance_id, at):
                self._place = (utterance_id, 0)
                self._expect_echo(utterance_id, 0, at)
            case PlayProgress(utterance_id, at, played):
                self._place = (utterance_id, played)
                utterance = self._playing.get(utterance_id)
                if utterance and abs(at - played * SECOND // utterance.rate - self._began) > MOVED_NS:
                    self._expect_echo(utterance_id, played, at)
            case PlayEnded(utterance_id):
                self._playing.pop(utterance_id, None)
            case _:
                pass

    def _expect_no_echo(self) -> None:
        """Our sound has ended, or is held."""
        self._echo.silence(self._clock.now())
        self._echo.sound.silence(self._clock.now())

    def _expect_echo(self, utterance_id: str, played: int, at: int) -> None:
        """The words after ``played`` are heard from ``at`` on (ns)."""
        if utterance := self._playing.get(utterance_id):
            rate = utterance.rate
            self._began = at - played * SECOND // rate
            left = (word for word in utterance.words() if word.end > played)
            self._echo.play(((word.text, self._began + word.end * SECOND // rate) for word in left), at)
            self._echo.sound.play(utterance.samples[played:], rate, at)

    def _expected(self) -> Expected:
        """In the persona's language, and what its callers say, unless something else is expected."""
        expected = replace(self._options.expected, language=self._persona.language.name)
        if expected.phrases or expected.grammar:
            return expected
        return replace(expected, phrases=self._persona.expects)

    def _tuned(self, policy: Policy) -> tuple[Policy, Patience]:
        """``policy`` with the backchannels of the language, and the wait that goes with it."""
        if policy.backchannels == BACKCHANNELS:
            policy = replace(policy, backchannels=self._persona.language.turns.backchannels)
        bounded = BoundedPatience(self._patience, policy.wait_least_ms, policy.wait_most_ms)
        return policy, self._given_patience or bounded

    def _apply(self, change: Change, group: asyncio.TaskGroup) -> None:
        """Who speaks, with what, in which language, from the next thought and the next stretch on."""
        options = self._options
        persona = change.persona or self._persona
        self._persona = persona = replace(persona, language=change.language or persona.language)
        self._options = replace(
            options,
            schema=options.schema if change.schema is None else change.schema,
            toolbox=change.toolbox or options.toolbox,
            policy=change.policy or options.policy,
        )
        self._patience.speak(persona.language.turns)
        self._turns.tune(*self._tuned(self._options.policy))
        self._ears.expect(self._expected(), persona.language.turns)
        if change.persona or change.voice or change.language:
            self._mouth.change(persona, change.voice)
            self._mouth.prepare(group)
        self._read_ahead(group)

    def _read_ahead(self, group: asyncio.TaskGroup) -> None:
        """What the next prompt begins with is known: it stands in it whatever the person says."""
        if self._turns.state is not State.CLOSED:
            self._mouth.read_ahead(self._prompt("…", speculative=True), group)

    def _remember(self, exchange: Commit) -> None:
        self._mouth.abandon(exchange.reply)
        calls = self._calls.settle()
        said: list[Line] = []
        if exchange.person:
            said.append(Line(self._options.person, exchange.person, calls))
        if exchange.heard:
            said.append(Line(exchange.by or self._persona.name, exchange.heard, () if exchange.person else calls))
        self._lines = newest((*self._lines, *said))

    def _prompt(self, person: str, speculative: bool) -> Prompt:
        toolbox = self._options.toolbox
        asked = [Line(self._options.person, person, self._calls.outcomes)] if person else []
        return replace(
            Prompt.by(self._persona, topic=self._options.topic, lines=(*self._lines, *asked)),
            moment=Moment.ANSWER if person else Moment.OPENING,
            turn=len(self._lines),
            seed=self._options.seed,
            schema=self._options.schema,
            tools=ToolUse(toolbox, not speculative, clock=self._clock, memory=self._calls) if toolbox else None,
        )
