"""When a worker that died is started again, and what is dropped because it kills. Pure: time is an argument.

A worker that dies is started again, at once the first time, then after a pause that doubles with each failure in a row.
One success, or a long run, forgives all failures. After :attr:`SupervisionPolicy.restarts` in a row whoever waits is
told, and the next who asks begins anew.

All that was at work at a death gets a **strike**. Work that has :attr:`SupervisionPolicy.strikes` is dropped: it would
kill the next worker too, and everybody else waits behind it. Of several that one goes which is missed least. The worker
is then started without a pause, since the cause is gone. Work is known by a key; who puts into the key how far it had
come is struck only by deaths at one place.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
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
    the same work, until that is dropped; the pauses before a start; ``steady``: a run so long forgives all failures;
    ``pardon``: a longer one all strikes too, for work that goes on and on (None: none does).
    """

    start: int = 20 * SECOND
    restarts: int | None = None
    strikes: int = 2
    first_pause: int = 100 * MILLISECOND
    longest_pause: int = 5 * SECOND
    steady: int = 30 * SECOND
    pardon: int | None = None


class WorkerPhase(StrEnum):
    """What a worker is doing."""

    IDLE = "idle"
    """There is none, and nobody has asked for it."""
    STARTING = "starting"
    UP = "up"
    RESTARTING = "restarting"
    """It died, and is started again when it is needed and its pause is over."""
    FAILED = "failed"
    """It failed too often in a row, and whoever waited was told; the next who asks begins anew."""
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
    """How a worker is, for a page.

    ``purpose``: what it is for; ``since``: when it came into its phase, and ``due``: not to be started earlier (both
    monotonic ns); ``failures`` in a row; ``cause`` of the last death, empty when it has been forgiven;
    ``last_failure``: the same, forgiven or not.
    """

    name: str
    phase: WorkerPhase
    purpose: str = ""
    since: int = 0
    pid: int | None = None
    restarts: int = 0
    failures: int = 0
    cause: str = ""
    last_failure: str = ""
    due: int = 0


class Supervision:
    """The life of one worker. ``now`` is monotonic ns."""

    def __init__(self, policy: SupervisionPolicy) -> None:
        self.policy = policy
        self.phase = WorkerPhase.IDLE
        self.since = 0
        """When it came into its phase."""
        self.failures = 0
        """In a row."""
        self.restarts = 0
        """Deaths after which it was to be started again."""
        self.cause = ""
        self.last_failure = ""
        self.due = 0
        """Not to be started earlier."""
        self._strikes: OrderedDict[Hashable, int] = OrderedDict()

    def enter(self, phase: WorkerPhase, now: int) -> None:
        """It is being started, came up, is gone by nobody's fault, or closed."""
        self.phase, self.since = phase, now

    def well(self) -> None:
        """It did what was asked of it: its failures are forgiven."""
        self.failures, self.cause = 0, ""

    def replaced(self, now: int) -> None:
        """Somebody asked for another: its failures are forgiven, and there is no pause."""
        self.well()
        self.enter(WorkerPhase.IDLE, now)
        self.due = now
        self.restarts += 1

    def died(self, now: int, cause: str, at_work: Sequence[Work] = ()) -> Fate:
        """It died, hung or did not come up, while it was ``at_work``: first what is missed least."""
        if self.phase is WorkerPhase.UP and now - self.since >= self.policy.steady:
            self.failures = 0
        if self.policy.pardon is not None and self.phase is WorkerPhase.UP and now - self.since > self.policy.pardon:
            self._strikes.clear()
        self.cause = self.last_failure = cause
        self.failures += 1
        times, (dropped, strikes) = self.failures, self._struck(at_work)
        again = self.policy.restarts is None or times <= self.policy.restarts
        self.enter(WorkerPhase.RESTARTING if again else WorkerPhase.FAILED, now)
        self.restarts += again
        if dropped is not None or not again:
            self.failures = 0
        self.due = now + self._pause()
        return Fate(again, dropped, strikes if again and dropped else times)

    def _pause(self) -> int:
        if self.failures < 2:
            return 0
        return min(self.policy.first_pause << min(self.failures - 2, 32), self.policy.longest_pause)

    def _struck(self, at_work: Sequence[Work]) -> tuple[Work | None, int]:
        """Count a strike against each; the one to drop, if there is one, and its count.

        That is forgotten: who asks for it again begins with a clean sheet.
        """
        for work in at_work:
            self._strikes[work.key] = self._strikes.pop(work.key, 0) + 1
        dropped = next((work for work in at_work if self._strikes[work.key] >= self.policy.strikes), None)
        count = self._strikes.pop(dropped.key) if dropped is not None else 0
        while len(self._strikes) > KEPT_STRIKES:
            self._strikes.popitem(last=False)
        return dropped, count
