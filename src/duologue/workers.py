"""Workers: child processes that are there whatever happens, and all of a house by name.

What is decided of a death (another one, when, without what) is :mod:`duologue.supervision`'s; the process and its
channel are :mod:`duologue.child`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from duologue.child import Worker
from duologue.clock import MILLISECOND, SECOND, SYSTEM_CLOCK, Clock
from duologue.errors import ClosedError, DuologueError, InputError, PeerError
from duologue.precedence import WorkGate
from duologue.supervision import Supervision, SupervisionPolicy, Work, WorkerPhase, WorkerState

GRACE = 0.25
"""Seconds beyond a limit: who was not run itself reads what came meanwhile."""
STANDSTILL = 1.0
"""Who wakes up so much too late (s) was stopped, perhaps with all else here: then nobody could give a sign of life."""
FINISH_LIMIT = 10 * SECOND
"""So long a worker may go on with what it is at when another is asked for in its place (ns)."""
_GLANCE = 20 * MILLISECOND


class LostError(PeerError):
    """A supervised worker died, hung or did not come up.

    ``again``: whoever asks next starts another; else it failed too often in a row. ``dropped`` is the work that killed
    it once too often and must not be sent again.
    """

    again = True
    dropped: Work | None = None


class Supervised:
    """A worker that is there when it is asked for, whatever happened before. Use it on one event loop.

    ``launch`` makes the process; ``greet`` brings it up, within the policy's ``start``: it sends what comes first,
    reads the hello, and tells the worker again what it must know of what went on before it. What it raises, other than
    :class:`PeerError`, is the caller's fault and counts as no failure. ``at_work`` tells all that the worker is at,
    first what is missed least; empty when nobody would miss it. ``purpose`` says what it is for, to people. ``leave``
    is how long it may take to leave when it is closed (s; 0: it is killed); ``remedies``, by the signal that killed it
    (0: it was silent), go before :data:`~duologue.child.REMEDIES`. When another is asked for, this one goes on while
    it is ``busy`` (by default: while something is at work), for :data:`FINISH_LIMIT` at most. ``dismiss`` is for one
    that somebody reads from all the time, and starts again: it asks it to leave in its own way.
    """

    def __init__(
        self,
        name: str,
        launch: Callable[[], Awaitable[Worker]],
        greet: Callable[[Worker], Awaitable[None]],
        *,
        purpose: str = "",
        policy: SupervisionPolicy | None = None,
        clock: Clock = SYSTEM_CLOCK,
        at_work: Callable[[], Sequence[Work]] = tuple,
        leave: float = 2.0,
        remedies: Mapping[int, str] | None = None,
        busy: Callable[[], bool] | None = None,
        dismiss: Callable[[], None] | None = None,
    ) -> None:
        self.name = name
        self.purpose = purpose
        self._launch = launch
        self._greet = greet
        self._life = Supervision(policy or SupervisionPolicy())
        self._life.enter(WorkerPhase.IDLE, clock.now())
        self._clock = clock
        self._at_work = at_work
        self._leave = leave
        self._remedies = remedies or {}
        self._busy = busy or (lambda: bool(at_work()))
        self._dismiss = dismiss
        self._gate = asyncio.Lock()  # one start at a time
        self._coming: asyncio.Task[Worker] | None = None  # the start that is under way, or the last one
        self._starting: Worker | None = None
        self._nap: asyncio.Timeout | None = None
        self._unwanted: Worker | None = None  # somebody asked for another in its place
        self._loss: tuple[Worker, LostError] | None = None  # the last one that was lost, and what was said of it
        self._silence: tuple[Worker, int, float] | None = None  # who is waited for, after which byte, since when (s)
        self.worker: Worker | None = None
        """The one that is up, if there is one; it may have died since."""
        self.changed: Callable[[WorkerState], None] = _nobody
        """Told of each change of its state: see :class:`Workers`."""
        self.gate = WorkGate(clock=clock)
        """Where it asks for each piece of its work: its own, until :class:`Workers` take it in."""

    @property
    def pid(self) -> int | None:
        """The worker's process id, None while there is none."""
        worker = self.worker or self._starting
        return worker.pid if worker else None

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._life.phase is WorkerPhase.CLOSED

    @property
    def restarts(self) -> int:
        """How often a worker was replaced."""
        return self._life.restarts

    @property
    def state(self) -> WorkerState:
        """For a page."""
        life = self._life
        return WorkerState(
            self.name, life.phase, self.purpose, life.since, self.pid, life.restarts, life.failures, life.cause,
            life.last_failure, life.due,
        )  # fmt: skip

    async def running(self) -> Worker:
        """The worker, started if there is none; after failures in a row first wait, longer each time. A start goes on
        when who asked for it is cancelled: what takes longer to load than anybody waits would never be there.

        Raises :class:`LostError` when it does not come up, what ``greet`` raises, and :class:`ClosedError`.
        """
        async with self._gate:
            self._check()
            worker = self.worker
            if worker is not None and worker.gone and not self._at_work():  # it died, and nobody noticed
                await self.lose(worker, await worker.death())
                worker = None
            return worker or await self._come()

    async def _come(self) -> Worker:
        task = self._coming
        if task is None or task.done():
            task = self._coming = asyncio.get_running_loop().create_task(self._start())
            task.add_done_callback(_heeded)
        await asyncio.wait([task])
        return task.result()

    async def receive(self, worker: Worker, limit: float) -> object:
        """The next message of ``worker``, to which the request was :meth:`~duologue.child.Worker.put`.

        Raises :class:`LostError` when it is gone, :class:`ClosedError` after :meth:`close`, and kills who sends no byte
        for ``limit`` seconds; of a message that is long, or that we are slow to take, each part counts. Who waited
        before and gave up counts too: else one that hangs would stay where everybody gives up sooner.
        """
        patience = max(0.0, limit - self._silent(worker))
        while True:
            taken, timer = worker.taken, asyncio.timeout(patience)
            try:
                async with timer:
                    return await worker.receive()
            except TimeoutError:
                anew = worker.taken != taken or _stood_still(timer)
                if not anew and patience == GRACE:
                    break
                patience = limit if anew else GRACE
            except PeerError as death:
                raise await self.lose(worker, death) from death
        what = f"{self.name} gave no sign of life for {limit:g} s"
        raise await self.lose(worker, PeerError(what, where=f"pid {worker.pid}", remedy=self._remedies.get(0, "")))

    async def lose(self, worker: Worker | None, death: PeerError) -> DuologueError:
        """``worker`` is dead or must die. The error for whoever waited; a death counts once, whoever notices it."""
        lost = self._accounted(worker, death)
        if worker is self.worker:
            self.worker = None
        await _away(worker)
        return ClosedError(f"{self.name} was closed") if self.closed else lost

    def well(self) -> None:
        """The worker did what was asked of it: its failures are forgiven."""
        if self._life.failures or self._life.cause:
            self._life.well()
            self._tell()

    async def restart(self) -> None:
        """Put another in the worker's place, when it is done with what it is at; its failures are forgotten.

        Raises as :meth:`running`.
        """
        self._check()
        worker = self._unwanted = self.worker or self._starting
        if worker is None:
            self._life.well()
            self._life.due = self._clock.now()
            self._wake()
        elif worker is self._starting:
            worker.kill()  # who started it notices
        else:
            await self._finished(worker)
            if worker is self.worker and self._dismiss is not None:
                self._dismiss()
            elif worker is self.worker:
                worker.kill()
                await self.lose(worker, await worker.death())
        if self._dismiss is None:
            await self.running()

    async def close(self) -> None:
        """End the worker, also one that is being started; who waits for it gets :class:`ClosedError`. Idempotent."""
        if not self.closed:
            self._enter(WorkerPhase.CLOSED)
        self._wake()
        if self._starting is not None:
            self._starting.kill()
        worker, self.worker = self.worker, None
        if worker is not None:
            if not self._leave:
                worker.kill()
            await worker.close(self._leave)
        if self._coming is not None:  # it cleans up
            await asyncio.wait([self._coming])
        async with self._gate:
            pass

    def _silent(self, worker: Worker) -> float:
        """Seconds for which ``worker`` has been waited for."""
        now = asyncio.get_running_loop().time()
        if self._silence is None or self._silence[:2] != (worker, worker.taken):
            self._silence = worker, worker.taken, now
        return now - self._silence[2]

    async def _start(self) -> Worker:
        await self._pause()
        worker: Worker | None = None
        try:
            self._enter(WorkerPhase.STARTING)
            worker = self._starting = await self._launch()
            self._check()
            self._tell()  # it has a process id now
            await self._brought_up(worker)
        except PeerError as death:
            raise await self.lose(worker, death) from death
        except BaseException:  # cancelled, closed, or the caller's fault
            await _away(worker)
            if not self.closed:
                self._enter(WorkerPhase.IDLE)
            raise
        finally:
            self._starting = None
        self.worker, self._starting = worker, None
        self._enter(WorkerPhase.UP)
        return worker

    async def _brought_up(self, worker: Worker) -> None:
        limit = self._life.policy.start / SECOND
        timer = asyncio.timeout(limit)
        try:
            async with timer:
                await self._greet(worker)
        except TimeoutError as error:
            if not timer.expired():
                raise
            what = f"{self.name} did not come up within {limit:g} s"
            raise PeerError(what, where=f"pid {worker.pid}", remedy=self._remedies.get(0, "")) from error
        self._check()

    async def _pause(self) -> None:
        self._check()
        if self._life.due > self._clock.now():
            try:
                async with asyncio.timeout(None) as self._nap:
                    await self._clock.wait_until(self._life.due)
            except TimeoutError:
                pass  # woken: to begin at once, or to end
            finally:
                self._nap = None
        self._check()

    def _wake(self) -> None:
        if self._nap is not None and not self._nap.expired():
            self._nap.reschedule(asyncio.get_running_loop().time())

    async def _finished(self, worker: Worker) -> None:
        until = self._clock.now() + FINISH_LIMIT
        while worker is self.worker and self._busy() and (now := self._clock.now()) < until:
            await self._clock.wait_until(now + _GLANCE)

    def _enter(self, phase: WorkerPhase) -> None:
        self._life.enter(phase, self._clock.now())
        self._tell()

    def _tell(self) -> None:
        self.changed(self.state)

    def _check(self) -> None:
        if self.closed:
            raise ClosedError(f"{self.name} is closed")

    def _accounted(self, worker: Worker | None, death: PeerError) -> LostError:
        if self._loss is not None and worker is self._loss[0]:
            return self._loss[1]
        if self.closed or (worker is not None and worker not in (self.worker, self._starting)):
            return LostError(death.what, where=death.where, remedy=death.remedy)
        lost = self._failed(worker, death)
        if worker is not None:
            self._loss = worker, lost
        self._tell()
        return lost

    def _failed(self, worker: Worker | None, death: PeerError) -> LostError:
        now = self._clock.now()
        if worker is not None and worker is self._unwanted:
            self._life.replaced(now)
            return LostError(f"{self.name} was restarted", where=death.where)
        fate = self._life.died(now, death.what, self._at_work())
        own = self._remedies.get(worker.signal) if worker and worker.signal else None
        what, remedy = death.what, own or death.remedy
        if not fate.again:
            what = f"{self.name} failed {fate.times} times in a row, at last: {what}"
            remedy = remedy or "Run `duologue doctor`; the log has each failure."
        elif fate.dropped is not None:
            what = f"{self.name} failed {fate.times} times at {fate.dropped.words}, at last: {what}"
            remedy = remedy or "That is left out; the rest goes on."
        lost = LostError(what, where=death.where, remedy=remedy)
        lost.again, lost.dropped = fate.again, fate.dropped
        return lost


def _stood_still(timer: asyncio.Timeout) -> bool:
    """Whether we did, before it rang."""
    due = timer.when()
    return due is not None and asyncio.get_running_loop().time() - due >= STANDSTILL


async def _away(worker: Worker | None) -> None:
    if worker is not None:
        worker.kill()
        await worker.close()


def _heeded(start: asyncio.Task[Worker]) -> None:
    """A failure of which nobody waits to hear is in the worker's state."""
    if not start.cancelled():
        start.exception()


def _nobody(state: WorkerState) -> None:
    pass


class Workers:
    """Every supervised worker of a house by name: how it is, who is told when that changes, a handle to restart it, and
    the gate at which all ask for their pieces of work.

    A worker that is closed is told of for the last time, and forgotten. Use it on one event loop.
    """

    def __init__(self) -> None:
        self.gate = WorkGate()
        """See :mod:`duologue.precedence`."""
        self._workers: dict[str, Supervised] = {}
        self.listeners: list[Callable[[WorkerState], None]] = []
        """Told of each change of a worker's state."""

    def add(self, *workers: Supervised) -> None:
        """Take them in. Of several with one name each further one gets a number."""
        for worker in workers:
            number, name = 1, worker.name
            while worker.name in self._workers:
                number += 1
                worker.name = f"{name}-{number}"
            self._workers[worker.name] = worker
            worker.changed = self._changed
            worker.gate = self.gate
            self._changed(worker.state)

    def states(self) -> tuple[WorkerState, ...]:
        """Of all of them, in the order in which they came."""
        return tuple(worker.state for worker in self._workers.values())

    async def restart(self, name: str) -> WorkerState:
        """Put another in the place of worker ``name`` (see :meth:`Supervised.restart`); how it is then.

        Raises :class:`InputError` for a name that is not there, and what its caller did wrong.
        """
        worker = self._workers.get(name)
        if worker is None:
            there = ", ".join(self._workers) or "none"
            raise InputError(f"there is no worker {name!r}", where="name", remedy=f"There are: {there}.")
        try:
            await worker.restart()
        except LostError:
            pass  # its state says so, and it is tried again
        return worker.state

    def _changed(self, state: WorkerState) -> None:
        if state.phase is WorkerPhase.CLOSED:
            self._workers.pop(state.name, None)
        for listener in self.listeners:
            listener(state)
