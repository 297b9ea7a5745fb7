"""Many callers in a process of their own: ``python -m benchmarks.phone.caller PORT CALLS SECONDS [RATE [CYCLE]]``.

They call the line, speak on all calls, and judge what comes by the kernel's own stamps of the packets; what they say
is silence, or ``CYCLE``, a file of µ-law that is said again and again, each call beginning elsewhere in it. With a
``RATE`` calls are placed and ended, so many a second, and it is told how long each took to be answered. One line of
JSON on standard output.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

from benchmarks.phone.packets import pacing, runs
from duologue.clock import MILLISECOND, SECOND, SYSTEM_CLOCK
from duologue.phone.line.process import PreciseSelector
from duologue.phone.media.codecs import PCMU
from duologue.phone.media.negotiation import Agreed, Local, accept, offer
from duologue.phone.media.rtp import RtpPacket, is_rtcp
from duologue.phone.sip import call_events as events
from duologue.phone.sip.screening import LineOptions
from duologue.phone.sip.transport import Listening, Transport
from duologue.phone.sip.user_agent import UserAgent

HOST = "127.0.0.1"
_STAMP = 35
"""SO_TIMESTAMPNS of Linux, which Python does not name."""
_TIME = struct.Struct("@qq")
QUIET = b"\xff" * 160
GRAIN = MILLISECOND
"""What is due within so long is sent with one waking: one for each packet of a hundred calls takes most of a core, and
the line is judged on the same.
"""


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
        """See :class:`~benchmarks.phone.packets.Pacing`."""
        found = pacing(list(self.came.values()))
        most, off = found.p(100), float(np.percentile(found.off, 99)) if len(found.off) else float("nan")
        return {
            "sources": len(self.came), "packets": len(found.late), "p50": found.p(50), "p99": found.p(99), "max": most,
            "off_p99": off, "gap": found.gap, "stall": found.stall, "runs": found.runs,
            "answered": sum(any(runs(packets)) for packets in self.came.values()),
        }  # fmt: skip


class Callers:
    """Many calls from one user agent."""

    def __init__(self, port: int, judge: Judge) -> None:
        self.agreed: dict[str, Agreed] = {}
        self.took: list[float] = []
        self.own: list[float] = []
        """How late each packet of ours was sent (ms): what a busy machine did to the callers themselves."""
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

    async def leave(self) -> None:
        """Hang up whatever stands, and stay until that was heard: who is gone repeats no BYE that was lost."""
        now = SYSTEM_CLOCK.now()
        for name in list(self._begun):
            self.transport.perform(self.agent.hang_up(name, now))
        self.transport.perform(self.agent.drain(now))
        while not self.agent.drained:
            await SYSTEM_CLOCK.wait_until(SYSTEM_CLOCK.now() + 20 * MILLISECOND)
        self.transport.close()

    def _told(self, event: events.Event) -> None:
        if isinstance(event, events.Answered):
            self.took.append((SYSTEM_CLOCK.now() - self._begun[event.call]) / MILLISECOND)
            self.agreed[event.call] = accept(self._offer, event.answer)
            self._more.set()
        elif isinstance(event, events.Ended):
            self.ended += 1

    async def all_answered(self, calls: int) -> None:
        """So many stand. Raises ``TimeoutError`` when they do not within a minute."""
        async with asyncio.timeout(60):
            while len(self.agreed) < calls:
                self._more.clear()
                await self._more.wait()

    async def speak(self, seconds: float, said: list[bytes]) -> None:
        """On all calls, their packets spread over each 20 ms, and what is said spread over its length."""
        targets = [(one.host, one.port) for one in self.agreed.values()]
        begin, count, number = SYSTEM_CLOCK.now(), len(targets), 0
        total = round(seconds * 50) * count
        while number < total:
            await SYSTEM_CLOCK.wait_until(begin + number * 20 * MILLISECOND // count + GRAIN)
            now = SYSTEM_CLOCK.now()
            while number < total and (due := begin + number * 20 * MILLISECOND // count) <= now:
                packet, call = divmod(number, count)
                self.own.append((now - due) / MILLISECOND)
                payload = said[(packet + call * len(said) // count) % len(said)]
                sent = RtpPacket(0, packet & 0xFFFF, packet * 160, 1000 + call, payload)
                self._judge.socket.sendto(sent.encode(), targets[call])
                number += 1
            self._judge.read()


async def _run(port: int, calls: int, seconds: float, rate: float, cycle: bytes) -> dict[str, float]:
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
        begun, used = SYSTEM_CLOCK.now(), SYSTEM_CLOCK.cpu()
        await callers.speak(seconds, [cycle[at : at + 160] for at in range(0, len(cycle), 160)] or [QUIET])
        judge.read()
        over, spoken = SYSTEM_CLOCK.now(), (SYSTEM_CLOCK.cpu() - used) / SECOND
        await callers.leave()
        own = {"own_p99": float(np.percentile(callers.own, 99)), "own_cpu": spoken, "begun": begun, "over": over}
        return {**judge.verdict(), **own}


async def _placed(callers: Callers, calls: int, rate: float) -> dict[str, float]:
    begin = SYSTEM_CLOCK.now()
    standing: list[str] = []
    for number in range(calls):
        await SYSTEM_CLOCK.wait_until(begin + round(number * SECOND / rate))
        standing.append(callers.call())
        if len(standing) > rate:
            callers.hang_up(standing.pop(0))
    await asyncio.sleep(1)
    await callers.leave()
    took = callers.took
    return {
        "answered": len(took), "ended": callers.ended, "p50": float(np.percentile(took, 50)),
        "p99": float(np.percentile(took, 99)), "max": max(took),
    }  # fmt: skip


def main() -> None:
    """See the module."""
    port, calls, seconds, *more = sys.argv[1:]
    rate = float(more[0]) if more else 0.0
    cycle = Path(more[1]).read_bytes() if len(more) > 1 else b""
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(PreciseSelector())) as runner:
        found = runner.run(_run(int(port), int(calls), float(seconds), rate, cycle))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
