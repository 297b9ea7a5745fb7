"""Faults done to a show on air: busy cores, garbage, and a disk that takes nothing. For :mod:`benchmarks.causes`.

The show may not raise its own priority, as on most machines, and begins its frames 0.2 s ahead instead of a second: a
fault is to be seen, and a second hides most of them. Nothing
waits for the disk but the recorder, so its own lines are what a disk makes late.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.causes.faults import HOOK, Collector, Disk, Loops, disk, loops
from benchmarks.causes.figures import APART, Fault, Injected, Suffered
from benchmarks.live import HERE, House, Live, live
from benchmarks.machine import say
from duologue.clock import SECOND, SYSTEM_CLOCK
from duologue.evidence.budgets import Budgets
from duologue.evidence.report import ReportSource, read_report
from duologue.telemetry.run_shelf import RunShelf

BUSY, GARBAGE, DISK = 22, 10, 15
BUSY_S, GARBAGE_MS, FROZEN_S = 2.0, 1000.0, 1.5
SETTLED_S, BETWEEN_S, QUIET_S = 15.0, 3.5, 124.0
"""Seconds: on air before the first fault, between two, and without any at the end."""
CALM_S = 2.0
"""A time in which nothing is done: as long as a fault."""
SETTINGS = {
    "DUOLOGUE_SHOW__LEAD_S": "0.2", "DUOLOGUE_SHOW__SIZE": "1280x720", "DUOLOGUE_ENGINES__TTS": "espeak",
    "DUOLOGUE_ENGINES__LLM": "improv", "DUOLOGUE_TELEMETRY__LOG_LEVEL": "warning",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FaultyHouse(House):
    """This clone, with the hook of :mod:`benchmarks.causes.hook` and its runs in a folder of their own."""

    runs: Path = Path()

    @property
    def environment(self) -> dict[str, str]:
        """As any house's, and that."""
        usual = HERE.environment
        path = f"{HOOK}{os.pathsep}{usual['PYTHONPATH']}"
        return {**usual, **SETTINGS, "PYTHONPATH": path, "DUOLOGUE_RUNS__FOLDER": str(self.runs)}


def faulty_house(runs: Path) -> FaultyHouse:
    """One whose runs are written to ``runs``."""
    return FaultyHouse(HERE.name, HERE.python, HERE.folder, HERE.cache, runs)


def inject(folder: Path, small: bool, only: Collection[Fault]) -> list[Injected]:
    """What was done to a show; its run is in ``folder`` then, which is new."""
    with disk() as slow:
        runs = slow.folder / "runs" if slow is not None else folder
        with live("--turns", "1000", "--seed", "7", house=faulty_house(runs), humble=True) as on_air, loops() as busy:
            time.sleep(SETTLED_S)
            injected = [*_inject(on_air, busy, slow, small, only), *_calm(QUIET_S / 6 if small else QUIET_S)]
        if slow is not None:
            shutil.copytree(runs, folder)
    return injected


def suffered(folder: Path) -> list[Suffered]:
    """Late, missing and dear frames; and apart from them, for no frame waits for it, what the disk made wait."""
    (kept,) = RunShelf(folder).runs()
    (chapter,) = read_report([ReportSource(kept.id, kept.ledger)], Budgets()).shows
    found: list[Suffered] = []
    for each in chapter.incidents:
        cause = each.attribution
        found.append(Suffered("show", each.at, each.kind, cause.cause, cause.lost_ms, cause.why))
    for stall in chapter.stalls:
        if stall.what == "the recorder could not write":
            cause = stall.attribution
            found.append(Suffered("disk", stall.at, stall.what, cause.cause, cause.lost_ms, cause.why))
    return found


def _calm(seconds: float) -> Iterator[Injected]:
    """Nothing is done for so long; the show may recover first."""
    time.sleep(APART / SECOND)
    begin = SYSTEM_CLOCK.now()
    time.sleep(seconds - APART / SECOND)
    step = round(CALM_S * SECOND)
    for since in range(begin, SYSTEM_CLOCK.now() - step + 1, step):
        yield Injected(None, "show", since, since + step, 0)


def _inject(on_air: Live, busy: Loops, slow: Disk | None, small: bool, only: Collection[Fault]) -> Iterator[Injected]:
    wanted = {Fault.BUSY: BUSY, Fault.GARBAGE: GARBAGE, Fault.DISK: DISK if slow is not None else 0}
    order = [fault for fault, many in wanted.items() if fault in only for _ in range(min(2, many) if small else many)]
    random.Random(7).shuffle(order)
    garbage = Collector(on_air.processes()["stage"].pid)
    for number, fault in enumerate(order, 1):
        say(f"{number} of {len(order)}: {fault}")
        if fault is Fault.GARBAGE:
            garbage.prepare()
            time.sleep(1)
            since, until = garbage.collect(GARBAGE_MS)
            yield Injected(fault, "show", since, until)
            time.sleep(1)
            garbage.release()
        else:
            since = SYSTEM_CLOCK.now()
            if fault is Fault.BUSY:
                busy.burn(BUSY_S)
            elif slow is not None:
                slow.freeze(FROZEN_S)
            yield Injected(fault, "disk" if fault is Fault.DISK else "show", since, SYSTEM_CLOCK.now())
        time.sleep(BETWEEN_S)
