"""A line process's own loop, and telephones on a script that talk with it over real sockets of loopback, in time that
passes as fast as they do.
"""

from __future__ import annotations

import asyncio
import contextlib
import selectors
import socket
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sipmessage import Request, Response

from duologue.errors import InternalError
from duologue.phone.leg import CallInfo, LegEnded, LegEvent
from duologue.phone.line.line import LineProcess
from duologue.phone.line.messages import CallOffered, LineReport, LineSetup, LineTrouble, Told
from duologue.phone.media.rtp import RtpPacket, is_rtcp
from duologue.phone.sip import message as sip
from duologue.phone.sip.message import Message
from duologue.phone.sip.screening import LineOptions, Rate
from duologue.simulation.virtual_time import LoopClock, VirtualLoop

HOST = "127.0.0.1"
T = TypeVar("T")
E = TypeVar("E")


class _LoopbackSelector(selectors.DefaultSelector):
    """Jumps as a virtual loop's does, but never while something is on its way over loopback: what comes by it comes in
    order, so a datagram to oneself is there after all that was sent before it.
    """

    elapsed = 0.0

    def __init__(self) -> None:
        super().__init__()
        self._messenger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._messenger.bind((HOST, 0))
        self._messenger.connect(self._messenger.getsockname())
        self._messenger.settimeout(60)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        self._messenger.send(b"?")
        self._messenger.recv(1)
        late = timeout is None or timeout >= 0.1  # a busy machine brings some a moment later, out of order
        ready = super().select(0.003 if late else 0)
        if ready:
            return ready
        if timeout is None:
            raise InternalError("deadlock: every task waits and no timer is set", where="virtual time")
        self.elapsed += timeout
        return ready

    def close(self) -> None:
        self._messenger.close()
        super().close()


class LoopbackLoop(VirtualLoop):
    """A virtual loop with real sockets."""

    def __init__(self) -> None:
        self._jumping = _LoopbackSelector()  # type: ignore[assignment]
        asyncio.SelectorEventLoop.__init__(self, self._jumping)


def on_loopback(work: Coroutine[Any, Any, T]) -> T:
    """Run it in time of its own."""
    with asyncio.Runner(loop_factory=LoopbackLoop) as runner:
        return runner.run(work)


def options(**more: Any) -> LineOptions:
    rates = {"INVITE": Rate(1000, 1000), "OPTIONS": Rate(1000, 1000), "REGISTER": Rate(1000, 1000)}
    return LineOptions(host=HOST, port=0, rates=rates, other_rate=Rate(1000, 1000), **more)


def sdp(port: int, *formats: str, direction: str = "sendrecv", host: str = HOST, version: int = 1, more: str = "",
        protocol: str = "RTP/AVP") -> str:  # fmt: skip
    """``formats`` as "0 PCMU/8000"."""
    lines = [
        "v=0", f"o=- 7 {version} IN IP4 {HOST}", "s=-", f"c=IN IP4 {host}", "t=0 0",
        f"m=audio {port} {protocol} {' '.join(each.split()[0] for each in formats)}",
        *(f"a=rtpmap:{each}" for each in formats), *more.split("\n"), f"a={direction}",
    ]  # fmt: skip
    return "".join(f"{line}\r\n" for line in lines if line)


async def _until(reached: Callable[[], object], news: asyncio.Event, seconds: float, so_far: Sequence[object]) -> None:
    """Raises :class:`AssertionError`, with what came ``so_far``."""
    try:
        async with asyncio.timeout(seconds):
            while not reached():
                news.clear()
                await news.wait()
    except TimeoutError:
        raise AssertionError(f"{seconds:g} s went by, and all that came is {so_far}") from None


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, take: Callable[[bytes, tuple[str, int]], None]) -> None:
        self._take = take

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._take(data, addr)


@dataclass
class Telephone:
    """One whose every message is written by hand, for one call. ``got`` is what the line sent."""

    line: tuple[str, int]
    signals: asyncio.DatagramTransport
    sound: asyncio.DatagramTransport
    got: list[Message] = field(default_factory=list[Message])
    heard: list[RtpPacket] = field(default_factory=list[RtpPacket])
    heard_from: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    news: asyncio.Event = field(default_factory=asyncio.Event)
    remote: str = ""
    """The tag of the line."""
    local: str = "me"
    number: int = 1
    invite: str = ""
    call_id: str = "call-of-the-telephone"
    sequence: int = 100
    stamp: int = 9000

    @property
    def port(self) -> int:
        return self.signals.get_extra_info("sockname")[1]

    @property
    def sound_port(self) -> int:
        return self.sound.get_extra_info("sockname")[1]

    def take(self, data: bytes, source: tuple[str, int]) -> None:
        if data.strip():
            self.got.append(sip.read(data))
            self.news.set()

    def listen(self, data: bytes, source: tuple[str, int]) -> None:
        if not is_rtcp(data):
            self.heard.append(RtpPacket.parse(data))
            self.heard_from.append(source)
            self.news.set()

    def request(
        self, method: str, body: str = "", *headers: str, number: int | None = None, branch: str = "",
        kind: str = "application/sdp",
    ) -> str:  # fmt: skip
        """Send one; its branch. An ACK and a CANCEL have the number of the newest INVITE."""
        if method not in ("ACK", "CANCEL"):
            self.number += 1
        number = self.number if number is None else number
        branch = branch or f"z9hG4bK{method}{number}"
        if method == "INVITE":
            self.invite = branch
        to = f"<sip:16@{HOST}>" + (f";tag={self.remote}" if self.remote and method != "CANCEL" else "")
        via = f"Via: SIP/2.0/UDP {HOST}:{self.port};branch={branch};rport"
        lines = [
            f"{method} sip:16@{HOST}:{self.line[1]} SIP/2.0", via,
            f"From: <sip:me@{HOST}>;tag={self.local}", f"To: {to}", f"Call-ID: {self.call_id}",
            f"CSeq: {number} {method}", "Max-Forwards: 70", f"Contact: <sip:me@{HOST}:{self.port}>",
            "Supported: timer, 100rel", *headers, *([f"Content-Type: {kind}"] if body else []),
            f"Content-Length: {len(body)}",
        ]  # fmt: skip
        self.signals.sendto(("\r\n".join(lines) + "\r\n\r\n" + body).encode(), self.line)
        return branch

    def cancel(self, number: int) -> str:
        """Of the newest INVITE, which had this number."""
        return self.request("CANCEL", number=number, branch=self.invite)

    def respond(self, request: Request, status: int, body: str = "", *headers: tuple[str, str]) -> None:
        more = [*headers, ("Contact", f"<sip:me@{HOST}:{self.port}>")]
        if body:
            more.append(("Content-Type", "application/sdp"))
        self.signals.sendto(sip.write(sip.respond(request, status, more, body.encode(), tag=self.local)), self.line)

    def ack(self, body: str = "", number: int | None = None) -> None:
        self.request("ACK", body, number=self.number if number is None else number, branch=f"z9hG4bKack{self.number}")

    def say(
        self, kind: int, payload: bytes, *, source: int = 5, ticks: int = 160, to: int, marker: bool = False
    ) -> None:
        """A packet of sound."""
        self.sequence, self.stamp = self.sequence + 1, self.stamp + ticks
        packet = RtpPacket(kind, self.sequence, self.stamp, source, payload, marker)
        self.sound.sendto(packet.encode(), (HOST, to))

    async def until(self, reached: Callable[[], object], seconds: float = 60) -> None:
        await _until(reached, self.news, seconds, self.got)

    async def messages(self) -> AsyncGenerator[Message]:
        """All that came, and whatever still does."""
        number = 0
        while True:
            while number < len(self.got):
                yield self.got[number]
                number += 1
            self.news.clear()
            await self.news.wait()

    async def answer(self, method: str, status: int = 0, number: int | None = None) -> Response:
        """The next response to a request of ours, the final one unless ``status`` says which."""

        def found() -> Response | None:
            for message in self.got:
                if isinstance(message, Response) and message.cseq.method == method:
                    right = message.code == status if status else message.code >= 200
                    if right and number in (None, message.cseq.sequence):
                        return message
            return None

        await self.until(found)
        response = found()
        assert response is not None
        self.remote = sip.recipient(response).tag or self.remote
        return response

    async def asked(self, method: str) -> Request:
        """The first request of the line's of this kind."""
        await self.until(lambda: self.asks(method))
        request = self.asks(method)[0]
        if request.method == "INVITE" and not self.remote:
            self.remote, self.call_id = sip.sender(request).tag, request.call_id
        return request

    def asks(self, method: str) -> list[Request]:
        return [each for each in self.got if isinstance(each, Request) and each.method == method]

    def finals(self) -> dict[tuple[int, str], set[int]]:
        """The final answers to each request of ours: one each, however often it came."""
        found: dict[tuple[int, str], set[int]] = {}
        for each in self.got:
            if isinstance(each, Response) and each.code >= 200:
                found.setdefault((each.cseq.sequence, each.cseq.method), set()).add(each.code)
        return found


@dataclass
class Line:
    """A line process in this one, and what it reported. ``troubles`` has the faults of ours where some are expected."""

    process: LineProcess
    tasks: set[asyncio.Task[Any]]
    reports: list[LineReport] = field(default_factory=list[LineReport])
    news: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0
    troubles: list[LineTrouble] | None = None

    def take(self, report: LineReport) -> None:
        if isinstance(report, LineTrouble) and self.troubles is not None:
            self.troubles.append(report)
            return
        assert not isinstance(report, LineTrouble), report
        self.reports.append(report)
        self.news.set()

    def told(self, kind: type[E]) -> list[E]:
        return [each.event for each in self.reports if isinstance(each, Told) and isinstance(each.event, kind)]

    @property
    def events(self) -> list[LegEvent]:
        return [each.event for each in self.reports if isinstance(each, Told)]

    @property
    def offered(self) -> list[CallInfo]:
        return [each.info for each in self.reports if isinstance(each, CallOffered)]

    async def until(self, reached: Callable[[], object], seconds: float = 60) -> None:
        await _until(reached, self.news, seconds, self.reports)

    async def rests(self) -> None:
        """The call ended once, and nothing of it is left: no port, no call, no transaction, no task."""
        await self.until(lambda: self.told(LegEnded))
        await asyncio.sleep(70)  # longer than any timer of SIP
        assert len(self.told(LegEnded)) == 1 and isinstance(self.events[-1], LegEnded), self.events
        process = self.process
        assert process._ports.used == 0 and process.agent.calls == 0  # pyright: ignore[reportPrivateUsage]
        assert process.agent.state == (0, 0, 0, 0), process.agent.state
        assert not (process._calls or process._names), "a call is stuck"  # pyright: ignore[reportPrivateUsage]
        left = {task for task in asyncio.all_tasks() if not task.done()} - self.tasks
        assert not left, left


@contextlib.asynccontextmanager
async def line(formats: Sequence[str] = ("PCMU",), **more: Any) -> AsyncGenerator[Line]:
    """A line that listens."""
    more.setdefault("silent_s", 500.0)
    await asyncio.sleep(1)  # a clock of a machine does not begin at nothing
    plan = LineSetup(options=more.pop("options", options()), udp=0, first_port=25_000, last_port=25_100,
                     formats=tuple(formats), **more)  # fmt: skip
    made: list[Line] = []
    async with asyncio.TaskGroup() as tasks:
        process = LineProcess(plan, LoopClock(), lambda report: made[0].take(report))
        made.append(Line(process, set()))
        ready = await process.open(tasks)
        made[0].port = ready.ports["UDP"]
        made[0].tasks = {task for task in asyncio.all_tasks() if not task.done()}
        try:
            yield made[0]
        finally:
            await process.leave("the test is over")


@contextlib.asynccontextmanager
async def telephone(port: int) -> AsyncGenerator[Telephone]:
    """One that talks with the line at ``port``."""
    loop = asyncio.get_running_loop()
    made: list[Telephone] = []
    signals, _ = await loop.create_datagram_endpoint(
        lambda: _Datagrams(lambda data, source: made[0].take(data, source)), local_addr=(HOST, 0)
    )
    sound, _ = await loop.create_datagram_endpoint(
        lambda: _Datagrams(lambda data, source: made[0].listen(data, source)), local_addr=(HOST, 0)
    )
    made.append(Telephone((HOST, port), signals, sound))
    try:
        yield made[0]
    finally:
        signals.close()
        sound.close()
