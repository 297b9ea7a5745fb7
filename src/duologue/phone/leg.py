"""One call as whatever carries it offers it: the line process (SIP), a vendor's WebSocket, a PBX's socket.

A carrier makes a :class:`CallLeg` of each call and gives it to a :data:`TakeCall`; from then on the call belongs to who
took it. Carriers know nothing of conversations, and conversations nothing of carriers.

Sound is mono float32: to the caller as messages of 48 kHz (docs/far-ends.md), from the caller at 16 kHz.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from duologue.audio.far_playout import FarEndMessage, Manners
from duologue.audio.pcm import Samples
from duologue.errors import InputError

HEARD_RATE = 16_000
"""Of :class:`Sound` (Hz)."""
KEYS = frozenset("0123456789*#ABCD")
"""Of a telephone."""


class UnsupportedError(InputError):
    """This carrier, or this peer, cannot do that; the call goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallInfo:
    """What is known of a call when it is offered; nothing of it is to be believed without a check.

    ``id`` names it in logs, the ledger and the page, and is unique for ever (:func:`~duologue.ids.unique_id`).
    ``caller`` and ``called`` are users or numbers without scheme and host ("16", "+4930123"), ``address`` is what the
    other end is known by when it comes again (:func:`~duologue.phone.caller_address.known_address`; "": nobody in
    particular), ``display`` is what the caller calls itself, ``account`` the name of the account that was called or
    calls ("": none), ``carrier`` one of ``sip``, ``twilio``, ``audiosocket``; ``codec`` is as SDP names it
    ("PCMU/8000"; "": not agreed yet; then :class:`LegAnswered` tells it). ``peer`` is the address that it comes from,
    without port. ``headers`` are what the caller was handed over with (custom SIP headers, parameters of a stream),
    names in lower case.
    """

    id: str
    caller: str
    called: str
    address: str = ""
    display: str = ""
    account: str = ""
    carrier: str = "sip"
    codec: str = ""
    peer: str = ""
    outgoing: bool = False
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


# What a leg tells, in order


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """Of the caller: 16 kHz mono float32, any length. ``at`` is the number of its first sample on the source's own
    clock at that rate, which runs while nothing comes (:class:`~duologue.dialogue.ports.Captured`).
    """

    at: int
    samples: Samples


@dataclass(frozen=True, slots=True)
class LegAnswered:
    """A call of ours was accepted; one that was offered to us says it when :meth:`CallLeg.answer` has taken effect.
    Sound flows both ways from now on.
    """

    codec: str = ""


@dataclass(frozen=True, slots=True)
class CodecChanged:
    """The other end goes on in another format; what is said goes on with it."""

    codec: str


@dataclass(frozen=True, slots=True)
class Ringing:
    """A call of ours rings (``status`` 180), or has sound already (183)."""

    status: int = 180


@dataclass(frozen=True, slots=True)
class Digit:
    """A key was pressed and let go, after ``milliseconds``; once for each, however often it was sent."""

    key: str
    milliseconds: int = 0


@dataclass(frozen=True, slots=True)
class Sent:
    """The first sound of an utterance left for the caller ``at`` (ns of this machine's monotonic clock). Once for each
    utterance.
    """

    id: str
    at: int


@dataclass(frozen=True, slots=True)
class Played:
    """So many samples (48 kHz) of the utterance have been heard ``at`` (ns of the far end's own clock; None: it has
    none). Every 100 ms is plenty; and at its end.
    """

    id: str
    samples: int
    at: int | None = None


@dataclass(frozen=True, slots=True)
class Stopped:
    """It plays no more of the utterance than this, by a clear or by itself; an empty id: it was playing nothing."""

    id: str
    samples: int
    at: int | None = None


@dataclass(frozen=True, slots=True)
class Marked:
    """The mark of a message came back."""

    name: str


@dataclass(frozen=True, slots=True)
class Held:
    """The other end put the call on hold (``on``), or took it back: while it is held nothing that is played is heard,
    and nothing comes.
    """

    on: bool


@dataclass(frozen=True, slots=True)
class LegTransferred:
    """How the transfer that :meth:`CallLeg.refer` asked for went, told once. ``ok``: the other end has reached the
    target, and :class:`LegEnded` follows when it leaves; else the call goes on, and ``why`` says what was wrong.
    """

    ok: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class Quality:
    """Of the way, every few seconds: of the packets that should have come since the last time ``loss`` are
    missing (0…1), the jitter of RFC 3550 (ms), the round trip by RTCP (ms; 0: not measured), and what went out of ours
    that the other end says is missing (0…1).
    """

    loss: float
    jitter_ms: float
    round_trip_ms: float = 0.0
    loss_there: float = 0.0


@dataclass(frozen=True, slots=True)
class LegEnded:
    """The call is over, once and last: ``reason`` in words, as people read it in a list of calls. ``ours``: because
    :meth:`CallLeg.hang_up` or :meth:`CallLeg.refuse` said so. ``failed``: by a fault (the caller's sound stopped
    coming, the carrier died, a call of ours was refused with ``status``).
    """

    reason: str
    ours: bool = False
    failed: bool = False
    status: int = 0


LegEvent = (
    Sound
    | LegAnswered
    | CodecChanged
    | Ringing
    | Digit
    | Sent
    | Played
    | Stopped
    | Marked
    | Held
    | LegTransferred
    | Quality
    | LegEnded
)


class CallLeg(Protocol):
    """One call. Its methods are called on one event loop.

    Once :class:`LegEnded` was told (or is about to be) every order does nothing and raises nothing: a caller may hang
    up at any moment. Orders raise :class:`~duologue.errors.PeerError` when the carrier itself is gone; then
    :class:`LegEnded` follows all the same.
    """

    @property
    def info(self) -> CallInfo:
        """What is known of it."""
        ...

    @property
    def manners(self) -> Manners:
        """Of the ``RemoteSink`` that speaks to it."""
        ...

    async def ring(self) -> None:
        """Tell the caller that it rings (180), before it is answered; carriers that cannot do nothing."""
        ...

    async def answer(self) -> None:
        """Take the call. Returns when sound can be sent; :class:`LegAnswered` is told as well."""
        ...

    async def refuse(self, status: int, retry_after_s: int = 0) -> None:
        """Not to be answered: ``status`` of SIP (486 busy, 488, 503, 603), and when to try again (0: nothing said)."""
        ...

    async def write(self, message: FarEndMessage) -> None:
        """Bring a message to the far end: ``RemoteSink.connect`` gets this. Before the call is answered nothing is
        given.
        """
        ...

    def events(self) -> AsyncIterator[LegEvent]:
        """What comes, up to and with :class:`LegEnded`; for one reader. Bounded: of a reader that is too slow the
        oldest sound is dropped and counted, nothing else.
        """
        ...

    async def digits(self, keys: str) -> None:
        """Press keys of :data:`KEYS`, one after another, at a pace that exchanges understand. Returns when they are
        queued. Raises :class:`UnsupportedError` where the peer takes none, :class:`InputError` for what is no key.
        """
        ...

    async def refer(self, target: str, headers: Mapping[str, str]) -> None:
        """Ask the other end to call ``target`` (a SIP address, or a user of the same registrar or proxy) in our place,
        and to bring ``headers`` along. :class:`LegTransferred` tells how it went. Raises :class:`UnsupportedError`
        where the carrier has no transfer, :class:`InputError` for an address that is none.
        """
        ...

    async def hang_up(self, reason: str) -> None:
        """End the call, wherever it is; ``reason`` is for lists and logs. :class:`LegEnded` follows."""
        ...


TakeCall = Callable[[CallLeg], Awaitable[None]]
"""Holds a call that was offered, or one of ours that was placed, until it is over; raises nothing."""
