"""Who attends a call: clients of the Talk protocol (docs/talk-protocol.md) that listen to it, each on a socket and on
the next one when that breaks; and the one of them who has taken it over.

All of them hear what is heard on the call (:mod:`duologue.app.calls.tap`) and are told what is said. Who has taken it
over hears the caller alone, at once, and is heard by them. One who gives no sign for :data:`AWAY_SECONDS` is gone, and
what they had is given back.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from duologue.app.calls.line_models import CallTurn
from duologue.app.calls.operator_voice import OPERATOR
from duologue.app.calls.takeover import Takeover
from duologue.app.calls.tap import STEP, CallTap, ListenerStream
from duologue.app.talk import messages as say
from duologue.app.talk.connection import TalkConnection, TalkSocket, Written, hold_socket, parted
from duologue.audio.pcm import Samples
from duologue.clock import SECOND, Clock
from duologue.errors import InputError, raise_first

AWAY_SECONDS = 10.0
"""Without a sign of a client for so long it is gone."""
PING_SECONDS = 2.0
MOST_ATTENDANTS = 10
KEPT_TURNS = 100


class AttendedCall(Protocol):
    """The call, as those who attend it need it."""

    @property
    def id(self) -> str:
        """Its id."""
        ...

    @property
    def caller_name(self) -> str:
        """Who is on the line."""
        ...

    @property
    def character(self) -> tuple[str, str]:
        """Who answers: by name, and what they are called."""
        ...

    @property
    def standing_state(self) -> str:
        """As :class:`~duologue.app.talk.messages.TalkStanding` has it."""
        ...

    @property
    def announcement(self) -> str:
        """What the caller is told when it is taken over; empty: nothing."""
        ...


@dataclass(eq=False)
class _Attendant:
    """Somebody who attends, from one socket to the next."""

    token: str
    name: str
    came: int
    sign: int
    connection: TalkConnection | None = None
    stream: ListenerStream | None = None
    mine: bool = False
    """They are heard by the caller."""
    written: Written = field(default_factory=Written)


class Attendance:
    """See the module. Run :meth:`run` as long as the call lasts; ``changed``: who attends is not as it was."""

    def __init__(
        self, call: AttendedCall, takeover: Takeover, clock: Clock, changed: Callable[[], None] = lambda: None
    ) -> None:
        self._call = call
        self._takeover = takeover
        self._clock = clock
        self._changed = changed
        self._attendants: dict[str, _Attendant] = {}
        self._operator: _Attendant | None = None
        self._turns: OrderedDict[str, tuple[int, CallTurn]] = OrderedDict()
        self._count = 0
        self._both: CallTap | None = None
        self._caller: CallTap | None = None
        self._wanted = asyncio.Event()
        self._pinged = 0
        self._over: say.TalkBye | None = None

    @property
    def listeners(self) -> int:
        """Those who attend now."""
        return len(self._attendants)

    # What the call tells

    def hear(self, samples: Samples, at: int, now: int) -> None:
        """Of the caller: 16 kHz, the first sample is number ``at`` of its source."""
        for tap in (self._both, self._caller):
            if tap is not None:
                tap.hear(samples, at, now)

    def character(self, samples: Samples, at: int) -> None:
        """Of what the caller hears: 48 kHz, the first sample of which was heard at ``at`` (ns)."""
        if self._both is not None:
            self._both.character(samples, at)

    def turn(self, turn: CallTurn) -> None:
        """What was said, as far as it has come."""
        known = self._turns.get(turn.id)
        self._count += known is None
        number = self._count if known is None else known[0]
        self._turns[turn.id] = number, turn
        while len(self._turns) > KEPT_TURNS:
            self._turns.popitem(last=False)
        if self._attendants:
            self._tell(_told(number, turn), turn.id)

    def stands(self) -> None:
        """Where the conversation stands is not as it was."""
        if self._attendants:
            state = self._call.standing_state
            self._tell(say.TalkStanding.model_validate(dict(state=state)), "standing")

    def notice(self, text: str, remedy: str) -> None:
        """What those who attend should know."""
        self._tell(say.TalkNotice(level="warning", text=text, remedy=remedy), f"notice {text}")

    def operated(self, *, speaks: bool) -> None:
        """Somebody has the call, or has it no longer."""
        operator = self._operator if speaks else None
        for each in self._attendants.values():
            each.mine = each is operator
        self._caller = CallTap(self._to_operator, self._clock.now(), alone=True) if speaks else None
        if not self._takeover.operator:
            self._operator = None
        self._tell_all()

    def end(self, reason: str) -> None:
        """The call is over."""
        self._over = self._over or say.TalkBye(code="ended", text=f"The call is over: {reason or 'it ended'}.")
        for each in self._attendants.values():
            if each.connection is not None:
                each.connection.end(self._over)

    async def run(self) -> None:
        """Give listeners their sound, and see who is gone, until cancelled."""
        while True:
            await self._wanted.wait()
            self._both = CallTap(self._to_listeners, self._clock.now(), alone=False)
            try:
                await self._give_on()
            finally:
                self._both = None
            self._wanted.clear()

    async def _give_on(self) -> None:
        """While somebody attends."""
        due = self._clock.now()
        while self._attendants:
            due = max(due + STEP, self._clock.now())
            await self._clock.wait_until(due)
            now = self._clock.now()
            for tap in (self._both, self._caller):
                if tap is not None:
                    tap.tick(now)
            await self._takeover.tick(now)
            self._look(now)

    # A socket

    async def enter(self, socket: TalkSocket, name: str = "") -> None:
        """Serve a socket until it is closed; ``name`` is that of the token that it came with."""

        async def serve(connection: TalkConnection, hello: say.TalkHello) -> None:
            await self._serve(connection, self._attendant(hello, name), resumed=bool(hello.resume))

        await hold_socket(socket, self._clock, serve)

    def _attendant(self, hello: say.TalkHello, name: str) -> _Attendant:
        if self._over is not None:
            raise parted("ended", self._over.text)
        if hello.resume:
            known = self._attendants.get(hello.resume)
            if known is None:
                raise parted("gone", "You do not attend this call any more.", "Listen to it again.")
            return known
        if len(self._attendants) >= MOST_ATTENDANTS:
            raise parted("full", f"{MOST_ATTENDANTS} attend this call already.", "Ask one of them to leave.")
        token = secrets.token_urlsafe(24)
        now = self._clock.now()
        made = _Attendant(token, name or hello.person or OPERATOR, now, now)
        self._attendants[token] = made
        self._wanted.set()
        return made

    async def _serve(self, connection: TalkConnection, attendant: _Attendant, *, resumed: bool) -> None:
        before, attendant.connection = attendant.connection, connection
        if before is not None:
            before.end(say.TalkBye(code="taken", text="This goes on in another window."))
        attendant.sign = self._clock.now()
        attendant.stream = ListenerStream(f"call-{secrets.token_hex(4)}", connection.order)
        self._welcome(connection, attendant, resumed=resumed)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(connection.run())
                group.create_task(attendant.stream.run())
                group.create_task(self._read(connection, attendant, self._clock.now() - attendant.came))
        except BaseExceptionGroup as failures:
            raise_first(failures)
        finally:
            if attendant.connection is connection:
                attendant.connection = attendant.stream = None

    def _welcome(self, connection: TalkConnection, attendant: _Attendant, *, resumed: bool) -> None:
        name, title = self._call.character
        connection.tell(
            say.TalkWelcome(
                version=say.VERSION, conversation=self._call.id, resume=attendant.token, resumed=resumed,
                character=name, title=title, microphone=True, rate=say.PLAYED_RATE, resume_seconds=AWAY_SECONDS,
                said=attendant.written.newest,
            ),
            "welcome",
        )  # fmt: skip
        for number, turn in self._turns.values():
            connection.tell(_told(number, turn), turn.id)
        self.stands()
        self._tell_all()
        self._changed()
        self._ping(attendant)

    async def _read(self, connection: TalkConnection, attendant: _Attendant, since: int) -> None:
        """``since`` so long (ns) they attend: the microphone's clock of a socket begins with it."""
        offset = since * say.EAR_RATE // SECOND
        while True:
            message = await connection.read()
            if attendant.connection is not connection:
                continue
            attendant.sign = self._clock.now()
            if isinstance(message, say.CapturedSound):
                if attendant.mine:
                    await self._takeover.hear(offset + message.at, message.samples)
            else:
                await self._take(attendant, message)

    async def _take(self, attendant: _Attendant, message: say.FromClient) -> None:
        match message:
            case say.TalkTake(taken=True):
                self._have(attendant)
            case say.TalkTake():
                if attendant is self._operator:
                    self._takeover.give_back()
            case say.TalkSay(text=text):
                if attendant.written.is_new(message):
                    await self._write(attendant, text)
            case say.TalkInterrupt():
                if attendant.mine:
                    self._takeover.interrupt()
            case say.TalkPlayed(id=name, samples=samples):
                if attendant.stream is not None:
                    attendant.stream.played(name, samples)
            case say.TalkLeave():
                self._leave(attendant)
                raise parted("ended", "You attend the call no longer.")
            case say.TalkHello():
                raise parted("protocol", "a second hello on one socket", "Open another socket.")
            case _:
                pass  # a sign of life, or of a conversation of one's own

    def _have(self, attendant: _Attendant) -> None:
        if self._operator is not None and self._operator is not attendant:
            self._warn(attendant, f"{self._operator.name} has this call.", "Listen, or ask them to hand it back.")
            return
        if self._operator is None:
            self._operator = attendant
            if not self._takeover.take(attendant.name):
                self._operator = None
                self._warn(attendant, "The call is being handed back.", "Try again in a moment.")

    async def _write(self, attendant: _Attendant, text: str) -> None:
        if not attendant.mine:
            self._warn(attendant, "The caller does not hear you.", "Take the call over first, or whisper.")
            return
        try:
            await self._takeover.write(text)
        except InputError as error:
            self._warn(attendant, error.what, error.remedy)

    # Those who attend

    def _look(self, now: int) -> None:
        """Ping, and see who is gone."""
        ping = now - self._pinged >= PING_SECONDS * SECOND
        for each in list(self._attendants.values()):
            if now - each.sign >= AWAY_SECONDS * SECOND:
                self._leave(each, f"{each.name} did not come back within {AWAY_SECONDS:g} s")
            elif ping:
                self._ping(each)
        if ping:
            self._pinged = now

    def _leave(self, attendant: _Attendant, why: str = "") -> None:
        self._attendants.pop(attendant.token, None)
        if attendant is self._operator:
            if why:
                self._takeover.give_back(why)
            else:
                self._takeover.give_back()
        if why and attendant.connection is not None:
            attendant.connection.end(say.TalkBye(code="gone", text=f"{why}.", remedy="Listen to the call again."))
        self._tell_all()
        self._changed()

    def _ping(self, attendant: _Attendant) -> None:
        if attendant.connection is not None:
            attendant.connection.tell(say.TalkPing(number=self._clock.now() // SECOND), "ping")

    def _warn(self, attendant: _Attendant, text: str, remedy: str) -> None:
        if attendant.connection is not None:
            notice = say.TalkNotice(level="warning", text=text, remedy=remedy)
            attendant.connection.tell(notice, f"notice {text}")

    def _tell(self, message: say.FromServer, about: str) -> None:
        for each in self._attendants.values():
            if each.connection is not None:
                each.connection.tell(message, about)

    def _tell_all(self) -> None:
        for each in self._attendants.values():
            if each.connection is not None:
                each.connection.tell(
                    say.TalkAttended(
                        caller=self._call.caller_name, operator=self._takeover.operator, speaks=self._takeover.speaks,
                        yours=each is self._operator, listeners=self.listeners,
                        announced=bool(self._call.announcement),
                    ),
                    "attended",
                )  # fmt: skip

    def _to_listeners(self, samples: Samples) -> None:
        for each in self._attendants.values():
            if each.stream is not None and not each.mine:
                each.stream.give(samples)

    def _to_operator(self, samples: Samples) -> None:
        if self._operator is not None and self._operator.stream is not None:
            self._operator.stream.give(samples)


def _told(number: int, turn: CallTurn) -> say.TalkTurn:
    return say.TalkTurn(
        id=turn.id, number=number, person=turn.person, operator=turn.operator, text=turn.text, state=turn.state,
        interrupted=turn.interrupted, at=turn.at, stages={stage.name: stage.ms for stage in turn.stages},
        failure=turn.failure, handovers=turn.handovers,
    )  # fmt: skip
