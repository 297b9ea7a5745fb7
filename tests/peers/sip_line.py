"""A line of ours on loopback for tests with real peers: it accepts every call at once, and remembers what happened."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from duologue.certificates import for_servers
from duologue.clock import SystemClock
from duologue.phone.media.negotiation import Agreed, Local, answer, offer
from duologue.phone.sip import call_events as events
from duologue.phone.sip.screening import LineOptions, Rate
from duologue.phone.sip.transport import Listening, Transport
from duologue.phone.sip.user_agent import UserAgent

HOST = "127.0.0.1"
LOCAL = Local(HOST, 4000)
OPTIONS = LineOptions(host=HOST, rates={"INVITE": Rate(1000, 1000)})


class Line:
    """Accepts every call at once."""

    def __init__(self, options: LineOptions, local: Local) -> None:
        self.events: list[events.Event] = []
        self.agreed: list[Agreed] = []
        self.local = local
        self.heard = asyncio.Event()
        self.agent = UserAgent(options)
        self.transport = Transport(self.agent, SystemClock(), self.tell)

    def tell(self, event: events.Event) -> None:
        self.events.append(event)
        self.heard.set()
        now = SystemClock().now()
        if isinstance(event, events.Incoming | events.Offered) and event.offer:
            ours, agreed = answer(event.offer, self.local)
            self.agreed.append(agreed)
            if isinstance(event, events.Incoming):
                self.transport.perform(self.agent.ring(event.call, now))
                self.transport.perform(self.agent.accept(event.call, ours, now))
            else:
                self.transport.perform(self.agent.agree(event.call, ours, now))

    async def until(self, kind: type[events.Event], count: int = 1) -> None:
        """Until ``count`` events of ``kind`` were told."""
        async with asyncio.timeout(15):
            while sum(isinstance(one, kind) for one in self.events) < count:
                self.heard.clear()
                await self.heard.wait()

    def call(self, target: str, account: str = "") -> str:
        """Call ``target`` with what this line speaks."""
        name, outputs = self.agent.call(target, offer(self.local), SystemClock().now(), account)
        self.transport.perform(outputs)
        return name

    def hang_up(self, call: str) -> None:
        """End a call."""
        self.transport.perform(self.agent.hang_up(call, SystemClock().now()))

    def of(self, kind: type[events.Event]) -> Sequence[events.Event]:
        """What was told of ``kind``."""
        return [one for one in self.events if isinstance(one, kind)]


@contextlib.asynccontextmanager
async def listening(
    options: LineOptions = OPTIONS, local: Local = LOCAL, server: ssl.SSLContext | None = None,
    client: ssl.SSLContext | None = None,
) -> AsyncGenerator[Line]:  # fmt: skip
    """A line that listens by every transport (TLS with ``server``), on free ports."""
    ports: dict[str, int] = {}

    async def believed() -> ssl.SSLContext:
        return client or for_servers()

    async with asyncio.TaskGroup() as tasks:
        line = Line(replace(options, ports=ports), local)
        await line.transport.open(Listening(HOST, 0, 0, 0 if server else None, server, believed), tasks)
        ports.update(line.transport.ports)
        try:
            yield line
        finally:
            line.transport.close()


@contextlib.asynccontextmanager
async def running(
    command: Sequence[str | Path], folder: Path, log: str, environment: Mapping[str, str] | None = None
) -> AsyncGenerator[asyncio.subprocess.Process]:
    """A program, its words in ``folder``/``log``, ended at the end."""
    with (folder / log).open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=environment
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.terminate()
                try:
                    await asyncio.wait_for(process.wait(), 5)
                except TimeoutError:
                    process.kill()
                    await process.wait()


def program(name: str, package: str) -> str:
    """Its path; the test is skipped where it is not installed."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (Debian package {package})")
    return found


def free_port(count: int = 1) -> int:
    """The first of ``count`` ports in a row that nobody holds now, by datagrams and streams."""
    while True:
        with contextlib.ExitStack() as held:
            first = 0
            try:
                for number in range(count):
                    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                        one = held.enter_context(socket.socket(socket.AF_INET, kind))
                        one.bind((HOST, first + number if first else 0))
                        first = first or int(one.getsockname()[1])
            except (OSError, OverflowError):
                continue
            return first


NAMES = "IP:127.0.0.1,DNS:pbx.test"


async def certificate(folder: Path, names: str = NAMES) -> tuple[Path, Path]:
    """A key and a certificate for these (this machine and ``pbx.test``)."""
    await asyncio.to_thread(folder.mkdir, exist_ok=True)
    key, made = folder / "key.pem", folder / "certificate.pem"
    command = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
               f"subjectAltName={names}", "-keyout", str(key), "-out", str(made)]  # fmt: skip
    making = await asyncio.create_subprocess_exec(program("openssl", "openssl"), *command, stderr=subprocess.DEVNULL)
    assert await making.wait() == 0
    return key, made
