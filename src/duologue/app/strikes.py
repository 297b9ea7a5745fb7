"""What a stage is not to be given again: whatever was at work both times when it died twice. A pure core.

A stage reports what it cannot take, and goes on. What kills it outright (a decoder that crashes on a film, a picture
that takes all memory) cannot be reported; it is found by what was at work. Of several suspects the one goes first that
is missed least: a film before words.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from duologue.clock import SECOND

PARDONED = 60 * SECOND
"""Whoever was at work that long without harm is no suspect of what happened before (ns)."""


class Kind(IntEnum):
    """What may kill a stage, in the order in which it is given up."""

    FILM = 1
    ANNOUNCEMENT = 2
    LIGHT = 3
    LINE = 4


@dataclass(frozen=True, slots=True)
class Suspect:
    """Something that was at work when a stage died; ``name`` tells it from others of its kind."""

    kind: Kind
    name: str


class Strikes:
    """Counts deaths by suspects."""

    def __init__(self) -> None:
        self._counts: dict[Suspect, int] = {}

    def died(self, at_work: Iterable[Suspect], lived: int) -> Suspect | None:
        """A stage died that had lived for ``lived`` ns: what to drop, if something was at work for the second time."""
        before = {} if lived > PARDONED else self._counts
        self._counts = {suspect: before.get(suspect, 0) + 1 for suspect in at_work}
        twice = [suspect for suspect, count in self._counts.items() if count > 1]
        if not twice:
            return None
        dropped = min(twice, key=lambda suspect: suspect.kind)
        del self._counts[dropped]
        return dropped
