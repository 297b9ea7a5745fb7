"""The ledger: one stream of what happened, for all who want to know, and for a file.

Metrics, the ledgers of frames and turns, pages and reports look on; nobody counts a second time. They are told on the
loop that enters, at once and in order; the file is written by a thread (:mod:`duologue.telemetry.ledger_writer`).
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from pathlib import Path
from random import Random

from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.ids import Bits
from duologue.telemetry.ledger import Entry, OverRecord, PauseRecord, Record, TurnRecord
from duologue.telemetry.ledger_files import FileLimits
from duologue.telemetry.ledger_pen import Origin, make_id
from duologue.telemetry.ledger_writer import LedgerWriter
from duologue.telemetry.runs import RunKeeping, RunRecorder
from duologue.telemetry.turns import FINAL_STATES
from duologue.version import __version__

HOUSE = "house"
"""What a ledger is of that all parts of a house write in."""
FILE = "ledger.jsonl"
"""What it is called in a folder."""
MAX_OPEN = 10_000
"""Turns that have not come to their end; the oldest is told as it stands beyond that."""
_REMEMBERED = 1000
"""Turns that are known to be told; one changes for a few seconds after its end at most."""

Observer = Callable[[Entry], None]
TurnObserver = Callable[[str, TurnRecord], None]


class Ledger:
    """Made by :func:`written`, or without a file. ``of`` of an entry is a part of the house: ``show:main``,
    ``talk:ID``.

    ``bits`` is what ids are made of, besides the time: chance, or a simulation's own numbers.
    """

    def __init__(self, clock: Clock = SYSTEM_CLOCK, *, bits: Bits = secrets.randbits) -> None:
        self._clock = clock
        self._bits = bits
        self._entry_bits = Random(bits(64)).getrandbits  # hundreds a second: no secrets, and no call of the kernel each
        self.origin = Origin(clock.now(), clock.wall())
        self.writer: LedgerWriter | None = None
        self.recorder: RunRecorder | None = None
        self._observers: list[Observer] = []
        self._turn_observers: list[TurnObserver] = []
        self._open: OrderedDict[str, tuple[str, TurnRecord]] = OrderedDict()
        self._told: OrderedDict[str, None] = OrderedDict()

    def write_to(self, path: Path, of: str = HOUSE, limits: FileLimits | None = None) -> LedgerWriter:
        """Have it written to the file ``path`` from now on; the caller starts the writer. Raises :class:`InputError`
        when it cannot be.
        """
        self.writer = LedgerWriter(path, of, self.origin, limits, program=__version__, bits=self._entry_bits)
        return self.writer

    def keep_runs(
        self, keeping: RunKeeping, noticed: Callable[[float], None] = lambda milliseconds: None
    ) -> RunRecorder:
        """Have a run kept of each show, talk and call that begins from now on; the caller starts the recorder.
        ``noticed`` as there.
        """
        self.recorder = RunRecorder(keeping, self.origin, program=__version__, bits=self._entry_bits, noticed=noticed)
        return self.recorder

    def watch(self, observer: Observer) -> None:
        """Tell ``observer`` all that is entered from now on."""
        self._observers.append(observer)

    def watch_turns(self, observer: TurnObserver) -> None:
        """Tell ``observer`` from now on each time that a turn has changed, before it is entered: of what part it is,
        and its record, which goes on being changed.
        """
        self._turn_observers.append(observer)

    def unwatch(self, observer: Observer) -> None:
        """No more."""
        self._observers.remove(observer)

    def new_id(self) -> str:
        """An id that is nobody else's, for a conversation or whatever else has one."""
        return make_id(self.origin, self._clock.now(), self._bits)

    def enter(self, of: str, record: Record, at: int = 0) -> None:
        """Something happened: at ``at``, or at the record's own, or now (monotonic ns)."""
        at = at or getattr(record, "at", 0) or self._clock.now()
        shared = self.recorder is not None and (self.writer is not None or ":" not in of)  # several files get it
        entry = Entry(at, of, record, make_id(self.origin, at, self._entry_bits) if shared else "")
        for observer in self._observers:
            observer(entry)
        if self.writer is not None:
            self.writer.put(entry)
        if self.recorder is not None:
            self.recorder.take(entry)

    def turn(self, of: str, record: TurnRecord) -> bool:
        """A turn's newest state. It is entered once, when it has come to its end: True then. ``record`` may be changed
        by the caller later.
        """
        if record.id in self._told:
            return False
        self._open[record.id] = (of, record)
        for observer in self._turn_observers:
            observer(of, record)
        if record.state in FINAL_STATES:
            self._tell(record.id)
            return True
        if len(self._open) > MAX_OPEN:
            self._tell(next(iter(self._open)))
        return False

    def close_turns(self, of: str | None = None) -> None:
        """Enter the turns (of ``of``, or all) that never came to their end as they stand."""
        for turn_id in [name for name, (part, _) in self._open.items() if of in (None, part)]:
            self._tell(turn_id)

    def waited_for_the_disk(self, milliseconds: float) -> None:
        """The recorder did, until now."""
        self.enter(HOUSE, PauseRecord("main", "disk", milliseconds, self._clock.now()))

    def finish(self, of: str) -> None:
        """The part ``of`` is over: its open turns are entered, and its run ends."""
        self.close_turns(of)
        self.enter(of, OverRecord())

    def _tell(self, turn_id: str) -> None:
        of, record = self._open.pop(turn_id)
        self._told[turn_id] = None
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
        self.enter(of, replace(record))

    @property
    def dropped(self) -> int:
        """Entries that never reached the disk."""
        return sum(each.dropped for each in (self.writer, self.recorder) if each is not None)

    async def close(self) -> None:
        """Enter what is open, and write the rest. Idempotent."""
        self.close_turns()
        for each in (self.writer, self.recorder):
            if each is not None:
                await asyncio.to_thread(each.close)


@contextlib.asynccontextmanager
async def written(
    ledger: Ledger, path: Path | None, of: str = HOUSE, limits: FileLimits | None = None,
    runs: RunKeeping | None = None,
) -> AsyncGenerator[Ledger]:  # fmt: skip
    """``ledger`` is written to the file ``path``, if there is one; ``runs``: where the runs of its parts are kept.

    Raises :class:`InputError` for a file that cannot be written.
    """
    if runs is not None:
        loop = asyncio.get_running_loop()

        def notice(milliseconds: float) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended: nobody is left to be told
                loop.call_soon_threadsafe(ledger.waited_for_the_disk, milliseconds)

        ledger.keep_runs(runs, notice).start()
    if path is not None:
        ledger.write_to(path, of, limits).start()
    try:
        yield ledger
    finally:
        await ledger.close()
