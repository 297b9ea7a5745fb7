"""Who may talk to the phone at all, and how often: what is refused here costs no state and no answer."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from sipmessage import Request

from duologue.clock import SECOND
from duologue.phone.sip import message as sip
from duologue.phone.turned_away import AwayReason

MOST_SOURCES = 4096
PEER_RETRY_SECONDS = 1
"""When a peer may try again that came too fast: its requests are let in again at :attr:`LineOptions.peer_rate`."""
SCANNERS = (
    "friendly-scanner", "sipvicious", "sipcli", "sip-scan", "sundayddr", "iwar", "sipsak", "svmap", "svwar",
    "svcrack", "vaxsipuseragent", "pplsip",
)  # fmt: skip
"""Parts of a ``User-Agent``, in lower case."""


@dataclass(frozen=True, slots=True)
class Rate:
    """``per_second`` requests on the average, ``burst`` at once."""

    per_second: float
    burst: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LineOptions:
    """What we allow, and what we say of ourselves. ``host`` and ``port`` stand in Via and Contact; where a line listens
    by several transports ``ports`` has one for each. ``sources`` (addresses or networks) and ``extensions`` are
    everybody and everything where they are empty; registrars of ours are always among the sources. With ``passwords``
    (by user) a caller must prove one, by one of ``algorithms``; but who calls by way of a registrar of ours.
    ``follow_transfers``: a caller may send us elsewhere (REFER); its owner has the last word. Without ``answers`` only
    what belongs to calls of ours is looked at.

    ``rates`` (by method) and ``other_rate`` hold for each address; ``peer_rate`` is that of INVITE from those that are
    known: of ``sources``, and registrars of ours. A PBX brings the calls of all its telephones.
    """

    host: str
    port: int = 5060
    transport: str = "UDP"
    ports: Mapping[str, int] = field(default_factory=dict[str, int])
    user: str = "duologue"
    software: str = "Duologue"
    most_calls: int = 100
    ring_seconds: int = 180
    session_seconds: int = 1800
    retry_seconds: int = 10
    follow_transfers: bool = False
    answers: bool = True
    sources: tuple[str, ...] = ()
    extensions: frozenset[str] = frozenset()
    realm: str = ""
    passwords: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    algorithms: tuple[str, ...] = ("SHA-256", "MD5")
    rates: Mapping[str, Rate] = field(
        default_factory=lambda: {"INVITE": Rate(20, 50), "OPTIONS": Rate(2, 20), "REGISTER": Rate(0.2, 5)}
    )
    other_rate: Rate = Rate(5, 20)
    peer_rate: Rate = Rate(100, 200)


class Screening:
    """The gate. ``dropped`` counts the requests that were not looked at, by reason."""

    def __init__(self, options: LineOptions) -> None:
        self._options = options
        self._networks = [ipaddress.ip_network(one, strict=False) for one in options.sources]
        self._buckets: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()
        self._verified: OrderedDict[str, None] = OrderedDict()
        self._registrars: OrderedDict[str, None] = OrderedDict()
        self.dropped: dict[str, int] = {}

    def against(
        self, request: Request, host: str, now: int, *, repeated: bool = False, ours: bool = False
    ) -> AwayReason | None:
        """Why a request from ``host`` is not looked at; None: it is, as what belongs to a call of ``ours`` always is.
        It is not answered either, unless that is :attr:`~duologue.phone.turned_away.AwayReason.PEER_RATE`, which what
        is ``repeated`` of a request that was looked at never is.
        """
        reason = self._against(request, host, now, repeated=repeated, ours=ours)
        if reason is not None:
            self.dropped[reason] = self.dropped.get(reason, 0) + 1
        return reason

    def lists(self, host: str) -> bool:
        """Whether anybody at ``host`` may talk to us at all."""
        return not self._networks or host in self._registrars or self._listed(host)

    def connects(self, host: str, now: int) -> bool:
        """Whether a connection from ``host`` is taken: from who is not known as often as its calls would be, for a
        handshake costs more than a call does.
        """
        if not self.lists(host):
            return False
        return self.knows(host) or self._counted("connection", host, now, self._rate("INVITE"))

    def verify(self, host: str) -> None:
        """``host`` answered what only the owner of its address has seen."""
        _remember(self._verified, host)

    def registrar(self, host: str) -> None:
        """At ``host`` there is a registrar of ours."""
        _remember(self._registrars, host)

    def registers(self, host: str) -> bool:
        """Whether a registrar of ours is there: it brings the calls of our accounts, which we asked it for."""
        return host in self._registrars

    def knows(self, host: str) -> bool:
        """Whether it is a peer of ours, and no stranger."""
        return host in self._registrars or self._listed(host)

    def verified(self, host: str) -> bool:
        """Whether its address is known not to be forged."""
        return host in self._verified

    def _against(self, request: Request, host: str, now: int, *, repeated: bool, ours: bool) -> AwayReason | None:
        if not self.lists(host):
            return AwayReason.SOURCE
        agent = (request.headers.get("User-Agent") or "").lower()
        if any(name in agent for name in SCANNERS) or "sipvicious" in request.headers["From"].lower():
            return AwayReason.SCANNER
        if ours or request.method == "ACK":
            return None
        if not self._options.answers:
            return AwayReason.SOURCE
        known = self.knows(host)
        if request.method == "CANCEL" or sip.recipient(request).tag:  # of a call that is none, or is over
            some = known or self._counted("", host, now, self._options.other_rate)
            return None if some else AwayReason.RATE
        known = known and request.method == "INVITE"
        rate = self._options.peer_rate if known else self._rate(request.method)
        kind = request.method if request.method in self._options.rates else ""
        if (known and repeated) or self._counted(kind, host, now, rate):
            return None
        return AwayReason.PEER_RATE if known else AwayReason.RATE

    def _listed(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self._networks)

    def _rate(self, method: str) -> Rate:
        return self._options.rates.get(method, self._options.other_rate)

    def _counted(self, kind: str, host: str, now: int, rate: Rate) -> bool:
        """A bucket of tokens for each source and kind: a method, or one for all that we do not know."""
        key = (host, kind)
        left, at = self._buckets.pop(key, (float(rate.burst), now))
        left = min(left + (now - at) / SECOND * rate.per_second, rate.burst)
        self._buckets[key] = (left - 1 if left >= 1 else left, now)
        if len(self._buckets) > MOST_SOURCES:
            self._buckets.popitem(last=False)
        return left >= 1


def _remember(hosts: OrderedDict[str, None], host: str) -> None:
    """The newest of :data:`MOST_SOURCES`."""
    hosts[host] = None
    hosts.move_to_end(host)
    if len(hosts) > MOST_SOURCES:
        hosts.popitem(last=False)
