"""A copy of the store, and back; also while somebody writes."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import URL
from sqlalchemy.orm import Session

from duologue.errors import InputError, PeerError
from duologue.store import backup as backup_module
from duologue.store.backup import backup, restore
from duologue.store.database import HEAD, Database, database_url
from duologue.store.people import meet, people
from duologue.store.store import opened
from duologue.store.values import Who
from store_doubles import fill, make_older


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite3"


def add(file: Path, name: str) -> None:
    with opened("", file) as session:
        meet(session, Who(name), 1)


def names(file: Path) -> list[str]:
    with opened("", file, writes=False) as session:
        return sorted(each.key for each in people(session))


def test_what_is_copied_comes_back(file: Path, tmp_path: Path) -> None:
    copy, url = tmp_path / "monday.backup", database_url("", file)
    add(file, "ada")
    assert backup(url, copy) == copy.stat().st_size > 0
    add(file, "ben")
    before = restore(url, copy)
    assert names(file) == ["ada"]
    assert before is not None and names(before) == ["ada", "ben"]
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".part")]
    file.unlink()
    assert restore(url, copy) is None
    assert names(file) == ["ada"]


def test_a_store_and_its_copies_are_for_their_owner_alone(file: Path, tmp_path: Path) -> None:
    usual = os.umask(0o022)
    try:
        kept = tmp_path / "of" / "mine" / "store.sqlite3"
        database, url = Database(database_url("", kept)), database_url("", kept)
        database.open()
        with database.begin(writes=True) as connection, Session(connection) as session:
            meet(session, Who("ada"), 1)
            session.flush()
            assert len(list(kept.parent.iterdir())) == 3  # its log, and the log's index
            assert {path.stat().st_mode & 0o777 for path in kept.parent.iterdir()} == {0o600}
        assert kept.parent.stat().st_mode & 0o777 == 0o700
        backup(url, tmp_path / "copy")
        before = restore(url, tmp_path / "copy")
        assert before is not None
        assert [path.stat().st_mode & 0o777 for path in (tmp_path / "copy", before, kept)] == [0o600] * 3
        add(file, "ben")
        file.chmod(0o640)  # whom else it is for is for its owner to say
        add(file, "eve")
        assert file.stat().st_mode & 0o777 == 0o640
    finally:
        os.umask(usual)


def test_a_house_that_runs_goes_on_with_what_was_restored(file: Path, tmp_path: Path) -> None:
    copy, url = tmp_path / "monday.backup", database_url("", file)
    add(file, "ada")
    house = Database(url)
    house.open()
    with house.begin(writes=True) as connection, Session(connection) as session:
        meet(session, Who("ben"), 2)
        session.flush()
        backup(url, copy)  # what is not committed is not in it
    restore(url, copy)
    with house.begin(writes=True) as connection, Session(connection) as session:
        assert [each.key for each in people(session)] == ["ada"]
        meet(session, Who("eve"), 3)
        session.flush()
    house.close()
    assert names(file) == ["ada", "eve"]


def test_an_older_copy_is_brought_up(file: Path, tmp_path: Path) -> None:
    old = tmp_path / "old.backup"
    make_older(database_url("", old), "0001")
    fill(old)
    restore(database_url("", file), old)
    assert names(file) == ["ada"]
    with sqlite3.connect(file) as now:
        assert now.execute("select version_num from alembic_version").fetchone() == (HEAD,)


def test_what_is_no_copy_changes_nothing(file: Path, tmp_path: Path) -> None:
    url, wrong = database_url("", file), tmp_path / "wrong"
    add(file, "ada")
    with pytest.raises(InputError, match="cannot be read"):
        restore(url, wrong)
    wrong.write_text("my diary")
    with pytest.raises(InputError, match="no copy of a store"):
        restore(url, wrong)
    wrong.unlink()
    with sqlite3.connect(wrong) as other:
        other.execute("create table diary (day)")
    with pytest.raises(InputError, match="no copy of a store"):
        restore(url, wrong)
    with sqlite3.connect(wrong) as other:
        other.execute("create table alembic_version (version_num)")
        other.execute("insert into alembic_version values ('9999')")
    with pytest.raises(InputError, match="newer version"):
        restore(url, wrong)
    assert names(file) == ["ada"]


def test_nothing_is_overwritten(file: Path, tmp_path: Path) -> None:
    copy, url = tmp_path / "monday.backup", database_url("", file)
    with pytest.raises(InputError, match="no store yet"):
        backup(url, copy)
    add(file, "ada")
    copy.write_text("precious")
    with pytest.raises(InputError, match="a file already"):
        backup(url, copy)
    assert copy.read_text() == "precious"


@pytest.mark.parametrize("name", ["monday?.backup", "50%25.backup", "a#b.backup", "a&mode=rwc.backup"])
def test_a_copy_may_have_any_name(file: Path, tmp_path: Path, name: str) -> None:
    copy, url = tmp_path / name, database_url("", file)
    add(file, "ada")
    backup(url, copy)
    add(file, "ben")
    restore(url, copy)
    assert names(file) == ["ada"]


def test_a_copy_is_read_without_a_file_beside_it(file: Path, tmp_path: Path) -> None:
    """Which cannot be made on a disk that is read-only."""
    copy, url = tmp_path / "monday.backup", database_url("", file)
    add(file, "ada")
    backup(url, copy)
    restore(url, copy)
    for kept in (copy, file.with_name(f"{file.name}.before-restore")):
        with closing(sqlite3.connect(f"file:{kept}?mode=ro", uri=True)) as found:
            assert found.execute("pragma journal_mode").fetchone() == ("delete",)
    with closing(sqlite3.connect(file)) as store:
        assert store.execute("pragma journal_mode").fetchone() == ("wal",)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "monday.backup", "store.sqlite3", "store.sqlite3.before-restore",
    ]  # fmt: skip


def test_a_store_that_another_process_holds_is_not_waited_for_for_ever(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup_module, "BUSY_TRIES", 2)
    copy, url = tmp_path / "monday.backup", database_url("", file)
    add(file, "ada")
    backup(url, copy)
    add(file, "ben")
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("begin immediate")
    with pytest.raises(PeerError, match="another process holds"):
        restore(url, copy)
    holder.execute("rollback")
    holder.close()
    assert names(file) == ["ada", "ben"]
    restore(url, copy)
    assert names(file) == ["ada"]


def test_a_store_is_no_copy_of_itself(file: Path) -> None:
    add(file, "ada")
    with pytest.raises(InputError, match="the store itself"):
        restore(database_url("", file), file)


def test_a_server_has_tools_of_its_own(tmp_path: Path) -> None:
    url = URL.create("postgresql+psycopg", host="db.example", database="talks")
    with pytest.raises(InputError, match="no file") as caught:
        backup(url, tmp_path / "copy")
    assert "pg_dump" in caught.value.remedy
