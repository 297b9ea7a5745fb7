"""Faults for :mod:`benchmarks.causes`. Each is a real one, done to a house that runs: nothing writes into its records.

- *busy cores*: loops of other sessions at equal priority, sixteen for each core (with six the show on an idle machine
  of two cores made itself plain, and was in time). They are started once and stopped; a signal lets them go on.
- *slow disk*: runs are written to an ext4 file system of its own in a file, which is frozen (``fsfreeze``): the kernel
  takes no write until it is thawed, as of a disk that does not answer. This needs root.
- *garbage*: the interpreter of the stage, or of the main process, collects a million objects again and again
  (:mod:`benchmarks.causes.hook`).
- *an engine stands still*: SIGSTOP to the voice's worker and its children before the model begins to write, SIGCONT
  300 ms after it does: while nobody waits for a voice, nothing that it does not do is late.
- *slow model*: a server on this machine that writes its first word so much later.
- *packet loss*: a caller leaves out packets.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Generator, Iterable, Sequence
from itertools import count
from pathlib import Path

import psutil

from benchmarks.machine import cores, foreign, say
from duologue.clock import MILLISECOND, SYSTEM_CLOCK

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from scripted_server import Connection, Request, ScriptedServer, serving

HOOK = Path(__file__).parent / "hook"
LOOPS_A_CORE = 16
_LOOP = "while True: sum(range(10_000))"
DISK_MB = 256
FIRST_TOKEN_MS = 30


class Loops:
    """Busy loops that rest until :meth:`burn`."""

    def __init__(self, processes: list[int]) -> None:
        self._processes = processes
        self._signal(signal.SIGSTOP)

    def burn(self, seconds: float) -> None:
        """Blocks for so long."""
        self._signal(signal.SIGCONT)
        time.sleep(seconds)
        self._signal(signal.SIGSTOP)

    def _signal(self, number: signal.Signals) -> None:
        for each in self._processes:
            os.kill(each, number)


@contextlib.contextmanager
def loops() -> Generator[Loops]:
    """See the module."""
    with contextlib.ExitStack() as stack:
        command = [sys.executable, "-c", _LOOP]
        started = [stack.enter_context(foreign(command, "a busy loop")) for _ in range(LOOPS_A_CORE * len(cores()))]
        yield Loops([each.pid for each in started])


class Disk:
    """A file system of its own at ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def freeze(self, seconds: float) -> None:
        """It takes no write for so long; blocks."""
        subprocess.run(["fsfreeze", "--freeze", str(self.folder)], check=True)
        try:
            time.sleep(seconds)
        finally:
            subprocess.run(["fsfreeze", "--unfreeze", str(self.folder)], check=True)


@contextlib.contextmanager
def disk() -> Generator[Disk | None]:
    """See the module; None where it cannot be had."""
    if os.geteuid() != 0 or any(shutil.which(each) is None for each in ("mkfs.ext4", "mount", "umount", "fsfreeze")):
        say("no slow disk: that needs root, mkfs.ext4, mount and fsfreeze")
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="causes-disk-") as name:
        image, folder = Path(name) / "image", Path(name) / "mounted"
        folder.mkdir()
        with image.open("wb") as file:
            file.truncate(DISK_MB << 20)
        subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
        mounted = subprocess.run(["mount", "-o", "loop", str(image), str(folder)], stderr=subprocess.PIPE, text=True)
        if mounted.returncode:
            say(f"no slow disk: {mounted.stderr.strip()}")
            yield None
            return
        try:
            yield Disk(folder)
        finally:
            subprocess.run(["umount", str(folder)], check=True)


class Collector:
    """Has a process collect garbage (:mod:`benchmarks.causes.hook`). Its methods block until that is done."""

    def __init__(self, process: int) -> None:
        self._process = process

    def prepare(self) -> None:
        """Make what is to be collected; takes a second or two."""
        self._ask("prepare")

    def collect(self, milliseconds: float) -> tuple[int, int]:
        """Collect for so long; when that began and ended (monotonic ns)."""
        began, ended = self._ask(f"{milliseconds:g}").split()
        return int(began), int(ended)

    def release(self) -> None:
        """Let go of it; takes a second or two."""
        self._ask("release")

    def _ask(self, message: str) -> bytes:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ours:
            ours.bind(f"\0duologue-causes-by-{os.getpid()}-{self._process}")
            ours.settimeout(60)
            ours.sendto(message.encode(), f"\0duologue-causes-{self._process}")
            return ours.recv(64)


@contextlib.asynccontextmanager
async def standing(family: Sequence[psutil.Process]) -> AsyncGenerator[None]:
    """Within, a process (the first) and its children are stopped by a signal: the system has said so."""
    try:
        await asyncio.to_thread(_stop, family)
        yield
    finally:
        _signal(family, signal.SIGCONT)


def _stop(family: Sequence[psutil.Process]) -> None:
    _signal(family, signal.SIGSTOP)
    while family[0].status() != psutil.STATUS_STOPPED:
        time.sleep(0.001)


def _signal(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    for each in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.send_signal(number)


def worker(house: int, module: str) -> psutil.Process:
    """The worker of a house that runs ``module``."""
    return next(each for each in psutil.Process(house).children() if module in " ".join(each.cmdline()))


class PacedModel(ScriptedServer):
    """Writes a short sentence, its first word :data:`FIRST_TOKEN_MS` and ``late_ms`` after it was asked; it hears the
    same whatever it is told, for a telephone wants ears.
    """

    def __init__(self) -> None:
        super().__init__()
        self.late_ms = 0.0
        self.writes = asyncio.Event()
        """Set when it is about to write."""
        self.may_write = asyncio.Event()
        """It waits for this."""
        self.may_write.set()
        self._number = count(1)

    async def answer(self, request: Request, connection: Connection) -> bool:
        """One request."""
        begin = SYSTEM_CLOCK.now()
        match request.path.removeprefix("/v1"):
            case "/models":
                return await connection.send(200, {"object": "list", "data": [{"id": "paced", "object": "model"}]})
            case "/audio/transcriptions":
                return await connection.send(200, {"text": "Hello."})
            case "/chat/completions":
                words = f"This is answer number {next(self._number)}.".split()
                await SYSTEM_CLOCK.wait_until(begin + round((FIRST_TOKEN_MS + self.late_ms) * MILLISECOND))
                return await self._write(words, connection)
            case _:
                return await connection.send(404, {"error": {"message": "there is no such thing"}})

    async def _write(self, words: list[str], connection: Connection) -> bool:
        self.writes.set()
        await self.may_write.wait()
        connection.begin("text/event-stream")
        for number, word in enumerate(words):
            delta = {"choices": [{"index": 0, "delta": {"content": f" {word}" if number else word}}]}
            await connection.chunk(f"data: {json.dumps(delta)}\n\n".encode())
        last: dict[str, object] = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
        await connection.chunk(f"data: {json.dumps(last)}\n\ndata: [DONE]\n\n".encode())
        return await connection.end()


@contextlib.asynccontextmanager
async def paced_model() -> AsyncGenerator[PacedModel]:
    """One that listens; its ``base_url`` is an engine's."""
    async with serving(PacedModel()) as server:
        yield server
