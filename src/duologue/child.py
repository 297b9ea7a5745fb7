"""Child processes of our own: a Python module started with one end of a socket pair, speaking pickled messages.

Both ends are ours and the socket pair is private to them, so pickle is safe here and keeps messages what they are:
frozen dataclasses. A message is a 4-byte big-endian length and its pickle. When either end dies the other sees the end
of the stream at once; a child takes that as the order to leave.

The child::

    channel = Channel.inherited()           # the descriptor number is the module's last argument
    for message in channel:
        channel.send(answer(message))

or :func:`serve`, where the first message says what is to be loaded.

The parent::

    worker = await Worker.start("duologue.speech.espeak.worker")
    await worker.send(message)
    answer = await worker.receive()         # PeerError when the child has died

One that is to be there whatever happens is supervised: :mod:`duologue.workers`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import signal
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Self

from duologue.errors import ClosedError, DuologueError, PeerError

_HEADER = struct.Struct(">I")
MAX_MESSAGE = 512 * 1024 * 1024
"""A longer message (bytes) is taken for a broken stream."""
LAST_WORDS = 200
"""So much of what a quiet child said last is told (characters)."""
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
            length = int(_HEADER.unpack(header)[0]) if len(header) == _HEADER.size else 0
            body = self._stream.read(length)
        except ConnectionError as error:  # it closed before it had read all that we sent
            raise ClosedError("the parent process is gone") from error
        if not length or len(body) < length:  # maybe in the middle of a message
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


def serve(
    begin: Callable[[object], tuple[object, Callable[[object], object]]], refused: Callable[[DuologueError], object]
) -> int:
    """The whole life of a child that answers, until its parent closes the channel: its exit status.

    ``begin`` takes the first message, and gives the hello and who answers each further one. What it raises is told in
    the words of ``refused``, and ends it.
    """
    channel = Channel.inherited()
    try:
        first = channel.receive()
        try:
            hello, answer = begin(first)
        except DuologueError as error:
            channel.send(refused(error))
            return 1
        channel.send(hello)
        for message in channel:
            channel.send(answer(message))
    except ClosedError:
        pass  # the parent is gone: nobody is left to tell
    return 0


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
        self._coming = bytearray()  # of the message that comes, with its header
        self.taken = 0
        """Bytes that came so far: also a part of a message is a sign of life."""

    @classmethod
    async def start(cls, module: str, *arguments: str, quiet: bool = False, ahead: int = 4 * 1024 * 1024) -> Self:
        """Run ``python -m module *arguments FD``. The child inherits standard error, so its last words are seen; a
        ``quiet`` one's are not shown, but told with its death. Twice ``ahead`` bytes are read before they are asked
        for, at most.

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
            reader, writer = await asyncio.open_connection(sock=ours, limit=ahead)
        except BaseException:
            ours.close()
            send_signal(process, signal.SIGKILL)
            await process.wait()
            raise
        worker = cls(module, process, reader, writer, muttering)
        if muttering is not None:  # taken as it comes: of a full pipe the last words are lost
            asyncio.get_running_loop().add_reader(muttering, worker._overhear)
        return worker

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

    def put(self, message: object) -> None:
        """Lay a message out for the child, which takes it when it comes to it. Of a child that is gone
        :meth:`receive` tells the end.
        """
        body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        try:
            self._writer.write(_HEADER.pack(len(body)) + body)
        except RuntimeError:  # uvloop's way to say that the channel is closed
            pass

    async def send(self, message: object) -> None:
        """Send; waits while the child is behind, without end if it is stopped. Raises :class:`PeerError` when the child
        is gone.
        """
        self.put(message)
        try:
            await self._writer.drain()
        except (ConnectionError, RuntimeError) as error:
            raise await self.death() from error

    async def receive(self) -> object:
        """The next message. Raises :class:`PeerError` when the child has died, with its exit status.

        May be cancelled (or timed out) at any point without losing a message.
        """
        await self._have(_HEADER.size)
        length = int(_HEADER.unpack_from(self._coming)[0])
        if length > MAX_MESSAGE:
            raise PeerError(f"{self.module} sent {length} bytes in one message", remedy="This is a bug; report it.")
        await self._have(_HEADER.size + length)
        message, self._coming = self._coming, bytearray()
        return pickle.loads(memoryview(message)[_HEADER.size :])

    async def _have(self, count: int) -> None:
        """So many bytes of the message that comes."""
        while len(self._coming) < count:
            try:
                part = await self._reader.read(count - len(self._coming))
            except ConnectionError as error:
                raise await self.death() from error
            if not part:  # maybe in the middle of a message
                raise await self.death()
            self._coming += part
            self.taken += len(part)

    async def close(self, patience: float = 2.0) -> None:
        """Close the channel, which asks the child to leave; kill it after ``patience`` seconds, or when this is
        cancelled. Idempotent.
        """
        self._writer.close()
        try:
            async with asyncio.timeout(patience):
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()
        finally:
            self.kill()  # cancelled: it may be one that never leaves, and nobody has it any more
            muttering, self._muttering = self._muttering, None
            if muttering is not None:
                asyncio.get_running_loop().remove_reader(muttering)
                os.close(muttering)

    def kill(self) -> None:
        """SIGKILL, if it still runs."""
        send_signal(self._process, signal.SIGKILL)

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
            if not heard:  # its end, which a reader would be told of for ever
                asyncio.get_running_loop().remove_reader(self._muttering)
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
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL if pipe else None,
            stderr=pipe[1] if pipe else None,
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


def send_signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Send it, if the process still runs as far as we know.

    Not by the process's own method: that one looks whether it has ended, and takes its end from who waits for it, to
    whom its status is 255 then ("Unknown child process").
    """
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)


def _named(number: int) -> str:
    try:
        return f" ({signal.Signals(number).name})"
    except ValueError:
        return ""
