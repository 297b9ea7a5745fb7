"""What evidence costs: a report of an hour of a show (108,000 frames), its page, its trace, a report of a minute of it;
and to have the house looked on at, with nobody at the Evidence page and with somebody.

``python -m benchmarks.evidence``. The hour is made (its frames, turns and machine records, and a dozen stalls), written
as a ledger and read by the command itself, in a process of its own, whose CPU time and memory count.

Expected before measuring (2 cores, shared): reading is most of it, 20 µs a line, so 3 s; 50 bytes a frame kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.table import Row, row, show
from duologue.app.evidence.board import EvidenceBoard
from duologue.clock import MILLISECOND, SECOND, SYSTEM_CLOCK, VirtualClock
from duologue.telemetry.ledger import Cause, Entry, FrameRecord, HeaderRecord, MachineRecord, ShowRecord, TurnRecord
from duologue.telemetry.ledger_reader import LedgerReader
from duologue.telemetry.stream import HOUSE, Ledger

HOUR, FPS = 3600, 30
SHOW = "show:day"
TURN_SECONDS = 7
WORKS = ("speech", "speech+caption", "speech+tv", "", "speech+tv+caption")


def make(path: Path, seconds: int = HOUR) -> None:
    """An hour of a show, with a stall of 1.2 to 3 s every five minutes."""
    clock, chance = VirtualClock(start=10 * SECOND), random.Random(7)
    ledger = Ledger(clock)
    writer = ledger.write_to(path)
    ledger.enter(SHOW, ShowRecord(FPS, 1920, 1080, ("chad", "virgin"), "living-room", 1000.0))
    start, behind = clock.now() + SECOND, 0
    for second in range(seconds):
        stall = round(chance.uniform(1.2, 3.0) * SECOND) if second % 300 == 299 else 0
        for number in range(second * FPS, (second + 1) * FPS):
            due = start + number * SECOND // FPS
            compose, encode = chance.gammavariate(4.0, 0.35), chance.gammavariate(9.0, 0.7)
            behind = max(0, behind + stall - SECOND // FPS + round((compose + encode) * MILLISECOND))
            stall = 0
            begun = due - SECOND + behind
            packaged = begun + round((compose + encode) * MILLISECOND)
            late = (packaged - due) / MILLISECOND
            cause = Cause.ENCODE if compose + encode > 1000 / FPS else Cause.NONE
            work = WORKS[number // 11 % len(WORKS)]
            ledger.enter(SHOW, FrameRecord(number, due, begun, compose, encode, 5000, packaged, late, cause, work=work))
        clock.advance(SECOND)
        cpu = {"main": chance.uniform(5, 12), "stage": chance.uniform(24, 36), "piper": chance.uniform(0, 40)}
        rss = {"main": 120.0, "stage": 150.0, "piper": 90.0}
        ledger.enter(HOUSE, MachineRecord(0.1, 4000.0, cpu, rss, 0.5, 2, 30.0, {"stage": chance.uniform(1, 6)}, 1.0))
        if second % TURN_SECONDS == TURN_SECONDS - 1:
            ledger.enter(SHOW, _turn(second // TURN_SECONDS, clock.now()))
        if second % 60 == 0:
            writer.flush()
    ledger.finish(SHOW)
    writer.close()


def _turn(number: int, now: int) -> TurnRecord:
    at = now - 6 * SECOND
    text = "I think that tea is the better drink, by far, and nobody will ever tell me otherwise."
    return TurnRecord(
        f"c-{number}", "c", number, ("chad", "virgin")[number % 2], text=text, heard=text, asked=at - 4 * SECOND,
        first_token=at - 3900 * MILLISECOND, text_complete=at - 3500 * MILLISECOND, first_audio=at - 3 * SECOND,
        voiced=at - 2900 * MILLISECOND, on_air=at, ended=now - 500 * MILLISECOND, gap_ms=500, state="ended",
        engine="piper", sound_ms=5500.0,
    )  # fmt: skip


def measure(*arguments: str) -> tuple[float, float]:
    """CPU time (s) and the most memory (MB) of a command."""
    child = os.posix_spawn(sys.executable, [sys.executable, "-m", "duologue", *arguments], os.environ)
    _, status, used = os.wait4(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0, arguments
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


async def looked_on(entries: Sequence[Entry], *, watched: bool) -> float:
    """CPU (percent of a core) of being told a show's entries, and of telling a watcher each second of them."""
    ledger = Ledger(VirtualClock(start=SECOND))
    board = EvidenceBoard(ledger, lambda of: "")
    began = SYSTEM_CLOCK.cpu()
    with board.watch(SHOW) if watched else contextlib.nullcontext() as watch:
        for entry in entries:
            ledger.enter(entry.of, entry.record, entry.at)
            if watch is not None and isinstance(entry.record, MachineRecord):
                event = await watch.take()
                assert event is not None and event.model_dump_json()
    return 100 * (SYSTEM_CLOCK.cpu() - began) / (entries[-1].at - entries[0].at)


def rows() -> list[Row]:
    """The figures."""
    with tempfile.TemporaryDirectory() as folder:
        ledger, page, trace = (Path(folder) / name for name in ("ledger.jsonl", "report.html", "trace.json"))
        make(ledger)
        seconds, memory = measure("report", str(ledger), "-o", str(page))
        minute, _ = measure(
            "report", str(ledger), "--since", "40:00", "--until", "41:00", "-o", str(page.with_stem("minute"))
        )
        tracing, traced = measure("report", str(ledger), "--trace", str(trace))
        told = [each for each in LedgerReader(ledger) if not isinstance(each.record, HeaderRecord)]
        alone, watched = (asyncio.run(looked_on(told, watched=each)) for each in (False, True))
        return [
            row("ledger of an hour of a show", ledger.stat().st_size / 1e6, "MB"),
            row("report of it: CPU time", seconds, "s", "target < 10 s"),
            row("report of it: memory", memory, "MB", "target < 300 MB"),
            row("its page", page.stat().st_size / 1e6, "MB", "target < 5 MB"),
            row("report of a minute of it: CPU time", minute, "s"),
            row("looking on, nobody at the page", alone, "% of a core", "target < 1 %"),
            row("looking on, somebody at the page", watched, "% of a core"),
            row("trace of it: CPU time", tracing, "s"),
            row("trace of it: memory", traced, "MB"),
            row("the trace", trace.stat().st_size / 1e6, "MB"),
        ]


if __name__ == "__main__":
    show("evidence", rows())
