"""What a token of the store holds while it is used. Loading this loads no database."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refused:
    """A token may not do this now. ``retry``: after so many seconds it may."""

    what: str
    remedy: str
    retry: int


class TokenSession:
    """A conversation that a token holds. ``over`` is set, with :attr:`why`, when it may go on no longer."""

    def __init__(self, since: int) -> None:
        self.since = since
        self.over = asyncio.Event()
        self.why = ""

    def end(self, why: str) -> None:
        """Idempotent."""
        self.why = self.why or why
        self.over.set()
