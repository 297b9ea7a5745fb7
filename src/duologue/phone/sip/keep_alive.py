"""Signs of life to a registrar, so that the way back stays open and a dead registrar is noticed (RFC 5626, section
4.4): CRLF on a stream whose other end speaks that, else OPTIONS, which every server answers somehow.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from sipmessage import Request, Response

from duologue.clock import SECOND
from duologue.errors import InputError
from duologue.phone.sip import message as sip
from duologue.phone.sip.header_fields import number, uri_of
from duologue.phone.sip.registration import Account, Ask
from duologue.phone.sip.transactions import Flow

STREAM_SECONDS, DATAGRAM_SECONDS = (95, 120), (24, 29)
"""The range from which each pause is drawn (section 4.4.1 and 4.4.2)."""
PONG_SECONDS = 10
"""Who has not answered a ping by then is gone (section 4.4.1)."""


@dataclass(frozen=True, slots=True)
class Ping:
    """Send CRLF CRLF to ``flow``, over the connection that is open."""

    flow: Flow


class KeepAliveTimer:
    """Of one account, while it is registered. ``deadline``: when :meth:`tick` is wanted (ns)."""

    def __init__(self, account: Account, random_source: random.Random) -> None:
        self.deadline: int | None = None
        self.flow: Flow | None = None
        self._account, self._random = account, random_source
        self._call_id = f"{random_source.getrandbits(96):024x}"
        self._tag = f"{random_source.getrandbits(48):012x}"
        self._number = 0
        self._crlf = False
        self._seconds = DATAGRAM_SECONDS
        self._waiting = False

    def start(self, flow: Flow, response: Response, now: int) -> None:
        """It was registered at ``flow``."""
        self.flow, self._waiting = flow, False
        told = response.headers.get("Flow-Timer")
        self._crlf = flow.reliable and (told is not None or sip.has_tag(response, "Require", "outbound"))
        self._seconds = STREAM_SECONDS if flow.reliable else DATAGRAM_SECONDS
        if self._crlf and told is not None:
            try:
                most = max(number(told), 2)
                self._seconds = (max(most * 4 // 5, 1), most)
            except InputError:
                pass
        self._wait(now)

    def stop(self) -> None:
        """It is not registered any more."""
        self.deadline, self.flow, self._waiting = None, None, False

    def tick(self, now: int) -> Ask | Ping | None:
        """What to send; None: the pong did not come, the other end is gone."""
        assert self.flow is not None
        if self._waiting:
            self.stop()
            return None
        self._waiting = True
        if self._crlf:
            self.deadline = now + PONG_SECONDS * SECOND
            return Ping(self.flow)
        self.deadline = None  # the transaction tells
        return Ask(self._options(), self.flow)

    def alive(self, now: int) -> None:
        """The other end answered."""
        if self._waiting:
            self._waiting = False
            self._wait(now)

    def _wait(self, now: int) -> None:
        self.deadline = now + round(self._random.uniform(*self._seconds) * SECOND)

    def _options(self) -> Request:
        self._number += 1
        address, domain = self._account.address, f"sip:{self._account.domain}"
        return sip.request(
            "OPTIONS",
            uri_of(domain),
            [
                ("Via", ""), ("Max-Forwards", "70"), ("From", f"<{address}>;tag={self._tag}"), ("To", f"<{domain}>"),
                ("Call-ID", self._call_id), ("CSeq", f"{self._number} OPTIONS"), ("Accept", "application/sdp"),
            ],
        )  # fmt: skip
