"""A far end's own clock, learnt from what it stamps: its offset by the shortest way a word had, its drift by how that
moves. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from duologue.clock import SECOND

WINDOW_NS = 5 * SECOND
"""The word with the shortest way is sought in each of these; two of them show the drift."""
MOST_DRIFT = 0.1
"""A clock that seems to run more than this fast or slow is not one: its pace is taken to be ours."""
JUMP_NS = SECOND
"""What lies so far before the newest word was stamped by a clock that was set anew."""


@dataclass(frozen=True, slots=True)
class _Word:
    at: int
    now: int


class FarClock:
    """Maps the far end's time to ours. ``pace`` is how many of its nanoseconds pass in one of ours (1.03: 3 % fast)."""

    def __init__(self) -> None:
        self.pace = 1.0
        self.jumps = 0
        """How often it was set anew."""
        self._anchor: _Word | None = None
        self._early: _Word | None = None
        self._best: _Word | None = None
        self._since = 0
        self._newest = 0

    def ours(self, at: int, now: int) -> int:
        """When a word that was stamped ``at`` (ns, its clock) and came ``now`` was said, and the shortest way after
        that (ns, our clock); never later than it came.
        """
        if self._anchor is None or at < self._newest - JUMP_NS:
            self.jumps += self._anchor is not None
            self._anchor = self._best = _Word(at, now)
            self._early, self._since, self._newest, self.pace = None, now, at, 1.0
            return now
        self._newest = max(self._newest, at)
        word = _Word(at, now)
        if self._best is None or self._delay(word) <= self._delay(self._best):
            self._best = word
        if self._delay(word) < 0:
            self._anchor = word
        if now - self._since >= WINDOW_NS:
            self._learn(self._best, now)
        return min(now, self._line(at))

    def _learn(self, best: _Word, now: int) -> None:
        """A window is over, and this word had the shortest way in it."""
        if self._early is not None and best.now > self._early.now:
            pace = (best.at - self._early.at) / (best.now - self._early.now)
            self.pace = pace if abs(pace - 1) <= MOST_DRIFT else 1.0
        self._early = self._early or best
        self._anchor, self._best, self._since = best, None, now

    def _line(self, at: int) -> int:
        """The time of ours at which a word of ``at`` comes that has the shortest way."""
        assert self._anchor is not None
        return self._anchor.now + round((at - self._anchor.at) / self.pace)

    def _delay(self, word: _Word) -> int:
        return word.now - self._line(word.at)
