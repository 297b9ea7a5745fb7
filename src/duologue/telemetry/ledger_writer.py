"""The one writer of a ledger: a bounded queue, and a thread that brings it to the disk every two seconds.

Whoever enters something never waits. What does not fit (more than may wait, or a disk that takes nothing) is dropped,
counted, named in the log once, and told in the file itself as soon as it is written again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from duologue.errors import InputError
from duologue.ids import Bits, unique_id
from duologue.telemetry.entry_queue import OVERRUN, EntryQueue
from duologue.telemetry.ledger import DroppedRecord, Entry, HeaderRecord, ShowRecord
from duologue.telemetry.ledger_files import FileLimits, LedgerFiles, members
from duologue.telemetry.lines import Newer, Unreadable, encode, parse
from duologue.telemetry.log import get_logger

SYNC_ROUNDS = 5
"""What a power cut may take is so many rounds long."""

_log = get_logger("duologue.telemetry.ledger")


@dataclass(frozen=True, slots=True)
class Origin:
    """What the times of a ledger count from: the machine's clock (monotonic ns), and what the calendar said then (Unix
    ns; 0: there is none).
    """

    monotonic: int
    wall: int

    def wall_at(self, monotonic: int) -> int:
        """The calendar's time, counted on from the origin: it does not move when somebody sets the clock."""
        return self.wall + monotonic - self.monotonic


def make_id(origin: Origin, at: int, bits: Bits) -> str:
    """The id of an entry that happened at ``at``."""
    return unique_id(max(0, origin.wall_at(at)), bits)


def head_of(origin: Origin, program: str) -> HeaderRecord:
    """What a file begins with."""
    return HeaderRecord(origin.wall, origin.monotonic, program)


def line_of(entry: Entry, origin: Origin) -> bytes:
    """What stands in a file. Half a character that somebody typed is told as JSON tells it."""
    return f"{encode(entry, origin.monotonic)}\n".encode("utf-8", "backslashreplace")


class LedgerWriter:
    """Give it entries with :meth:`put`, from any thread; :meth:`start` it, and :meth:`close` it at the end.

    ``of`` says what the file is of; ``made`` has lines by the ids of entries that several writers are given, which need
    not be made by each. Raises :class:`InputError` when the file cannot be written, or is something else.
    """

    def __init__(
        self, path: Path, of: str, origin: Origin, limits: FileLimits | None = None, *, program: str, bits: Bits,
        made: Mapping[str, bytes] = MappingProxyType({}),
    ) -> None:  # fmt: skip
        self._of = of
        self._origin = origin
        self._program = program
        self._bits = bits
        self._made = made
        self._files = LedgerFiles(path, limits or FileLimits(), self._head)
        self._shows: dict[str, Entry] = {}
        self._queue = EntryQueue("ledger", self._round)
        self._why = ""
        self._failing = False
        self.written = 0
        """Lines on the disk."""
        self._failed = 0
        self._last = origin.monotonic
        """The newest time of an entry."""
        _claim(path, self._files)

    @property
    def dropped(self) -> int:
        """Entries that never reached the disk."""
        return self._queue.overrun + self._failed

    @property
    def path(self) -> Path:
        """The file that is written now."""
        return self._files.path

    def put(self, entry: Entry) -> None:
        """Enter something; when too much waits it is dropped and counted."""
        if not self._queue.put(entry):
            self._why = OVERRUN

    def start(self) -> None:
        """Write every two seconds from now on, in a thread."""
        self._queue.start()

    def flush(self) -> None:
        """Write what waits. It blocks; the thread calls it."""
        self._queue.flush(self._write, self._tell_of_the_lost)

    def sync(self) -> None:
        """What was written outlives a power cut from now on. It blocks."""
        self._try(self._files.sync)

    def close(self) -> None:
        """Write the rest and let go of the file; it blocks. Idempotent."""
        if not self._queue.stop():
            _log.error("the disk of the ledger does not answer", file=str(self.path), lost=len(self._queue))
            return
        self.flush()
        self.sync()
        self._try(self._files.close)

    def _round(self, number: int) -> None:
        self.flush()
        if number % SYNC_ROUNDS == 0:
            self.sync()

    def _write(self, entries: list[Entry]) -> None:
        lost, why = self._queue.owed, self._why
        told = [self._lost(lost, why, entries[0].at), *entries] if lost else entries
        named = [self._named(entry) for entry in told]
        for entry in named:
            if isinstance(entry.record, ShowRecord):
                self._shows[entry.of] = entry
        try:
            lines = [self._line(entry) for entry in named]
            self._files.append(lines)
        except Exception as error:
            self._failed += len(entries)
            self._queue.owe(len(entries))
            self._why = _reason(error)
            self._complain(error)
            return
        self._queue.owe(-lost)
        self.written += len(lines)
        self._recover()

    def _tell_of_the_lost(self) -> None:
        """Also when nothing more is entered."""
        lost, why = self._queue.owed, self._why
        if not lost:
            return
        try:
            self._files.append([self._line(self._named(self._lost(lost, why, self._last)))])
        except OSError as error:
            self._complain(error)
            return
        self._queue.owe(-lost)
        self.written += 1
        self._recover()

    def _lost(self, lines: int, why: str, at: int) -> Entry:
        return Entry(at, self._of, DroppedRecord(lines, why))

    def _named(self, entry: Entry) -> Entry:
        self._last = max(self._last, entry.at)
        return entry if entry.id else replace(entry, id=make_id(self._origin, entry.at, self._bits))

    def _line(self, entry: Entry) -> bytes:
        return self._made.get(entry.id) or line_of(entry, self._origin)

    def _head(self) -> bytes:
        header = Entry(self._origin.monotonic, self._of, head_of(self._origin, self._program))
        return b"".join(map(self._line, (self._named(header), *self._shows.values())))

    def _try(self, what: Callable[[], None]) -> None:
        try:
            what()
        except OSError as error:
            self._complain(error)

    def _complain(self, error: Exception) -> None:
        """Where it is no disk's error it is a fault of ours: then also where it came from."""
        if not self._failing:
            ours = not isinstance(error, OSError)
            _log.error("the ledger cannot be written", file=str(self.path), cause=_reason(error), exc_info=ours)
        self._failing = True

    def _recover(self) -> None:
        if self._failing:
            _log.warning("the ledger is written again", file=str(self.path), lost=self.dropped)
        self._failing = False
        if self._files.unremoved is not None:
            error, self._files.unremoved = self._files.unremoved, None
            _log.warning("an old ledger cannot be removed", file=str(error.filename), cause=_reason(error))


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else "") or type(error).__name__


def _claim(path: Path, files: LedgerFiles) -> None:
    """Begin the file, so that what cannot be is refused before anything happens."""
    try:
        there = members(path)
        if there and there[-1].path.is_file():
            _check(there[-1].path)
        files.append([])
    except OSError as error:
        raise InputError(
            f"the ledger cannot be written: {_reason(error)}", where=str(path), remedy="Name another one with --ledger."
        ) from error


def _check(path: Path) -> None:
    """Never append to what is no ledger."""
    with path.open("rb") as file:
        first = file.readline(100_000)
    if not first:
        return
    try:
        parse(first.decode("utf-8", "replace"))
    except Newer:
        return
    except Unreadable as error:
        raise InputError(
            "this file is there already, and is no ledger", where=str(path), remedy="Name another one with --ledger."
        ) from error
