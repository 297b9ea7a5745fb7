"""When each frame is begun: an absolute grid, a lead, and a stated policy for a late tick. Values in, values out.

Frame ``n`` is due at ``origin + n / fps``. The stage draws it ``lead`` earlier, so a stall shorter than the lead is
never seen: after it the frames that were missed are simply drawn one after the other, faster than real time. What the
viewers hold in their players (three segments) is a second cushion. When both are spent they stand still already, and
every frame that is still made late keeps them behind: then the show skips to its grid, and what was being said goes on
there (:meth:`Pace.skip`). So lateness is bounded by the cushion, whatever the machine does.
"""

from __future__ import annotations

from dataclasses import dataclass

from duologue.clock import MILLISECOND, SECOND


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

    def skip(self, number: int, now: int) -> int:
        """The frame to draw when ``number`` is next: itself, or with the cushion spent the first that has all its lead.

        A stage that takes up the grid of one that died asks the same with the frame after the last one delivered.
        """
        return number if now <= self.due(number) + self.cushion else max(number, self.next_frame(now + self.lead))

    def next_frame(self, now: int) -> int:
        """The first frame whose due time is ``now`` or later."""
        return max(0, -((self.origin - now) * self.fps // SECOND))
