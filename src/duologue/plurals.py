"""How many of something there are, as people write it."""

from __future__ import annotations


def counted(count: int, one: str, many: str = "") -> str:
    """``1 turn``, ``1,200 turns``; ``many`` where that is not ``one`` with an s."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"
