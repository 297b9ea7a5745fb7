"""Short of CPU the show gets plainer, never broken: which step it is at, and when it takes another. Values in, out.

The show is made a lead ahead of its due time. While pictures are made as fast as they are due, the newest stands that
lead ahead; when they are not, its lead shrinks, and long before a frame is lost the show does without something
(:class:`~duologue.telemetry.ledger.GovernorStep`, in their order). It is brought back, a step at a time, after a quiet
minute.

**Down.** The newest picture's lead has fallen below the next step's threshold, *and* pictures are made no faster than
they are due. The second condition tells a machine that is short of CPU from one that stalled once: after a stall the
missed frames are made faster than real time and the lead comes back by itself. So of the gaps between pictures the
longest is forgiven. A step is given the time that it takes to show (the encoder changes at a key frame) before another.

**Up.** The lead has been nearly whole for a quiet minute (what lasts under a second does not count), and what a picture
costs now (wall time, so what the machine makes of it beside its other programs) leaves room for what the step would
add. The steps after the first follow quickly. A step that had to be taken back narrows the room that is asked for next
time; that wears off.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from duologue.clock import MILLISECOND, SECOND, milliseconds
from duologue.telemetry.ledger import GovernorStep

QUIET = 60 * SECOND
"""How long all must be well before the first step up (ns)."""
DISTURBANCE = SECOND
"""What lasts no longer than that does not disturb the quiet (ns): a stall of the machine, another program's burst."""
NEXT = 4 * SECOND
"""And before each of those that follow it."""
WINDOW = SECOND // 2
"""Over how long a rate is measured (ns)."""
FEWEST = 5
"""Pictures that a rate is measured over at least."""
WELL = 0.85
"""The share of the lead from which on all is well."""
ROOM, LEAST_ROOM, NARROWER = 0.75, 0.4, 0.15
"""The share of a frame's time that a picture may be expected to cost after a step up; how far that narrows, and by how
much for each step that had to be taken back.
"""
WEARS_OFF = 5 * 60 * SECOND
"""How long a narrowing lasts (ns)."""


@dataclass(frozen=True, slots=True)
class _Threshold:
    """Of one step: the share of the lead below which it is taken, how long it takes to show (ns), and how many times
    what a picture costs with it a picture costs without it (docs/performance.md has them measured).
    """

    lead: float
    settles: int
    saves: float


_STEPS = {
    GovernorStep.TV: _Threshold(0.8, 200 * MILLISECOND, 1.15),
    GovernorStep.ANALYSIS: _Threshold(0.65, 1100 * MILLISECOND, 1.45),
    GovernorStep.RATE: _Threshold(0.3, 300 * MILLISECOND, 2.0),
    GovernorStep.SIZE: _Threshold(-0.3, 500 * MILLISECOND, 2.0),
}
SAVES = {step: threshold.saves for step, threshold in _STEPS.items()}
"""How many times what a picture costs with a step it costs without it."""


@dataclass(frozen=True, slots=True)
class _Made:
    """A picture was ready at ``at``, ``lead`` ahead of its due time, after ``cost`` of work; it stands ``periods``."""

    at: int
    lead: int
    cost: int
    periods: int


class Governor:
    """One show's governor. ``lead`` and ``period`` are ns, ``steps`` those that may be taken, in their order.

    Tell it of each picture by :meth:`made`, then ask :meth:`decide`. Times are monotonic ns.
    """

    def __init__(self, lead: int, period: int, steps: Sequence[GovernorStep] = tuple(_STEPS)) -> None:
        self._lead = lead
        self._period = period
        self._ladder = (GovernorStep.FULL, *sorted(steps))
        self._at = 0
        self._made: deque[_Made] = deque()
        self._settled = 0
        self._well_since: int | None = None
        self._ill_since: int | None = None
        self._quiet = QUIET
        self._risen: int | None = None
        self._narrowed: deque[int] = deque()
        self.why = ""
        """The figure that decided the last step."""

    @property
    def step(self) -> GovernorStep:
        """What is in force."""
        return self._ladder[self._at]

    @property
    def lead_ms(self) -> float:
        """How far the newest picture was ahead of its due time."""
        return milliseconds(self._made[-1].lead) if self._made else milliseconds(self._lead)

    def made(self, at: int, due: int, cost: int, periods: int = 1) -> None:
        """A picture was ready at ``at`` that is due at ``due``, after ``cost`` ns of composing and encoding."""
        self._made.append(_Made(at, due - at, cost, periods))
        while len(self._made) > FEWEST + 1 and self._made[1].at < at - WINDOW:
            self._made.popleft()
        if due - at >= WELL * self._lead and self._has_room(at):
            self._ill_since = None
            self._well_since = at if self._well_since is None else self._well_since
        elif self._ill_since is None:
            self._ill_since = at
        elif at - self._ill_since > DISTURBANCE:
            self._well_since, self._quiet = None, QUIET

    def restart(self, now: int) -> None:
        """The show skipped to its grid: what was measured before says nothing about what comes."""
        self._made.clear()
        self._well_since = self._ill_since = None
        self._quiet = QUIET
        self._settled = now

    def decide(self, now: int) -> GovernorStep:
        """What to do from here on; at most one step away from what was."""
        if not self._made:
            return self.step
        if self._at + 1 < len(self._ladder) and now >= self._settled:
            self._perhaps_down(now)
        well = self._well_since is not None and self._ill_since is None
        if self._at and well and now - (self._well_since or 0) >= self._quiet:
            self._perhaps_up(now)
        return self.step

    def _perhaps_down(self, now: int) -> None:
        following = self._ladder[self._at + 1]
        threshold = _STEPS[following].lead * self._lead
        newest = self._made[-1].lead
        if newest >= threshold or (rate := self._rate()) is None or rate > 1.03:
            return
        self.why = (
            f"the newest picture is {_ahead(newest)}, and they are made at {rate:.2f} of the pace at which they are due"
        )
        self._go(self._at + 1, now)
        self._quiet = QUIET
        if self._risen is not None and now - self._risen < QUIET:
            self._narrowed.append(now)
        self._risen = None

    def _perhaps_up(self, now: int) -> None:
        quiet = milliseconds(self._quiet) / 1000
        self.why = f"a quiet {quiet:g} s, and a picture would cost {self._cost_above():.0%} of its time"
        self._go(self._at - 1, now)
        self._quiet = NEXT
        self._risen = now

    def _go(self, at: int, now: int) -> None:
        settles = _STEPS[self._ladder[max(at, self._at)]].settles
        self._at = at
        self._settled = now + settles
        self._well_since = self._ill_since = None
        self._made = deque([self._made[-1]])

    def _rate(self) -> float | None:
        """How fast pictures are made, against how fast they are due, the longest gap forgiven; None: too few yet."""
        gaps = [
            (made.at - before.at, made.periods)
            for before, made in pairwise(self._made)
            if before.lead < WELL * self._lead  # else the picture after it was waited for
        ]
        if len(gaps) < FEWEST:
            return None
        gaps.remove(max(gaps))
        took = sum(gap for gap, _ in gaps)
        return self._period * sum(periods for _, periods in gaps) / max(took, 1)

    def _has_room(self, now: int) -> bool:
        """Whether there is room for what the step above would add."""
        while self._narrowed and now - self._narrowed[0] > WEARS_OFF:
            self._narrowed.popleft()
        return self._cost_above() <= max(LEAST_ROOM, ROOM - NARROWER * len(self._narrowed))

    def _cost_above(self) -> float:
        """What a picture would cost a step up, as a share of the time for which it stands."""
        if not self._at:
            return 0.0
        cost = sum(made.cost for made in self._made) / (self._period * sum(made.periods for made in self._made))
        return cost * _STEPS[self.step].saves


def _ahead(lead: int) -> str:
    return f"{milliseconds(abs(lead)):.0f} ms {'ahead of' if lead >= 0 else 'behind'} its due time"
