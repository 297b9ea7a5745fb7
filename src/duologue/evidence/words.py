"""Numbers, times and names as people read them in a report."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from duologue.clock import SECOND

MOST_NAMED = 3
"""Runs that a report names in its title."""


def when(wall_ns: int, seconds: float, zone: tzinfo) -> str:
    """When something began (Unix ns; 0: on no calendar) and how long it was, as people in that zone read it."""
    if not wall_ns:
        return stretch(seconds)
    return f"{datetime.fromtimestamp(wall_ns / SECOND, zone):%d %B %Y, %H:%M:%S %Z}, {stretch(seconds)}"


def stretch(seconds: float) -> str:
    """How long, in a sentence: ``29 s``, ``1 min 29 s``, ``1 h 2 min``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def duration(seconds: float) -> str:
    """How long, in a column: ``9.4 s``, ``12:05``, ``3:04:09``."""
    return clock(seconds) if seconds >= 60 else f"{seconds:.1f} s"


def clock(seconds: float) -> str:
    """A time since a beginning, or before it: ``0:05``, ``1:02:30``, ``-0:03``."""
    minutes, rest = divmod(round(abs(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    sign = "-" if round(seconds) < 0 else ""
    return f"{sign}{hours}:{minutes:02}:{rest:02}" if hours else f"{sign}{minutes}:{rest:02}"


def named(of: str) -> str:
    """A part of the house as people call it: ``show:day`` is the show day."""
    kind, _, name = of.partition(":")
    return f"the {kind}" if name in ("", kind) else f"the {kind} {name}"


def figure(value: float) -> str:
    """Three digits of a measured value, and of a larger one all before its point: ``59.2``, ``1,340``."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def times(many: int) -> str:
    """How often, as a sentence begins."""
    return {1: "Once", 2: "Twice"}.get(many, f"{many:,} times")


def was(many: int) -> str:
    """So many: was, or were."""
    return "was" if many == 1 else "were"


def capital(words: str) -> str:
    """As a sentence begins."""
    return words[:1].upper() + words[1:]


def short(words: str, most: int = 60) -> str:
    """The beginning of what was said."""
    return words if len(words) <= most else f"{words[: most - 1]}…"


def sources(names: Sequence[str]) -> str:
    """What a report is of: runs by their names, or how many."""
    return ", ".join(names) if len(names) <= MOST_NAMED else f"{len(names)} runs, {min(names)} to {max(names)}"
