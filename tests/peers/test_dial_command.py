"""``duologue dial`` as people run it, at sipp: a call that is answered, one that is not, and Ctrl-C.

Most of what each takes is starting and ringing: several go on at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

import pytest

from duologue.clock import SECOND
from duologue.telemetry.ledger import CallRecord, TurnRecord
from duologue.telemetry.ledger_reader import LedgerReader
from phone_command import GREETING, Command, command

pytestmark = [
    pytest.mark.peer,
    pytest.mark.realtime,
    pytest.mark.skipif(shutil.which("sipp") is None, reason="needs the Debian package sip-tester"),
]
HOST = "127.0.0.1"
AT_ONCE = 3
KEPT = """
      [last_Via:]
      [last_From:]
      {to}
      [last_Call-ID:]
      {cseq}
      Contact: <sip:[local_ip]:[local_port];transport=[transport]>
"""
"""What a response has of its request."""
TO, CSEQ = "[last_To:];tag=[call_number]", "[last_CSeq:]"


def _response(status: str, body: str = "Content-Length: 0", to: str = TO, cseq: str = CSEQ) -> str:
    return f"<send><![CDATA[\n      SIP/2.0 {status}{KEPT.format(to=to, cseq=cseq)}      {body}\n]]></send>"


def _scenario(*steps: str) -> str:
    invite = """<recv request="INVITE" rrs="true"><action>
      <ereg regexp=".*" search_in="hdr" header="From:" assign_to="from"/>
      <ereg regexp=".*" search_in="hdr" header="To:" assign_to="to"/>
      <ereg regexp=".*" search_in="hdr" header="CSeq:" assign_to="cseq"/>
    </action></recv><Reference variables="from,to,cseq"/>"""
    return f'<?xml version="1.0"?><scenario name="callee">{invite}{"".join(steps)}</scenario>'


SOUND = """Content-Type: application/sdp
      Content-Length: [len]

      v=0
      o=callee 1 1 IN IP4 [local_ip]
      s=-
      c=IN IP4 [media_ip]
      t=0 0
      m=audio [media_port] RTP/AVP 0
      a=rtpmap:0 PCMU/8000"""
RINGING = _response("180 Ringing")
BUSY = _scenario(_response("486 Busy Here"), '<recv request="ACK"/>')
RINGS = _scenario(
    RINGING, '<recv request="CANCEL"/>', _response("200 OK"),
    _response("487 Request Terminated", cseq="CSeq:[$cseq]"), '<recv request="ACK"/>',
)  # fmt: skip
ANSWERED = (RINGING, _response("200 OK", SOUND), '<recv request="ACK"/>')
STAYS = _scenario(*ANSWERED, '<recv request="BYE"/>', _response("200 OK", to="[last_To:]"))
BYE = """<send><![CDATA[
      BYE [next_url] SIP/2.0
      Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
      Max-Forwards: 70
      From:[$to];tag=[call_number]
      To:[$from]
      Call-ID: [call_id]
      CSeq: 1 BYE
      Content-Length: 0
]]></send><recv response="200"/>"""
LEAVES = _scenario(*ANSWERED, '<pause milliseconds="4000"/>', BYE)


def _port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((HOST, 0))
        return taken.getsockname()[1]


@contextlib.asynccontextmanager
async def _callee(folder: Path, scenario: str) -> AsyncGenerator[tuple[str, asyncio.subprocess.Process]]:
    """Its address, and sipp, which ends with 0 when the scenario was gone through."""
    program = shutil.which("sipp") or ""
    file = folder / "scenario.xml"
    file.write_text(scenario)
    port = _port()
    process = await asyncio.create_subprocess_exec(
        program, "-sf", str(file), "-i", HOST, "-p", str(port), "-mi", HOST, "-m", "1", "-timeout", "100",
        "-timeout_error", "-nostdin", cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield f"sip:17@{HOST}:{port}", process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _dial(folder: Path, to: str, *words: str, settings: str = "") -> contextlib.AbstractAsyncContextManager[Command]:
    given = ("dial", to, "--greeting", GREETING, "--ledger", str(folder / "ledger"), *words)
    return command(folder, given, settings)


def _records(folder: Path) -> tuple[CallRecord, list[TurnRecord]]:
    records = [entry.record for entry in LedgerReader(folder / "ledger")]
    (call,) = [record for record in records if isinstance(record, CallRecord)]
    return call, [record for record in records if isinstance(record, TurnRecord)]


async def _a_call_is_answered_and_written_down(folder: Path) -> None:
    async with _callee(folder, LEAVES) as (to, callee), _dial(folder, to) as dialled:
        assert await dialled.over(90) == 0, dialled.complained
        assert await asyncio.wait_for(callee.wait(), 10) == 0
    assert dialled.said[0] == f"we: {GREETING}"
    assert dialled.said[-1].startswith("they hung up, after ")
    assert [line for line in dialled.complained if line.endswith(": 17")] == ["ringing: 17", "talking: 17"]
    call, turns = _records(folder)
    assert (call.outgoing, call.failed, call.codec) == (True, False, "PCMU/8000")
    assert turns[0].heard == GREETING


async def _who_is_busy_is_told_and_is_a_failure(folder: Path) -> None:
    async with _callee(folder, BUSY) as (to, callee), _dial(folder, to) as dialled:
        assert await dialled.over(90) == 2
        assert await asyncio.wait_for(callee.wait(), 10) == 0
    assert "error: the call came to nothing: Busy Here." in dialled.complained
    call, _ = _records(folder)
    assert (call.answered, call.status) == (0, 486)


async def _an_account_calls_through_its_pbx_and_takes_no_calls_from_whoever_answers_it(folder: Path) -> None:
    async with _callee(folder, BUSY) as (to, callee):
        account = f'[[phone.accounts]]\nuser = "1000"\nregistrar = "{to.partition("@")[2]}"\n'
        async with _dial(folder, "17", "--listen", f"{HOST}:0", settings=account) as dialled:
            assert await dialled.over(90) == 2
            assert await asyncio.wait_for(callee.wait(), 10) == 0, "an INVITE, and no REGISTER before it"
    assert "error: the call came to nothing: Busy Here." in dialled.complained
    call, _ = _records(folder)
    assert (call.account, call.called, call.status) == ("1000", "17", 486)


async def _nobody_answers_and_it_stops_ringing_there(folder: Path) -> None:
    async with _callee(folder, RINGS) as (to, callee), _dial(folder, to, "--ring", "5") as dialled:
        assert await dialled.over(90) == 2
        assert await asyncio.wait_for(callee.wait(), 10) == 0, "it was cancelled"
    assert "error: the call came to nothing: nobody answered within 5 s." in dialled.complained
    assert "ringing: 17" in dialled.complained


async def _a_name_that_nobody_has_is_given_up_at_once(folder: Path) -> None:
    async with _dial(folder, "sip:17@pbx.invalid") as dialled:
        assert await dialled.over(90) == 2
    why = "nobody is reached at pbx.invalid (UDP): no such name, or no connection"
    assert f"error: the call came to nothing: {why}." in dialled.complained
    assert not any("Traceback" in line for line in dialled.complained)
    call, _ = _records(folder)
    assert (call.ended - call.offered) / SECOND < 5, "not after the half minute of a server that is silent"


async def _a_place_where_nobody_is_lets_it_ring_no_longer_than_asked(folder: Path) -> None:
    async with _dial(folder, "sip:17@127.0.0.1:9", "--ring", "5") as dialled:
        assert await dialled.over(90) == 2
    assert "error: the call came to nothing: nobody answered within 5 s." in dialled.complained


async def _an_address_that_is_none_is_refused_at_once(folder: Path) -> None:
    async with _dial(folder, "sip:") as dialled:
        assert await dialled.over(30) == 2
    assert dialled.complained[0].startswith("error: no SIP address")


async def _ctrl_c_in_mid_call_says_goodbye_and_hangs_up(folder: Path) -> None:
    async with _callee(folder, STAYS) as (to, callee), _dial(folder, to) as dialled:
        await dialled.until(lambda: f"we: {GREETING}" in dialled.said)
        dialled.interrupt()
        assert await dialled.over(25) == 130
        assert await asyncio.wait_for(callee.wait(), 5) == 0, "it was told BYE"
    call, turns = _records(folder)
    assert (call.reason, call.failed) == ("the line closed", False)
    assert turns[-1].heard.endswith("Goodbye.")


async def _sigterm_in_mid_call_says_goodbye_and_hangs_up(folder: Path) -> None:
    async with _callee(folder, STAYS) as (to, callee), _dial(folder, to) as dialled:
        await dialled.until(lambda: f"we: {GREETING}" in dialled.said)
        os.kill(dialled.process.pid, signal.SIGTERM)
        assert await dialled.over(25) == 128 + signal.SIGTERM
        assert await asyncio.wait_for(callee.wait(), 5) == 0, "it was told BYE"
    call, turns = _records(folder)
    assert (call.reason, call.failed) == ("the line closed", False)
    assert turns[-1].heard.endswith("Goodbye.")
    assert not any("Traceback" in line for line in dialled.complained)


async def _ctrl_c_while_it_rings_ends_at_once(folder: Path) -> None:
    async with _callee(folder, RINGS) as (to, callee), _dial(folder, to) as dialled:
        await dialled.until(lambda: "ringing: 17" in dialled.complained)
        dialled.interrupt()
        assert await dialled.over(8) == 130, "not after the seconds that a goodbye may take"
        assert await asyncio.wait_for(callee.wait(), 5) == 0, "it was cancelled"


async def _a_command_that_is_killed_leaves_nobody_on_the_line(folder: Path) -> None:
    async with _callee(folder, STAYS) as (to, callee), _dial(folder, to) as dialled:
        await dialled.until(lambda: "talking: 17" in dialled.complained)
        os.kill(dialled.process.pid, signal.SIGKILL)
        assert await dialled.over(5) == -signal.SIGKILL
        assert await asyncio.wait_for(callee.wait(), 10) == 0, "its line said BYE"


Story = Callable[[Path], Awaitable[None]]
NOTHING: tuple[Story, ...] = (
    _nobody_answers_and_it_stops_ringing_there,
    _a_place_where_nobody_is_lets_it_ring_no_longer_than_asked,
    _who_is_busy_is_told_and_is_a_failure,
    _an_account_calls_through_its_pbx_and_takes_no_calls_from_whoever_answers_it,
    _a_name_that_nobody_has_is_given_up_at_once,
    _an_address_that_is_none_is_refused_at_once,
)
ENDS: tuple[Story, ...] = (
    _a_call_is_answered_and_written_down,
    _ctrl_c_in_mid_call_says_goodbye_and_hangs_up,
    _sigterm_in_mid_call_says_goodbye_and_hangs_up,
    _ctrl_c_while_it_rings_ends_at_once,
    _a_command_that_is_killed_leaves_nobody_on_the_line,
)


async def _together(folder: Path, stories: tuple[Story, ...]) -> None:
    """All of them, as many at once as there are cores, and one more for those that wait."""
    places = asyncio.Semaphore(AT_ONCE)

    async def told(own: Path, story: Story) -> None:
        await asyncio.to_thread(own.mkdir)
        async with places:
            await story(own)

    async with asyncio.TaskGroup() as group:
        for number, story in enumerate(stories):
            group.create_task(told(folder / str(number), story))


async def test_a_call_that_comes_to_nothing_is_over_soon_and_says_why(tmp_path: Path) -> None:
    await _together(tmp_path, NOTHING)


async def test_a_call_ends_well_by_whomever_and_however_it_is_ended(tmp_path: Path) -> None:
    await _together(tmp_path, ENDS)
