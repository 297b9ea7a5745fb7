"""What the main process and the line process say to each other. Small frozen values; sound is bytes.

The main process begins with a :class:`LineSetup`, and gets :class:`Ready` or :class:`LineProcessFailed`. From then on
it gives orders, each about one call by the id in its :class:`~duologue.phone.leg.CallInfo`, and gets reports. An order
about a call that is over is none. The line answers no call by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

import numpy as np

from duologue.audio.far_playout import FarEndMessage, MessageKind
from duologue.audio.pcm import Samples, from_int16, to_int16
from duologue.clock import SECOND
from duologue.phone.leg import CallInfo, LegEvent, Sound
from duologue.phone.sip.call_events import NotRegistered, NotRenewed, Registered
from duologue.phone.sip.registration import Account
from duologue.phone.sip.screening import LineOptions
from duologue.telemetry.ledger import PauseRecord

# Orders: from main to the line


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSetup:
    """What a line is to be; the first message.

    It listens on ``host``, by those of ``udp``, ``tcp`` and ``tls`` that are ports (None: not by that; 0: any free
    one); ``certificate`` and ``key`` are files (PEM) of its TLS, ``authorities`` one of those whose certificates it
    believes (empty: the system's). ``options`` say who is admitted, and how we name ourselves. ``advertised`` is the
    address that stands in session descriptions (empty: the one by which the peer is reached). RTP uses the ports
    ``first_port`` to ``last_port``, two for each call. ``formats`` are names of :mod:`duologue.phone.media.codecs`, the
    best first (empty: all); ``secure``: without encryption there is no call. A call from which nothing came for
    ``silent_s`` is over; those of a main process that is gone are ended politely within ``leave_s``. What is counted is
    told every ``count_s``.
    """

    options: LineOptions
    host: str = "127.0.0.1"
    udp: int | None = 5060
    tcp: int | None = None
    tls: int | None = None
    certificate: str = ""
    key: str = ""
    authorities: str = ""
    accounts: tuple[Account, ...] = ()
    advertised: str = ""
    first_port: int = 16_384
    last_port: int = 16_783
    formats: tuple[str, ...] = ()
    secure: bool = False
    silent_s: float = 30.0
    leave_s: float = 2.0
    count_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Ring:
    """180 to who calls; ``early``: 183, with our description, so that what is said is heard before the answer."""

    call: str
    early: bool = False


@dataclass(frozen=True, slots=True)
class TakeLineCall:
    """Answer the call."""

    call: str


@dataclass(frozen=True, slots=True)
class RefuseCall:
    """Do not: ``status`` of SIP, and when to try again (0: nothing said)."""

    call: str
    status: int
    retry_after_s: int = 0


@dataclass(frozen=True, slots=True)
class SayOnCall:
    """A message of ``RemoteSink``, with its sound as int16 of 48 kHz."""

    call: str
    sequence: int
    kind: MessageKind
    id: str = ""
    start: int = 0
    sound: bytes = b""
    gap: int = 0
    more: bool = False
    mark: str = ""

    @classmethod
    def of(cls, call: str, message: FarEndMessage) -> SayOnCall:
        """``message``, to ``call``."""
        sound = b"" if message.samples is None else to_int16(message.samples).tobytes()
        return cls(
            call, message.sequence, message.kind, message.id, message.start, sound, message.gap, message.more,
            message.mark,
        )  # fmt: skip

    @property
    def samples(self) -> Samples:
        """Its sound, 48 kHz mono float32."""
        return from_int16(np.frombuffer(self.sound, np.int16))


@dataclass(frozen=True, slots=True)
class Press:
    """Send digits."""

    call: str
    keys: str


@dataclass(frozen=True, slots=True)
class Refer:
    """Ask the other end to call ``target``."""

    call: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class HangUpCall:
    """End the call, wherever it is."""

    call: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Dial:
    """Call ``target`` as ``account`` (empty: as nobody in particular); ``call`` is its id from now on."""

    call: str
    target: str
    account: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Drain:
    """Take no further calls (503), unregister all accounts; the calls that stand go on."""


@dataclass(frozen=True, slots=True)
class Refusing:
    """Calls are refused with ``status`` from now on (0: they are taken): main says so to each, the line to who asks."""

    status: int


@dataclass(frozen=True, slots=True)
class LineShutdown:
    """End all calls politely, unregister, and leave within :attr:`LineSetup.leave_s`."""


LineOrder: TypeAlias = (
    Ring | TakeLineCall | RefuseCall | SayOnCall | Press | Refer | HangUpCall | Dial | Drain | Refusing | LineShutdown
)

# Reports: from the line to main


@dataclass(frozen=True, slots=True)
class Ready:
    """It listens on ``ports`` ("UDP", "TCP", "TLS"); ``granted`` is what the scheduler gave of what was asked."""

    ports: Mapping[str, int]
    granted: str = ""


@dataclass(frozen=True, slots=True)
class LineProcessFailed:
    """It does not come up, or could not go on. ``refused``: the plan cannot be, and no restart mends it."""

    what: str
    where: str = ""
    remedy: str = ""
    refused: bool = False


@dataclass(frozen=True, slots=True)
class CallOffered:
    """Somebody calls: ring, take or refuse. ``user``: whose password the caller proved."""

    info: CallInfo
    user: str = ""


@dataclass(frozen=True, slots=True)
class Able:
    """What a call can do by what was agreed: ``keys``, press keys."""

    call: str
    keys: bool


class CallHeard(NamedTuple):
    """Sound of the caller: float32 of 16 kHz, from sample ``at`` of its source's clock on.

    Fifty of them a second and call cross the pipe: a tuple is packed and unpacked in a fifth of the time.
    """

    call: str
    at: int
    sound: bytes

    @classmethod
    def of(cls, call: str, at: int, samples: Samples) -> CallHeard:
        """``samples``, of ``call``."""
        return cls(call, at, samples.tobytes())

    @property
    def samples(self) -> Samples:
        """Not to be written to."""
        return np.frombuffer(self.sound, np.float32)

    @property
    def event(self) -> Sound:
        """As a leg tells it."""
        return Sound(self.at, self.samples)


@dataclass(frozen=True, slots=True)
class Told:
    """Anything else that happens to a call."""

    call: str
    event: LegEvent


@dataclass(frozen=True, slots=True)
class RegistrationState:
    """How an account is: it can be called at ``registrar``, or not, and ``why``; ``retry_s``: when it is tried again
    (None: never). One that can be called and says why was not renewed: it can be called for some time yet.
    """

    account: str
    registered: bool
    registrar: str = ""
    status: int = 0
    why: str = ""
    retry_s: float | None = None

    @classmethod
    def of(cls, event: Registered | NotRenewed | NotRegistered, now: int) -> RegistrationState:
        """As ``event`` tells it ``now`` (ns)."""
        if isinstance(event, Registered):
            return cls(event.account, True, event.registrar)
        retry = None if event.retry_at is None else max(0.0, (event.retry_at - now) / SECOND)
        if isinstance(event, NotRenewed):
            return cls(event.account, True, event.registrar, event.status, event.why, retry)
        return cls(event.account, False, status=event.status, why=event.why, retry_s=retry)


@dataclass(frozen=True, slots=True)
class Counts:
    """Every second, also as a sign of life: ``calls`` that stand, ``ports`` in use, and what was counted since the line
    began, by name (``dropped_sound`` blocks that main was too slow for, ``late_ms_p99`` of packets sent, …).
    ``refused``: calls that main was never offered, by :class:`~duologue.phone.turned_away.AwayReason`. ``pauses``: when
    the line stood still since the last time.
    """

    values: Mapping[str, float]
    refused: Mapping[str, int] = field(default_factory=dict[str, int])
    pauses: tuple[PauseRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class LineTrouble:
    """Something went wrong that a person should read."""

    what: str
    where: str = ""


LineReport: TypeAlias = (
    Ready | LineProcessFailed | CallOffered | Able | CallHeard | Told | RegistrationState | Counts | LineTrouble
)
