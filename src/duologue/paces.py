"""How quickly an engine works, from the work that it does anyway: until its first sound or word, and how much a second.

Only the time that the engine took counts, not what its listener did between two pieces. What it did first after it was
started is told apart: a model is loaded then, and nothing is in any cache.
"""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from typing import TypeVar

from duologue.clock import MILLISECOND, SECOND, Clock

KEPT = 32
"""Pieces of work that figures are of: the newest."""
WHOLE = 0.8
"""An engine whose first piece takes so much of its time gives nothing before all of it is made: it takes the longer for
that, the more is asked for.
"""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PaceFigures:
    """``cold_ms``: from being started to the first sound or word of the first line (what lay between is left out).
    ``warm_ms``: the median of the lines after it. ``characters``: a second, of work. ``length``: seconds of sound that
    a character has. None: not known yet.
    """

    cold_ms: float | None = None
    warm_ms: float | None = None
    characters: float | None = None
    length: float | None = None


@dataclass(frozen=True, slots=True)
class _Work:
    first: int
    took: int
    characters: int
    length: float


class EnginePace:
    """One engine's. Times in ns."""

    def __init__(self) -> None:
        self._starting = 0
        self._cold: int | None = None
        self._coldest: tuple[_Work, ...] = ()
        self._works: deque[_Work] = deque(maxlen=KEPT)

    def started(self, took: int) -> None:
        """It came up, and took so long: the next line is its first."""
        self._starting, self._cold = took, None

    def did(self, first: int, took: int, characters: int, length: float = 0.0) -> None:
        """A whole line of so many ``characters``, ``length`` s of sound: the first piece was there after ``first``."""
        work = _Work(first, max(took, 1), characters, length)
        if self._cold is None:
            self._cold, self._coldest = self._starting + first, (work,)
            return
        self._works.append(work)

    def until_first(self, characters: int) -> float | None:
        """Seconds in which it gives the first of a line of so many ``characters``, as its lines went so far, those that
        waited for others included; None: it has said nothing yet.
        """
        works = self._works or self._coldest
        if not works:
            return None
        if not self._gives_whole(works):
            return statistics.median(work.first for work in works) / SECOND
        spoken = sum(work.characters for work in works)
        return characters * sum(work.first for work in works) / max(spoken, 1) / SECOND

    def within(self, seconds: float) -> float | None:
        """Characters of a line whose first is there in so many ``seconds``, while others leave it in peace (as its
        quicker lines went); infinite where that does not follow the length; None: not known, for a cold line says
        little.
        """
        if not self._works:
            return None
        if not self._gives_whole(self._works):
            return math.inf
        each = sorted(work.first / max(work.characters, 1) for work in self._works)
        return seconds * SECOND / max(each[len(each) // 4], 1.0)

    @staticmethod
    def _gives_whole(works: Collection[_Work]) -> bool:
        return sum(work.first for work in works) >= WHOLE * sum(work.took for work in works)

    @property
    def figures(self) -> PaceFigures:
        """What is known."""
        cold = self._cold / MILLISECOND if self._cold is not None else None
        if not self._works:
            return PaceFigures(cold)
        characters = sum(work.characters for work in self._works)
        return PaceFigures(
            cold,
            statistics.median(work.first for work in self._works) / MILLISECOND,
            characters * SECOND / sum(work.took for work in self._works),
            sum(work.length for work in self._works) / max(characters, 1),
        )


class PieceWatch:
    """The time that is spent on getting the next piece, and no other (ns)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.took = 0

    async def next(self, pieces: AsyncIterator[T]) -> T:
        """Raises as ``anext``."""
        asked = self._clock.now()
        try:
            return await anext(pieces)
        finally:
            self.took += self._clock.now() - asked
