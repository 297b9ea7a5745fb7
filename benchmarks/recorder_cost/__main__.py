"""What the flight recorder costs: CPU seconds of a show, and of fifty conversations, with what watches and without.

``python -m benchmarks.recorder_cost [show] [talks] [--pairs N] [--seconds N] [--talks N]`` (20 minutes). Two houses do
the same beside each other, one with and one without, in pairs that are begun anew; who begins first changes from pair
to pair (ABBA). *With* is as anybody has it: runs are kept, metrics are counted and fetched as a Prometheus does,
machine and processes are measured each second. *Without* is none of these (:mod:`benchmarks.recorder_cost.bare`).
What counts is the CPU time of all processes of each house over the same seconds, those of its children that are over
included; clients are processes of their own and do not count. The difference of each pair is told, their mean, and the
interval in which that lies with 95 % (Student's t). A row of its own has the difference of the main processes alone, in
percent of the same whole: all that watches is in them, and what a stage or a voice costs by chance is not.

One after the other says less: what the same work costs changes with what neighbours have in the caches, by 6 % from one
minute to the next on a machine that nobody of ours used. Beside each other both have the same neighbours.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import mean, stdev
from typing import NamedTuple

import httpx
import psutil

from benchmarks.live import HERE, House, live
from benchmarks.machine import foreign, load, say, tree
from benchmarks.ready import free_port, until_ready
from benchmarks.table import Row, row, show
from duologue.client import TalkWish, talk_with
from duologue.telemetry.run_shelf import RunShelf

PAIRS, SECONDS = 6, 60.0
SETTLED_S, TALKING_S = 12.0, 5.0
"""Before it is measured: of shows on air, and of conversations when the last has begun."""
FETCHED_S = 15.0
"""Metrics are fetched so often."""
TALKS, EVERY_S = 50, 10.0
"""Conversations, and how often each asks."""
APART_S = 0.2
"""Between the beginnings of two."""
_T = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262, 10: 2.228, 11: 2.201}
"""Student's t of 95 % by degrees of freedom."""
QUESTIONS = ("Why do people drink tea?", "What is the sea like?", "Who are you?", "Where do trains go at night?")


@dataclass(frozen=True, slots=True)
class Difference:
    """Of pairs (with, without), in percent of what it costs without: the mean, and half of its interval of 95 %."""

    percent: float
    within: float

    @classmethod
    def of(cls, pairs: Sequence[tuple[float, float]]) -> Difference:
        """Of two pairs at least."""
        found = [100 * (kept - bare) / bare for kept, bare in pairs]
        freedom = len(found) - 1
        t = _T.get(freedom, 2.0)
        return cls(mean(found), t * stdev(found) / math.sqrt(len(found)))


class Work(NamedTuple):
    """CPU ``seconds`` of a house, those of its ``main`` process alone, and how many ``answers`` it gave for them (of a
    show: 0).
    """

    seconds: float
    main: float
    answers: int = 0

    @classmethod
    def of(cls, processes: Sequence[psutil.Process], answers: int = 0) -> Work:
        """What processes did so far, of which the first is the main one."""
        return cls(used(processes), sum(processes[0].cpu_times()[:2]), answers)

    def since(self, before: Work) -> Work:
        """What came after ``before``."""
        return Work(self.seconds - before.seconds, self.main - before.main, self.answers - before.answers)


@dataclass(frozen=True, slots=True)
class Running:
    """A house at work: where it is asked for metrics, and what it ``did`` so far."""

    address: str
    did: Callable[[], Work]


Begin = Callable[[Path | None], contextlib.AbstractContextManager[Running]]
"""A house that keeps its runs in a folder, or (None) none."""


class Answers:
    """Counts what people tell of: a line for each answer that is over."""

    def __init__(self, told: Iterable[str]) -> None:
        self.count = 0
        threading.Thread(target=self._read, args=(told,), daemon=True).start()

    def _read(self, told: Iterable[str]) -> None:
        for _ in told:
            self.count += 1


@dataclass(frozen=True, slots=True)
class RecordedHouse(House):
    """This clone, with runs kept in a folder, or (None) none and nothing that watches it."""

    runs: Path | None = None

    def command(self, *arguments: str) -> list[str]:
        """``duologue ARGUMENTS``."""
        return [self.python, "-m", "duologue" if self.runs else "benchmarks.recorder_cost.bare", *arguments]

    @property
    def environment(self) -> dict[str, str]:
        """As any house's, and that."""
        return {
            **HERE.environment, "DUOLOGUE_ENGINES__TTS": "espeak", "DUOLOGUE_ENGINES__LLM": "improv",
            "DUOLOGUE_ENGINES__STT": "pocketsphinx", "DUOLOGUE_TELEMETRY__LOG_LEVEL": "warning",
            "DUOLOGUE_RUNS__KEEP": "true" if self.runs else "false",
            **({"DUOLOGUE_RUNS__FOLDER": str(self.runs)} if self.runs else {}),
        }  # fmt: skip


def _house(runs: Path | None) -> RecordedHouse:
    return RecordedHouse(HERE.name, HERE.python, HERE.folder, HERE.cache, runs)


def used(processes: Sequence[psutil.Process]) -> float:
    """CPU seconds of processes and of their children that are over."""
    found = 0.0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            found += sum(process.cpu_times()[:4])
    return found


def _pass(seconds: float, fetched: str) -> None:
    """So long, in which metrics are fetched from the house of that address."""
    until = time.perf_counter() + seconds
    while (left := until - time.perf_counter()) > 0:
        time.sleep(min(left, FETCHED_S))
        httpx.get(f"{fetched}/metrics", timeout=30).raise_for_status()


@contextlib.contextmanager
def show_running(runs: Path | None) -> Generator[Running]:
    """A show on air."""
    with live("is a tomato a fruit", "--turns", "1000", "--seed", "7", house=_house(runs)) as on_air:
        yield Running(on_air.address, lambda: Work.of(on_air.every()))


@contextlib.contextmanager
def _talking_house(runs: Path | None) -> Generator[tuple[int, str]]:
    house, port = _house(runs), free_port()
    command = house.command("serve", "--no-show", "--talk", "--port", str(port))
    with foreign(command, f"duologue serve, {'with' if runs else 'without'}", house.environment) as process:
        address = f"http://127.0.0.1:{port}"
        until_ready(process, address, "duologue serve")
        yield process.pid, address


@contextlib.contextmanager
def talks_running(runs: Path | None, talks: int = TALKS) -> Generator[Running]:
    """A house in which so many people converse."""
    with _talking_house(runs) as (pid, address):
        command = [sys.executable, "-m", "benchmarks.recorder_cost", "clients", address, str(talks)]
        with foreign(command, f"{talks} people", HERE.environment) as people:
            assert people.stdout is not None
            if people.stdout.readline().strip() != "all":
                raise SystemExit("not all of them were let in")
            answers = Answers(people.stdout)

            def did() -> Work:
                if people.poll() is not None:
                    raise SystemExit("the people left")
                return Work.of(tree(pid), answers.count)

            yield Running(address, did)


async def _clients(address: str, talks: int) -> None:
    """Until they are killed."""
    ready, everybody = asyncio.Semaphore(0), asyncio.Event()

    async def one(number: int) -> None:
        chance = random.Random(number)
        async with talk_with(f"ws{address.removeprefix('http')}/api/talk", TalkWish("chad")) as talk:
            ready.release()
            await asyncio.sleep(EVERY_S * chance.random())
            while True:
                began = asyncio.get_running_loop().time()
                await talk.ask(chance.choice(QUESTIONS))
                if everybody.is_set():
                    print("an answer", flush=True)
                await asyncio.sleep(max(0.1, EVERY_S - (asyncio.get_running_loop().time() - began)))

    async with asyncio.TaskGroup() as group:
        for number in range(talks):
            group.create_task(one(number))
            await asyncio.sleep(APART_S)
        for _ in range(talks):
            await ready.acquire()
        print("all", flush=True)
        everybody.set()


def compare(what: str, begin: Begin, settled: float, pairs: int, seconds: float) -> list[Row]:
    """So many pairs, each measured for ``seconds`` once it runs for ``settled``."""
    found: list[tuple[Work, Work]] = []
    size = 0
    for number in range(pairs):
        with tempfile.TemporaryDirectory(prefix="recorder-") as folder:
            kept, bare = pair(begin, Path(folder), settled, seconds, kept_first=number % 2 == 0)
            size += sum(run.size for run in RunShelf(Path(folder)).runs())
        found.append((kept, bare))
        did = f" for {kept.answers} and {bare.answers} answers" if kept.answers else ""
        say(f"{what}, pair {number + 1}: {kept.seconds:.2f} s with, {bare.seconds:.2f} s without{did}, {load()}")
    if not size:
        raise SystemExit("nothing was recorded")
    return _compared(what, found, seconds, size / pairs)


def pair(begin: Begin, folder: Path, settled: float, seconds: float, *, kept_first: bool) -> tuple[Work, Work]:
    """What one house does that keeps its runs in ``folder``, and one beside it that keeps none."""
    with contextlib.ExitStack() as both:
        running = {runs: both.enter_context(begin(runs)) for runs in ((folder, None) if kept_first else (None, folder))}
        time.sleep(settled)
        kept, bare = running[folder], running[None]
        before = kept.did(), bare.did()
        _pass(seconds, kept.address)
        return kept.did().since(before[0]), bare.did().since(before[1])


def _compared(what: str, found: Sequence[tuple[Work, Work]], seconds: float, size: float) -> list[Row]:
    costs = [(kept.seconds, bare.seconds) for kept, bare in found]
    alone = [(bare.seconds + kept.main - bare.main, bare.seconds) for kept, bare in found]
    answers = [sum(each) for each in zip(*((kept.answers, bare.answers) for kept, bare in found), strict=True)]
    did = f"{answers[0]} answers with, {answers[1]} without" if any(answers) else ""
    return [
        row(f"{what}: CPU without", mean(bare for _, bare in costs) / seconds * 100, "% of a core", did),
        _cost(f"{what}: recorder and metrics cost", costs, f"target < 2; {load()}"),
        _cost(f"{what}: the same, by the main processes alone", alone, "of the same whole"),
        row(f"{what}: and on the disk", size / 1e6, "MB a run"),
    ]  # fmt: skip


def _cost(what: str, costs: Sequence[tuple[float, float]], beside: str) -> Row:
    found = Difference.of(costs)
    told = ", ".join(f"{100 * (kept - bare) / bare:+.2f}" for kept, bare in costs)
    return row(what, found.percent, "% more CPU", f"± {found.within:.2f} (95 %); pairs {told}; {beside}")


def rows(sections: Sequence[str] = (), pairs: int = PAIRS, seconds: float = SECONDS, talks: int = TALKS) -> list[Row]:
    """20 minutes."""
    if pairs < 2:
        raise SystemExit("--pairs: two at least, or nobody knows how far to trust their mean")
    found: list[Row] = []
    if "show" in sections or not sections:
        found += compare("a show", show_running, SETTLED_S, pairs, seconds)
    if "talks" in sections or not sections:
        people = partial(talks_running, talks=talks)
        found += compare(f"{talks} conversations", people, TALKING_S, pairs, seconds)
    return found


def main() -> None:
    """Print the figures, or be the people."""
    if sys.argv[1:2] == ["clients"]:
        asyncio.run(_clients(sys.argv[2], int(sys.argv[3])))
        return
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recorder_cost")
    parser.add_argument("sections", nargs="*", choices=["show", "talks", []])
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each")
    parser.add_argument("--talks", type=int, default=TALKS, help="conversations at once")
    given = parser.parse_args()
    show("recorder_cost", rows(given.sections, given.pairs, given.seconds, given.talks))


if __name__ == "__main__":
    main()
