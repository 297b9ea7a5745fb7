"""``duologue phone`` as the process that it is: its line is killed under it, and then it is told to end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import psutil
import pytest
from sipmessage import Request

from duologue.clock import SYSTEM_CLOCK
from duologue.phone.sip import call_events as events
from duologue.phone.sip import message as sip
from duologue.telemetry.ledger import CallRecord, TurnRecord, WorkerRecord
from duologue.telemetry.ledger_reader import LedgerReader
from line_caller import HOST, Caller, caller, loud
from phone_command import Phone, phone

pytestmark = [pytest.mark.peer, pytest.mark.realtime]
QUIET = b"\xff" * 160
DRAIN_SECONDS = 8
ALONE = 'codecs = ["pcmu"]\n'


async def listen(one: Caller) -> None:
    """Silence is sound, too: a telephone sends it until its call is over."""
    while not one.heard(events.Ended):
        await one.chatter(QUIET, 0.2)


@dataclass
class Registrar(asyncio.DatagramProtocol):
    """Takes everybody; ``registered`` is what each REGISTER asked for, in seconds."""

    registered: list[int] = field(default_factory=list[int])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if sip.is_keep_alive(data):
            return
        request = sip.read(data)
        assert isinstance(request, Request)
        headers: list[tuple[str, str]] = []
        if request.method == "REGISTER":
            seconds = int(request.headers["Expires"])
            self.registered.append(seconds)
            headers = [("Contact", f"{request.headers['Contact']};expires={seconds}")] if seconds else []
        self._transport.sendto(sip.write(sip.respond(request, 200, headers, tag="registrar")), addr)


@contextlib.asynccontextmanager
async def registrar() -> AsyncGenerator[tuple[Registrar, int]]:
    """One, and its port."""
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(Registrar, local_addr=(HOST, 0))
    try:
        yield protocol, transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


async def _the_line_is_killed_and_calls_are_answered_again(answering: Phone) -> None:
    async with caller() as one, caller() as other, caller() as third:
        for each in (one, other):
            each.call(answering.port, "1000")
            await each.until(lambda each=each: loud(each) > 5)
        line = await answering.line()
        assert [call.state for call in line.calls] == ["talking", "talking"]
        pid = await answering.line_process()
        os.kill(pid, signal.SIGKILL)
        told = await answering.until(lambda line: all(call.ended for call in line.calls))
        assert [(call.reason, call.failed) for call in told.calls] == [("the line process died", True)] * 2
        ready = await answering.until(lambda line: line.takes_calls)
        answering.port = int(ready.listens[0].partition(";")[0].rpartition(":")[2])
        third.call(answering.port, "1000")
        await third.until(lambda: third.agreed)
        assert answering.command.process.returncode is None
        assert await answering.line_process() != pid
        await third.until(lambda: loud(third) > 5)
        third.hang_up()
        await answering.until(lambda line: len(line.calls) == 3 and all(call.ended for call in line.calls))


async def _it_is_told_to_end_and_says_goodbye(answering: Phone, pbx: Registrar) -> None:
    async with caller() as one, caller() as other, caller() as late, asyncio.TaskGroup() as listening:
        for each in (one, other):
            each.call(answering.port, "1000")
            await each.until(lambda each=each: loud(each) > 5)
            listening.create_task(listen(each))
        main = psutil.Process(answering.command.process.pid)
        children = main.children(recursive=True)
        assert len(children) >= 2
        begin = SYSTEM_CLOCK.now()
        main.terminate()
        await asyncio.sleep(0.3)
        late.call(answering.port, "1000")
        await late.until(lambda: late.heard(events.Ended))
        assert late.heard(events.Ended)[0].status == 503
        assert await answering.command.over(DRAIN_SECONDS + 7) == 0, answering.command.complained
        for each in (one, other):
            assert loud(each, begin) > 20, "a goodbye was heard"
            await each.until(lambda each=each: each.heard(events.Ended), 1)
            assert each.heard(events.Ended)[0].status == 200, "BYE"
        assert pbx.registered[-1] == 0
        _, alive = psutil.wait_procs(children, timeout=5)
        assert alive == []


async def test_its_line_is_killed_it_goes_on_and_ends_well_when_it_is_told_to(tmp_path: Path) -> None:
    async with registrar() as (pbx, port):
        account = f'[[phone.accounts]]\nuser = "1000"\nregistrar = "{HOST}:{port}"\n'
        settings = f"{ALONE}drain_seconds = {DRAIN_SECONDS}\n{account}"
        async with phone(tmp_path, settings) as answering:
            assert pbx.registered and pbx.registered[-1] > 0
            await _the_line_is_killed_and_calls_are_answered_again(answering)
            assert pbx.registered[-1] > 0
            await _it_is_told_to_end_and_says_goodbye(answering, pbx)
    records = [entry.record for entry in LedgerReader(tmp_path / "ledger")]
    calls = [record for record in records if isinstance(record, CallRecord) and record.answered]
    assert [(call.reason, call.failed) for call in calls[:2]] == [("the line process died", True)] * 2
    assert (calls[2].reason, calls[2].failed) == ("they hung up", False)
    assert [(call.reason, call.failed) for call in calls[3:]] == [("the line closed", False)] * 2
    assert any(isinstance(record, WorkerRecord) and record.worker == "line" and record.cause for record in records)
    said = [record.heard for record in records if isinstance(record, TurnRecord) and record.kind == "answer"]
    assert sum(words.endswith("Goodbye.") for words in said) == 2
