"""A stretch of a run: what is of that time, what it is about, and nothing else."""

from __future__ import annotations

from datetime import timedelta, timezone
from pathlib import Path

import pytest

from duologue.clock import SECOND, VirtualClock
from duologue.errors import InputError
from duologue.telemetry.ledger import (
    ConversationRecord,
    Entry,
    FrameRecord,
    HeaderRecord,
    MachineRecord,
    OverRecord,
    ShowRecord,
    TurnRecord,
)
from duologue.telemetry.ledger_files import FileLimits
from duologue.telemetry.ledger_reader import LedgerReader
from duologue.telemetry.ledger_span import LATEST_TURN, RunSpan
from duologue.telemetry.stream import HOUSE, Ledger

EPOCH = 1_790_000_000 * SECOND
SHOW = "show:day"
START = 5 * SECOND


def wall(seconds: float) -> int:
    """So long after the show began (Unix ns)."""
    return EPOCH + round(seconds * SECOND)


def turn(name: str, asked: float, ended: float) -> TurnRecord:
    at = START + round(asked * SECOND)
    over = START + round(ended * SECOND)
    return TurnRecord(name, "c", 1, "chad", text=name, asked=at, on_air=at + SECOND, ended=over, state="ended")


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Ten minutes of a show, a frame and a second of the machine each second, in several files."""
    clock = VirtualClock(start=START, epoch=EPOCH)
    ledger = Ledger(clock)
    writer = ledger.write_to(tmp_path / "ledger.jsonl", SHOW, FileLimits(20_000, 50, 10_000_000))
    ledger.enter(SHOW, ShowRecord(30, cast=("chad",)))
    ledger.enter(SHOW, ConversationRecord("c", ("chad",), topic="tea"))
    turns = {
        20: turn("early", 10, 20),
        210: turn("into", 190, 210),
        300: turn("out", 239, 300),
        500: turn("late", 400, 500),
    }
    for second in range(600):
        clock.sleep_until(START + second * SECOND)
        at = clock.now()
        ledger.enter(SHOW, FrameRecord(second, at, at, 1.0, 6.0, 10, at, -900.0))
        ledger.enter(HOUSE, MachineRecord(0.0, 4000.0, {"main": 5.0}, {"main": 80.0}))
        if second in turns:
            ledger.enter(SHOW, turns[second])
        writer.flush()
    ledger.enter(SHOW, OverRecord())
    writer.close()
    return tmp_path / "ledger.jsonl"


def read(path: Path, since: float, until: float) -> list[Entry]:
    return list(LedgerReader(path, span=RunSpan(wall(since), wall(until))))


def test_what_is_of_the_time_is_read_and_what_it_is_about(kept: Path) -> None:
    assert len(list(kept.parent.glob("*.jsonl"))) > 3
    entries = [each for each in read(kept, 200, 240) if not isinstance(each.record, HeaderRecord)]
    frames = [each.record.number for each in entries if isinstance(each.record, FrameRecord)]
    assert frames == list(range(200, 241))
    assert sum(isinstance(each.record, MachineRecord) for each in entries) == 41
    assert [each.record.id for each in entries if isinstance(each.record, TurnRecord)] == ["into", "out"]
    assert {type(each.record) for each in entries[:2]} == {ShowRecord, ConversationRecord}
    assert isinstance(entries[-1].record, OverRecord)
    since, until = START + 200 * SECOND, START + 240 * SECOND
    assert all(since <= each.at <= until for each in entries)


def test_without_a_span_all_of_it_is_read(kept: Path) -> None:
    assert sum(isinstance(each.record, FrameRecord) for each in LedgerReader(kept)) == 600


def test_a_turn_is_told_at_its_end_and_looked_for_until_then(kept: Path) -> None:
    assert [each.record.id for each in read(kept, 0, 15) if isinstance(each.record, TurnRecord)] == ["early"]
    assert LATEST_TURN >= 300 * SECOND


def test_a_frame_is_of_the_time_in_which_it_was_begun_and_is_told_later(tmp_path: Path) -> None:
    ledger = Ledger(VirtualClock(start=START, epoch=EPOCH))
    writer = ledger.write_to(tmp_path / "ledger.jsonl", SHOW)
    ledger.enter(SHOW, ShowRecord(30, cast=("chad",)))
    for second in range(-4, 30):  # the first ones while the house came up
        at = START + second * SECOND
        record = FrameRecord(second + 4, at + SECOND, at, 1.0, 6.0, 10, at + SECOND, -900.0)
        ledger.enter(SHOW, record, max(START, at + 3 * SECOND))
    writer.close()
    for since, until in ((10, 20), (-4, 2), (0, 100)):
        entries = read(tmp_path / "ledger.jsonl", since, until)
        frames = [each.record.number for each in entries if isinstance(each.record, FrameRecord)]
        assert frames == [*range(since + 4, min(until, 29) + 5)]
        assert all(wall(since) <= each.at - START + EPOCH <= wall(until) for each in entries[1:])


def test_of_a_stretch_in_which_nothing_was_only_the_rest_is_told(kept: Path) -> None:
    kinds = {type(each.record) for each in read(kept, 1000, 1060)}
    assert kinds == {HeaderRecord, ShowRecord, ConversationRecord, OverRecord}


def test_a_simulation_has_no_time_of_day(tmp_path: Path) -> None:
    ledger = Ledger(VirtualClock(start=0, epoch=0))
    writer = ledger.write_to(tmp_path / "made.jsonl", SHOW)
    ledger.enter(SHOW, ShowRecord(30))
    writer.close()
    with pytest.raises(InputError, match="no time of day"):
        read(tmp_path / "made.jsonl", 0, 60)


def test_a_span_says_when_it_was() -> None:
    span, early = RunSpan(wall(0), wall(60)), timezone(-timedelta(hours=14, minutes=30))
    assert span.in_words() == "21 September 2026, 14:13:20 to 14:14:20 UTC"
    assert span.in_words(early) == "20 September 2026, 23:43:20 to 23:44:20 UTC-14:30"
