"""Calls that are sent away, by us and by others, as sipp and sipvicious meet them; and that all of them are counted."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from duologue.speech.hearing import HearingCapabilities
from duologue.telemetry.ledger import CallRecord
from line_caller import caller
from peers.house_line import Ears, line_house
from peers.scenarios import BUSY, calls, nobody_answers, plays
from peers.sip_line import HOST, free_port, program
from peers.telephone import telephone

pytestmark = [pytest.mark.peer, pytest.mark.realtime]
GATE = """allow = ["127.0.0.1"]
digest = "md5"
[phone.callers.16]
password = "secret"
[phone.extensions.1000]
"""


class OneEar(Ears):
    """It hears one person at a time."""

    @property
    def capabilities(self) -> HearingCapabilities:
        return HearingCapabilities(partials=True, punctuation=True, words=True, at_once=1)


async def _scan(folder: Path, port: int) -> None:
    """sipvicious guesses extensions, by INVITE."""
    process = await asyncio.create_subprocess_exec(
        program("svwar", "sipvicious"), HOST, "-p", str(port), "-e", "10-20", "-m", "INVITE", "--force", cwd=folder,
        env={"HOME": str(folder), "PATH": "/usr/bin:/bin"}, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await asyncio.wait_for(process.wait(), 20)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_whoever_is_not_let_in_is_counted_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    known = f"<sip:16@{HOST}>;auth_user=16;auth_pass=secret;regint=0"
    async with (
        line_house(monkeypatch, tmp_path, GATE) as house,
        telephone(tmp_path / "telephone", known) as phone,
        asyncio.TaskGroup() as group,
    ):
        where = f"{HOST}:{house.port}"
        group.create_task(plays(tmp_path, nobody_answers("1000"), where, host="127.0.0.2"))
        group.create_task(plays(tmp_path, calls("1000", 401, "wrong"), where))
        phone.order("dial", f"sip:99@{where}")
        group.create_task(_scan(tmp_path, house.port))
        wanted = {"source": 1, "password": 1, "extension": 1}
        view = await house.line(lambda line: {*wanted, "scanner"} <= set(line.refusals))
        assert set(view.refusals) == {*wanted, "scanner"} and wanted.items() <= view.refusals.items()
        assert view.refused == sum(view.refusals.values())
        assert (await phone.until("CALL_CLOSED"))["param"].startswith("404"), "it has proved its password"
        assert not house.of(CallRecord), "no stranger writes into the ledger"


async def test_busy_is_said_and_understood(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async with line_house(monkeypatch, tmp_path, 'codecs = ["pcmu"]', ears=OneEar) as house, caller() as first:
        first.call(house.port)
        await first.until(lambda: first.agreed)
        await plays(tmp_path, calls("16", 486), f"{HOST}:{house.port}")
        refused = await house.call()
        assert (refused.status, refused.answered) == (486, 0) and "listener" in refused.reason
        assert house.part.view().refusals == {"busy": 1}
        first.hang_up()
        await house.call(2)
        port = free_port()
        async with asyncio.TaskGroup() as group:
            group.create_task(plays(tmp_path, BUSY, "-p", str(port)))
            await house.part.dial(f"sip:17@{HOST}:{port}")
            ours = await house.call(3)
        assert ours.outgoing and (ours.status, ours.answered, ours.failed) == (486, 0, True), ours
        assert house.part.view().refused == 1, "whom we called sent us away, and we nobody"
