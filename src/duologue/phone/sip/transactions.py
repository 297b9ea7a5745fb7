"""Transactions (RFC 3261, section 17, with the accepted states of RFC 6026): one request and its responses, whatever
the network loses or doubles.

| machine | states |
|---|---|
| INVITE client | calling → proceeding → completed (ACK to each final, timer D) or accepted (2xx pass, timer M) |
| other client | trying → proceeding → completed (timer K) |
| INVITE server | proceeding → completed (timer G, H) → confirmed (timer I), or accepted (timer L) |
| other server | trying → proceeding → completed (timer J) |

Each takes ``now`` (ns), says what is to be done as values, and when it wants to be woken. :class:`Transactions` matches
messages to them (17.1.3, 17.2.3).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum, auto

from sipmessage import CSeq, Request, Response

from duologue.clock import MILLISECOND
from duologue.phone.sip import message as sip
from duologue.phone.sip.alarms import Alarms
from duologue.phone.sip.header_fields import default_port, is_address, listed
from duologue.phone.sip.message import Message

COOKIE = "z9hG4bK"
"""Begins the branch of who follows RFC 3261 (section 8.1.1.7)."""
TRYING_AFTER = 200 * MILLISECOND
"""An INVITE is answered with 100 if nothing else has come by then (17.2.1)."""
UNANSWERED = "no answer"
"""Why a request failed that was sent, for a person."""


@dataclass(frozen=True, slots=True)
class Timers:
    """Of section 17.1.1.1 (ns): the round trip, the longest pause between repetitions, the longest life of a packet."""

    t1: int = 500 * MILLISECOND
    t2: int = 4_000 * MILLISECOND
    t4: int = 5_000 * MILLISECOND

    @property
    def whole(self) -> int:
        """64 T1: how long a transaction tries."""
        return 64 * self.t1


@dataclass(frozen=True, slots=True)
class Flow:
    """Where messages go and come from. ``host`` may be a name, and ``port`` 0 then: whoever sends finds the addresses
    behind it (RFC 3263). ``name`` is whom the certificate of a TLS peer must name, where that is not ``host``.
    ``peer`` is the address and port at the far end of a connection; it makes no other flow.
    """

    transport: str
    host: str
    port: int
    name: str = ""
    peer: tuple[str, int] | None = field(default=None, compare=False)

    @property
    def source(self) -> tuple[str, int]:
        """The address and port that messages come from: never a name, for what came."""
        return self.peer or (self.host, self.port)

    @property
    def place(self) -> str:
        """For a person: where it leads, and by what."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port} ({self.transport})" if self.port else f"{host} ({self.transport})"

    @property
    def reliable(self) -> bool:
        """The transport repeats what is lost."""
        return self.transport != "UDP"


Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Send:
    """Put ``message`` on the wire to ``flow``."""

    message: Message
    flow: Flow


@dataclass(frozen=True, slots=True)
class Asked:
    """A new request for the user; ``key`` is that of its server transaction (an ACK to a 2xx has none)."""

    request: Request
    flow: Flow
    key: Key | None


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The INVITE of ``key`` was cancelled while it had no final response; the CANCEL itself is answered."""

    key: Key


@dataclass(frozen=True, slots=True)
class Responded:
    """A response to our request of ``key``, once each; each 2xx to an INVITE as often as it comes."""

    key: Key
    response: Response


@dataclass(frozen=True, slots=True)
class Failed:
    """Nobody answered the request of ``key``, which is as if ``status`` had come (section 8.1.3.1: 408, or 503 where it
    could not be sent), or nobody acknowledged our refusal of the one of ``key``. ``flow`` is where nothing at all came
    from; None: something did.
    """

    key: Key
    flow: Flow | None = None
    status: int = 408

    @property
    def why(self) -> str:
        """For a person."""
        if self.status == 503 and self.flow is not None:
            return f"nobody is reached at {self.flow.place}: no such name, or no connection"
        return UNANSWERED


Effect = Send | Asked | Cancelled | Responded | Failed


class TransactionState(Enum):
    """Of all four machines."""

    TRYING = auto()
    PROCEEDING = auto()
    COMPLETED = auto()
    CONFIRMED = auto()
    ACCEPTED = auto()
    TERMINATED = auto()


class _Transaction:
    """What the four share: a timer that repeats (``again``), and one that ends the state (``until``)."""

    def __init__(self, key: Key, request: Request, flow: Flow, timers: Timers) -> None:
        self.key, self.request, self.flow, self.timers = key, request, flow, timers
        self.state = TransactionState.TRYING
        self.again: int | None = None
        self.until: int | None = None
        self.pause = timers.t1

    @property
    def deadline(self) -> int | None:
        times = [at for at in (self.again, self.until) if at is not None]
        return min(times, default=None)

    def end(self) -> None:
        self.state, self.again, self.until = TransactionState.TERMINATED, None, None

    def linger(self, state: TransactionState, now: int, period: int) -> None:
        """Into ``state`` for ``period``, repeating nothing; a period of none is the end."""
        self.state, self.again, self.until = state, None, now + period
        if not period:
            self.end()

    def repeated(self, now: int, longest: int | None) -> None:
        self.pause = 2 * self.pause if longest is None else min(2 * self.pause, longest)
        self.again = now + self.pause


class _Client(_Transaction):
    """Both clients (17.1): an INVITE repeats with timer A ever more slowly until anything comes, others with timer E
    until a final response.
    """

    def __init__(self, key: Key, request: Request, flow: Flow, timers: Timers, now: int) -> None:
        super().__init__(key, request, flow, timers)
        self.inviting = request.method == "INVITE"
        self.again = None if flow.reliable else now + timers.t1
        self.until = now + timers.whole  # timers B and F
        self.cancelled = False
        self._ack: Request | None = None

    @property
    def waiting(self) -> bool:
        """It has no final response."""
        return self.state in (TransactionState.TRYING, TransactionState.PROCEEDING)

    def receive(self, response: Response, now: int) -> list[Effect]:
        if self.state is TransactionState.COMPLETED:
            return [Send(self._ack, self.flow)] if self._ack and response.code >= 300 else []
        if self.state is TransactionState.ACCEPTED:  # RFC 6026, 7.2
            return [Responded(self.key, response)] if 200 <= response.code < 300 else []
        if response.code < 200:
            self._proceed(now)
            return [Responded(self.key, response)]
        if not self.inviting:
            self.linger(TransactionState.COMPLETED, now, 0 if self.flow.reliable else self.timers.t4)  # timer K
            return [Responded(self.key, response)]
        if response.code < 300:
            self.linger(TransactionState.ACCEPTED, now, self.timers.whole)  # timer M
            return [Responded(self.key, response)]
        self._ack = acknowledgement(self.request, response)
        self.linger(
            TransactionState.COMPLETED, now, 0 if self.flow.reliable else self.timers.whole
        )  # timer D: at least 32 s
        return [Send(self._ack, self.flow), Responded(self.key, response)]

    def tick(self, now: int) -> list[Effect]:
        if self.until is not None and now >= self.until:
            failed, silent = self.waiting, self.state is TransactionState.TRYING
            self.end()
            return [Failed(self.key, self.flow if silent else None)] if failed else []
        if self.again is not None and now >= self.again:
            self.repeated(now, None if self.inviting else self.timers.t2)
            return [Send(self.request, self.flow)]
        return []

    def _proceed(self, now: int) -> None:
        if self.inviting:  # 17.1.1.2: nothing repeats, nothing ends it but its user
            self.again, self.until = None, self.until if self.cancelled else None
        elif self.state is TransactionState.TRYING and self.again is not None:
            self.pause, self.again = self.timers.t2, now + self.timers.t2  # 17.1.2.2
        self.state = TransactionState.PROCEEDING


class _Server(_Transaction):
    """Both servers (17.2)."""

    def __init__(self, key: Key, request: Request, flow: Flow, timers: Timers, now: int) -> None:
        super().__init__(key, request, flow, timers)
        self.inviting = request.method == "INVITE"
        self.last: Response | None = None
        self.again = now + TRYING_AFTER if self.inviting else None
        if self.inviting:
            self.state = TransactionState.PROCEEDING

    @property
    def final(self) -> bool:
        """It has its final response."""
        return self.state not in (TransactionState.TRYING, TransactionState.PROCEEDING)

    def receive(self, request: Request, now: int) -> list[Effect]:
        """A repetition of the request, or the ACK to a refusal."""
        if request.method == "ACK":
            if self.state is TransactionState.COMPLETED:
                self.linger(TransactionState.CONFIRMED, now, 0 if self.flow.reliable else self.timers.t4)  # timer I
                return []
            # RFC 6026, 7.1: accepted passes it up
            return [Asked(request, self.flow, None)] if self.state is TransactionState.ACCEPTED else []
        if self.last is None or self.state in (TransactionState.ACCEPTED, TransactionState.CONFIRMED):
            return []
        return [Send(self.last, self.flow)]

    def respond(self, response: Response, now: int) -> list[Effect]:
        if self.state is TransactionState.ACCEPTED:
            return [Send(response, self.flow)] if 200 <= response.code < 300 else []
        if self.final:
            return []
        self.last, self.again = response, None
        if response.code < 200:
            self.state = TransactionState.PROCEEDING
        elif not self.inviting:
            self.linger(TransactionState.COMPLETED, now, 0 if self.flow.reliable else self.timers.whole)  # timer J
        elif response.code < 300:
            self.linger(TransactionState.ACCEPTED, now, self.timers.whole)  # timer L
        else:
            self.state, self.until = TransactionState.COMPLETED, now + self.timers.whole  # timer H
            self.again = None if self.flow.reliable else now + self.timers.t1  # timer G
        return [Send(response, self.flow)]

    def tick(self, now: int) -> list[Effect]:
        if self.until is not None and now >= self.until:
            failed = self.inviting and self.state is TransactionState.COMPLETED
            self.end()
            return [Failed(self.key)] if failed else []
        if self.again is None or now < self.again:
            return []
        if self.state is TransactionState.PROCEEDING:
            return self.respond(sip.respond(self.request, 100), now)
        assert self.last is not None
        self.repeated(now, self.timers.t2)
        return [Send(self.last, self.flow)]


class Transactions:
    """All of them, at most ``most`` of other ends' at once; what comes beyond is dropped, and asked again."""

    def __init__(self, timers: Timers | None = None, most: int = 4096) -> None:
        self.timers = timers or Timers()
        self.most = most
        self.dropped = 0
        self.ended: list[Key] = []
        """Keys of transactions that are over; whoever keeps something by a key takes them out."""
        self._clients: dict[Key, _Client] = {}
        self._servers: dict[Key, _Server] = {}
        self._alarms = Alarms[Key]()

    @property
    def deadline(self) -> int | None:
        """When :meth:`tick` is wanted (ns)."""
        return self._alarms.first

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._clients) + len(self._servers)

    def request(self, request: Request, flow: Flow, now: int) -> tuple[Key, list[Effect]]:
        """Send ``request``, whose uppermost Via has a branch of its own. The key names it from now on."""
        key = _client_key(request)
        client = self._clients[key] = _Client(key, request, flow, self.timers, now)
        return key, self._settled([Send(request, flow)], client)

    def respond(self, key: Key, response: Response, now: int) -> list[Effect]:
        """Answer the request of ``key``; nothing happens if it is over."""
        server = self._servers.get(key)
        return self._settled(server.respond(response, now), server) if server else []

    def cancel(self, key: Key, now: int) -> tuple[Key, list[Effect]] | None:
        """CANCEL our INVITE of ``key``, if it had a provisional response and no final one (9.1); else None."""
        client = self._clients.get(key)
        if client is None or client.state is not TransactionState.PROCEEDING or client.cancelled:
            return None
        client.cancelled, client.until = True, now + self.timers.whole  # 9.1: who has not answered by then will not
        self._settled([], client)
        return self.request(cancellation(client.request), client.flow, now)

    def receive(self, message: Message, flow: Flow, now: int) -> list[Effect]:
        """A message from ``flow``, which is where responses to it go."""
        if isinstance(message, Response):
            return self._response(message, now)
        key = _server_key(message)
        server = self._servers.get(key)
        if server is not None:
            return self._settled(server.receive(message, now), server)
        if message.method == "ACK":
            return [Asked(message, flow, None)]
        invited = self._servers.get(_server_key(message, "INVITE")) if message.method == "CANCEL" else None
        if message.method == "CANCEL" and invited is None:  # 9.2 and 8.2.7: of what anybody may send nothing is kept
            return [Send(sip.respond(message, 481, tag="0"), flow)]
        if len(self._servers) >= self.most:
            self.dropped += 1
            return []
        server = self._servers[key] = _Server(key, message, flow, self.timers, now)
        if invited is not None:
            return self._cancelled(message, server, invited, now)
        return self._settled([Asked(message, flow, key)], server)

    def unreachable(self, flow: Flow) -> list[Effect]:
        """Nothing can be sent to ``flow`` (section 8.1.3.1): what of ours was unanswered there has failed."""
        waiting = [one for one in self._clients.values() if one.flow == flow and one.state is TransactionState.TRYING]
        effects: list[Effect] = []
        for one in waiting:
            one.end()
            effects += self._settled([Failed(one.key, flow, 503)], one)
        return effects

    def disconnected(self, flow: Flow) -> None:
        """The connection ``flow``, opened by the other end, is no more: what it asked is answered by another."""
        for one in self._servers.values():
            if one.flow == flow:
                one.flow = _once_more(one.request, flow)

    def tick(self, now: int) -> list[Effect]:
        """What is due."""
        effects: list[Effect] = []
        for key in self._alarms.due(now):
            one = self._clients.get(key) or self._servers[key]
            effects += self._settled(one.tick(now), one)
        return effects

    def knows(self, request: Request) -> bool:
        """Whether the other end's ``request`` is repeated of one whose transaction goes on."""
        return _server_key(request) in self._servers

    def cancels(self, request: Request) -> bool:
        """Whether it is the CANCEL of an INVITE whose transaction goes on."""
        return request.method == "CANCEL" and _server_key(request, "INVITE") in self._servers

    def has(self, key: Key) -> bool:
        """Whether the transaction of ``key`` goes on."""
        return key in self._clients or key in self._servers

    def forget(self, key: Key) -> None:
        """Drop the server transaction of ``key``: its request is answered without a state, or not at all (8.2.7)."""
        server = self._servers.get(key)
        if server is not None:
            server.end()
            self._settled([], server)

    def _response(self, response: Response, now: int) -> list[Effect]:
        if len(listed(response.headers.getlist("Via"))) > 1:
            return []  # 8.1.3.3: it was for somebody else
        client = self._clients.get(_client_key(response))
        if client is None or sip.top_via(client.request).sent_by != sip.top_via(response).sent_by:
            return []  # 18.1.2
        return self._settled(client.receive(response, now), client)

    def _cancelled(self, cancel: Request, server: _Server, invited: _Server, now: int) -> list[Effect]:
        """Section 9.2."""
        tag = sip.recipient(invited.last).tag if invited.last is not None else ""
        effects = self._settled(server.respond(sip.respond(cancel, 200, tag=tag), now), server)
        return effects if invited.final else [*effects, Cancelled(invited.key)]

    def _settled(self, effects: list[Effect], one: _Client | _Server) -> list[Effect]:
        """``effects``, when the books know how ``one`` is now."""
        if one.state is TransactionState.TERMINATED:
            (self._clients if isinstance(one, _Client) else self._servers).pop(one.key, None)
            self.ended.append(one.key)
        self._alarms.set(one.key, one.deadline)
        return effects


def acknowledgement(invite: Request, response: Response) -> Request:
    """The ACK to a final response that is no 2xx (17.1.1.3): the INVITE's hop, route and number, the response's To."""
    made = _same_hop(invite, "ACK")
    made.headers.set("To", response.headers["To"])
    return made


def cancellation(invite: Request) -> Request:
    """The CANCEL of an INVITE (9.1)."""
    return _same_hop(invite, "CANCEL")


def _same_hop(invite: Request, method: str) -> Request:
    headers = [("Via", listed(invite.headers.getlist("Via"))[0]), ("Max-Forwards", "70")]
    headers += [(name, invite.headers[name]) for name in ("From", "To", "Call-ID")]
    headers.append(("CSeq", f"{invite.cseq.sequence} {method}"))
    headers += [("Route", value) for value in invite.headers.getlist("Route")]
    return sip.request(method, invite.uri, headers)


def _once_more(request: Request, source: Flow) -> Flow:
    """Where the responses to ``request`` go whose connection ``source`` is no more (section 18.2.2): to the address
    that it came from, at the port that its Via names; the port at its far end is nobody's.
    """
    via = sip.top_via(request)
    name = via.host.strip("[]")
    known = "" if is_address(name) else name
    return Flow(source.transport, source.source[0], via.port or default_port(source.transport), known)


def _client_key(message: Message) -> Key:
    """Section 17.1.3."""
    return ("client", sip.top_via(message).branch, CSeq.parse(message.headers["CSeq"]).method)


def _server_key(request: Request, of: str = "") -> Key:
    """Section 17.2.3; ``of`` another method than its own (a CANCEL looks for its INVITE). An ACK has its INVITE's."""
    via = sip.top_via(request)
    method = of or ("INVITE" if request.method == "ACK" else request.method)
    if via.branch.startswith(COOKIE) and len(via.branch) > len(COOKIE):
        return ("server", via.branch, via.sent_by, method)
    hop = re.sub(r"\s+", "", listed(request.headers.getlist("Via"))[0])
    tag, number = sip.sender(request).tag, str(request.cseq.sequence)
    return ("server", str(request.uri), tag, request.call_id, number, hop, method)  # as RFC 2543 had it
