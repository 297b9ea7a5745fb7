"""The main process's end of the line: keeps its process, offers its calls, and is the leg of each.

The line is a supervised worker: whatever ends it, another follows at once. Its calls are lost with it (the far ends
hear no BYE and go by their own timers), and each is told so; the next call is answered by the next line.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from typing import cast

from duologue.audio.far_playout import FarEndMessage, Manners
from duologue.child import Worker
from duologue.clock import SECOND, SYSTEM_CLOCK, Clock
from duologue.errors import DuologueError, InputError, PeerError, raise_first
from duologue.ids import unique_id
from duologue.phone.caller_address import known_address
from duologue.phone.leg import (
    CallInfo,
    CodecChanged,
    LegAnswered,
    LegEnded,
    LegEvent,
    Sound,
    TakeCall,
    UnsupportedError,
)  # fmt: skip
from duologue.phone.line import messages as lines
from duologue.phone.media.telephone_events import digits_of
from duologue.phone.sip.header_fields import uri_of
from duologue.priority import raise_child
from duologue.supervision import SupervisionPolicy
from duologue.telemetry.log import get_logger
from duologue.workers import LostError, Supervised

AHEAD = 64 * 1024
"""Bytes of reports that are read before they are asked for (twice that at most): what waits there grows old, and only
the line itself knows what may be dropped of it.
"""
SILENT_LIMIT = 10.0
"""Seconds without a report after which a line is taken for stuck and replaced: it counts every second."""
MOST_EVENTS = 500
"""Events of a call that wait for its reader; of more the oldest sound is dropped."""
LEAVE_MARGIN = 1.0
"""Seconds beyond :attr:`LineSetup.leave_s` that a line has to leave."""
POLICY = SupervisionPolicy(start=20 * SECOND)
MANNERS = Manners(piece_ms=200, buffer_ms=0, same_clock=True)
"""The line plays at the caller's pace, acknowledges what was heard, holds, and says where it stopped."""

News = lines.Ready | lines.RegistrationState | lines.Counts | lines.LineTrouble
log = get_logger(__name__)


async def start_line() -> Worker:
    """A line's process, waiting for its plan."""
    worker = await Worker.start("duologue.phone.line.process", ahead=AHEAD)
    raise_child(worker.pid)  # what is to be there within two seconds loads before others go on
    return worker


class SipLeg:
    """See :class:`~duologue.phone.leg.CallLeg`."""

    def __init__(self, client: LineClient, info: CallInfo) -> None:
        self.dropped = 0
        """Blocks of sound that its reader was too slow for."""
        self.over = False
        self._client = client
        self._info = info
        self._keys: bool | None = None
        self._events: deque[LegEvent] = deque()
        self._more = asyncio.Event()
        self._answered = asyncio.Event()

    @property
    def info(self) -> CallInfo:
        """See the protocol."""
        return self._info

    @property
    def manners(self) -> Manners:
        """See the protocol."""
        return MANNERS

    async def ring(self) -> None:
        """See the protocol."""
        await self._order(lines.Ring(self._info.id))

    async def answer(self) -> None:
        """See the protocol."""
        await self._order(lines.TakeLineCall(self._info.id))
        await self._answered.wait()

    async def refuse(self, status: int, retry_after_s: int = 0) -> None:
        """See the protocol."""
        await self._order(lines.RefuseCall(self._info.id, status, retry_after_s))

    async def write(self, message: FarEndMessage) -> None:
        """See the protocol."""
        await self._order(lines.SayOnCall.of(self._info.id, message))

    async def events(self) -> AsyncIterator[LegEvent]:
        """See the protocol."""
        while True:
            while not self._events:
                self._more.clear()
                await self._more.wait()
            event = self._events.popleft()
            yield event
            if isinstance(event, LegEnded):
                return

    async def digits(self, keys: str) -> None:
        """See the protocol."""
        pressed = digits_of(keys)
        if self._keys is False:
            raise UnsupportedError("the other end takes no digits", where=self._info.peer)
        await self._order(lines.Press(self._info.id, pressed))

    async def refer(self, target: str, headers: Mapping[str, str]) -> None:
        """See the protocol."""
        address = target if ":" in target else f"sip:{target}@{self._client.domain(self._info)}"
        uri_of(address)
        await self._order(lines.Refer(self._info.id, address, dict(headers)))

    async def hang_up(self, reason: str) -> None:
        """See the protocol."""
        await self._order(lines.HangUpCall(self._info.id, reason))

    def told(self, event: LegEvent | lines.Able) -> None:
        """Of the client: something came for this call."""
        if self.over:
            return
        match event:
            case lines.Able(_, keys):
                self._keys = keys
                return
            case LegAnswered(codec):
                self._info = replace(self._info, codec=codec)
                self._answered.set()
            case CodecChanged(codec):
                self._info = replace(self._info, codec=codec)
            case LegEnded():
                self.over = True
                self._answered.set()
            case Sound() if len(self._events) >= MOST_EVENTS:
                self._drop_oldest()
            case _:
                pass
        self._events.append(event)
        self._more.set()

    async def _order(self, order: lines.LineOrder) -> None:
        if not self.over:
            await self._client.send(order)

    def _drop_oldest(self) -> None:
        for place, event in enumerate(self._events):
            if isinstance(event, Sound):
                del self._events[place]
                self.dropped += 1
                return


class LineClient:
    """A line that is always there. Run :meth:`run`; everything else may be called at any time.

    ``take`` holds each call that is offered, in a task of :meth:`run`'s; ``tell`` has whatever else is reported.
    """

    def __init__(
        self, plan: lines.LineSetup, take: TakeCall, tell: Callable[[News], None], clock: Clock = SYSTEM_CLOCK,
        start: Callable[[], Awaitable[Worker]] = start_line,
    ) -> None:  # fmt: skip
        self.ready = asyncio.Event()
        self.ports: dict[str, int] = {}
        """Of SIP, by transport, while it is ready."""
        self.registrations: dict[str, lines.RegistrationState] = {}
        self.counts: Mapping[str, float] = {}
        self.worker = Supervised(
            "line", self._launch, self._greet, purpose="SIP and the sound of calls", policy=POLICY, clock=clock,
            busy=lambda: bool(self._legs), leave=plan.leave_s + LEAVE_MARGIN, dismiss=self._dismiss,
            remedies={0: "It is replaced."},
        )  # fmt: skip
        self._plan = plan
        self._take, self._tell = take, tell
        self._clock, self._start = clock, start
        self._legs: dict[str, SipLeg] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._draining = False
        self._refusing = 0
        self._refused: InputError | None = None

    # What its owner wants

    async def run(self) -> None:
        """Keep a line until cancelled; then end its calls politely.

        Raises :class:`InputError` when the very first one refuses its plan: no restart mends it.
        """
        first = True
        try:
            async with asyncio.TaskGroup() as self._tasks:
                while True:
                    try:
                        await self._serve()
                    except LostError as lost:
                        log.error("line.died", error=str(lost), restarts=self.worker.restarts)
                        self._mourn("the line process died")
                        if first and self._refused is not None:
                            raise self._refused from None
                    first = first and not self.ports
        except BaseExceptionGroup as errors:
            raise_first(errors)
        finally:
            await self._leave()

    async def dial(self, target: str, account: str = "", headers: Mapping[str, str] | None = None) -> SipLeg:
        """Call ``target``, as ``account``; it returns at once, and its events tell how it goes.

        Raises :class:`InputError` for an address that is none, :class:`PeerError` while there is no line.
        """
        uri = uri_of(target)
        caller = account or self._plan.options.user
        name = unique_id(self._clock.wall())
        called, address = uri.user or uri.host, known_address(target)
        info = CallInfo(id=name, caller=caller, called=called, address=address, account=account, outgoing=True)
        leg = self._legs[name] = SipLeg(self, info)
        try:
            await self.send(lines.Dial(name, target, account, dict(headers or {})))
        except (PeerError, asyncio.CancelledError):
            self._legs.pop(name, None)
            raise
        return leg

    async def drain(self) -> None:
        """No further calls; those that stand go on."""
        self._draining = True
        self._put_if_ready(lines.Drain())

    def refuses(self, status: int) -> None:
        """Calls are refused with ``status`` from now on (0: they are taken): the line tells who asks."""
        if status != self._refusing:
            self._refusing = status
            self._put_if_ready(lines.Refusing(status))

    @property
    def calls(self) -> int:
        """That are not over."""
        return len(self._legs)

    # What its legs need

    async def send(self, order: lines.LineOrder) -> None:
        """Give an order. Raises :class:`PeerError` while there is no line."""
        worker = self.worker.worker
        if worker is None or not self.ready.is_set():
            raise PeerError("there is no line", where="phone", remedy="It is started again; try once more.")
        await worker.send(order)

    def domain(self, info: CallInfo) -> str:
        """Of whom a user without a domain is to be found: the account's, else where the call comes from."""
        domains = {one.name: one.domain for one in self._plan.accounts}
        return domains.get(info.account) or info.peer

    def _put_if_ready(self, order: lines.LineOrder) -> None:
        """Whoever gives an order to the line as such waits for none that is stopped. The next line is told anew."""
        worker = self.worker.worker
        if worker is not None and self.ready.is_set():
            worker.put(order)

    # The worker

    async def _launch(self) -> Worker:
        return await self._start()

    async def _greet(self, worker: Worker) -> None:
        await worker.send(self._plan)
        while not self.ready.is_set():
            self._taken(await worker.receive())
        if self._refusing:
            await worker.send(lines.Refusing(self._refusing))
        if self._draining:
            await worker.send(lines.Drain())

    async def _serve(self) -> None:
        worker = await self.worker.running()
        while True:
            batch = await self.worker.receive(worker, SILENT_LIMIT)
            try:
                self._taken(batch)
            except PeerError as error:
                raise await self.worker.lose(worker, error) from error

    def _dismiss(self) -> None:
        self._put_if_ready(lines.LineShutdown())

    def _mourn(self, why: str) -> None:
        self.ready.clear()
        self.registrations.clear()
        legs, self._legs = self._legs, {}
        for leg in legs.values():
            leg.told(LegEnded(why, failed=True))

    async def _leave(self) -> None:
        self._tasks = None  # whoever is offered now is held by nobody: the line sends them away as it leaves
        worker = self.worker.worker
        if worker is not None:
            try:
                async with asyncio.timeout(self._plan.leave_s + LEAVE_MARGIN):
                    worker.put(lines.LineShutdown())
                    while True:
                        self._taken(await worker.receive())
            except (DuologueError, TimeoutError):
                pass  # it has left: that is how its last reports end
        self._mourn("the line was closed")
        await self.worker.close()

    # Reports

    def _taken(self, batch: object) -> None:
        assert isinstance(batch, tuple)
        for report in cast(tuple[object, ...], batch):
            self._report(report)

    def _report(self, report: object) -> None:
        match report:
            case lines.CallHeard(call):
                if (leg := self._legs.get(call)) is not None:
                    leg.told(report.event)
            case lines.Told(call, event):
                if (leg := self._legs.get(call)) is not None:
                    leg.told(event)
                    if leg.over:
                        del self._legs[call]
            case lines.Able(call):
                if (leg := self._legs.get(call)) is not None:
                    leg.told(report)
            case lines.CallOffered(info):
                self._offered(info)
            case lines.LineProcessFailed(what, where, remedy, refused):
                if refused:
                    self._refused = InputError(what, where=where, remedy=remedy)
                raise PeerError(what, where=where, remedy=remedy)
            case lines.Ready() | lines.RegistrationState() | lines.Counts() | lines.LineTrouble():
                self._note(report)
            case _:
                log.error("line.unknown_report", kind=type(report).__name__)

    def _offered(self, info: CallInfo) -> None:
        if self._tasks is None:
            return
        leg = self._legs[info.id] = SipLeg(self, info)
        self._tasks.create_task(self._held(leg))

    async def _held(self, leg: SipLeg) -> None:
        await self._take(leg)
        if not leg.over:
            try:
                await leg.hang_up("nobody holds it")
            except PeerError:
                pass  # its end is told all the same

    def _note(self, report: News) -> None:
        match report:
            case lines.Ready(ports):
                self.ports = dict(ports)
                self.ready.set()
            case lines.RegistrationState(account):
                self.registrations[account] = report
            case lines.Counts(values):
                self.counts = values
            case lines.LineTrouble(what, where):
                log.warning("line.trouble", what=what, where=where)
        self._tell(report)
