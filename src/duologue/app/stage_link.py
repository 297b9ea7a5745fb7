"""The main process's end of the stage: starts it, feeds it, and brings it back when it dies.

What the stage must know to go on (its light, its TV, what it was about to say) is kept here, so a new stage continues
where the old one stopped; an utterance that its death interrupted is said again from its start.

Two may speak on one stage: the conversation, for which the link is the floor, and guests
(:mod:`duologue.app.guests`). What they play stands in one line, in the order in which it was given.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from duologue.app.outlet import Outlet
from duologue.audio.pcm import RATE
from duologue.clock import MILLISECOND, SECOND, Clock
from duologue.errors import PeerError
from duologue.speech.utterance import Utterance
from duologue.stage.messages import (
    Announce,
    Baked,
    Cue,
    Cut,
    Encoded,
    Ended,
    Frames,
    Ready,
    Report,
    Say,
    SetLights,
    ShowTv,
    Shutdown,
    StagePlan,
    Started,
    Trouble,
    TvState,
    Withdraw,
    Withdrawn,
)
from duologue.stage.pose import Lights
from duologue.telemetry.ledger import FrameRecord
from duologue.telemetry.log import get_logger
from duologue.workers import Worker

SILENT_LIMIT = 5.0
"""Seconds without a report after which a running stage is taken for stuck and replaced."""
START_LIMIT = 60.0
"""Seconds a stage may take to load and bake its packs."""
FIRST_BACKOFF, LAST_BACKOFF = 50 * MILLISECOND, 5 * SECOND

log = get_logger(__name__)


class Child(Protocol):
    """The stage's process, as the link needs it: :class:`duologue.workers.Worker`."""

    @property
    def pid(self) -> int:
        """Its process id."""
        ...

    async def send(self, message: object) -> None:
        """Send; waits while the child is behind. Raises :class:`PeerError` when it is gone."""
        ...

    async def receive(self) -> object:
        """The next message, cancellable. Raises :class:`PeerError` when the child has died."""
        ...

    async def close(self) -> None:
        """Ask it to leave, then kill it."""
        ...

    def kill(self) -> None:
        """Kill it."""
        ...


def start_stage() -> Awaitable[Child]:
    """A stage's process, waiting for its plan."""
    return Worker.start("duologue.stage.process")


@dataclass(slots=True)
class StageListener:
    """Who is told what. ``started`` and ``ended`` get monotonic ns; each is called on the event loop."""

    ready: Callable[[Ready], None]
    started: Callable[[str, int], None]
    ended: Callable[[str, int, int], None]
    frames: Callable[[tuple[FrameRecord, ...]], None]
    baked: Callable[[Baked], None]
    trouble: Callable[[Trouble], None]
    tv: Callable[[str], None]
    died: Callable[[PeerError], None]


@dataclass(slots=True)
class _Queued:
    """``cut``: it is to fall silent, and must not be said again if the stage dies before it has."""

    say: Say
    guest: bool
    begun: bool = False
    cut: bool = False


class StageLink:
    """A stage that is always there. Run :meth:`run` in a task group; everything else may be called at any time."""

    def __init__(
        self,
        plan: StagePlan,
        outlet: Outlet,
        listener: StageListener,
        clock: Clock,
        start: Callable[[], Awaitable[Child]] = start_stage,
    ) -> None:
        self._plan = plan
        self._outlet = outlet
        self._listener = listener
        self._clock = clock
        self._start = start
        self._worker: Child | None = None
        self._queue: dict[str, _Queued] = {}
        self._withdrawals: dict[str, asyncio.Future[bool]] = {}
        self._tv: Path | None = None
        self._announcement = ""
        self.restarts = 0
        self.ready = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """The stage's process id, while there is one."""
        return self._worker.pid if self._worker is not None else None

    def time_of(self, sample: int) -> int:
        """When sample ``sample`` of the show is due (monotonic ns); 0 before the stage is ready."""
        return self._plan.origin + sample * SECOND // RATE if self._plan.origin else 0

    def wall_of(self, monotonic: int) -> int:
        """The Unix time (ns) of a monotonic time on the show's own clock."""
        return self._plan.wall_origin + monotonic - self._plan.origin

    # What a show asks of its stage

    async def play(self, utterance: Utterance, gap_ms: int, *, guest: bool = False) -> None:
        """Say ``utterance`` ``gap_ms`` after the end of what is queued."""
        say = Say(utterance, gap_ms * RATE // 1000)
        self._queue[utterance.id] = _Queued(say, guest)
        await self._send(say)

    async def withdraw(self, utterance_id: str) -> bool:
        """Take back an utterance; True if it had not begun and is gone."""
        queued = self._queue.get(utterance_id)
        if queued is not None and self._worker is None:  # nothing is on air
            del self._queue[utterance_id]
            return True
        if queued is None or queued.begun:
            return False
        answer = asyncio.get_running_loop().create_future()
        self._withdrawals[utterance_id] = answer
        await self._send(Withdraw(utterance_id))
        return await answer

    async def clear(self) -> None:
        """Fade out what is being said and drop all that is queued, except what guests put there."""
        ours = tuple(name for name, queued in self._queue.items() if not queued.guest)
        for name in ours:
            if not self._queue[name].begun:
                del self._queue[name]
        await self.cut(ours)

    async def cut(self, utterance_ids: tuple[str, ...]) -> None:
        """Fade out those of these utterances that are being said, and drop the others of them."""
        for utterance_id in utterance_ids:
            if (queued := self._queue.get(utterance_id)) is not None:
                queued.cut = True
        await self._send(Cut(utterance_ids))
        if self._worker is None:
            self._drop_cut()

    async def show_tv(self, path: Path | None) -> None:
        """Play a clip, or switch the TV off."""
        self._tv = path
        await self._send(ShowTv(path))

    async def set_lights(self, lights: Lights) -> None:
        """Change the light."""
        self._plan = replace(self._plan, lights=lights)
        await self._send(SetLights(lights))

    async def announce(self, text: str) -> None:
        """Show a text as the caption; empty: none."""
        self._announcement = text
        await self._send(Announce(text))

    # Supervision

    async def run(self) -> None:
        """Keep a stage running until cancelled."""
        backoff = FIRST_BACKOFF
        while True:
            began = self._clock.now()
            try:
                await self._serve()
            except PeerError as error:
                log.error("stage.died", error=str(error), restarts=self.restarts)
                self._listener.died(error)
            self.restarts += 1
            if self._clock.now() - began > 30 * SECOND:
                backoff = FIRST_BACKOFF
            await self._clock.wait_until(self._clock.now() + backoff)
            backoff = min(backoff * 2, LAST_BACKOFF)

    async def _serve(self) -> None:
        worker = await self._start()
        try:
            self._plan = replace(self._plan, first_frame=self._outlet.next_frame)
            await worker.send(self._plan)
            self._worker = worker
            await self._resume()
            limit = START_LIMIT
            while True:
                report = await self._next(worker, limit)
                limit = SILENT_LIMIT if self.ready.is_set() else START_LIMIT
                self._take(report)
        except asyncio.CancelledError:
            await self._leave(worker)
            raise
        finally:
            self._worker = None
            self.ready.clear()
            self._settle_withdrawals()
            await worker.close()

    async def _next(self, worker: Child, limit: float) -> object:
        try:
            async with asyncio.timeout(limit):
                return await worker.receive()
        except TimeoutError as error:
            worker.kill()
            raise PeerError(
                f"the stage gave no sign of life for {limit:g} s", where=f"pid {worker.pid}", remedy="It is replaced."
            ) from error

    async def _leave(self, worker: Child) -> None:
        try:
            await worker.send(Shutdown())
            async with asyncio.timeout(3.0):
                while True:
                    self._take(await worker.receive())
        except (PeerError, TimeoutError):
            return  # it has left (that is how its last packets end), or it is too slow and is killed by the caller

    async def _resume(self) -> None:
        if self._tv is not None:
            await self._send(ShowTv(self._tv))
        if self._announcement:
            await self._send(Announce(self._announcement))
        self._drop_cut()
        for queued in tuple(self._queue.values()):
            queued.begun = False
            await self._send(queued.say)

    async def _send(self, cue: Cue) -> None:
        if self._worker is None:
            return  # what matters of it is kept above and sent to the next stage
        try:
            await self._worker.send(cue)
        except PeerError:
            return  # run() learns of the death from its own end and brings the stage back

    def _take(self, report: object) -> None:
        match report:
            case Encoded(packets):
                self._outlet.feed(packets)
            case Frames(records):
                self._listener.frames(records)
            case Started(utterance_id, at):
                if utterance_id in self._queue:
                    self._queue[utterance_id].begun = True
                self._listener.started(utterance_id, self.time_of(at))
            case Ended(utterance_id, at, played):
                self._queue.pop(utterance_id, None)
                self._listener.ended(utterance_id, self.time_of(at), played)
            case Withdrawn(utterance_id, done):
                if done:
                    self._queue.pop(utterance_id, None)
                self._answer(utterance_id, done)
            case Ready():
                self._begin(report)
            case Baked():
                self._listener.baked(report)
            case TvState(clip):
                self._listener.tv(clip)
            case Trouble():
                self._listener.trouble(report)
            case _:
                log.error("stage.unknown_report", kind=type(report).__name__)

    def _begin(self, ready: Ready) -> None:
        self._plan = replace(self._plan, origin=ready.origin, wall_origin=ready.wall_origin)
        self._outlet.begin(ready.format, ready.wall_origin)
        self.ready.set()
        self._listener.ready(ready)

    def _answer(self, utterance_id: str, done: bool) -> None:
        future = self._withdrawals.pop(utterance_id, None)
        if future is not None and not future.done():
            future.set_result(done)

    def _settle_withdrawals(self) -> None:
        for utterance_id in list(self._withdrawals):
            self._queue.pop(utterance_id, None)
            self._answer(utterance_id, True)

    def _drop_cut(self) -> None:
        for utterance_id in [name for name, queued in self._queue.items() if queued.cut]:
            del self._queue[utterance_id]
            self._listener.ended(utterance_id, self._clock.now(), 0)


__all__ = ["Report", "StageLink", "StageListener"]
