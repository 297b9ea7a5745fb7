"""Faults done to a conversation and to a call of one house: a slow model, a voice that stands still, garbage, packets
that get lost. For :mod:`benchmarks.causes`.

A person asks by writing, every two or three seconds; who is on the telephone says nothing, and their packets get lost
now and then. Both go on at once.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection
from pathlib import Path

import psutil

from benchmarks.causes.faults import HOOK, Collector, PacedModel, paced_model, standing, worker
from benchmarks.causes.figures import Fault, Injected, Suffered
from benchmarks.live import HERE
from benchmarks.machine import say
from benchmarks.phone.board import board
from benchmarks.phone.house import PhoneHouse, phone_house
from duologue.client import TalkClient, TalkWish, talk_with
from duologue.clock import MILLISECOND, SYSTEM_CLOCK
from duologue.evidence.budgets import Budgets
from duologue.evidence.report import ReportSource, read_report
from duologue.phone.line.process import PreciseSelector
from duologue.telemetry.run_shelf import RunShelf

MODEL, STOPPED, GARBAGE, UNTOUCHED = 16, 16, 10, 30
"""Turns."""
FIRST = 3
"""Turns that load what later ones find: they are not counted."""
LOSSES = 16
LATE_MS, STOPPED_S, GARBAGE_MS = 1200.0, 0.3, 400.0
LOST, LOSING_S, KEEPING_S = 0.15, 4.0, 12.0
"""Share of packets, for how long, and how long none is lost behind it: reports come every 2.5 to 7.5 s."""
TOLD_MS = 8_000
SETTINGS = """
[engines]
tts = "espeak"
stt = "openai_hearing"
llm = "openai"
[engines.openai]
base_url = "{address}"
model = "paced"
[engines.openai_hearing]
base_url = "{address}"
model = "paced"
[speech_cache]
limit_mb = 0
"""


def inject(folder: Path, small: bool, only: Collection[Fault]) -> list[Injected]:
    """What was done to them; their runs are in ``folder`` then."""
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(PreciseSelector())) as runner:
        return runner.run(_hold(folder, small, only))


async def _hold(runs: Path, small: bool, only: Collection[Fault]) -> list[Injected]:
    async with paced_model() as model:
        house = phone_house(
            SETTINGS.format(address=model.base_url),
            environment={
                "PYTHONPATH": f"{HOOK}:{HERE.environment['PYTHONPATH']}", "DUOLOGUE_RUNS__FOLDER": str(runs),
            },
            talk=True,
        )  # fmt: skip
        there = await asyncio.to_thread(house.__enter__)
        try:
            async with asyncio.TaskGroup() as tasks:
                talk = tasks.create_task(_converse(there, model, small, only))
                call = tasks.create_task(_call(there.sip, small, only))
            await asyncio.to_thread(there.end)
        finally:
            await asyncio.to_thread(house.__exit__, None, None, None)
    return [*talk.result(), *call.result()]


async def _converse(house: PhoneHouse, model: PacedModel, small: bool, only: Collection[Fault]) -> list[Injected]:
    wanted = {Fault.MODEL: MODEL, Fault.STOPPED: STOPPED, Fault.GARBAGE: GARBAGE, None: UNTOUCHED}
    order = [
        fault for fault, many in wanted.items() if fault is None or fault in only for _ in range(2 if small else many)
    ]
    random.Random(7).shuffle(order)
    order = [None] * FIRST + order
    voice = worker(house.process.pid, "espeak.worker")
    garbage, found = Collector(house.process.pid), list[Injected]()
    async with talk_with(f"ws{house.address.removeprefix('http')}/api/talk", TalkWish("chad")) as talk:
        for number, fault in enumerate(order, 1):
            say(f"turn {number} of {len(order)}: {fault or 'as it is'}")
            if fault is Fault.GARBAGE:
                await asyncio.to_thread(garbage.prepare)
            model.late_ms = LATE_MS if fault is Fault.MODEL else 0.0
            since = SYSTEM_CLOCK.now()
            await _ask(talk, f"What is number {number}?", fault, model, voice, garbage)
            if number > FIRST:  # the next turn is not its doing
                found.append(Injected(fault, "talk", since, SYSTEM_CLOCK.now(), 0))
            if fault is Fault.GARBAGE:
                await asyncio.to_thread(garbage.release)
            await asyncio.sleep(0.5)
        talk.leave()
    return found


async def _ask(
    talk: TalkClient, words: str, fault: Fault | None, model: PacedModel, voice: psutil.Process, garbage: Collector
) -> None:
    family = [voice, *await asyncio.to_thread(voice.children)]
    model.writes.clear()
    async with asyncio.TaskGroup() as tasks:
        if fault is Fault.STOPPED:
            model.may_write.clear()
        answered = tasks.create_task(talk.ask(words))
        if fault is Fault.STOPPED:
            await model.writes.wait()
            async with standing(family):
                model.may_write.set()
                await asyncio.sleep(STOPPED_S)
        elif fault is Fault.GARBAGE:
            await asyncio.sleep(0.02)
            await asyncio.to_thread(garbage.collect, GARBAGE_MS)
        await answered


async def _call(port: int, small: bool, only: Collection[Fault]) -> list[Injected]:
    found: list[Injected] = []
    async with board(port, SYSTEM_CLOCK) as callers:
        call = callers.call()
        if not await call.answered():
            raise SystemExit(f"the call was not answered: {call.status}")
        calm = SYSTEM_CLOCK.now() + TOLD_MS * MILLISECOND
        await asyncio.sleep(KEEPING_S)
        for _ in range(0 if Fault.LOSS not in only else 2 if small else LOSSES):
            since = SYSTEM_CLOCK.now()
            found.append(Injected(None, "call", calm, since, 0))
            call.loss = LOST
            await asyncio.sleep(LOSING_S)
            call.loss = 0.0
            found.append(Injected(Fault.LOSS, "call", since, SYSTEM_CLOCK.now(), TOLD_MS))
            calm = found[-1].told
            await asyncio.sleep(KEEPING_S)
        call.hang_up()
    return found


def suffered(folder: Path) -> list[Suffered]:
    """Late answers, and packets that were late or got lost."""
    chapter = read_report([ReportSource(each.id, each.ledger) for each in RunShelf(folder).runs()], Budgets()).talks
    assert chapter is not None
    found = [
        Suffered("talk", wait.turn.spoken_to, "an answer", wait.cause, wait.beyond_ms, wait.why, wait.stage)
        for wait in chapter.slowest
        if wait.late and wait.cause is not None
    ]
    for stall in chapter.stalls:
        if stall.what.startswith("packets"):
            cause = stall.attribution
            found.append(Suffered("call", stall.at, stall.what, cause.cause, cause.lost_ms, cause.why))
    return found
