"""What is kept of people, as somebody types it: store, export, forget, backup, restore, token, and talk --person."""

from __future__ import annotations

import fcntl
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from test_talk import run as talk
from typer.testing import CliRunner

from duologue.cli.main import build
from duologue.clock import SECOND, VirtualClock
from duologue.errors import InputError, PeerError
from duologue.places import runs_folder
from duologue.store.conversations import KeptConversation, KeptTurn
from duologue.store.database import HEAD
from duologue.store.people import meet
from duologue.store.store import opened
from duologue.store.tokens import digest
from duologue.store.values import Who
from duologue.telemetry.ledger import ConversationRecord, TurnRecord
from duologue.telemetry.runs import RunKeeping
from duologue.telemetry.stream import Ledger

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def typed(*words: str) -> str:
        outcome = CliRunner().invoke(build(words), list(words))
        if outcome.exception is not None:
            raise outcome.exception
        return outcome.output

    return typed


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "duologue" / "duologue.sqlite3"


def fill(file: Path, recording: str = "") -> None:
    with opened("", file) as session:
        ada = meet(session, Who("ada"), 1)
        KeptConversation("c", "talk", "chad", 2, ada.id, recording=recording).write(session)
        KeptTurn("c/p1", "c", 1, "person", "person", "Hello.", "Hello.", "ended", 3).write(session)
        meet(session, Who("ben"), 4)


def keep_run(of: str) -> Path:
    """A run of a conversation that is over."""
    clock = VirtualClock(start=SECOND, epoch=1_790_000_000 * SECOND)
    ledger = Ledger(clock)
    recorder = ledger.keep_runs(RunKeeping(runs_folder()))
    ledger.enter(of, ConversationRecord("c", ("chad",), "ada"))
    ledger.enter(of, TurnRecord("c/p1", "c", 1, "person", "person", "Hello.", "Hello.", state="ended", on_air=SECOND))
    ledger.finish(of)
    recorder.close()
    return next(runs_folder().glob(f"*{of.partition(':')[2]}*"))


def test_a_store_that_has_no_tables_yet_is_made(run: Run, file: Path) -> None:
    """So it is with a database of PostgreSQL's."""
    file.parent.mkdir(parents=True)
    file.touch()
    assert f"revision {HEAD}, made just now" in run("store")
    assert f"revision {HEAD}\n" in run("store")


def test_there_is_no_store_before_somebody_is_kept(run: Run, file: Path) -> None:
    assert "no store yet" in run("store") and json.loads(run("store", "--json"))["revision"] is None
    assert not file.exists()
    assert "brought from nothing" in run("store", "migrate")
    assert "is up to date" in run("store", "migrate")


def test_what_is_kept_is_listed_exported_and_forgotten(run: Run, file: Path, tmp_path: Path) -> None:
    recording = tmp_path / "c.opus"
    recording.write_bytes(b"sound")
    fill(file, str(recording))
    told = json.loads(run("store", "--json"))
    assert (told["where"], told["rows"]["people"], told["rows"]["turns"]) == (str(file), 2, 1)
    assert "ada: not named yet" in run("store")
    assert json.loads(run("export", "ada"))["conversations"][0]["turns"][0]["heard"] == "Hello."
    run("export", "ada", "--out", "ada.json")
    assert json.loads((tmp_path / "ada.json").read_text())["person"]["key"] == "ada"
    theirs, another = keep_run("talk:c"), keep_run("talk:other")
    assert "ada is forgotten, with 1 recording and 1 run." in run("forget", "ada", "--yes")
    assert not recording.exists() and not theirs.exists() and another.exists()
    assert json.loads(run("store", "--json"))["rows"]["turns"] == 0
    with pytest.raises(InputError, match="nobody called 'ada'"):
        run("export", "ada")


def test_a_run_that_goes_on_stays_and_is_named(run: Run, file: Path) -> None:
    fill(file)
    theirs = keep_run("talk:c")
    with (theirs / "ledger.jsonl").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(PeerError, match="runs could not be removed") as caught:
            run("forget", "ada", "--yes")
    assert theirs.exists() and theirs.name in str(caught.value.where)


def test_what_forgetting_leaves_is_said(run: Run, file: Path, tmp_path: Path) -> None:
    fill(file)
    (tmp_path / "duologue.toml").write_text('[ledger]\nfolder = "ledger"\n')
    assert "The ledger in ledger may still hold words" in run("forget", "ben", "--yes")


def test_a_copy_and_back(run: Run, file: Path) -> None:
    fill(file)
    assert "monday.backup" in run("backup", "monday.backup")
    run("forget", "ada", "--yes")
    assert "is the store now" in run("restore", "monday.backup")
    assert json.loads(run("store", "--json"))["rows"]["turns"] == 1


def test_a_token_is_shown_once(run: Run, file: Path, tmp_path: Path) -> None:
    assert "no tokens" in run("token", "list")
    said = run("token", "create", "ada", "--scopes", "talk,stage", "--minutes", "30", "--days", "7")
    token = said.split()[0]
    assert token.startswith("dlg_") and "accounts = true" in said
    (tmp_path / "duologue.toml").write_text("[web]\naccounts = true\n")
    assert "accounts" not in run("token", "create", "ben")
    listed = run("token", "list")
    assert "ada: stage, talk; minutes 30; used never" in listed and token not in listed
    (known, _) = json.loads(run("token", "list", "--json"))
    assert (known["scopes"], known["expires"] - known["made"]) == (["stage", "talk"], 7 * 24 * 3600 * 10**9)
    with sqlite3.connect(file) as store:
        assert store.execute("select digest from tokens where name = 'ada'").fetchone() == (digest(token),)
    assert "ada: revoked" in run("token", "revoke", "ada")
    assert "ada (revoked)" in run("token", "list")
    assert "and removed" in run("token", "revoke", "ada", "--remove")
    assert "ada" not in run("token", "list")
    with pytest.raises(InputError, match="no scope 'root'"):
        run("token", "create", "eve", "--scopes", "root")
    with pytest.raises(InputError, match="no token 'eve'"):
        run("token", "revoke", "eve")


@pytest.mark.slow
def test_who_gives_their_name_is_known_the_next_time(run: Run, file: Path) -> None:
    for text in ("My name is Ada.\nI like green tea.\n/quit\n", "Hello.\n/quit\n"):
        done = talk("--text", "--as", "phone", "--seed", "1", "--person", "ada", text=text)
        assert done.returncode == 0 and not done.stderr, done.stderr
    told = json.loads(run("export", "ada"))
    assert told["person"]["name"] == "Ada"
    assert {fact["text"] for fact in told["facts"]} == {"Their name is Ada.", "They like green tea."}
    first, second = told["conversations"]
    assert [turn["heard"] for turn in first["turns"]][::2] == ["My name is Ada.", "I like green tea."]
    assert all(turn["heard"] for turn in first["turns"]) and second["character"] == "phone"


@pytest.mark.slow
def test_a_store_that_is_none_stops_no_chat(file: Path, tmp_path: Path, run: Run) -> None:
    file.parent.mkdir(parents=True)
    file.write_text("my dear diary " * 100)
    done = talk("--text", "--as", "phone", "--person", "ada", text="Hello.\n/quit\n")
    assert done.returncode == 0 and done.stdout.startswith("Robin: ")
    assert "will not be remembered" in done.stderr
    assert file.read_text().startswith("my dear diary")
