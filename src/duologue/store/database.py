"""Opening the database: SQLite in a file, or PostgreSQL by URL; brought up to this version's tables by migrations.

Everything here blocks, and the store's own thread calls it. Errors are :class:`PeerError` (the database is gone, full,
locked, broken), :class:`RejectedError` (it does not take this one thing) and :class:`InputError` (what is named is no
database, or a newer version's).
"""

from __future__ import annotations

import logging
import os
import sqlite3
import sys
import weakref
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from duologue.errors import DuologueError, InputError, PeerError

REVISIONS = ("0001", "0002", "0003")
"""The migrations, in order."""
HEAD = REVISIONS[-1]
BUSY_SECONDS = 2.0
"""How long a database that somebody else writes in is waited for; then the next try."""
CONNECT_SECONDS = 3
MIGRATIONS = Path(__file__).parent / "migrations"
WRITES = {"duologue_writes": True}
"""Execution options of a connection that will write: SQLite takes the lock at once instead of failing in the middle."""


def database_url(given: str, file: Path) -> URL:
    """What is opened: ``given``, or SQLite in ``file`` when that is empty. Raises :class:`InputError`."""
    if not given:
        return URL.create("sqlite", database=str(file))
    try:
        url = make_url(given)
    except ArgumentError:
        raise _no_url("this is no address of a database") from None
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() != "sqlite":
        raise _no_url(f"{url.get_backend_name()!r} is no database that is spoken here")
    if url.database in (None, "", ":memory:"):
        raise _no_url("SQLite without a file forgets everything at once")
    return url


def _no_url(what: str) -> InputError:
    return InputError(
        what, where="store.url", remedy="Write sqlite:////path/to/file or postgresql://user@host/database."
    )


def make_private(file: Path) -> None:
    """See that ``file`` is there: a new one is for its owner's eyes alone, and so is what SQLite puts beside it. One
    that is there already stays as its owner has it.
    """
    with suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _identity(file: Path) -> tuple[int, int, float]:
    found = file.stat()
    return found.st_dev, found.st_ino, getattr(found, "st_birthtime", 0.0)


class Database:
    """An engine and what it knows of its file. Raises :class:`InputError` where the driver is not installed."""

    def __init__(self, url: URL) -> None:
        self.url = url
        self.file = Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None
        """Of SQLite."""
        self._opened: tuple[int, int, float] | None = None
        self._pin: weakref.finalize[[int], Database] | None = None
        try:
            self._engine = _engine(url)
        except (ModuleNotFoundError, NoSuchModuleError) as error:
            raise InputError(
                f"the driver for {url.get_backend_name()} is not installed", where="store.url",
                remedy="pip install duologue[postgresql]",
            ) from error  # fmt: skip

    @property
    def where(self) -> str:
        """For people: the file, or the address without its password."""
        return str(self.file) if self.file is not None else self.url.render_as_string(hide_password=True)

    def open(self) -> str:
        """Make sure that it is there and has this version's tables; the revision it had before, empty for a new one."""
        with self._translated():
            if self.file is not None:
                self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                make_private(self.file)
            with self._engine.connect().execution_options(**WRITES) as connection, connection.begin():
                before = revision(connection)
                if before != HEAD:
                    _migrate(connection, before)
            self._remember()
            return before

    def revision(self) -> str:
        """Of its tables; empty: it has none."""
        with self.begin(writes=False) as connection:
            return revision(connection)

    @contextmanager
    def begin(self, *, writes: bool) -> Generator[Connection]:
        """A connection in a transaction, which is committed at the end unless something is raised."""
        with self._translated():
            self._check()
            with self._engine.connect() as plain:
                connection = plain.execution_options(**WRITES) if writes else plain
                with connection.begin():
                    yield connection

    def forget_traces(self) -> None:
        """What was deleted leaves the file, and its log, too. PostgreSQL's own vacuum does that.

        Raises :class:`PeerError` where that cannot be: it is deleted all the same.
        """
        if self.file is None:
            return
        remedy = "Run duologue store once nobody holds the file: that empties its log, too."
        try:
            with self._translated(), self._engine.connect() as connection:
                raw: Any = connection.connection.driver_connection
                raw.execute("VACUUM")
                held = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        except sqlite3.Error as error:
            raise PeerError(
                f"what was deleted may still be read in the file: {error}", where=self.where, remedy=remedy
            ) from error
        if held:
            what = "what was deleted can still be read in the file: another process reads it as it was"
            raise PeerError(what, where=self.where, remedy=remedy)

    def close(self) -> None:
        """Let go of it. It can be opened again."""
        self._engine.dispose()
        if self._pin is not None:
            self._pin()

    def _remember(self) -> None:
        """Which file was opened. A file system gives the number of one that is gone to the next that is made, so it is
        held where that can be done: an ``O_PATH`` descriptor opens nothing, and closing it drops none of the locks that
        SQLite has by the process.
        """
        if self.file is None:
            return
        if self._pin is not None:
            self._pin()
        if sys.platform == "linux":
            self._pin = weakref.finalize(self, os.close, os.open(self.file, os.O_PATH | os.O_CLOEXEC))
        self._opened = _identity(self.file)

    def _check(self) -> None:
        """SQLite goes on writing happily into a file that was taken away."""
        if self.file is None:
            return
        try:
            there = _identity(self.file)
        except OSError as error:
            raise PeerError(f"the store is gone: {error.strerror}", where=self.where) from error
        if there != self._opened and self._opened is not None:
            raise PeerError("the store's file is another one than was opened", where=self.where)

    @contextmanager
    def _translated(self) -> Generator[None]:
        try:
            yield
        except DuologueError:
            raise
        except DBAPIError as error:
            raise self._trouble(error) from error
        except OSError as error:
            place = error.filename if isinstance(error.filename, str) else self.where
            raise PeerError(
                f"the store cannot be had: {error.strerror or error}", where=place, remedy=_WRITABLE
            ) from error
        except SQLAlchemyError as error:
            raise PeerError(f"the store failed: {_first_line(error)}", where=self.where) from error

    def _trouble(self, error: DBAPIError) -> DuologueError:
        words = _first_line(error.orig or error)
        for told, what, remedy in _TROUBLES:
            if told in words:
                return PeerError(f"the store {what}: {words}", where=self.where, remedy=remedy)
        return RejectedError(words, where=self.where) if _rejected(error) else PeerError(words, where=self.where)


_RESTORE = "Restore a backup (duologue restore), or move the file away."
_WRITABLE = "Let the user that runs Duologue write there, the file and its folder (its log is written beside it)."
_TROUBLES = (
    ("not a database", "cannot be read", _RESTORE),
    ("malformed", "cannot be read", _RESTORE),
    ("readonly database", "cannot be written", _WRITABLE),
    ("unable to open database file", "cannot be opened", _WRITABLE),
    ("database or disk is full", "cannot be written", "Free some space on its disk."),
)
"""What SQLite says, what that comes to for a person, and the next step."""


class RejectedError(PeerError):
    """The database works, and does not take this: what it refers to is gone, or cannot be stored."""


def _rejected(error: DBAPIError) -> bool:
    """PostgreSQL calls it an error of the programme, too, that tables are gone, or ours no more (SQLSTATE, class 42):
    that is about the database. What it has no room for in an index (class 54) is about the one thing.
    """
    from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError

    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return str(state)[:2] in ("22", "23", "54")
    return isinstance(error, IntegrityError | DataError | ProgrammingError)


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


def revision(connection: Connection) -> str:
    """Of the tables that are there; empty: none are."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return str(found or "")


def refuse_unknown(found: str, where: str) -> None:
    """Raises :class:`InputError` for tables that a newer version made."""
    if found and found not in REVISIONS:
        raise InputError(
            f"the store is of a newer version (its tables are {found}, this version knows {HEAD})",
            where=where, remedy="Use that version of Duologue, or another store.",
        )  # fmt: skip


def _migrate(connection: Connection, before: str) -> None:
    """Alembic is loaded only when there is something to do: that takes it a third of a second. What it says of itself
    is for nobody here.
    """
    logging.getLogger("alembic").setLevel(logging.WARNING)
    from alembic import command
    from alembic.config import Config

    if connection.dialect.name == "postgresql":  # two of us at once: the second finds it done
        connection.execute(text("SELECT pg_advisory_xact_lock(6071993)"))
        if (before := revision(connection)) == HEAD:
            return
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    refuse_unknown(before, "store.url")
    command.upgrade(config, "head")


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        # A connection for each transaction costs 0.2 ms, and lets go of a file that somebody takes away.
        engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": BUSY_SECONDS})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    milliseconds = round(BUSY_SECONDS * 1000)
    options = f"-c lock_timeout={milliseconds} -c statement_timeout={10 * milliseconds}"
    limits = {"connect_timeout": CONNECT_SECONDS, "options": options}
    engine = create_engine(url, pool_pre_ping=True, pool_size=2, max_overflow=2, connect_args=limits)
    from duologue.store.postgresql import watch

    watch(engine)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, record: object) -> None:
    connection.isolation_level = None  # transactions are begun below, as they should be
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("duologue_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
