"""The ledger as a stream: who looks on, and when a turn is told."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import UUID

import pytest

from duologue.clock import SYSTEM_CLOCK, VirtualClock
from duologue.evidence.summary import PartSummary
from duologue.telemetry import stream
from duologue.telemetry.frames import FrameLedger
from duologue.telemetry.ledger import BakeRecord, Entry, FrameRecord, SkipRecord, TurnRecord
from duologue.telemetry.ledger_reader import LedgerReader
from duologue.telemetry.stream import Ledger, written


def watched() -> tuple[Ledger, list[Entry]]:
    ledger, told = Ledger(VirtualClock(start=100)), list[Entry]()
    ledger.watch(told.append)
    return ledger, told


def test_a_turn_is_told_once_when_it_ends_and_open_ones_at_the_end() -> None:
    ledger, told = watched()
    record = TurnRecord("t1", "c1", 1, "chad", state="on_air")
    assert not ledger.turn("show:day", record)
    assert not ledger.turn("show:night", TurnRecord("t2", "c1", 2, "virgin", state="voicing"))
    assert told == []
    record.state = "ended"
    assert ledger.turn("show:day", record)
    assert not ledger.turn("show:day", record)
    record.text = "changed later"
    ledger.close_turns("show:day")
    ledger.close_turns()
    ledger.close_turns()
    states = [(entry.of, entry.record.id, entry.record.state) for entry in told if isinstance(entry.record, TurnRecord)]
    assert states == [("show:day", "t1", "ended"), ("show:night", "t2", "voicing")]
    assert isinstance(told[0].record, TurnRecord) and told[0].record.text == ""


def test_turns_without_an_end_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MAX_OPEN", 3)
    ledger, told = watched()
    for number in range(5):
        ledger.turn("talk:c", TurnRecord(f"t{number}", "c", number, "p"))
    assert [entry.record.number for entry in told if isinstance(entry.record, TurnRecord)] == [0, 1]


def test_the_ledgers_in_memory_look_on_at_the_same_stream() -> None:
    ledger, told = watched()
    frames, turns = FrameLedger(30), PartSummary("show:day")
    ledger.watch(frames.observe)
    ledger.watch(turns.add)
    ledger.enter("show:day", FrameRecord(0, 0, 0, 1.0, 40.0, 0, 0, 5.0))
    ledger.enter("show:day", SkipRecord(3, 1, 6, 200.0))
    ledger.enter("show:day", BakeRecord(4, "lights", 300.0))
    ledger.turn("show:day", TurnRecord("t1", "c1", 1, "chad", state="ended"))
    assert (frames.frames, frames.late, frames.over_budget, frames.skipped) == (1, 1, 1, 5)
    assert [bake.took_ms for bake in frames.bakes] == [300.0] and [turn.state for turn in turns.turns] == ["ended"]
    assert [entry.at for entry in told] == [100, 3, 4, 100], "when it happened, else now"
    ledger.unwatch(frames.observe)
    ledger.enter("show:day", FrameRecord(1, 0, 0, 1.0, 4.0, 0, 0, 5.0))
    assert frames.frames == 1


def test_ids_are_new_at_each_start() -> None:
    ids = {Ledger(VirtualClock()).new_id() for _ in range(100)}
    assert len(ids) == 100 and all(UUID(each).version == 7 for each in ids)


async def test_a_house_has_one_file_for_all_of_its_parts(tmp_path: Path) -> None:
    path = tmp_path / "ledgers" / stream.FILE
    async with written(Ledger(SYSTEM_CLOCK), path) as ledger:
        for of in ("show:day", "talk:c", "show:late"):
            ledger.turn(of, TurnRecord(of, "c", 1, "chad"))
    assert [entry.of for entry in LedgerReader(path)] == ["house", "show:day", "talk:c", "show:late"]
    async with written(Ledger(SYSTEM_CLOCK), None) as ledger:
        ledger.turn("talk:c", TurnRecord("t", "c", 1, "chad"))
        assert ledger.dropped == 0


async def test_entering_never_waits_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk hangs; the loop does not notice, and the end gives up on it."""
    import threading

    hangs, monkey = threading.Event(), monkeypatch
    monkey.setattr("duologue.telemetry.rounds.CLOSE_SECONDS", 0.01)
    monkey.setattr("duologue.telemetry.ledger_files.LedgerFiles.sync", lambda self: None)  # type: ignore[misc]
    ledger = Ledger(VirtualClock())
    writer = ledger.write_to(tmp_path / "ledger.jsonl")

    def append(files: object, lines: object) -> None:
        hangs.wait(30)

    monkey.setattr("duologue.telemetry.ledger_files.LedgerFiles.append", append)
    writer.start()
    try:
        for number in range(30_000):
            ledger.enter("show:day", BakeRecord(number + 1, "lights", 1.0))
        assert ledger.dropped >= 30_000 - 2 * 20_000 // 2 - 500
        await asyncio.wait_for(ledger.close(), 5)
    finally:
        hangs.set()
