"""Ids that no other start of the program gives out again: UUIDs of version 7 (RFC 9562, section 5.7)."""

from __future__ import annotations

import secrets
from uuid import UUID

from duologue.clock import MILLISECOND

_VERSION, _VARIANT = 7, 0b10


def unique_id(wall: int) -> str:
    """A new one, made at ``wall`` (Unix ns). Sorted as text they stand in the order of their milliseconds."""
    time = wall // MILLISECOND & (1 << 48) - 1
    chance = secrets.randbits(74)
    return str(UUID(int=time << 80 | _VERSION << 76 | chance >> 62 << 64 | _VARIANT << 62 | chance & (1 << 62) - 1))
