"""sipvicious as the scanner: it finds nothing here, and costs nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from duologue.phone.sip.screening import LineOptions, Rate
from peers.sip_line import HOST, listening, program

pytestmark = [pytest.mark.peer]


async def _scan(folder: Path, name: str, *arguments: str) -> str:
    path = program(name, "sipvicious")
    environment = {"HOME": str(folder), "PATH": "/usr/bin:/bin"}
    process = await asyncio.create_subprocess_exec(
        path, *arguments, cwd=folder, env=environment, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        said, _ = await asyncio.wait_for(process.communicate(), 15)
    finally:
        if process.returncode is None:
            process.kill()
    return said.decode(errors="replace")


@pytest.mark.parametrize("disguise", [(), ("-m", "INVITE"), ("-m", "REGISTER")])
async def test_a_scanner_finds_no_telephone(disguise: tuple[str, ...], tmp_path: Path) -> None:
    async with listening() as line:
        port = str(line.transport.ports["UDP"])
        said = await _scan(tmp_path, "svmap", HOST, "-p", port, *disguise)
        assert f"{HOST}:{port}" not in said, "it would be in the table of what was found"
        assert line.agent.screening.dropped.get("scanner"), said
        assert line.agent.state == (0, 0, 0, 0) and not line.events


async def test_extensions_are_not_to_be_guessed(tmp_path: Path) -> None:
    options = LineOptions(host=HOST, extensions=frozenset({"16"}), rates={"INVITE": Rate(20, 50)})
    async with listening(options) as line:
        port = str(line.transport.ports["UDP"])
        said = await _scan(tmp_path, "svwar", HOST, "-p", port, "-e", "10-20", "-m", "INVITE", "--force")
        assert "reqauth" not in said and "noauth" not in said, said
        assert line.agent.calls == 0 and not line.events
