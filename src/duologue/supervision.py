"""When a worker that died is started again, and what is dropped because it kills. Pure: time is an argument.

A worker that dies is started again, at once the first time, then after a pause that doubles with each failure in a row.
One success, or a long run, forgives all failures. After :attr:`SupervisionPolicy.restarts` in a row whoever waits is
told, and the next who asks begins anew.

What was at work at a death gets a **strike**. Work that has :attr:`SupervisionPolicy.strikes` is dropped: it would
kill the next worker too, and everybody else waits behind it. The worker is then started without a pause, since the
cause is gone. Work is known by a key; who puts into the key how far it had come is struck only by deaths at one place.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from duologue.clock import MILLISECOND, SECOND

KEPT_STRIKES = 256
"""Works whose strikes are remembered; of more, the oldest are forgotten."""


@dataclass(frozen=True, slots=True)
class SupervisionPolicy:
    """Times in nanoseconds.

    ``start``: limit for coming up; ``restarts``: in a row, until it is given up (None: never); ``strikes``: deaths at
    the same work, until that is dropped; the pauses before a start; ``steady``: a run so long forgives all failures.
    """

    start: int = 20 * SECOND
    restarts: int | None = None
    strikes: int = 2
    first_pause: int = 100 * MILLISECOND
    longest_pause: int = 5 * SECOND
    steady: int = 30 * SECOND


class Phase(StrEnum):
    """What a worker is doing."""

    IDLE = "idle"
    """There is none, and nobody has asked for it."""
    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    """It died, and is started again when it is needed and its pause is over."""
    CLOSED = "closed"


class Work(NamedTuple):
    """What a worker is at: a key that tells one work from another, and the words that name it for people."""

    key: Hashable
    words: str


@dataclass(frozen=True, slots=True)
class Fate:
    """What follows from a death: whether it is started ``again``, the work that is ``dropped``, and how often the
    worker failed: ``times`` in a row, or at that work.
    """

    again: bool
    dropped: Work | None
    times: int


@dataclass(frozen=True, slots=True)
class WorkerState:
    """How a worker is, for a page. ``failures`` in a row; ``due_ms`` until it may be started; ``cause`` of the last
    death, empty when it has been forgiven.
    """

    name: str
    phase: Phase
    pid: int | None = None
    restarts: int = 0
    failures: int = 0
    cause: str = ""
    due_ms: float = 0.0


class Supervision:
    """The life of one worker. ``now`` is monotonic ns."""

    def __init__(self, policy: SupervisionPolicy) -> None:
        self.policy = policy
        self.phase = Phase.IDLE
        self.failures = 0
        """In a row."""
        self.restarts = 0
        """Deaths after which it was to be started again."""
        self.cause = ""
        self.due = 0
        """Not to be started earlier."""
        self._up = 0
        self._strikes: OrderedDict[Hashable, int] = OrderedDict()

    def starting(self) -> None:
        """It is being started."""
        self.phase = Phase.STARTING

    def up(self, now: int) -> None:
        """It came up."""
        self.phase, self._up = Phase.RUNNING, now

    def well(self) -> None:
        """It did what was asked of it: its failures are forgiven."""
        self.failures, self.cause = 0, ""

    def stopped(self) -> None:
        """It is gone, and by nobody's fault."""
        self.phase = Phase.IDLE

    def replaced(self, now: int) -> None:
        """Somebody asked for another: its failures are forgiven, and there is no pause."""
        self.well()
        self.phase, self.due = Phase.IDLE, now
        self.restarts += 1

    def died(self, now: int, cause: str, work: Work | None = None) -> Fate:
        """It died, hung or did not come up, while it was at ``work``."""
        if self.phase is Phase.RUNNING and now - self._up >= self.policy.steady:
            self.failures = 0
        self.phase, self.cause = Phase.PAUSED, cause
        self.failures += 1
        times, strikes = self.failures, self._strike(work)
        again = self.policy.restarts is None or times <= self.policy.restarts
        self.restarts += again
        dropped = work if strikes >= self.policy.strikes else None
        if dropped is not None or not again:
            self.failures = 0
        self.due = now + self._pause()
        return Fate(again, dropped, strikes if again and dropped else times)

    def _pause(self) -> int:
        if self.failures < 2:
            return 0
        return min(self.policy.first_pause << min(self.failures - 2, 32), self.policy.longest_pause)

    def _strike(self, work: Work | None) -> int:
        if work is None:
            return 0
        count = self._strikes.pop(work.key, 0) + 1
        if count < self.policy.strikes:
            self._strikes[work.key] = count
            if len(self._strikes) > KEPT_STRIKES:
                self._strikes.popitem(last=False)
        return count
