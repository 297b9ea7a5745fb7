"""The phone's core: transactions, calls and registrations of one line, joined (RFC 3261, section 8).

Messages and time go in, :class:`Transmit` and events come out; nothing here opens a socket, looks up a name or
knows of sound. What a stranger sends is refused without a state (8.2.7), so that neither memory nor repetitions can be
had for one forged datagram.
"""

from __future__ import annotations

import hashlib
import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sipmessage import Request, Response

from duologue.clock import SECOND
from duologue.errors import InputError
from duologue.phone.media.sdp import Description
from duologue.phone.sip import message as sip
from duologue.phone.sip import refusals, session_timers, transfers
from duologue.phone.sip.accounts import Accounts
from duologue.phone.sip.agent import SDP, Headers, Purpose, described
from duologue.phone.sip.alarms import Alarms
from duologue.phone.sip.call_events import Ended, Event, Incoming, Referred
from duologue.phone.sip.calls import Call, Phase
from duologue.phone.sip.dialogs import flow_back, flow_to, noted
from duologue.phone.sip.digest import MOST_PROOFS, Authority
from duologue.phone.sip.header_fields import Via, is_address, listed, number, quoted, uri_of
from duologue.phone.sip.message import MalformedError, Message
from duologue.phone.sip.registration import Account
from duologue.phone.sip.screening import PEER_RETRY_SECONDS, LineOptions, Screening
from duologue.phone.sip.transactions import (
    COOKIE,
    Asked,
    Cancelled,
    Effect,
    Failed,
    Flow,
    Key,
    Responded,
    Send,
    Timers,
    Transactions,
)  # fmt: skip
from duologue.phone.turned_away import AwayReason, TurnedAway, reason_of

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE, REFER, NOTIFY"
EXTENSIONS = ("100rel", "timer")
_OTHERS = ("REGISTER", "MESSAGE", "SUBSCRIBE", "PUBLISH", "NOTIFY", "REFER")
"""Methods that are known, and not ours outside of a dialog: 405; others that are unknown: 501."""


@dataclass(frozen=True, slots=True)
class Transmit:
    """Send ``data`` to ``flow``; on a stream over the connection that is open to it, else over a new one (18.2.2)."""

    data: bytes
    flow: Flow


Output = Transmit | Event


@dataclass(frozen=True, slots=True)
class _Pending:
    call: Call
    purpose: Purpose
    request: Request
    flow: Flow
    tried: tuple[int, ...] = ()
    """The challenges that it has answered (401, 407)."""


class UserAgent:
    """One line. Each public method takes ``now`` (ns) and returns what is to be done; :attr:`deadline` is when
    :meth:`tick` is wanted. ``here`` says by which address of ours whoever is at a flow reaches us now (that of the
    options, unless it is given).
    """

    def __init__(
        self,
        options: LineOptions,
        random_source: random.Random | None = None,
        timers: Timers | None = None,
        here: Callable[[Flow | None], str] | None = None,
    ) -> None:
        self.options = options
        self._here: Callable[[Flow | None], str] = here or (lambda flow: options.host)
        self.random = random_source or random.SystemRandom()
        self.timers = timers or Timers()
        self.session_seconds = options.session_seconds
        self.ring_limit = options.ring_seconds * SECOND
        self.screening = Screening(options)
        self.turned_away = TurnedAway()
        self.transactions = Transactions(self.timers)
        self.closing = False
        self.refusing = 0
        """With what the owner refuses calls now (0: it takes them): who asks by OPTIONS is told so."""
        self._authority = Authority(options.realm or options.host, options.passwords, self.random, options.algorithms)
        self._secret = self.random.getrandbits(128).to_bytes(16, "big")
        self.follows_transfers = options.follow_transfers
        self.unanswered: deque[Flow] = deque(maxlen=64)
        """Where requests stayed without any answer; whoever finds the addresses behind a name may try another."""
        self._calls: dict[tuple[str, str], Call] = {}  # by Call-ID and our tag
        self._theirs: dict[tuple[str, str], Call] = {}  # by Call-ID and theirs: calls that came in
        self._names: dict[str, Call] = {}
        self._alarms = Alarms[str]()
        self._touched: set[Call] = set()
        self._pending: dict[Key, _Pending] = {}
        self._waiting: set[Key] = set()  # of those, for a final response
        self._asked: dict[Key, Call] = {}
        self._referred: dict[str, Referred] = {}  # by the call that would have us go
        self._followed: dict[str, Call] = {}  # who sent us, by the call that we made for it
        self._accounts = Accounts(self)
        self._out: list[Output] = []

    # What the owner wants

    @property
    def deadline(self) -> int | None:
        """When :meth:`tick` is wanted (ns)."""
        times = (self.transactions.deadline, self._alarms.first, self._accounts.deadline)
        return min((at for at in times if at is not None), default=None)

    @property
    def calls(self) -> int:
        """How many calls there are that are not over."""
        return len(self._names)

    @property
    def state(self) -> tuple[int, int, int, int]:
        """Calls, transactions, requests and invitations that are kept: all zero at rest."""
        return len(self._names), self.transactions.count, len(self._pending), len(self._asked)

    @property
    def drained(self) -> bool:
        """Nothing is left to be done after :meth:`drain`: no call, no registration that is known, and no request
        without an answer: who was not heard to ring cannot be told before that it is over.
        """
        return self.closing and not self._names and not self._waiting and self._accounts.over

    def tick(self, now: int) -> list[Output]:
        """What is due."""
        self._carry_out(self.transactions.tick(now), now)
        for name in self._alarms.due(now):
            if (call := self._names.get(name)) is not None:
                self._touch(call).tick(now)
        self._accounts.tick(now)
        return self._taken()

    def register(self, account: Account, now: int) -> list[Output]:
        """Register ``account``, and keep it registered and alive; where nobody may call us it is for our own calls."""
        for flow in account.registrars:
            if is_address(flow.host):  # of a name it is known by its answer
                self.screening.registrar(flow.host)
        self._accounts.register(account, now, called=self.options.answers)
        return self._taken()

    def drain(self, now: int) -> list[Output]:
        """Take no more calls (503), and let the registrars know; calls that stand are their owner's to end."""
        self.closing = True
        self._accounts.unregister_all(now)
        return self._taken()

    def lost(self, flow: Flow, now: int, *, theirs: bool = False) -> list[Output]:
        """The connection to ``flow`` broke, or there is none to be had. ``theirs``: it was opened to us, so at its far
        end nobody listens: their calls are reached where they say that they are, and so are answers.
        """
        if theirs:
            for call in self._names.values():
                call.disconnected(flow)
            self.transactions.disconnected(flow)
        self._carry_out(self.transactions.unreachable(flow), now)
        self._accounts.disconnected(flow, now)
        return self._taken()

    def pong(self, flow: Flow, now: int) -> list[Output]:
        """The other end of a connection that we opened answered our sign of life."""
        self._accounts.pong(flow, now)
        return self._taken()

    def call(
        self,
        target: str,
        description: Description,
        now: int,
        account: str = "",
        headers: Headers = (),
        flow: Flow | None = None,
    ) -> tuple[str, list[Output]]:
        """Call ``target`` with our offer, as ``account``, with more ``headers``; the name of the call is in its events.
        ``flow`` is where it goes first, where that is known better than the address says.

        Raises :class:`InputError` for an address that is none.
        """
        uri = uri_of(target)
        known = self._accounts.get(account)
        if uri.scheme == "tel" and known is None:
            raise InputError("a number is called through an account", where="sip", remedy="Name one, or a SIP address.")
        flow = flow or self.way(target, account)
        tag, call_id = self._token(), f"{self._token()}@{self.options.host}"
        address = known.account.address if known else f"sip:{self.options.user}@{self._hosted(flow)}"
        display = f"{quoted(known.account.display)} " if known and known.account.display else ""
        sent = [
            ("Via", ""), ("Max-Forwards", "70"), ("From", f"{display}<{address}>;tag={tag}"), ("To", f"<{target}>"),
            ("Call-ID", call_id), ("CSeq", f"{self.random.randrange(1, 1 << 16)} INVITE"), *self.introduction(flow),
            *session_timers.wish(self.session_seconds), *headers, ("Content-Type", SDP),
        ]  # fmt: skip
        invite = sip.request("INVITE", uri, sent, description.encode().encode())
        call = Call(self, self._token(), tag, Phase.INVITING)
        call.account, call.key = account, (call_id, tag)
        self._calls[call.key] = self._names[call.name] = self._touch(call)
        call.start(invite, flow, description, now)
        return call.name, self._taken()

    def way(self, target: str, account: str = "") -> Flow:
        """Where a call to ``target`` as ``account`` goes first. Raises :class:`InputError` for what is no address."""
        known = self._accounts.get(account)
        return known.flow if known is not None else flow_to(uri_of(target))

    def follow(self, call: str, description: Description, now: int, account: str = "") -> tuple[str, list[Output]]:
        """Call where the other end of ``call`` would have us go (:class:`~duologue.phone.sip.call_events.Referred`),
        with our offer; it is told how that goes.

        Raises :class:`InputError` where nobody wants it, or for an address that is none.
        """
        wanted, whose = self._referred.pop(call, None), self._names.get(call)
        if wanted is None or whose is None:
            raise InputError("nobody asked for this call to be handed over", where="sip")
        said = [("Referred-By", wanted.by)] if wanted.by else []
        name, outputs = self.call(wanted.target, description, now, account, said)
        self._followed[name] = self._touch(whose)
        whose.followed()
        return name, [*outputs, *self._taken()]

    def stay(self, call: str, now: int) -> list[Output]:
        """Do not go where the other end would have us go."""
        self._referred.pop(call, None)
        return self._with(call, lambda one: one.report(603, now))

    def ring(self, call: str, now: int, early: Description | None = None) -> list[Output]:
        """180, or 183 with sound."""
        return self._with(call, lambda one: one.ring(now, early))

    def accept(self, call: str, description: Description, now: int) -> list[Output]:
        """Take a call, with our answer (or offer)."""
        return self._with(call, lambda one: one.accept(description, now))

    def refuse(self, call: str, status: int, now: int, headers: Headers = ()) -> list[Output]:
        """Refuse a call."""
        return self._with(call, lambda one: one.refuse(status, now, headers))

    def offer(self, call: str, description: Description, now: int) -> list[Output]:
        """Change a call; while another change is under way it is not changed (491)."""
        return self._with(call, lambda one: one.offer(description, now))

    def agree(self, call: str, description: Description, now: int) -> list[Output]:
        """Take the change that the other end offered."""
        return self._with(call, lambda one: one.agree(description, now))

    def disagree(self, call: str, status: int, now: int) -> list[Output]:
        """Refuse it; the call goes on as it was."""
        return self._with(call, lambda one: one.disagree(status, now))

    def inform(self, call: str, kind: str, body: bytes, now: int) -> list[Output]:
        """INFO."""
        return self._with(call, lambda one: one.inform(kind, body, now))

    def probe(self, call: str, now: int) -> list[Output]:
        """Ask whether the other end of a call is still there."""
        return self._with(call, lambda one: one.probe(now))

    def transfer(self, call: str, target: str, now: int, said: Mapping[str, str] | None = None) -> list[Output]:
        """REFER the other end to ``target``; ``said`` are headers for whoever answers there (``X-…``, ``Subject``,
        ``User-to-User``), cut to :data:`~duologue.phone.sip.transfers.MOST_SAID` bytes.

        Raises :class:`InputError` for an address that is none, or for another header.
        """
        transfers.request_headers(target, "", said or {})
        return self._with(call, lambda one: one.transfer(target, said or {}, now))

    def peer(self, call: str) -> str:
        """The address that answers to our requests in ``call`` come from; empty where none has come."""
        known = self._names.get(call)
        return known.peer if known is not None else ""

    def hang_up(self, call: str, now: int) -> list[Output]:
        """End a call, wherever it is."""
        return self._with(call, lambda one: one.hang_up(now))

    # What comes in

    def receive_datagram(self, data: bytes, source: Flow, now: int) -> list[Output]:
        """A datagram."""
        if sip.is_keep_alive(data):
            return []
        try:
            message = sip.read(data)
        except MalformedError as error:
            return self.malformed(error, source, now)
        return self.receive(message, source, now)

    def malformed(self, error: MalformedError, source: Flow, now: int) -> list[Output]:
        """What was no message: where it asks for an answer, it gets one."""
        asked = error.request
        if asked is not None and asked.method != "ACK" and self._admits(asked, source, now):
            noted(asked, source)
            self._refuse(asked, flow_back(asked, source), None, error.status)
            self._turn_away(asked, reason_of(error.status), now)
        return self._taken()

    def receive(self, message: Message, source: Flow, now: int) -> list[Output]:
        """A message."""
        if isinstance(message, Response):
            effects = self.transactions.receive(message, source, now)
            for effect in effects:
                if isinstance(effect, Responded):
                    self._heard(effect, source.source[0])
            self._carry_out(effects, now)
        elif self._admits(message, source, now):
            noted(message, source)
            self._carry_out(self.transactions.receive(message, flow_back(message, source), now), now)
        return self._taken()

    # What a call needs (calls.Agent)

    def send(self, call: Call, purpose: Purpose, request: Request, flow: Flow, now: int) -> Key:
        """See :class:`~duologue.phone.sip.agent.Agent`."""
        return self._sent(_Pending(call, purpose, request, flow), now)

    def acknowledge(self, request: Request, flow: Flow) -> Request:
        """See :class:`~duologue.phone.sip.agent.Agent`."""
        request.headers.set("Via", self._via(flow))
        self.again(request, flow)
        return request

    def again(self, request: Request, flow: Flow) -> None:
        """See :class:`~duologue.phone.sip.agent.Agent`."""
        self._out.append(Transmit(sip.write(request), flow))

    def answer(self, key: Key, response: Response, now: int) -> None:
        """See :class:`~duologue.phone.sip.agent.Agent`."""
        self._carry_out(self.transactions.respond(key, response, now), now)

    def cancel(self, key: Key, now: int) -> bool:
        """See :class:`~duologue.phone.sip.agent.Agent`."""
        found = self.transactions.cancel(key, now)
        if found is not None:
            self._carry_out(found[1], now)
        return found is not None

    def tell(self, event: Event) -> None:
        """See :class:`~duologue.phone.sip.agent.Agent`."""
        self._out.append(event)
        if isinstance(event, Referred):
            self._referred[event.call] = event
        elif isinstance(event, Ended) and (call := self._names.pop(event.call, None)) is not None:
            self._calls.pop(call.key, None)
            if call.dialog is not None:
                self._theirs.pop((call.dialog.call_id, call.dialog.remote.tag), None)
            self._referred.pop(event.call, None)

    def introduction(self, flow: Flow | None) -> Headers:
        """See :class:`~duologue.phone.sip.agent.Agent`."""
        return [
            ("Contact", f"<{self.contact(self.options.user, flow)}>"), ("Allow", ALLOW),
            ("Supported", ", ".join(EXTENSIONS)), ("User-Agent", self.options.software),
        ]  # fmt: skip

    # What the accounts need (accounts.Registrar)

    def ask(self, request: Request, flow: Flow, now: int) -> Key:
        """See :class:`~duologue.phone.sip.accounts.Registrar`."""
        request.headers.set("Via", self._via(flow))
        key, effects = self.transactions.request(request, flow, now)
        self._carry_out(effects, now)
        return key

    def ping(self, flow: Flow) -> None:
        """See :class:`~duologue.phone.sip.accounts.Registrar`."""
        self._out.append(Transmit(sip.KEEP_ALIVE, flow))

    def notify(self, event: Event) -> None:
        """See :class:`~duologue.phone.sip.accounts.Registrar`."""
        self._out.append(event)

    # Effects of transactions

    def _carry_out(self, effects: Sequence[Effect], now: int) -> None:
        for effect in effects:
            match effect:
                case Send(message, flow):
                    self._out.append(Transmit(sip.write(message), flow))
                case Asked(request, flow, key):
                    if key is None:
                        self._acknowledged(request, flow, now)
                    else:
                        self._requested(request, flow, key, now)
                case Cancelled(key):
                    if (call := self._asked.get(key)) is not None:
                        self._touch(call).cancelled(now)
                case Responded(key, response):
                    self._responded(key, response, now)
                case Failed():
                    self._failed(effect, now)

    def _acknowledged(self, ack: Request, flow: Flow, now: int) -> None:
        call = self._found(ack)
        if call is not None:
            self.screening.verify(flow.source[0])
            self._touch(call).acknowledged(ack, now)

    def _requested(self, request: Request, flow: Flow, key: Key, now: int) -> None:
        required = [one for one in listed(request.headers.getlist("Require")) if one.lower() not in EXTENSIONS]
        if required:  # section 8.2.2.3
            self._refuse(request, flow, key, 420, [("Unsupported", ", ".join(required))])
            self._turn_away(request, reason_of(420), now)
        elif sip.recipient(request).tag:
            call = self._found(request)
            if call is None:
                self._refuse(request, flow, key, 481)
            elif request.method != "BYE" and not call.allowance.take(1, now):
                self._refuse(request, flow, key, 503, [("Retry-After", str(PEER_RETRY_SECONDS))])
            else:
                if request.method == "INVITE":
                    self._asked[key] = call
                self._touch(call).asked(request, key, now)
        elif request.method == "INVITE":
            self._invited(request, flow, key, now)
        elif request.method == "OPTIONS":  # section 11.2: as an INVITE would be, so that none is sent to who refuses it
            refusal = self._full() or self._refusal()
            self._refuse(request, flow, key, *(refusal or (200, [*self.introduction(flow), ("Accept", SDP)])))
        elif request.method in ("BYE", "INFO", "PRACK", "UPDATE"):
            self._refuse(request, flow, key, 481)
        else:
            status = 405 if request.method in _OTHERS else 501
            self._refuse(request, flow, key, status, [("Allow", ALLOW)])

    def _invited(self, invite: Request, flow: Flow, key: Key, now: int) -> None:
        """Section 8.2 and 13.3.1: in the order of its subsections; nothing is kept of what is refused."""
        ours = self.screening.registers(flow.source[0])  # a PBX has no password of ours: we have one of its
        user, refusal = ("", None) if ours else refusals.proved(invite, self.options, self._authority, now)
        if user:
            self.screening.verify(flow.source[0])
        whose = (invite.call_id, sip.sender(invite).tag)
        if refusal is None and whose in self._theirs:  # section 8.2.2.2: it came by another way, and is a call already
            refusal = 482, ()
        refusal = refusal or refusals.refusal(invite, self.options) or self._full()
        if refusal is not None:
            self._refuse(invite, flow, key, *refusal)
            self._turn_away(invite, reason_of(refusal[0], closing=self.closing), now)
            return
        call = Call(self, self._token(), self._token(), Phase.INVITED)
        try:
            offer = described(invite)
            call.invited(invite, key, flow, now)
        except InputError:
            self._refuse(invite, flow, key, 400)
            self._turn_away(invite, reason_of(400), now)
            return
        self.turned_away.taken(invite.call_id, now)
        extension = sip.extension(invite)
        call.account, call.key = self._accounts.of_user(extension), (invite.call_id, call.tag)
        self._calls[call.key] = self._theirs[whose] = self._names[call.name] = self._asked[key] = self._touch(call)
        more, private = transfers.handed_over(invite), sip.is_private(invite)
        self.tell(Incoming(call.name, sip.sender(invite), extension, offer, flow, user, call.account, more, private))

    # Responses

    def _heard(self, answer: Responded, host: str) -> None:
        """It came from ``host``."""
        response = answer.response
        if response.cseq.method == "REGISTER" and 200 <= response.code < 300:
            self.screening.registrar(host)
            self._accounts.heard(answer.key, host)
        elif (pending := self._pending.get(answer.key)) is not None:
            pending.call.peer = host

    def _responded(self, key: Key, response: Response, now: int) -> None:
        if self._accounts.responded(key, response, now):
            return
        pending = self._pending.get(key)
        if pending is None:
            return
        if response.code >= 200:
            self._waiting.discard(key)
        call = self._touch(pending.call)
        if response.code in (401, 407, 422) and self._tried_again(pending, response, now):
            return
        call.responded(pending.purpose, pending.request, response, now)
        self._reported(call, pending.purpose, response.code, now)

    def _failed(self, failed: Failed, now: int) -> None:
        if failed.flow is not None:
            self.unanswered.append(failed.flow)
        if self._accounts.failed(failed.key, failed.why, now):
            return
        if (pending := self._pending.get(failed.key)) is not None:
            call, response = self._touch(pending.call), sip.respond(pending.request, failed.status)
            response.phrase = failed.why
            call.failed(pending.purpose, pending.request, response, now)
            self._reported(call, pending.purpose, failed.status, now)

    def _reported(self, call: Call, purpose: Purpose, status: int, now: int) -> None:
        """Whoever sent us to the other end of ``call`` is told how it goes."""
        if purpose is Purpose.CALL and (whose := self._followed.get(call.name)) is not None and status > 100:
            self._touch(whose).report(200 if 200 <= status < 300 else status, now)
            if status >= 200:
                del self._followed[call.name]

    def _tried_again(self, pending: _Pending, response: Response, now: int) -> bool:
        """The request once more, with the password (section 22.2) or the longer interval (RFC 4028, section 7.3)."""
        if pending.request.method == "INVITE" and pending.call.phase is Phase.OVER:
            return False
        header = self._longer(pending, response) if response.code == 422 else self._proof(pending, response)
        if header is None:
            return False
        old = pending.request
        made = sip.request(old.method, old.uri, (), old.body)
        names = old.headers.keys()  # what is asked for its names is no mapping
        for name in names:
            made.headers.setlist(name, list(old.headers.getlist(name)))
        for name, value in (*self._proofs_again(pending), *header):
            made.headers.set(name, value)
        made.headers.set("CSeq", f"{pending.call.number_again(old)} {old.method}")
        tried = pending.tried if response.code == 422 else (*pending.tried, response.code)
        new = _Pending(pending.call, pending.purpose, made, pending.flow, tried)
        pending.call.retried(pending.purpose, made, self._sent(new, now))
        return True

    def _proof(self, pending: _Pending, response: Response) -> Headers | None:
        """Of a call that came in the account is chosen by who calls, and so may be where the request goes: there only
        the account's own registrar is answered, and only for the realm that it registers us in (section 22.1).
        """
        known, source = self._accounts.get(pending.call.account), pending.call.source
        if known is None or len(pending.tried) >= MOST_PROOFS:
            return None
        if source is not None and not (known.owns(source) and known.owns(pending.flow)):
            return None
        name = "WWW-Authenticate" if response.code == 401 else "Proxy-Authenticate"
        request, challenges = pending.request, response.headers.getlist(name)
        again = response.code in pending.tried  # a proxy and a server each want a proof of their own (section 22.3)
        realms = None if source is None else known.realms
        answer = known.answers.answer(challenges, request.method, str(request.uri), again=again, realms=realms)
        header = "Authorization" if response.code == 401 else "Proxy-Authorization"
        return [(header, answer)] if answer else None

    def _proofs_again(self, pending: _Pending) -> Headers:
        """Those that the request has already: whoever wanted them wants them once more, and counts."""
        known, old = self._accounts.get(pending.call.account), pending.request
        if known is None:
            return ()
        found = [(name, old.headers.get(name)) for name in ("Authorization", "Proxy-Authorization")]
        return [(name, known.answers.again(proof, old.method, str(old.uri))) for name, proof in found if proof]

    def _longer(self, pending: _Pending, response: Response) -> Headers | None:
        try:
            least = number(response.headers.get("Min-SE") or "")
            asked = session_timers.asked(pending.request)
        except InputError:
            return None
        if asked is None or least <= asked[0]:
            return None
        return [("Session-Expires", str(least)), ("Min-SE", str(least))]

    # Small parts

    def _full(self) -> refusals.Refusal | None:
        """Why no call of anybody's is taken now."""
        if self.closing or self.calls >= self.options.most_calls:
            return 503, self._again
        return None

    def _refusal(self) -> refusals.Refusal | None:
        """The same, where the owner would say so to each."""
        return (self.refusing, self._again if self.refusing in (486, 503) else ()) if self.refusing else None

    @property
    def _again(self) -> Headers:
        return [("Retry-After", str(self.options.retry_seconds))]

    def _sent(self, pending: _Pending, now: int) -> Key:
        pending.request.headers.set("Via", self._via(pending.flow))
        key, effects = self.transactions.request(pending.request, pending.flow, now)
        self._pending[key] = pending
        self._waiting.add(key)
        self._carry_out(effects, now)
        return key

    def _refuse(self, request: Request, flow: Flow, key: Key | None, status: int, headers: Headers = ()) -> None:
        """Answer without a state: a repeated request gets the same once more (section 8.2.7), tag and all. To an
        address that may be forged nothing goes that is larger than what came, where the RFC lets us be brief.
        """
        if key is not None:
            self.transactions.forget(key)
        via = listed(request.headers.getlist("Via"))[0]
        seed = f"{via}|{request.call_id}|{request.headers['From']}".encode()
        tag = hashlib.blake2b(seed, key=self._secret, digest_size=8).hexdigest()
        data = sip.write(sip.respond(request, status, headers, tag=tag))
        forged = not flow.reliable and not self.screening.verified(flow.source[0])
        if forged and len(data) > len(sip.write(request)):
            needed = ("WWW-Authenticate", "Unsupported", "Min-SE", "Retry-After")
            brief = sip.respond(request, status, [one for one in headers if one[0] in needed], tag=tag)
            brief.headers.remove("Record-Route")
            data = sip.write(brief)
        self._out.append(Transmit(data, flow))

    def _admits(self, request: Request, source: Flow, now: int) -> bool:
        repeated, inside = self.transactions.knows(request), bool(sip.recipient(request).tag)
        ours = self.transactions.cancels(request) or (inside and (repeated or self._found(request) is not None))
        reason = self.screening.against(request, source.source[0], now, repeated=repeated, ours=ours)
        if reason is not None:
            self._turn_away(request, reason, now)
        if reason is AwayReason.PEER_RATE:
            noted(request, source)
            again = [("Retry-After", str(PEER_RETRY_SECONDS))]
            self._refuse(request, flow_back(request, source), None, 503, again)
        return reason is None

    def _turn_away(self, request: Request, why: AwayReason, now: int) -> None:
        """Count a call that its owner does not hear of; what is repeated of one that it has is none."""
        call_id = request.headers["Call-ID"]
        if sip.is_call(request) and (call_id, sip.sender(request).tag) not in self._theirs:
            self.turned_away.note(why, call_id, now)

    def _found(self, request: Request) -> Call | None:
        call = self._calls.get((request.call_id, sip.recipient(request).tag))
        return call if call is not None and call.dialog_of(request) is not None else None

    def _with(self, name: str, action: Callable[[Call], object]) -> list[Output]:
        call = self._names.get(name)
        if call is not None:  # an order that crossed the end of its call is none
            action(self._touch(call))
        return self._taken()

    def _touch(self, call: Call) -> Call:
        """``call``, whose alarm is set anew when all is done."""
        self._touched.add(call)
        return call

    def _taken(self) -> list[Output]:
        for call in self._touched:
            self._alarms.set(call.name, call.deadline)
        self._touched.clear()
        ended, self.transactions.ended = self.transactions.ended, []
        for key in ended:
            self._pending.pop(key, None)
            self._waiting.discard(key)
            self._asked.pop(key, None)
        self._accounts.forget(ended)
        out, self._out = self._out, []
        return out

    def _via(self, flow: Flow) -> str:
        branch = {"branch": f"{COOKIE}{self._token()}", "rport": None}
        return str(Via(flow.transport, self._hosted(flow), self._port(flow), branch))

    def contact(self, user: str, flow: Flow | None) -> str:
        """See :class:`~duologue.phone.sip.accounts.Registrar`."""
        name = flow.transport if flow is not None and flow.transport in self.options.ports else self.options.transport
        transport = "" if name == "UDP" else f";transport={name.lower()}"
        return f"sip:{user}@{self._hosted(flow)}:{self.options.ports.get(name, self.options.port)}{transport}"

    def _port(self, flow: Flow) -> int:
        return self.options.ports.get(flow.transport, self.options.port)

    def _hosted(self, flow: Flow | None) -> str:
        host = self._here(flow)
        return f"[{host}]" if ":" in host else host

    def _token(self) -> str:
        """Nobody guesses it (section 19.3)."""
        return f"{self.random.getrandbits(80):020x}"
