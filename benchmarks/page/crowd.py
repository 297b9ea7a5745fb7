"""Many talks at once on one house: typed ones with a voice, and spoken ones with the default ears.

Those who talk are a process of its own on the same cores (:mod:`benchmarks.page.talkers`); CPU and memory are the
house's alone, its main loop's lateness is its own metric.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from pickle import dumps
from statistics import median
from tempfile import NamedTemporaryFile

import numpy as np

from benchmarks.live import HERE
from benchmarks.machine import load, say
from benchmarks.natural.callers import Half, Renderings, callers, needed
from benchmarks.natural.turns import TIMES
from benchmarks.page.house import TalkHouse, lag_ms, talk_house
from benchmarks.page.spoken import wave_of
from benchmarks.page.talkers import Plan, Talked, most_at_once, read
from benchmarks.phone.packets import knee, spread
from benchmarks.table import Row, row
from duologue.audio.pcm import Samples
from duologue.models.entries import PIPER_JOE
from duologue.models.shelf import ModelShelf
from duologue.settings import load_models_folder

SESSIONS = 50
SECONDS = 30.0
VOICED = (5, 10, 15, 20, 30, 50)
"""How many type at once, with the default voice."""
SPOKEN = (1, 2, 3, 4, 6, 8)
OFFERED = 16
TYPED_OFFERED = 60
GAP_MS = 30.0
"""Longer than written by more is a gap."""
SHARE = 0.01
"""Of silences; a machine's own stall makes one now and then."""
WHO = "phone"
QUESTIONS = (
    "Is tea good for me?", "What do you do all day?", "Tell me something about the sea.", "Do you like music?",
    "Why is the sky blue?", "What should I cook tonight?", "Have you ever been to Rome?", "Who are you?",
)  # fmt: skip


@dataclass(frozen=True)
class Crowd:
    """What a number of talks at once was: theirs, and the house's: CPU (s, of the main process and of its workers) and
    lateness of the main loop while they went on, MB before any and while they went on.
    """

    talked: Sequence[Talked]
    seconds: float
    main: float
    workers: float
    lag_p99: float
    grown: float

    @property
    def let_in(self) -> list[Talked]:
        """Those who were not sent away."""
        return [each for each in self.talked if not each.refused]

    @property
    def stalls(self) -> list[float]:
        """Of all (ms)."""
        return [late for each in self.talked for late in each.stalls]

    @property
    def gaps(self) -> int:
        """How many of these were gaps."""
        return sum(late > GAP_MS for late in self.stalls)

    @property
    def speaking(self) -> int:
        """How many spoke at once at most."""
        return most_at_once([span for each in self.talked for span in each.spoke])


def hold(house: TalkHouse, plan: Plan) -> Crowd:
    """Have them talk."""
    before = sum(house.rss())
    with NamedTemporaryFile(suffix=".plan") as file:
        Path(file.name).write_bytes(dumps(plan))
        command = [sys.executable, "-m", "benchmarks.page.talkers", file.name]
        with subprocess.Popen(
            command, cwd=HERE.folder, env=HERE.environment, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            try:
                if process.stdout.readline().strip() != "up":
                    raise SystemExit("those who talk did not come up")
                wakes, cpu = house.wakes(), house.cpu()
                process.stdout.readline()
                after, wakes_after, rss = house.cpu(), house.wakes(), sum(house.rss())
                talked = read(process.stdout.readline())
            finally:
                process.kill()
    return Crowd(
        talked, plan.seconds, after[0] - cpu[0], after[1] - cpu[1], lag_ms(wakes, wakes_after, 0.99), rss - before
    )  # fmt: skip


def typed_rows(small: bool = False) -> list[Row]:
    """Fifty with espeak; then with the default voice, as many as speak without a gap, and as many as are let in."""
    seconds = 10.0 if small else SECONDS
    with talk_house('[engines]\ntts = "espeak"') as house:
        hold(house, _typed(house, 2, 4.0))  # what is made once is made
        made = _told("espeak", SESSIONS, hold(house, _typed(house, SESSIONS, seconds)))
    voice = ModelShelf(load_models_folder(None)).path(PIPER_JOE)  # as files of one's own it has no bound
    with talk_house(f'[engines.piper]\nfolder = "{voice}"\n[speech_cache]\nlimit_mb = 0') as house:
        hold(house, _typed(house, 2, 4.0))
        most, stands = 0, True
        for count in VOICED[:2] if small else VOICED:
            say(f"{count} type, the default voice")
            crowd = hold(house, _typed(house, count, seconds))
            made += _told("the default voice", count, crowd)
            stands = stands and crowd.gaps <= SHARE * len(crowd.stalls) and len(crowd.let_in) == count
            most = crowd.speaking if stands else most
        made.append(row("the default voice: spoke at once without a gap", most, "sessions", load()))
    with talk_house() as house:
        offered = hold(house, _typed(house, TYPED_OFFERED, 2.0))
        refused = sorted({each.refused for each in offered.talked} - {""})
        made.append(
            row(
                f"the default voice: let in, of {len(offered.talked)} at once", len(offered.let_in), "sessions",
                f"the others: {'; '.join(refused) or 'none'}",
            )
        )  # fmt: skip
    return made


def _typed(house: TalkHouse, count: int, seconds: float) -> Plan:
    turned = [QUESTIONS[place % len(QUESTIONS) :] + QUESTIONS[: place % len(QUESTIONS)] for place in range(count)]
    return Plan(house.socket, tuple(turned), seconds, WHO)


def _told(voice: str, count: int, crowd: Crowd) -> list[Row]:
    name = f"{count} typed, {voice}"
    each = 1000 / max(1, len(crowd.let_in)) / crowd.seconds
    first = [wait for one in crowd.talked for wait in one.waits]
    beside = f"of {len(crowd.stalls)} silences, longest {max(crowd.stalls, default=0):.0f} ms beyond; wish 0, {load()}"
    split = f"main {crowd.main * each:.1f}, workers {crowd.workers * each:.1f}"
    spoke = f"{crowd.speaking} spoke at once at most; {len(first)} answers, {sum(t.silent for t in crowd.talked)} none"
    return [
        row(f"{name}: gaps over {GAP_MS:g} ms", crowd.gaps, "", beside),
        row(f"{name}: loop lag, p99", crowd.lag_p99, "ms", "wish < 10"),
        row(f"{name}: words → first sound, p95", spread(first)[1], "ms", spoke),
        row(f"{name}: CPU a second of a session", (crowd.main + crowd.workers) * each, "ms", split),
        row(f"{name}: memory of a session", crowd.grown / max(1, len(crowd.let_in)), "MB", "RSS"),
    ]


def knee_rows(small: bool = False) -> list[Row]:
    """Who speaks, with the default ears: p95 by how many, and how many are let in."""
    rows: list[Row] = []
    p95s: list[tuple[int, float]] = []
    with talk_house() as house:
        for count in SPOKEN[:2] if small else SPOKEN:
            turns = 3 if small else max(4, 10 // count)
            say(f"{count} speak")
            crowd = hold(house, Plan(house.socket, _sounds(count, turns), 0.0, WHO, 0.7))
            hearing = [each for each in crowd.talked if each.hears]
            waits = [wait / 1000 for each in hearing for wait in each.waits]
            middle, tail = spread(waits)
            told = f"p50 {middle:.2f} of {len(waits)}; {sum(each.silent for each in hearing)} not answered"
            told += f"; {count - len(hearing)} not heard; loop lag p99 {crowd.lag_p99:.1f} ms; {load()}"
            rows.append(row(f"{count} speak: last word → first sound at the socket, p95", tail, "s", told))
            p95s.append((count, tail if len(hearing) == count else float("inf")))
            if knee(p95s) < count:
                break
        offered = hold(house, Plan(house.socket, tuple((wave,) for (wave,) in _sounds(OFFERED, 1)), 3.0, WHO, 0.05))
    let_in = sum(each.hears for each in offered.talked)
    writing = sum(not each.hears and not each.refused for each in offered.talked)
    refused = sorted({each.refused for each in offered.talked} - {""})
    others = f"the others: {writing} are told that nobody is free to listen, and may write; {'; '.join(refused)}"
    return [
        *rows,
        row(
            "speak before p95 doubles", knee(p95s), "sessions", f"p50 of all counts {median(p for _, p in p95s):.2f} s"
        ),
        row(f"are heard, of {OFFERED} at once", let_in, "sessions", others),
    ]


def _sounds(count: int, turns: int) -> tuple[tuple[Samples, ...], ...]:
    """What each says: statements and questions of natural voices."""
    everybody = callers(Half.ASIDE, TIMES)
    all_of_them = ((voice, turn) for voice, own in everybody.items() for turn in own if not turn.dictated)
    found = list(islice(all_of_them, count * turns))
    renderings = Renderings()
    renderings.make(needed({voice: [turn for v, turn in found if v == voice] for voice, _ in found}))
    waves = [np.asarray(wave_of(voice, turn, renderings)) for voice, turn in found]
    return tuple(tuple(waves[n * turns : (n + 1) * turns]) for n in range(count))
