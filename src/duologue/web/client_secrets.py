"""Secrets that open sessions of the Realtime API, for a while: what a page is given, which must not know a token.

They are kept in memory: who starts the house anew makes new ones.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass

from duologue.app.realtime.messages import SessionFields
from duologue.clock import SECOND, SYSTEM_CLOCK, Clock
from duologue.web.options import Grant

PREFIX = "ek_"
"""How each begins: no token does that is to be taken for one."""
MOST_SECRETS = 1_000
"""At once; the oldest goes."""


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """What a secret opens: a session as it was described, by who may do so much. ``expires_at`` is in Unix seconds."""

    session: SessionFields
    grant: Grant
    expires_at: int


class ClientSecrets:
    """Those that were given out and are still good."""

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self._known: OrderedDict[str, ClientSecret] = OrderedDict()

    def make(self, session: SessionFields, seconds: int, grant: Grant) -> tuple[str, ClientSecret]:
        """A new one, good for so long."""
        made = ClientSecret(session, grant, self._clock.wall() // SECOND + seconds)
        value = PREFIX + secrets.token_urlsafe(32)
        self._known[value] = made
        while len(self._known) > MOST_SECRETS:
            self._known.popitem(last=False)
        return value, made

    def find(self, value: str) -> ClientSecret | None:
        """What it opens; None: nothing (any more). 256 random bits: nobody finds one by the time it takes."""
        found = self._known.get(value)
        if found is not None and found.expires_at <= self._clock.wall() // SECOND:
            del self._known[value]
            return None
        return found
