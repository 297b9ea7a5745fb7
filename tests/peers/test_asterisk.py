"""An Asterisk, where one is installed (Debian 12 has none), with the configuration that docs/asterisk.md shows: its
dialplan brings a call to us over AudioSocket, and one by SIP. At the other end of both is its own echo.

It has not been run yet: it was read against Asterisk's documentation and sources, the last time on 23 November 2026.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
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
DATA = (Path("/usr/share/asterisk"), Path("/var/lib/asterisk"))
"""Where packages and its own Makefile put what comes with it."""
BOOT_S = 60
"""It loads some hundred modules."""
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


@dataclass(frozen=True)
class _Installed:
    """An Asterisk: its program, its modules, and the folder of its documentation, which its settings are read by."""

    name: str
    modules: Path
    data: Path


def _installed(libraries: Path = Path("/usr/lib")) -> _Installed:
    """The one that is here, of a package or of its sources; without one, or without its AudioSocket, there is no test.

    Ask before a task group begins: in one a skip loses its reason.
    """
    name = program("asterisk", "asterisk")
    found = next((file.parent for file in libraries.glob("**/asterisk/modules/app_audiosocket.so")), None)
    if found is None:
        pytest.skip(f"the Asterisk that is installed has no app_audiosocket in {libraries}")
    data = next((each for each in DATA if (each / "documentation" / "core-en_US.xml").is_file()), None)
    if data is None:
        pytest.skip(f"the documentation of the Asterisk that is installed is in none of {', '.join(map(str, DATA))}")
    return _Installed(name, found, data)


def _configured(folder: Path, asterisk: _Installed, audiosocket: int, sip: int) -> str:
    """Its configuration is in ``folder``; the file that it begins with."""
    folder.mkdir()
    by_socket, by_sip = (each.replace("127.0.0.1:9019", f"{HOST}:{audiosocket}") for each in _blocks("extensions.conf"))
    files = {
        "asterisk.conf": SETTINGS.format(folder=folder, modules=asterisk.modules, data=asterisk.data),
        "modules.conf": "[modules]\nautoload = yes\n", "logger.conf": LOGGER, "rtp.conf": "[general]\n",
        "extensions.conf": f"[audiosocket]\n{by_socket}\n[sip]\n{by_sip}\n",
        "pjsip.conf": TRANSPORT.format(host=HOST, port=free_port())
        + _blocks("pjsip.conf")[0].replace("192.0.2.20:5060", f"{HOST}:{sip}").replace("192.0.2.20", HOST),
    }  # fmt: skip
    for file, text in files.items():
        (folder / file).write_text(text)
    return str(folder / "asterisk.conf")


@contextlib.asynccontextmanager
async def _asterisk(
    asterisk: _Installed, folder: Path, audiosocket: int, sip: int
) -> AsyncGenerator[Callable[[str], Awaitable[str]]]:
    """It runs; what is given has it do something of its console."""
    settings = await asyncio.to_thread(_configured, folder, asterisk, audiosocket, sip)

    async def order(command: str, seconds: float = 10) -> str:
        asking = await asyncio.create_subprocess_exec(
            asterisk.name, "-C", settings, "-rx", command, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            said, _ = await asyncio.wait_for(asking.communicate(), seconds)
        finally:
            if asking.returncode is None:
                asking.kill()
                await asking.wait()
        return said.decode(errors="replace")

    async with running([asterisk.name, "-C", settings, "-f"], folder, "log") as process:
        async with asyncio.timeout(BOOT_S):
            while "fully booted" not in await order("core waitfullybooted", BOOT_S):  # its console is not there yet
                assert process.returncode is None, (folder / "log").read_text()
                await asyncio.sleep(0.1)
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
    asterisk = _installed()
    async with asyncio.TaskGroup() as group, line(_says, formats=("PCMU",)) as by_sip:
        by_socket = Main(by_sip.plan, _says)
        port = free_port()
        listening = group.create_task(AudioSocketListener(AudioSocketPlan(port=port), by_socket.take).run())
        async with _asterisk(asterisk, tmp_path / "asterisk", port, by_sip.port) as order:
            await order("channel originate Local/16@audiosocket application Echo")
            await _hears_itself(by_socket, "L16/8000")
            await order("channel originate Local/16@sip application Echo")
            await _hears_itself(by_sip, "PCMU/8000")
        listening.cancel()
