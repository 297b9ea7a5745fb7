"""linphone as the telephone: it registers at a PBX by TLS, calls us with encrypted sound, and hears us."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from duologue.audio.far_playout import FarEndMessage, MessageKind
from duologue.phone.leg import CallLeg, LegEnded, Played, Sound
from duologue.phone.sip.transactions import Flow
from peers.line_main import line, tone
from peers.pbx import DOMAIN, account, kamailio
from peers.sip_line import HOST, free_port, program
from peers.telephone import RATE, sound_of, voiced

pytestmark = [pytest.mark.peer, pytest.mark.realtime]
SETTINGS = """
[sip]
sip_port=0
sip_tcp_port=0
sip_tls_port=-1
guess_hostname=0
use_ipv6=0
root_ca={authority}
verify_server_cn=0
media_encryption=srtp
media_encryption_mandatory=1
default_proxy=0
[net]
mtu=1300
firewall_policy=0
[rtp]
audio_rtp_port={sound}
[video]
enabled=0
capture=0
display=0
automatically_initiate=0
automatically_accept=0
[proxy_0]
reg_proxy=<sip:{host}:{port};transport=tls>
reg_route=<sip:{host}:{port};transport=tls;lr>
reg_identity=sip:16@{domain}
reg_expires=600
reg_sendregister=1
publish=0
[auth_info_0]
username=16
passwd=secret
realm={domain}
"""


@dataclass
class Linphone:
    """A running linphonec."""

    process: asyncio.subprocess.Process
    log: Path

    def order(self, command: str) -> None:
        """As a person types it."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{command}\n".encode())

    def _written(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    async def until(self, state: str, seconds: float = 30) -> None:
        """Until it is in a ``state``, as its log has it: on its terminal it says little."""
        log = ""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    log = await asyncio.to_thread(self._written)
                    if f"to {state}" in log or f"to [{state}]" in log:
                        return
                    await asyncio.sleep(0.1)
        except TimeoutError:
            faults = [row for row in log.splitlines() if "-error-" in row or "moving from state" in row]
            raise AssertionError("\n".join([f"it never was in {state}:", *faults[-20:]])) from None


@contextlib.asynccontextmanager
async def _linphone(folder: Path, port: int, authority: Path) -> AsyncGenerator[Linphone]:
    """It needs no sound card (it plays and records files), but a place for its database."""
    name = program("linphonec", "linphone-cli")
    await asyncio.to_thread((folder / ".local" / "share" / "linphone").mkdir, parents=True)
    settings = folder / "linphonerc"
    settings.write_text(SETTINGS.format(authority=authority, sound=free_port(2), host=HOST, port=port, domain=DOMAIN))
    process = await asyncio.create_subprocess_exec(
        name, "-d", "6", "-l", str(folder / "log"), "-c", str(settings), cwd=folder,
        env={**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder / ".local" / "share")},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    phone = Linphone(process, folder / "log")
    try:
        phone.order("soundcard use files")
        yield phone
        phone.order("quit")
        await asyncio.wait_for(process.communicate(), 10)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _greets(leg: CallLeg) -> None:
    await leg.answer()
    await leg.write(FarEndMessage(1, MessageKind.PLAY, "greeting", 0, tone(1500)))


@pytest.mark.parametrize(("codec", "named"), [("PCMU", "PCMU/8000"), ("opus", "opus/48000")])
async def test_linphone_registers_by_tls_and_talks_with_us_in_secret(codec: str, named: str, tmp_path: Path) -> None:
    port = free_port(2)
    spoken = await voiced("Hello, can you hear me?", tmp_path / "question.wav")
    async with (
        kamailio(tmp_path / "pbx", port),
        line(_greets, formats=(codec,), secure=True, accounts=(account("Llama1", Flow("UDP", HOST, port)),)) as llama,
        _linphone(tmp_path / "linphone", port + 1, tmp_path / "pbx" / "certificate.pem") as phone,
    ):
        await llama.until(lambda: any(state.registered for state in llama.client.registrations.values()))
        await phone.until("LinphoneRegistrationOk")
        phone.order(f"record {tmp_path / 'heard.wav'}")
        phone.order(f"call sip:Llama1@{DOMAIN}")
        await phone.until("LinphoneCallStreamsRunning")
        phone.order(f"play {spoken}")
        await llama.until(lambda: any(one.samples == len(tone(1500)) for one in llama.events(Played)))
        await llama.until(lambda: _loud(llama.events(Sound)) > 3_000)
        phone.order("terminate")
        await llama.until(lambda: llama.events(LegEnded))
        (ended,) = llama.events(LegEnded)
        assert not ended.failed, ended
        assert llama.legs[0].info.codec == named
        await llama.rests()
    heard = sound_of(tmp_path / "heard.wav")
    assert np.count_nonzero(np.abs(heard) > 0.05) > RATE // 2, "and it heard the greeting"


def _loud(events: list[Sound]) -> int:
    """Samples that are no silence."""
    return sum(int(np.count_nonzero(np.abs(event.samples) > 0.05)) for event in events)
