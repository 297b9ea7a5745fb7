"""How series of metrics are made: every name begins with ours, and all are of one registry."""

from __future__ import annotations

from functools import cache
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SEND_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.15, 0.21, 0.3, 0.5, 1.0, 2.0)
"""Seconds: of what is done on the way of a sound."""
_Series = TypeVar("_Series", Counter, Gauge, Histogram)


def _at_hand(series: _Series) -> _Series:
    """A series whose children are found by their labels as they are: to make texts of them and to take a lock, each
    time anew, was two fifths of what it costs to count a turn.
    """
    series.labels = cache(series.labels)  # pyright: ignore[reportAttributeAccessIssue]
    return series


class SeriesOf:
    """Makes the series of ``registry``."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry

    def histogram(self, name: str, what: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        """Of values in seconds."""
        return _at_hand(Histogram(f"duologue_{name}", what, labels, registry=self.registry, buckets=buckets))

    def counter(self, name: str, what: str, *labels: str) -> Counter:
        """What only grows."""
        return _at_hand(Counter(f"duologue_{name}", what, labels, registry=self.registry))

    def gauge(self, name: str, what: str, *labels: str) -> Gauge:
        """What is so now."""
        return _at_hand(Gauge(f"duologue_{name}", what, labels, registry=self.registry))


class Totals:
    """Turns totals that are told again and again into what they have grown by."""

    def __init__(self) -> None:
        self._totals: dict[tuple[str, ...], int] = {}

    def rise(self, total: int, *key: str) -> int:
        """How much a total has grown since it was last told."""
        before, self._totals[key] = self._totals.get(key, 0), total
        return max(0, total - before)
