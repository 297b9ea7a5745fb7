"""From `duologue show` to the first segment that a viewer finds: where each 100 ms goes, on a cold cache and a warm.

Each moment is told by those who were there: the main process's log, the ledger of frames (monotonic time, one clock for
all processes), the kernel's start of each process, and somebody who asks for the stream. A run that its neighbours
disturbed says nothing of the program, so the best of several counts, and the slowest is told beside it; what the
processes used of the CPU is less moved by neighbours.

Expected before measuring (2 cores): setting up the stage (its imports, the packs, the bakes) takes two thirds; the main
process's imports all of the time before the stage is told its plan.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import psutil

from benchmarks.sleeper import sleeper
from benchmarks.table import Row, row, show
from duologue.clock import SYSTEM_CLOCK
from duologue.prover.playlist import parse_playlist
from duologue.telemetry.ledger import FrameRecord
from duologue.telemetry.ledger_reader import LedgerReader

RUNS = 5
PATIENCE = 60.0
"""Seconds that a show may take to come on air."""
STAGE = "duologue.stage.process"
FPS = 30


@dataclass(frozen=True, slots=True)
class Start:
    """The moments of one start, in ms since the process was started, and the CPU time used until the last (ms)."""

    stage_spawned: float
    plan_taken: float
    stage_ready: float
    first_picture: float
    first_packet: float
    segment_drawn: float
    page_answers: float
    segment_listed: float
    main_cpu: float
    stage_cpu: float


_WORDS = {
    "stage_spawned": "the stage's process is started",
    "plan_taken": "the stage has imported its libraries and knows what to draw",
    "stage_ready": "it has opened its encoders, loaded and baked its packs",
    "first_picture": "the first picture is begun",
    "first_packet": "the first picture is encoded",
    "segment_drawn": "all pictures of the first segment are encoded",
    "segment_listed": "a viewer finds the first segment",
}
_BESIDE = {
    "page_answers": "beside it: the main process answers requests",
    "main_cpu": "CPU time of the main process until then",
    "stage_cpu": "CPU time of the stage until then",
}


class _Log(threading.Thread):
    """Reads what the show says on standard error: its log lines, by event, and its address."""

    def __init__(self, stream: IO[str]) -> None:
        super().__init__(daemon=True)
        self._stream = stream
        self.events: dict[str, dict[str, Any]] = {}
        self.rest: list[str] = []
        self.listening = threading.Event()
        self.ready = threading.Event()
        self.address = ""

    def run(self) -> None:
        """See :class:`threading.Thread`."""
        for line in self._stream:
            if line.startswith("{"):
                event = json.loads(line)
                self.events.setdefault(event["event"], event)
                if event["event"] == "stage.ready":
                    self.ready.set()
            else:
                self.rest.append(line)
            if not self.address and (at := line.find("http://127.0.0.1:")) >= 0:
                self.address = f"http://{urlsplit(line[at:].split()[0]).netloc}"
                self.listening.set()
        self.listening.set()
        self.ready.set()


def start_once(cache: Path, ledger: Path, *arguments: str) -> Start:
    """One start of ``duologue show ARGUMENTS``, with its cache and its ledger in these folders."""
    command = [str(Path(sys.executable).with_name("duologue")), "show", "--port", "0", "--ledger", str(ledger)]
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "DUOLOGUE_TELEMETRY__LOG_FORMAT": "json"}
    wall, began = SYSTEM_CLOCK.wall(), SYSTEM_CLOCK.now()
    with subprocess.Popen([*command, *arguments], stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stderr is not None
            log = _Log(process.stderr)
            log.start()
            seen = _watch(process, log)
            main, stage = _processes(process.pid)
            spawned = (stage.create_time() - main.create_time()) * 1000  # the kernel counts in steps of 10 ms
            main_cpu, stage_cpu = (sum(each.cpu_times()[:2]) * 1000 for each in (main, stage))
            time.sleep(1.2)  # the ledger is written once a second
            process.terminate()
            process.wait(15)
            log.join(5)
        finally:
            process.kill()
    ready = log.events["stage.ready"]
    at_ready = (datetime.fromisoformat(ready["time"]).timestamp() - wall / 1e9) * 1000
    frames = [entry.record for entry in LedgerReader(ledger) if isinstance(entry.record, FrameRecord)]
    last = next(frame for frame in frames if frame.number >= seen.frames - 1)
    return Start(
        stage_spawned=spawned,
        plan_taken=at_ready - ready["seconds"] * 1000,
        stage_ready=at_ready,
        first_picture=(frames[0].begun - began) / 1e6,
        first_packet=(frames[0].packaged - began) / 1e6,
        segment_drawn=(last.packaged - began) / 1e6,
        page_answers=(seen.answered - began) / 1e6,
        segment_listed=(seen.listed - began) / 1e6,
        main_cpu=main_cpu,
        stage_cpu=stage_cpu,
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """When the first request was answered, and when the stream had a segment (monotonic ns), of how many frames."""

    answered: int
    listed: int
    frames: int


def _watch(process: subprocess.Popen[str], log: _Log) -> _Seen:
    until = SYSTEM_CLOCK.now() + int(PATIENCE * 1e9)
    if not log.listening.wait(PATIENCE) or not log.address:
        raise SystemExit(f"the show did not start: {''.join(log.rest)}")
    viewer = HTTPConnection(urlsplit(log.address).netloc, timeout=PATIENCE)
    answered = 0
    while SYSTEM_CLOCK.now() < until and process.poll() is None:
        viewer.request("GET", "/stream/index.m3u8")
        answer = viewer.getresponse()
        text = answer.read().decode()
        now = SYSTEM_CLOCK.now()
        answered = answered or now
        if answer.status == 200:
            return _Seen(answered, now, round(parse_playlist(text).entries[0].duration * FPS))
        viewer.close()  # the server would, after five seconds without a word
        log.ready.wait(PATIENCE)  # who asks all the time is a load
        time.sleep(0.01)
    raise SystemExit(f"the show did not come on air: {''.join(log.rest)}")


def _processes(pid: int) -> tuple[psutil.Process, psutil.Process]:
    """The main process and its stage."""
    main = psutil.Process(pid)
    return main, next(child for child in main.children() if STAGE in child.cmdline())


def _starts(cache: Path, name: str, *arguments: str) -> list[Start]:
    """:data:`RUNS` starts; a cache of its own for each when ``cache`` is empty and to stay so."""
    starts: list[Start] = []
    for number in range(RUNS):
        own = cache / str(number) if name == "cold" else cache
        starts.append(start_once(own, cache / f"ledger-{name}-{number}", *arguments))
    return starts


def _rows(name: str, starts: Iterable[Start]) -> list[Row]:
    ranked = sorted(starts, key=lambda start: start.segment_listed)
    best, slowest = ranked[0], ranked[-1]
    found: list[Row] = []
    before = 0.0
    for field, words in _WORDS.items():
        at: float = getattr(best, field)
        beside = f"+{at - before:.0f} ms; slowest run {getattr(slowest, field):.0f}"
        found.append(row(f"{name}: {words}", round(at), "ms", beside))
        before = at
    for field, words in _BESIDE.items():
        found.append(
            row(f"{name}: {words}", round(getattr(best, field)), "ms", f"slowest run {getattr(slowest, field):.0f}")
        )
    return found


def rows() -> list[Row]:
    """Both kinds of start, :data:`RUNS` times each: half a minute."""
    with tempfile.TemporaryDirectory() as folder, sleeper() as stalls:
        cold, warm = Path(folder) / "cold", Path(folder) / "warm"
        first = _starts(cold, "cold")
        _ = start_once(warm, warm / "ledger-fill")
        second = _starts(warm, "warm")
    found = [*_rows("first start ever", first), *_rows("second start", second)]
    found.append(row("a bare sleeper's worst wake-up meanwhile", stalls.worst_ms, "ms"))
    return found


if __name__ == "__main__":
    show("start", rows())
