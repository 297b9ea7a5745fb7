"""Ids that no other start of the program gives out again: UUIDs of version 7 (RFC 9562, section 5.7)."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from duologue.clock import MILLISECOND

_VERSION, _VARIANT = 7, 0b10

Bits = Callable[[int], int]
"""So many bits of chance: :func:`secrets.randbits`, or a simulation's own."""


def unique_id(wall: int, bits: Bits = secrets.randbits) -> str:
    """A new one, made at ``wall`` (Unix ns). Sorted as text they stand in the order of their milliseconds."""
    time = wall // MILLISECOND & (1 << 48) - 1
    chance = bits(74)
    number = time << 80 | _VERSION << 76 | chance >> 62 << 64 | _VARIANT << 62 | chance & (1 << 62) - 1
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
