"""Tokens of the store in a running house: whom each lets in, what it may at most, and what ends when it is revoked.

The store is looked at every two seconds, so what ``duologue token`` does in another process counts here soon after.
While the store fails, what was known last holds: nobody is let in who was not before.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from duologue.app.people.token_use import Refused, TokenSession
from duologue.clock import SECOND, Clock
from duologue.errors import DuologueError, in_words
from duologue.phone.leg_limits import Allowance
from duologue.store.store import Store
from duologue.store.tokens import KnownToken, digest, note_use, tokens
from duologue.telemetry.log import get_logger

LOOK = 2 * SECOND
"""How often the store is looked at (ns)."""
NOTE_SECONDS = 60
"""How often the use of a token is written down."""
DAY = 24 * 3600 * SECOND
REVOKED = "the token was revoked"
SPENT = "the token's minutes of today are used up"
_log = get_logger("duologue.accounts")


@dataclass(eq=False)
class _Holding:
    """A token as this house knows it."""

    token: KnownToken
    rate: Allowance | None
    sessions: set[TokenSession] = field(default_factory=set["TokenSession"])
    requests: set[TokenSession] = field(default_factory=set["TokenSession"])
    """What else goes on with it: they count for nothing, and end with it."""
    day: int = 0
    spent: float = 0.0
    """Seconds of its minutes, today."""
    unwritten: float = 0.0
    noted: int = 0


class TokenAccounts:
    """Run :meth:`run` beside the house; the rest on the same loop."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._held: dict[str, _Holding] = {}
        self._by_digest: dict[str, str] = {}
        self._loaded = False
        self._failing = False

    @property
    def loaded(self) -> bool:
        """It is known which tokens there are."""
        return self._loaded

    async def run(self) -> None:
        """Look at the store until cancelled."""
        due = self._clock.now()
        try:
            while True:
                await self._look()
                due = max(due + LOOK, self._clock.now())
                await self._clock.wait_until(due)
        finally:
            for each in self._held.values():
                self._spend(each)
                self._write(each)

    def bearer(self, token: str) -> KnownToken | None:
        """Whom a token stands for, if it holds."""
        return self._of(digest(token))

    def cookie(self, value: str) -> KnownToken | None:
        """The same for a cookie's value (:func:`duologue.tokens.cookie_value`)."""
        return self._of(digest(value))

    def admit(self, token: KnownToken) -> Refused | None:
        """One more request of ``token``: None, or why not. A client secret may outlive the token that made it."""
        held = self._held.get(token.id)
        if held is None or not held.token.holds(self._clock.wall()):
            return Refused("the token was revoked, or has expired", "Ask for another one.", 60)
        now = self._clock.now()
        if now - held.noted >= NOTE_SECONDS * SECOND or not held.noted:
            self._write(held)
        if held.rate is None or held.rate.take(1, now):
            return None
        most = held.token.limits.per_minute
        return Refused(f"more than {most} requests a minute with this token", "Ask less often.", 60)

    @contextmanager
    def session(self, token: KnownToken) -> Generator[TokenSession | Refused]:
        """A conversation of ``token``, which was admitted, while the context lasts; or why there is none."""
        held = self._held[token.id]
        if (refused := self._full(held)) is not None:
            yield refused
            return
        session = TokenSession(self._clock.now())
        held.sessions.add(session)
        try:
            yield session
        finally:
            self._spend(held)
            held.sessions.discard(session)
            self._write(held)

    @contextmanager
    def request(self, token: KnownToken) -> Generator[TokenSession]:
        """Anything else of ``token``, which was admitted, while the context lasts: it ends when the token does."""
        held, session = self._held[token.id], TokenSession(self._clock.now())
        held.requests.add(session)
        try:
            yield session
        finally:
            held.requests.discard(session)

    # How it is done

    def _of(self, found: str) -> KnownToken | None:
        held = self._held.get(self._by_digest.get(found, ""))
        return held.token if held is not None and held.token.holds(self._clock.wall()) else None

    def _full(self, held: _Holding) -> Refused | None:
        limits = held.token.limits
        if limits.sessions is not None and len(held.sessions) >= limits.sessions:
            return Refused(
                f"as many conversations as may ({limits.sessions}) go on with this token", "End one of them first.", 30
            )
        self._spend(held)
        if limits.minutes is not None and held.spent >= limits.minutes * 60:
            left = (DAY - self._clock.wall() % DAY) / SECOND
            return Refused(SPENT, "Come back tomorrow (UTC).", math.ceil(left))
        return None

    async def _look(self) -> None:
        day = self._clock.wall() // DAY
        try:
            found = await self._store.ask(lambda session: tokens(session, day))
        except DuologueError as error:
            if not self._failing:  # once: it is tried every two seconds
                _log.warning("accounts.not_read", cause=in_words(error))
            self._failing = True
        else:
            self._take({token.id: token for token in found}, day)
            self._loaded, self._failing = True, False
        for held in self._held.values():
            self._mind(held)

    def _take(self, found: Mapping[str, KnownToken], day: int) -> None:
        for name, held in tuple(self._held.items()):
            if name not in found:
                for session in (*held.sessions, *held.requests):
                    session.end(REVOKED)
                del self._held[name]
        for token in found.values():
            held = self._held.get(token.id)
            if held is None:
                held = self._held[token.id] = _Holding(token, _rate(token), day=day, spent=token.seconds)
            elif held.token.limits.per_minute != token.limits.per_minute:
                held.rate = _rate(token)
            held.token = token
        self._by_digest = {
            key: token.id for token in found.values() for key in (token.digest, token.cookie_digest) if key
        }

    def _mind(self, held: _Holding) -> None:
        """End what may go on no longer."""
        self._spend(held)
        minutes = held.token.limits.minutes
        why = "" if held.token.holds(self._clock.wall()) else REVOKED
        if not why and minutes is not None and held.spent >= minutes * 60:
            why = SPENT
        for session in (*held.sessions, *(held.requests if why == REVOKED else ())) if why else ():
            session.end(why)
        if held.unwritten >= NOTE_SECONDS:
            self._write(held)

    def _spend(self, held: _Holding) -> None:
        """What its conversations took since it was looked at last."""
        now, day = self._clock.now(), self._clock.wall() // DAY
        if day != held.day:
            self._write(held)
            held.day, held.spent = day, 0.0
        for session in held.sessions:
            seconds = (now - session.since) / SECOND
            session.since = now
            held.spent += seconds
            held.unwritten += seconds

    def _write(self, held: _Holding) -> None:
        token, at, day, seconds = held.token.id, self._clock.wall(), held.day, held.unwritten
        held.unwritten, held.noted = 0.0, self._clock.now()
        self._store.put(lambda session: note_use(session, token, at, day, seconds))


def _rate(token: KnownToken) -> Allowance | None:
    """A whole minute's requests may come at once."""
    most = token.limits.per_minute
    return None if most is None else Allowance(most / 60, most)
