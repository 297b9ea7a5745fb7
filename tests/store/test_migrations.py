"""From any older store to this one: what was in it stays, and the tables are what the models say."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from duologue.errors import InputError, PeerError
from duologue.store import database as database_module
from duologue.store.database import HEAD, MIGRATIONS, REVISIONS, Database, database_url
from store_doubles import differences, fill, make_older


def script() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return ScriptDirectory.from_config(config)


def test_the_revisions_are_those_of_the_scripts() -> None:
    assert tuple(each.revision for each in reversed(list(script().walk_revisions()))) == REVISIONS


def test_a_new_store_has_the_tables_of_the_models(tmp_path: Path) -> None:
    database = Database(database_url("", tmp_path / "new.sqlite3"))
    assert database.open() == ""
    assert (database.revision(), database.open()) == (HEAD, HEAD)
    with database.begin(writes=False) as connection:
        assert differences(connection) == []


def test_a_first_start_tells_nothing_of_how_tables_are_made(tmp_path: Path) -> None:
    code = (
        "import logging, sys; from pathlib import Path\n"
        "logging.basicConfig(level=logging.INFO, stream=sys.stdout)\n"
        "from duologue.store.database import Database, database_url\n"
        "Database(database_url('', Path(sys.argv[1]))).open()"
    )
    made = tmp_path / "new.sqlite3"
    told = subprocess.run(
        [sys.executable, "-c", code, str(made)], capture_output=True, text=True, check=True, timeout=60
    )
    assert (told.stdout, made.exists()) == ("", True)


@pytest.mark.parametrize("revision", REVISIONS[:-1])
def test_an_older_one_is_brought_up_with_what_is_in_it(tmp_path: Path, revision: str) -> None:
    file = tmp_path / "old.sqlite3"
    url = database_url("", file)
    make_older(url, revision)
    fill(file)
    database = Database(url)
    assert database.open() == revision
    with database.begin(writes=False) as connection:
        assert differences(connection) == []
    with sqlite3.connect(file) as now:
        assert now.execute("select name, level from people").fetchall() == [("Ada", "")]
        assert now.execute("select heard from turns").fetchall() == [("Hi.",)]
        assert now.execute("select text, kind from facts").fetchall() == [("They like tea.", "fact")]


def test_one_that_is_interrupted_has_changed_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "old.sqlite3"
    url = database_url("", file)
    make_older(url, "0001")
    fill(file)
    with sqlite3.connect(file) as old:
        before = old.execute("select name, sql from sqlite_master order by name").fetchall()
    usual = command.upgrade

    def killed(*args: Any, **options: Any) -> None:
        usual(*args, **options)
        raise OSError("the power went")

    with monkeypatch.context() as patch:
        patch.setattr(command, "upgrade", killed)
        with pytest.raises(PeerError, match="the power went"):
            Database(url).open()
    with sqlite3.connect(file) as old:
        assert old.execute("select name, sql from sqlite_master order by name").fetchall() == before
    assert Database(url).open() == "0001"


def test_one_of_a_newer_version_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "newer.sqlite3"
    url = database_url("", file)
    Database(url).open()
    with sqlite3.connect(file) as newer:
        newer.execute("update alembic_version set version_num = '9999'")
    with pytest.raises(InputError, match="newer version"):
        Database(url).open()


def test_nothing_is_loaded_for_a_store_that_is_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = database_url("", tmp_path / "new.sqlite3")
    Database(url).open()

    def refused(connection: Connection, before: str) -> None:
        raise AssertionError("there is nothing to migrate")

    monkeypatch.setattr(database_module, "_migrate", refused)
    assert Database(url).open() == HEAD
