"""Which of our child processes a signal stopped (SIGSTOP, a terminal, a debugger), and for how long.

A process that is stopped computes nothing and waits for no core, so its figures look as if nobody had asked it for
anything. The kernel tells its parent, who may ask without waiting (waitid(2)); what is told is told once. A process's
end is left to whoever waits for that.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Mapping

from duologue.clock import MILLISECOND, SYSTEM_CLOCK, Clock, milliseconds
from duologue.telemetry.ledger import PauseRecord

LIMIT = 200 * MILLISECOND
"""A shorter stop is not told (ns): who looks every 100 ms knows both its ends to 100 ms."""
MOST = 100
"""That wait to be taken; the oldest go."""


def newest_change(child: int) -> bool | None:
    """Whether a child was stopped (True) or went on (False) since it was last asked; None: neither, or it is no child
    of this process.
    """
    found: bool | None = None
    while True:
        try:
            told = os.waitid(os.P_PID, child, os.WSTOPPED | os.WCONTINUED | os.WNOHANG)
        except ChildProcessError:
            return found
        if told is None:
            return found
        found = told.si_code == os.CLD_STOPPED


class StoppedWatch:
    """:meth:`look` at the children often, and :meth:`take` what was found now and then. Both on one thread."""

    def __init__(self, clock: Clock = SYSTEM_CLOCK, changed: Callable[[int], bool | None] = newest_change) -> None:
        self._clock = clock
        self._changed = changed
        self._since: dict[int, tuple[str, int]] = {}  # of those that stand: their names, and what of it is not told
        self._found: deque[PauseRecord] = deque(maxlen=MOST)

    def look(self, children: Mapping[str, int]) -> None:
        """At processes by their names. Costs a microsecond each."""
        for name, process in children.items():
            match self._changed(process):
                case True:
                    self._since.setdefault(process, (name, self._clock.now()))
                case False:
                    self._over(process)
                case None:
                    pass
        for process in self._since.keys() - set(children.values()):
            self._over(process)

    def take(self) -> list[PauseRecord]:
        """What was found since the last call; of those that stand still what of it was not told."""
        now = self._clock.now()
        for process, (name, since) in self._since.items():
            if self._note(name, since, now):
                self._since[process] = name, now
        return [self._found.popleft() for _ in range(len(self._found))]

    def _over(self, process: int) -> None:
        name, since = self._since.pop(process, ("", 0))
        if since:
            self._note(name, since, self._clock.now())

    def _note(self, name: str, since: int, now: int) -> bool:
        if now - since < LIMIT:
            return False
        self._found.append(PauseRecord(name, "stopped", round(milliseconds(now - since), 2), now))
        return True
