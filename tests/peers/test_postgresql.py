"""The store on a real PostgreSQL, started here: migrations, what is kept, the search, and a server that goes away."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine, text
from sqlalchemy.orm import Session

from duologue.clock import MILLISECOND, SYSTEM_CLOCK
from duologue.errors import PeerError
from duologue.store import database as database_module
from duologue.store import postgresql as postgresql_module
from duologue.store import writer as writer_module
from duologue.store.conversations import KeptConversation, KeptTurn, note, notes
from duologue.store.database import HEAD, REVISIONS, Database, database_url
from duologue.store.knowledge import keep, search
from duologue.store.people import export, forget, meet, named
from duologue.store.values import KnownDocument, Who
from duologue.store.writer import StoreWriter
from postgresql_server import Server, own_database, started
from store_doubles import Told, differences, make_older, names, person

pytestmark = pytest.mark.peer


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with started() as made:
        yield made


@pytest.fixture
def url(server: Server) -> Iterator[URL]:
    """A database of the test's own."""
    with own_database(server) as address:
        yield database_url(address, Path("unused"))


def test_a_new_store_has_the_tables_of_the_models(url: URL) -> None:
    database = Database(url)
    assert (database.open(), database.open(), database.revision()) == ("", HEAD, HEAD)
    with database.begin(writes=False) as connection:
        assert differences(connection) == []
    database.close()


@pytest.mark.parametrize("revision", REVISIONS[:-1])
def test_an_older_one_is_brought_up(url: URL, revision: str) -> None:
    make_older(url, revision)
    database = Database(url)
    assert database.open() == revision
    with database.begin(writes=False) as connection:
        assert differences(connection) == []
    database.close()


def test_all_of_a_person_is_kept_told_and_forgotten(url: URL) -> None:
    database = Database(url)
    database.open()
    with database.begin(writes=True) as connection, Session(connection) as session:
        ada = meet(session, Who("ada"), 1)
        KeptConversation("c", "talk", "chad", 2, ada.id, recording="c.opus").write(session)
        for heard in ("Tea", "Tea is a drink."):
            KeptTurn("c/r1", "c", 1, "answer", "chad", heard, heard, "on_air", 3, stages={"floor": 1.0}).write(session)
        note(session, "show:main", "topic", "tea", 4)
        session.flush()
        assert export(session, ada)["conversations"][0]["turns"][0]["heard"] == "Tea is a drink."
        assert notes(session, "show:main", "topic", 5) == ["tea"]
        assert forget(session, named(session, "ada")) == ["c.opus"]
        assert session.execute(text("SELECT count(*) FROM turns")).scalar() == 0
    database.forget_traces()
    database.close()


def test_the_search_finds_words_in_other_forms(url: URL) -> None:
    database = Database(url)
    database.open()
    passages = [("Brewing", "Green teas want water of 80 degrees."), ("", "Coffee is brewed hot."), ("", "Nothing.")]
    with database.begin(writes=True) as connection, Session(connection) as session:
        keep(session, KnownDocument("ada", "tea.md", "d"), passages, 1)
        keep(session, KnownDocument("ben", "other.md", "d"), passages, 1)
        session.flush()
        found = search(session, "ada", ["tea", "degree", "o'clock", '"', "!&|"], 5)
        assert [each.text for each in found] == ["Green teas want water of 80 degrees."]
        assert len(search(session, "ada", ["brewing"], 5)) == 2
        assert search(session, "eve", ["tea"], 5) == []
        keep(session, KnownDocument("ada", "tea.md", "e"), [("", "Now about rain.")], 2)
        assert search(session, "ada", ["tea"], 5) == []
    database.close()


def test_a_server_that_goes_away_loses_nothing(server: Server, url: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "PAUSES", (100 * MILLISECOND,))
    told = Told()
    writer = StoreWriter(Database(url), SYSTEM_CLOCK, told)
    writer.start()
    writer.put(person("ada"))
    assert writer.ask(names).result(20) == ["ada"]
    server.stop()
    try:
        writer.put(person("ben"))
        assert told.wait(1).failure
        with pytest.raises(PeerError):
            writer.ask(names).result(20)
    finally:
        server.start()
    assert told.wait(2).well
    assert writer.ask(names).result(20) == ["ada", "ben"] and writer.state.lost == 0
    writer.close()


def test_a_server_that_is_stopped_is_told_of_and_loses_nothing(
    server: Server, url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says nothing at all, and who asked waited for good; nobody was told that nothing was kept."""
    monkeypatch.setattr(writer_module, "PAUSES", (20 * MILLISECOND,))
    monkeypatch.setattr(postgresql_module, "SILENT_SECONDS", 0.3)
    monkeypatch.setattr(database_module, "CONNECT_SECONDS", 1)
    told = Told()
    writer = StoreWriter(Database(url), SYSTEM_CLOCK, told)
    writer.start()
    writer.put(person("ada"))
    assert writer.ask(names).result(60) == ["ada"]
    with server.stopped():
        writer.put(person("ben"))
        with pytest.raises(PeerError, match=r"no sign of life for 0\.3 s|timeout"):
            writer.ask(names).result(60)
        assert told.wait(1).failure
        with pytest.raises(PeerError):
            writer.ask(names).result(60)
    assert told.wait(2).well
    assert writer.ask(names).result(60) == ["ada", "ben"]
    writer.close()


def test_one_that_was_emptied_is_made_anew(url: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "PAUSES", (50 * MILLISECOND,))
    told = Told()
    writer = StoreWriter(Database(url), SYSTEM_CLOCK, told)
    writer.start()
    writer.put(person("ada"))
    assert writer.ask(names).result(20) == ["ada"]
    other = create_engine(url)
    with other.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    other.dispose()
    writer.put(person("ben"))
    assert "does not exist" in told.wait(1).failure
    assert told.wait(2).well
    assert writer.ask(names).result(20) == ["ben"]
    assert (writer.state.lost, writer.state.anew) == (0, 1)
    writer.close()


def test_what_it_has_no_room_for_takes_nothing_with_it(url: URL) -> None:
    """An entry of an index is a third of a page at most."""
    writer = StoreWriter(Database(url), SYSTEM_CLOCK, Told())
    writer.start()
    long = os.urandom(4000).hex()
    writer.put(lambda session: note(session, "show:main", "topic", long, 1))
    writer.put(person("ada"))
    assert writer.ask(names).result(20) == ["ada"]
    assert (writer.state.lost, writer.state.well) == (1, True)
    writer.close()


def test_one_that_is_locked_is_given_up_soon(url: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "BUSY_SECONDS", 0.1)
    monkeypatch.setattr(writer_module, "PAUSES", (50 * MILLISECOND,))
    told = Told()
    writer = StoreWriter(Database(url), SYSTEM_CLOCK, told)
    writer.start()
    writer.ask(names).result(20)
    other = create_engine(url)
    with other.connect() as connection, connection.begin():
        connection.execute(text("LOCK TABLE people IN ACCESS EXCLUSIVE MODE"))
        writer.put(person("ada"))
        assert "lock timeout" in told.wait(1).failure
    other.dispose()
    assert told.wait(2).well
    assert writer.ask(names).result(20) == ["ada"]
    writer.close()
