"""The one writer of a ledger: a bounded queue, and a thread that brings it to the disk every two seconds.

Whoever enters something never waits. What does not fit (more than may wait, or a disk that takes nothing) is dropped,
counted, named in the log once, and told in the file itself as soon as it is written again.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from duologue.ids import Bits
from duologue.telemetry.entry_queue import OVERRUN, EntryQueue
from duologue.telemetry.ledger import Entry
from duologue.telemetry.ledger_files import FileLimits
from duologue.telemetry.ledger_pen import LedgerLine, LedgerPen, Origin, line_of, make_id
from duologue.telemetry.log import get_logger

SYNC_ROUNDS = 5
"""What a power cut may take is so many rounds long."""

_log = get_logger("duologue.telemetry.ledger")


class LedgerWriter:
    """Give it entries with :meth:`put`, from any thread; :meth:`start` it, and :meth:`close` it at the end.

    ``of`` says what the file is of. Raises :class:`InputError` when the file cannot be written, or is something else.
    """

    def __init__(
        self, path: Path, of: str, origin: Origin, limits: FileLimits | None = None, *, program: str, bits: Bits
    ) -> None:  # fmt: skip
        self._origin = origin
        self._bits = bits
        self._pen = LedgerPen(path, of, origin, limits, program=program, bits=bits)
        self._queue = EntryQueue("ledger", self._round)

    @property
    def dropped(self) -> int:
        """Entries that never reached the disk."""
        return self._queue.overrun + self._pen.dropped

    @property
    def written(self) -> int:
        """Lines on the disk."""
        return self._pen.written

    @property
    def path(self) -> Path:
        """The file that is written now."""
        return self._pen.path

    def put(self, entry: Entry) -> None:
        """Enter something; when too much waits it is dropped and counted."""
        self._queue.put(entry)

    def start(self) -> None:
        """Write every two seconds from now on, in a thread."""
        self._queue.start()

    def flush(self) -> None:
        """Write what waits. It blocks; the thread calls it."""
        self._queue.flush(self._write, lambda: self._write([]))

    def sync(self) -> None:
        """What was written outlives a power cut from now on. It blocks."""
        self._pen.sync()

    def close(self) -> None:
        """Write the rest and let go of the file; it blocks. Idempotent."""
        if not self._queue.stop():
            _log.error("the disk of the ledger does not answer", file=str(self.path), lost=len(self._queue))
            return
        self.flush()
        self._pen.close()

    def _round(self, number: int) -> None:
        self.flush()
        if number % SYNC_ROUNDS == 0:
            self.sync()

    def _write(self, entries: list[Entry]) -> None:
        if lost := self._queue.take_owed():
            self._pen.owe(lost, OVERRUN)
        lines: list[LedgerLine] = []
        for entry in entries:
            named = entry if entry.id else replace(entry, id=make_id(self._origin, entry.at, self._bits))
            try:
                lines.append(line_of(named, self._origin))
            except Exception as error:
                self._pen.fail(error)
        self._pen.write(lines)
