"""The one writer of a ledger: a bounded queue, and a thread that brings it to the disk every two seconds.

Whoever enters something never waits. What does not fit (more than may wait, or a disk that takes nothing) is dropped,
counted, named in the log once, and told in the file itself as soon as it is written again.
"""

from __future__ import annotations

from pathlib import Path
from threading import Lock

from duologue.ids import Bits
from duologue.telemetry.ledger import Entry
from duologue.telemetry.ledger_files import FileLimits
from duologue.telemetry.ledger_pen import MAX_WAITING, OVERRUN, EntryQueue, LedgerLine, LedgerPen, Origin, line_of
from duologue.telemetry.log import get_logger
from duologue.telemetry.rounds import SYNC_ROUNDS, Rounds

_log = get_logger("duologue.telemetry.ledger")


class LedgerWriter:
    """Give it entries with :meth:`put`; :meth:`start` it, and :meth:`close` it at the end.

    ``of`` says what the file is of. Raises :class:`InputError` when the file cannot be written, or is something else.
    """

    def __init__(
        self, path: Path, of: str, origin: Origin, limits: FileLimits | None = None, *, program: str, bits: Bits
    ) -> None:  # fmt: skip
        self._origin = origin
        self._bits = bits
        self._pen = LedgerPen(path, of, origin, limits, program=program, bits=bits)
        self._waiting = EntryQueue()
        self._rounds = Rounds("ledger", self._round)
        self._flushing = Lock()
        self._overrun = self._overrun_told = 0

    @property
    def dropped(self) -> int:
        """Entries that never reached the disk."""
        return self._overrun + self._pen.dropped

    @property
    def written(self) -> int:
        """Lines on the disk."""
        return self._pen.written

    @property
    def path(self) -> Path:
        """The file that is written now."""
        return self._pen.path

    def put(self, entry: Entry) -> None:
        """Enter something; when too much waits it is dropped and counted. Never waits."""
        if len(self._waiting) >= MAX_WAITING:
            self._overrun += 1
            return
        self._waiting.put(entry)
        if len(self._waiting) > MAX_WAITING // 4:
            self._rounds.hurry()

    def start(self) -> None:
        """Write every two seconds from now on, in a thread."""
        self._rounds.start()

    def flush(self) -> None:
        """Write what waits. It blocks; the thread calls it."""
        with self._flushing:
            if lost := self._overrun - self._overrun_told:
                self._overrun_told += lost
                self._pen.owe(lost, OVERRUN)
            self._pen.drain(self._waiting, self._line)

    def sync(self) -> None:
        """What was written outlives a power cut from now on. It blocks."""
        self._pen.sync()

    def close(self) -> None:
        """Write the rest and let go of the file; it blocks. Idempotent."""
        if not self._rounds.stop():
            _log.error("the disk of the ledger does not answer", file=str(self.path), lost=len(self._waiting))
            return
        self.flush()
        self._pen.close()

    def _line(self, entry: Entry) -> LedgerLine | Exception:
        return line_of(entry, self._origin, self._bits)

    def _round(self, number: int) -> None:
        self.flush()
        if number % SYNC_ROUNDS == 0:
            self.sync()
