"""Ten minutes on air: memory and CPU of the two processes. Not part of ``make bench`` (it takes eleven minutes)."""

from __future__ import annotations

import statistics
import sys
import time

import psutil

from benchmarks.live import live
from benchmarks.machine import sleeper
from benchmarks.table import Row, row, show

MINUTES = 10


def rows(minutes: float = MINUTES) -> list[Row]:
    """Watch a show for ``minutes`` after its first."""
    with live("--tv", "night-drive", "--turns", "8") as on_air, sleeper() as stalls:
        processes = on_air.processes()
        time.sleep(60)
        cpu = {name: sum(process.cpu_times()[:2]) for name, process in processes.items()}
        began = time.perf_counter()
        rss: dict[str, list[float]] = {name: [] for name in processes}
        while time.perf_counter() - began < minutes * 60:
            for name, process in processes.items():
                rss[name].append(process.memory_info().rss / 2**20)
            time.sleep(1)
        elapsed = time.perf_counter() - began
        used = {name: (sum(process.cpu_times()[:2]) - cpu[name]) / elapsed * 100 for name, process in processes.items()}
    both = sum(used.values()) / (psutil.cpu_count() or 1)
    found = [
        row(
            "CPU of both processes",
            both,
            "% of all cores",
            f"target < 45; main {used['main']:.1f}, stage {used['stage']:.1f} % of one",
        )
    ]
    for name, series in rss.items():
        quarter = max(1, len(series) // 4)
        first, last = statistics.median(series[:quarter]), statistics.median(series[-quarter:])
        growth = (last - first) / (0.75 * minutes)  # from the middle of the first quarter to that of the last
        found.append(
            row(f"RSS of {name}", last, "MB", f"growth {growth:+.2f} MB a minute over {minutes:g} min, target 0")
        )
        each = ", ".join(f"{rss_mb:.0f}" for rss_mb in series[::60])
        found.append(row(f"RSS of {name}, minute by minute from the second on", series[0], "MB", each))
    found.append(row("a bare sleeper's worst wake-up meanwhile", stalls.worst_ms, "ms"))
    return found


if __name__ == "__main__":
    show("soak", rows(float(sys.argv[1]) if len(sys.argv) > 1 else MINUTES))
