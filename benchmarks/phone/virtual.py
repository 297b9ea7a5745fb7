"""A whole line on virtual time, in one process: hours of calls in minutes.

The line process's own program runs beside the house's part of it, on one loop that jumps to the next timer; between
them goes a queue in the pipe's place. SIP and RTP go over real sockets of the loopback interface, which hand a packet
over at once, so that nothing is ever under way when time jumps. Only the engines are doubles.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast
from unittest.mock import patch

from benchmarks.phone.zero import engines, settings_of
from duologue.app.admission import Admission
from duologue.app.bus import Bus
from duologue.app.calls.line import LinePart, News
from duologue.app.engines.engines import EnginePool
from duologue.app.house.shared import Shared
from duologue.app.models import StateEvent, StateView
from duologue.child import Worker
from duologue.clock import SECOND, Clock
from duologue.errors import ClosedError, PeerError
from duologue.phone.leg import TakeCall
from duologue.phone.line import process as line_process
from duologue.phone.line.client import LineClient
from duologue.phone.line.line import LineProcess
from duologue.phone.line.messages import LineReport, LineSetup, LineTrouble
from duologue.simulation.virtual_time import LoopClock
from duologue.telemetry.ledger import Entry
from duologue.telemetry.stream import Ledger

SETTINGS = """
[phone]
listen = "127.0.0.1:0"
greeting = "Hello there."
places = 200
codecs = ["pcmu"]
media_ports = [{first}, {last}]
silence_seconds = {silence}
lost_seconds = 10
"""
FIRST, LAST = 33_000, 33_999
_END = object()


class _Pipe:
    """One direction of it."""

    def __init__(self) -> None:
        self._messages: asyncio.Queue[object] = asyncio.Queue()
        self.ended = False

    def put(self, message: object) -> None:
        self._messages.put_nowait(message)

    async def get(self) -> object:
        message = _END if self.ended and self._messages.empty() else await self._messages.get()
        if message is _END:
            self.ended = True
            raise ClosedError("the other end is gone")
        return message


class _Channel:
    """The line's end: a :class:`~duologue.child.LoopChannel`."""

    unsent = 0

    def __init__(self, orders: _Pipe, reports: _Pipe) -> None:
        self._orders, self._reports = orders, reports

    async def receive(self) -> object:
        return await self._orders.get()

    def send(self, message: object) -> None:
        self._reports.put(message)


class _InnerWorker:
    """The house's end: a :class:`~duologue.child.Worker` that is no process."""

    module = "duologue.phone.line.process"
    signal = 0

    def __init__(self, clock: Clock, group: asyncio.TaskGroup) -> None:
        self.taken = 0
        self.pid = os.getpid()
        self._orders, self._reports = _Pipe(), _Pipe()
        self._task = group.create_task(self._run(clock))

    @property
    def alive(self) -> bool:
        return not self._task.done()

    @property
    def gone(self) -> bool:
        return self._reports.ended

    def put(self, message: object) -> None:
        self._orders.put(message)

    async def send(self, message: object) -> None:
        if self._task.done():
            raise await self.death()
        self.put(message)

    async def receive(self) -> object:
        try:
            report = await self._reports.get()
        except ClosedError:
            raise await self.death() from None
        self.taken += 1
        return report

    async def close(self, patience: float = 2.0) -> None:
        self._orders.put(_END)
        try:
            async with asyncio.timeout(patience):
                await asyncio.wait([self._task])
        except TimeoutError:
            self.kill()

    def kill(self) -> None:
        self._task.cancel()

    async def death(self) -> PeerError:
        return PeerError("the line is over", where="virtual time")

    async def _run(self, clock: Clock) -> None:
        try:
            await line_process.serve(cast(Any, _Channel(self._orders, self._reports)), clock)
        finally:
            self._reports.put(_END)


@dataclass
class VirtualLine:
    """One that takes calls at ``port``. ``troubles`` are what the line process told of, and should not."""

    part: LinePart
    clock: LoopClock
    port: int
    process: LineProcess
    entries: list[Entry] = field(default_factory=list[Entry])
    troubles: list[str] = field(default_factory=list[str])

    @property
    def rest(self) -> dict[str, int]:
        """What is not at rest, by name; all of it is 0 when no call is there."""
        calls, transactions, requests, invitations = self.process.agent.state
        return {
            "calls of the house": len(self.part.live()), "calls of SIP": calls, "transactions": transactions,
            "requests": requests, "invitations": invitations, "ports": round(self.part.counts.get("ports", 0)),
        }  # fmt: skip


@asynccontextmanager
async def virtual_line(makes: Mapping[str, object], clock: LoopClock, silence: int = 60) -> AsyncGenerator[VirtualLine]:
    """One with the engines of ``makes`` (see :func:`~benchmarks.phone.zero.engines`)."""
    lines: list[LineProcess] = []
    clients: list[LineClient] = []
    troubles: list[str] = []

    class Known(LineProcess):
        def __init__(self, plan: LineSetup, clock: Clock, report: Callable[[LineReport], None]) -> None:
            super().__init__(plan, clock, report)
            lines.append(self)

    def make(plan: LineSetup, take: TakeCall, tell: Callable[[News], None], clock: Clock) -> LineClient:
        async def start() -> Worker:
            return cast(Worker, _InnerWorker(clock, group))

        def told(news: News) -> None:
            if isinstance(news, LineTrouble):
                troubles.append(f"{news.what} ({news.where})")
            tell(news)

        clients.append(LineClient(plan, take, told, clock, start))
        return clients[-1]

    await clock.wait_until(SECOND)  # a record's 0 means unknown
    settings = settings_of(SETTINGS.format(first=FIRST, last=LAST, silence=silence))
    with engines(makes), patch.object(line_process, "LineProcess", Known):
        pool = EnginePool(settings)
        bus = Bus(lambda topics: StateEvent(state=StateView()), "bus").topic("line")
        ledger, entries = Ledger(clock), list[Entry]()
        ledger.watch(entries.append)
        part = LinePart(settings, Shared(pool, Admission(pool.at_once), ledger, clock), bus, carrier=make)
        async with asyncio.TaskGroup() as group, pool.open(), asyncio.TaskGroup() as inner:
            running = inner.create_task(part.run())
            while part.ready():
                await clock.wait_until(clock.now() + SECOND // 20)
            yield VirtualLine(part, clock, clients[0].ports["UDP"], lines[0], entries, troubles)
            running.cancel()
