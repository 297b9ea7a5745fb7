"""What notes a held event loop; the fixture of the same name arms it."""

from __future__ import annotations

import time
from collections.abc import Mapping

OLDEST = 2
"""The generation whose collection goes through all that is held."""
LOOP_LIMIT_MS = 50.0
"""Thread CPU time (not wall time: the machine's noise does not count) that one callback may hold the event loop."""


class LoopGuard:
    """Notes callbacks that hold the loop for more than ``limit_ms`` of thread CPU time.

    Full collections of garbage do not count: here they go through what hundreds of files of tests left in this process.
    A program's own are in its metrics and its runs (:mod:`duologue.telemetry.garbage`).
    """

    def __init__(self) -> None:
        self.limit_ms = LOOP_LIMIT_MS
        self.held: list[tuple[float, str]] = []
        self._began = 0
        self._collected = 0

    def collecting(self, phase: str, about: Mapping[str, int]) -> None:
        """See :data:`gc.callbacks`."""
        if about["generation"] < OLDEST:
            return
        if phase == "start":
            self._began = time.thread_time_ns()
        else:
            self._collected += time.thread_time_ns() - self._began

    def now(self) -> int:
        """This thread's CPU time (ns) without collections."""
        return time.thread_time_ns() - self._collected

    def rearm(self, limit_ms: float) -> None:
        """Forget what was noted and be this strict from here on: loading is over."""
        self.limit_ms = limit_ms
        self.held.clear()

    def note(self, spent_ms: float, what: object) -> None:
        if spent_ms > self.limit_ms:
            self.held.append((spent_ms, repr(what)))
