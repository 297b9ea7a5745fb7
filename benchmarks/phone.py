"""The phone line: how evenly its packets leave while many calls talk, and how soon a call is answered.

A line process, a main process without engines (this one) and a caller (``phone_caller``, which judges by the kernel's
stamps of the packets it gets), with a bare sleeper beside them on the same 20 ms grid: what it misses is the machine's.
Every call has sound both ways; the line decodes, conceals and resamples what it hears, and main takes it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import numpy as np
import psutil

from benchmarks.table import Row, row, show
from duologue.audio.far_playout import FarEndMessage, MessageKind
from duologue.audio.pcm import RATE
from duologue.clock import MILLISECOND, SYSTEM_CLOCK
from duologue.phone.leg import CallLeg
from duologue.phone.line_client import LineClient
from duologue.phone.line_messages import LineSetup
from duologue.phone.screening import LineOptions, Rate

HOST = "127.0.0.1"
COUNTS = (1, 50, 100)
SECONDS = 10
TARGETS_MS = {1: 2, 50: 4, 100: 8}
SETUPS, SETUP_RATE = 1200, 20
_PIECE = RATE // 5
_SOUND = (0.3 * np.sin(np.arange(_PIECE) * 0.05)).astype(np.float32)


async def _talk(leg: CallLeg) -> None:
    """Say a sine as a voice engine would give it: ahead of its playing, piece after piece; take what is heard."""

    async def say() -> None:
        await leg.answer()
        kind, begin = MessageKind.PLAY, SYSTEM_CLOCK.now()
        for number in range(600 * 5):
            await SYSTEM_CLOCK.wait_until(begin + (number - 2) * 200 * MILLISECOND)
            await leg.write(FarEndMessage(number, kind, "u", number * _PIECE, _SOUND, more=True))
            kind = MessageKind.EXTEND

    async with asyncio.TaskGroup() as group:
        saying = group.create_task(say())
        async for _ in leg.events():
            pass
        saying.cancel()


async def _answer(leg: CallLeg) -> None:
    await leg.answer()
    async for _ in leg.events():
        pass


async def _child(module: str, *arguments: object) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *map(str, arguments), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return json.loads(output)


async def _measured(talks: bool, *arguments: object, seconds: float) -> tuple[dict[str, Any], dict[str, Any], float]:
    """What the caller found, what the sleeper missed, and the CPU of the line (cores)."""
    rates = {"INVITE": Rate(10_000, 10_000)}
    plan = LineSetup(
        options=LineOptions(host=HOST, rates=rates, most_calls=500), udp=0, first_port=30_000, last_port=31_999,
        formats=("PCMU",),
    )  # fmt: skip
    client = LineClient(plan, _talk if talks else _answer, lambda news: None)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(client.run())
        await client.ready.wait()
        process = psutil.Process(client.worker.pid)
        before, begin = process.cpu_times(), SYSTEM_CLOCK.now()
        caller = group.create_task(_child("benchmarks.phone_caller", client.ports["UDP"], *arguments))
        sleeper = group.create_task(_child("benchmarks.phone_sleeper", seconds))
        found = await caller
        after, wall = process.cpu_times(), (SYSTEM_CLOCK.now() - begin) / 1e9
        slept = await sleeper
        running.cancel()
    cores = (after.user + after.system - before.user - before.system) / wall
    return found, slept, cores


def rows() -> list[Row]:
    """The table."""
    found: list[Row] = []
    for count in COUNTS:
        seen, slept, cores = asyncio.run(_measured(True, count, SECONDS, seconds=SECONDS + count * 0.02))
        beside = f"sleeper p99 {slept['p99']:.2f}, max {slept['max']:.1f}; wish ≤ {TARGETS_MS[count]}"
        calls = f"{seen['sources']} call{'s' if count > 1 else ''} talking"
        found.append(row(f"RTP lateness, {calls}, p99", seen["p99"], "ms", beside, TARGETS_MS[count] / seen["p99"]))
        found.append(row(f"RTP lateness, {calls}, p50", seen["p50"], "ms"))
        found.append(row(f"longest gap, {calls}", seen["gap"], "ms", f"sleeper {slept['max'] + 20:.1f}; wish ≤ 60"))
        found.append(row(f"line process, {calls}", cores / count * 1000, "ms of CPU a second and call"))
    seconds = SETUPS / SETUP_RATE
    seen, slept, _ = asyncio.run(_measured(False, SETUPS, 0, SETUP_RATE, seconds=seconds))
    beside = f"sleeper max {slept['max']:.1f}; wish ≤ that + 20"
    what = f"INVITE → 200, {SETUP_RATE} calls a second"
    found.append(row(f"{what}, p99", seen["p99"], "ms", beside, (slept["max"] + 20) / seen["p99"]))
    found.append(row(f"{what}, answered of {SETUPS}", seen["answered"], "calls"))
    return found


if __name__ == "__main__":
    show("phone", rows())
