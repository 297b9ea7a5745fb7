"""What the phone's core tells its owner. ``call`` names a call until :class:`Ended`, which comes once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from duologue.phone.media.sdp import Description
from duologue.phone.sip.header_fields import NameAddress
from duologue.phone.sip.transactions import Flow


@dataclass(frozen=True, slots=True)
class Incoming:
    """Somebody calls ``extension``: ring, accept or refuse. ``offer`` None: we are to offer. ``user`` proved its
    password, if it had to. ``account`` is the name of ours that is called ("": none). ``headers`` are what the caller
    was handed over with, names in lower case; nobody proved them. ``private``: they would not be known (RFC 3323).
    """

    call: str
    caller: NameAddress
    extension: str
    offer: Description | None
    flow: Flow
    user: str = ""
    account: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    private: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """Our call is at ``status`` (180 rings, 183 progresses); with ``answer`` there is sound already."""

    call: str
    status: int
    answer: Description | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """Our call was accepted; ``answer`` may have come before, with a :class:`Progress`."""

    call: str
    answer: Description


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The other end knows that we accepted; ``answer`` where the offer was ours."""

    call: str
    answer: Description | None = None


@dataclass(frozen=True, slots=True)
class Offered:
    """The other end would change the call (hold, resume, another format or address): agree or refuse. None: it asks
    for ours.
    """

    call: str
    offer: Description | None


@dataclass(frozen=True, slots=True)
class Changed:
    """The other end took our offer in mid-call."""

    call: str
    answer: Description | None


@dataclass(frozen=True, slots=True)
class NotChanged:
    """The other end refused our offer in mid-call (``status``): all stays as it was."""

    call: str
    status: int


@dataclass(frozen=True, slots=True)
class Informed:
    """An INFO that has a key (:data:`~duologue.phone.media.telephone_events.INFO_TYPES`)."""

    call: str
    kind: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Present:
    """The other end, which was asked, is still there."""

    call: str


@dataclass(frozen=True, slots=True)
class Transferred:
    """How the transfer that we asked for goes (RFC 3515): the status of the call to its target; ``last``: its end."""

    call: str
    status: int
    last: bool


@dataclass(frozen=True, slots=True)
class Referred:
    """The other end would have us call ``target`` instead of it (RFC 3515): follow it or not. ``by`` is who wants it,
    as it says; ``headers`` came along, names in lower case.
    """

    call: str
    target: str
    by: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Ended:
    """The call is over: ``status`` is of SIP (200: somebody hung up; 487: cancelled), ``why`` in words."""

    call: str
    status: int
    why: str


@dataclass(frozen=True, slots=True)
class Registered:
    """``account`` can be called for ``seconds`` more; it renews that by itself."""

    account: str
    seconds: int
    registrar: str


@dataclass(frozen=True, slots=True)
class NotRegistered:
    """``account`` cannot be called: ``why``, and when it is tried again (ns; None: never)."""

    account: str
    status: int
    why: str
    retry_at: int | None


@dataclass(frozen=True, slots=True)
class NotRenewed:
    """``account`` can be called at ``registrar`` for ``seconds`` more by the registration that it has, which that would
    not renew: ``why``, and when it is tried again (ns).
    """

    account: str
    seconds: int
    registrar: str
    status: int
    why: str
    retry_at: int


Event = (
    Incoming | Progress | Answered | Acknowledged | Offered | Changed | NotChanged | Informed | Present | Transferred
    | Referred | Ended | Registered | NotRegistered | NotRenewed
)  # fmt: skip
