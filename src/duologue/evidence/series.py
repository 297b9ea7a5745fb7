"""Figures that come one by one, many millions of them: kept as how often each value came, summed up exactly."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

DIGITS = 3
"""Of a value behind the point: microseconds."""


@dataclass(slots=True)
class Series:
    """How often each value came. ``unit`` is ms, %, MB or s; ``budget`` what they should not exceed, None: nobody
    said.
    """

    unit: str = "ms"
    budget: float | None = None
    values: Counter[float] = field(default_factory=Counter[float])

    def add(self, value: float, times: int = 1) -> None:
        """It came so often."""
        self.values[round(value, DIGITS)] += times

    def __len__(self) -> int:
        return self.values.total()

    @property
    def over(self) -> int:
        """How many exceed the budget."""
        limit = self.budget
        return 0 if limit is None else sum(times for value, times in self.values.items() if value > limit)

    @property
    def lost(self) -> float:
        """By how much all that exceed the budget do so together."""
        limit = self.budget
        if limit is None:
            return 0.0
        return sum((value - limit) * times for value, times in self.values.items() if value > limit)

    def summary(self) -> dict[str, Any]:
        """Count, smallest, percentiles by nearest rank (so each is a value that was seen), largest, and the budget."""
        ordered, count = sorted(self.values.items()), len(self)
        found: dict[str, Any] = {
            "unit": self.unit,
            "count": count,
            "least": ordered[0][0],
            **{f"p{share}": _rank(ordered, math.ceil(share / 100 * count)) for share in (50, 95, 99)},
            "most": ordered[-1][0],
        }
        if self.budget is not None:
            found |= {"budget": self.budget, "over_budget": self.over}
        return found


def _rank(ordered: list[tuple[float, int]], place: int) -> float:
    """The value at ``place``, counted from 1."""
    for value, times in ordered:
        place -= times
        if place <= 0:
            return value
    return ordered[-1][0]
