"""Chance without state: every random thing in motion is a hash of its name and its place in time.

So a pose can be asked for at any sample, in any order, in any process, and is always the same.
"""

from __future__ import annotations

import zlib
from math import floor

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15


def key(*parts: object) -> int:
    """A 64-bit key for one source of chance, from whatever names it."""
    text = "\x1f".join(map(str, parts)).encode()
    return zlib.crc32(text) << 32 | zlib.crc32(text, 0x5BD1E995)


def unit(source: int, index: int) -> float:
    """The ``index``-th number of a source, in 0…1 (the finaliser of SplitMix64)."""
    x = (source + index * _GOLDEN) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return (x >> 11) * (1.0 / (1 << 53)) if (x := x ^ (x >> 31)) else 0.0


def ease(x: float) -> float:
    """From 0 to 1 while ``x`` goes from 0 to 1, starting and arriving at rest; clamped outside."""
    if x <= 0.0:
        return 0.0
    return 1.0 if x >= 1.0 else x * x * (3.0 - 2.0 * x)


def wave(source: int, x: float) -> float:
    """Smooth noise in -1…1 with a new value at every whole ``x``."""
    return held(source, x, 1.0)


def held(source: int, x: float, moving: float) -> float:
    """Noise in -1…1 that rests, and moves to its next value within the last ``moving`` part of each whole ``x``."""
    index = floor(x)
    here = unit(source, index)
    part = x - index - (1.0 - moving)
    if part <= 0.0:
        return 2.0 * here - 1.0
    return 2.0 * (here + (unit(source, index + 1) - here) * ease(part / moving)) - 1.0
