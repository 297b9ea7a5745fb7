"""``duologue phone`` as a person runs it: a process of its own, known by what its page is told and what it leaves."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from duologue.app.line_models import CallView, LineView
from duologue.app.models import CallTurnEvent, Event, LineEvent, StateEvent
from duologue.web.events import StreamedEvent

STARTS = 90.0
"""Seconds for a process to load real models and warm them, on a machine that does other things too."""


@dataclass
class PhoneProcess:
    """It runs. ``events`` are those that its page has of the line, ``log`` what it wrote."""

    process: asyncio.subprocess.Process
    web: httpx.AsyncClient
    log: list[str]
    events: list[Event] = field(default_factory=list[Event])
    told: asyncio.Event = field(default_factory=asyncio.Event)

    async def line(self) -> LineView:
        """As the page has it."""
        return LineView.model_validate_json((await self.web.get("/api/line")).raise_for_status().text)

    async def call(self) -> CallView:
        """The newest."""
        return (await self.line()).calls[0]

    def answers(self) -> list[str]:
        """The ids of answers of the character that are over, in order."""
        turns = [event.turn for event in self.events if isinstance(event, CallTurnEvent)]
        return list(dict.fromkeys(turn.id for turn in turns if not turn.person and turn.state == "ended"))

    async def until(self, reached: Callable[[], object], what: str, seconds: float = 30.0) -> None:
        """Until something is so; ``what`` is said when it is not."""
        try:
            async with asyncio.timeout(seconds):
                while not reached():
                    self.told.clear()
                    await self.told.wait()
        except TimeoutError:
            newest = "\n".join(self.log[-30:])
            raise AssertionError(f"{what}: not within {seconds:g} s; the process wrote:\n{newest}") from None

    async def ready(self) -> None:
        """Until it takes calls."""
        await self.until(lambda: any(map(_takes_calls, self.events)), "the line takes calls", STARTS)

    async def follow(self) -> None:
        """Take what its page is told, until it is gone."""
        data = re.compile(r"data: (.*)")
        with contextlib.suppress(httpx.RemoteProtocolError, httpx.ReadError):
            async with self.web.stream("GET", "/api/events", params={"topics": "line"}, timeout=None) as answer:
                async for row in answer.raise_for_status().aiter_lines():
                    if found := data.fullmatch(row):
                        self.events.append(StreamedEvent.model_validate_json(found[1]).root)
                        self.told.set()

    async def write_down(self) -> None:
        """Take its log, until it is gone."""
        assert self.process.stderr is not None
        async for row in self.process.stderr:
            self.log.append(row.decode(errors="replace").rstrip())
            self.told.set()


@contextlib.asynccontextmanager
async def phone_process(
    folder: Path, settings: str, flags: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> AsyncGenerator[PhoneProcess]:
    """It takes calls, with ``settings`` as its file; its ledger is in ``folder``/ledger. Ended as a service is."""
    file = folder / "duologue.toml"
    file.write_text(settings)
    command = [
        sys.executable, "-m", "duologue", "phone", "--config", str(file), "--listen", "127.0.0.1:0", "--port", "0",
        "--ledger", str(folder / "ledger"), *flags,
    ]  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env={**os.environ, **(environment or {})}, stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    log: list[str] = []
    try:
        async with asyncio.TaskGroup() as tasks:
            assert process.stderr is not None
            async with asyncio.timeout(STARTS):
                while not (found := re.search(r"will be at (http://\S+)", log[-1] if log else "")):
                    log.append((await process.stderr.readline()).decode(errors="replace").rstrip())
                    assert process.returncode is None, log
            async with httpx.AsyncClient(base_url=found[1]) as web:
                phone = PhoneProcess(process, web, log)
                tasks.create_task(phone.write_down())
                await _listens(phone)
                tasks.create_task(phone.follow())
                await phone.ready()
                yield phone
                process.terminate()
                async with asyncio.timeout(30):
                    await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _listens(phone: PhoneProcess) -> None:
    async with asyncio.timeout(STARTS):
        while True:
            try:
                await phone.web.get("/healthz")
            except httpx.TransportError:
                await asyncio.sleep(0.1)
            else:
                return


def _takes_calls(event: Event) -> bool:
    line = event.line if isinstance(event, LineEvent) else event.state.line if isinstance(event, StateEvent) else None
    return line is not None and line.takes_calls
