"""What a call and the user agent that it belongs to know of each other."""

from __future__ import annotations

import random
from collections.abc import Sequence
from enum import Enum, auto
from typing import TYPE_CHECKING, Protocol

from sipmessage import Request, Response

from duologue.phone.media.sdp import Description
from duologue.phone.sip import call_events as events
from duologue.phone.sip import message as sip
from duologue.phone.sip.transactions import Flow, Key, Timers

if TYPE_CHECKING:
    from duologue.phone.sip.calls import Call

SDP = "application/sdp"

Headers = Sequence[tuple[str, str]]


class Purpose(Enum):
    """Why a request of ours was sent: what its response means."""

    CALL = auto()
    OFFER = auto()
    REFRESH = auto()
    BYE = auto()
    PROBE = auto()
    OTHER = auto()
    TRANSFER = auto()
    REPORT = auto()


class Agent(Protocol):
    """What a call needs of the user agent that it belongs to."""

    timers: Timers
    random: random.Random
    session_seconds: int
    ring_limit: int
    follows_transfers: bool

    def send(self, call: Call, purpose: Purpose, request: Request, flow: Flow, now: int) -> Key:
        """Begin a transaction; its responses come to :meth:`Call.responded`."""
        ...

    def acknowledge(self, request: Request, flow: Flow) -> Request:
        """Send an ACK to a 2xx, outside of any transaction, and return it as it was sent."""
        ...

    def again(self, request: Request, flow: Flow) -> None:
        """Send a request as it was."""
        ...

    def answer(self, key: Key, response: Response, now: int) -> None:
        """Answer a request."""
        ...

    def cancel(self, key: Key, now: int) -> bool:
        """CANCEL our INVITE, if it rings."""
        ...

    def tell(self, event: events.Event) -> None:
        """Give an event to the owner."""
        ...

    def introduction(self, flow: Flow | None) -> Headers:
        """Contact (as it is reached from ``flow``), Allow, Supported, and who we are."""
        ...


def described(message: Request | Response) -> Description | None:
    """Its session description, if it has one; words in it that are no UTF-8 are none that we read. Raises
    :class:`InputError`.
    """
    body = sip.part(message, SDP)
    return None if body is None else Description.parse(body.decode(errors="replace"))
