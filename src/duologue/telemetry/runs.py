"""The flight recorder: each show, talk and call keeps a run, its part of the ledger, in a folder of its own.

It looks on at the ledger and gives each entry to the run of its part; what is of the house or of all calls (the
machine, an engine that failed, the pace of the packets) to every run that it concerns. So a run stands for itself. All
that touches the disk is done by one thread for all runs, every two seconds; whoever enters never waits.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from duologue.clock import SECOND, SYSTEM_CLOCK, milliseconds
from duologue.errors import InputError
from duologue.ids import Bits
from duologue.places import runs_folder
from duologue.settings_parts import RunsSettings
from duologue.telemetry.core_time import core_time
from duologue.telemetry.entry_queue import MAX_WAITING, OVERRUN, EntryQueue
from duologue.telemetry.ledger import (
    ActRecord,
    ClipRecord,
    ConversationRecord,
    DroppedRecord,
    EffectRecord,
    EndingRecord,
    Entry,
    EventRecord,
    OverRecord,
    Record,
    TurnRecord,
)
from duologue.telemetry.ledger_files import MEGABYTE, FileLimits
from duologue.telemetry.ledger_pen import LedgerLine, LedgerPen, Origin, line_of, make_id
from duologue.telemetry.ledger_writer import SYNC_ROUNDS
from duologue.telemetry.log import get_logger
from duologue.telemetry.run_shelf import LEDGER, RunDigest, RunShelf, begins_run, write_digest

MOST_RUNS = 300
"""At once; what begins beyond that is not kept, and counted."""
DIGEST_ROUNDS = 15
"""Between two digests of a run that goes on."""
PRUNE_ROUNDS = 300
"""Between two looks at what is too old."""
SLOW_DISK_MS = 200.0
"""A round of writing that stands still for longer is told: the disk kept whoever writes to it waiting. What the thread
ran, or was ready to run and no core was free, is none of the disk's doing.
"""
SETTLING_SECONDS = 2.0
FILES = 16
"""Of which a long run has at most so many."""
HOUSE = "house"

_log = get_logger("duologue.telemetry.runs")


@dataclass(frozen=True, slots=True)
class RunKeeping:
    """Where runs are kept, and for how long; see :class:`~duologue.settings_parts.RunsSettings`."""

    folder: Path
    keep_bytes: int = 2000 * MEGABYTE
    keep_days: float = 14.0
    run_bytes: int = 500 * MEGABYTE
    words: bool = True


def keeping_of(settings: RunsSettings) -> RunKeeping | None:
    """As it is set; None: nothing is kept."""
    if not settings.keep:
        return None
    return RunKeeping(
        settings.folder or runs_folder(), settings.keep_mb * MEGABYTE, settings.keep_days,
        settings.run_mb * MEGABYTE, settings.words,
    )  # fmt: skip


@dataclass(slots=True)
class _Open:
    """A run that goes on: of a ``part`` of the house, with the lines that are to be written next."""

    part: str
    pen: LedgerPen
    folder: Path
    digest: RunDigest
    lines: list[LedgerLine] = field(default_factory=list[LedgerLine])

    def write(self) -> None:
        """What is to be written, and what was lost before."""
        lines, self.lines = self.lines, []
        self.pen.write(lines)


class RunRecorder:
    """Let a ledger tell it what is entered (:meth:`take`); :meth:`start` it, and :meth:`close` it at the end.

    ``noticed`` is called in its thread when a disk made it wait, with how long (ms): by the machine's clock, whatever
    the ledger's is.
    """

    def __init__(
        self, keeping: RunKeeping, origin: Origin, *, program: str, bits: Bits,
        noticed: Callable[[float], None] = lambda milliseconds: None,
    ) -> None:  # fmt: skip
        self._keeping = keeping
        self._shelf = RunShelf(keeping.folder)
        self._origin = origin
        self._newest = origin.monotonic
        """The time of what was entered last."""
        self._program = program
        self._bits = bits
        self._noticed = noticed
        self._queue = EntryQueue("runs", self._round, MAX_WAITING)
        self._open: dict[str, _Open] = {}
        self._unkept = 0
        self._complained = ""
        self._dropped_before = 0

    @property
    def dropped(self) -> int:
        """Entries that never reached the disk."""
        going_on = sum(each.pen.dropped for each in tuple(self._open.values()))
        return self._queue.overrun + self._unkept + self._dropped_before + going_on

    def take(self, entry: Entry) -> None:
        """Something was entered; when too much waits it is dropped and counted. Never waits."""
        self._queue.put(entry)

    def start(self) -> None:
        """Write every two seconds from now on, in a thread."""
        self._queue.start(self.prune)

    def close(self) -> None:
        """Write the rest, and let go of all runs; it blocks. Idempotent."""
        if not self._queue.stop():
            _log.error("the disk of the runs does not answer", folder=str(self._keeping.folder))
            return
        self.flush()
        for of in tuple(self._open):
            self._finish(of)

    def run_of(self, of: str) -> str:
        """The id of the run that a part keeps now; empty: none, or not yet."""
        run = self._open.get(of)
        return run.folder.name if run is not None else ""

    def settle(self) -> None:
        """What was entered until now is in its run, if the disk takes it within two seconds. It blocks."""
        self._queue.settle(SETTLING_SECONDS)

    def flush(self) -> None:
        """Write what waits. It blocks; the thread calls it."""
        self._queue.flush(self._write)

    def sync(self) -> None:
        """What was written outlives a power cut from now on. It blocks."""
        for run in self._open.values():
            run.pen.sync()

    def digest(self) -> None:
        """Bring the digests of what goes on up to date. It blocks."""
        for run in self._open.values():
            self._describe(run)

    def prune(self) -> None:
        """Remove what is too old, or too much. It blocks."""
        keeping = self._keeping
        spare = {run.folder for run in self._open.values()}
        now = self._origin.wall_at(self._newest)
        try:
            gone = self._shelf.prune(keeping.keep_bytes, keeping.keep_days, now, spare)
        except InputError as error:
            self._complain(error.what, error.where)
            return
        if gone:
            _log.info("runs.removed", runs=len(gone), oldest=gone[0].id)

    def _round(self, number: int) -> None:
        began, had = SYSTEM_CLOCK.now(), core_time()
        self.flush()
        if number % SYNC_ROUNDS == 0:
            self.sync()
        if number % DIGEST_ROUNDS == 0:
            self.digest()
        blocked = milliseconds(core_time().idle(had, SYSTEM_CLOCK.now() - began))
        if blocked > SLOW_DISK_MS:
            self._noticed(round(blocked, 1))
        if number % PRUNE_ROUNDS == 0:
            self.prune()

    def _write(self, entries: list[Entry]) -> None:
        self._tell_of_the_lost(entries[0].at)
        for entry in entries:
            self._route(entry)
        for run in self._open.values():
            run.write()

    # Which run an entry is of

    def _route(self, entry: Entry) -> None:
        self._newest = max(self._newest, entry.at)
        if entry.of not in self._open and begins_run(entry):
            self._begin(entry)
        if not self._keeping.words:
            entry = replace(entry, record=without_words(entry.record))
        part, _, name = entry.of.partition(":")
        if name:
            self._put(entry, [run] if (run := self._open.get(entry.of)) is not None else [])
            if isinstance(entry.record, OverRecord):
                self._finish(entry.of)
        else:
            self._put(entry, [run for run in self._open.values() if part in (HOUSE, run.part)])

    def _put(self, entry: Entry, concerned: Sequence[_Open]) -> None:
        """Its line is made once, for all that it concerns. One of which none can be made must not cost the others."""
        if not concerned:
            return
        try:
            line = line_of(entry, self._origin)
        except Exception as error:
            for run in concerned:
                run.pen.fail(error)
            return
        for run in concerned:
            run.lines.append(line)
            if run.digest.of == entry.of:
                run.digest.take(entry.record, self._origin.wall_at(entry.at))

    def _begin(self, entry: Entry) -> None:
        wall = self._origin.wall_at(entry.at)
        if len(self._open) >= MOST_RUNS:
            self._unkept += 1
            self._complain("more runs at once than are kept", str(MOST_RUNS))
            return
        folder: Path | None = None
        try:
            folder = self._folder(entry.of, wall)
            room = self._keeping.run_bytes
            limits = FileLimits(max(MEGABYTE, room // FILES), FILES, room)
            pen = LedgerPen(folder / LEDGER, entry.of, self._origin, limits, program=self._program, bits=self._bits)
        except (OSError, InputError) as error:
            self._unkept += 1
            if folder is not None:
                with contextlib.suppress(OSError):
                    folder.rmdir()
            self._complain(getattr(error, "what", None) or str(error), str(self._keeping.folder))
            return
        self._complained = ""
        part = entry.of.partition(":")[0]
        self._open[entry.of] = _Open(part, pen, folder, RunDigest.begin(entry.of, wall))

    def _folder(self, of: str, wall: int) -> Path:
        """A new one. Raises :class:`OSError`."""
        root = self._keeping.folder
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{datetime.fromtimestamp(wall / SECOND, UTC):%Y%m%d-%H%M%S}-{_short(of)}"
        for number in range(1, 1000):
            folder = root / (name if number == 1 else f"{name}-{number}")
            try:
                folder.mkdir(mode=0o700)
            except FileExistsError:
                continue
            return folder
        raise OSError(f"there are a thousand runs called {name}")

    def _finish(self, of: str) -> None:
        run = self._open.pop(of, None)
        if run is None:
            return
        run.write()
        run.pen.close()
        self._dropped_before += run.pen.dropped
        self._describe(run)

    def _describe(self, run: _Open) -> None:
        run.digest.lost = max(run.digest.lost, run.pen.dropped)
        try:
            write_digest(run.folder, run.digest)
        except OSError as error:
            self._complain(error.strerror or str(error), str(run.folder))

    def _tell_of_the_lost(self, at: int) -> None:
        if lost := self._queue.take_owed():
            for of, run in self._open.items():
                self._put(Entry(at, of, DroppedRecord(lost, OVERRUN), make_id(self._origin, at, self._bits)), [run])

    def _complain(self, what: str, where: str) -> None:
        """Once, until it goes well again."""
        if self._complained != what:
            _log.error("a run is not kept", cause=what, where=where, remedy="Set runs.folder, or runs.keep=false.")
        self._complained = what


def _short(of: str) -> str:
    """``show:day`` is ``show-day``, ``line:UUID`` ``call-`` and the last of its digits, which no other has."""
    part, _, name = of.partition(":")
    kind = "call" if part == "line" else part
    clean = re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-") or "nameless"
    return f"{kind}-{clean[:40] if kind == 'show' else clean[-8:]}"


_KEPT_TEXTS = frozenset({
    "id", "utterance_id", "reply", "reply_id", "turn", "turn_id", "question", "note", "why", "stage", "engine",
    "outcome", "reason", "kind", "state", "name", "key", "language", "step", "cause",
})  # fmt: skip
"""What texts of an event or an effect are kept where words are not: names of ours."""


def without_words(record: Record) -> Record:
    """The same without what people and characters said and wrote."""
    match record:
        case TurnRecord():
            return replace(record, text="", heard="")
        case EndingRecord():
            return replace(record, said="")
        case ConversationRecord():
            return replace(record, topic="")
        case ClipRecord() | ActRecord():
            return replace(record, text="")
        case EventRecord() | EffectRecord():
            return replace(record, told=_mute(record.told))
        case _:
            return record


def _mute(told: Mapping[str, object]) -> dict[str, object]:
    return {name: _muted(name, value) for name, value in told.items()}


def _muted(name: str, value: object) -> object:
    if isinstance(value, str):
        return value if name in _KEPT_TEXTS else ""
    if isinstance(value, Mapping):
        return _mute(cast("Mapping[str, object]", value))
    if isinstance(value, list | tuple):
        return [_muted(name, each) for each in cast("list[Any]", value)]
    return value
