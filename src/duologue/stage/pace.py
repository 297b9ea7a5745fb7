"""When each frame is begun: an absolute grid, a lead, and a stated policy for a late tick. Values in, values out.

Frame ``n`` is due at ``origin + n / fps``. The stage draws it ``lead`` earlier, so a stall shorter than the lead is
never seen: after it the frames that were missed are simply drawn one after the other, faster than real time. What the
viewers hold in their players (three segments) is a second cushion. When both are spent they stand still already, and
every frame that is still made late keeps them behind. After one stall the show comes back by itself; when it does not,
it skips to its grid, and what was being said goes on there. So lateness is bounded, whatever the machine does.
"""

from __future__ import annotations

from dataclasses import dataclass

from duologue.clock import MILLISECOND, SECOND

CATCH_UP = 4 * SECOND
"""A show that is later than that does not try to come back frame by frame (ns): viewers have waited long enough."""
SLACK = 300 * MILLISECOND
"""How far it may fall back on its way (ns)."""
PROGRESS = 0.3
"""How much of its lateness it must make good in a second (s)."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The grid of one show. ``origin`` is monotonic ns, ``lead`` and ``cushion`` are ns."""

    origin: int
    fps: int
    lead: int
    cushion: int = 1500 * MILLISECOND

    def due(self, number: int) -> int:
        """When frame ``number`` is due (ns). Computed from the origin, so that nothing adds up over days."""
        return self.origin + number * SECOND // self.fps

    def begin(self, number: int) -> int:
        """The earliest moment to draw it (ns)."""
        return self.due(number) - self.lead

    def next_frame(self, now: int) -> int:
        """The first frame whose due time is ``now`` or later."""
        return max(0, -((self.origin - now) * self.fps // SECOND))


class CatchUpRule:
    """Which frame comes next: the one after the last, or the first on the grid that has all its lead."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._stalled: tuple[int, int] | None = None
        """When the cushion was spent, and how late the show was then (ns)."""

    def following(self, number: int, now: int) -> int:
        """What to draw at ``now`` when ``number`` is next: itself, as long as lead and cushion hide its lateness or the
        show is on its way back.
        """
        late = now - self._pace.due(number)
        if late <= self._pace.cushion:
            self._stalled = None
            return number
        if self._stalled is None:
            self._stalled = now, late
        since, most = self._stalled
        if late <= CATCH_UP and late <= most + SLACK - int(PROGRESS * (now - since)):
            return number
        self._stalled = None
        return max(number, self._pace.next_frame(now + self._pace.lead))
