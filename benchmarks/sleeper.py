"""A bare sleeper beside a measurement: how late it wakes is the machine's own doing. With Python's own modules only:
the peers' environments have no others in common with ours.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import time
from collections.abc import Generator
from dataclasses import dataclass
from multiprocessing.sharedctypes import Synchronized

PERIOD = 0.005
"""Seconds."""


@dataclass(slots=True)
class Stalls:
    """Filled when the measurement is over: the sleeper's worst lateness (ms), and how often it was over 30 ms."""

    worst_ms: float = 0.0
    over_30_ms: int = 0


def _sleep(worst: Synchronized[float], many: Synchronized[int]) -> None:
    while True:
        due = time.perf_counter() + PERIOD
        time.sleep(PERIOD)
        late = (time.perf_counter() - due) * 1000
        worst.value = max(worst.value, late)
        many.value += late > 30


@contextlib.contextmanager
def sleeper() -> Generator[Stalls]:
    """A process that only sleeps, beside the measurement: how late it wakes is the machine's own doing."""
    worst: Synchronized[float] = multiprocessing.Value("d", 0.0)
    many: Synchronized[int] = multiprocessing.Value("i", 0)
    process = multiprocessing.get_context("fork").Process(target=_sleep, args=(worst, many), daemon=True)
    process.start()
    stalls = Stalls()
    try:
        yield stalls
    finally:
        process.kill()
        process.join()
        stalls.worst_ms, stalls.over_30_ms = worst.value, many.value
