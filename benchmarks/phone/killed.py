"""The process of the line is killed while it talks: how soon is who calls in that moment answered?

The caller's first INVITE finds nobody, and is sent again after 0.5 and 1.5 s (RFC 3261, section 17.1.1.2), so that what
is measured is what somebody who dials waits; beside it how soon the line takes calls at all.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from statistics import median

from benchmarks.machine import load
from benchmarks.phone.board import HOST, board
from benchmarks.ready import free_port
from benchmarks.table import Row, row
from duologue.clock import SECOND, SYSTEM_CLOCK
from duologue.phone.leg import CallLeg
from duologue.phone.line.client import LineClient
from duologue.phone.line.messages import LineSetup
from duologue.phone.sip.screening import LineOptions

TIMES = 7
LIMIT_S = 2.0


async def _answer(leg: CallLeg) -> None:
    await leg.answer()
    async for _ in leg.events():
        pass


async def _once() -> tuple[float, float]:
    """Seconds from the kill until the line takes calls, and until who called in that moment was answered."""
    port = free_port(socket.SOCK_DGRAM)
    plan = LineSetup(
        options=LineOptions(host=HOST), udp=port, first_port=30_000, last_port=30_099,
        formats=("PCMU",),
    )  # fmt: skip
    client = LineClient(plan, _answer, lambda news: None)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(client.run())
        await client.ready.wait()
        async with board(port, SYSTEM_CLOCK) as people:
            first = people.call()
            if not await first.answered():
                raise SystemExit("the line answered nobody before it was killed")
            pid = client.worker.pid
            assert pid is not None
            killed = SYSTEM_CLOCK.now()
            os.kill(pid, signal.SIGKILL)
            next_one = people.call()
            while not (client.ready.is_set() and client.worker.pid not in (None, pid)):
                await SYSTEM_CLOCK.wait_until(SYSTEM_CLOCK.now() + SECOND // 100)
            takes = SYSTEM_CLOCK.now() - killed
            if not await next_one.answered():
                raise SystemExit("who called as the line was killed was not answered")
            waited = next_one.answered_at - killed
        running.cancel()
    return takes / SECOND, waited / SECOND


def rows(small: bool = False) -> list[Row]:
    """Some lines, each killed once."""
    found = [asyncio.run(_once()) for _ in range(2 if small else TIMES)]
    takes, waited = zip(*found, strict=True)
    beside = f"longest of {len(found)} {max(waited):.2f}; wish < {LIMIT_S:g}, {load()}"
    return [
        row("the line killed → it takes calls, p50", median(takes), "s", f"longest {max(takes):.2f}"),
        row(
            "the line killed → who calls in that moment is answered, p50", median(waited), "s", beside,
            LIMIT_S / max(waited),
        ),
    ]  # fmt: skip
