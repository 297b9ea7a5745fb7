"""A stage whose process is a script: what it was sent, what it reports, when it dies."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from duologue.app.show.outlet import Outlet
from duologue.app.show.stage_link import StageLink, StageListener
from duologue.broadcast.packets import StreamFormat
from duologue.clock import SECOND, VirtualClock
from duologue.errors import DuologueError, PeerError
from duologue.speech.utterance import Utterance
from duologue.stage.messages import SayUtterance, StagePlan, StageReady, StreamRun, Trouble
from duologue.stage.motion.pose import Lights
from duologue.telemetry.ledger import SkipRecord, StepRecord

FORMAT = StreamFormat(320, 180, 30, b"", b"")
READY = StageReady(0.5, 10 * SECOND, 20 * SECOND, 0)


def plan() -> StagePlan:
    return StagePlan(
        Path("room"), (), 320, 180, 30, 1, "libx264", 1_000_000, 1.0, Lights(), True, False, None
    )  # fmt: skip


def line(name: str, text: str = "Hello there.") -> Utterance:
    return Utterance(id=name, speaker="chad", text=text, samples=np.zeros(4800, np.float32), rate=48_000)


class ScriptedChild:
    """``open`` lets what is sent through; until it is set, senders wait, as for a child that does not read."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.sent: list[object] = []
        self.open = asyncio.Event()
        self.open.set()
        self.closed = False
        self.killed = False
        self.gone = False
        self.signal = self.taken = 0
        self._reports: asyncio.Queue[object] = asyncio.Queue()

    async def send(self, message: object) -> None:
        await self.open.wait()
        self.sent.append(message)

    async def receive(self) -> object:
        report = await self._reports.get()
        if isinstance(report, BaseException):
            raise report
        return report

    async def death(self) -> PeerError:
        return PeerError("the process was killed by signal 9")

    async def close(self, patience: float = 2.0) -> None:
        self.closed = True

    def kill(self) -> None:
        self.killed = True

    def report(self, *reports: object) -> None:
        for report in reports:
            self._reports.put_nowait(report)

    def ready(self) -> None:
        self.report(READY, StreamRun(FORMAT, 0))

    def die(self, how: BaseException | None = None) -> None:
        self.report(how or PeerError("the process was killed by signal 11"))

    @property
    def said(self) -> list[str]:
        return [message.utterance.id for message in self.sent if isinstance(message, SayUtterance)]


class Heard:
    """A listener that keeps what it was told."""

    def __init__(self) -> None:
        self.ended: list[str] = []
        self.failures: list[str] = []
        self.started: list[str] = []
        self.troubles: list[str] = []
        self.died: list[DuologueError] = []
        self.tv: list[str] = []
        self.captions: list[str] = []
        self.lights: list[Lights] = []
        self.steps: list[StepRecord] = []
        self.skips: list[SkipRecord] = []

    def listener(self) -> StageListener:
        return StageListener(
            ready=lambda ready: None,
            started=lambda name, at: self.started.append(name),
            ended=self._ended,
            frames=lambda records: None,
            stepped=self.steps.append,
            skipped=self.skips.append,
            paused=lambda paused: None,
            baked=lambda baked: None,
            trouble=self._trouble,
            lights=self.lights.append,
            tv=self.tv.append,
            caption=self.captions.append,
            died=self.died.append,
        )

    def _ended(self, name: str, at: int, played: int, failure: str) -> None:
        self.ended.append(name)
        self.failures.append(failure)

    def _trouble(self, trouble: Trouble) -> None:
        self.troubles.append(trouble.what)


class PlainOutlet:
    """An outlet that keeps what it is given; ``broken`` makes it raise."""

    def __init__(self) -> None:
        self.next_frame = 0
        self.begun: list[StreamFormat] = []
        self.broken: BaseException | None = None

    def begin(self, format: StreamFormat, wall_origin: int) -> None:
        self.begun.append(format)

    def feed(self, packets: Sequence[object]) -> None:
        if self.broken is not None:
            broken, self.broken = self.broken, None
            raise broken


class Theatre:
    """A link with scripted stages. ``children`` are those that were started, in order."""

    def __init__(self) -> None:
        self.children: list[ScriptedChild] = []
        self.heard = Heard()
        self.outlet = PlainOutlet()
        self.hold = asyncio.Event()
        """Cleared: a stage's process does not come up until it is set."""
        self.hold.set()
        self.shut = False
        """The next children do not read what they are sent."""
        self.fork_fails = 0
        self.clock = VirtualClock()
        self.link = StageLink(plan(), cast(Outlet, self.outlet), self.heard.listener(), self.clock, self._start)
        self.grown = asyncio.Event()
        """Set when another child is started."""

    async def _start(self) -> Any:
        await self.hold.wait()
        if self.fork_fails:
            self.fork_fails -= 1
            raise BlockingIOError(11, "Resource temporarily unavailable")
        child = ScriptedChild(100 + len(self.children))
        if self.shut:
            child.open.clear()
        self.children.append(child)
        self.grown.set()
        return child

    @property
    def child(self) -> ScriptedChild:
        return self.children[-1]

    async def settle(self) -> None:
        """Let everything happen that can."""
        for _ in range(30):
            await asyncio.sleep(0)

    async def next_child(self) -> ScriptedChild:
        count = len(self.children)
        for _ in range(200):
            await asyncio.sleep(0)
            if len(self.children) > count:
                await self.settle()
                return self.child
        raise AssertionError("no other stage was started")
