"""Tokens of the store: shown once, kept as hashes."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from duologue.errors import InputError
from duologue.store.store import opened
from duologue.store.tokens import PREFIX, TokenLimits, create, digest, note_use, revoke, tokens
from duologue.tokens import Scope, cookie_value


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite3"


def make(session: Session, name: str = "ada") -> str:
    return create(session, name, frozenset({Scope.TALK}), TokenLimits(60, 2, 30), 100, expires=1000)


def test_a_token_is_kept_as_its_hash(file: Path) -> None:
    with opened("", file) as session:
        token = make(session)
    assert token.startswith(PREFIX) and len(token) >= 43
    for path in file.parent.iterdir():
        content = path.read_bytes()
        assert token.encode() not in content and cookie_value(token).encode() not in content
    with opened("", file, writes=False) as session:
        (known,) = tokens(session, 0)
    assert (known.name, known.scopes, known.limits) == ("ada", frozenset({Scope.TALK}), TokenLimits(60, 2, 30))
    assert known.digest == digest(token) and known.cookie_digest == digest(cookie_value(token))
    assert [known.holds(at) for at in (999, 1000)] == [True, False]
    assert token not in repr(known)


def test_a_name_is_one_tokens_until_it_is_removed(file: Path) -> None:
    with opened("", file) as session:
        make(session)
        with pytest.raises(InputError, match="already"):
            make(session)
        for wrong in ("", "Ada", "a b", "-x", "x" * 41):
            with pytest.raises(InputError, match="no name"):
                make(session, wrong)
        assert revoke(session, "ada", 200) and not revoke(session, "ada", 300)
        (known,) = tokens(session, 0)
        assert known.revoked == 200 and not known.holds(150)
        revoke(session, "ada", 400, remove=True)
        assert tokens(session, 0) == []
        make(session)
        with pytest.raises(InputError, match="no token 'eve'"):
            revoke(session, "eve", 1)


def test_what_a_token_used_is_counted_by_the_day(file: Path) -> None:
    with opened("", file) as session:
        make(session)
        (known,) = tokens(session, 5)
        for day, seconds in ((5, 30.0), (5, 12.5), (6, 0.0), (6, 1.0)):
            note_use(session, known.id, 300 + day, day, seconds)
        note_use(session, "nobody's", 1, 1, 1.0)
        assert [(each.seconds, each.used) for day in (5, 6, 7) for each in tokens(session, day)] == [
            (42.5, 306), (1.0, 306), (0.0, 306),
        ]  # fmt: skip


def test_a_scope_of_a_newer_version_allows_nothing(file: Path) -> None:
    with opened("", file) as session:
        make(session)
    with sqlite3.connect(file) as other:
        other.execute("update tokens set scopes = 'talk,everything'")
    with opened("", file, writes=False) as session:
        assert tokens(session, 0)[0].scopes == {Scope.TALK}
