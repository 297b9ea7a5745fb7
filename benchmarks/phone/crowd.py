"""Many calls at once: how evenly their packets leave, how many are held, how soon the next one is answered.

Callers judge by the kernel's stamps of the packets that they get (:mod:`benchmarks.phone.caller`), with a bare sleeper
beside them on the same 20 ms grid: what it misses is the machine's. In the rows of pacing main has no engines at all,
and says a sine; in those of calls held it is a whole house but for its engines' time (:mod:`benchmarks.phone.zero`).
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks.live import HERE
from benchmarks.machine import load, say
from benchmarks.phone.board import on_the_line
from benchmarks.table import Row, row
from benchmarks.voice import scenes
from benchmarks.voice.programs import peers
from duologue.audio import g711
from duologue.audio.far_playout import FarEndMessage, MessageKind
from duologue.audio.pcm import RATE, from_int16, silence
from duologue.clock import MILLISECOND, SECOND, SYSTEM_CLOCK
from duologue.phone.leg import CallLeg
from duologue.phone.line.client import LineClient
from duologue.phone.line.messages import LineSetup
from duologue.phone.sip.screening import LineOptions, Rate

HOST = "127.0.0.1"
COUNTS = (1, 50, 100)
SECONDS = 10.0
TARGETS_MS = {1: 2, 50: 4, 100: 8}
HELD = (20, 40, 60, 80, 100, 120, 150, 200)
HELD_BY_TWO = (80, 120, 150, 200)
HELD_SECONDS = 12.0
TRIED = (20,)
TRIED_SECONDS = 9.0
"""When it is only tried: longer than a cycle, so that each caller asks and is answered."""
ANSWERED = 0.95
"""Of the answers that each of few calls gets, up to which calls are held."""
LIMIT_MS = 10.0
"""Of p99 pacing, up to which calls are held."""
SETUPS, SETUP_RATE = 1200, 20
CYCLE_SECONDS = 7.0
"""A question, its answer, and the silences between them."""
_PIECE = RATE // 5
_SOUND = (0.3 * np.sin(np.arange(_PIECE) * 0.05)).astype(np.float32)


async def _talk(leg: CallLeg) -> None:
    """Say a sine as a voice engine would give it: ahead of its playing, piece after piece; take what is heard."""

    async def sing() -> None:
        await leg.answer()
        kind, begin = MessageKind.PLAY, SYSTEM_CLOCK.now()
        for number in range(600 * 5):
            await SYSTEM_CLOCK.wait_until(begin + (number - 2) * 200 * MILLISECOND)
            await leg.write(FarEndMessage(number, kind, "u", number * _PIECE, _SOUND, more=True))
            kind = MessageKind.EXTEND

    async with asyncio.TaskGroup() as group:
        singing = group.create_task(sing())
        async for _ in leg.events():
            pass
        singing.cancel()


async def _answer(leg: CallLeg) -> None:
    await leg.answer()
    async for _ in leg.events():
        pass


async def called(*arguments: object) -> dict[str, float]:
    """What callers found (:mod:`benchmarks.phone.caller`)."""
    return await _child("benchmarks.phone.caller", *arguments)


async def _child(module: str, *arguments: object) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *map(str, arguments), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise SystemExit(f"{module} ended with {process.returncode}")
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
        caller = group.create_task(_child("benchmarks.phone.caller", client.ports["UDP"], *arguments))
        sleeper = group.create_task(_child("benchmarks.phone.sleeper", seconds))
        found = await caller
        after, wall = process.cpu_times(), (SYSTEM_CLOCK.now() - begin) / 1e9
        slept = await sleeper
        running.cancel()
    cores = (after.user + after.system - before.user - before.system) / wall
    return found, slept, cores


def pacing_rows(small: bool = False) -> list[Row]:
    """Calls that talk without a pause, beside the sleeper, and beside pipecat's own pacer in as many pipelines."""
    found: list[Row] = []
    seconds = 4.0 if small else SECONDS
    peer = peers([("pipecat", "")])
    for count in COUNTS[:2] if small else COUNTS:
        seen, slept, cores = asyncio.run(_measured(True, count, seconds, seconds=seconds + count * 0.02))
        if seen["sources"] < count:
            raise SystemExit(f"of {count} calls that talk {seen['sources']} were heard")
        beside = f"sleeper p99 {slept['p99']:.2f}, max {slept['max']:.1f}; wish ≤ {TARGETS_MS[count]}, {load()}"
        calls = f"{seen['sources']} call{'s' if count > 1 else ''} talking"
        found.append(row(f"RTP lateness, {calls}, p99", seen["p99"], "ms", beside, TARGETS_MS[count] / seen["p99"]))
        found.append(row(f"RTP lateness, {calls}, p50", seen["p50"], "ms"))
        found.append(row(f"longest gap, {calls}", seen["gap"], "ms", f"sleeper {slept['max'] + 20:.1f}; wish ≤ 60"))
        for program in peer:
            answer = program.run("reply", count, seconds)
            if answer is not None and not answer["pacing_ms"]["n"]:
                say(f"{program.name} gave no whole answer in {seconds:g} s, {load()}")
            elif answer is not None:
                theirs = float(answer["pacing_ms"]["p99"])
                told = f"{program.name} {theirs:.2f}; its sleeper's worst {answer['worst_wake_ms']:.0f}"
                what = f"off the middle of its grid, {calls}, p99"
                found.append(row(what, seen["off_p99"], "ms", told, theirs / seen["off_p99"]))
        found.append(row(f"line process, {calls}", cores / count * 1000, "ms of CPU a second and call"))
    return found


def setup_rows(small: bool = False) -> list[Row]:
    """New calls at a steady rate; those of a second ago hang up."""
    calls = 100 if small else SETUPS
    seen, slept, _ = asyncio.run(_measured(False, calls, 0, SETUP_RATE, seconds=calls / SETUP_RATE))
    beside = f"sleeper max {slept['max']:.1f}; wish ≤ that + 20, {load()}"
    what = f"INVITE → 200, {SETUP_RATE} calls a second"
    return [
        row(f"{what}, p99", seen["p99"], "ms", beside, (slept["max"] + 20) / seen["p99"]),
        row(f"{what}, answered", seen["answered"], f"of {calls}", "wish: all"),
        row(f"{what}, ended", seen["ended"], f"of {calls}", "wish: all"),
    ]


# Whole houses but for their engines' time


@dataclass
class ZeroHouse:
    """A running one."""

    process: asyncio.subprocess.Process
    port: int
    line: psutil.Process
    main: psutil.Process

    async def told(self, wanted: str = "") -> dict[str, float]:
        """How it is; ``trim`` is wanted before."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(wanted.encode() + b"\n")
        return json.loads(await self.process.stdout.readline())

    async def used(self) -> tuple[float, float, float]:
        """CPU seconds so far: media, voice activity, core."""
        vad = (await self.told())["vad"]
        media, core = (sum(each.cpu_times()[:2]) for each in (self.line, self.main))
        return media, vad, core - vad


@asynccontextmanager
async def zero_house(
    first: int, last: int, manner: Callable[[list[str]], list[str]] = list
) -> AsyncGenerator[ZeroHouse]:
    """One, with these ports of sound, in a session of its own; ``manner`` makes its command another one."""
    command = manner([sys.executable, "-m", "benchmarks.phone.zero", str(first), str(last)])
    process = await asyncio.create_subprocess_exec(
        *command, env=HERE.environment, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    try:
        assert process.stdin is not None and process.stdout is not None
        async with asyncio.timeout(90):
            told = json.loads(await process.stdout.readline())
        yield ZeroHouse(process, int(told["port"]), psutil.Process(int(told["line"])), psutil.Process(process.pid))
        process.stdin.close()
        async with asyncio.timeout(30):
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def question() -> bytes:
    """µ-law: somebody asks, and waits for the answer to be over."""
    sound = on_the_line(from_int16(scenes.said("Tell me about the sea.", scenes.VOICES[0])))
    whole = np.concatenate([sound, silence(round(CYCLE_SECONDS * 8000) - len(sound))])
    return g711.encode(whole, "mu")


Share = tuple[float, float, float]
"""Of CPU: media, voice activity, core."""


class Meter:
    """The CPU of houses, looked at every quarter of a second: callers know only afterwards when they had spoken."""

    def __init__(self, houses: Sequence[ZeroHouse]) -> None:
        self._houses = houses
        self._times: list[int] = []
        self._used: list[NDArray[np.float64]] = []

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(0.25)

    async def look(self) -> None:
        """Now."""
        used = np.zeros(3)
        for house in self._houses:
            used += await house.used()
        self._times.append(SYSTEM_CLOCK.now())
        self._used.append(used)

    def between(self, begin: int, end: int) -> Share:
        """What was used from ``begin`` to ``end`` (ns), in seconds."""
        used = np.array(self._used)

        def of(part: int) -> float:
            return float(np.diff(np.interp(np.array([begin, end]), np.array(self._times), used[:, part]))[0])

        return of(0), of(1), of(2)

    @property
    def whole(self) -> Share:
        """From the first look to the last."""
        return self.between(self._times[0], self._times[-1])


@dataclass(frozen=True)
class HeldCalls:
    """Of so many calls: p99 and p50 of lateness, the longest gap (ms), and the CPU of a second of all of them (ms)
    while they talk; runs of sound, and in how many calls there was one: they were answered.
    """

    calls: int
    p99: float
    p50: float
    gap: float
    cpu: Share
    runs: int
    answered: int
    slept: dict[str, Any]
    own: float
    """The lateness (p99, ms) with which the callers' own packets were sent."""
    own_cpu: float = 0.0
    """What a second of all callers takes (ms of CPU), while they speak."""
    stall: float = 0.0
    """See :class:`~benchmarks.phone.packets.Pacing`."""
    ends: Share = (0.0, 0.0, 0.0)
    """The CPU (ms) of beginning and ending all of them."""
    dropped: float = 0.0
    """Packets of the callers that the house had no time for."""


async def held(calls: int, seconds: float, houses: int, cycle: Path) -> HeldCalls:
    """Hold ``calls``, spread over ``houses``."""
    async with AsyncExitStack() as stack:
        places = [(30_000 + 1_000 * n, 30_999 + 1_000 * n) for n in range(houses)]
        up = [await stack.enter_async_context(zero_house(*place)) for place in places]
        meter = Meter(up)
        await meter.look()
        async with asyncio.TaskGroup() as group:
            looking = group.create_task(meter.run())
            share = [calls // houses + (n < calls % houses) for n in range(houses)]
            callers = [
                group.create_task(_child("benchmarks.phone.caller", house.port, count, seconds, 0, cycle))
                for house, count in zip(up, share, strict=True)
            ]
            sleeper = group.create_task(_child("benchmarks.phone.sleeper", seconds + calls * 0.02))
            seen = [await task for task in callers]
            looking.cancel()
        await meter.look()
        dropped = sum([(await house.told()).get("dropped_sound", 0.0) for house in up])
    begin, end = max(each["begun"] for each in seen), min(each["over"] for each in seen)
    talked, whole = meter.between(begin, end), meter.whole
    cpu = _scaled(talked, 1000 * SECOND / (end - begin))
    ends = _scaled(tuple(all_of - in_talk for all_of, in_talk in zip(whole, talked, strict=True)), 1000)
    return HeldCalls(
        calls, max(each["p99"] for each in seen), max(each["p50"] for each in seen), max(each["gap"] for each in seen),
        cpu, sum(int(each["runs"]) for each in seen), sum(int(each["answered"]) for each in seen), sleeper.result(),
        max(each["own_p99"] for each in seen), sum(each["own_cpu"] for each in seen) * 1000 / seconds,
        max(each["stall"] for each in seen), ends, dropped,
    )  # fmt: skip


def _scaled(values: Sequence[float], by: float) -> Share:
    media, vad, core = (value * by for value in values)
    return media, vad, core


def most_held(found: Sequence[HeldCalls], limit: float = LIMIT_MS) -> int:
    """The largest count up to which p99 of lateness never passed ``limit``, and each call had as many answers as those
    of the smallest count (a few less: some asked too late); counts rise.
    """
    most = 0
    for each in found:
        if not each.p99 <= limit or each.runs / each.calls < ANSWERED * found[0].runs / found[0].calls:
            break
        most = each.calls
    return most


def held_rows(small: bool = False) -> list[Row]:
    """The curve, and where it ends; then the same with two houses."""
    rows: list[Row] = []
    with tempfile.NamedTemporaryFile(suffix=".ulaw") as file:
        cycle = Path(file.name)
        cycle.write_bytes(question())
        for houses, counts in ((1, TRIED if small else HELD), (2, TRIED if small else HELD_BY_TWO)):
            found: list[HeldCalls] = []
            where = "one house" if houses == 1 else "two houses"
            for count in counts:
                say(f"{count} calls, {where}")
                each = asyncio.run(held(count, TRIED_SECONDS if small else HELD_SECONDS, houses, cycle))
                found.append(each)
                told = f"p50 {each.p50:.2f}, gap {each.gap:.0f} (stall {each.stall:.0f}), {each.runs} answers"
                told += f" in {each.answered} calls, {each.dropped:.0f} packets of callers dropped"
                told += f"; callers' own {each.own:.1f}, sleeper {each.slept['p99']:.1f}"
                rows.append(row(f"{count} calls, {where}: RTP lateness, p99", each.p99, "ms", f"{told}, {load()}"))
                own = f"; beside it the callers' own {each.own_cpu / count:.1f}"
                what = f"{count} calls, {where}: CPU"
                rows.append(
                    row(f"{what} a second and call", sum(each.cpu) / count, "ms", _split(each.cpu, count) + own)
                )
                rows.append(
                    row(f"{what} to begin and end a call", sum(each.ends) / count, "ms", _split(each.ends, count))
                )
                if most_held(found) < count:
                    break
            wish = "wish ≥ 80" if houses == 1 else "aim 150"
            rows.append(row(f"calls held before p99 passes {LIMIT_MS:g} ms, {where}", most_held(found), "calls", wish))
    return rows


def _split(cpu: Share, calls: int) -> str:
    media, vad, core = (value / calls for value in cpu)
    return f"media {media:.1f}, voice activity {vad:.1f}, core {core:.1f}"
