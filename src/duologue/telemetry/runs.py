"""The flight recorder: each show, talk and call keeps a run, its part of the ledger, in a folder of its own.

It looks on at the ledger and gives each entry to the run of its part; what is of the house or of all calls (the
machine, an engine that failed, the pace of the packets) to every run that it concerns. So a run stands for itself. All
that touches the disk is done by one thread for all runs, every two seconds; what is of the house waits with a run until
that has something of its own, ten seconds at most. Whoever enters never waits.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, cast

from duologue.clock import SECOND, SYSTEM_CLOCK, milliseconds
from duologue.errors import InputError
from duologue.ids import Bits
from duologue.places import runs_folder
from duologue.settings_parts import RunsSettings
from duologue.telemetry.core_time import core_time
from duologue.telemetry.ledger import (
    ActRecord,
    ClipRecord,
    ConversationRecord,
    EffectRecord,
    EndingRecord,
    Entry,
    EventRecord,
    OverRecord,
    Record,
    TurnRecord,
)
from duologue.telemetry.ledger_files import MEGABYTE, FileLimits
from duologue.telemetry.ledger_pen import MAX_WAITING, OVERRUN, EntryQueue, LedgerLine, LedgerPen, Origin, line_of
from duologue.telemetry.log import get_logger
from duologue.telemetry.rounds import SYNC_ROUNDS, Rounds
from duologue.telemetry.run_shelf import LEDGER, RunDigest, RunShelf, begins_run, write_digest

MOST_RUNS = 300
"""At once; what begins beyond that is not kept, and counted."""
WHOLE_ROUNDS = 5
"""Between two that leave nothing waiting."""
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
    """A run that goes on: ``of`` a ``part`` of the house since ``began`` (Unix ns), with the entries that wait. Its pen
    is there once the thread has made its folder; ``over``: no more come.
    """

    of: str
    part: str
    began: int
    digest: RunDigest
    waiting: EntryQueue = field(default_factory=EntryQueue)
    own: bool = True
    """Something of its own waits, and not only what is of all."""
    over: bool = False
    folder: Path | None = None
    pen: LedgerPen | None = None


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
        self._rounds = Rounds("runs", self._round)
        self._flushing = Lock()
        self._open: dict[str, _Open] = {}
        """To which entries are given: the ledger's side alone changes it, but for a run that could not begin."""
        self._kept: list[_Open] = []
        """Those, and what is over and not written yet."""
        self._put = self._taken = 0
        """Entries of runs so far: put by the ledger's side, taken by the thread."""
        self._everything = False
        """The next round is to leave nothing waiting."""
        self._made: dict[str, LedgerLine | Exception] = {}
        """Lines of a round by the ids of their entries: an entry has one before it comes here if several need it."""
        self._overrun = self._overrun_told = 0
        self._refused = self._unkept = 0
        self._complained = ""
        self._dropped_before = 0

    @property
    def dropped(self) -> int:
        """Entries that never reached the disk."""
        pens = [run.pen for run in tuple(self._kept)]
        going_on = sum(pen.dropped for pen in pens if pen is not None)
        return self._overrun + self._refused + self._unkept + self._dropped_before + going_on

    def take(self, entry: Entry) -> None:
        """Something was entered; when too much waits it is dropped and counted, but for what a run begins or ends with.
        Never waits.
        """
        self._newest = max(self._newest, entry.at)
        begins = entry.of not in self._open and begins_run(entry)
        if self._put - self._taken >= MAX_WAITING and not (begins or isinstance(entry.record, OverRecord)):
            self._overrun += 1
            return
        if begins:
            self._begin(entry)
        part, _, name = entry.of.partition(":")
        if name:
            run = self._open.get(entry.of)
            concerned = () if run is None else (run,)
        else:
            concerned = tuple(run for run in self._open.values() if part in (HOUSE, run.part))
        if concerned:
            self._enter(entry, concerned)

    def start(self) -> None:
        """Write every two seconds from now on, in a thread."""
        self._rounds.start(self.prune)

    def close(self) -> None:
        """Write the rest, and let go of all runs; it blocks. Idempotent."""
        if not self._rounds.stop():
            _log.error("the disk of the runs does not answer", folder=str(self._keeping.folder))
            return
        for run in self._open.values():
            run.over = True
        self._open.clear()
        self.flush()

    def run_of(self, of: str) -> str:
        """The id of the run that a part keeps now; empty: none, or not yet."""
        run = self._open.get(of)
        return run.folder.name if run is not None and run.folder is not None else ""

    def settle(self) -> None:
        """What was entered until now is in its run, if the disk takes it within two seconds. It blocks."""
        self._everything = True
        self._rounds.settle(SETTLING_SECONDS)

    def flush(self, *, everything: bool = True) -> None:
        """Write what waits, ``everything`` or only of runs that have something of their own. It blocks; the thread
        calls it.
        """
        with self._flushing:
            self._tell_of_the_lost()
            for run in tuple(self._kept):
                if everything or run.own or run.over:
                    self._write(run)
            self._made.clear()

    def sync(self) -> None:
        """What was written outlives a power cut from now on. It blocks."""
        for run in tuple(self._kept):
            if run.pen is not None:
                run.pen.sync()

    def digest(self) -> None:
        """Bring the digests of what goes on up to date. It blocks."""
        for run in tuple(self._kept):
            self._describe(run)

    def prune(self) -> None:
        """Remove what is too old, or too much. It blocks."""
        keeping = self._keeping
        spare = {run.folder for run in tuple(self._kept) if run.folder is not None}
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
        everything, self._everything = self._everything or number % WHOLE_ROUNDS == 0, False
        self.flush(everything=everything)
        if number % SYNC_ROUNDS == 0:
            self.sync()
        if number % DIGEST_ROUNDS == 0:
            self.digest()
        blocked = milliseconds(core_time().idle(had, SYSTEM_CLOCK.now() - began))
        if blocked > SLOW_DISK_MS:
            self._noticed(round(blocked, 1))
        if number % PRUNE_ROUNDS == 0:
            self.prune()

    # On the ledger's side

    def _begin(self, entry: Entry) -> None:
        if len(self._open) >= MOST_RUNS:
            self._refused += 1
            self._complain("more runs at once than are kept", str(MOST_RUNS))
            return
        wall = self._origin.wall_at(entry.at)
        run = _Open(entry.of, entry.of.partition(":")[0], wall, RunDigest.begin(entry.of, wall))
        self._open[entry.of] = run
        self._kept.append(run)

    def _enter(self, entry: Entry, concerned: Sequence[_Open]) -> None:
        for run in concerned:
            run.waiting.put(entry)
            if run.of == entry.of:
                run.own = True
        self._put += len(concerned)
        if self._put - self._taken > MAX_WAITING // 4:
            self._everything = True
            self._rounds.hurry()
        if isinstance(entry.record, OverRecord) and (run := self._open.pop(entry.of, None)) is not None:
            run.over = True

    # In the thread

    def _write(self, run: _Open) -> None:
        over, run.own = run.over, False  # before what waits is taken: what comes meanwhile is for the next round
        if run.pen is None and not self._opened(run):
            self._kept.remove(run)
            if self._open.get(run.of) is run:
                del self._open[run.of]
            self._taken += len(run.waiting)
            return
        assert run.pen is not None
        self._taken += run.pen.drain(run.waiting, partial(self._line, run))
        if over:
            run.pen.close()
            self._dropped_before += run.pen.dropped
            self._kept.remove(run)
            self._describe(run)

    def _line(self, run: _Open, entry: Entry) -> LedgerLine | Exception:
        """Of what is of no run it is made once, for all that it concerns."""
        if entry.id in self._made:
            return self._made[entry.id]
        kept = entry if self._keeping.words else replace(entry, record=without_words(entry.record))
        if entry.of == run.of:
            run.digest.take(kept.record, entry.at, self._origin.wall_at(0))
        line = line_of(kept, self._origin, self._bits)
        if entry.id:
            self._made[entry.id] = line
        return line

    def _opened(self, run: _Open) -> bool:
        try:
            run.folder = self._folder(run.of, run.began)
            room = self._keeping.run_bytes
            limits = FileLimits(max(MEGABYTE, room // FILES), FILES, room)
            ledger = run.folder / LEDGER
            run.pen = LedgerPen(ledger, run.of, self._origin, limits, program=self._program, bits=self._bits)
        except (OSError, InputError) as error:
            self._unkept += 1
            if run.folder is not None:
                with contextlib.suppress(OSError):
                    run.folder.rmdir()
            self._complain(getattr(error, "what", None) or str(error), str(self._keeping.folder))
            return False
        self._complained = ""
        return True

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

    def _describe(self, run: _Open) -> None:
        if run.pen is None or run.folder is None:
            return
        run.digest.lost = max(run.digest.lost, run.pen.dropped)
        try:
            write_digest(run.folder, run.digest)
        except OSError as error:
            self._complain(error.strerror or str(error), str(run.folder))

    def _tell_of_the_lost(self) -> None:
        if lost := self._overrun - self._overrun_told:
            self._overrun_told += lost
            for run in tuple(self._kept):
                run.digest.lost += lost
                if run.pen is not None:
                    run.pen.owe(lost, OVERRUN)

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
