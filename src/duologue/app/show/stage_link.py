"""The main process's end of the stage: feeds it, takes what it gives, and tells the next one what it must know.

What the stage must know to go on (its light, its TV, what it was about to say) is kept here, so a new stage continues
where the old one stopped; an utterance that its death interrupted is said again from its start. All that a stage is
told passes through **one ordered queue**: a new stage's begins with what it must know, and what is asked from then on
follows. So nothing overtakes, and what was cut before it was sent is never sent.

The stage is a supervised worker (:class:`duologue.workers.Supervised`): whatever ends one, another follows, and what
was at work when it died twice is dropped, and named. A stage reports what it cannot take, and goes on; what kills it
outright (a decoder that crashes on a film, a picture that takes all memory) is found in this way.
Two may speak on one stage: the conversation, for which the link is the floor, and guests
(:mod:`duologue.app.show.guests`). What they play stands in one line, in the order in which it was given.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from duologue.app.show.outlet import Outlet
from duologue.audio.pcm import RATE
from duologue.child import Worker
from duologue.clock import SECOND, Clock
from duologue.errors import DuologueError, InputError, PeerError, in_words, raise_first
from duologue.speech.utterance import Utterance
from duologue.stage.messages import (
    Announce,
    Baked,
    Cue,
    Cut,
    Dropped,
    Encoded,
    Frames,
    Handled,
    Handling,
    LightsKept,
    Ponder,
    SayUtterance,
    SetLights,
    ShowTv,
    Shutdown,
    StageFailed,
    StagePlan,
    StageReady,
    StreamRun,
    Trouble,
    TvState,
    UtteranceEnded,
    UtteranceStarted,
    UtteranceWithdrawn,
    WithdrawUtterance,
)
from duologue.stage.motion.pose import Lights
from duologue.supervision import SupervisionPolicy, Work
from duologue.telemetry.ledger import FrameRecord, PauseRecord, SkipRecord, StepRecord
from duologue.telemetry.log import get_logger
from duologue.workers import LostError, Supervised

SILENT_LIMIT = 5.0
"""Seconds without a report after which a running stage is taken for stuck and replaced."""
LEAVE_LIMIT = 3.0
"""Seconds a stage has to give its last packets."""
POLICY = SupervisionPolicy(start=60 * SECOND, pardon=60 * SECOND)
"""It may have packs to bake before it is up; whoever was at work for a minute without harm is no suspect of what was
before.
"""

log = get_logger(__name__)


def start_stage() -> Awaitable[Worker]:
    """A stage's process, waiting for its plan."""
    return Worker.start("duologue.stage.process")


@dataclass(slots=True)
class StageListener:
    """Who is told what. ``started`` and ``ended`` get monotonic ns, ``ended`` the samples that were played and why the
    line could not be said (empty: it could); each is called on the event loop.
    """

    ready: Callable[[StageReady], None]
    started: Callable[[str, int], None]
    ended: Callable[[str, int, int, str], None]
    frames: Callable[[tuple[FrameRecord, ...]], None]
    stepped: Callable[[StepRecord], None]
    skipped: Callable[[SkipRecord], None]
    paused: Callable[[PauseRecord], None]
    baked: Callable[[Baked], None]
    trouble: Callable[[Trouble], None]
    lights: Callable[[Lights], None]
    tv: Callable[[str], None]
    caption: Callable[[str], None]
    died: Callable[[DuologueError], None]


@dataclass(slots=True)
class _Queued:
    """A line that is not over.

    ``handling``: a stage is preparing it; ``begun``: it is heard; ``cut``: it is to fall silent, and must not be said
    again if the stage dies before it has.
    """

    say: SayUtterance
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
        start: Callable[[], Awaitable[Worker]] = start_stage,
        name: str = "stage",
    ) -> None:
        self._plan = plan
        self._outlet = outlet
        self._listener = listener
        self._clock = clock
        self._start = start
        self.worker = Supervised(
            name, self._launch, self._greet, purpose="draws and encodes the show", policy=POLICY, clock=clock,
            at_work=self._at_work, busy=self._speaking, dismiss=lambda: self._tell(Shutdown()),
            remedies={0: "It is replaced."},
        )  # fmt: skip
        self._child: Worker | None = None
        self._group: asyncio.TaskGroup | None = None
        self._feeding: asyncio.Task[None] | None = None
        self._unsent: deque[Cue | StagePlan] = deque()
        self._more = asyncio.Event()
        self._queue: dict[str, _Queued] = {}
        self._withdrawals: dict[str, asyncio.Future[bool]] = {}
        self._tv: Path | None = None
        self._announcement = ""
        self._lights = plan.lights
        self._relighting = False
        self.ready = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """The stage's process id, while there is one."""
        return self.worker.pid

    @property
    def restarts(self) -> int:
        """How often it was replaced."""
        return self.worker.restarts

    def time_of(self, sample: int) -> int:
        """When sample ``sample`` of the show is due (monotonic ns); 0 before the stage is ready."""
        return self._plan.origin + sample * SECOND // RATE if self._plan.origin else 0

    def wall_of(self, monotonic: int) -> int:
        """The Unix time (ns) of a monotonic time on the show's own clock."""
        return self._plan.wall_origin + monotonic - self._plan.origin

    # What a show asks of its stage

    async def play(self, utterance: Utterance, gap_ms: int, *, guest: bool = False) -> None:
        """Say ``utterance`` ``gap_ms`` after the end of what is queued."""
        say = SayUtterance(utterance, gap_ms * RATE // 1000)
        self._queue[utterance.id] = _Queued(say, guest)
        self._tell(say)

    def queued(self, utterance_id: str) -> Utterance | None:
        """What is being said, or will be, by its id."""
        found = self._queue.get(utterance_id)
        return found.say.utterance if found is not None else None

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
        self._tell(WithdrawUtterance(utterance_id))
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

    async def ponder(self, speaker: str) -> None:
        """Let ``speaker`` think until somebody speaks. A stage that is set up anew is not told."""
        self._tell(Ponder(speaker))

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

    async def _feed(self, child: Worker) -> None:
        while True:
            while self._unsent:
                try:
                    await child.send(self._unsent.popleft())
                except PeerError:
                    return  # whoever receives learns of the death from its own end
                except Exception as error:  # what cannot be sent
                    await self.worker.lose(child, _of_peer(error))
                    return
            self._more.clear()
            await self._more.wait()

    # The worker

    async def run(self) -> None:
        """Keep a stage running until cancelled; then take what it still has to give.

        Raises :class:`InputError` when the very first one refuses its plan: nothing is on air yet, and no try will
        make it right.
        """
        try:
            async with asyncio.TaskGroup() as self._group:
                while True:
                    try:
                        await self._serve()
                    except LostError as lost:
                        self._mourn(lost)
        except ExceptionGroup as errors:
            raise_first(errors)
        finally:
            await self._leave()

    async def _launch(self) -> Worker:
        try:
            return await self._start()
        except Exception as error:
            raise _of_peer(error) from error

    async def _greet(self, worker: Worker) -> None:
        """Tell it all it must know, and what is asked meanwhile, until it is ready."""
        assert self._group is not None
        self._forget()
        self._plan = replace(self._plan, first_frame=self._outlet.next_frame)
        self._unsent = self._replay()
        self._more.clear()
        self._child = worker
        self._feeding = self._group.create_task(self._feed(worker))
        try:
            while not self.ready.is_set():
                self._take(await worker.receive())
        except BaseException:
            self._forget()
            raise

    async def _serve(self) -> None:
        worker = await self.worker.running()
        try:
            while True:
                report = await self.worker.receive(worker, SILENT_LIMIT)
                try:
                    self._take(report)
                except PeerError as error:
                    raise await self.worker.lose(worker, error) from error
        except DuologueError:
            if self._child is worker:  # else another is there already
                self._forget()
            raise

    async def _leave(self) -> None:
        worker = self.worker.worker
        if worker is not None:
            try:
                async with asyncio.timeout(LEAVE_LIMIT):
                    await worker.send(Shutdown())
                    while True:
                        self._take(await worker.receive())
            except (DuologueError, TimeoutError):
                pass  # it has left (that is how its last packets end), or it is too slow and is killed
        self._forget()
        await self.worker.close()

    def _forget(self) -> None:
        """The stage that was told things is none any more."""
        if self._feeding is not None:
            self._feeding.cancel()
        self._child = self._feeding = None
        self.ready.clear()
        self._settle_withdrawals()
        self._drop_cut()

    # What was at work when it died

    def _mourn(self, lost: LostError) -> None:
        log.error("stage.died", error=str(lost), restarts=self.restarts)
        self._listener.died(lost)
        if lost.dropped is not None:
            self._give_up(lost.dropped)

    def _speaking(self) -> bool:
        return any(queued.begun for queued in self._queue.values())

    def _at_work(self) -> tuple[Work, ...]:
        suspects: list[Work] = []
        if self._tv is not None:
            suspects.append(Work(("film", str(self._tv)), f"the film {self._tv}"))
        if self._announcement:
            suspects.append(Work(("announcement", self._announcement), f"the announcement “{self._announcement}”"))
        if self._relighting:
            suspects.append(Work(("light", str(self._plan.lights)), "a change of light"))
        for name, queued in self._queue.items():
            if queued.handling or queued.begun:
                suspects.append(Work(("line", name), f"the line “{queued.say.utterance.text}”"))
        return tuple(suspects)

    def _give_up(self, work: Work) -> None:
        kind, name = cast("tuple[str, str]", work.key)
        what = f"a line was dropped: the stage died twice at {work.words}"
        if kind == "film":
            self._tv = None
            self._listener.tv("")
            what = f"the TV was switched off: the stage died twice while it showed {name}"
        elif kind == "announcement":
            self._announcement = ""
            self._listener.caption("")
            what = f"the announcement “{name}” was taken back: the stage died twice with it"
        elif kind == "light":
            self._plan = replace(self._plan, lights=self._lights)
            self._relighting = False
            self._listener.lights(self._lights)
            what = "the light is as it was before: the stage died twice while it changed it"
        elif name in self._queue:
            self._over(name, "the stage died twice at it")
        self._listener.trouble(Trouble(what, "the stage", "Please report it, with what is named."))

    # Reports

    def _take(self, report: object) -> None:
        """Whatever goes wrong in taking it is the end of this stage (:class:`PeerError`), and not of the show."""
        try:
            self._taken(report)
        except Exception as error:
            if isinstance(error, InputError) and not self._plan.origin:
                raise
            raise _of_peer(error) from error

    def _taken(self, report: object) -> None:
        match report:
            case Encoded(packets):
                self._outlet.feed(packets)
            case Frames(records):
                self._listener.frames(records)
            case StreamRun(format):
                self._outlet.begin(format, self._plan.wall_origin)
            case StageReady():
                self._begin(report)
            case StageFailed(what, where, remedy, refused):
                raise (InputError if refused else PeerError)(what, where=where, remedy=remedy)
            case StepRecord():
                self._listener.stepped(report)
            case SkipRecord():
                self._listener.skipped(report)
            case PauseRecord():
                self._listener.paused(report)
            case Baked():
                self._relit()
                self._listener.baked(report)
            case LightsKept(lights):
                self._plan = replace(self._plan, lights=lights)
                self._relit()
                self._listener.lights(lights)
            case TvState(film, failed):
                if failed is not None and failed == self._tv:  # else another is wanted by now
                    self._tv = film
                self._listener.tv(film.stem if film is not None else "")
            case Trouble():
                self._listener.trouble(report)
            case _:
                self._taken_of_a_line(report)

    def _taken_of_a_line(self, report: object) -> None:
        match report:
            case Handling(utterance_id) | Handled(utterance_id):
                if utterance_id in self._queue:
                    self._queue[utterance_id].handling = isinstance(report, Handling)
            case UtteranceStarted(utterance_id, at):
                if utterance_id in self._queue:
                    self._queue[utterance_id].begun = True
                self._listener.started(utterance_id, self.time_of(at))
            case UtteranceEnded(utterance_id, at, played):
                self._queue.pop(utterance_id, None)
                self._listener.ended(utterance_id, self.time_of(at), played, "")
            case UtteranceWithdrawn(utterance_id, True):
                self._withdrawn(utterance_id)
            case UtteranceWithdrawn(utterance_id, _):
                self._answer(utterance_id, False)
            case Dropped(utterance_id, what):
                self._answer(utterance_id, True)
                if utterance_id in self._queue:
                    self._over(utterance_id, what)
                self._listener.trouble(Trouble(f"a line cannot be said: {what}", utterance_id, "It is left out."))
            case _:
                log.error("stage.unknown_report", kind=type(report).__name__)

    def _begin(self, ready: StageReady) -> None:
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
            self._withdrawn(utterance_id)

    def _withdrawn(self, utterance_id: str) -> None:
        self._queue.pop(utterance_id, None)
        if (future := self._withdrawals.get(utterance_id)) is not None and future.cancelled():
            self._listener.ended(utterance_id, self._clock.now(), 0, "")  # who asked has left: others count on it
        self._answer(utterance_id, True)

    def _drop_cut(self) -> None:
        for utterance_id in [name for name, queued in self._queue.items() if queued.cut]:
            self._over(utterance_id)

    def _over(self, utterance_id: str, failure: str = "") -> None:
        """It is not said (again)."""
        del self._queue[utterance_id]
        self._listener.ended(utterance_id, self._clock.now(), 0, failure)


def _of_peer(error: Exception) -> PeerError:
    if isinstance(error, PeerError):
        return error
    if isinstance(error, DuologueError):
        return PeerError(error.what, where=error.where, remedy=error.remedy)
    log.error("stage.unforeseen", exc_info=error)
    return PeerError(in_words(error), where="the stage's link")
