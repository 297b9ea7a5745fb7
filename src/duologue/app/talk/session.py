"""One conversation that a client holds over sockets, one after another: when one breaks, the next goes on with it.

It stands beside the terminal's and the telephone's: the same session, on a :class:`RemoteSink` whose far end is a
browser's audio clock.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from weakref import proxy
from zlib import crc32

from duologue.app.calls.sound import HeardSound
from duologue.app.lessons.desk import LessonDesk
from duologue.app.talk import messages as say
from duologue.app.talk.chunks import TalkChunks
from duologue.app.talk.connection import TalkConnection, Written, parted, sentence
from duologue.app.talk.troubles import told_of
from duologue.app.talking.captions import STANDING
from duologue.app.talking.sound import close_recordings, open_recording
from duologue.app.talking.talking import Partner
from duologue.app.talking.turn_policy import talk_policy
from duologue.audio.far_playout import FarEndMessage, Manners, MessageKind
from duologue.audio.pcm import Samples
from duologue.clock import MILLISECOND, SECOND, Clock
from duologue.dialogue.far_end.remote_sink import RemoteSink
from duologue.dialogue.ports import PlayEvent, PlayProgress
from duologue.dialogue.recording import ConversationRecorder
from duologue.dialogue.session.ledger import SessionLedger
from duologue.dialogue.session.session import Session, SessionOptions
from duologue.dialogue.turns.vocabulary import (
    Effect,
    Event,
    Report,
    Stage,
    State,
    Typed,
    Understood,
)
from duologue.errors import InputError, raise_first
from duologue.language.structured import notes_schema
from duologue.settings import Settings
from duologue.telemetry.ledger import TurnRecord
from duologue.telemetry.log import get_logger
from duologue.telemetry.stream import Ledger
from duologue.telemetry.turns import silence_ms
from duologue.tutor.drill import Help

PERSON = "person"
"""What the other side is called in the context."""
RESUME_SECONDS = 60
"""A conversation waits so long for its client."""
IDLE_SECONDS = 30 * 60
"""Without a word of the person's for so long it is over."""
PING_SECONDS = 2
NEAR_MS = 100
"""A client whose round trip is shorter is waited for no longer than one that is here."""
KEPT_TURNS = 40
BROKEN = say.TalkBye(code="failed", text="The conversation broke off.", remedy="Begin another one.")
MANNERS = Manners(piece_ms=500, away_ms=RESUME_SECONDS * 1000)

_log = get_logger("duologue.talk")


@dataclass(frozen=True, slots=True)
class TalkWishes:
    """How a conversation was asked for. ``hears``: there is a place for one who listens. ``translate``: the language
    of the person's own, in English; empty: it was not told.
    """

    topic: str = ""
    greet: bool = False
    hears: bool = True
    translate: str = ""


class TalkSession:
    """Run :meth:`hold` once, and :meth:`serve` for each socket. ``token`` lets a client come back; ``desk`` holds the
    lessons of a conversation with a tutor.
    """

    def __init__(
        self,
        partner: Partner,
        wishes: TalkWishes,
        token: str,
        settings: Settings,
        ledger: Ledger,
        clock: Clock,
        desk: LessonDesk | None = None,
    ) -> None:
        talk: TalkSession = proxy(self)  # as those know it who tell us, and are held here: it waits for no collector
        self.token = token
        self._wishes = wishes
        self._settings = settings
        self._clock = clock
        self._desk = desk
        self._policy = talk_policy(settings, partner.persona)
        if desk is not None:  # a lesson takes each answer once
            self._policy = replace(self._policy, speculate=False)
        self._clear_ms = self._policy.clear_ms
        self._book = SessionLedger(
            ledger, partner.persona.name, PERSON, conversation=partner.conversation,
            changed=lambda record: talk._turned(record),
        )  # fmt: skip
        if desk is not None:
            desk.tell = lambda message, about: talk._tell(message, about)
            desk.conversation = self._book.conversation
        self._persona = partner.persona
        self._sink = RemoteSink(MANNERS, lambda report: talk._played(report), clock)
        self._chunks = TalkChunks(self._book.conversation)
        self._turns: OrderedDict[str, say.TalkTurn] = OrderedDict()
        self._recorder = ConversationRecorder()
        self._heard = HeardSound(lambda samples, at: talk._sounded(samples, at))
        options = SessionOptions(
            id=self._book.conversation, person=PERSON, topic=wishes.topic, greet=wishes.greet, policy=self._policy,
            seed=crc32(self._book.conversation.encode()),
            schema=_schema(partner.persona.notes, wishes.translate) if desk is not None and desk.talks else None,
        )  # fmt: skip
        self._session: Session = partner.session(
            self._sink, options, clock=clock, observe=lambda item, now: talk._see(item, now)
        )
        self._connection: TalkConnection | None = None
        self._newest: TalkConnection | None = None
        """The last one, be it gone."""
        self._written = Written()
        self._began = self._away_since = self._spoke = clock.now()
        self._captured = 0
        self._offset = 0
        self._pushed = False
        self._standing: State | None = None
        self._pings: dict[int, int] = {}
        self._pinged = 0
        self._over: say.TalkBye | None = None
        self._found = partner.sources
        self._known = partner.acquaintance
        if self._known is not None:
            self._known.told = lambda trouble: talk._kept(trouble)

    @property
    def conversation(self) -> str:
        """Its id, as the ledger has it."""
        return self._book.conversation

    @property
    def hears(self) -> bool:
        """It has a place of one who listens."""
        return self._wishes.hears

    @property
    def away_since(self) -> int | None:
        """Since when nobody is there (ns); None: somebody is."""
        return self._away_since if self._connection is None else None

    # Its life

    async def hold(self) -> None:
        """Converse until somebody leaves, or nobody comes back. Raises what ends it that should not."""
        with ExitStack() as files:
            try:
                self._record(files)
                async with asyncio.TaskGroup() as group:
                    beside = [group.create_task(self._sink.run()), group.create_task(self._mind())]
                    if self._desk is not None:
                        beside.append(group.create_task(self._desk.run()))
                    try:
                        await self._session.run()
                        if self._desk is not None:
                            await self._desk.rest()
                    finally:
                        for task in beside:
                            task.cancel()
            except BaseExceptionGroup as failures:
                self._part(BROKEN)
                raise_first(failures)
            except BaseException:
                self._part(BROKEN)
                raise
            finally:
                self._part(say.TalkBye(code="ended", text="The conversation is over."))
                self._book.close()
                await close_recordings(files)

    def end(self, bye: say.TalkBye) -> None:
        """Hang up, with a last word to the client."""
        self._part(bye)
        self._session.hang_up()

    def _part(self, bye: say.TalkBye) -> None:
        self._over = self._over or bye
        if self._connection is not None:
            self._connection.end(self._over)

    def _record(self, files: ExitStack) -> None:
        folder, now = self._settings.dialogue.record_folder, self._clock.now()
        if folder is not None:
            file = _file(folder, self._clock.wall())
            self._recorder = files.enter_context(open_recording(None, file, later=True))
            self._book.recorded(file, now, self._policy)
            if self._known is not None:
                self._known.recorded(file)
        self._recorder.begin(now)

    async def _mind(self) -> None:
        """Ping, let the recording go on, and see who is away for too long, or says nothing."""
        due = self._clock.now()
        while True:
            due = max(due + PING_SECONDS * SECOND, self._clock.now())
            await self._clock.wait_until(due)
            now = self._clock.now()
            self._recorder.pass_time(now)
            if self._connection is not None:
                self._ping(self._connection, now)
            elif now - self._away_since >= RESUME_SECONDS * SECOND:
                self.end(say.TalkBye(code="gone", text="Nobody came back."))
                return
            if now - self._spoke >= IDLE_SECONDS * SECOND:
                text = f"Nobody said anything for {IDLE_SECONDS // 60} minutes."
                self.end(say.TalkBye(code="idle", text=text, remedy="Begin another conversation."))
                return

    def _ping(self, connection: TalkConnection, now: int) -> None:
        self._pinged += 1
        self._pings = {number: at for number, at in self._pings.items() if number > self._pinged - 10}
        self._pings[self._pinged] = now
        connection.tell(say.TalkPing(number=self._pinged), "ping")

    # A socket of it

    async def serve(self, connection: TalkConnection, hello: say.TalkHello) -> None:
        """Go on over ``connection`` until it is gone (:class:`SocketGone`) or to be closed (:class:`PartedError`)."""
        before, self._connection = self._connection, connection
        if before is not None:
            before.end(say.TalkBye(code="taken", text="This conversation goes on in another window."))
        self._go_on(connection, hello)
        if hello.heard is not None:
            self._sink.acknowledge(hello.heard.id, hello.heard.samples)
        self._show_all(connection, resumed=bool(hello.resume))
        try:
            if self._over is not None:
                connection.end(self._over)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._sink.connect(lambda message: self._order(connection, message)))
                group.create_task(connection.run())
                group.create_task(self._read(connection))
        except BaseExceptionGroup as failures:
            raise_first(failures)
        finally:
            if self._connection is connection:
                self._connection, self._away_since = None, self._clock.now()

    def _go_on(self, connection: TalkConnection, hello: say.TalkHello) -> None:
        """With the same microphone, or another one: nobody lets the button of that one go any more."""
        before, offset = self._offset, (self._clock.now() - self._began) * say.EAR_RATE // SECOND
        if hello.captured and self._newest is not None:
            connection.go_on(self._newest, offset - before)
        else:
            self._push(False)
        self._newest, self._offset = connection, offset

    def _show_all(self, connection: TalkConnection, *, resumed: bool) -> None:
        known = self._known
        connection.tell(
            say.TalkWelcome(
                version=say.VERSION, conversation=self.conversation, resume=self.token, resumed=resumed,
                character=self._persona.name, title=self._persona.title, microphone=self._wishes.hears,
                rate=say.PLAYED_RATE, resume_seconds=RESUME_SECONDS,
                said=self._written.newest, captured=connection.captured,
                remembered=known is not None and not known.trouble, person=known.name if known is not None else "",
            ),
            "welcome",
        )  # fmt: skip
        if known is not None and known.trouble:
            self._kept(known.trouble)
        for turn in self._turns.values():
            connection.tell(turn, turn.id)
        for chunk in self._chunks.newest:
            connection.tell(chunk, chunk.id)
        for message, about in self._desk.shown if self._desk is not None else ():
            connection.tell(message, about)
        self._standing = None
        self._stand()
        self._ping(connection, self._clock.now())

    async def _order(self, connection: TalkConnection, message: FarEndMessage) -> None:
        self._heard.send(message)
        await connection.order(message)
        if message.kind is MessageKind.PLAY:
            self._book.sent(message.id, self._clock.now())

    async def _read(self, connection: TalkConnection) -> None:
        while True:
            message = await connection.read()
            if self._connection is not connection:
                continue
            if isinstance(message, say.TalkLearn):
                await self._learn(message.lesson)
            else:
                self._take(message)

    def _take(self, message: say.FromClient | say.CapturedSound) -> None:
        control, sink = self._session.control, self._sink
        match message:
            case say.CapturedSound(at, samples):
                self._hear(at, samples)
            case say.TalkPlayed(id=name, samples=samples, at=at):
                sink.acknowledge(name, samples, _ns(at))
            case say.TalkStopped(id=name, samples=samples, at=at):
                sink.stopped(name, samples, _ns(at))
            case say.TalkPong(number=number):
                if (pinged := self._pings.pop(number, None)) is not None:
                    self._reach((self._clock.now() - pinged) / MILLISECOND)
            case say.TalkSay(text=text):
                if self._written.is_new(message) and text.strip():
                    self._spoke = self._clock.now()
                    self._session.say(text.strip())
            case say.TalkPush(down=down):
                self._push(down)
            case say.TalkCommit():
                control.commit_turn()
            case say.TalkCancel():
                control.cancel_turn()
            case say.TalkInterrupt():
                control.interrupt()
            case say.TalkHelp(want=want):
                self._help(Help(want))
            case say.TalkLeave():
                self.end(say.TalkBye(code="ended", text="The conversation is over."))
            case say.TalkLearn():
                pass  # who reads has waited for it
            case say.TalkTake():
                self._notice("warning", "This is no call: there is nobody to take it over from.")
            case say.TalkHello():
                raise parted("protocol", "a second hello on one socket", "Open another socket.")

    async def _learn(self, lesson: str) -> None:
        """Begin a lesson, in a conversation with who teaches."""
        if self._desk is None:
            self._notice("warning", "No lessons are held in this conversation.", "Begin another one, with a lesson.")
            return
        try:
            await self._desk.open(lesson)
        except InputError as error:
            self._notice("warning", sentence(error.what), error.remedy)
            return
        self._spoke = self._clock.now()
        self._session.control.interrupt()
        self._session.say("")

    def _help(self, wish: Help) -> None:
        if self._desk is not None:
            self._spoke = self._clock.now()
            if said := self._desk.help(wish):
                self._session.say(said)

    def _push(self, down: bool) -> None:
        """While the button is down only its coming up ends the turn. A client that comes back says again how it is."""
        if down is self._pushed:
            return
        self._pushed = down
        if not down:
            self._session.control.commit_turn()
        self._change_policy()

    def _reach(self, round_trip_ms: float) -> None:
        """So far away is the client: where it stopped is waited for as much longer."""
        self._sink.round_trip(round_trip_ms)
        clear_ms = self._clear_ms + round(round_trip_ms)
        if clear_ms > self._policy.clear_ms + NEAR_MS:
            self._policy = replace(self._policy, clear_ms=clear_ms)
            self._change_policy()

    def _change_policy(self) -> None:
        self._session.control.change(policy=replace(self._policy, manual=self._pushed or self._policy.manual))

    def _hear(self, at: int, samples: Samples) -> None:
        if not self._wishes.hears:
            return
        now = self._clock.now()
        self._captured = now
        self._recorder.hear(samples, self._offset + at, now)
        self._session.hear(samples, self._offset + at)

    # What the conversation tells

    def _played(self, report: PlayEvent | PlayProgress) -> None:
        self._heard.report(report)
        self._session.notify(report)

    def _sounded(self, samples: Samples, at: int) -> None:
        self._recorder.character(samples, at)

    def _see(self, item: Event | Effect, now: int) -> None:
        self._book.take(item, now)
        if isinstance(item, Typed | Understood):
            self._spoke = now
        self._tell_all(*self._chunks.take(item))
        self._stand()
        told = told_of(item)
        if told is not None and not self._unheard(item):
            self._notice("warning", *told)

    def _unheard(self, item: Event | Effect) -> bool:
        """A microphone that is off gives no sound: that is no fault."""
        noticing = isinstance(item, Report) and item.stage is Stage.NOTICING
        return noticing and self._clock.now() - self._captured > SECOND

    def _turned(self, record: TurnRecord) -> None:
        turn = _turn(record, self._clock, self._sources(record))
        self._turns[turn.id] = turn
        self._turns.move_to_end(turn.id)
        while len(self._turns) > KEPT_TURNS:
            self._turns.popitem(last=False)
        if self._connection is not None:
            self._connection.tell(turn, turn.id)

    def _tell(self, message: say.FromServer, about: str) -> None:
        if self._connection is not None:
            self._connection.tell(message, about)

    def _sources(self, record: TurnRecord) -> tuple[say.TalkSource, ...]:
        question = self._turns.get(record.question)
        if self._found is None or question is None:
            return ()
        return tuple(
            say.TalkSource(name=each.name, place=each.place, text=each.text) for each in self._found.of(question.text)
        )

    def _tell_all(self, *chunks: say.TalkChunk) -> None:
        if self._connection is not None:
            for chunk in chunks:
                self._connection.tell(chunk, chunk.id)

    def _notice(self, level: str, text: str, remedy: str = "") -> None:
        if self._connection is not None:
            notice = say.TalkNotice.model_validate(dict(level=level, text=text, remedy=remedy))
            self._connection.tell(notice, f"notice {text}")

    def _kept(self, trouble: str) -> None:
        """Whether what is said will be remembered."""
        if trouble:
            self._notice("warning", "This conversation will not be remembered.", "It goes on all the same.")
        else:
            self._notice("info", "What is said is remembered again.")

    def _stand(self) -> None:
        state = self._session.state
        if state is not self._standing and self._connection is not None:
            self._standing = state
            standing = say.TalkStanding.model_validate(dict(state=STANDING[state]))
            self._connection.tell(standing, "standing")


def _schema(notes: Sequence[str], translate: str) -> Mapping[str, object] | None:
    """Of a reply with ``notes``; nothing is translated into nobody knows what."""
    return notes_schema([note for note in notes if translate or note != "translation"], translate)


def _turn(record: TurnRecord, clock: Clock, sources: tuple[say.TalkSource, ...]) -> say.TalkTurn:
    person = record.kind == "person"
    at = record.on_air if person else record.spoken_to or record.asked
    wall = (clock.wall() - clock.now() + at) / MILLISECOND if at else None
    return say.TalkTurn(
        id=record.id, number=record.number, person=person, text=record.text, state=record.state,
        heard="" if person else record.heard, interrupted=record.interrupted, at=wall, stages=silence_ms(record),
        failure=record.failure, handovers=record.handovers, sources=sources,
    )  # fmt: skip


def _ns(microseconds: int | None) -> int | None:
    return None if microseconds is None else microseconds * 1000


def _file(folder: Path, wall: int) -> Path:
    return folder / f"talk-{datetime.fromtimestamp(wall / SECOND, UTC):%Y%m%dT%H%M%S.%fZ}.opus"
