"""The commands of the telephone as a person runs them: processes of their own on loopback, known by what they say, by
what their page is told and by what they leave. Unless a test says otherwise espeak-ng speaks and a scripted server
hears.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from duologue.app.calls.line_models import LineView
from duologue.app.models import CallTurnEvent, Event
from duologue.web.events import StreamedEvent
from scripted_server import Connection, Request, ScriptedServer, serving

GREETING = "Good morning, this is Robin speaking."
START_SECONDS = 90.0
"""For the engines and the line to come up on a machine that is at other things, too."""
END_SECONDS = 30.0


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

    async def until(
        self, reached: Callable[[], object], seconds: float = START_SECONDS, what: str = "what it waits for"
    ) -> None:
        """Until something is so, which is named where it is not."""
        try:
            async with asyncio.timeout(seconds):
                while not reached():
                    assert self.process.returncode is None, self.complained
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            newest = "\n".join(self.complained[-30:])
            raise AssertionError(f"{what}: not within {seconds:g} s; the process wrote:\n{newest}") from None

    def interrupt(self) -> None:
        """Ctrl-C, as a terminal does it: all processes of the group are told."""
        os.killpg(self.process.pid, signal.SIGINT)

    async def over(self, seconds: float) -> int:
        """Its exit status. Raises :class:`TimeoutError` when it is not over by then."""
        return await asyncio.wait_for(self.process.wait(), seconds)

    async def read(self, stream: asyncio.StreamReader, into: list[str]) -> None:
        """Take what it writes, until it is gone."""
        async for line in stream:
            into.append(line.decode(errors="replace").rstrip())
            self.changed.set()


@contextlib.asynccontextmanager
async def scripted_engines() -> AsyncGenerator[str]:
    """As settings (TOML)."""
    async with serving(Ears()) as ears:
        yield (
            '[engines]\ntts = "espeak"\nstt = "openai_hearing"\nllm = "improv"\n'
            f'[engines.openai_hearing]\nbase_url = "{ears.base_url}"\nmodel = "scripted"\n'
        )


@contextlib.asynccontextmanager
async def command(
    folder: Path, words: Sequence[str], settings: str = "", *, engines: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> AsyncGenerator[Command]:  # fmt: skip
    """``duologue WORDS`` with ``settings`` (TOML), ended with all that it started. ``engines`` are settings as well;
    None: the scripted ones.
    """
    async with contextlib.AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        if engines is None:
            engines = await stack.enter_async_context(scripted_engines())
        file = folder / "duologue.toml"
        file.write_text(f"{engines}\n{settings}")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "duologue", *words, "--config", str(file), cwd=folder, start_new_session=True,
            env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
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
    """A ``duologue phone`` that takes calls: ``address`` of its page, ``port`` of its line, ``events`` that its page is
    told of the line.
    """

    command: Command
    address: str
    client: httpx.AsyncClient
    port: int = 0
    events: list[Event] = field(default_factory=list[Event])

    async def line(self) -> LineView:
        """As a page is told."""
        return LineView.model_validate_json((await self.client.get("/api/line")).raise_for_status().text)

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

    async def answered(self, count: int, seconds: float = 30.0) -> None:
        """Until so many answers of the character are over."""
        await self.command.until(lambda: len(self._answers()) >= count, seconds, f"{count} answers are over")

    def _answers(self) -> set[str]:
        turns = [event.turn for event in self.events if isinstance(event, CallTurnEvent)]
        return {turn.id for turn in turns if not turn.person and turn.state == "ended"}

    async def follow(self) -> None:
        """Take what its page is told, until it is gone."""
        data = re.compile(r"data: (.*)")
        with contextlib.suppress(httpx.RemoteProtocolError, httpx.ReadError):
            async with self.client.stream("GET", "/api/events", params={"topics": "line"}, timeout=None) as answer:
                async for row in answer.raise_for_status().aiter_lines():
                    if found := data.fullmatch(row):
                        self.events.append(StreamedEvent.model_validate_json(found[1]).root)
                        self.command.changed.set()

    async def ready(self) -> None:
        """Until it takes calls."""
        async with asyncio.timeout(START_SECONDS):
            while not await self._is_ready():
                assert self.command.process.returncode is None, self.command.complained
                await asyncio.sleep(0.05)
        line = await self.line()
        self.port = int(line.listens[0].partition(";")[0].rpartition(":")[2])

    async def _is_ready(self) -> bool:
        try:
            return (await self.client.get("/readyz")).is_success
        except httpx.TransportError:
            return False


@contextlib.asynccontextmanager
async def phone(
    folder: Path, settings: str = "", *, greeting: str = GREETING, engines: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> AsyncGenerator[Phone]:  # fmt: skip
    """``duologue phone``, ready, with more ``settings`` of ``[phone]``; ended as a service is, if it has not ended by
    itself. Its ledger is in ``folder``/``ledger``.
    """
    words = (
        "phone", "--as", "phone", "--listen", "127.0.0.1:0", "--port", "0", "--ledger", str(folder / "ledger"),
    )  # fmt: skip
    table = f'[phone]\ngreeting = "{greeting}"\n{settings}'
    async with command(folder, words, table, engines=engines, environment=environment) as running:

        def told() -> re.Match[str] | None:
            return next((found for row in running.complained if (found := _ADDRESS.search(row))), None)

        await running.until(told, what="where its page is")
        found = told()
        assert found is not None
        async with httpx.AsyncClient(base_url=found[1], timeout=10) as client, asyncio.TaskGroup() as group:
            answering = Phone(running, found[1], client)
            await answering.ready()
            following = group.create_task(answering.follow())
            yield answering
            if running.process.returncode is None:
                running.process.terminate()
                await running.over(END_SECONDS)
            following.cancel()


_ADDRESS = re.compile(r"will be at (http://\S+)")
