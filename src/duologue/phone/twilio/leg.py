"""A call that came as a Twilio media stream, as a :class:`~duologue.phone.leg.CallLeg`."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import quote, urlencode

from duologue.audio.far_playout import FarEndMessage
from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.errors import DuologueError, InputError, PeerError
from duologue.phone.brought_leg import BroughtLeg
from duologue.phone.caller_address import known_address
from duologue.phone.leg import CallInfo, LegEnded, LegTransferred, Sent, UnsupportedError
from duologue.phone.twilio.socket import GoneError, StreamSocket
from duologue.phone.twilio.stream import CODEC, MANNERS, TwilioStream
from duologue.phone.twilio.voice import Invitation, dial

SEND_SECONDS = 5.0
"""Who takes no text for so long does not read."""
_NUMBER = re.compile(r"\+?[0-9*#]{2,32}")
_SIP = re.compile(r"sips?:[^\s<>\"?;@]+@[^\s<>\"?@]+")

Redirect = Callable[[str, str], Awaitable[None]]
"""Gives a call (its id) other instructions (TwiML)."""


def info_of(invitation: Invitation, stream: TwilioStream, call_id: str, peer: str) -> CallInfo:
    """What is known of it, once the stream has started."""
    parameters: Mapping[str, str] = stream.start.parameters if stream.start is not None else {}
    headers = {name.lower(): value for name, value in parameters.items()} | {"twilio-call": invitation.call}
    return CallInfo(
        id=call_id, caller=invitation.caller, called=invitation.called, display=invitation.display, carrier="twilio",
        address=known_address(invitation.caller if _SIP.match(invitation.caller) else f"tel:{invitation.caller}"),
        codec=CODEC, peer=peer, headers=headers,
    )  # fmt: skip


class TwilioLeg(BroughtLeg):
    """``redirect`` gives its call other instructions; None without an account."""

    def __init__(
        self,
        info: CallInfo,
        stream: TwilioStream,
        socket: StreamSocket,
        redirect: Redirect | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        super().__init__(info, MANNERS, clock)
        self._stream = stream
        self._socket = socket
        self._redirect = redirect
        self._sounded: str | None = None

    # The socket's side

    def receive(self, text: str) -> None:
        """A text came."""
        try:
            self.told.put(*self._stream.receive(text, self._clock.now()))
        except PeerError as error:
            self.told.put(LegEnded(error.what, failed=True))

    def broken(self, why: str) -> None:
        """The connection is no more."""
        self.told.put(LegEnded(why, failed=True))

    # See CallLeg

    async def refuse(self, status: int, retry_after_s: int = 0) -> None:
        """See the protocol; the stream's end is the call's."""
        self.told.put(LegEnded(f"refused ({status})", ours=True, status=status))

    async def write(self, message: FarEndMessage) -> None:
        """See the protocol."""
        if self.told.ended.is_set():
            return
        texts = self._stream.send(message, self._clock.now())
        try:
            for text in texts:
                async with asyncio.timeout(SEND_SECONDS):
                    await self._socket.send(text)
        except GoneError as error:
            self.broken("the connection broke")
            raise PeerError("Twilio closed the stream", where=self.info.id) from error
        except TimeoutError as error:
            self.broken(f"Twilio has read nothing for {SEND_SECONDS:g} s")
            raise PeerError("Twilio reads nothing", where=self.info.id) from error
        if message.samples is not None and len(message.samples) and message.id != self._sounded:
            self._sounded = message.id
            self.told.put(Sent(message.id, self._clock.now()))

    async def refer(self, target: str, headers: Mapping[str, str]) -> None:
        """See the protocol. It has reached the target when Twilio has taken the order; the stream ends then. Only a
        SIP address is brought headers, and of those Twilio lets pass what begins with ``X-``.
        """
        if self._redirect is None:
            raise UnsupportedError(
                "calls of Twilio's cannot be transferred without its account",
                where="phone.twilio.account_sid", remedy="Set it, beside the account's auth_token.",
            )  # fmt: skip
        if not (_NUMBER.fullmatch(target) or _SIP.fullmatch(target)):
            raise InputError(f"{target!r} is no number and no SIP address", where=self.info.id)
        if self.told.ended.is_set():
            return
        brought = {name: value for name, value in headers.items() if name.lower().startswith("x-")}
        if brought and not _NUMBER.fullmatch(target):
            target += f"?{urlencode(brought, quote_via=quote)}"
        try:
            await self._redirect(self.info.headers["twilio-call"], dial(target))
        except DuologueError as error:
            self.told.put(LegTransferred(False, error.what))
        else:
            self.told.put(LegTransferred(True))

    async def hang_up(self, reason: str) -> None:
        """See the protocol: the stream is closed, and nothing follows it in the instructions."""
        self.told.put(LegEnded(reason, ours=True))
