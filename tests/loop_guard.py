"""What notes a held event loop; the fixture of the same name arms it."""

from __future__ import annotations

LOOP_LIMIT_MS = 50.0
"""Thread CPU time (not wall time: the machine's noise does not count) that one callback may hold the event loop."""


class LoopGuard:
    """Notes callbacks that hold the loop for more than ``limit_ms`` of thread CPU time."""

    def __init__(self) -> None:
        self.limit_ms = LOOP_LIMIT_MS
        self.held: list[tuple[float, str]] = []

    def rearm(self, limit_ms: float) -> None:
        """Forget what was noted and be this strict from here on: loading is over."""
        self.limit_ms = limit_ms
        self.held.clear()

    def note(self, spent_ms: float, what: object) -> None:
        if spent_ms > self.limit_ms:
            self.held.append((spent_ms, repr(what)))
