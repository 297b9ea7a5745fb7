"""The phone line: calls (SIP) and their sound (RTP), joined. It decides nothing about conversations.

    main ──orders──▶ Line ──▶ UserAgent (Transport: UDP, TCP, TLS)     who calls whom
         ◀─reports──      ──▶ one Leg for each call (MediaPort)        what is said
                          ◀── one heap of deadlines for all legs

Everything runs on one event loop, and whatever comes in by a socket first lets the packets go that are due: so many
calls that speak at once cannot make each other late by more than one datagram's work.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
import socket
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote, unquote

from duologue import certificates
from duologue.audio.pcm import RATE, Samples, silence
from duologue.audio.resample import StreamResampler
from duologue.clock import MILLISECOND, SECOND, Clock, milliseconds
from duologue.errors import DuologueError, InputError, PeerError, in_words
from duologue.ids import unique_id
from duologue.phone.caller_address import known_address
from duologue.phone.leg import (
    HEARD_RATE,
    CallInfo,
    CodecChanged,
    Digit,
    LegAnswered,
    LegEnded,
    LegEvent,
    LegTransferred,
    Ringing,
)  # fmt: skip
from duologue.phone.line.legs import Leg
from duologue.phone.line.messages import (
    Able,
    CallHeard,
    CallOffered,
    Counts,
    Dial,
    Drain,
    HangUpCall,
    LineOrder,
    LineReport,
    LineSetup,
    LineShutdown,
    LineTrouble,
    Press,
    Ready,
    Refer,
    RefuseCall,
    Refusing,
    RegistrationState,
    Ring,
    SayOnCall,
    TakeLineCall,
    Told,
)
from duologue.phone.media.codecs import FORMATS, PACKET_MS, Format
from duologue.phone.media.doubling import to_ears
from duologue.phone.media.latch import Address
from duologue.phone.media.negotiation import Agreed, Local, NotAcceptableError, accept, answer, offer, offer_again
from duologue.phone.media.ports import MediaPort, MediaPorts
from duologue.phone.media.sdp import Description
from duologue.phone.media.telephone_events import KeysOnce, KeyWay, key_of
from duologue.phone.own_address import EVERYWHERE, own_address
from duologue.phone.sip import call_events as events
from duologue.phone.sip.dialogs import flow_to
from duologue.phone.sip.header_fields import is_address, uri_of
from duologue.phone.sip.transactions import Flow
from duologue.phone.sip.transport import Listening, Transport
from duologue.phone.sip.user_agent import Output, UserAgent
from duologue.phone.turned_away import reason_of
from duologue.telemetry.garbage import GarbageWatch

KEPT_LATE = 2000
"""Packets whose lateness is kept, for :class:`~duologue.phone.line.messages.Counts`."""
_GLANCE = 10 * MILLISECOND


@dataclass(slots=True, eq=False)
class _Call:
    """One call: the owner of its leg. ``name`` is the user agent's for it; ``ours`` is our description of it."""

    line: LineProcess
    id: str
    name: str
    port: MediaPort
    local: Local
    hosts: frozenset[str]
    ours: Description
    agreed: Agreed | None = None
    leg: Leg | None = None
    due: int | None = None
    reason: str | None = None
    failed: bool = False
    transferred: bool = False
    answered: bool = False
    codec: str = ""
    keys: KeysOnce = field(default_factory=KeysOnce)

    def send(self, data: bytes, address: Address, due: int, *, control: bool) -> None:
        """See :class:`~duologue.phone.line.legs.LegOwner`."""
        self.port.send(data, address, control=control)
        if not control:
            self.line.sent(due)

    def heard(self, at: int, samples: Samples) -> None:
        """See :class:`~duologue.phone.line.legs.LegOwner`."""
        self.line.report(CallHeard.of(self.id, at, samples))

    def tell(self, event: LegEvent) -> None:
        """See :class:`~duologue.phone.line.legs.LegOwner`."""
        if isinstance(event, Digit):
            self.line.pressed(self, event, KeyWay.RTP)
        else:
            self.line.report(Told(self.id, event))

    def seems_gone(self) -> None:
        """See :class:`~duologue.phone.line.legs.LegOwner`."""
        self.line.seems_gone(self)

    def fell_silent(self) -> None:
        """See :class:`~duologue.phone.line.legs.LegOwner`."""
        self.line.fell_silent(self)

    def received(self, data: bytes, source: Address, control: bool) -> None:
        """A datagram came to its ports."""
        self.line.received(self, data, source, control=control)


class LineProcess:
    """See the module. ``report`` takes what main is told. Use it on one event loop."""

    def __init__(self, plan: LineSetup, clock: Clock, report: Callable[[LineReport], None]) -> None:
        ports = {name: _free(plan.host, port) for name, port in _listens(plan) if port is not None}
        first = plan.options.transport if plan.options.transport in ports else next(iter(ports), "")
        if not first:
            raise InputError("the line listens on nothing", where="phone.listen", remedy="Give it a port.")
        options = replace(plan.options, port=ports[first], transport=first, ports=ports)
        self.report = report
        self.agent = UserAgent(options, here=self._here)
        self._plan, self._clock = plan, clock
        self._listening = ports
        self._transport = Transport(self.agent, clock, self._told)
        self._formats = _formats(plan.formats)
        self._ports = MediaPorts(plan.host, plan.first_port, plan.last_port)
        self._chance = random.SystemRandom()
        self._calls: dict[str, _Call] = {}
        self._names: dict[str, _Call] = {}
        self._finding: dict[str, asyncio.Task[None]] = {}
        """Calls of ours to names that are being looked up."""
        self._tasks: asyncio.TaskGroup | None = None
        self._heap: list[tuple[int, int, _Call]] = []
        self._numbers = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0
        self._loop = asyncio.get_running_loop()
        self._late: deque[int] = deque(maxlen=KEPT_LATE)
        self.garbage = GarbageWatch("line")
        """Its process has it look on; what it found is told with the counts."""
        self._totals = {"packets": 0, "calls": 0, "ignored": 0, "strange": 0, "unsent": 0}

    # Life

    async def open(self, tasks: asyncio.TaskGroup, granted: str = "") -> Ready:
        """Listen, and register the accounts. Raises :class:`DuologueError` for a port that is taken, a file unread."""
        plan, self._tasks = self._plan, tasks
        server = None
        own, key, believed = (Path(each) if each else None for each in (plan.certificate, plan.key, plan.authorities))
        if plan.tls is not None and own is not None:
            shown = certificates.ServedCertificate(own, key)
            server = shown.context
            shown.watch(self._not_read)
        client = certificates.Believed(believed, self._not_read, own, key)
        if believed or own:
            await client.context()  # what cannot be read now is an error of the settings, later one of a renewal
        ports = self._listening
        listening = Listening(plan.host, ports.get("UDP"), ports.get("TCP"), ports.get("TLS"), server, client.context)
        _warm(self._formats)
        await self._transport.open(listening, tasks)
        for account in plan.accounts:
            self._perform(self.agent.register(account, self._clock.now()))
        self._count()
        return Ready(dict(self._transport.ports), granted)

    def _not_read(self, error: InputError) -> None:
        """A file of TLS that changed cannot be used."""
        self.report(LineTrouble(in_words(error), error.where))

    async def leave(self, why: str) -> None:
        """End all calls and registrations politely, as far as :attr:`LineSetup.leave_s` lets."""
        until = self._clock.now() + round(self._plan.leave_s * SECOND)
        for name in list(self._finding):
            self._not_called(name, why)
        for call in list(self._calls.values()):
            self._hang_up(call, why)
        self._perform(self.agent.drain(self._clock.now()))
        while not self.agent.drained and self._clock.now() < until:
            await self._clock.wait_until(self._clock.now() + _GLANCE)
        for call in list(self._calls.values()):
            self._over(call, 408, why)
        if self._timer is not None:
            self._timer.cancel()
        self._transport.close()

    # What main orders

    def order(self, order: LineOrder) -> None:
        """Carry out one. What cannot be done is told."""
        self.pulse()
        now = self._clock.now()
        match order:
            case Dial():
                self._dial(order, now)
            case Drain():
                self._perform(self.agent.drain(now))
            case Refusing(status):
                self.agent.refusing = status
            case LineShutdown():
                pass  # its process leaves
            case HangUpCall(name, why) if name in self._finding:
                self._not_called(name, why)
            case _:
                call = self._calls.get(order.call)
                if call is not None:  # an order that crossed the end of its call is none
                    try:
                        self._ordered(call, order, now)
                    except Exception as error:
                        self._failed(call, error)
                    self._arm(call)

    def _ordered(
        self, call: _Call, order: Ring | TakeLineCall | RefuseCall | SayOnCall | Press | Refer | HangUpCall, now: int
    ) -> None:
        match order:
            case SayOnCall():
                leg = call.leg
                if leg is not None:
                    gap, more = order.gap, order.more
                    leg.outgoing.say(order.kind, order.id, order.start, order.samples, gap, now, more=more)
            case Ring(_, early):
                sound = early and call.agreed is not None
                self._perform(self.agent.ring(call.name, now, call.ours if sound else None))
                if sound:
                    self._begin(call, now, early=True)
            case TakeLineCall():
                listens = call.leg is not None  # to what came early
                self._perform(self.agent.accept(call.name, call.ours, now))
                if call.agreed is not None and call.id in self._calls:
                    self._stands(call, now, listens=listens)
            case RefuseCall(_, status, retry_after_s):
                call.reason = f"refused with {status}"
                headers = [("Retry-After", str(retry_after_s))] if retry_after_s else []
                self._perform(self.agent.refuse(call.name, status, now, headers))
            case Press(_, keys):
                if call.leg is not None:
                    call.leg.outgoing.press(keys, now)
            case Refer(_, target, headers):
                self._refer(call, target, headers, now)
            case HangUpCall(_, reason):
                self._hang_up(call, reason)

    def _dial(self, order: Dial, now: int) -> None:
        """At once; or when it is known what is behind a name: by what it is reached, and by which address of ours. An
        account's registrar is reached as it was said of it.
        """
        if self._tasks is None or order.account or not _is_named(order.target):
            self._call(order, now)
        else:
            self._finding[order.call] = self._tasks.create_task(self._find(order))

    async def _find(self, order: Dial) -> None:
        names = self._transport.names
        flow = await names.flow_to(uri_of(order.target))
        await names.servers(flow)
        if self._finding.pop(order.call, None) is not None:
            self._call(order, self._clock.now(), flow)

    def _not_called(self, call: str, why: str) -> None:
        """It is over before anybody was called."""
        self._finding.pop(call).cancel()
        self.report(Told(call, LegEnded(why or "we hung up", ours=True, status=487)))

    def _call(self, order: Dial, now: int, flow: Flow | None = None) -> None:
        try:
            port = self._ports.take()
        except PeerError as error:
            self.report(Told(order.call, LegEnded(str(error), failed=True, status=503)))
            return
        try:
            flow = flow or self.agent.way(order.target, order.account)
            local = self._local(self._here(flow), port)
            ours = offer(local)
            headers = list(order.headers.items())
            name, outputs = self.agent.call(order.target, ours, now, order.account, headers, flow)
        except Exception as error:  # whatever it is, the port is given back
            port.close()
            status = 404 if isinstance(error, DuologueError) else 500
            self.report(Told(order.call, LegEnded(in_words(error), failed=True, status=status)))
            return
        call = _Call(self, order.call, name, port, local, frozenset(), ours)
        self._enter(call)
        self._perform(outputs)

    def _refer(self, call: _Call, target: str, headers: Mapping[str, str], now: int) -> None:
        try:
            self._perform(self.agent.transfer(call.name, target, now, headers))
        except InputError as error:
            call.tell(LegTransferred(False, str(error)))
        else:
            call.transferred = False

    def _hang_up(self, call: _Call, why: str) -> None:
        call.reason = why or "we hung up"
        self._perform(self.agent.hang_up(call.name, self._clock.now()))

    # What the user agent tells

    def _told(self, event: events.Event) -> None:
        now = self._clock.now()
        if isinstance(event, events.Incoming):
            self._incoming(event, now)
            return
        if isinstance(event, events.Registered | events.NotRenewed | events.NotRegistered):
            self.report(RegistrationState.of(event, now))
            return
        call = self._names.get(event.call)
        if call is not None:
            try:
                self._happened(call, event, now)
            except Exception as error:
                self._failed(call, error)
            self._arm(call)

    def _happened(self, call: _Call, event: events.Event, now: int) -> None:
        match event:
            case events.Progress(_, status, described):
                call.tell(Ringing(status))
                if described is not None and self._agree(call, described, early=True):
                    self._begin(call, now, early=True)
            case events.Answered(_, described):
                if self._agree(call, described):
                    self._stands(call, now)
            case events.Acknowledged(_, described):
                if described is not None and self._agree(call, described):
                    self._stands(call, now)
                if call.leg is not None:
                    call.leg.listens(now)
            case events.Offered(_, described):
                self._offered(call, described, now)
            case events.Changed(_, described):
                self._changed(call, described, now)
            case events.Informed(_, _, body):
                if key := key_of(body):
                    self.pressed(call, Digit(*key), KeyWay.INFO)
            case events.Present():
                if call.leg is not None:
                    call.leg.present(now)
            case events.Transferred(_, status, last):
                self._transferred(call, status, last=last)
            case events.Referred():
                self._perform(self.agent.stay(call.name, now))
            case events.Ended(_, status, why):
                self._over(call, status, why)
            case _:
                pass  # NotChanged: our offer was what stood already

    def _incoming(self, event: events.Incoming, now: int) -> None:
        try:
            port = self._ports.take()
        except PeerError:
            again = [("Retry-After", str(self._plan.options.retry_seconds))]
            self._send_away(event.call, 503, now, again)
            return
        try:
            call, caller = self._offered_by(event, port), event.caller
        except Exception as error:  # whatever it is, the port is given back
            port.close()
            if not isinstance(error, NotAcceptableError):
                self.report(LineTrouble(in_words(error), f"a call of {event.flow.source[0]}"))
            self._send_away(event.call, 488 if isinstance(error, NotAcceptableError) else 500, now)
            return
        self._enter(call)
        info = CallInfo(
            id=call.id, caller=_user(caller.uri), called=event.extension, address=self._address(event),
            display=caller.name, account=event.account, carrier="sip", codec=_named(call.agreed),
            peer=event.flow.source[0], headers=dict(event.headers),
        )  # fmt: skip
        self.report(CallOffered(info, event.user))

    def _offered_by(self, event: events.Incoming, port: MediaPort) -> _Call:
        """The call, with our answer to its offer, or ours where it has none. Raises :class:`NotAcceptableError`."""
        peer, _ = event.flow.source
        local = self._local(self._here(event.flow), port)
        ours, agreed = (offer(local), None) if event.offer is None else answer(event.offer, local)
        name = unique_id(self._clock.wall())
        return _Call(self, name, event.call, port, local, frozenset({peer}), ours, agreed)

    def _address(self, event: events.Incoming) -> str:
        """By what the caller is known again: whoever proved a password by that name, whatever they call themselves."""
        if event.private:
            return ""
        options = self._plan.options
        proved = f"sip:{quote(event.user)}@{options.realm or options.user}"
        return known_address(proved if event.user else event.caller.uri)

    def _send_away(self, call: str, status: int, now: int, headers: Sequence[tuple[str, str]] = ()) -> None:
        """A call that main never hears of."""
        self._perform(self.agent.refuse(call, status, now, headers))
        self.agent.turned_away.note(reason_of(status), call, now)

    def _offered(self, call: _Call, described: Description | None, now: int) -> None:
        """The other end would change the call: hold, resume, another address or format."""
        local, before = replace(call.local, version=call.local.version + 1), call.agreed
        if before is None:  # it asks again for an offer that it never answered
            self._perform(self.agent.disagree(call.name, 491, now))
            return
        if described is None:
            call.local, call.ours = local, offer_again(local, call.ours, before)
            self._perform(self.agent.agree(call.name, call.ours, now))
            return
        formats = (before.format, *(form for form in local.formats if form is not before.format))
        try:
            ours, agreed = answer(described, replace(local, formats=formats))
        except NotAcceptableError:
            self._perform(self.agent.disagree(call.name, 488, now))
            return
        call.local = local
        call.ours, call.agreed = _same_key(ours, agreed, before)
        self._perform(self.agent.agree(call.name, call.ours, now))
        if call.id in self._calls:
            self._begin(call, now)

    def _changed(self, call: _Call, described: Description | None, now: int) -> None:
        """Their answer when we said again what stands (RFC 4028): they may have moved. What cannot be changes nothing:
        the call goes on as it was.
        """
        if described is None:
            return
        try:
            call.agreed = accept(call.ours, described)
        except NotAcceptableError as error:
            self.report(LineTrouble(str(error), f"call {call.id}"))
            return
        self._begin(call, now)

    def _agree(self, call: _Call, described: Description, *, early: bool = False) -> bool:
        """Their answer to our offer; what cannot be ends the call. Before it is answered (``early``) it is only not
        heard: another telephone may take it.
        """
        try:
            call.agreed = accept(call.ours, described)
        except NotAcceptableError as error:
            if not early:
                call.failed = True
                self._hang_up(call, str(error))
            return False
        return True

    def _transferred(self, call: _Call, status: int, *, last: bool) -> None:
        if call.transferred or not (last or status >= 200):
            return
        call.transferred = True
        ok = 200 <= status < 300
        call.tell(LegTransferred(ok, "" if ok else f"the target answered {status}"))

    # Sound

    def _begin(self, call: _Call, now: int, *, early: bool = False) -> None:
        """There is sound from now on, or it goes on in another way."""
        assert call.agreed is not None
        if call.leg is not None:
            call.leg.change(call.agreed, now)
            self._tell_changed(call)
            return
        if not call.hosts:  # we called: whoever answers shows where it is
            call.hosts = frozenset(filter(None, [self.agent.peer(call.name)]))
        name = f"{call.id}@{self._plan.options.host}"
        silent = round(self._plan.silent_s * SECOND)
        call.leg = Leg(call.agreed, call.hosts, call, self._chance, name, silent, now)
        call.port.listen(call.received)
        call.leg.start(now, early=early)

    def _stands(self, call: _Call, now: int, *, listens: bool = True) -> None:
        self._begin(call, now)
        if call.leg is not None and not call.answered:
            call.leg.stands(now, listens=listens)
            call.answered, call.codec = True, _named(call.agreed)
            self.report(Able(call.id, call.leg.outgoing.presses))
            call.tell(LegAnswered(call.codec))

    def _tell_changed(self, call: _Call) -> None:
        """In mid-call another format, and other things that can be done with it."""
        if call.leg is not None and call.answered:
            self.report(Able(call.id, call.leg.outgoing.presses))
            if call.codec != (codec := _named(call.agreed)):
                call.codec = codec
                call.tell(CodecChanged(codec))

    def pressed(self, call: _Call, key: Digit, way: KeyWay) -> None:
        """A key was, as it is told one way."""
        if call.keys.takes(key.key, key.milliseconds, way, self._clock.now()):
            self.report(Told(call.id, key))

    def seems_gone(self, call: _Call) -> None:
        """Nothing has come for a while: whoever is asked and answers may be silent."""
        self._perform(self.agent.probe(call.name, self._clock.now()))

    def fell_silent(self, call: _Call) -> None:
        """Nothing has come for too long: the caller is gone."""
        call.failed = True
        self._hang_up(call, f"nothing was heard for {self._plan.silent_s:g} s, nor any answer")

    def received(self, call: _Call, data: bytes, source: Address, *, control: bool) -> None:
        """A datagram of a call's sound."""
        now = self.pulse()
        if call.leg is not None:
            try:
                call.leg.receive(data, source, now, control=control)
            except Exception as error:
                self._failed(call, error)
            self._arm(call)

    def _failed(self, call: _Call, error: Exception) -> None:
        """A fault of ours ends the call that it befell, and no other."""
        self.report(LineTrouble(in_words(error), f"call {call.id}"))
        call.failed, call.leg = True, None
        self._hang_up(call, "a fault of ours")

    def sent(self, due: int) -> None:
        """A packet left that was due at ``due``."""
        self._late.append(self._clock.now() - due)
        self._totals["packets"] += 1

    def pulse(self) -> int:
        """Let go whatever is due; what time it is (ns)."""
        now = self._clock.now()
        heap = self._heap
        while heap and heap[0][0] <= now:
            due, _, call = heapq.heappop(heap)
            if call.due == due and call.leg is not None:
                call.due = None
                try:
                    call.leg.tick(now, self._clock.wall())
                except Exception as error:
                    self._failed(call, error)
                self._arm(call)
                now = self._clock.now()
        self._wake()
        return now

    def _arm(self, call: _Call) -> None:
        """Its deadline stands in the heap."""
        due = call.leg.deadline if call.leg is not None else None
        if due != call.due:
            call.due = due
            if due is not None:
                heapq.heappush(self._heap, (due, next(self._numbers), call))
                self._wake()

    def _wake(self) -> None:
        """One timer, for the first of all deadlines."""
        if not self._heap:
            return
        first = self._heap[0][0]
        if self._timer is not None:
            if self._timer_at == first:
                return
            self._timer.cancel()
        self._timer_at = first
        self._timer = self._loop.call_at(first / SECOND, self._rung)

    def _rung(self) -> None:
        self._timer = None
        self.pulse()

    # Small parts

    def _enter(self, call: _Call) -> None:
        self._calls[call.id] = self._names[call.name] = call
        self._totals["calls"] += 1

    def _over(self, call: _Call, status: int, why: str) -> None:
        self._calls.pop(call.id, None)
        self._names.pop(call.name, None)
        leg, call.leg, call.due = call.leg, None, None
        if leg is not None:
            try:
                leg.end(self._clock.now(), self._clock.wall())
            except Exception as error:  # what is left of a call is returned, whatever becomes of its goodbye
                self.report(LineTrouble(in_words(error), f"call {call.id}"))
            self._totals["ignored"] += leg.ignored
            self._totals["strange"] += leg.strange + leg.incoming.strange
        self._totals["unsent"] += call.port.unsent
        call.port.close()
        ours = call.reason is not None and not call.failed
        failed = call.failed or (call.reason is None and status not in (200, 487))
        call.tell(LegEnded(call.reason or why, ours, failed, 0 if status == 200 else status))

    def _perform(self, outputs: Sequence[Output]) -> None:
        self._transport.perform(outputs)

    def _local(self, host: str, port: MediaPort) -> Local:
        session = self._chance.getrandbits(31)
        return Local(host, port.port, self._formats, session, secure=self._plan.secure)

    def _here(self, flow: Flow | None) -> str:
        """The address of ours by which whoever is at ``flow`` reaches us, as it is now."""
        if self._plan.advertised or self._plan.host not in EVERYWHERE:
            return self._plan.advertised or self._plan.host
        behind = [] if flow is None else [flow] if is_address(flow.source[0]) else self._transport.names.newest(flow)
        return own_address(self._plan.host, behind[0].source[0] if behind else "")

    def _count(self) -> None:
        late = sorted(self._late)
        self._late.clear()
        legs = [call.leg for call in self._calls.values() if call.leg is not None]
        values: dict[str, float] = dict(self._totals)
        values |= {
            "calls_now": len(self._calls), "ports": self._ports.used, "dropped_messages": self._transport.dropped,
            "ignored": self._totals["ignored"] + sum(leg.ignored for leg in legs),
        }  # fmt: skip
        values |= {f"requests_dropped_{why}": float(count) for why, count in self.agent.screening.dropped.items()}
        if late:
            values["late_ms_p99"] = milliseconds(late[min(len(late) - 1, len(late) * 99 // 100)])
            values["late_ms_max"] = milliseconds(late[-1])
        refused = self.agent.turned_away.counts(self._clock.now())
        self.report(Counts(values, refused, tuple(self.garbage.take())))
        self._loop.call_later(self._plan.count_s, self._count)


def _listens(plan: LineSetup) -> tuple[tuple[str, int | None], ...]:
    return ("UDP", plan.udp), ("TCP", plan.tcp), ("TLS", plan.tls)


def _free(host: str, port: int) -> int:
    """``port``, or any free one instead of 0: a line names its own in what it sends."""
    if port:
        return port
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind((host, 0))
        return int(found.getsockname()[1])


def _formats(names: Sequence[str]) -> tuple[Format, ...]:
    known = {form.name.lower(): form for form in FORMATS}
    for name in names:
        if name.lower() not in known:
            there = ", ".join(form.name for form in FORMATS)
            raise InputError(f"there is no format {name!r}", where="phone.formats", remedy=f"There are: {there}.")
    return tuple(known[name.lower()] for name in names) or FORMATS


def _warm(formats: Sequence[Format]) -> None:
    """Each codec's libraries load with its first packet, which would be a caller's."""
    for form in formats:
        sound = form.decoder().decode(form.encoder(PACKET_MS).encode(silence(form.packet)))
        if form.rate != RATE:
            StreamResampler(RATE, form.rate).push(silence(RATE // 50))
        if form.rate != HEARD_RATE and len(sound):
            to_ears(form.rate).push(sound)


def _user(address: str) -> str:
    """The user or number of an address; of one that has none, its host."""
    rest = address.partition(":")[2].partition(";")[0].partition("?")[0]
    user, at, _ = rest.rpartition("@")
    return unquote(user.partition(":")[0] if at else rest)


def _is_named(target: str) -> bool:
    """Whether a name is to be looked up before it is called; what is no address is refused later."""
    try:
        uri = uri_of(target)
    except InputError:
        return False
    return uri.scheme != "tel" and not is_address(flow_to(uri).host)


def _named(agreed: Agreed | None) -> str:
    return "" if agreed is None else f"{agreed.format.name}/{agreed.format.clock}"


def _same_key(ours: Description, agreed: Agreed, before: Agreed | None) -> tuple[Description, Agreed]:
    """While their key stays, so does ours: what it has counted goes on."""
    if before is None or before.ours is None or agreed.ours is None or before.theirs != agreed.theirs:
        return ours, agreed
    media = tuple(replace(one, cryptos=(before.ours,)) if one.cryptos else one for one in ours.media)
    return replace(ours, media=media), replace(agreed, ours=before.ours)
