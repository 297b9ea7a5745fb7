"""baresip as the telephone: it calls and is called, in the clear and with keys by TLS, holds and is handed over."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import pytest

from duologue.certificates import for_clients, for_servers
from duologue.clock import SystemClock
from duologue.phone.media.codecs import PCMA
from duologue.phone.media.negotiation import Local, offer
from duologue.phone.sip import call_events as events
from peers.sip_line import HOST, Line, certificate, listening, program, running

pytestmark = [pytest.mark.peer]
MODULES = Path("/usr/lib/baresip/modules")
CONFIGURATION = """
module_path {modules}
sip_listen 127.0.0.1:{port}
sip_certificate {certificate}
sip_cafile {authority}
net_interface 127.0.0.1
audio_source aubridge,nobody
audio_player aubridge,nobody
ctrl_tcp_listen 127.0.0.1:{control}
module aubridge.so
module g711.so
module srtp.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
"""


@dataclass
class _Phone:
    """A running baresip."""

    address: str
    writer: asyncio.StreamWriter

    def order(self, command: str, parameters: str = "") -> None:
        data = json.dumps({"command": command, "params": parameters}).encode()
        self.writer.write(b"%d:%s," % (len(data), data))


def _configure(folder: Path, port: int, account: str, key: Path, made: Path) -> None:
    both = folder / "both.pem"
    both.write_text(key.read_text() + made.read_text())
    authority = folder.parent / "certificate.pem"
    (folder / "config").write_text(
        CONFIGURATION.format(modules=MODULES, port=port, certificate=both, authority=authority, control=port + 2)
    )
    (folder / "accounts").write_text(f"<sip:phone@127.0.0.1{account}\n")
    (folder / "contacts").write_text("")


@contextlib.asynccontextmanager
async def _baresip(folder: Path, transport: str = "udp", account: str = "") -> AsyncGenerator[_Phone]:
    name = program("baresip", "baresip-core")
    key, made = await certificate(folder)
    port = random.SystemRandom().randrange(30_000, 32_000, 4)
    _configure(folder, port, f";transport={transport}>;regint=0;answermode=auto;ptime=30{account}", key, made)
    async with running([name, "-f", folder, "-t", "60"], folder, "log"):
        async with asyncio.timeout(10):
            while True:
                with contextlib.suppress(OSError):
                    reader, writer = await asyncio.open_connection(HOST, port + 2)
                    break
                await asyncio.sleep(0.05)
        try:
            secure = transport == "tls"
            yield _Phone(f"sip:phone@{HOST}:{port + secure}" + (f";transport={transport}"), writer)
        finally:
            writer.close()
            del reader


def _held(line: Line) -> list[bool]:
    offers = [one.offer for one in line.events if isinstance(one, events.Offered)]
    return [one.media[0].held for one in offers if one is not None]


async def test_a_telephone_is_called_holds_resumes_and_hangs_up(tmp_path: Path) -> None:
    await certificate(tmp_path)
    async with _baresip(tmp_path / "phone") as phone, listening(local=Local(HOST, 4000, (PCMA,))) as line:
        call = line.call(phone.address)
        await line.until(events.Answered)
        (answered,) = line.of(events.Answered)
        assert isinstance(answered, events.Answered) and answered.answer.media[0].formats[0].name == "PCMA"
        phone.order("hold")
        await line.until(events.Acknowledged)
        phone.order("resume")
        await line.until(events.Acknowledged, 2)
        assert _held(line) == [True, False]
        line.transport.perform(line.agent.offer(call, offer(line.local), SystemClock().now()))
        await line.until(events.Changed)
        phone.order("hangup")
        await line.until(events.Ended)
        ended = line.events[-1]
        assert isinstance(ended, events.Ended) and (ended.status, ended.why) == (200, "they hung up")


async def test_a_telephone_calls_us_by_tls_with_keys(tmp_path: Path) -> None:
    key, made = await certificate(tmp_path)
    async with (
        _baresip(tmp_path / "phone", "tls", ";mediaenc=srtp-mand") as phone,
        listening(
            local=Local(HOST, 4000, secure=True), server=for_clients(made, key), client=for_servers(made)
        ) as line,
    ):
        phone.order("dial", f"sip:16@{HOST}:{line.transport.ports['TLS']};transport=tls")
        await line.until(events.Acknowledged)
        (agreed,) = line.agreed
        assert agreed.ours is not None and agreed.theirs is not None and agreed.ours.key != agreed.theirs.key
        (incoming,) = line.of(events.Incoming)
        assert isinstance(incoming, events.Incoming) and incoming.flow.transport == "TLS"
        line.hang_up(incoming.call)
        await line.until(events.Ended)


async def test_who_insists_on_keys_does_not_talk_with_a_telephone_without(tmp_path: Path) -> None:
    await certificate(tmp_path)
    async with _baresip(tmp_path / "phone") as phone, listening(local=Local(HOST, 4000, secure=True)) as line:
        line.call(phone.address)
        await line.until(events.Ended)
        ended = line.events[-1]
        assert isinstance(ended, events.Ended) and ended.status == 488


async def test_a_telephone_is_handed_over_and_says_how_that_goes(tmp_path: Path) -> None:
    await certificate(tmp_path)
    async with _baresip(tmp_path / "phone") as phone, listening() as line, listening() as human:
        call = line.call(phone.address)
        await line.until(events.Answered)
        target = f"sip:human@{HOST}:{human.transport.ports['UDP']}"
        line.transport.perform(line.agent.transfer(call, target, SystemClock().now(), {"X-Said": "wants a refund"}))
        await human.until(events.Acknowledged)
        async with asyncio.timeout(10):
            while not any(one.last for one in line.events if isinstance(one, events.Transferred)):
                line.heard.clear()
                await line.heard.wait()
        told = [one for one in line.events if isinstance(one, events.Transferred)]
        assert told[-1].status == 200 and human.agent.calls == 1
