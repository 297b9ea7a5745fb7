"""Lines of a ledger brought to its files, and what is told in them when a disk takes none. Calls block: for one thread.

What does not reach the disk is counted, named in the log once, and told in the file itself as soon as it is written
again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from duologue.errors import InputError
from duologue.ids import Bits, unique_id
from duologue.telemetry.ledger import DroppedRecord, Entry, HeaderRecord, ShowRecord
from duologue.telemetry.ledger_files import FileLimits, LedgerFiles, members
from duologue.telemetry.lines import Newer, Unreadable, encode, parse
from duologue.telemetry.log import get_logger

MAX_WAITING = 20_000
"""Entries that wait for the disk: some minutes of a show, or a storm."""
OVERRUN = "more waited than may"
SLICE = 500
"""Lines that are written at once: a file is hardly larger than it may be."""

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


class LedgerLine(NamedTuple):
    """An entry as it stands in a file, and when it happened (monotonic ns). ``heads``: the part of the house whose
    files all begin with it; empty: none.
    """

    text: bytes
    at: int
    heads: str = ""


def line_of(entry: Entry, origin: Origin, bits: Bits) -> LedgerLine | Exception:
    """Of one without an id, with a new one. Half a character that somebody typed is told as JSON tells it. An error:
    none can be made of it, by a fault of ours, which must not cost what comes after it.
    """
    entry = entry if entry.id else replace(entry, id=make_id(origin, entry.at, bits))
    try:
        text = f"{encode(entry, origin.monotonic)}\n".encode("utf-8", "backslashreplace")
    except Exception as error:
        return error
    return LedgerLine(text, entry.at, entry.of if isinstance(entry.record, ShowRecord) else "")


class EntryQueue:
    """Entries that wait for a pen. One thread puts, another takes; neither waits.

    Lines are made of them when they are taken: one after another that costs a tenth of what it does amid other work,
    where nothing that it needs is in the processor's caches.
    """

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque()

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, entry: Entry) -> None:
        """The next one."""
        self._entries.append(entry)

    def take(self, most: int) -> list[Entry]:
        """Those that wait longest, so many at most."""
        return [self._entries.popleft() for _ in range(min(most, len(self._entries)))]


class LedgerPen:
    """Give it lines with :meth:`drain`, and :meth:`close` it at the end.

    ``of`` says what the ledger is of, ``bits`` are for the ids of what it tells itself. Raises :class:`InputError` when
    the file cannot be written, or is something else.
    """

    def __init__(
        self, path: Path, of: str, origin: Origin, limits: FileLimits | None = None, *, program: str, bits: Bits
    ) -> None:  # fmt: skip
        self._of = of
        self._origin = origin
        self._program = program
        self._bits = bits
        self._files = LedgerFiles(path, limits or FileLimits(), self._head)
        self._heads: dict[str, bytes] = {}
        self._owed = 0
        """Lost lines that no file tells of yet, of which the newest were lost for ``_why``."""
        self._why = ""
        self._failing = False
        self.written = 0
        """Lines on the disk."""
        self.dropped = 0
        """Lines that were to be written, and never reached the disk."""
        self._last = origin.monotonic
        """The newest time of a line."""
        _claim(path, self._files)

    @property
    def path(self) -> Path:
        """The file that is written now."""
        return self._files.path

    def owe(self, lines: int, why: str) -> None:
        """So many were lost before they came here: that is to be told."""
        self._owed += lines
        self._why = why

    def drain(self, queue: EntryQueue, line: Callable[[Entry], LedgerLine | Exception]) -> int:
        """Write what waits now, as the lines that are made of it, and what was lost before; how many entries waited."""
        count = 0
        for _ in range(0, max(1, len(queue)), SLICE):
            taken = queue.take(SLICE)
            count += len(taken)
            self._write([line(entry) for entry in taken])
        return count

    def _write(self, taken: Sequence[LedgerLine | Exception]) -> None:
        """All lines, or none."""
        lines: list[LedgerLine] = []
        for each in taken:
            if isinstance(each, Exception):
                self._lose(each, 1)
                continue
            lines.append(each)
            self._last = max(self._last, each.at)
            if each.heads:
                self._heads[each.heads] = each.text
        owed = self._owed
        texts = [line.text for line in lines]
        if owed:
            texts.insert(0, self._made(DroppedRecord(owed, self._why), lines[0].at if lines else self._last))
        if not texts:
            return
        try:
            self._files.append(texts)
        except OSError as error:
            self._lose(error, len(lines))
            return
        self._owed -= owed
        self.written += len(texts)
        self._recover()

    def sync(self) -> None:
        """What was written outlives a power cut from now on."""
        self._try(self._files.sync)

    def close(self) -> None:
        """Let go of the file. Idempotent."""
        self.sync()
        self._try(self._files.close)

    def _lose(self, error: Exception, lines: int) -> None:
        self.dropped += lines
        if lines:
            self.owe(lines, _reason(error))
        self._complain(error)

    def _made(self, record: HeaderRecord | DroppedRecord, at: int) -> bytes:
        entry = Entry(at, self._of, record, make_id(self._origin, at, self._bits))
        return f"{encode(entry, self._origin.monotonic)}\n".encode()

    def _head(self) -> bytes:
        header = self._made(head_of(self._origin, self._program), self._origin.monotonic)
        return b"".join((header, *self._heads.values()))

    def _try(self, what: Callable[[], None]) -> None:
        try:
            what()
        except OSError as error:
            self._complain(error)

    def _complain(self, error: Exception) -> None:
        """Where it is no disk's error it is a fault of ours: then also where it came from."""
        if not self._failing:
            trace = None if isinstance(error, OSError) else error
            _log.error("the ledger cannot be written", file=str(self.path), cause=_reason(error), exc_info=trace)
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
