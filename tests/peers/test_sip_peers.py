"""SIP over real sockets on loopback: sipp calls us and is called, and two of ours talk over TLS."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import ssl
import subprocess
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from duologue.clock import SystemClock
from duologue.phone.media.negotiation import Local, answer, offer
from duologue.phone.sip import call_events as events
from duologue.phone.sip import message as sip
from duologue.phone.sip.screening import LineOptions, Rate
from duologue.phone.sip.transport import Listening, Transport
from duologue.phone.sip.user_agent import UserAgent

pytestmark = [pytest.mark.peer]
HOST = "127.0.0.1"
LOCAL = Local(HOST, 4000)


class _Line:
    """Accepts every call at once, and remembers what happened."""

    def __init__(self, transport: str) -> None:
        self.events: list[events.Event] = []
        self.heard = asyncio.Event()
        self.agent = UserAgent(LineOptions(host=HOST, transport=transport, rates={"INVITE": Rate(1000, 1000)}))
        self.transport = Transport(self.agent, SystemClock(), self.tell)

    def tell(self, event: events.Event) -> None:
        self.events.append(event)
        self.heard.set()
        now = SystemClock().now()
        if isinstance(event, events.Incoming) and event.offer:
            self.transport.perform(self.agent.ring(event.call, now))
            self.transport.perform(self.agent.accept(event.call, answer(event.offer, LOCAL)[0], now))

    async def until(self, kind: type[events.Event], count: int = 1) -> None:
        async with asyncio.timeout(30):
            while sum(isinstance(one, kind) for one in self.events) < count:
                self.heard.clear()
                await self.heard.wait()

    def call(self, port: int, parameters: str = "") -> str:
        name, outputs = self.agent.call(f"sip:16@{HOST}:{port}{parameters}", offer(LOCAL), SystemClock().now())
        self.transport.perform(outputs)
        return name


@contextlib.asynccontextmanager
async def _line(
    transport: str = "UDP", server: ssl.SSLContext | None = None, client: ssl.SSLContext | None = None
) -> AsyncGenerator[_Line]:
    async def believed() -> ssl.SSLContext:
        return client or ssl.create_default_context()

    async with asyncio.TaskGroup() as tasks:
        line = _Line(transport)
        await line.transport.open(Listening(HOST, 0, 0, 0 if server else None, server, believed), tasks)
        object.__setattr__(line.agent.options, "port", line.transport.ports[transport])
        try:
            yield line
        finally:
            line.transport.close()


def _sipp() -> str:
    found = shutil.which("sipp")
    if found is None:
        pytest.skip("sipp is not installed (Debian package sip-tester)")
    return found


@pytest.mark.parametrize(("transport", "how"), [("UDP", "u1"), ("TCP", "t1"), ("TCP", "tn")])
async def test_sipp_calls_us(transport: str, how: str, tmp_path: Path) -> None:
    program = _sipp()
    async with _line(transport) as line:
        process = await asyncio.create_subprocess_exec(
            program, "-sn", "uac", f"{HOST}:{line.transport.ports[transport]}", "-i", HOST, "-t", how, "-m", "20",
            "-r", "20", "-d", "100", "-max_socket", "200", "-timeout", "30", "-nostdin", cwd=tmp_path,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        code = await process.wait()
        await line.until(events.Ended, 20)
        assert code == 0 and line.agent.calls == 0
        assert sum(isinstance(one, events.Acknowledged) for one in line.events) == 20


async def test_we_call_sipp(tmp_path: Path) -> None:
    program, port = _sipp(), 15_066
    process = await asyncio.create_subprocess_exec(
        program, "-sn", "uas", "-i", HOST, "-p", str(port), "-m", "5", "-timeout", "30", "-nostdin", cwd=tmp_path,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with _line() as line:
            calls = [line.call(port) for _ in range(5)]  # what comes before it listens is repeated
            await line.until(events.Answered, 5)
            for call in calls:
                line.transport.perform(line.agent.hang_up(call, SystemClock().now()))
            assert await asyncio.wait_for(process.wait(), 30) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_two_of_ours_talk_over_tls(tmp_path: Path) -> None:
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is not installed")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
               "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]  # fmt: skip
    making = await asyncio.create_subprocess_exec(program, *command, stderr=subprocess.DEVNULL)
    assert await making.wait() == 0
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    trusting = ssl.create_default_context(cafile=str(certificate))
    async with (
        _line("TLS", server=server, client=trusting) as callee,
        _line("TLS", server=server, client=trusting) as us,
    ):
        call = us.call(callee.transport.ports["TLS"], ";transport=tls")
        await us.until(events.Answered)
        await callee.until(events.Acknowledged)
        us.transport.perform(us.agent.hang_up(call, SystemClock().now()))
        await callee.until(events.Ended)
        # Who does not trust the certificate gets no call: no word goes out in the clear.
        async with _line("TLS", server, ssl.create_default_context()) as stranger:
            stranger.call(callee.transport.ports["TLS"], ";transport=tls")
            async with asyncio.timeout(20):
                while not stranger.transport.dropped:  # noqa: ASYNC110 (a real handshake)
                    await asyncio.sleep(0.01)
        assert len([one for one in callee.events if isinstance(one, events.Incoming)]) == 1


async def test_a_stream_is_kept_alive_and_closed_when_it_makes_no_sense() -> None:
    async with _line("TCP") as line:
        reader, writer = await asyncio.open_connection(HOST, line.transport.ports["TCP"])
        writer.write(sip.KEEP_ALIVE)
        assert await reader.readexactly(2) == sip.KEEP_ALIVE_ANSWER
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await reader.read() == b""
        writer.close()
