"""``duologue usage``, as somebody types it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from duologue.app.spending.caps import day_of
from duologue.cli.main import build
from duologue.clock import SYSTEM_CLOCK
from duologue.errors import InputError
from duologue.metering import Amount
from duologue.store.people import meet
from duologue.store.store import opened
from duologue.store.usage import note
from duologue.store.values import UsageKey, UsageSum, Who

Run = Callable[..., str]
SETTINGS = """
[prices]
currency = "EUR"
[prices.engines.elevenlabs]
thousand_characters = 1.0
[spending]
money = 5
[spending.engines.elevenlabs]
characters = 100
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "160")
    (tmp_path / "duologue.toml").write_text(SETTINGS)

    def typed(*words: str) -> str:
        outcome = CliRunner().invoke(build(("usage", *words)), ["usage", *words])
        if outcome.exception is not None:
            raise outcome.exception
        return outcome.output

    return typed


def fill(tmp_path: Path) -> None:
    def key(engine: str, service: str, part: str, person: str = "", currency: str = "EUR") -> UsageKey:
        return UsageKey("2026-11-20", engine, service, "m", "", part, person, currency)

    with opened("", tmp_path / "data" / "duologue" / "duologue.sqlite3") as session:
        ada = meet(session, Who("ada"), 1).id
        note(
            session,
            {
                key("elevenlabs", "tts", "talk:1", ada): UsageSum(2, 0, 0, Amount(characters=1_200, seconds=90), 1.2),
                key("openai", "llm", "talk:1", ada, ""): UsageSum(3, 1, 3, Amount(900, 80, 400)),
                key("espeak", "tts", "show:main"): UsageSum(1, 0, 0, Amount(characters=9)),
            },
            1,
        )


def test_nothing_is_said_to_be_nothing_and_no_store_is_made_for_it(run: Run, tmp_path: Path) -> None:
    told = run()
    assert "Nothing is kept of what engines were asked for" in told and "today, all together: 0.00 of 5.00 EUR" in told
    assert not (tmp_path / "data").exists()


def test_of_nobody_known_it_is_not_said_that_no_engine_was_asked(run: Run, tmp_path: Path) -> None:
    fill(tmp_path)
    told = run("--by", "person", "--since", "today")
    assert "Nothing is kept of what known people asked engines for since" in told


def test_no_figure_is_cut_off_where_there_is_no_room(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path)
    monkeypatch.setenv("COLUMNS", "40")
    assert run("--since", "all").splitlines()[1].split()[-2:] == ["1.20", "EUR"]


def test_sums_stand_in_a_table(run: Run, tmp_path: Path) -> None:
    fill(tmp_path)
    lines = run("--since", "all").splitlines()
    assert lines[0].split() == [
        "engine",
        "requests",
        "tokens",
        "in",
        "kept",
        "tokens",
        "out",
        "characters",
        "minutes",
        "cost",
    ]
    assert lines[1].split() == ["elevenlabs", "m", "2", "0", "0", "0", "1,200", "1.5", "1.20", "EUR"]
    assert lines[2].split() == ["openai", "m", "3", "≈900", "400", "≈80", "0", "0.0", "not", "known"]
    assert any("≈ is estimated" in line for line in lines) and any("set [prices]" in line for line in lines)
    assert "today, elevenlabs: 0 of 100 characters" in lines


@pytest.mark.parametrize(
    ("by", "names"),
    [("person", {"ada"}), ("run", {"talk:1", "show:main"}), ("day", {"2026-11-20"})],
)
def test_sums_by_something_else(run: Run, tmp_path: Path, by: str, names: set[str]) -> None:
    fill(tmp_path)
    told = json.loads(run("--by", by, "--since", "2026-11-01", "--json"))
    assert {row["called"] or row["name"] for row in told["rows"]} == names
    assert told["by"] == by and {row["currency"] for row in told["rows"]} <= {"EUR", ""}
    assert json.loads(run("--by", by, "--since", "2026-11-21", "--json"))["rows"] == []
    for name in names:
        assert name in run("--by", by, "--since", "all")


def test_a_cap_that_is_reached_is_told(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frozen = SYSTEM_CLOCK.wall()

    def wall(self: object) -> int:
        return frozen  # no midnight between the two

    monkeypatch.setattr(type(SYSTEM_CLOCK), "wall", wall)
    with opened("", tmp_path / "data" / "duologue" / "duologue.sqlite3") as session:
        key = UsageKey(day_of(frozen, "UTC"), "elevenlabs", "tts", currency="EUR")
        note(session, {key: UsageSum(1, 0, 0, Amount(characters=100), 0.1)}, 1)
    told = run("--since", "today")
    assert "today, elevenlabs: 100 of 100 characters: it is reached" in told
    assert "today, all together: 0.10 of 5.00 EUR\n" in told


def test_a_day_that_is_none_is_refused(run: Run) -> None:
    with pytest.raises(InputError, match="no day"):
        run("--since", "lately")
