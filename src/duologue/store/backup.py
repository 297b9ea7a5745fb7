"""A copy of the store in one file, and back: SQLite's own online backup, which disturbs nobody. It blocks."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import count
from pathlib import Path

from sqlalchemy import URL

from duologue.errors import InputError, PeerError
from duologue.store.database import Database, make_private, refuse_unknown

_HEADER = b"SQLite format 3\x00"
_DUMPS = "Take pg_dump and pg_restore, which come with PostgreSQL."


BUSY_TRIES = 40
"""A quarter of a second apart: then who holds the database is waited for no longer."""


def backup(url: URL, to: Path) -> int:
    """Copy the store into the file ``to``, whole as of one moment; its size in bytes.

    Raises :class:`InputError` for PostgreSQL, and where the file is there already; :class:`PeerError`.
    """
    source = _file_of(url)
    if to.exists():
        raise InputError("there is a file already", where=str(to), remedy="Name another, or remove it.")
    if not source.exists():
        raise InputError("there is no store yet", where=str(source), remedy="Nothing was kept so far.")
    part = to.with_name(f"{to.name}.part")
    try:
        part.unlink(missing_ok=True)
        _save(source, part)
        part.replace(to)
        return to.stat().st_size
    except (OSError, sqlite3.Error) as error:
        raise PeerError(f"the copy failed: {error}", where=str(to)) from error
    finally:
        part.unlink(missing_ok=True)


def restore(url: URL, source: Path) -> Path | None:
    """Put the copy ``source`` in the place of the store, and bring it up to date; where the former store is now, if
    there was one. A house that runs goes on with what was restored.

    Raises :class:`InputError` for what is no copy of a store, and for one of a newer version, and :class:`PeerError`
    where it cannot be done, e.g. because another process holds the store; then nothing was changed.
    """
    target = _file_of(url)
    _check(source)
    if target.exists() and target.samefile(source):
        raise InputError("that is the store itself", where=str(source), remedy="Name one that duologue backup made.")
    before = target.with_name(f"{target.name}.before-restore") if target.exists() else None
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if before is not None:
            before.unlink(missing_ok=True)
            _save(target, before)
        with closing(_reading(source)) as copy:
            _copy(copy, target)
    except (OSError, sqlite3.Error) as error:
        raise PeerError(f"it could not be restored: {error}", where=str(target)) from error
    database = Database(url)
    try:
        database.open()
    finally:
        database.close()
    return before


def _file_of(url: URL) -> Path:
    if url.get_backend_name() != "sqlite" or not url.database:
        raise InputError("the store is no file", where="store.url", remedy=_DUMPS)
    return Path(url.database)


def _save(store: Path, to: Path) -> None:
    """A copy in one file that is read without any beside it, also from where nothing can be written."""
    with closing(sqlite3.connect(store)) as old:
        _copy(old, to)
    with closing(sqlite3.connect(to)) as copy:
        copy.execute("PRAGMA journal_mode=DELETE")


def _copy(old: sqlite3.Connection, target: Path) -> None:
    """Whoever reads or writes the target meanwhile sees all of it, before or after."""
    make_private(target)
    tries = count(1)

    def told(status: int, remaining: int, total: int) -> None:
        """Left to itself it would try for ever."""
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) and next(tries) >= BUSY_TRIES:
            raise sqlite3.OperationalError("another process holds the database")

    with closing(sqlite3.connect(target, timeout=0)) as new:
        old.backup(new, progress=told, sleep=0.25)


def _reading(copy: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{copy.absolute().as_uri()}?mode=ro", uri=True)


def _check(source: Path) -> None:
    try:
        with source.open("rb") as file:
            head = file.read(len(_HEADER))
    except OSError as error:
        reason = (error.strerror or "it failed").lower()
        raise InputError(f"the copy cannot be read: {reason}", where=str(source), remedy="Check the name.") from error
    wrong = InputError("this is no copy of a store", where=str(source), remedy="Name one that duologue backup made.")
    if head != _HEADER:
        raise wrong
    try:
        with closing(_reading(source)) as copy:
            whole = copy.execute("PRAGMA quick_check").fetchone()[0]
            found = copy.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        raise wrong from error
    if whole != "ok":
        raise InputError(f"the copy is damaged: {whole}", where=str(source), remedy="Take an older one.")
    refuse_unknown(str(found[0]) if found else "", str(source))
