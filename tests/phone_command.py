"""The commands of the telephone as processes of their own, on loopback: espeak-ng speaks, a scripted server hears."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from duologue.app.line_models import LineView
from duologue.clock import SECOND, SYSTEM_CLOCK
from scripted_server import Connection, Request, ScriptedServer, serving

GREETING = "Good morning, this is Robin speaking."
START_SECONDS = 60.0
"""For the engines and the line to come up on a machine that is at other things, too."""


class Ears(ScriptedServer):
    """Understands the same in everything."""

    async def answer(self, request: Request, connection: Connection) -> bool:
        return await connection.send(200, {"data": []} if request.path.endswith("/models") else {"text": "Hello."})


@dataclass
class Command:
    """A command that runs: what it has said, and what it complained of, line by line."""

    process: asyncio.subprocess.Process
    said: list[str] = field(default_factory=list[str])
    complained: list[str] = field(default_factory=list[str])
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, reached: Callable[[], object], seconds: float = START_SECONDS) -> None:
        """Until something was said."""
        async with asyncio.timeout(seconds):
            while not reached():
                assert self.process.returncode is None, self.complained
                self.changed.clear()
                await self.changed.wait()

    def interrupt(self) -> None:
        """Ctrl-C, as a terminal does it: all processes of the group are told."""
        os.killpg(self.process.pid, signal.SIGINT)

    async def over(self, seconds: float) -> int:
        """Its exit status. Raises :class:`TimeoutError` when it is not over by then."""
        return await asyncio.wait_for(self.process.wait(), seconds)

    async def read(self, stream: asyncio.StreamReader, into: list[str]) -> None:
        async for line in stream:
            into.append(line.decode().rstrip())
            self.changed.set()


@contextlib.asynccontextmanager
async def command(folder: Path, words: Sequence[str], settings: str = "") -> AsyncGenerator[Command]:
    """``duologue WORDS`` with ``settings`` (TOML), ended with all that it started."""
    async with serving(Ears()) as ears, asyncio.TaskGroup() as group:
        file = folder / "duologue.toml"
        file.write_text(
            '[engines]\ntts = "espeak"\nstt = "openai_hearing"\nllm = "improv"\n'
            f'[engines.openai_hearing]\nbase_url = "{ears.base_url}"\nmodel = "scripted"\n{settings}'
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "duologue", *words, "--config", str(file), cwd=folder, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None and process.stderr is not None
        running = Command(process)
        group.create_task(running.read(process.stdout, running.said))
        group.create_task(running.read(process.stderr, running.complained))
        try:
            yield running
        finally:
            with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
                for child in psutil.Process(process.pid).children(recursive=True):
                    child.kill()
                process.kill()
            await process.wait()


@dataclass
class Phone:
    """A ``duologue phone`` that takes calls: ``address`` of its page, ``port`` of its line."""

    command: Command
    address: str
    port: int
    client: httpx.AsyncClient

    async def line(self) -> LineView:
        """As a page is told."""
        return LineView.model_validate((await self.client.get("/api/line")).json())

    async def line_process(self) -> int:
        """The process id of the line."""
        workers = (await self.client.get("/api/workers")).json()
        return next(worker["pid"] for worker in workers if worker["name"] == "line")

    async def until(self, reached: Callable[[LineView], object], seconds: float = 10.0) -> LineView:
        """The line, when something is so."""
        async with asyncio.timeout(seconds):
            while True:
                line = await self.line()
                if reached(line):
                    return line
                await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def phone(folder: Path, settings: str = "") -> AsyncGenerator[Phone]:
    """``duologue phone``, ready; its ledger is in ``folder``/``ledger``."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        web = taken.getsockname()[1]
    ledger = str(folder / "ledger")
    words = ("phone", "--as", "phone", "--listen", "127.0.0.1:0", "--port", str(web), "--ledger", ledger)
    table = f'[phone]\ngreeting = "{GREETING}"\n{settings}'
    address = f"http://127.0.0.1:{web}"
    async with command(folder, words, table) as running, httpx.AsyncClient(base_url=address, timeout=10) as client:
        deadline = SYSTEM_CLOCK.now() + START_SECONDS * SECOND
        while True:
            assert running.process.returncode is None, running.complained
            try:
                ready = await client.get("/readyz")
            except httpx.TransportError:
                ready = None
            if ready is not None and ready.is_success:
                break
            assert SYSTEM_CLOCK.now() < deadline, ready.text if ready is not None else running.complained
            await asyncio.sleep(0.1)
        line = LineView.model_validate((await client.get("/api/line")).json())
        port = int(line.listens[0].partition(";")[0].rpartition(":")[2])
        yield Phone(running, address, port, client)
