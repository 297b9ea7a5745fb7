"""A caller for tests and benchmarks of the line: a user agent on loopback, with a plain socket for its sound."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from duologue.audio import g711
from duologue.clock import SECOND, SYSTEM_CLOCK
from duologue.phone.media.negotiation import Agreed, Local, accept, answer, offer
from duologue.phone.media.rtp import RtpPacket, is_rtcp
from duologue.phone.media.sdp import Direction
from duologue.phone.media.telephone_events import CLOCK, press
from duologue.phone.sip import call_events as events
from duologue.phone.sip.screening import LineOptions, Rate
from duologue.phone.sip.transport import Listening, Transport
from duologue.phone.sip.user_agent import UserAgent

HOST = "127.0.0.1"
E = TypeVar("E")


def options(port: int = 5060, **more: Any) -> LineOptions:
    """Of a line that tests may call as often as they like."""
    rates = {"INVITE": Rate(1000, 1000), "OPTIONS": Rate(1000, 1000), "REGISTER": Rate(1000, 1000)}
    return LineOptions(host=HOST, port=port, rates=rates, **more)


class _Sound(asyncio.DatagramProtocol):
    def __init__(self, got: Callable[[int, bytes, tuple[str, int]], None]) -> None:
        self._got = got

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._got(SYSTEM_CLOCK.now(), data, addr)


@dataclass
class Caller:
    """``packets`` are those of sound, with when they came (ns) and from where; ``reports`` those of RTCP."""

    agent: UserAgent
    transport: Transport
    sound: asyncio.DatagramTransport
    port: int
    told: list[events.Event] = field(default_factory=list[events.Event])
    packets: list[tuple[int, RtpPacket]] = field(default_factory=list[tuple[int, RtpPacket]])
    reports: list[bytes] = field(default_factory=list[bytes])
    agreed: Agreed | None = None
    name: str = ""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    _number: int = 1000
    _stamp: int = 5_000_000

    def call(self, port: int, extension: str = "16", *, account: str = "", **local: Any) -> str:
        """Call the line at ``port``; an ``account`` goes by its registrar."""
        ours = Local(HOST, self.port, **local)
        self._offer = offer(ours)
        target = f"sip:{extension}@{HOST}:{port}"
        self.name, outputs = self.agent.call(target, self._offer, SYSTEM_CLOCK.now(), account)
        self.transport.perform(outputs)
        return self.name

    def hold(self, direction: Direction) -> None:
        """A re-INVITE."""
        again = offer(Local(HOST, self.port, version=2), direction)
        self.transport.perform(self.agent.offer(self.name, again, SYSTEM_CLOCK.now()))

    def hang_up(self) -> None:
        """BYE, or CANCEL."""
        self.transport.perform(self.agent.hang_up(self.name, SYSTEM_CLOCK.now()))

    def speak(self, payload: bytes, *, kind: int | None = None, marker: bool = False, skip: int = 0,
              ticks: int = 160) -> None:  # fmt: skip
        """Send one packet, ``skip`` lost before it."""
        assert self.agreed is not None
        self._number = self._number + 1 + skip & 0xFFFF
        self._stamp += ticks * skip
        packet = RtpPacket(
            self.agreed.send_type if kind is None else kind, self._number, self._stamp, 77, payload, marker
        )
        self._stamp += ticks
        self.sound.sendto(packet.encode(), (self.agreed.host, self.agreed.port))

    async def press(self, key: str) -> None:
        """A key, as a telephone sends it: an end three times, 20 ms apart as all its packets."""
        assert self.agreed is not None
        begin = SYSTEM_CLOCK.now()
        for number, packet in enumerate(press(key)):
            await SYSTEM_CLOCK.wait_until(begin + packet.after * SECOND // CLOCK)
            self.speak(packet.payload, kind=self.agreed.send_events, marker=not number, ticks=0)

    async def until(self, reached: Callable[[], object], seconds: float = 10.0) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(seconds):
            while not reached():
                self.changed.clear()
                await self.changed.wait()

    def heard(self, kind: type[E]) -> list[E]:
        """What the user agent told of this kind."""
        return [one for one in self.told if isinstance(one, kind)]

    async def chatter(self, payload: bytes, seconds: float) -> None:
        """Send it every 20 ms."""
        begin = SYSTEM_CLOCK.now()
        for number in range(round(seconds * 50)):
            await SYSTEM_CLOCK.wait_until(begin + number * 20_000_000)
            self.speak(payload)

    def tell(self, event: events.Event) -> None:
        self.told.append(event)
        if isinstance(event, events.Answered):
            self.agreed = accept(self._offer, event.answer)
        elif isinstance(event, events.Incoming) and event.offer is not None:
            ours, self.agreed = answer(event.offer, Local(HOST, self.port))
            self.name = event.call
            self.transport.perform(self.agent.accept(event.call, ours, SYSTEM_CLOCK.now()))
        self.changed.set()

    def got(self, at: int, data: bytes, source: tuple[str, int]) -> None:
        if is_rtcp(data):
            self.reports.append(data)
        else:
            self.packets.append((at, RtpPacket.parse(data)))
        self.changed.set()


def loud(one: Caller, since: int = 0, *, level: float = 0.05) -> int:
    """Packets of PCMU with a voice in them, louder than ``level``, that came after ``since`` (ns)."""
    sound = [packet for at, packet in one.packets if at > since and packet.payload_type == 0]
    return sum(bool(np.abs(g711.decode(packet.payload, "mu")).max() > level) for packet in sound)


@contextlib.asynccontextmanager
async def caller() -> AsyncGenerator[Caller]:
    """A new one."""
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as tasks:
        made: list[Caller] = []
        sound, _ = await loop.create_datagram_endpoint(
            lambda: _Sound(lambda at, data, source: made[0].got(at, data, source)), local_addr=(HOST, 0)
        )
        agent = UserAgent(options())
        transport = Transport(agent, SYSTEM_CLOCK, lambda event: made[0].tell(event))
        made.append(Caller(agent, transport, sound, sound.get_extra_info("sockname")[1]))
        await transport.open(Listening(HOST, 0), tasks)
        object.__setattr__(agent.options, "port", transport.ports["UDP"])
        try:
            yield made[0]
        finally:
            transport.close()
            sound.close()
