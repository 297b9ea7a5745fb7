"""The one writer of the store: who gives it something never waits, and trouble loses nothing that it need not."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from duologue.clock import MILLISECOND, SYSTEM_CLOCK
from duologue.errors import ClosedError, InputError, PeerError
from duologue.store import database as database_module
from duologue.store import store as store_module
from duologue.store import writer as writer_module
from duologue.store.database import Database, database_url
from duologue.store.people import meet
from duologue.store.store import Store
from duologue.store.tables import PersonRow, Turn
from duologue.store.values import Who
from duologue.store.writer import StoreWriter
from store_doubles import PATIENCE, Told, names, person

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "PAUSES", (20 * MILLISECOND,))
    monkeypatch.setattr(database_module, "BUSY_SECONDS", 0.02)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "store.sqlite3"


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def writer(file: Path, told: Told) -> Iterator[StoreWriter]:
    made = StoreWriter(Database(database_url("", file)), SYSTEM_CLOCK, told)
    made.start()
    yield made
    made.close()


def held(writer: StoreWriter) -> tuple[threading.Event, threading.Event]:
    """The thread is at something until the second is set; the first is set when it is."""
    reached, free = threading.Event(), threading.Event()

    def wait(session: Session) -> None:
        reached.set()
        assert free.wait(PATIENCE)

    writer.put(wait)
    assert reached.wait(PATIENCE)
    return reached, free


def test_a_question_sees_what_was_written_before_it(writer: StoreWriter, file: Path) -> None:
    assert not file.exists()  # nothing is opened for nobody
    writer.put(person("ada"))
    writer.put(person("ben"))
    assert writer.ask(names).result(PATIENCE) == ["ada", "ben"]
    with sqlite3.connect(file) as other:  # committed, for every other process
        assert other.execute("select count(*) from people").fetchone() == (2,)
        assert other.execute("pragma journal_mode").fetchone() == ("wal",)
    assert (writer.state.written, writer.state.lost, writer.state.well) == (3, 0, True)


def test_a_new_store_is_made_without_a_word(writer: StoreWriter, caplog: pytest.LogCaptureFixture) -> None:
    """Else it would be the first that somebody sees of their first house: twelve lines of Alembic's."""
    logging.getLogger("alembic").setLevel(logging.NOTSET)
    with caplog.at_level(logging.INFO), capture_logs() as told:
        writer.ask(names).result(PATIENCE)
    assert told == [] and [record.getMessage() for record in caplog.records] == []


def test_what_grows_takes_one_place(writer: StoreWriter) -> None:
    writer.put(person("ada"))
    _, free = held(writer)
    seen: list[int] = []
    for number in range(100):
        writer.put(lambda session, number=number: seen.append(number), "turn")
    assert writer.state.waiting == 1
    free.set()
    writer.ask(names).result(PATIENCE)
    assert seen == [99]


def test_beyond_its_bound_the_oldest_is_lost_and_counted(writer: StoreWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "MOST_WAITING", 10)
    _, free = held(writer)
    asked = writer.ask(names)
    for number in range(14):
        writer.put(person(f"p{number:02}"))
    assert (writer.state.waiting, writer.state.lost) == (10, 4)
    monkeypatch.setattr(writer_module, "MOST_WAITING", 1000)
    free.set()
    with pytest.raises(ClosedError):
        asked.result(PATIENCE)
    assert writer.ask(names).result(PATIENCE) == [f"p{number:02}" for number in range(4, 14)]
    assert writer.state.lost == 4


def test_what_cannot_be_written_takes_nothing_with_it(writer: StoreWriter) -> None:
    def strange(session: Session) -> None:
        raise ZeroDivisionError

    _, free = held(writer)
    writer.put(person("ada"))
    writer.put(lambda session: session.add(Turn(id="t", conversation_id="nobody's", number=1, interrupted=False)))
    writer.put(strange)
    writer.put(person("ben"))
    free.set()
    assert writer.ask(names).result(PATIENCE) == ["ada", "ben"]
    assert (writer.state.lost, writer.state.well) == (2, True)


def test_who_asks_is_told_what_was_wrong_with_it(writer: StoreWriter, told: Told) -> None:
    def refuse(session: Session) -> None:
        meet(session, Who("ada"), 5)
        raise InputError("no")

    with pytest.raises(InputError):
        writer.ask(refuse).result(PATIENCE)
    assert writer.ask(names).result(PATIENCE) == [] and not told.states


def test_who_leaves_without_an_answer_ends_nothing(writer: StoreWriter) -> None:
    def refuse(session: Session) -> None:
        raise InputError("no")

    _, free = held(writer)
    gone, failed = writer.ask(names), writer.ask(refuse)
    assert gone.cancel() and failed.cancel()
    free.set()
    writer.put(person("ada"))
    assert writer.ask(names).result(PATIENCE) == ["ada"]


def test_a_locked_database_is_told_of_and_loses_nothing(writer: StoreWriter, told: Told, file: Path) -> None:
    writer.ask(names).result(PATIENCE)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("begin immediate")
    writer.put(person("ada"))
    assert "locked" in told.wait(1).failure and not writer.state.well
    with pytest.raises(PeerError, match="locked"):
        writer.ask(names).result(PATIENCE)
    writer.put(person("ben"))
    other.execute("rollback")
    other.close()
    assert told.wait(2).well
    assert writer.ask(names).result(PATIENCE) == ["ada", "ben"]
    assert writer.state.lost == 0


def test_a_full_one_too(writer: StoreWriter, told: Told, monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    """SQLite's own bound stands for the disk's: the error is the same."""
    writer.ask(names).result(PATIENCE)
    with sqlite3.connect(file) as other:
        (pages,) = other.execute("pragma page_count").fetchone()
    usual, most = database_module._prepare_sqlite, pages  # pyright: ignore[reportPrivateUsage]

    def prepare(connection: sqlite3.Connection, record: object) -> None:
        usual(connection, record)
        connection.execute(f"pragma max_page_count={most}")

    monkeypatch.setattr(database_module, "_prepare_sqlite", prepare)
    small = StoreWriter(Database(database_url("", file)), SYSTEM_CLOCK, told)
    small.start()
    try:
        small.put(lambda session: session.add(PersonRow(id="long", key="x" * 200_000)))
        assert "full" in told.wait(1).failure
        most = 1_000_000
        assert told.wait(2).well
        assert small.ask(lambda session: session.scalar(select(func.length(PersonRow.key)))).result(PATIENCE) == 200_000
    finally:
        small.close()


def test_one_that_is_taken_away_is_noticed_and_made_anew(writer: StoreWriter, told: Told, file: Path) -> None:
    writer.put(person("ada"))
    assert writer.ask(names).result(PATIENCE) == ["ada"]
    for each in file.parent.iterdir():
        each.unlink()
    writer.put(person("ben"))
    assert "gone" in told.wait(1).failure
    assert told.wait(2).well
    assert writer.ask(names).result(PATIENCE) == ["ben"]
    assert file.exists()


def test_what_a_store_that_was_made_anew_does_not_take_holds_up_nobody(
    writer: StoreWriter, told: Told, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Turns of a talk that went on: nobody knows their conversation any more."""
    usual, pauses = StoreWriter._pause, list[int]()  # pyright: ignore[reportPrivateUsage]

    def pause(self: StoreWriter) -> None:
        pauses.append(len(told.states))
        usual(self)

    monkeypatch.setattr(StoreWriter, "_pause", pause)
    assert writer.ask(names).result(PATIENCE) == []
    _, free = held(writer)
    for each in file.parent.iterdir():
        each.unlink()
    for number in range(5):
        turn = Turn(id=f"t{number}", conversation_id="c", number=number, interrupted=False)
        writer.put(lambda session, turn=turn: session.add(turn))
    writer.put(person("ben"))
    free.set()
    assert "gone" in told.wait(1).failure
    assert told.wait(2).well
    assert writer.ask(names).result(PATIENCE) == ["ben"]
    assert (writer.state.lost, writer.state.anew, pauses) == (5, 1, [1])


def test_what_is_no_database_of_ours_is_told_of_and_not_touched(writer: StoreWriter, told: Told, file: Path) -> None:
    file.parent.mkdir()
    file.write_bytes(b"my dear diary " * 500)
    writer.put(person("ada"))
    assert "cannot be read" in told.wait(1).failure and "restore" in writer.state.remedy
    assert file.read_bytes().startswith(b"my dear diary")


def test_a_store_that_may_only_be_read_says_so_and_what_to_do(tmp_path: Path) -> None:
    """It was "attempt to write a readonly database", and "[Errno 13] …", with no next step."""
    database = Database(database_url("", tmp_path / "a.sqlite3"))
    engine = database._engine  # pyright: ignore[reportPrivateUsage]

    def only_read(raw: sqlite3.Connection, _: object) -> None:
        raw.execute("PRAGMA query_only = 1")

    event.listen(engine, "connect", only_read)
    with pytest.raises(PeerError, match="the store cannot be written: attempt to write a readonly") as caught:
        database.open()
    database.close()
    assert "the file and its folder" in caught.value.remedy
    (tmp_path / "here").write_text("a file where a folder should be")
    for place in (tmp_path / "here" / "a.sqlite3", tmp_path / "here" / "below" / "a.sqlite3"):
        with pytest.raises(PeerError, match=r"cannot be had: (File exists|Not a directory)") as caught:
            Database(database_url("", place)).open()
        assert str(tmp_path / "here") in caught.value.where and "write there" in caught.value.remedy


def test_a_folder_that_cannot_be(writer: StoreWriter, told: Told, file: Path) -> None:
    file.parent.write_text("a file where a folder should be")
    writer.put(person("ada"))
    assert told.wait(1).failure
    file.parent.unlink()
    assert told.wait(2).well
    assert writer.ask(names).result(PATIENCE) == ["ada"]


def test_at_the_end_the_rest_is_written(file: Path, told: Told) -> None:
    writer = StoreWriter(Database(database_url("", file)), SYSTEM_CLOCK, told)
    writer.start()
    for number in range(50):
        writer.put(person(f"{number}"))
    writer.close()
    with pytest.raises(ClosedError):
        writer.ask(names).result(PATIENCE)
    with sqlite3.connect(file) as other:
        assert other.execute("select count(*) from people").fetchone() == (50,)


def test_the_end_is_not_waited_for_where_it_cannot_come(file: Path, told: Told) -> None:
    file.parent.write_text("a file where a folder should be")
    writer = StoreWriter(Database(database_url("", file)), SYSTEM_CLOCK, told)
    writer.put(person("ada"))
    asked = writer.ask(names)
    writer.start()
    writer.close()
    with pytest.raises((ClosedError, PeerError)):
        asked.result(PATIENCE)
    assert (writer.state.lost, writer.state.waiting) == (1, 0)


def test_who_asks_behind_much_that_waits_is_told_that_it_fails(
    writer: StoreWriter, told: Told, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More waits than is written at once: the question is not in what is tried."""
    monkeypatch.setattr(writer_module, "SLICE", 2)
    file.parent.write_text("a file where a folder should be")
    for number in range(9):
        writer.put(person(f"{number}"))
    assert told.wait(1).failure
    with pytest.raises(PeerError):
        writer.ask(names).result(PATIENCE)
    file.parent.unlink()
    assert told.wait(2).well
    assert writer.ask(names).result(PATIENCE) == [f"{number}" for number in range(9)]


async def test_a_house_is_told_on_its_loop(file: Path) -> None:
    file.parent.write_text("a file where a folder should be")
    store, loop_thread = Store("", file), threading.get_ident()
    heard: asyncio.Queue[tuple[bool, int]] = asyncio.Queue()
    store.listeners.append(lambda state: heard.put_nowait((state.well, threading.get_ident())))
    store.start()
    store.put(person("ada"))
    async with asyncio.timeout(PATIENCE):
        assert await heard.get() == (False, loop_thread)
        file.parent.unlink()
        assert await heard.get() == (True, loop_thread)
        assert await store.ask(names) == ["ada"]
    await store.close()
    with pytest.raises(ClosedError):
        await store.ask(names)


async def test_who_asks_a_store_that_does_nothing_is_told_so(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that hangs holds its thread for good: a page, the start of a house and its tokens waited as long."""
    monkeypatch.setattr(store_module, "SILENT_SECONDS", 0.2)
    store = Store("", file)
    store.start()
    reached, free = threading.Event(), threading.Event()

    def hang(session: Session) -> None:
        reached.set()
        assert free.wait(PATIENCE)

    store.put(hang)
    assert await asyncio.to_thread(reached.wait, PATIENCE)
    with pytest.raises(PeerError, match=r"has done nothing for 0\.2 s"):
        async with asyncio.timeout(PATIENCE):
            await store.ask(names)
    free.set()
    store.put(person("ada"))
    assert await store.ask(names) == ["ada"]
    await store.close()


async def test_who_asks_a_slow_one_is_not(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "SILENT_SECONDS", 1.5)
    store = Store("", file)
    store.start()
    for _ in range(5):
        store.put(lambda session: time.sleep(0.4))
    assert await store.ask(names) == []
    await store.close()


@pytest.mark.parametrize(
    ("url", "what"),
    [("mysql://x/y", "mysql"), ("nonsense", "no address"), ("sqlite://", "forgets"), ("oracle://u@h/d", "oracle")],
)
def test_an_address_that_cannot_be_is_named(url: str, what: str, file: Path) -> None:
    with pytest.raises(InputError, match=what):
        database_url(url, file)


def test_a_password_is_shown_nowhere(file: Path) -> None:
    url = database_url("postgresql://ada:se%40cret@db.example/talks", file)
    assert url.drivername == "postgresql+psycopg"
    assert Database(url).where == "postgresql+psycopg://ada:***@db.example/talks"
