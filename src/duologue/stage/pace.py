"""When each frame is begun: an absolute grid, a lead, and a stated policy for a late tick. Values in, values out.

Frame ``n`` is due at ``origin + n / fps``. The stage draws it ``lead`` earlier, so a stall shorter than the lead is
never seen: after it the frames that were missed are simply drawn one after the other, faster than real time. What the
viewers hold in their players (three segments) is a second cushion. Only when both are spent is it better to send the
previous picture again than to draw a new one: that is :data:`Step.REPEAT`, and it is counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from duologue.clock import MILLISECOND, SECOND

CATCH_UP = 4 * SECOND
"""What viewers' players hold, and a second of patience (ns)."""


class Step(StrEnum):
    """What to do about a frame."""

    DRAW = "draw"
    REPEAT = "repeat"


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

    def step(self, number: int, now: int) -> Step:
        """Draw it, or repeat the picture before it because the lead and the viewers' cushion are spent."""
        return Step.REPEAT if now > self.due(number) + self.cushion else Step.DRAW

    def resume(self, following: int, now: int) -> int:
        """Where a new stage takes up the grid of one that died: at ``following``, the frame after the last delivered.

        Nothing is missing then, for it draws faster than real time until its lead is there again; only what is
        more than :data:`CATCH_UP` late is given up.
        """
        return max(following, self.next_frame(now - CATCH_UP))

    def next_frame(self, now: int) -> int:
        """The first frame whose due time is ``now`` or later."""
        return max(0, -((self.origin - now) * self.fps // SECOND))
