"""The main process's end of the stage: starts it, feeds it, and brings it back when it dies.

What the stage must know to go on (its light, its TV, what it was about to say) is kept here, so a new stage continues
where the old one stopped; an utterance that its death interrupted is said again from its start. All that a stage is
told passes through **one ordered queue**: a new stage's begins with what it must know, and what is asked from then on
follows. So nothing overtakes, and what was cut before it was sent is never sent.

Whatever ends a stage, another follows, with growing pauses; what was at work when it died twice is dropped, and named.
Two may speak on one stage: the conversation, for which the link is the floor, and guests (:mod:`duologue.app.guests`).
What they play stands in one line, in the order in which it was given.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, cast

from duologue.app.outlet import Outlet
from duologue.app.strikes import Kind, Strikes, Suspect
from duologue.audio.pcm import RATE
from duologue.clock import MILLISECOND, SECOND, Clock
from duologue.errors import DuologueError, InputError, PeerError, first_cause, in_words
from duologue.speech.utterance import Utterance
from duologue.stage.messages import (
    Announce,
    Baked,
    Cue,
    Cut,
    Dropped,
    Encoded,
    Ended,
    Failed,
    Frames,
    Handled,
    Handling,
    LightsKept,
    Ready,
    Run,
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
from duologue.telemetry.ledger import FrameRecord, SkipRecord, StepRecord
from duologue.telemetry.log import get_logger
from duologue.workers import Worker

SILENT_LIMIT = 5.0
"""Seconds without a report after which a running stage is taken for stuck and replaced."""
START_LIMIT = 60.0
"""Seconds a stage may take to load and bake its packs."""
GRACE = 0.25
"""Seconds in which a report may still be read when the limit is over: we may have been the one that was not run."""
LEAVE_LIMIT = 3.0
"""Seconds a stage has to give its last packets."""
FIRST_BACKOFF, LAST_BACKOFF = 50 * MILLISECOND, 5 * SECOND
LIVED = 30 * SECOND
"""After so long a life the pauses before another stage begin anew (ns)."""

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
    stepped: Callable[[StepRecord], None]
    skipped: Callable[[SkipRecord], None]
    baked: Callable[[Baked], None]
    trouble: Callable[[Trouble], None]
    lights: Callable[[Lights], None]
    tv: Callable[[str], None]
    died: Callable[[DuologueError], None]


@dataclass(slots=True)
class _Queued:
    """A line that is not over.

    ``handling``: a stage is preparing it; ``begun``: it is heard; ``cut``: it is to fall silent, and must not be said
    again if the stage dies before it has.
    """

    say: Say
    guest: bool
    handling: bool = False
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
        self._child: Child | None = None
        self._unsent: deque[Cue | StagePlan] = deque()
        self._more = asyncio.Event()
        self._queue: dict[str, _Queued] = {}
        self._withdrawals: dict[str, asyncio.Future[bool]] = {}
        self._tv: Path | None = None
        self._announcement = ""
        self._lights = plan.lights
        self._relighting = False
        self._strikes = Strikes()
        self.restarts = 0
        self.ready = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """The stage's process id, while there is one."""
        return self._child.pid if self._child is not None else None

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
        self._tell(say)

    async def withdraw(self, utterance_id: str) -> bool:
        """Take back an utterance; True if it had not begun and is gone."""
        queued = self._queue.get(utterance_id)
        if queued is None or queued.begun:
            return False
        if self._child is None or self._take_back(queued):
            del self._queue[utterance_id]
            return True
        answer = asyncio.get_running_loop().create_future()
        self._withdrawals[utterance_id] = answer
        self._tell(Withdraw(utterance_id))
        return await answer

    async def clear(self) -> None:
        """Fade out what is being said and drop all that is queued, except what guests put there."""
        ours = tuple(name for name, queued in self._queue.items() if not queued.guest)
        for name in ours:
            queued = self._queue[name]
            if not queued.begun:
                self._take_back(queued)
                del self._queue[name]
        await self.cut(ours)

    async def cut(self, utterance_ids: tuple[str, ...]) -> None:
        """Fade out those of these utterances that are being said, and drop the others of them."""
        for utterance_id in utterance_ids:
            queued = self._queue.get(utterance_id)
            if queued is None:
                continue
            queued.cut = True
            if self._child is None or self._take_back(queued):
                self._over(utterance_id)
        self._tell(Cut(utterance_ids))

    async def show_tv(self, path: Path | None) -> None:
        """Play a film, or switch the TV off."""
        self._tv = path
        self._tell(ShowTv(path))

    async def set_lights(self, lights: Lights) -> None:
        """Change the light."""
        self._plan = replace(self._plan, lights=lights)
        self._relighting = True
        self._tell(SetLights(lights))

    async def announce(self, text: str) -> None:
        """Show a text as the caption; empty: none."""
        self._announcement = text
        self._tell(Announce(text))

    # The one ordered queue

    def _tell(self, cue: Cue) -> None:
        """Queue a cue for the stage that is there; what matters of it is kept above for the one that may come."""
        if self._child is None:
            return
        if isinstance(cue, (ShowTv, SetLights, Announce)):  # the newest of a kind is all that counts
            self._unsent = deque(waiting for waiting in self._unsent if type(waiting) is not type(cue))
        self._unsent.append(cue)
        self._more.set()

    def _take_back(self, queued: _Queued) -> bool:
        """Whether the line was not sent yet; then it never will be."""
        before = len(self._unsent)
        self._unsent = deque(cue for cue in self._unsent if cue is not queued.say)
        return len(self._unsent) < before

    def _replay(self) -> deque[Cue | StagePlan]:
        """What a new stage must know, in order: then it is as the one before it was."""
        self._drop_cut()
        cues: deque[Cue | StagePlan] = deque([self._plan])
        if self._tv is not None:
            cues.append(ShowTv(self._tv))
        if self._announcement:
            cues.append(Announce(self._announcement))
        for queued in self._queue.values():
            queued.begun = queued.handling = False
            cues.append(queued.say)
        return cues

    async def _feed(self, child: Child) -> None:
        while True:
            while self._unsent:
                try:
                    await child.send(self._unsent.popleft())
                except PeerError:
                    return  # whoever receives learns of the death from its own end
            self._more.clear()
            await self._more.wait()

    # Supervision

    async def run(self) -> None:
        """Keep a stage running until cancelled. Raises :class:`InputError` when the very first one refuses its plan."""
        backoff = FIRST_BACKOFF
        while True:
            began = self._clock.now()
            try:
                await self._serve()
            except Exception as error:
                cause = (
                    first_cause(cast("ExceptionGroup[Exception]", error))
                    if isinstance(error, ExceptionGroup)
                    else error
                )
                if isinstance(cause, InputError) and not self._plan.origin:
                    raise cause from None  # nothing is on air yet, and no try will make it right
                self._mourn(cause, self._clock.now() - began)
            if self._clock.now() - began > LIVED:
                backoff = FIRST_BACKOFF
            await self._clock.wait_until(self._clock.now() + backoff)
            backoff = min(backoff * 2, LAST_BACKOFF)

    async def _serve(self) -> None:
        child = await self._start()
        try:
            self._plan = replace(self._plan, first_frame=self._outlet.next_frame)
            self._unsent = self._replay()
            self._more.clear()
            self._child = child
            async with asyncio.TaskGroup() as group:
                group.create_task(self._feed(child))
                limit = START_LIMIT
                while True:
                    report = await self._next(child, limit)
                    limit = SILENT_LIMIT if self.ready.is_set() else START_LIMIT
                    self._take(report)
        except asyncio.CancelledError:
            await self._leave(child)
            raise
        finally:
            self._child = None
            self.ready.clear()
            self._settle_withdrawals()
            self._drop_cut()
            await child.close()

    async def _next(self, child: Child, limit: float) -> object:
        for patience in (limit, GRACE):
            try:
                async with asyncio.timeout(patience):
                    return await child.receive()
            except TimeoutError:
                continue
        child.kill()
        raise PeerError(
            f"the stage gave no sign of life for {limit:g} s", where=f"pid {child.pid}", remedy="It is replaced."
        )

    async def _leave(self, child: Child) -> None:
        try:
            async with asyncio.timeout(LEAVE_LIMIT):
                await child.send(Shutdown())
                while True:
                    self._take(await child.receive())
        except (DuologueError, TimeoutError):
            return  # it has left (that is how its last packets end), or it is too slow and is killed by the caller

    # What was at work when it died

    def _mourn(self, error: BaseException, lived: int) -> None:
        known = isinstance(error, DuologueError)
        cause = error if isinstance(error, DuologueError) else PeerError(in_words(error), where="the stage's link")
        log.error("stage.died", error=str(cause), restarts=self.restarts, exc_info=None if known else error)
        self.restarts += 1
        self._listener.died(cause)
        dropped = self._strikes.died(self._at_work(), lived)
        if dropped is not None:
            self._give_up(dropped)

    def _at_work(self) -> list[Suspect]:
        suspects = [Suspect(Kind.LINE, name) for name, queued in self._queue.items() if queued.handling or queued.begun]
        if self._tv is not None:
            suspects.append(Suspect(Kind.FILM, str(self._tv)))
        if self._announcement:
            suspects.append(Suspect(Kind.ANNOUNCEMENT, self._announcement))
        if self._relighting:
            suspects.append(Suspect(Kind.LIGHT, str(self._plan.lights)))
        return suspects

    def _give_up(self, suspect: Suspect) -> None:
        match suspect.kind:
            case Kind.FILM:
                self._tv = None
                self._listener.tv("")
                what = f"the TV was switched off: the stage died twice while it showed {suspect.name}"
            case Kind.ANNOUNCEMENT:
                self._announcement = ""
                what = f"the announcement “{suspect.name}” was taken back: the stage died twice with it"
            case Kind.LIGHT:
                self._plan = replace(self._plan, lights=self._lights)
                self._relighting = False
                self._listener.lights(self._lights)
                what = "the light is as it was before: the stage died twice while it changed it"
            case Kind.LINE:
                text = self._queue[suspect.name].say.utterance.text
                what = f"a line was dropped: the stage died twice at it: “{text}”"
                self._over(suspect.name)
        self._listener.trouble(Trouble(what, "the stage", "Please report it, with what is named."))

    # Reports

    def _take(self, report: object) -> None:
        match report:
            case Encoded(packets):
                self._outlet.feed(packets)
            case Frames(records):
                self._listener.frames(records)
            case Run(format):
                self._outlet.begin(format, self._plan.wall_origin)
            case Ready():
                self._begin(report)
            case Failed(what, where, remedy, refused):
                raise (InputError if refused else PeerError)(what, where=where, remedy=remedy)
            case StepRecord():
                self._listener.stepped(report)
            case SkipRecord():
                self._listener.skipped(report)
            case Baked():
                self._relit()
                self._listener.baked(report)
            case LightsKept(lights):
                self._plan = replace(self._plan, lights=lights)
                self._relit()
                self._listener.lights(lights)
            case TvState(film):
                self._listener.tv(film)
            case Trouble():
                self._listener.trouble(report)
            case _:
                self._take_of_a_line(report)

    def _take_of_a_line(self, report: object) -> None:
        match report:
            case Handling(utterance_id) | Handled(utterance_id):
                if utterance_id in self._queue:
                    self._queue[utterance_id].handling = isinstance(report, Handling)
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
            case Dropped(utterance_id, what):
                self._answer(utterance_id, True)
                if utterance_id in self._queue:
                    self._over(utterance_id)
                self._listener.trouble(Trouble(f"a line cannot be said: {what}", utterance_id, "It is left out."))
            case _:
                log.error("stage.unknown_report", kind=type(report).__name__)

    def _begin(self, ready: Ready) -> None:
        self._plan = replace(self._plan, origin=ready.origin, wall_origin=ready.wall_origin)
        self._relit()  # a stage begins in the light of its plan
        self.ready.set()
        self._listener.ready(ready)

    def _relit(self) -> None:
        self._lights, self._relighting = self._plan.lights, False

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
            self._over(utterance_id)

    def _over(self, utterance_id: str) -> None:
        """It is not said (again)."""
        del self._queue[utterance_id]
        self._listener.ended(utterance_id, self._clock.now(), 0)
