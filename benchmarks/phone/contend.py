"""Calls on a machine that others use too: busy loops of other sessions, where the house may not raise its priority.

Packets must leave in time as long as there is a core to send them; what the main process cannot do any more must be
bounded: no call is lost, sound that it does not take is dropped and counted, and when the loops end everything is as it
was. Callers are judged by the kernel's stamps, so that it does not matter that they wait for a core as well.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from benchmarks.contend.scenes import loops
from benchmarks.live import humbly
from benchmarks.machine import load, say
from benchmarks.phone.crowd import CYCLE_SECONDS, called, question, zero_house
from benchmarks.table import Row, row

CALLS = 20
LOOPS = (0, 2, 4, 8, 0)
"""The last ones are the same calls again, when the machine is quiet."""
SECONDS = 28.0


async def _beside(count: int, calls: int, seconds: float, cycle: Path, port: int) -> list[Row]:
    async with zero_house(port, port + 999, humbly) as house:
        with loops(count, seconds + 90):
            seen = await called(house.port, calls, seconds, 0, cycle)
            told = await house.told()
    return _rows(f"{calls} calls beside {count} loops", calls * seconds, seen, told)


def _rows(what: str, call_seconds: float, seen: dict[str, float], told: dict[str, float]) -> list[Row]:
    asked, dropped, came = call_seconds / CYCLE_SECONDS, told.get("dropped_sound", 0.0), 50 * call_seconds
    return [
        row(f"{what}: the line was replaced", told["restarts"], "times", f"wish 0; {load()}"),
        row(f"{what}: RTP lateness, p99", seen["p99"], "ms", f"stall {seen['stall']:.0f}, gap {seen['gap']:.0f}"),
        row(f"{what}: answers", seen["runs"], f"of {asked:.0f}", f"callers' own packets {seen['own_p99']:.0f} ms late"),
        row(f"{what}: callers' sound that was dropped", 100 * dropped / came, "%", "said in the log and on the page"),
    ]


def rows(small: bool = False) -> list[Row]:
    """Beside none, some, many, and none again."""
    calls, seconds = (5, 10.0) if small else (CALLS, SECONDS)
    made: list[Row] = []
    with tempfile.NamedTemporaryFile(suffix=".ulaw") as file:
        cycle = Path(file.name)
        cycle.write_bytes(question())
        for number, count in enumerate((0, 4) if small else LOOPS):
            say(f"{calls} calls beside {count} loops")
            made += asyncio.run(_beside(count, calls, seconds, cycle, 30_000 + 1_000 * number))
    return made
