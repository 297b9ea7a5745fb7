"""One call: a conversation with whoever is at the other end, whatever carries it.

A call may hold more than one conversation of the core, one after another, with one memory: when nobody was there to
whom it was handed over, the character goes on.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from weakref import proxy

from duologue.app.calls.attendance import Attendance
from duologue.app.calls.line_models import CallLevels
from duologue.app.calls.menu import Menu, MenuMind
from duologue.app.calls.plan import CallPlan
from duologue.app.calls.sound import HeardSound, Level, recording_path
from duologue.app.calls.takeover import OpenEars, Takeover
from duologue.app.calls.tools import CallTools, said_so_far
from duologue.app.calls.views import CallStanding
from duologue.app.calls.voice import VoicedLines
from duologue.app.models import CallEvent, CallTurnEvent, Event, Notice, NoticeEvent
from duologue.app.talk.connection import TalkSocket
from duologue.app.talking.captions import STANDING, Captions
from duologue.app.talking.sound import close_recordings, open_recording
from duologue.app.talking.talking import Partner
from duologue.audio.far_playout import FarEndMessage
from duologue.audio.pcm import Samples
from duologue.clock import SECOND, Clock
from duologue.dialogue.far_end.remote_sink import RemoteSink
from duologue.dialogue.ports import PlayEnded, PlayEvent, PlayProgress, PlayStarted
from duologue.dialogue.recording import ConversationRecorder
from duologue.dialogue.session.ledger import SessionLedger
from duologue.dialogue.session.session import Session, SessionOptions
from duologue.dialogue.turns.policy import Policy
from duologue.dialogue.turns.vocabulary import (
    Adopt,
    DigitPressed,
    Effect,
    Note,
    Report,
    SpeechStarted,
    SpeechStopped,
    State,
    Think,
    Understood,
)
from duologue.dialogue.turns.vocabulary import Event as TableEvent
from duologue.errors import DuologueError, InputError, PeerError, in_words, raise_first
from duologue.language.engine import Line
from duologue.language.languages import Telephone
from duologue.language.persona import Persona
from duologue.phone import leg as far
from duologue.phone.leg import CallLeg, LegEvent
from duologue.phone.media.telephone_events import CLOCK, duration
from duologue.settings import Settings
from duologue.settings_phone import TransferSettings
from duologue.speech.hearing import Expected
from duologue.telemetry.ledger import QualityRecord, TakeoverRecord, TurnRecord
from duologue.telemetry.log import get_logger
from duologue.telemetry.stream import Ledger
from duologue.telemetry.turns import FINAL_STATES, points_ms

LINE = "line"
"""What calls are of, in the ledger and on the bus."""
CALLER = "caller"
"""What the other side is called in the context: what it calls itself nobody has checked."""
PARTING_SECONDS = 5.0
"""For the other end to leave after a transfer, and for a call to be over when we have hung up."""
MOST_WHISPERS = 5
_ADDRESS = re.compile(r"sips?:[^\s<>]{1,200}|tel:[+\d][\d.()-]{1,30}|[\w.+*#-]{1,60}", re.I)
_WHISPER = "A colleague who listens tells you (the caller does not hear this, and must not know): {text}"

_log = get_logger("duologue.line")


@dataclass(frozen=True, slots=True)
class CallHouse:
    """What the calls of a line share. ``told`` publishes what pages are shown. ``menu_only``: its ears understand
    nothing but a menu (:mod:`duologue.app.calls.menu`).
    """

    settings: Settings
    tools: CallTools
    lines: VoicedLines
    ledger: Ledger
    clock: Clock
    told: Callable[[Event], None]
    menu_only: bool = False


class CallTalk:
    """See the module. Run :meth:`hold` once; the rest may be called while it goes on. ``ears`` opens a place of one who
    listens, for an operator who takes the call over.
    """

    def __init__(
        self, leg: CallLeg, plan: CallPlan, partner: Partner, house: CallHouse, standing: CallStanding, ears: OpenEars
    ) -> None:
        call: CallTalk = proxy(self)  # as its parts know it: with their last user it goes, and waits for no collector
        self.standing = standing
        self._leg = leg
        self._plan = plan
        self._house = house
        self._clock = house.clock
        self._phone = house.settings.phone
        usual = partner.persona.language.telephone
        self._menu = Menu(self._phone.transfers, usual) if house.menu_only else None
        model = partner.engines.model if self._menu is None else MenuMind(self._menu)
        engines = replace(
            partner.engines, model=model, voice=house.lines.around(partner.engines.voice), stock=house.lines.stock
        )
        self._partner = replace(partner, engines=engines)
        thinks = self._phone.tools and self._menu is None
        self._toolbox = house.tools.of(call) if thinks else None
        self._book = SessionLedger(
            house.ledger,
            partner.persona.name,
            CALLER,
            part=LINE,
            conversation=leg.info.id,
            changed=lambda record: call._changed(record),
        )
        self._captions = Captions()
        self._begun = asyncio.Event()  # it was answered, or is over
        self._over = asyncio.Event()
        self._session: Session | None = None
        self._sink: RemoteSink | None = None
        self._number = 0
        self._recorder = ConversationRecorder()
        self._heard = HeardSound(lambda samples, at: call._sounded(samples, at))
        self._levels = Level(), Level()  # of the caller, of the character
        self._transferred: asyncio.Future[far.LegTransferred] | None = None
        self._reason = ""
        self._leaves_to = ""  # whom the call is to be handed over to after this sentence
        self._whispers: list[str] = []
        self._playing = self._keys_until = 0
        self._voice_on = self._asked = self._closes = False
        self._quiet_since = 0
        self._takeover = Takeover(call, ears, self._clock)
        self._attendance = Attendance(call, self._takeover, self._clock, lambda: call._attended())
        self._stood: State | None = None

    # What its owner may do

    async def hold(self) -> None:
        """Answer the call (or wait until ours is answered), and converse until it is over. Raises what an engine or
        the carrier raises that the conversation cannot bear; the call is over then, too.
        """
        try:
            async with asyncio.TaskGroup() as group:
                works = (self._read(), self._attendance.run(), self._pass_time())
                beside = [group.create_task(work) for work in works]
                try:
                    await self._conduct()
                finally:
                    for task in beside:
                        task.cancel()
        except BaseExceptionGroup as failures:
            raise_first(failures)
        finally:
            self._attendance.end(self.standing.reason or self._reason)
            self._book.close()

    def hang_up(self, reason: str) -> None:
        """End it after what is being said; at once where nobody converses."""
        self._reason, self._leaves_to = self._reason or reason, ""
        if self._session is not None:
            self._session.control.leave()

    async def cut(self, reason: str) -> None:
        """End it at once."""
        self._reason = self._reason or reason
        await self._leg.hang_up(self._reason)

    def close(self) -> None:
        """The line closes: say so, and hang up; while it is being put through, if nobody is reached there."""
        self._closes = True
        self._say_and_leave(self._usual.closing, "", "the line closed")

    def transfer(self, to: str) -> None:
        """Hand it over ``to`` a transfer of the settings by its name, or an address; the character says so before.
        Raises :class:`InputError` for what is neither, or where nobody converses.
        """
        known = self._phone.transfers.get(to)
        if known is None and not _ADDRESS.fullmatch(to):
            names = ", ".join(self._phone.transfers) or "none is set"
            raise InputError(f"{to!r} is nobody to hand over to", where="to", remedy=f"An address, or: {names}.")
        if self._session is None:
            raise InputError("the call is not standing", where=self._leg.info.id, remedy="Wait until it is answered.")
        self._hand_over(known or TransferSettings(to=to))

    def whisper(self, text: str) -> None:
        """Tell the character something that the caller does not hear; it counts from its next thought on."""
        self._whispers = [*self._whispers, " ".join(text.split())][-MOST_WHISPERS:]
        if self._session is not None:
            self._session.control.change(persona=self._persona)
        _log.info("call.whisper", call=self._leg.info.id)

    def levels(self) -> CallLevels:
        """How loud it was since this was asked last."""
        caller, character = self._levels
        return CallLevels(
            call=self._leg.info.id, caller_db=round(caller.read(), 1), character_db=round(character.read(), 1),
            hearing=self._captions.hearing,
        )  # fmt: skip

    async def attend(self, socket: TalkSocket, name: str = "") -> None:
        """Let a client of the Talk protocol listen, and take the call over, until its socket is closed; ``name``: of
        the token that it came with.
        """
        await self._attendance.enter(socket, name)

    # What an operator needs of it (takeover.TakenCall, attendance.AttendedCall)

    @property
    def id(self) -> str:
        """See the protocol."""
        return self._leg.info.id

    @property
    def held(self) -> bool:
        """See the protocol."""
        return self.standing.held

    @property
    def caller(self) -> str:
        """See the protocol."""
        return CALLER

    @property
    def caller_name(self) -> str:
        """See the protocol."""
        view = self.standing.view(self._clock)
        return view.called if view.outgoing else view.display or view.caller

    @property
    def character(self) -> tuple[str, str]:
        """See the protocol."""
        persona = self._partner.persona
        return persona.name, persona.title

    @property
    def standing_state(self) -> str:
        """See the protocol."""
        return STANDING.get(self._stood or State.QUIET, "quiet")

    @property
    def policy(self) -> Policy:
        """See the protocol."""
        return self._plan.policy

    @property
    def announcement(self) -> str:
        """See the protocol."""
        return self._plan.announce_operator

    @property
    def back(self) -> str:
        """See the protocol."""
        return self._usual.back

    def operated(self, operator: str, *, speaks: bool) -> None:
        """See the protocol."""
        self.standing.operator = operator
        self._quiet_since = self._clock.now()
        self._book.operated(speaks)
        self._attendance.operated(speaks=speaks)
        self._tell()

    def entered(self, record: TurnRecord | TakeoverRecord) -> None:
        """See the protocol."""
        if isinstance(record, TurnRecord):
            self._book.entered(record)
        else:
            self._house.ledger.enter(self._book.of, record)

    def trouble(self, text: str, remedy: str) -> None:
        """See the protocol."""
        _log.warning("call.operator", call=self.id, what=text)
        self._attendance.notice(text, remedy)
        self._house.told(NoticeEvent(notice=Notice(level="warning", text=text, remedy=remedy)))

    def _attended(self) -> None:
        self.standing.listeners = self._attendance.listeners
        self._tell()

    # What its tools may do (tools.OnCall)

    def leave(self, transfer: str) -> None:
        """See :class:`~duologue.app.calls.tools.OnCall`."""
        if transfer:
            self._leave_to(self._phone.transfers[transfer].to)
        else:
            self.hang_up("the character hung up")

    async def press(self, keys: str) -> None:
        """See :class:`~duologue.app.calls.tools.OnCall`."""
        await self._leg.digits(keys)
        self._keys_until = max(self._clock.now(), self._keys_until) + duration(keys) * SECOND // CLOCK

    # The course of it

    async def _conduct(self) -> None:
        with ExitStack() as files:
            try:
                if not self._leg.info.outgoing:
                    await self._leg.ring()
                    await self._leg.answer()
                if await self._reached() and not self._over.is_set():
                    self._begin(files)
                    await self._converse()
            except DuologueError as error:
                self._reason, self.standing.failed = in_words(error), True
                raise
            finally:
                await self._part()
                await close_recordings(files)

    async def _reached(self) -> bool:
        """Until it was answered, or is over; False: whom we call lets it ring for too long."""
        seconds = self._phone.ring_seconds if self._leg.info.outgoing else None
        try:
            async with asyncio.timeout(seconds):
                await self._begun.wait()
        except TimeoutError:
            self._reason = self._reason or f"nobody answered within {seconds:g} s"
            return False
        return True

    def _begin(self, files: ExitStack) -> None:
        now = self.standing.answered = self._clock.now()
        self._tell()
        folder = self._phone.record
        if self._plan.record and folder is not None:
            path = recording_path(folder, self._clock.wall(), self._leg.info.id, self._phone.record_format)
            self._recorder = files.enter_context(open_recording(None, path, later=True))
            self.standing.recording = str(path)
            self._book.recorded(path, now, self._plan.policy)
            if self._partner.acquaintance is not None:
                self._partner.acquaintance.recorded(path)
        self._recorder.begin(now)

    async def _converse(self) -> None:
        """One conversation after another, until the call is over or handed over."""
        offered = self._menu.invitation if self._menu is not None else ""
        words, lines = f"{self._plan.opening} {offered}".strip(), ()
        while True:
            target, lines = await self._talk(words, lines)
            if self._over.is_set() or not target or await self._refer(target, lines):
                return
            words = f"{self._usual.not_reached} {offered}".strip()

    async def _talk(self, words: str, lines: tuple[Line, ...]) -> tuple[str, tuple[Line, ...]]:
        """Converse, beginning with ``words``; to whom the call is to be handed over, and what was said."""
        self._number += 1
        self._quiet_since = self._clock.now()  # whoever was being put through was not silent
        self._playing, self._voice_on, self._asked, self._leaves_to = 0, False, False, ""
        session_id = self._leg.info.id + (f"-{self._number}" if self._number > 1 else "")
        sink = self._sink = RemoteSink(self._leg.manners, self._played, self._clock)
        options = SessionOptions(
            id=session_id, conversation=self._leg.info.id, person=CALLER, history=lines,
            greet=not words and not lines, policy=self._plan.policy,
            expected=Expected(grammar=self._menu.grammar if self._menu else "", telephone=True), toolbox=self._toolbox,
        )  # fmt: skip
        partner = replace(self._partner, persona=self._persona)
        session = self._session = partner.session(sink, options, clock=self._clock, observe=self._see)
        session.control.on_digit(self._pressed)
        if self._closes:
            self.close()
        elif words:
            session.control.speak(words)
        if self.standing.held:
            session.control.hold()
        if self._over.is_set():
            session.hang_up()
        try:
            async with asyncio.TaskGroup() as group:
                works = (sink.run(), sink.connect(self._write), self._mind(), self._takeover.run(session, sink))
                beside = [group.create_task(work) for work in works]
                try:
                    await session.run()
                finally:
                    self._session = self._sink = None
                    for task in beside:
                        task.cancel()
        except BaseExceptionGroup as failures:
            raise_first(failures)
        return session.control.handed_to, session.lines

    async def _refer(self, target: str, lines: tuple[Line, ...]) -> bool:
        """Hand the call over; False: it goes on."""
        self.standing.transfer = target
        self._tell()
        answer = self._transferred = asyncio.get_running_loop().create_future()
        said = {"X-Duologue-Call": self._leg.info.id, "X-Duologue-Said": said_so_far(lines, self._persona.name)}
        try:
            async with asyncio.timeout(self._phone.transfer_seconds):
                await self._leg.refer(target, said)
                outcome = await answer
        except TimeoutError:
            outcome = far.LegTransferred(False, f"nobody answered within {self._phone.transfer_seconds:g} s")
        except DuologueError as error:
            outcome = far.LegTransferred(False, in_words(error))
        self._transferred, self.standing.transfer = None, ""
        if outcome.ok:
            self.standing.transferred, self._reason = target, f"handed over to {target}"
            await self._leaves()
        elif not self._over.is_set():
            _log.warning("call.not_transferred", call=self._leg.info.id, to=target, cause=outcome.why)
            told = f"The call was not handed over to {target}: {outcome.why}"
            self._house.told(NoticeEvent(notice=Notice(level="warning", text=told, remedy="It goes on here.")))
        self._tell()
        return outcome.ok or self._over.is_set()

    async def _part(self) -> None:
        """Hang up, unless it is over. The keys that are being pressed are let be heard to their ends."""
        await self._leaves((self._keys_until - self._clock.now()) / SECOND)
        if self._over.is_set():
            return
        try:
            await self._leg.hang_up(self._reason or "the character hung up")
        except PeerError as error:
            _log.warning("call.carrier_gone", call=self._leg.info.id, cause=str(error))
            return
        await self._leaves()

    async def _leaves(self, seconds: float = PARTING_SECONDS) -> None:
        """Until it is over, which is not waited for too long."""
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._over.wait()
        except TimeoutError:
            self._recorder.pass_time(self._clock.now())

    # What comes from the other end

    async def _read(self) -> None:
        async for event in self._leg.events():
            self._take(event)
            if self._over.is_set():
                return

    def _take(self, event: LegEvent) -> None:
        match event:
            case far.Sound(at, samples):
                self._hear(samples, at)
            case far.Played(id, samples, at) if self._sink is not None:
                self._sink.acknowledge(id, samples, at)
            case far.Stopped(id, samples, at) if self._sink is not None:
                self._sink.stopped(id, samples, at)
            case far.Marked(name) if self._sink is not None:
                self._sink.marked(name)
            case far.Sent(id, at):
                self._book.sent(id, at)
            case far.Digit(key):
                self._note_digit(key)
            case far.Held(on):
                self._note_held(on)
            case far.Quality(loss, jitter_ms, round_trip_ms, loss_there):
                self._book.measured(QualityRecord(100 * loss, jitter_ms, round_trip_ms, 100 * loss_there))
                self.standing.measure(loss, jitter_ms, round_trip_ms)
                if self._sink is not None and round_trip_ms:
                    self._sink.round_trip(round_trip_ms)
                self._tell()
            case _:
                self._note_course(event)

    def _note_course(self, event: LegEvent) -> None:
        """It goes from one state into another."""
        match event:
            case far.LegAnswered(codec):
                self.standing.codec = codec or self.standing.codec
                self._begun.set()
            case far.CodecChanged(codec):
                self.standing.codec = codec
                self._tell()
            case far.LegTransferred() if self._transferred is not None and not self._transferred.done():
                self._transferred.set_result(event)
            case far.LegEnded(reason, ours, failed, status):
                standing = self.standing
                standing.reason = self._reason if ours and self._reason else reason
                standing.failed, standing.status = standing.failed or failed, 0 if standing.answered else status
                self._over.set()
                self._begun.set()
                if self._transferred is not None and not self._transferred.done():
                    self._transferred.set_result(far.LegTransferred(not (failed or ours), reason))
                if self._session is not None:
                    self._session.hang_up()
            case _:
                pass

    def _hear(self, samples: Samples, at: int) -> None:
        if self.standing.held:
            return  # music, or whatever is played to who waits
        now = self._clock.now()
        self._levels[0].take(samples)
        self._attendance.hear(samples, at, now)
        if self.standing.answered:
            self._recorder.hear(samples, at, now)
        if self._session is not None:
            self._session.hear(samples, at)

    def _note_digit(self, key: str) -> None:
        self.standing.press(key)
        self._tell()
        if self._session is not None and key in far.KEYS:
            self._session.control.press(key)

    def _note_held(self, on: bool) -> None:
        """Nobody is there for a while: nothing is said, nothing heard, and silence is nobody's."""
        self.standing.held = on
        self._quiet_since = self._clock.now()
        if self._session is not None:
            (self._session.control.hold if on else self._session.control.unhold)()
        self._tell()

    # What goes there

    async def _write(self, message: FarEndMessage) -> None:
        self._heard.send(message)
        try:
            await self._leg.write(message)
        except PeerError:  # the carrier is gone; that the call is over follows
            await self._over.wait()

    def _played(self, report: PlayEvent | PlayProgress) -> None:
        self._heard.report(report)
        match report:
            case PlayStarted():
                self._playing += 1
            case PlayEnded():
                self._playing = max(0, self._playing - 1)
                if not self._asked:
                    self._quiet_since = self._clock.now()
            case PlayProgress():
                pass
        if not self._takeover.played(report) and self._session is not None:
            self._session.notify(report)

    def _sounded(self, samples: Samples, at: int) -> None:
        self._levels[1].take(samples)
        self._recorder.character(samples, at)
        self._attendance.character(samples, at)

    # What the conversation tells

    def _see(self, item: TableEvent | Effect, now: int) -> None:
        self._book.take(item, now)
        self._captions.take(item)
        self._takeover.see(item)
        if self._session is not None and self._session.state is not self._stood:
            self._stood = self._session.state
            self._attendance.stands()
        match item:
            case SpeechStarted() | SpeechStopped():
                self._voice_on = isinstance(item, SpeechStarted)
                self._note_caller(now)
            case Understood() | DigitPressed():
                self._note_caller(now)
            case Report(Note.SILENCE):
                self._asked = True
            case Think(_, words, speculative=False) | Adopt(_, words):
                self._choose(words)
            case _:
                pass

    def _note_caller(self, now: int) -> None:
        self._quiet_since, self._asked = now, False

    async def _pass_time(self) -> None:
        """Also while it is held, and nothing comes from either side, its recording goes on."""
        while True:
            await self._clock.wait_until(self._clock.now() + SECOND)
            self._recorder.pass_time(self._clock.now())

    async def _mind(self) -> None:
        """A caller who is silent for too long is said goodbye to; while somebody speaks, or it is held, nobody is."""
        limit = round(self._phone.silence_seconds * SECOND)
        while True:
            await self._clock.wait_until(max(self._quiet_since + limit, self._clock.now() + SECOND // 2))
            busy = self._playing or self._voice_on or self.standing.held or self._takeover.operator
            if not busy and self._clock.now() >= self._quiet_since + limit:
                self._say_and_leave(self._usual.silent, "", "the caller was silent")
                return

    def _choose(self, words: str) -> None:
        """What the menu says to it is being said; then the call goes there."""
        chosen = self._menu.chosen(words) if self._menu is not None else None
        if chosen is not None:
            self._leave_to(chosen.to)

    def _pressed(self, key: str) -> None:
        """The menu of the keys, which an operator needs none of."""
        if self._takeover.operator:
            return
        for each in self._phone.transfers.values():
            if each.digit == key:
                self._hand_over(each)

    def _hand_over(self, transfer: TransferSettings) -> None:
        """Who presses the key again meanwhile is told nothing anew: it would only begin once more."""
        if transfer.to == self._leaves_to:
            return
        self._say_and_leave(transfer.say or self._usual.handing_over, transfer.to)

    def _say_and_leave(self, words: str, to: str, reason: str = "") -> None:
        if self._session is None:
            return
        self._session.control.speak(words)
        if to:
            self._leave_to(to)
        else:
            self.hang_up(reason)

    def _leave_to(self, target: str) -> None:
        if self._session is not None:
            self._leaves_to = target
            self._session.control.leave(target)

    def _changed(self, record: TurnRecord) -> None:
        turn = self.standing.say(record, self._clock)
        self._attendance.turn(turn)
        self._house.told(CallTurnEvent(turn=turn))
        points = points_ms(record) if record.state in FINAL_STATES else {}
        if points:
            told = {f"{name}_ms": round(ms, 1) for name, ms in points.items()}  # no name of them is a secret's
            _log.info("call.turn", call=self._leg.info.id, **told)

    def _tell(self) -> None:
        self._house.told(CallEvent(call=self.standing.view(self._clock)))

    @property
    def _usual(self) -> Telephone:
        return self._persona.language.telephone

    @property
    def _persona(self) -> Persona:
        """As it is, with what was whispered to it."""
        persona = self._partner.persona
        if not self._whispers:
            return persona
        told = "\n".join(_WHISPER.format(text=text) for text in self._whispers)
        return replace(persona, description=f"{persona.description}\n\n{told}")
