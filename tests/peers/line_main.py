"""A line process on loopback, and a main process of few words for it."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from duologue.audio.pcm import RATE, Samples
from duologue.phone.leg import CallLeg, LegEvent
from duologue.phone.line.client import LineClient
from duologue.phone.line.messages import LineSetup
from line_caller import options

E = TypeVar("E")


def tone(ms: int) -> Samples:
    return (0.4 * np.sin(np.arange(RATE * ms // 1000) * 0.05)).astype(np.float32)


@dataclass
class Main:
    """A main process of few words: takes each call, and keeps what it is told."""

    plan: LineSetup
    does: Callable[[CallLeg], Awaitable[None]]
    legs: list[CallLeg] = field(default_factory=list[CallLeg])
    told: list[LegEvent] = field(default_factory=list[LegEvent])
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.client = LineClient(self.plan, self.take, lambda news: self.changed.set())

    async def take(self, leg: CallLeg) -> None:
        self.legs.append(leg)
        async with asyncio.TaskGroup() as group:
            doing = group.create_task(self._do(leg))
            async for event in leg.events():
                self.told.append(event)
                self.changed.set()
            doing.cancel()

    async def _do(self, leg: CallLeg) -> None:
        await self.does(leg)

    def events(self, kind: type[E]) -> list[E]:
        return [event for event in self.told if isinstance(event, kind)]

    async def until(self, reached: Callable[[], object], seconds: float = 10.0) -> None:
        async with asyncio.timeout(seconds):
            while not reached():
                self.changed.clear()
                await self.changed.wait()

    @property
    def port(self) -> int:
        return self.client.ports["UDP"]

    def forget(self, does: Callable[[CallLeg], Awaitable[None]]) -> None:
        """The calls so far, which are over; what it does with the next ones."""
        self.does = does
        self.legs.clear()
        self.told.clear()

    async def rests(self) -> None:
        """Nothing is left of any call."""
        counts = self.client.counts
        await self.until(lambda: self.client.counts is not counts, 5)
        await self.until(lambda: not (self.client.counts["ports"] or self.client.counts["calls_now"]), 5)
        assert self.client.calls == 0


PORTS = 26_000 + 400 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
"""The first of this worker's own: who captures a call meets no packet of another worker's."""


@contextlib.asynccontextmanager
async def line(does: Callable[[CallLeg], Awaitable[None]], **more: Any) -> AsyncGenerator[Main]:
    usual: dict[str, Any] = {
        "options": options(), "udp": 0, "tcp": None, "first_port": PORTS, "last_port": PORTS + 399, "count_s": 0.1,
    }  # fmt: skip
    plan = LineSetup(**{**usual, **more})
    main = Main(plan, does)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(main.client.run())
        async with asyncio.timeout(30):
            await main.client.ready.wait()
        try:
            yield main
        finally:
            running.cancel()


async def answers(leg: CallLeg) -> None:
    await leg.answer()
