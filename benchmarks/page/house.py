"""``duologue serve`` in a process of its own, for the benchmarks that look at its Talk page and sockets from outside.

It remembers nobody (its store is a file of its own that goes with it), and what it says is kept nowhere but there.
"""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import tempfile
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from benchmarks.live import HERE
from benchmarks.machine import cpu_seconds, foreign, tree
from benchmarks.ready import free_port, until_ready

_BUCKET = re.compile(r'duologue_loop_lag_seconds_bucket\{le="([^"]+)"\} (\S+)')


@dataclass(frozen=True, slots=True)
class TalkHouse:
    """A running one."""

    process: subprocess.Popen[str]
    address: str

    @property
    def socket(self) -> str:
        """Where conversations are held."""
        return f"{self.address.replace('http', 'ws', 1)}/api/talk"

    def every(self) -> list[psutil.Process]:
        """The main process and all its workers."""
        return tree(self.process.pid)

    def cpu(self) -> tuple[float, float]:
        """Seconds that the main process has used, and all workers."""
        main, *workers = self.every()
        return cpu_seconds([main]), cpu_seconds(workers)

    def rss(self) -> tuple[float, float]:
        """MB of the main process, and of all workers."""
        main, *workers = (each.memory_info().rss / 2**20 for each in self.every())
        return main, sum(workers)

    def wakes(self) -> dict[float, float]:
        """Of the main loop's wake-ups so far: how many came at most so late (s)."""
        told = httpx.get(f"{self.address}/metrics", timeout=30).text
        return {float(bound): float(count) for bound, count in _BUCKET.findall(told)}


def lag_ms(before: dict[float, float], after: dict[float, float], share: float) -> float:
    """The lateness (ms) that ``share`` of the wake-ups in between do not exceed: within a bucket, in proportion; beyond
    the largest it is infinite. Without any, NaN.
    """
    counts = [(bound, after[bound] - before.get(bound, 0.0)) for bound in sorted(after)]
    wanted = share * counts[-1][1] if counts else 0.0
    if not wanted:
        return float("nan")
    low, below = 0.0, 0.0
    for bound, count in counts:
        if count >= wanted:
            return 1000 * (low + (bound - low) * (wanted - below) / (count - below)) if bound != float("inf") else bound
        low, below = bound, count
    return float("inf")


@contextlib.contextmanager
def talk_house(settings: str = "") -> Generator[TalkHouse]:
    """One that holds talks, with ``settings`` (TOML; no ``[web]``, ``[store]`` or ``[telemetry]``)."""
    with tempfile.TemporaryDirectory(prefix="talk-") as name:
        folder = Path(name)
        config = folder / "duologue.toml"
        store = f'[store]\nurl = "sqlite:///{folder / "store.db"}"\n'
        cache = "" if "[speech_cache]" in settings else f'[speech_cache]\nfolder = "{folder / "speech"}"\n'
        config.write_text(f'{settings}\n{store}{cache}[telemetry]\nlog_level = "warning"\n')
        port = free_port()
        given = ["--no-show", "--talk", "--no-api", "--host", "127.0.0.1", "--port", str(port), "--config", str(config)]
        with foreign(HERE.command("serve", *given), "duologue serve", HERE.environment) as process:
            house = TalkHouse(process, f"http://127.0.0.1:{port}")
            until_ready(process, house.address, "duologue serve")
            yield house
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
