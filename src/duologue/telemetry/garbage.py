"""How long the interpreter stood still to collect garbage: every thread of its process stands still with it."""

from __future__ import annotations

import gc
from collections import deque
from typing import Any

from duologue.clock import MILLISECOND, SYSTEM_CLOCK, Clock, milliseconds
from duologue.telemetry.ledger import PauseRecord

LIMIT = 5 * MILLISECOND
"""A shorter one is not told (ns)."""
MOST = 100
"""That wait to be taken; the oldest go."""


class GarbageWatch:
    """:meth:`install` it once in a process, which is called ``process``, and :meth:`take` what it found now and then.

    It is called in whichever thread a collection befalls, maybe within a lock, so it does no more than to note.
    """

    def __init__(self, process: str, clock: Clock = SYSTEM_CLOCK) -> None:
        self._process = process
        self._clock = clock
        self._began = 0
        self._found: deque[PauseRecord] = deque(maxlen=MOST)

    def install(self) -> None:
        """Look on from now on."""
        gc.callbacks.append(self.note)

    def remove(self) -> None:
        """No more."""
        gc.callbacks.remove(self.note)

    def note(self, phase: str, info: dict[str, Any]) -> None:
        """As the interpreter calls it: a collection begins (``start``), or is over."""
        now = self._clock.now()
        if phase == "start":
            self._began = now
            return
        began, self._began = self._began, 0
        if began and now - began >= LIMIT:
            self._found.append(PauseRecord(self._process, "garbage", round(milliseconds(now - began), 2), now))

    def take(self) -> list[PauseRecord]:
        """What was found since the last call."""
        return [self._found.popleft() for _ in range(len(self._found))]
