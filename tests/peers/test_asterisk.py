"""An Asterisk, where one is installed (Debian 12 has none), with the configuration that docs/asterisk.md shows: its
dialplan brings a call to us over AudioSocket, and one by SIP. At the other end of both is its own echo.

It has not been run yet: it was read against Asterisk's documentation and sources (23 November 2026).
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest

from duologue.audio.far_playout import FarEndMessage, MessageKind
from duologue.phone.audiosocket.leg import AudioSocketListener, AudioSocketPlan
from duologue.phone.leg import CallLeg, LegEnded, Sound
from peers.line_main import Main, line, tone
from peers.sip_line import HOST, free_port, program, running

pytestmark = [pytest.mark.peer, pytest.mark.realtime]
DOCUMENT = Path(__file__).parents[2] / "docs" / "asterisk.md"
SETTINGS = """[directories]
astetcdir => {folder}
astmoddir => {modules}
astvarlibdir => {folder}
astdbdir => {folder}
astkeydir => {folder}
astdatadir => {data}
astagidir => {folder}
astspooldir => {folder}
astrundir => {folder}
astlogdir => {folder}
[options]
nocolor = yes
"""
TRANSPORT = "[transport-udp]\ntype = transport\nprotocol = udp\nbind = {host}:{port}\n"
LOGGER = "[logfiles]\nconsole => notice,warning,error\n"


def _blocks(file: str) -> list[str]:
    """What the page has for a ``file`` of Asterisk's."""
    found = re.findall(rf"```ini\n; {re.escape(file)}\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    assert found, f"{DOCUMENT} shows no {file}"
    return found


def _configured(folder: Path, audiosocket: int, sip: int) -> str:
    """Its configuration is in ``folder``; the file that it begins with."""
    modules = next((each for each in Path("/usr/lib").glob("**/asterisk/modules") if each.is_dir()), None)
    if modules is None or not (modules / "app_audiosocket.so").is_file():
        pytest.skip("this Asterisk has no app_audiosocket")
    folder.mkdir()
    by_socket, by_sip = (each.replace("127.0.0.1:9019", f"{HOST}:{audiosocket}") for each in _blocks("extensions.conf"))
    files = {
        "asterisk.conf": SETTINGS.format(folder=folder, modules=modules, data="/usr/share/asterisk"),
        "modules.conf": "[modules]\nautoload = yes\n", "logger.conf": LOGGER, "rtp.conf": "[general]\n",
        "extensions.conf": f"[audiosocket]\n{by_socket}\n[sip]\n{by_sip}\n[from-duologue]\n",
        "pjsip.conf": TRANSPORT.format(host=HOST, port=free_port())
        + _blocks("pjsip.conf")[0].replace("192.0.2.20:5060", f"{HOST}:{sip}").replace("192.0.2.20", HOST),
    }  # fmt: skip
    for file, text in files.items():
        (folder / file).write_text(text)
    return str(folder / "asterisk.conf")


@contextlib.asynccontextmanager
async def _asterisk(folder: Path, audiosocket: int, sip: int) -> AsyncGenerator[Callable[[str], Awaitable[str]]]:
    """It runs; what is given has it do something of its console."""
    name = program("asterisk", "asterisk")
    settings = await asyncio.to_thread(_configured, folder, audiosocket, sip)

    async def order(command: str) -> str:
        asking = await asyncio.create_subprocess_exec(
            name, "-C", settings, "-rx", command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        said, _ = await asyncio.wait_for(asking.communicate(), 10)
        return said.decode(errors="replace")

    async with running([name, "-C", settings, "-f"], folder, "log") as process:
        async with asyncio.timeout(60):
            while "fully booted" not in await order("core waitfullybooted"):
                assert process.returncode is None, (folder / "log").read_text()
        yield order


async def _says(leg: CallLeg) -> None:
    await leg.answer()
    await leg.write(FarEndMessage(1, MessageKind.PLAY, "said", 0, tone(1000)))


async def _hears_itself(main: Main, codec: str) -> None:
    """Its first call: what was said comes back, and it hangs up."""

    def loud() -> int:
        return sum(int(np.count_nonzero(np.abs(event.samples) > 0.05)) for event in main.events(Sound))

    await main.until(lambda: loud() > 8_000, 20)
    assert (main.legs[0].info.called, main.legs[0].info.codec) == ("16", codec)
    await main.legs[0].hang_up("heard enough")
    await main.until(lambda: main.events(LegEnded))
    (ended,) = main.events(LegEnded)
    assert ended.ours and not ended.failed, ended


async def test_its_dialplan_brings_calls_over_audiosocket_and_by_sip(tmp_path: Path) -> None:
    program("asterisk", "asterisk")
    async with asyncio.TaskGroup() as group, line(_says, formats=("PCMU",)) as by_sip:
        by_socket = Main(by_sip.plan, _says)
        port = free_port()
        listening = group.create_task(AudioSocketListener(AudioSocketPlan(port=port), by_socket.take).run())
        async with _asterisk(tmp_path / "asterisk", port, by_sip.port) as order:
            await order("channel originate Local/16@audiosocket application Echo")
            await _hears_itself(by_socket, "L16/8000")
            await order("channel originate Local/16@sip application Echo")
            await _hears_itself(by_sip, "PCMU/8000")
        listening.cancel()
