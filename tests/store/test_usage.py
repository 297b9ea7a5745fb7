"""Sums of days in the store: added to, grouped, and telling of nobody when their people and conversations are gone."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Protocol, TypeVar

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from duologue.clock import SECOND
from duologue.metering import Amount
from duologue.store.people import expire, export, forget, meet
from duologue.store.store import opened
from duologue.store.tables import PersonRow, UsageRow
from duologue.store.usage import grouped, note, of_day
from duologue.store.values import UsageBy, UsageKey, UsageSum, Who

T = TypeVar("T")
VOICE = UsageSum(2, 0, 0, Amount(characters=50, seconds=4.0), 0.5)
MIND = UsageSum(1, 1, 1, Amount(prompt=100, completion=20, cached=60))
DAY = "2026-11-23"


class Do(Protocol):
    def __call__(self, what: Callable[[Session], T]) -> T: ...


@pytest.fixture
def do(tmp_path: Path, address: str) -> Generator[Do]:
    """Each in a transaction of its own, as if between them the program was started anew."""

    def work(what: Callable[[Session], T]) -> T:
        with opened(address, tmp_path / "store.sqlite3") as session:
            return what(session)

    yield work


def key(part: str = "talk:1", person: str = "", day: str = DAY, engine: str = "elevenlabs") -> UsageKey:
    return UsageKey(day, engine, "tts", "flash", "api.example", part, person, "EUR")


def names(session: Session, by: UsageBy, since: str = "") -> list[tuple[str, int]]:
    return [(each.name, each.used.requests) for each in grouped(session, by, since)]


def test_more_of_the_same_is_added_and_survives_a_restart(do: Do) -> None:
    for _ in range(3):
        do(lambda session: note(session, {key(): VOICE}, SECOND))
    assert do(lambda session: session.scalar(select(func.count()).select_from(UsageRow))) == 1
    assert do(lambda session: of_day(session, DAY)) == {
        "elevenlabs": UsageSum(6, 0, 0, Amount(characters=150, seconds=12.0), 1.5)
    }
    assert do(lambda session: of_day(session, "2026-11-24")) == {}


def test_what_differs_in_anything_stands_apart(do: Do) -> None:
    keys = [
        key(), key(part="talk:2"), key(day="2026-11-24"), key(engine="espeak"),
        UsageKey(DAY, "elevenlabs", "tts", "other", "api.example", "talk:1", "", "EUR"),
        UsageKey(DAY, "elevenlabs", "tts", "flash", "api.example", "talk:1", "", "USD"),
    ]  # fmt: skip
    do(lambda session: note(session, dict.fromkeys(keys, VOICE), SECOND))
    assert do(lambda session: session.scalar(select(func.count()).select_from(UsageRow))) == 6
    assert do(lambda session: names(session, "day")) == [("2026-11-24", 2), (DAY, 2), (DAY, 8)]
    assert do(lambda session: names(session, "day", "2026-11-24")) == [("2026-11-24", 2)]
    assert len(do(lambda session: grouped(session, "engine"))) == 4


def test_a_person_is_found_by_name_and_the_rest_is_nobodys(do: Do) -> None:
    def fill(session: Session) -> None:
        ada = meet(session, Who("ada"), 1)
        note(session, {key(person=ada.id): VOICE, key("show:main"): MIND}, SECOND)

    do(fill)
    (ada,) = do(lambda session: grouped(session, "person"))
    assert (ada.called, ada.used, ada.currency) == ("ada", VOICE, "EUR")


def test_who_is_forgotten_leaves_the_sums_and_no_trace(do: Do) -> None:
    def fill(session: Session) -> str:
        ada, ben = meet(session, Who("ada"), 1), meet(session, Who("ben"), 2)
        parts = {key(f"talk:{n}", ada.id): VOICE for n in range(3)} | {key("talk:9", ben.id): VOICE}
        note(session, parts, SECOND)
        assert len(export(session, ada)["usage"]) == 3
        return ada.id

    ada_id = do(fill)
    before = do(lambda session: of_day(session, DAY))

    def let_go(session: Session) -> None:
        person = session.get(PersonRow, ada_id)
        assert person is not None
        forget(session, person)

    do(let_go)
    assert do(lambda session: of_day(session, DAY)) == before
    rows = do(lambda session: [(row.part, row.person_id, row.requests) for row in session.scalars(select(UsageRow))])
    assert sorted((part, bool(person), count) for part, person, count in rows) == [
        ("talk", False, 6), ("talk:9", True, 2),
    ]  # fmt: skip
    assert [each.called for each in do(lambda session: grouped(session, "person"))] == ["ben"]
    do(lambda session: note(session, {key("talk:1", ada_id): VOICE}, SECOND))  # it came after she was forgotten
    assert [each.called for each in do(lambda session: grouped(session, "person"))] == ["ben"]
    assert ("talk", 8) in do(lambda session: names(session, "run"))


def test_conversations_that_are_too_old_are_told_apart_no_more(do: Do) -> None:
    def fill(session: Session) -> str:
        ada = meet(session, Who("ada"), 1)
        old = {key(f"{kind}:{n}", ada.id, "2026-11-20"): VOICE for n in range(4) for kind in ("talk", "line")}
        note(session, {**old, key("show:main", day="2026-11-20"): MIND, key("talk:new", ada.id): VOICE}, SECOND)
        return ada.id

    ada_id = do(fill)
    before = do(lambda session: of_day(session, "2026-11-20"))
    midnight = 1_795_392_000 * SECOND  # 2026-11-23 00:00 UTC
    for _ in range(2):
        do(lambda session: expire(session, midnight))
        assert do(lambda session: of_day(session, "2026-11-20")) == before
        assert sorted(do(lambda session: names(session, "run"))) == [
            ("line", 8), ("show:main", 1), ("talk", 8), ("talk:new", 2),
        ]  # fmt: skip
    (ada,) = do(lambda session: grouped(session, "person"))
    assert (ada.name, ada.used.requests) == (ada_id, 18)
