"""Ten minutes on air: memory and CPU of the two processes. Not part of ``make bench`` (it takes ten minutes).

What grows is the memory that a process asked for (RSS less what is mapped from files). The pages of bakes, libraries
and fonts that it has looked at are the disk's cache, shared and taken back by the kernel at will; they have a row of
their own.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import psutil

from benchmarks.live import live
from benchmarks.sleeper import sleeper
from benchmarks.table import Row, row, show

MINUTES = 10.0
SETTLED = 120
"""Seconds on air after which nothing may grow: what is kept (captions' pages, the last lines) is full by then."""
EDGE = 120
"""Seconds whose least is taken at both ends: a line that is being voiced is ten megabytes for a second, one that waits
for its turn two or three for half a minute, and either is there or is not when the watch ends.
"""


def grown(series: list[float]) -> float:
    """How much the least of the last :data:`EDGE` values is over that of the first."""
    return min(series[-EDGE:]) - min(series[:EDGE])


def rows(minutes: float = MINUTES) -> list[Row]:
    """Watch a show for ``minutes``; its CPU from the second minute on, its memory after two."""
    with live("--tv", "night-drive", "--turns", "8") as on_air, sleeper() as stalls:
        processes = on_air.processes()
        rss: dict[str, list[float]] = {name: [] for name in processes}
        mapped: dict[str, list[float]] = {name: [] for name in processes}
        began = since = time.perf_counter()
        cpu = _cpu(processes)
        for second in range(round(minutes * 60)):
            if second == 60:
                since, cpu = time.perf_counter(), _cpu(processes)
            for name, process in processes.items():
                own, of_files = _resident(process.pid)
                rss[name].append(own + of_files)
                mapped[name].append(of_files)
            time.sleep(max(0.0, began + second + 1 - time.perf_counter()))
        elapsed = time.perf_counter() - since
        used = {name: (after - cpu[name]) / elapsed * 100 for name, after in _cpu(processes).items()}
    both = sum(used.values()) / (psutil.cpu_count() or 1)
    each = f"main {used['main']:.1f}, stage {used['stage']:.1f} % of one"
    found = [row("CPU of both processes", both, "% of all cores", f"target < 45; {each}")]
    for name, series in rss.items():
        settled = min(SETTLED, len(series) // 5)
        by_minute = ", ".join(f"{megabytes:.0f}" for megabytes in series[::60])
        own = [whole - shared for whole, shared in zip(series, mapped[name], strict=True)]
        cached = grown(mapped[name][settled:])
        found.append(row(f"growth of {name} after {settled} s", grown(own[settled:]), "MB", "target ≤ 2"))
        found.append(row(f"more of the disk's cache mapped by {name}", cached, "MB", "files: bakes, libraries, fonts"))
        found.append(row(f"RSS of {name} at the end", series[-1], "MB", f"minute by minute: {by_minute}"))
    found.append(row("a bare sleeper's worst wake-up meanwhile", stalls.worst_ms, "ms"))
    return found


def _resident(pid: int) -> tuple[float, float]:
    """MB that the process asked for, and of files that it has mapped (proc(5), status)."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    anonymous, file, shared = (int(status[f"Rss{kind}"].split()[0]) / 1024 for kind in ("Anon", "File", "Shmem"))
    return anonymous + shared, file


def _cpu(processes: dict[str, psutil.Process]) -> dict[str, float]:
    return {name: sum(process.cpu_times()[:2]) for name, process in processes.items()}


if __name__ == "__main__":
    show("soak", rows(float(sys.argv[1]) if len(sys.argv) > 1 else MINUTES))
