"""Where on our clock the sound of a source lies: the source's own positions, mapped by the least delay. Pure.

A block may come late (a stalled link, a loop that was held), but where it lies among the others its source knows. The
shortest way that a block has had lately is taken to be the way of all; what took longer is late, and its sound is older
by as much. So a source that runs fast is followed at once, a slow one, or a link that has become longer, within
:data:`LONGER_NS`.
"""

from __future__ import annotations

from dataclasses import dataclass

from duologue.clock import MILLISECOND, SECOND
from duologue.speech.hearing import EAR_RATE

LONGER_NS = SECOND
"""A delay that lasted so long, while sound came, is the delay there is now, and nobody is late any more."""
STALL_NS = 200 * MILLISECOND
"""Nothing for so long: what comes then may all be late, and says nothing of the delay."""
LATE_NS = 3 * SECOND
"""What is later than this is not late: the clock stood still, as it does where nothing is counted in a pause."""
BACK_SAMPLES = EAR_RATE // 2
"""What lies so little before what was heard was heard already; further back the source's clock was set anew."""


@dataclass(frozen=True, slots=True)
class PlacedBlock:
    """A block on our clock. Its first ``skip`` samples were heard already, before the others ``gap`` are missing; it
    ends at ``end`` (ns, never later than it came). ``back``: so many samples its source's clock was set back.
    """

    end: int
    skip: int = 0
    gap: int = 0
    back: int = 0


class SourceClock:
    """The clock of one source, in samples at :data:`~duologue.speech.hearing.EAR_RATE`."""

    def __init__(self) -> None:
        self._expected: int | None = None
        self._delay = 0
        self._least: int | None = None
        """The shortest delay since ``_measured``."""
        self._measured = 0
        self._came = 0

    def place(self, at: int | None, count: int, now: int) -> PlacedBlock:
        """A block of ``count`` samples, the first of which is number ``at``, came ``now`` (ns). None: its source has no
        clock, and it ends now.
        """
        if at is None:
            self._expected = None
            return PlacedBlock(now)
        skip = gap = back = 0
        if self._expected is not None:
            before = self._expected - at
            gap = max(0, -before)
            if before > BACK_SAMPLES:
                self._expected, back = None, before
            else:
                skip = min(max(0, before), count)
        self._measure(now - (at + count) * SECOND // EAR_RATE, now)
        self._expected = max(self._expected or 0, at + count) if not back else at + count
        return PlacedBlock((at + count) * SECOND // EAR_RATE + self._delay, skip, gap, back)

    def _measure(self, delay: int, now: int) -> None:
        stalled, self._came = now - self._came > STALL_NS, now
        late = delay - self._delay
        if self._expected is None or late <= 0 or late > LATE_NS:
            self._delay = delay
            self._least, self._measured = None, now
        elif stalled:
            self._least, self._measured = None, now
        else:
            self._least = delay if self._least is None else min(self._least, delay)
            if now - self._measured >= LONGER_NS:
                self._delay, self._least, self._measured = self._least, None, now
