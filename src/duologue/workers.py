"""Child processes of our own: a Python module started with one end of a socket pair, speaking pickled messages.

Both ends are ours and the socket pair is private to them, so pickle is safe here and keeps messages what they are:
frozen dataclasses. A message is a 4-byte big-endian length and its pickle. When either end dies the other sees the end
of the stream at once; a child takes that as the order to leave.

The child::

    channel = Channel.inherited()           # the descriptor number is the module's last argument
    for message in channel:
        channel.send(answer(message))

The parent::

    worker = await Worker.start("duologue.speech.espeak_worker")
    await worker.send(message)
    answer = await worker.receive()         # PeerError when the child has died

A worker that is to be there whatever happens is a :class:`Supervised` one; :class:`Workers` are those of a house.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import socket
import struct
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Self

from duologue.clock import MILLISECOND, SECOND, SYSTEM_CLOCK, Clock
from duologue.errors import ClosedError, DuologueError, InputError, PeerError
from duologue.precedence import WorkGate
from duologue.supervision import Supervision, SupervisionPolicy, Work, WorkerPhase, WorkerState

_HEADER = struct.Struct(">I")
MAX_MESSAGE = 512 * 1024 * 1024
"""A longer message (bytes) is taken for a broken stream."""
LAST_WORDS = 200
"""So much of what a quiet child said last is told (characters)."""
GRACE = 0.25
"""Seconds: who looks so much later than its limit was not run itself, and has so long to read what came meanwhile."""
FINISH_LIMIT = 10 * SECOND
"""So long a worker may go on with what it is at when another is asked for in its place (ns)."""
_GLANCE = 20 * MILLISECOND
REMEDIES: Mapping[int, str] = {
    signal.SIGILL: "A library in it was built for instructions that this processor does not have, or may not use.",
    signal.SIGKILL: "If nobody killed it, the memory ran out: see the system's log.",
}
"""The next step after a death by a signal."""


class Channel:
    """The child's end: blocking, and safe to send on from several threads."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._stream = sock.makefile("rb")
        self._lock = threading.Lock()

    @classmethod
    def inherited(cls) -> Channel:
        """The channel whose descriptor the parent passed as the last command-line argument."""
        return cls(socket.socket(fileno=int(sys.argv[-1])))

    def send(self, message: object) -> None:
        """Send; blocks while the parent is behind. Raises :class:`ClosedError` when the parent is gone."""
        body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        try:
            with self._lock:
                self._socket.sendall(_HEADER.pack(len(body)) + body)
        except OSError as error:
            raise ClosedError("the parent process is gone") from error

    def receive(self) -> object:
        """The next message. Raises :class:`ClosedError` at the end of the stream."""
        try:
            header = self._stream.read(_HEADER.size)
            body = self._stream.read(_HEADER.unpack(header)[0]) if len(header) == _HEADER.size else b""
        except ConnectionError as error:  # it closed before it had read all that we sent
            raise ClosedError("the parent process is gone") from error
        if not body:
            raise ClosedError("the parent process closed the channel")
        return pickle.loads(body)

    def __iter__(self) -> Iterator[object]:
        while True:
            try:
                yield self.receive()
            except ClosedError:
                return

    def close(self) -> None:
        """Close this end; a thread that waits in :meth:`receive` is woken."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the other end was first
        self._socket.close()


class LoopChannel:
    """The child's end on an event loop, for a child that lives by deadlines: nothing here blocks."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def inherited(cls) -> LoopChannel:
        """As :meth:`Channel.inherited`."""
        sock = socket.socket(fileno=int(sys.argv[-1]))
        return cls(*await asyncio.open_connection(sock=sock, limit=4 * 1024 * 1024))

    @property
    def unsent(self) -> int:
        """Bytes that the parent has not taken yet."""
        return self._writer.transport.get_write_buffer_size()

    def send(self, message: object) -> None:
        """Send; what the parent does not take waits here: look at :attr:`unsent` first. A parent that is gone is
        noticed by :meth:`receive`.
        """
        if not self._writer.is_closing():
            body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
            self._writer.write(_HEADER.pack(len(body)) + body)

    async def receive(self) -> object:
        """The next message. Raises :class:`ClosedError` at the end of the stream."""
        try:
            length = int(_HEADER.unpack(await self._reader.readexactly(_HEADER.size))[0])
            body = await self._reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise ClosedError("the parent process is gone") from error
        return pickle.loads(body)

    async def close(self) -> None:
        """Send what waits, and close."""
        try:
            self._writer.close()
            await self._writer.wait_closed()
        except ConnectionError:
            pass  # the parent was first


class Worker:
    """The parent's end of a running child. Make one with :meth:`start`."""

    def __init__(
        self,
        module: str,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        muttering: int | None = None,
    ) -> None:
        self.module = module
        self._process = process
        self._reader = reader
        self._writer = writer
        self._muttering = muttering  # the end of a pipe to which its standard error goes
        self._last_words = ""
        self._body_length: int | None = None  # of a message whose header was read when a receive was cancelled

    @classmethod
    async def start(cls, module: str, *arguments: str, quiet: bool = False) -> Self:
        """Run ``python -m module *arguments FD``. The child inherits standard error, so its last words are seen; a
        ``quiet`` one's are not shown, but told with its death.

        Raises :class:`PeerError` when the system has no process left to give. Cancelled, it leaves none behind.
        """
        try:
            ours, theirs = socket.socketpair()
            with theirs:
                process, muttering = await _forked(ours, theirs.fileno(), module, arguments, quiet)
        except OSError as error:
            raise PeerError(
                f"the process {module} could not be started: {error.strerror or error}",
                remedy="See the limits of processes, memory and open files (ulimit -a).",
            ) from error
        try:
            reader, writer = await asyncio.open_connection(sock=ours, limit=4 * 1024 * 1024)
        except BaseException:
            ours.close()
            process.kill()
            await process.wait()
            raise
        return cls(module, process, reader, writer, muttering)

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """False once the child's exit was noticed."""
        return self._process.returncode is None

    @property
    def gone(self) -> bool:
        """The child closed the channel, and all that it sent was received."""
        return self._reader.at_eof()

    @property
    def signal(self) -> int:
        """The signal that killed the child; 0: none did, or it still runs."""
        return max(0, -(self._process.returncode or 0))

    async def send(self, message: object) -> None:
        """Send; waits while the child is behind. Raises :class:`PeerError` when the child is gone."""
        body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        try:
            self._writer.write(_HEADER.pack(len(body)) + body)
            await self._writer.drain()
        except (ConnectionError, RuntimeError) as error:
            raise await self.death() from error

    async def receive(self) -> object:
        """The next message. Raises :class:`PeerError` when the child has died, with its exit status.

        May be cancelled (or timed out) at any point without losing a message.
        """
        self._overhear()
        try:
            length = self._body_length
            if length is None:
                length = int(_HEADER.unpack(await self._reader.readexactly(_HEADER.size))[0])
                self._body_length = length
            if length > MAX_MESSAGE:
                raise PeerError(f"{self.module} sent {length} bytes in one message", remedy="This is a bug; report it.")
            body = await self._reader.readexactly(length)
            self._body_length = None
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise await self.death() from error
        return pickle.loads(body)

    async def close(self, patience: float = 2.0) -> None:
        """Close the channel, which asks the child to leave; kill it after ``patience`` seconds. Idempotent."""
        self._writer.close()
        try:
            async with asyncio.timeout(patience):
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()
        muttering, self._muttering = self._muttering, None
        if muttering is not None:
            os.close(muttering)

    def kill(self) -> None:
        """SIGKILL, if it still runs."""
        if self._process.returncode is None:
            self._process.kill()

    async def death(self) -> PeerError:
        """How the child ended, once it has closed the channel."""
        try:
            async with asyncio.timeout(1.0):
                status = await self._process.wait()
        except TimeoutError:
            return PeerError(f"the process {self.module} closed its channel but still runs", where=f"pid {self.pid}")
        self._overhear()
        how = f"was killed by signal {-status}{_named(-status)}" if status < 0 else f"exited with status {status}"
        last = f", at last saying {self._last_words!r}" if self._last_words else ""
        return PeerError(
            f"the process {self.module} {how}{last}", where=f"pid {self.pid}", remedy=REMEDIES.get(-status, "")
        )

    def _overhear(self) -> None:
        """Take what a quiet child wrote to standard error: the last line of it is kept."""
        while self._muttering is not None:
            try:
                heard = os.read(self._muttering, 65_536)
            except BlockingIOError:
                return
            if not heard:
                return
            if lines := [line for line in heard.decode("utf-8", "replace").splitlines() if line.strip()]:
                self._last_words = " ".join(lines[-1].split())[:LAST_WORDS]


async def _forked(
    ours: socket.socket, descriptor: int, module: str, arguments: tuple[str, ...], quiet: bool
) -> tuple[asyncio.subprocess.Process, int | None]:
    """The child, and the end of a pipe from its standard error if it is quiet; ``ours`` is closed when there is none.

    The pipe's other end does not block: a child whose words nobody takes loses them and goes on.
    """
    pipe = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK) if quiet else None
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, *arguments, str(descriptor),
            stdin=asyncio.subprocess.DEVNULL, stdout=pipe[1] if pipe else None, stderr=pipe[1] if pipe else None,
            pass_fds=(descriptor,),
            start_new_session=True,  # a Ctrl-C is for the parent, which closes the channel in its own order
        )  # fmt: skip
    except BaseException:
        ours.close()
        if pipe:
            os.close(pipe[0])
        raise
    finally:
        if pipe:
            os.close(pipe[1])
    return process, pipe[0] if pipe else None


def _named(number: int) -> str:
    try:
        return f" ({signal.Signals(number).name})"
    except ValueError:
        return ""


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
    (0: it was silent), go before :data:`REMEDIES`. When another is asked for, this one goes on while it is ``busy``
    (by default: while something is at work), for :data:`FINISH_LIMIT` at most. ``dismiss`` is for one that somebody
    reads from all the time, and starts again: it asks it to leave in its own way.
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
        self._clock = clock
        self._at_work = at_work
        self._leave = leave
        self._remedies = remedies or {}
        self._busy = busy or (lambda: bool(at_work()))
        self._dismiss = dismiss
        self._gate = asyncio.Lock()  # one start at a time
        self._starting: Worker | None = None
        self._nap: asyncio.Timeout | None = None
        self._unwanted: Worker | None = None  # somebody asked for another in its place
        self._loss: tuple[Worker, LostError] | None = None  # the last one that was lost, and what was said of it
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
        """The worker, started if there is none; after failures in a row first wait, longer each time.

        Raises :class:`LostError` when it does not come up, what ``greet`` raises, and :class:`ClosedError`.
        """
        async with self._gate:
            self._check()
            worker = self.worker
            if worker is not None and worker.gone and not self._at_work():  # it died, and nobody noticed
                await self.lose(worker, await worker.death())
                worker = None
            return worker or await self._start()

    async def send(self, worker: Worker, message: object) -> None:
        """Send to ``worker``. Raises :class:`LostError` when it is gone, :class:`ClosedError` after :meth:`close`."""
        try:
            await worker.send(message)
        except PeerError as death:
            raise await self.lose(worker, death) from death

    async def receive(self, worker: Worker, limit: float) -> object:
        """The next message of ``worker``, within ``limit`` seconds. Raises as :meth:`send`, and kills who is silent."""
        loop = asyncio.get_running_loop()
        for patience in (limit, GRACE):
            due = loop.time() + patience
            try:
                async with asyncio.timeout(patience):
                    return await worker.receive()
            except TimeoutError:
                if loop.time() < due + GRACE:  # else we were the one that was not run, and what it sent may be there
                    break
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
        async with self._gate:  # a start that was under way has cleaned up
            pass

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


async def _away(worker: Worker | None) -> None:
    if worker is not None:
        worker.kill()
        await worker.close()


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
