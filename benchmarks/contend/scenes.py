"""The show beside busy programs: of other login sessions, of its own house, and on one core that it has to share.

A nice value does not help against another login session where the kernel gives each session its share (autogroup), so
each program here is in one of its own, as are the show and the prover. A show of root's would be granted more for its
session too; here it is not, since on most machines it is refused.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager

from benchmarks.browser import watching
from benchmarks.contend.figures import Contention, rows_of, seen
from benchmarks.live import HERE, House, Live, baseline, live, proven
from benchmarks.machine import busy, cores, cpu_seconds, foreign, say
from benchmarks.sleeper import sleeper
from benchmarks.table import Row, row

SHOW = ("is a tomato a fruit", "--turns", "1000", "--test-card", "--seed", "7")
HUMBLE = "PRIVILEGED" not in os.environ
"""Shows may not raise their own priority, unless ``PRIVILEGED=1`` is set: nothing may rely on that they may."""
QUIET = 8.0
"""Seconds on air before anything else is started."""
SETTLE = 10.0
"""Seconds of contention before the prover begins, where a show may take that long to become plainer."""
BACK_WITHIN = 150.0
"""Seconds after which the return of all quality is no longer waited for; the target is 90."""

Notes = dict[str, float]
Contenders = Callable[[House, Live, float], AbstractContextManager[Notes]]
"""Given the house, the show and for how many seconds at most; they may leave figures of their own at their end."""

AS_GOOD_AS_ALONE = {
    "least": "30", "median": "30", "missing": "0", "out_of_turn": "0", "skips": "0", "sound_faults": "0",
    "sync_ms": "within ±20",
    "late": "< 1.5, half a viewer's cushion", "behind": "≤ 5",
}  # fmt: skip
PLAINER = {"least": "≥ 15", "missing": "0", "out_of_turn": "0", "sound_faults": "0", "behind": "≤ 5"}


def contended(
    house: House, seconds: float, contenders: Contenders, *, settle: float = 0.0, where: Sequence[int] | None = None,
    come_back: bool = False,
) -> Contention:  # fmt: skip
    """A show (held to the cores ``where``) beside contenders: what a viewer got in ``seconds``, after ``settle``."""
    with live(*SHOW, house=house, where=where, humble=HUMBLE) as on_air:
        time.sleep(QUIET)
        with sleeper() as stalls, contenders(house, on_air, 3 * seconds + settle + 120) as notes:
            before, used, began = on_air.counters(), cpu_seconds(on_air.every()), time.perf_counter()
            time.sleep(settle)
            report = proven(on_air.stream, seconds)
            share = (cpu_seconds(on_air.every()) - used) / (time.perf_counter() - began)
            after = on_air.counters()
        steps = tuple(f"{step['step']}: {step['why']}" for step in on_air.stage().get("steps", ()))
        back = come_back_of(on_air) if come_back and "quality" in on_air.stage() else None
    moved = {name: value - before.get(name, 0.0) for name, value in after.items()}
    return Contention(seen(report), on_air.seconds, moved, steps, share, stalls.worst_ms, back, notes)


def come_back_of(on_air: Live) -> float | None:
    """Seconds until the show is all it can be again."""
    began = time.perf_counter()
    while (passed := time.perf_counter() - began) < BACK_WITHIN:
        if on_air.stage()["quality"]["step"] == "full":
            return passed
        time.sleep(0.5)
    return None


@contextlib.contextmanager
def loops(count: int, at_most: float, where: Sequence[int] | None = None) -> Generator[Notes]:
    """Busy loops of other sessions."""
    with busy(count, at_most, where):
        yield {}


@contextlib.contextmanager
def page_and_loop(on_air: Live, at_most: float) -> Generator[Notes]:
    """Chromium on our page, and one busy loop."""
    notes: Notes = {}
    with watching(on_air.address) as browser, busy(1, at_most):
        if browser is None:
            say("there is no Chromium here: one busy loop only")
        yield notes
        if browser is not None:
            found = browser.take()
            notes["seconds that the video in Chromium stood still"] = found.frozen
            notes["times that it waited for data"] = found.waits
            notes["times that it jumped"] = found.jumps


@contextlib.contextmanager
def own_engine(house: House, on_air: Live, half: float) -> Generator[Notes]:
    """A worker of the house that keeps every core busy; after ``half`` the time another verify starts beside it."""
    over = threading.Event()

    def another() -> None:
        if not over.wait(half):
            with contextlib.suppress(SystemExit):
                proven(on_air.stream, 5)

    with _engine(house):
        thread = threading.Thread(target=another, name="another verify")
        thread.start()
        try:
            yield {}
        finally:
            over.set()
            thread.join()


@contextlib.contextmanager
def _engine(house: House) -> Generator[None]:
    command = [house.python, "-m", "benchmarks.engine"]
    with foreign(command, f"an engine of {house.name}", house.environment) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.stdin.close()
            process.wait(10)


def _beside(what: str, targets: dict[str, str], scene: Callable[[House], Contention]) -> tuple[list[Row], Contention]:
    old = baseline()
    ours = scene(HERE)
    return rows_of(what, targets, ours, scene(old) if old else None), ours


def loops_rows(seconds: float) -> list[Row]:
    """Two busy loops of other sessions."""
    return _beside(
        "2 loops", AS_GOOD_AS_ALONE, lambda house: contended(house, seconds, lambda h, o, limit: loops(2, limit))
    )[0]


def chromium_rows(seconds: float) -> list[Row]:
    """Chromium on the page and a busy loop."""
    return _beside(
        "Chromium and a loop",
        AS_GOOD_AS_ALONE,
        lambda house: contended(house, seconds, lambda h, on_air, limit: page_and_loop(on_air, limit)),
    )[0]


def engine_rows(seconds: float) -> list[Row]:
    """The show beside its own engine."""
    return _beside(
        "its own engine",
        AS_GOOD_AS_ALONE,
        lambda house: contended(house, seconds, lambda h, on_air, limit: own_engine(h, on_air, seconds / 2)),
    )[0]


def many_rows(seconds: float) -> list[Row]:
    """Four busy loops."""
    table, ours = _beside(
        "4 loops", PLAINER,
        lambda house: contended(
            house, seconds, lambda h, o, limit: loops(4, limit), settle=SETTLE, come_back=house is HERE
        ),
    )  # fmt: skip
    return [*table, _back("4 loops", ours)]


def core_rows(seconds: float) -> list[Row]:
    """One core, shared with a busy loop."""
    one = cores()[:1]
    table, ours = _beside(
        "one core and a loop", PLAINER,
        lambda house: contended(
            house, seconds, lambda h, o, limit: loops(1, limit, one), settle=SETTLE, where=one, come_back=house is HERE
        ),
    )  # fmt: skip
    return [*table, _back("one core and a loop", ours)]


def _back(what: str, ours: Contention) -> Row:
    steps = f"target ≤ 90; steps: {'; '.join(ours.steps[:6]) or 'none'}"
    if ours.back is None:
        return row(f"{what}: not all quality again within", BACK_WITHIN, "s", steps)
    return row(f"{what}: ended → all quality again", ours.back, "s", steps)
