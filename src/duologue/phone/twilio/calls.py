"""The calls that come from Twilio: who is let in, each call's stream from its start to its end."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Protocol

from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.errors import PeerError
from duologue.ids import unique_id
from duologue.phone.leg import TakeCall
from duologue.phone.turned_away import AwayReason
from duologue.phone.twilio.leg import TwilioLeg, info_of
from duologue.phone.twilio.socket import GoneError, StreamSocket
from duologue.phone.twilio.stream import TwilioStream
from duologue.phone.twilio.voice import ForgedError, Invitation, TwilioDoor, reject
from duologue.telemetry.log import get_logger

START_SECONDS = 10.0
"""For a stream to say what it is of."""
LEAVE_SECONDS = 2.0
"""For streams to be closed when the calls have had their time to end."""

_TWICE = "this call has a stream already"

log = get_logger(__name__)


class Redirecting(Protocol):
    """What of :class:`~duologue.phone.twilio.api.TwilioApi` a call needs."""

    async def redirect(self, call: str, instructions: str) -> None:
        """See there."""
        ...


class TwilioCalls:
    """``take`` gets each call, and ``against`` says why none more could be taken now. ``drain`` has all calls of the
    line end with a goodbye.
    """

    def __init__(
        self,
        door: TwilioDoor,
        take: TakeCall,
        api: Redirecting | None = None,
        against: Callable[[], AwayReason | None] = lambda: None,
        drain: Callable[[], Awaitable[None]] | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.door = door
        self._take = take
        self._api = api
        self._against = against
        self._drain = drain
        self._clock = clock
        self._streams: set[str] = set()
        """Calls that have one."""
        self._changed = asyncio.Event()

    @property
    def open_now(self) -> int:
        """Streams that are open."""
        return len(self._streams)

    @property
    def refused(self) -> Counter[AwayReason]:
        """What came and became no call."""
        return self.door.refused

    async def leave(self) -> None:
        """Before the sockets are closed: those who talk over them are said goodbye to."""
        if self._streams and self._drain is not None:
            await self._drain()
            try:
                async with asyncio.timeout(LEAVE_SECONDS):
                    while self._streams:
                        self._changed.clear()
                        await self._changed.wait()
            except TimeoutError:  # whoever holds one does not let go of it; their sockets are closed all the same
                log.warning("twilio.left", streams=len(self._streams))

    def voice(self, query: str, body: bytes, signature: str) -> str:
        """The instructions for a call. Raises :class:`ForgedError`."""
        invitation = self.door.ask(query, body, signature)
        if (reason := self._against()) is not None:
            self.refused[reason] += 1
            log.info("twilio.busy", call=invitation.call, reason=reason.value)
            return reject()
        return self.door.admit(invitation, self._clock.now())

    def enter(self, ticket: str, signature: str) -> Invitation:
        """The call whose stream asks to be let in. Raises :class:`ForgedError`, also for a second one of a call that
        has one.
        """
        invitation = self.door.enter(ticket, signature, self._clock.now())
        if invitation.call in self._streams:
            self.refused[AwayReason.REQUEST] += 1
            raise ForgedError(_TWICE, where="phone.twilio", remedy="It has one at a time.")
        return invitation

    async def hold(self, invitation: Invitation, socket: StreamSocket) -> str:
        """The stream of a call, until it is over: why, in words. Raises nothing else."""
        if invitation.call in self._streams:
            self.refused[AwayReason.REQUEST] += 1
            await socket.close(_TWICE)
            return _TWICE
        self._streams.add(invitation.call)
        try:
            why = await self._stream(invitation, socket)
            await socket.close(why)
            return why
        finally:
            self._streams.discard(invitation.call)
            self._changed.set()

    async def _stream(self, invitation: Invitation, socket: StreamSocket) -> str:
        stream = TwilioStream(invitation.call)
        try:
            async with asyncio.timeout(START_SECONDS):
                while stream.start is None:
                    stream.receive(await socket.receive(), self._clock.now())
        except TimeoutError:
            self.refused[AwayReason.REQUEST] += 1
            return "the stream did not start"
        except GoneError:
            return "the stream ended before it started"
        except PeerError as error:
            self.refused[AwayReason.REQUEST] += 1
            log.warning("twilio.refused", call=invitation.call, error=error.what)
            return error.what
        call_id = unique_id(self._clock.wall())
        redirect = self._api.redirect if self._api is not None else None
        leg = TwilioLeg(info_of(invitation, stream, call_id, socket.peer), stream, socket, redirect, self._clock)
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(_read(socket, leg))
            taken = group.create_task(self._taken(leg))
            await leg.told.ended.wait()
            reading.cancel()
            await taken
        if counts := {name: count for name, count in stream.counts.items() if count}:
            log.info("twilio.strange", call=call_id, **counts)
        assert leg.told.end is not None
        return leg.told.end.reason

    async def _taken(self, leg: TwilioLeg) -> None:
        await self._take(leg)


async def _read(socket: StreamSocket, leg: TwilioLeg) -> None:
    try:
        while not leg.told.ended.is_set():
            leg.receive(await socket.receive())
    except GoneError:
        leg.broken("the connection broke")
