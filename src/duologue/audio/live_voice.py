"""A voice that comes as it is spoken, for a playout somewhere else: how much of it waits there. Pure: time is an
argument.

What comes over a network comes late now and then, and all at once after that. So a voice begins :data:`MARGIN_MS`
behind, and again where the playout ran dry. A stall makes it later for good, for what came after it is played all the
same; so what always waits (the least of a while) is looked at, and where that is too much, blocks are left out: quiet
ones, which nobody misses, and any where it is far too much.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from duologue.audio.pcm import Samples, silence
from duologue.clock import MILLISECOND, SECOND

MARGIN_MS = 60
"""What waits where a voice begins."""
SPARE_MS = 120
"""More than that always waiting is too much: what is quiet is left out."""
MOST_MS = 400
"""So is what is loud, then."""
FULL_MS = 1_000
"""More never waits."""
LOOKED_AT = SECOND
QUIET = 0.01
"""RMS (-40 dB below full scale)."""


class LiveVoice:
    """Blocks of one voice, mono at ``rate`` Hz, on their way to a playout that plays them one after another."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._until = 0
        """When all that was given will have been played (ns)."""
        self._least = self._since = 0
        self._standing: int | None = None
        self.counts: Counter[str] = Counter()
        """Of blocks: ``dry`` (it had run out), ``left_out``."""

    def take(self, samples: Samples, now: int) -> Samples:
        """The next block, as it goes to the playout now; empty: it is left out."""
        ahead = self._until - now
        if not len(samples):
            return samples
        if ahead <= 0:
            self.counts["dry"] += 1
            self._until, self._standing, self._since, self._least = now, None, now, FULL_MS * MILLISECOND
            samples = np.concatenate([silence(MARGIN_MS * self._rate // 1000), samples])
        elif self._too_much(samples, ahead, now):
            self.counts["left_out"] += 1
            return samples[:0]
        self._until += len(samples) * SECOND // self._rate
        return samples

    def _too_much(self, samples: Samples, ahead: int, now: int) -> bool:
        self._least = min(self._least, ahead)
        if now - self._since >= LOOKED_AT:
            self._standing, self._since, self._least = self._least, now, ahead
        if ahead > FULL_MS * MILLISECOND:
            return True
        if self._standing is None or self._standing <= SPARE_MS * MILLISECOND:
            return False
        loud = float(np.dot(samples, samples)) > QUIET**2 * len(samples)
        if loud and self._standing <= MOST_MS * MILLISECOND:
            return False
        self._standing -= len(samples) * SECOND // self._rate
        return True
