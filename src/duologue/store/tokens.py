"""Tokens for others: made once and shown once, kept as hashes; their scopes, limits and use. Within a transaction."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from duologue.errors import InputError
from duologue.ids import unique_id
from duologue.store.tables import TokenDay, TokenRow
from duologue.tokens import Scope, cookie_value

PREFIX = "dlg_"
"""So that people, and programs that look for secrets, know one."""
CHANCE = 32
"""Bytes."""
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


@dataclass(frozen=True, slots=True)
class TokenLimits:
    """What a token may at most; None: whatever it likes. ``per_minute`` are requests, ``sessions`` conversations at
    once, ``minutes`` of conversation a day (UTC).
    """

    per_minute: int | None = None
    sessions: int | None = None
    minutes: int | None = None


@dataclass(frozen=True, slots=True)
class KnownToken:
    """A token of the store, without itself. Times are Unix ns."""

    id: str
    name: str
    digest: str
    cookie_digest: str
    scopes: frozenset[Scope]
    limits: TokenLimits
    made: int
    expires: int | None = None
    revoked: int | None = None
    used: int | None = None
    seconds: float = 0.0
    """Of its minutes that it has used today."""

    def holds(self, now: int) -> bool:
        """It opens anything at all."""
        return self.revoked is None and (self.expires is None or now < self.expires)


def digest(secret: str) -> str:
    """What is kept of a secret. It has 256 bits of chance: a slow hash would protect it no better."""
    return hashlib.sha256(secret.encode()).hexdigest()


def create(
    session: Session, name: str, scopes: frozenset[Scope], limits: TokenLimits, at: int, expires: int | None = None
) -> str:
    """A new token, which is kept nowhere. Raises :class:`InputError` for a name that is taken, or is none."""
    if not _NAME.fullmatch(name):
        raise InputError(f"{name!r} is no name of a token", where="NAME", remedy="Small letters, digits and hyphens.")
    if session.scalar(select(TokenRow.id).where(TokenRow.name == name)) is not None:
        remedy = "Take another name, or revoke that one with --remove first."
        raise InputError(f"there is a token {name!r} already", where="NAME", remedy=remedy)
    token = PREFIX + secrets.token_urlsafe(CHANCE)
    session.add(
        TokenRow(
            id=unique_id(at), name=name, digest=digest(token), cookie_digest=digest(cookie_value(token)),
            scopes=",".join(scope.value for scope in Scope if scope in scopes), per_minute=limits.per_minute,
            sessions=limits.sessions, minutes=limits.minutes, made=at, expires=expires,
        )
    )  # fmt: skip
    return token


def revoke(session: Session, name: str, at: int, *, remove: bool = False) -> bool:
    """It opens nothing from now on; False: it was revoked before. ``remove``: its name is free again.

    Raises :class:`InputError` for a stranger.
    """
    row = session.scalar(select(TokenRow).where(TokenRow.name == name))
    if row is None:
        raise InputError(f"there is no token {name!r}", where="NAME", remedy="duologue token list names them.")
    before, row.revoked = row.revoked, row.revoked or at
    if remove:
        session.flush()
        session.execute(delete(TokenRow).where(TokenRow.id == row.id))
    return before is None


def tokens(session: Session, day: int) -> list[KnownToken]:
    """All of them, in the order in which they were made, with their use on ``day`` (since 1970, UTC)."""
    spent = select(TokenDay.token_id, TokenDay.seconds).where(TokenDay.day == day)
    used = {row[0]: row[1] for row in session.execute(spent)}
    return [
        KnownToken(
            row.id, row.name, row.digest, row.cookie_digest, _scopes(row.scopes),
            TokenLimits(row.per_minute, row.sessions, row.minutes), row.made, row.expires, row.revoked, row.used,
            used.get(row.id, 0.0),
        )
        for row in session.scalars(select(TokenRow).order_by(TokenRow.made, TokenRow.id))
    ]  # fmt: skip


def note_use(session: Session, token: str, at: int, day: int, seconds: float) -> None:
    """A token was used ``at`` (Unix ns), and so much of its minutes of ``day``."""
    row = session.get(TokenRow, token)
    if row is None:
        return
    row.used = max(row.used or 0, at)
    if seconds <= 0:
        return
    spent = session.get(TokenDay, (token, day))
    if spent is None:
        spent = TokenDay(token_id=token, day=day, seconds=0.0)
        session.add(spent)
    spent.seconds += seconds


def _scopes(text: str) -> frozenset[Scope]:
    """What a newer version calls a scope that is none here allows nothing."""
    known = {scope.value: scope for scope in Scope}
    return frozenset(known[name] for name in text.split(",") if name in known)
