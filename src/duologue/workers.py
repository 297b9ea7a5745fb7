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
"""

from __future__ import annotations

import asyncio
import pickle
import socket
import struct
import sys
import threading
from collections.abc import Iterator

from duologue.errors import ClosedError, PeerError

_HEADER = struct.Struct(">I")
MAX_MESSAGE = 512 * 1024 * 1024
"""A longer message (bytes) is taken for a broken stream."""


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


class Worker:
    """The parent's end of a running child. Make one with :meth:`start`."""

    def __init__(
        self,
        module: str,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.module = module
        self._process = process
        self._reader = reader
        self._writer = writer
        self._body_length: int | None = None  # of a message whose header was read when a receive was cancelled

    @classmethod
    async def start(cls, module: str, *arguments: str) -> Worker:
        """Run ``python -m module *arguments FD``. The child inherits standard error, so its last words are seen."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", module, *arguments, str(theirs.fileno()),
                stdin=asyncio.subprocess.DEVNULL, pass_fds=(theirs.fileno(),),
                start_new_session=True,  # a Ctrl-C is for the parent, which closes the channel in its own order
            )  # fmt: skip
        reader, writer = await asyncio.open_connection(sock=ours, limit=4 * 1024 * 1024)
        return cls(module, process, reader, writer)

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """False once the child's exit was noticed."""
        return self._process.returncode is None

    async def send(self, message: object) -> None:
        """Send; waits while the child is behind. Raises :class:`PeerError` when the child is gone."""
        body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        try:
            self._writer.write(_HEADER.pack(len(body)) + body)
            await self._writer.drain()
        except (ConnectionError, RuntimeError) as error:
            raise await self._death() from error

    async def receive(self) -> object:
        """The next message. Raises :class:`PeerError` when the child has died, with its exit status.

        May be cancelled (or timed out) at any point without losing a message.
        """
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
            raise await self._death() from error
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

    def kill(self) -> None:
        """SIGKILL, if it still runs."""
        if self._process.returncode is None:
            self._process.kill()

    async def _death(self) -> PeerError:
        try:
            async with asyncio.timeout(1.0):
                status = await self._process.wait()
        except TimeoutError:
            return PeerError(f"the process {self.module} closed its channel but still runs", where=f"pid {self.pid}")
        how = f"was killed by signal {-status}" if status < 0 else f"exited with status {status}"
        return PeerError(f"the process {self.module} {how}", where=f"pid {self.pid}")
