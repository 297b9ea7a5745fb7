"""The other end of the phone benchmark, a process of its own: ``python -m benchmarks.phone_caller PORT CALLS SECONDS``.

It calls the line, speaks on all calls, and judges what comes by the kernel's own stamps of the packets; or, with
``RATE`` calls a second as a fourth argument, it places and ends calls, and says how long each took to be answered. One
line of JSON on standard output.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import sys
from collections import defaultdict

import numpy as np

from duologue.clock import MILLISECOND, SECOND, SYSTEM_CLOCK
from duologue.phone import call_events as events
from duologue.phone.codecs import PCMU
from duologue.phone.line_process import PreciseSelector
from duologue.phone.negotiation import Agreed, Local, accept, offer
from duologue.phone.rtp import RtpPacket, is_rtcp
from duologue.phone.screening import LineOptions
from duologue.phone.transport import Listening, Transport
from duologue.phone.user_agent import UserAgent

HOST = "127.0.0.1"
_STAMP = 35
"""SO_TIMESTAMPNS of Linux, which Python does not name."""
_TIME = struct.Struct("@qq")
QUIET = b"\xff" * 160


class Judge:
    """All calls on one socket, told apart by their sources."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, _STAMP, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.socket.bind((HOST, 0))
        self.socket.setblocking(False)
        self.port = int(self.socket.getsockname()[1])
        self.came: dict[int, list[tuple[int, int]]] = defaultdict(list)

    def read(self) -> None:
        """All that is there."""
        while True:
            try:
                data, more, _, _ = self.socket.recvmsg(2048, 64)
            except BlockingIOError:
                return
            if is_rtcp(data):
                continue
            seconds, nanoseconds = _TIME.unpack(more[0][2][: _TIME.size])
            packet = RtpPacket.parse(data)
            if packet.payload != QUIET or packet.ssrc in self.came:  # what opened the way is no speech
                self.came[packet.ssrc].append((seconds * SECOND + nanoseconds, packet.timestamp))

    def verdict(self) -> dict[str, float]:
        """Lateness of each packet against the earliest of its source, and the longest gap (ms)."""
        late: list[float] = []
        gap = 0.0
        for packets in self.came.values():
            times = np.array([at for at, _ in packets], np.float64) / MILLISECOND
            stamps = np.array([(stamp - packets[0][1]) % (1 << 32) for _, stamp in packets], np.float64) / 8
            error = times - times[0] - stamps
            late.extend((error - error.min()).tolist())
            gap = max(gap, float(np.diff(times).max()))
        return {
            "sources": len(self.came), "packets": len(late), "p50": float(np.percentile(late, 50)),
            "p99": float(np.percentile(late, 99)), "max": max(late), "gap": gap,
        }  # fmt: skip


class Callers:
    """Many calls from one user agent."""

    def __init__(self, port: int, judge: Judge) -> None:
        self.agreed: dict[str, Agreed] = {}
        self.took: list[float] = []
        self.ended = 0
        self.agent = UserAgent(LineOptions(host=HOST, port=0))
        self.transport = Transport(self.agent, SYSTEM_CLOCK, self._told)
        self._port, self._judge = port, judge
        self._offer = offer(Local(HOST, judge.port, (PCMU,)))
        self._begun: dict[str, int] = {}
        self._more = asyncio.Event()

    def call(self) -> str:
        """One more."""
        now = SYSTEM_CLOCK.now()
        name, outputs = self.agent.call(f"sip:16@{HOST}:{self._port}", self._offer, now)
        self._begun[name] = now
        self.transport.perform(outputs)
        return name

    def hang_up(self, name: str) -> None:
        """One less."""
        self.transport.perform(self.agent.hang_up(name, SYSTEM_CLOCK.now()))

    def _told(self, event: events.Event) -> None:
        if isinstance(event, events.Answered):
            self.took.append((SYSTEM_CLOCK.now() - self._begun[event.call]) / MILLISECOND)
            self.agreed[event.call] = accept(self._offer, event.answer)
            self._more.set()
        elif isinstance(event, events.Ended):
            self.ended += 1

    async def all_answered(self, calls: int) -> None:
        """So many stand."""
        while len(self.agreed) < calls:
            self._more.clear()
            await self._more.wait()

    async def speak(self, seconds: float) -> None:
        """On all calls, their packets spread over each 20 ms."""
        targets = [(one.host, one.port) for one in self.agreed.values()]
        begin, count = SYSTEM_CLOCK.now(), len(targets)
        for number in range(round(seconds * 50) * count):
            packet, call = divmod(number, count)
            await SYSTEM_CLOCK.wait_until(begin + number * 20 * MILLISECOND // count)
            sent = RtpPacket(0, packet & 0xFFFF, packet * 160, 1000 + call, QUIET)
            self._judge.socket.sendto(sent.encode(), targets[call])
            self._judge.read()


async def _run(port: int, calls: int, seconds: float, rate: float) -> dict[str, float]:
    judge = Judge()
    async with asyncio.TaskGroup() as tasks:
        callers = Callers(port, judge)
        await callers.transport.open(Listening(HOST, 0), tasks)
        object.__setattr__(callers.agent.options, "port", callers.transport.ports["UDP"])
        if rate:
            return await _placed(callers, calls, rate)
        for _ in range(calls):
            callers.call()
            await asyncio.sleep(0.02)
        await callers.all_answered(calls)
        await callers.speak(seconds)
        judge.read()
        for name in list(callers.agreed):
            callers.hang_up(name)
        await asyncio.sleep(0.3)
        callers.transport.close()
        return judge.verdict()


async def _placed(callers: Callers, calls: int, rate: float) -> dict[str, float]:
    begin = SYSTEM_CLOCK.now()
    standing: list[str] = []
    for number in range(calls):
        await SYSTEM_CLOCK.wait_until(begin + round(number * SECOND / rate))
        standing.append(callers.call())
        if len(standing) > rate:
            callers.hang_up(standing.pop(0))
    await asyncio.sleep(1)
    for name in standing:
        callers.hang_up(name)
    await asyncio.sleep(0.5)
    callers.transport.close()
    took = callers.took
    return {
        "answered": len(took), "ended": callers.ended, "p50": float(np.percentile(took, 50)),
        "p99": float(np.percentile(took, 99)), "max": max(took),
    }  # fmt: skip


def main() -> None:
    """See the module."""
    port, calls, seconds, *rate = sys.argv[1:]
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(PreciseSelector())) as runner:
        found = runner.run(_run(int(port), int(calls), float(seconds), float(rate[0]) if rate else 0.0))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
