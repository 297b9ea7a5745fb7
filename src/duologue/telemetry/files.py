"""The ledgers as files: ``frames.jsonl``, ``turns.jsonl`` and ``bakes.jsonl``, one JSON object a line.

They are written once a second, off the event loop.

The first line of a run ties its monotonic times to the calendar:
``{"ledger": "frames", "version": 1, "wall_ns": …, "monotonic_ns": …}``. A new run appends to the files that are there.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from duologue.clock import SECOND, SYSTEM_CLOCK, Clock
from duologue.errors import InputError
from duologue.telemetry.ledger import BakeRecord, FrameRecord, TurnRecord
from duologue.telemetry.log import get_logger
from duologue.telemetry.turns import FINAL_STATES

VERSION = 1
_REMEMBERED = 1000
"""Turns that are known to be written; one changes for a few seconds after its end at most."""
_MAX_PENDING = 20_000
"""Lines that wait for a disk that does not answer; older ones are dropped and counted."""

_log = get_logger("duologue.telemetry.files")


class LedgerFiles:
    """Give it records; run :meth:`run` beside them; :meth:`close` at the end.

    A disk that fails (full, gone) stops nothing: the lines are dropped, counted in :attr:`dropped` and reported once,
    and writing is tried again each second. Raises :class:`InputError` when the folder cannot be made.
    """

    def __init__(self, folder: Path, clock: Clock = SYSTEM_CLOCK) -> None:
        self._folder = folder
        self._clock = clock
        self._pending: dict[str, deque[str]] = {name: deque() for name in ("frames", "turns", "bakes")}
        self._open_turns: dict[str, TurnRecord] = {}
        self._written_turns: deque[str] = deque(maxlen=_REMEMBERED)
        self._writing = asyncio.Lock()
        self._failing = False
        self.dropped = 0
        """Lines that never reached the disk."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"the ledgers' folder cannot be made: {error.strerror}",
                where=str(folder),
                remedy="Name another one with --ledger.",
            ) from error
        for name, lines in self._pending.items():
            stamp = {"ledger": name, "version": VERSION, "wall_ns": clock.wall(), "monotonic_ns": clock.now()}
            lines.append(json.dumps(stamp))

    def frames(self, records: Iterable[FrameRecord]) -> None:
        """Note frames."""
        for record in records:
            self._add("frames", asdict(record))

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
        due = self._clock.now()
        while True:
            due += SECOND
            await self._clock.wait_until(due)
            await self.flush()

    async def flush(self) -> None:
        """Write what is pending, in a thread."""
        async with self._writing:
            batches = {name: "".join(line + "\n" for line in lines) for name, lines in self._pending.items() if lines}
            counts = {name: len(self._pending[name]) for name in batches}
            for name in batches:
                self._pending[name].clear()
            for name, text in batches.items():
                try:
                    await asyncio.to_thread(_append, self._folder / f"{name}.jsonl", text)
                    self._failing = False
                except OSError as error:
                    self.dropped += counts[name]
                    if not self._failing:
                        _log.error(
                            "the ledger cannot be written", file=name, cause=error.strerror, folder=str(self._folder)
                        )
                    self._failing = True

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
        lines = self._pending[name]
        if len(lines) >= _MAX_PENDING:
            lines.popleft()
            self.dropped += 1
        lines.append(json.dumps(values, ensure_ascii=False))


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)
