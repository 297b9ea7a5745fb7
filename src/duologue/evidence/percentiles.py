"""What most of some values did not exceed."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Of ``count`` values, by nearest rank: each is a value that was seen."""

    count: int
    p50: float
    p95: float
    p99: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Percentiles | None:
        """None of none."""
        ordered = sorted(values)
        if not ordered:
            return None
        p50, p95, p99 = (ordered[max(0, math.ceil(share * len(ordered)) - 1)] for share in (0.5, 0.95, 0.99))
        return cls(len(ordered), round(p50, 2), round(p95, 2), round(p99, 2), round(ordered[-1], 2))
