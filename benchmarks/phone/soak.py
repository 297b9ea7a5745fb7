"""What is left of calls when they are over, after ten minutes at fifty calls, and after two hours on virtual time.

``python -m benchmarks.phone soak`` is the first, with whole houses but for their engines' time
(:mod:`benchmarks.phone.zero`): fifty calls talk for two minutes, all hang up, and fifty others call.
``python -m benchmarks.phone hours`` is the second (:mod:`benchmarks.phone.virtual`): callers come and go in all ways
that there are, and at the end everything must be as it was.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import psutil

from benchmarks.machine import load, say
from benchmarks.phone.board import Board, board
from benchmarks.phone.crowd import ZeroHouse, question, zero_house
from benchmarks.phone.scripted import words_sound
from benchmarks.phone.virtual import virtual_line
from benchmarks.phone.zero import ZeroEars, zero_mind, zero_voice
from benchmarks.table import Row, row
from duologue.clock import SECOND, SYSTEM_CLOCK
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.speech.hearing_fake import Loudness
from duologue.telemetry.ledger import CallRecord

CALLS = 50
ROUND_S, ROUNDS = 115.0, 5
MINUTES = 120
RETURNED_S = 90.0
"""Within which everything of a call is returned, however it ended: silence is noticed after 30 s, and SIP repeats a BYE
for 32.
"""
SETTLED = 2
"""Rounds, or (of the virtual hours) tenths of the whole, after which nothing may grow."""
AT_ONCE = 2
GROWTH_MB = 2.0


def grown(series: Sequence[float]) -> float:
    """How much the least of the last quarter is over that of the first (MB)."""
    quarter = max(1, len(series) // 4)
    return min(series[-quarter:]) - min(series[:quarter])


def floors(series: Sequence[float], rounds: Sequence[tuple[int, int]]) -> list[float]:
    """The least of each round (first and last place) while its calls are on; its first quarter, in which they come and
    what they keep fills, is left out: what fifty calls hold is no growth, and between two rounds there are none.
    """
    return [min(series[first + (last - first) // 4 : last]) for first, last in rounds]


def own_mb(pid: int) -> float:
    """What a process asked for, without files that it has mapped (proc(5), status)."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return (int(status["RssAnon"].split()[0]) + int(status["RssShmem"].split()[0])) / 1024


def soak_rows(small: bool = False) -> list[Row]:
    """Ten minutes."""
    calls, seconds, rounds = (10, 10.0, 2) if small else (CALLS, ROUND_S, ROUNDS)
    with tempfile.NamedTemporaryFile(suffix=".ulaw") as file:
        cycle = Path(file.name)
        cycle.write_bytes(question())
        return asyncio.run(_soaked(calls, seconds, rounds, cycle))


async def _soaked(calls: int, seconds: float, rounds: int, cycle: Path) -> list[Row]:
    series: dict[str, list[float]] = {"main": [], "line": []}
    late: list[float] = []
    spans: list[tuple[int, int]] = []
    left: list[_Left] = []
    empty: list[float] = []
    async with zero_house(30_000, 30_999) as house, asyncio.TaskGroup() as group:
        idle = (await house.told())["tasks"]
        watching = group.create_task(_watch(house, series))
        for number in range(rounds):
            say(f"round {number + 1} of {rounds}: {calls} calls, {seconds:g} s")
            begun = len(series["main"])
            late.append(await _round(house, calls, seconds, cycle))
            spans.append((begun, len(series["main"])))
            left.append(await _left(house, idle))
            await house.told("trim")
            empty.append(own_mb(house.main.pid))
        watching.cancel()
    rows: list[Row] = []
    for name, values in series.items():
        least = floors(values, spans)
        told = f"wish ≤ {GROWTH_MB:g}; {', '.join(f'{each:.1f}' for each in least)}, {load()}"
        rows.append(
            row(f"growth of {name} from the second round to the last, calls on", least[-1] - least[1], "MB", told)
        )
    told = f"wish ≤ {GROWTH_MB:g}; {', '.join(f'{each:.1f}' for each in empty)}"
    rows.append(row("growth of main from the second round to the last, no call on", empty[-1] - empty[1], "MB", told))
    within = f"wish 0, within {RETURNED_S:g} s"
    rows += [
        row("calls left after a round, at most", max(each.calls for each in left), "", within),
        row("ports left after a round, at most", max(each.ports for each in left), "", "wish 0"),
        row("tasks of main left after a round, at most", max(each.tasks for each in left), "", "wish 0"),
        row("until all of a round was returned, at most", max(each.after for each in left), "s", load()),
        row(f"RTP lateness, {calls} calls, p99 of the worst round", max(late), "ms", f"of {rounds} rounds"),
    ]
    return rows


@dataclass(frozen=True)
class _Left:
    """What was not returned, and how long it was waited for (s)."""

    calls: float
    ports: float
    tasks: float
    after: float


async def _left(house: ZeroHouse, idle: float) -> _Left:
    """What a round left behind, once everything is returned or has had its time; ``idle`` are the tasks of a house
    without calls.
    """
    begun = SYSTEM_CLOCK.now()
    while True:
        told = await house.told()
        after = (SYSTEM_CLOCK.now() - begun) / SECOND
        found = _Left(told["live"], told.get("ports", 0), max(0.0, told["tasks"] - idle), after)
        if not (found.calls or found.ports or found.tasks) or after >= RETURNED_S:
            return found
        await asyncio.sleep(0.5)


async def _watch(house: ZeroHouse, series: dict[str, list[float]]) -> None:
    while True:
        series["main"].append(own_mb(house.main.pid))
        series["line"].append(own_mb(house.line.pid))
        await asyncio.sleep(1)


async def _round(house: ZeroHouse, calls: int, seconds: float, cycle: Path) -> float:
    arguments = (house.port, calls, seconds, 0, cycle)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.phone.caller", *map(str, arguments), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise SystemExit(f"the callers ended with {process.returncode}")
    found = json.loads(output)
    if not found["answered"]:
        raise SystemExit(f"of {calls} calls none was answered")
    return float(found["p99"])


# Two hours on virtual time


async def one_caller(people: Board, chance: Random) -> str:
    """Somebody calls and leaves, in one of the ways that there are; its name."""
    how = chance.choice(["talks", "talks", "talks", "vanishes", "leaves at once", "is silent", "leaves in the answer"])
    call = people.call(loss=0.02)
    clock = people.clock
    if how == "leaves at once":
        call.hang_up()
    elif not await call.answered():
        how = f"was refused with {call.status}"
    elif how == "is silent":
        await call.until(lambda: call.ended is not None, 120.0)
    else:
        await call.silent_for(800)
        for _ in range(chance.randint(1, 6)):
            end = call.say(words_sound([chance.randrange(28) for _ in range(4)])).end
            await clock.wait_until(end)
            if not await call.heard_after(end, 5.0):
                how = "was not answered"
                break
            if how == "leaves in the answer":
                break
            await call.silent_for(700)
        if how == "vanishes":
            call.vanish()
            await call.until(lambda: call.ended is not None, 60.0)
        else:
            call.hang_up()
    if not await call.until(lambda: call.ended is not None, 60.0):
        how = "was stuck"
    people.forget(call)
    return how


async def _lane(people: Board, chance: Random, until: int, ways: dict[str, int]) -> None:
    while people.clock.now() < until:
        how = await one_caller(people, chance)
        ways[how] = ways.get(how, 0) + 1
        await people.clock.wait_until(people.clock.now() + round(chance.uniform(0.1, 5.0) * SECOND))


async def hours(minutes: int) -> list[Row]:
    clock, chance = LoopClock(), Random(7)
    model = zero_mind()
    makes = {"tts": zero_voice(), "stt": ZeroEars(), "vad": Loudness(0.02), "llm": model}
    ways: dict[str, int] = {}
    series: list[float] = []
    async with virtual_line(makes, clock, silence=20) as line, board(line.port, clock, stamps=False) as people:
        tasks = len(asyncio.all_tasks())
        end = clock.now() + minutes * 60 * SECOND
        async with asyncio.TaskGroup() as group:
            lanes = [
                group.create_task(_lane(people, Random(chance.random()), end, ways)) for _ in range(AT_ONCE)
            ]  # fmt: skip
            while not all(lane.done() for lane in lanes):
                await clock.wait_until(clock.now() + 60 * SECOND)
                model.prompts.clear()
                line.entries[:] = [entry for entry in line.entries if isinstance(entry.record, CallRecord)][-100:]
                gc.collect()
                series.append(own_mb(psutil.Process().pid))
                if len(series) % 20 == 0:
                    say(f"minute {len(series)} of {minutes}")
        await clock.wait_until(clock.now() + 90 * SECOND)  # SIP keeps what is over for 32 s
        rest, more = line.rest, len(asyncio.all_tasks()) - tasks
        troubles = list(line.troubles)
    calls = sum(ways.values())
    if not ways.get("talks"):
        raise SystemExit(f"of {calls} callers none talked: {', '.join(ways)}")
    unheard = sum(count for how, count in ways.items() if how.startswith(("was refused", "was not answered")))
    told = ", ".join(f"{how} {count}" for how, count in sorted(ways.items()))
    settled = series[len(series) * SETTLED // 10 :]
    rows = [
        row(f"{minutes} min of virtual time, calls", calls, "", told),
        row("stuck calls", ways.get("was stuck", 0), "", "wish 0"),
        row("callers who were refused, or not answered", unheard, "", "wish 0"),
        row("growth after the first fifth", grown(settled), "MB", f"wish ≤ {GROWTH_MB:g}; at the end {series[-1]:.0f}"),
        row("tasks that are left", more, "", "wish 0"),
        row("faults that the line told of", len(troubles), "", "; ".join(sorted(set(troubles)))[:200] or "wish 0"),
    ]
    return rows + [row(f"{name} that are left", many, "", "wish 0") for name, many in rest.items()]


def hours_rows(small: bool = False) -> list[Row]:
    """Two of them."""
    return simulate(hours(6 if small else MINUTES), None)
