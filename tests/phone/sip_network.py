"""User agents on a simulated network with a clock of its own: packets are lost, doubled, delayed and overtaken."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from duologue.clock import MILLISECOND, SECOND
from duologue.phone.media.negotiation import Local, answer, offer
from duologue.phone.media.sdp import Description
from duologue.phone.sip import call_events as events
from duologue.phone.sip import message as sip
from duologue.phone.sip.screening import LineOptions
from duologue.phone.sip.transactions import Flow
from duologue.phone.sip.user_agent import Output, Transmit, UserAgent

Reaction = Callable[["Station", events.Event], None]


def description(host: str = "192.0.2.1", port: int = 4000) -> Description:
    return offer(Local(host, port))


@dataclass
class Network:
    """``loss`` and ``double`` are probabilities, ``delay`` the range of a packet's travel (ms)."""

    seed: int = 0
    loss: float = 0.0
    double: float = 0.0
    delay: tuple[int, int] = (10, 10)
    now: int = 0
    stations: dict[tuple[str, int], Station] = field(default_factory=dict[tuple[str, int], "Station"])
    trace: list[str] = field(default_factory=list[str])
    damage: Callable[[bytes], bytes] = bytes

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0

    def at(self, when: int, action: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._queue, (when, self._count, action))

    def carry(self, data: bytes, source: Flow, flow: Flow) -> None:
        if not data.strip():
            return
        self.trace.append(
            data.split(b"\r\n")[0].decode(errors="replace").removesuffix(" SIP/2.0").removeprefix("SIP/2.0 ")
        )
        station = self.stations.get((flow.host, flow.port))
        lost = not flow.reliable and self.random.random() < self.loss
        if station is None or lost:
            return
        for _ in range(2 if not flow.reliable and self.random.random() < self.double else 1):
            travel = self.random.randint(*self.delay) if not flow.reliable else self.delay[0]
            arrived = self.damage(data)
            self.at(self.now + travel * MILLISECOND, lambda arrived=arrived: station.get(arrived, source))

    def run(self, seconds: float = 10_000) -> None:
        """Until nothing is left to do, or for so long."""
        end = self.now + round(seconds * SECOND)
        while True:
            waits = [(at, station) for station in self.stations.values() if (at := station.agent.deadline) is not None]
            due = min(waits, key=lambda one: one[0], default=None)
            head = self._queue[0][0] if self._queue else None
            if due is not None and (head is None or due[0] <= head):
                if due[0] > end:
                    break
                self.now = max(self.now, due[0])
                due[1].take(due[1].agent.tick(self.now))
            elif head is not None and head <= end:
                when, _, action = heapq.heappop(self._queue)
                self.now = max(self.now, when)
                action()
            else:
                break
        self.now = (
            max(self.now, end) if self._queue or any(one.agent.deadline for one in self.stations.values()) else self.now
        )


class Station:
    """A user agent with an address, and an owner that reacts to its events."""

    def __init__(
        self, network: Network, host: str, options: LineOptions | None = None, react: Reaction | None = None
    ) -> None:
        self.network, self.host, self.react = network, host, react
        self.agent = UserAgent(options or LineOptions(host=host), random.Random(f"{network.seed}{host}"))
        self.flow = Flow(self.agent.options.transport, host, 5060)
        self.events: list[events.Event] = []
        self.sent: list[bytes] = []
        network.stations[host, 5060] = self

    def get(self, data: bytes, source: Flow) -> None:
        if source.reliable:
            for message in sip.StreamReader().feed(data):
                assert not isinstance(message, sip.KeepAlive | sip.KeepAliveAnswer)
                self.take(self.agent.receive(message, source, self.network.now))
        else:
            self.take(self.agent.receive_datagram(data, source, self.network.now))

    def take(self, outputs: list[Output]) -> None:
        for output in outputs:
            if isinstance(output, Transmit):
                self.sent.append(output.data)
                self.network.carry(output.data, Flow(output.flow.transport, self.host, 5060), output.flow)
            else:
                self.events.append(output)
                if self.react:
                    self.react(self, output)

    def call(self, host: str, extension: str = "16", account: str = "") -> str:
        target = f"sip:{extension}@{host}" + (";transport=tcp" if self.flow.reliable else "")
        name, outputs = self.agent.call(target, description(self.host), self.network.now, account)
        self.take(outputs)
        return name

    def kinds(self, call: str | None = None) -> list[str]:
        return [type(one).__name__ for one in self.events if call in (None, getattr(one, "call", None))]


def accepting(station: Station, event: events.Event) -> None:
    """An owner that rings, accepts at once, and agrees to every change."""
    now = station.network.now
    if isinstance(event, events.Incoming):
        station.take(station.agent.ring(event.call, now))
        station.take(station.agent.accept(event.call, answered(station.host, event.offer), now))
    elif isinstance(event, events.Offered):
        station.take(station.agent.agree(event.call, answered(station.host, event.offer), now))


def answered(host: str, offered: Description | None) -> Description:
    return answer(offered, Local(host, 5000))[0] if offered else description(host)
