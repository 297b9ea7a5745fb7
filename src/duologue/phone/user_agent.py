"""The phone's core: transactions, calls and registrations of one line, joined (RFC 3261, section 8).

Messages and time go in, :class:`Transmit` and events come out; nothing here opens a socket, looks up a name or
knows of sound. What a stranger sends is refused without a state (8.2.7), so that neither memory nor repetitions can be
had for one forged datagram.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sipmessage import Request, Response

from duologue.clock import SECOND
from duologue.errors import InputError
from duologue.phone import message as sip
from duologue.phone import session_timers
from duologue.phone.admission import LineOptions, Screening
from duologue.phone.call_events import Ended, Event, Incoming
from duologue.phone.calls import SDP, Call, Headers, Phase, Purpose, described
from duologue.phone.dialogs import flow_back, flow_to, noted
from duologue.phone.digest import Authority, fields
from duologue.phone.header_fields import Via, listed, number, quoted, uri_of
from duologue.phone.message import MalformedError, Message
from duologue.phone.registration import Account, Ask, Registration
from duologue.phone.sdp import Description
from duologue.phone.transactions import (
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

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, REFER, NOTIFY"
EXTENSIONS = ("100rel", "timer")
_OTHERS = ("REGISTER", "MESSAGE", "SUBSCRIBE", "PUBLISH", "UPDATE", "NOTIFY", "REFER")
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
    tried: bool = False


class UserAgent:
    """One line. Each public method takes ``now`` (ns) and returns what is to be done; :attr:`deadline` is when
    :meth:`tick` is wanted.
    """

    def __init__(
        self, policy: LineOptions, random_source: random.Random | None = None, timers: Timers | None = None
    ) -> None:
        self.policy = policy
        self.random = random_source or random.SystemRandom()
        self.timers = timers or Timers()
        self.session_seconds = policy.session_seconds
        self.ring_limit = policy.ring_seconds * SECOND
        self.admission = Screening(policy)
        self.transactions = Transactions(self.timers)
        self.closing = False
        self._authority = Authority(policy.realm or policy.host, policy.passwords, self.random)
        self._secret = self.random.getrandbits(128).to_bytes(16, "big")
        self._calls: dict[tuple[str, str], Call] = {}
        self._names: dict[str, Call] = {}
        self._pending: dict[Key, _Pending] = {}
        self._asked: dict[Key, Call] = {}
        self._registrations: dict[str, Registration] = {}
        self._registering: dict[Key, Registration] = {}
        self._out: list[Output] = []

    # What the owner wants

    @property
    def deadline(self) -> int | None:
        """When :meth:`tick` is wanted (ns)."""
        times = [self.transactions.deadline, *(call.deadline for call in self._names.values())]
        times += [one.deadline for one in self._registrations.values()]
        return min((at for at in times if at is not None), default=None)

    @property
    def calls(self) -> int:
        """How many calls there are that are not over."""
        return len(self._names)

    @property
    def state(self) -> tuple[int, int, int, int]:
        """Calls, transactions, requests and invitations that are kept: all zero at rest."""
        return len(self._names), self.transactions.count, len(self._pending), len(self._asked)

    def tick(self, now: int) -> list[Output]:
        """What is due."""
        self._carry_out(self.transactions.tick(now), now)
        for call in list(self._names.values()):
            call.tick(now)
        for one in list(self._registrations.values()):
            self._register(one, one.tick(now), now)
        return self._taken()

    def register(self, account: Account, now: int) -> list[Output]:
        """Register ``account``, and keep it registered."""
        contact = self._contact(account.user)
        one = self._registrations[account.name] = Registration(account, contact, self.random)
        self._register(one, one.start(now), now)
        return self._taken()

    def unregister(self, name: str, now: int) -> list[Output]:
        """The account of ``name`` cannot be called any more."""
        one = self._registrations[name]
        self._register(one, one.stop(now), now)
        return self._taken()

    def call(self, target: str, description: Description, now: int, account: str = "") -> tuple[str, list[Output]]:
        """Call ``target`` with our offer, as ``account``; the name of the call is in its events.

        Raises :class:`InputError` for an address that is none.
        """
        uri = uri_of(target)
        known = self._registrations.get(account)
        if uri.scheme == "tel" and known is None:
            raise InputError("a number is called through an account", where="sip", remedy="Name one, or a SIP address.")
        tag, call_id = self._token(), f"{self._token()}@{self.policy.host}"
        address = known.account.address if known else f"sip:{self.policy.user}@{self._hosted()}"
        display = f"{quoted(known.account.display)} " if known and known.account.display else ""
        headers = [
            ("Via", ""), ("Max-Forwards", "70"), ("From", f"{display}<{address}>;tag={tag}"), ("To", f"<{target}>"),
            ("Call-ID", call_id), ("CSeq", f"{self.random.randrange(1, 1 << 16)} INVITE"), *self.introduction(),
            *session_timers.wish(self.session_seconds), ("Content-Type", SDP),
        ]  # fmt: skip
        invite = sip.request("INVITE", uri, headers, description.encode().encode())
        call = Call(self, self._token(), tag, Phase.INVITING)
        call.account = account
        self._calls[call_id, tag] = self._names[call.name] = call
        call.start(invite, known.flow if known else flow_to(uri), description, now)
        return call.name, self._taken()

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
        """Change a call; nothing happens while another change is under way."""
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

    def transfer(self, call: str, target: str, now: int) -> list[Output]:
        """REFER the other end to ``target``. Raises :class:`InputError` for an address that is none."""
        uri_of(target)
        return self._with(call, lambda one: one.transfer(target, now))

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
        if asked is not None and asked.method != "ACK" and self.admission.admits(asked, source.host, now):
            noted(asked, source)
            self._refuse(asked, flow_back(asked, source), None, error.status)
        return self._taken()

    def receive(self, message: Message, source: Flow, now: int) -> list[Output]:
        """A message."""
        if isinstance(message, Response):
            self._carry_out(self.transactions.receive(message, source, now), now)
        elif self.admission.admits(message, source.host, now):
            noted(message, source)
            self._carry_out(self.transactions.receive(message, flow_back(message, source), now), now)
        return self._taken()

    # What a call needs (calls.Agent)

    def send(self, call: Call, purpose: Purpose, request: Request, flow: Flow, now: int) -> Key:
        """See :class:`~duologue.phone.calls.Agent`."""
        return self._sent(_Pending(call, purpose, request, flow), now)

    def acknowledge(self, request: Request, flow: Flow) -> Request:
        """See :class:`~duologue.phone.calls.Agent`."""
        request.headers.set("Via", self._via(flow))
        self.again(request, flow)
        return request

    def again(self, request: Request, flow: Flow) -> None:
        """See :class:`~duologue.phone.calls.Agent`."""
        self._out.append(Transmit(sip.write(request), flow))

    def answer(self, key: Key, response: Response, now: int) -> None:
        """See :class:`~duologue.phone.calls.Agent`."""
        self._carry_out(self.transactions.respond(key, response, now), now)

    def cancel(self, key: Key, now: int) -> bool:
        """See :class:`~duologue.phone.calls.Agent`."""
        found = self.transactions.cancel(key, now)
        if found is not None:
            self._carry_out(found[1], now)
        return found is not None

    def tell(self, event: Event) -> None:
        """See :class:`~duologue.phone.calls.Agent`."""
        if isinstance(event, Ended):
            call = self._names.pop(event.call, None)
            self._calls = {key: one for key, one in self._calls.items() if one is not call}
        self._out.append(event)

    def introduction(self) -> Headers:
        """See :class:`~duologue.phone.calls.Agent`."""
        return [
            ("Contact", f"<{self._contact(self.policy.user)}>"), ("Allow", ALLOW), ("Supported", ", ".join(EXTENSIONS)),
            ("User-Agent", self.policy.software),
        ]  # fmt: skip

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
                        call.cancelled(now)
                case Responded(key, response):
                    self._responded(key, response, now)
                case Failed(key):
                    self._failed(key, now)

    def _acknowledged(self, ack: Request, flow: Flow, now: int) -> None:
        call = self._found(ack)
        if call is not None:
            self.admission.verify(flow.host)
            call.acknowledged(ack, now)

    def _requested(self, request: Request, flow: Flow, key: Key, now: int) -> None:
        required = [one for one in listed(request.headers.getlist("Require")) if one.lower() not in EXTENSIONS]
        if required:  # section 8.2.2.3
            self._refuse(request, flow, key, 420, [("Unsupported", ", ".join(required))])
        elif sip.recipient(request).tag:
            call = self._found(request)
            if call is None:
                self._refuse(request, flow, key, 481)
            else:
                if request.method == "INVITE":
                    self._asked[key] = call
                call.asked(request, key, now)
        elif request.method == "INVITE":
            self._invited(request, flow, key, now)
        elif request.method == "OPTIONS":
            self._refuse(request, flow, key, 200, [*self.introduction(), ("Accept", SDP)])
        elif request.method in ("BYE", "INFO", "PRACK"):
            self._refuse(request, flow, key, 481)
        else:
            status = 405 if request.method in _OTHERS else 501
            self._refuse(request, flow, key, status, [("Allow", ALLOW)])

    def _invited(self, invite: Request, flow: Flow, key: Key, now: int) -> None:
        """Section 8.2 and 13.3.1: in the order of its subsections; nothing is kept of what is refused."""
        refusal, user = self._refusal(invite, flow, now)
        if refusal is not None:
            self._refuse(invite, flow, key, *refusal)
            return
        call = Call(self, self._token(), self._token(), Phase.INVITED)
        try:
            offer = described(invite)
            call.invited(invite, key, flow, now)
        except InputError:
            self._refuse(invite, flow, key, 400)
            return
        self._calls[invite.call_id, call.tag] = self._names[call.name] = self._asked[key] = call
        self.tell(Incoming(call.name, sip.sender(invite), invite.uri.user or "", offer, flow, user))

    def _refusal(self, invite: Request, flow: Flow, now: int) -> tuple[tuple[int, Headers] | None, str]:
        """Status and headers, if the call is not for us; else who calls, if that was proved."""
        user = ""
        if self.policy.passwords:
            user, stale = self._authority.check(*self._credentials(invite), now)
            if not user:
                challenges = self._authority.challenges(now, stale=stale)
                return (401, [("WWW-Authenticate", one) for one in challenges]), ""
            self.admission.verify(flow.host)
        if self._merged(invite):  # section 8.2.2.2
            return (482, ()), ""
        if self.policy.extensions and (invite.uri.user or "") not in self.policy.extensions:
            return (404, ()), ""
        if invite.body and sip.media_type(invite) != SDP:  # section 8.2.3
            return (415, [("Accept", SDP)]), ""
        accepted = [one.partition(";")[0].strip().lower() for one in listed(invite.headers.getlist("Accept"))]
        if accepted and not {SDP, "application/*", "*/*"} & set(accepted):
            return (406, [("Accept", SDP)]), ""
        try:
            if session_timers.too_short(invite):
                return (422, [("Min-SE", str(session_timers.LEAST))]), ""
        except InputError:
            return (400, ()), ""
        try:
            described(invite)
        except InputError:
            return (488, ()), ""
        if self.closing or self.calls >= self.policy.most_calls:
            return (503, [("Retry-After", str(self.policy.retry_seconds))]), ""
        return None, user

    def _merged(self, invite: Request) -> bool:
        """The same request came by another way, and is a call already."""
        whose = (sip.sender(invite).tag, invite.call_id)
        known = (call.dialog for call in self._names.values() if call.dialog)
        return any((one.remote.tag, one.call_id) == whose for one in known)

    def _credentials(self, request: Request) -> tuple[list[str], str, str]:
        """Values of ``Authorization``, the method, and the address as they write it (there are several ways)."""
        values = request.headers.getlist("Authorization")
        for value in values:
            try:
                uri = fields(value)[1].get("uri", "")
                if str(uri_of(uri)) == str(request.uri):
                    return values, request.method, uri
            except InputError:
                continue
        return values, request.method, str(request.uri)

    # Responses

    def _responded(self, key: Key, response: Response, now: int) -> None:
        one = self._registering.get(key)
        if one is not None:
            self._register(one, one.responded(response, now), now)
            return
        pending = self._pending.get(key)
        if pending is None:
            return
        if response.code in (401, 407, 422) and self._tried_again(pending, response, now):
            return
        pending.call.responded(pending.purpose, pending.request, response, now)

    def _failed(self, key: Key, now: int) -> None:
        one = self._registering.pop(key, None)
        if one is not None:
            self._register(one, one.failed(now), now)
        elif (pending := self._pending.get(key)) is not None:
            pending.call.failed(pending.purpose, pending.request, now)

    def _tried_again(self, pending: _Pending, response: Response, now: int) -> bool:
        """The request once more, with the password (section 22.2) or the longer interval (RFC 4028, section 7.3)."""
        if pending.purpose is Purpose.CALL and pending.call.phase is Phase.OVER:
            return False
        header = self._longer(pending, response) if response.code == 422 else self._proof(pending, response)
        if header is None:
            return False
        old = pending.request
        made = sip.request(old.method, old.uri, (), old.body)
        for name in old.headers.keys():  # noqa: SIM118 (it is no mapping)
            made.headers.setlist(name, list(old.headers.getlist(name)))
        for name, value in header:
            made.headers.set(name, value)
        made.headers.set("CSeq", f"{old.cseq.sequence + 1} {old.method}")
        new = _Pending(pending.call, pending.purpose, made, pending.flow, pending.tried or response.code != 422)
        pending.call.retried(pending.purpose, made, self._sent(new, now))
        return True

    def _proof(self, pending: _Pending, response: Response) -> Headers | None:
        known = self._registrations.get(pending.call.account)
        if known is None:
            return None
        name = "WWW-Authenticate" if response.code == 401 else "Proxy-Authenticate"
        request, challenges = pending.request, response.headers.getlist(name)
        answer = known.answers.answer(challenges, request.method, str(request.uri), again=pending.tried)
        header = "Authorization" if response.code == 401 else "Proxy-Authorization"
        return [(header, answer)] if answer else None

    def _longer(self, pending: _Pending, response: Response) -> Headers | None:
        try:
            least = number(response.headers.get("Min-SE") or "")
            asked = session_timers.asked(pending.request)
        except InputError:
            return None
        if asked is None or least <= asked[0]:
            return None
        return [("Session-Expires", str(least)), ("Min-SE", str(least))]

    def _register(self, one: Registration, outputs: Sequence[Ask | Event], now: int) -> None:
        for output in outputs:
            if isinstance(output, Ask):
                output.request.headers.set("Via", self._via(output.flow))
                key, effects = self.transactions.request(output.request, output.flow, now)
                self._registering[key] = one
                self._carry_out(effects, now)
            else:
                self._out.append(output)

    # Small parts

    def _sent(self, pending: _Pending, now: int) -> Key:
        pending.request.headers.set("Via", self._via(pending.flow))
        key, effects = self.transactions.request(pending.request, pending.flow, now)
        self._pending[key] = pending
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
        forged = not flow.reliable and not self.admission.verified(flow.host)
        if forged and len(data) > len(sip.write(request)):
            needed = ("WWW-Authenticate", "Unsupported", "Min-SE", "Retry-After")
            brief = sip.respond(request, status, [one for one in headers if one[0] in needed], tag=tag)
            brief.headers.remove("Record-Route")
            data = sip.write(brief)
        self._out.append(Transmit(data, flow))

    def _found(self, request: Request) -> Call | None:
        call = self._calls.get((request.call_id, sip.recipient(request).tag))
        return call if call is not None and call.dialog is not None and call.dialog.matches(request) else None

    def _with(self, name: str, action: Callable[[Call], object]) -> list[Output]:
        call = self._names.get(name)
        if call is not None:  # an order that crossed the end of its call is none
            action(call)
        return self._taken()

    def _taken(self) -> list[Output]:
        has = self.transactions.has
        self._pending = {key: one for key, one in self._pending.items() if has(key)}
        self._asked = {key: one for key, one in self._asked.items() if has(key)}
        self._registering = {key: one for key, one in self._registering.items() if has(key)}
        out, self._out = self._out, []
        return out

    def _via(self, flow: Flow) -> str:
        branch = {"branch": f"{COOKIE}{self._token()}", "rport": None}
        return str(Via(flow.transport, self._hosted(), self.policy.port, branch))

    def _contact(self, user: str) -> str:
        transport = "" if self.policy.transport == "UDP" else f";transport={self.policy.transport.lower()}"
        return f"sip:{user}@{self._hosted()}:{self.policy.port}{transport}"

    def _hosted(self) -> str:
        return f"[{self.policy.host}]" if ":" in self.policy.host else self.policy.host

    def _token(self) -> str:
        """Nobody guesses it (section 19.3)."""
        return f"{self.random.getrandbits(80):020x}"
