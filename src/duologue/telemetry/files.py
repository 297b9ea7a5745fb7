"""Ledgers as files of JSON lines: ``frames``, ``turns``, ``bakes`` and ``governor.jsonl`` of a show, and any other.

They are written once a second, off the event loop.

The first line of a run ties its monotonic times to the calendar:
``{"ledger": "frames", "version": 1, "wall_ns": …, "monotonic_ns": …}``. A new run appends to the files that are there.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict
from pathlib import Path

from duologue.clock import SECOND, SYSTEM_CLOCK, Clock
from duologue.errors import InputError
from duologue.telemetry.ledger import BakeRecord, FrameRecord, SkipRecord, StepRecord, TurnRecord
from duologue.telemetry.log import get_logger
from duologue.telemetry.turns import FINAL_STATES

VERSION = 1
_REMEMBERED = 1000
"""Turns that are known to be written; one changes for a few seconds after its end at most."""
_MAX_PENDING = 20_000
"""Lines that wait for a disk that does not answer; older ones are dropped and counted."""

_log = get_logger("duologue.telemetry.files")


class LineFile:
    """One file of lines. Give it lines; call :meth:`flush` now and then, or run :meth:`run`, and at the end once more.

    A disk that fails (full, gone) stops nothing: the lines are dropped, counted in :attr:`dropped` and reported once,
    and writing is tried again with the next ones.
    """

    def __init__(self, path: Path, clock: Clock = SYSTEM_CLOCK) -> None:
        self._path = path
        self._clock = clock
        self._pending: deque[str] = deque()
        self._writing = asyncio.Lock()
        self._failing = False
        self.dropped = 0
        """Lines that never reached the disk."""

    def stamp(self, ledger: str, **more: object) -> None:
        """The first line of a run: what kind of ledger it is, its times tied to the calendar, and what else is said."""
        times = {"wall_ns": self._clock.wall(), "monotonic_ns": self._clock.now()}
        self.add(json.dumps({"ledger": ledger, "version": VERSION, **times, **more}, ensure_ascii=False))

    def add(self, line: str) -> None:
        """Note a line; the oldest that waits is dropped when there are too many."""
        if len(self._pending) >= _MAX_PENDING:
            self._pending.popleft()
            self.dropped += 1
        self._pending.append(line)

    async def run(self) -> None:
        """Write once a second until cancelled."""
        await _each_second(self._clock, self.flush)

    async def flush(self) -> None:
        """Write what is pending, in a thread."""
        async with self._writing:
            lines, self._pending = self._pending, deque[str]()
            if not lines:
                return
            try:
                await asyncio.to_thread(_append, self._path, "".join(line + "\n" for line in lines))
                self._failing = False
            except OSError as error:
                self.dropped += len(lines)
                if not self._failing:
                    _log.error("the ledger cannot be written", file=str(self._path), cause=error.strerror)
                self._failing = True


class LedgerFiles:
    """The ledgers of a show. Give it records; run :meth:`run` beside them; :meth:`close` at the end.

    Each is a :class:`LineFile`. Raises :class:`InputError` when the folder cannot be made.
    """

    def __init__(self, folder: Path, clock: Clock = SYSTEM_CLOCK) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"the ledgers' folder cannot be made: {error.strerror}",
                where=str(folder),
                remedy="Name another one with --ledger.",
            ) from error
        self._files = {
            name: LineFile(folder / f"{name}.jsonl", clock) for name in ("frames", "turns", "bakes", "governor")
        }
        self._clock = clock
        self._open_turns: dict[str, TurnRecord] = {}
        self._written_turns: deque[str] = deque(maxlen=_REMEMBERED)
        for name, file in self._files.items():
            file.stamp(name)

    @property
    def dropped(self) -> int:
        """Lines that never reached the disk."""
        return sum(file.dropped for file in self._files.values())

    def frames(self, records: Iterable[FrameRecord]) -> None:
        """Note frames."""
        for record in records:
            self._add("frames", asdict(record))

    def governed(self, event: str, record: StepRecord | SkipRecord) -> None:
        """Note a step of the governor, or a skip to the grid: ``event`` says which."""
        self._add("governor", {"event": event, **asdict(record)})

    def turn(self, record: TurnRecord) -> None:
        """Note a turn's state; it is written once, when the turn has come to its end (or at :meth:`close`)."""
        if record.id in self._written_turns:
            return
        self._open_turns[record.id] = record
        if record.state in FINAL_STATES:
            self._write_turn(record)

    def baked(self, record: BakeRecord) -> None:
        """Note a background bake."""
        self._add("bakes", asdict(record))

    async def run(self) -> None:
        """Write once a second until cancelled."""
        await _each_second(self._clock, self.flush)

    async def flush(self) -> None:
        """Write what is pending."""
        for file in self._files.values():
            await file.flush()

    async def close(self) -> None:
        """Write the rest, turns that have not ended too. Idempotent."""
        for record in tuple(self._open_turns.values()):
            self._write_turn(record)
        await self.flush()

    def _write_turn(self, record: TurnRecord) -> None:
        del self._open_turns[record.id]
        self._written_turns.append(record.id)
        self._add("turns", asdict(record))

    def _add(self, name: str, values: dict[str, object]) -> None:
        self._files[name].add(json.dumps(values, ensure_ascii=False))


async def _each_second(clock: Clock, flush: Callable[[], Awaitable[None]]) -> None:
    due = clock.now()
    while True:
        due += SECOND
        await clock.wait_until(due)
        await flush()


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)
