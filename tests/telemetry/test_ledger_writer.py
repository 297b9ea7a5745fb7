"""The ledger on the disk: rotated, bounded, and whole whatever the disk does."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
from pathlib import Path
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from duologue.clock import SECOND, VirtualClock
from duologue.errors import InputError
from duologue.telemetry import ledger_pen, rounds
from duologue.telemetry.ledger import (
    BakeRecord,
    DroppedRecord,
    Entry,
    FrameRecord,
    HeaderRecord,
    Record,
    ShowRecord,
    TurnRecord,
)
from duologue.telemetry.ledger_files import FileLimits, members
from duologue.telemetry.ledger_reader import LedgerReader
from duologue.telemetry.lines import encode as encode_line
from duologue.telemetry.stream import Ledger
from failing_disk import FailingDisk

SHOW = "show:day"


def bake(number: int) -> BakeRecord:
    return BakeRecord(number + 1, f"lights {number}", 2.5)


def ledger_in(path: Path, limits: FileLimits | None = None, clock: VirtualClock | None = None) -> Ledger:
    """One whose writer's thread is not started: the test says when it writes."""
    ledger = Ledger(clock or VirtualClock(start=5 * SECOND))
    ledger.write_to(path, "house", limits)
    return ledger


def flush(ledger: Ledger) -> None:
    assert ledger.writer is not None
    ledger.writer.flush()


def close(ledger: Ledger) -> None:
    assert ledger.writer is not None
    ledger.writer.close()


def records(path: Path) -> list[Record]:
    return [entry.record for entry in LedgerReader(path)]


def baked(path: Path) -> list[str]:
    return [record.what for record in records(path) if isinstance(record, BakeRecord)]


def test_the_first_line_says_when_it_was_and_who_wrote_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "ledger.jsonl"
    ledger = ledger_in(path, clock=VirtualClock(start=5, epoch=1_000))
    ledger.enter(SHOW, FrameRecord(7, 6, 7, 1.5, 6.5, 4_000, 8, -900.0))
    close(ledger)
    head, frame = (json.loads(line) for line in path.read_text().splitlines())
    assert head | {"id": "", "program": ""} == {
        "v": 1, "id": "", "at": 0, "kind": "header", "of": "house", "wall_ns": 1_000, "monotonic_ns": 5, "program": "",
    }  # fmt: skip
    assert (frame["kind"], frame["of"], frame["number"], frame["due"]) == ("frame", SHOW, 7, 1)
    assert UUID(head["id"]).version == UUID(frame["id"]).version == 7
    assert records(path)[1] == FrameRecord(7, 6, 7, 1.5, 6.5, 4_000, 8, -900.0)


def test_a_second_run_goes_on_in_the_file_and_its_times_are_its_own(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    for start in (5 * SECOND, 2 * SECOND):  # the machine was started anew between them: its clock began again
        ledger = ledger_in(path, clock=VirtualClock(start=start))
        ledger.enter(SHOW, BakeRecord(start + 7, "lights", 1.0))
        close(ledger)
    found = list(LedgerReader(path))
    assert [type(entry.record) for entry in found] == [HeaderRecord, BakeRecord] * 2
    assert [entry.at for entry in found if isinstance(entry.record, BakeRecord)] == [5 * SECOND + 7, 2 * SECOND + 7]
    assert len({entry.id for entry in found}) == 4


def test_files_are_rotated_and_the_oldest_removed_and_each_stands_for_itself(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    ledger = ledger_in(path, FileLimits(file_bytes=1_000, keep_files=3))
    ledger.enter(SHOW, ShowRecord(25))
    for number in range(60):
        ledger.enter(SHOW, bake(number))
        flush(ledger)
    close(ledger)
    there = members(path)
    assert len(there) == 3 and [each.number for each in there] == list(range(there[0].number, there[0].number + 3))
    assert there[0].number > 5 and not path.exists()
    assert all(each.path.stat().st_size <= 1_000 for each in there)
    for each in there:  # whoever is left with one file knows what it is of
        header, show, *_ = records(each.path)
        assert isinstance(header, HeaderRecord) and show == ShowRecord(25)
    whole = baked(path)
    assert whole == [f"lights {number}" for number in range(60 - len(whole), 60)]
    assert baked(tmp_path) == whole, "a folder is read in the same order"


def test_so_many_bytes_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    ledger = ledger_in(path, FileLimits(file_bytes=1_000, keep_files=100, keep_bytes=5_000))
    for number in range(100):
        ledger.enter(SHOW, bake(number))
        flush(ledger)
        assert sum(each.path.stat().st_size for each in members(path)) <= 5_000
    close(ledger)
    assert len(members(path)) >= 4


def test_a_run_begins_a_new_file_when_the_last_one_is_full(tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    for run in range(3):
        ledger = ledger_in(path, FileLimits(file_bytes=400))
        ledger.enter("talk:x", bake(run))
        close(ledger)
    assert baked(path) == ["lights 0", "lights 1", "lights 2"] and len(members(path)) > 1


def test_a_file_that_another_program_has_open_is_left_to_it(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    first, second = ledger_in(path), ledger_in(path)
    first.enter(SHOW, bake(1))
    second.enter(SHOW, bake(2))
    close(first)
    close(second)
    assert [each.number for each in members(path)] == [1, 2]
    assert [record for record in records(path) if isinstance(record, BakeRecord)] == [bake(1), bake(2)]


def test_what_a_power_cut_tore_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    for number in range(2):
        ledger = ledger_in(path)
        ledger.enter(SHOW, bake(number))
        close(ledger)
        with path.open("ab") as file:
            file.write(b'{"v":1,"id":"0198' + b"\0" * 50)
    reader = LedgerReader(path)
    assert [entry.record.what for entry in reader if isinstance(entry.record, BakeRecord)] == ["lights 0", "lights 1"]
    assert reader.torn == 2


def test_a_line_that_is_broken_in_the_middle_is_told_of(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    ledger = ledger_in(path)
    for number in range(3):
        ledger.enter(SHOW, bake(number))
    close(ledger)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join((*lines[:2], "garbage\n", *lines[2:])))
    with pytest.raises(InputError, match="no ledger") as caught:
        list(LedgerReader(path))
    assert caught.value.where.endswith("line 3")


@pytest.mark.parametrize("text", ["", "[]\n", '{"ledger":"frames"}\n', "hello\nworld\n"])
def test_what_is_no_ledger_is_named_with_its_line_and_never_written_to(tmp_path: Path, text: str) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_text(text)
    with pytest.raises(InputError, match="no ledger") as caught:
        list(LedgerReader(path))
    assert "line 1" in caught.value.where
    if text:
        with pytest.raises(InputError, match="no ledger"):
            ledger_in(path)
        assert path.read_text() == text


def test_kinds_of_a_newer_program_are_passed_over_and_counted_and_its_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    close(ledger_in(path))
    with path.open("a") as file:
        file.write('{"v":1,"id":"x","at":5,"kind":"hologram","of":"show:day","depth":3}\n' * 2)
    reader = LedgerReader(path)
    assert len(list(reader)) == 1 and reader.unknown == {"hologram": 2}
    with path.open("a") as file:
        file.write('{"v":2,"when":5}\n')
    with pytest.raises(InputError, match="format 2, which a newer Duologue wrote"):
        list(LedgerReader(path))
    with pytest.raises(InputError, match="there is no ledger"):
        list(LedgerReader(tmp_path / "missing.jsonl"))


@pytest.mark.parametrize("at", range(1, 13))
def test_a_disk_that_is_full_at_any_call_costs_lines_that_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """Of twelve calls (open, write, sync, close, …) each in turn fails, and the two after it."""
    path = tmp_path / "ledger.jsonl"
    ledger = ledger_in(path, FileLimits(file_bytes=600, keep_files=3))
    disk = FailingDisk(monkeypatch, tmp_path, lambda names: at <= len(names) < at + 3)
    ledger.enter(SHOW, ShowRecord(30))
    with capture_logs() as logged:
        for number in range(20):
            ledger.enter(SHOW, bake(number))
            flush(ledger)
        close(ledger)
    assert len(disk.names) > 30
    reader = LedgerReader(path)
    found = [entry.record for entry in reader]
    whole = [record.what for record in found if isinstance(record, BakeRecord)]
    assert whole[-4:] == [f"lights {number}" for number in range(16, 20)], "it goes on when there is room"
    assert ledger.dropped <= 3
    failures = [line for line in logged if line["event"] == "the ledger cannot be written"]
    assert len(failures) == len([line for line in logged if line["event"] == "the ledger is written again"]) <= 2
    assert ledger.dropped == 0 or failures[0]["cause"] == "No space left on device"


def test_what_a_full_disk_took_is_told_in_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ledger.jsonl"
    ledger = ledger_in(path)
    close(ledger)  # what fails is what is opened from here on
    with monkeypatch.context() as patch:
        FailingDisk(patch, tmp_path, lambda names: names[-1] in ("write", "ftruncate"))
        for number in range(3):
            ledger.enter(SHOW, bake(number))
            flush(ledger)
    assert ledger.dropped == 3
    flush(ledger)  # also when nothing more is entered
    ledger.enter(SHOW, bake(3))
    close(ledger)
    reader = LedgerReader(path)
    found = [entry.record for entry in reader if not isinstance(entry.record, HeaderRecord)]
    assert found == [DroppedRecord(3, "No space left on device"), bake(3)]
    assert reader.torn >= 3, "not even the halves could be taken back"


def test_a_folder_that_vanishes_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "ledgers" / "ledger.jsonl"
    ledger = ledger_in(path)
    ledger.enter(SHOW, ShowRecord(30))
    flush(ledger)
    shutil.rmtree(path.parent)
    ledger.enter(SHOW, bake(1))
    close(ledger)
    assert [type(record) for record in records(path)] == [HeaderRecord, ShowRecord, BakeRecord]


def test_a_folder_that_cannot_be_made_again_costs_lines_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "ledgers" / "ledger.jsonl"
    ledger = ledger_in(path)
    shutil.rmtree(path.parent)
    path.parent.write_text("somebody's file")
    with capture_logs() as logged:
        for number in range(3):
            ledger.enter(SHOW, bake(number))
            flush(ledger)
        path.parent.unlink()
        ledger.enter(SHOW, bake(3))
        close(ledger)
    assert ledger.dropped == 3 and [line["log_level"] for line in logged] == ["error", "warning"]
    assert [type(record) for record in records(path)] == [HeaderRecord, DroppedRecord, BakeRecord]


def test_an_entry_that_makes_no_line_costs_nothing_else_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger.jsonl"
    ledger = ledger_in(path)

    def encode(entry: Entry, origin: int) -> str:
        if entry.record == bake(1):
            raise TypeError("no line can be made of it")
        return encode_line(entry, origin)

    monkeypatch.setattr(ledger_pen, "encode", encode)
    with capture_logs() as logged:
        for number in range(3):
            ledger.enter(SHOW, bake(number))
            flush(ledger)
        close(ledger)
    assert baked(path) == ["lights 0", "lights 2"] and ledger.dropped == 1
    assert DroppedRecord(1, "TypeError") in records(path)
    assert [(line["log_level"], bool(line.get("exc_info"))) for line in logged] == [("error", True), ("warning", False)]


def test_a_round_that_fails_is_named_and_the_next_one_is_made() -> None:
    made: list[int] = []

    def each_round(number: int) -> None:
        made.append(number)
        if number == 1:
            raise ValueError("a fault of ours")

    with capture_logs() as logged:
        queue = rounds.Rounds("ledger", each_round)
        queue.start()
        queue.settle(10.0)
        queue.settle(10.0)
        assert queue.stop()
    assert made[:2] == [1, 2]
    assert [(line["event"], line["cause"]) for line in logged] == [
        ("a round of writing failed", "ValueError: a fault of ours")
    ]


def test_a_hundred_thousand_records_a_second_are_bounded_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    ledger = ledger_in(path)
    for number in range(100_000):  # faster than any disk: nothing is written meanwhile
        ledger.enter(SHOW, bake(number))
    flush(ledger)
    assert ledger.dropped == 100_000 - ledger_pen.MAX_WAITING
    ledger.enter(SHOW, bake(100_000))
    close(ledger)
    found = records(path)
    lost = [record for record in found if isinstance(record, DroppedRecord)]
    assert sum(record.lines for record in lost) == ledger.dropped and lost[0].why == "more waited than may"
    kept = [record for record in found if isinstance(record, BakeRecord)]
    assert len(kept) == ledger_pen.MAX_WAITING + 1 and kept[-1] == bake(100_000)


def test_a_clock_that_is_set_back_moves_nothing(tmp_path: Path) -> None:
    class Set(VirtualClock):
        """A machine whose calendar can be set."""

        shift = 0

        def wall(self) -> int:
            return super().wall() + self.shift

    clock = Set(start=5 * SECOND)
    ledger = ledger_in(tmp_path / "ledger.jsonl", clock=clock)
    for _ in range(3):
        clock.advance(SECOND)
        clock.shift -= 3600 * SECOND
        ledger.enter(SHOW, TurnRecord("t", "c", 1, "chad"))
    close(ledger)
    _, *entries = LedgerReader(tmp_path)
    assert [entry.at for entry in entries] == [6 * SECOND, 7 * SECOND, 8 * SECOND]
    assert sorted(entry.id for entry in entries) == [entry.id for entry in entries]
    assert ledger.origin.wall_at(entries[-1].at) == ledger.origin.wall + 3 * SECOND


def test_a_device_takes_lines_without_rotation(tmp_path: Path) -> None:
    ledger = ledger_in(Path("/dev/null"), FileLimits(file_bytes=100))
    for number in range(10):
        ledger.enter(SHOW, bake(number))
        flush(ledger)
    close(ledger)
    assert ledger.dropped == 0


def test_a_ledger_that_cannot_be_written_is_refused_with_its_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "file" / "ledger.jsonl", Path("/dev/full")):
        with pytest.raises(InputError, match="the ledger cannot be written") as caught:
            ledger_in(path)
        assert "--ledger" in caught.value.remedy


def test_the_thread_writes_and_the_end_waits_for_it(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path / "ledger.jsonl")
    assert ledger.writer is not None
    ledger.writer.start()
    for number in range(1_000):
        ledger.enter(SHOW, bake(number))
    close(ledger)
    close(ledger)
    assert len(baked(tmp_path)) == 1_000 and ledger.dropped == 0


def test_a_lock_that_cannot_be_had_for_another_reason_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", fails)
    with pytest.raises(InputError, match="No locks available"):
        ledger_in(tmp_path / "ledger.jsonl")


def test_ids_of_entries_are_unique(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path / "ledger.jsonl")
    for number in range(2_000):
        ledger.enter(SHOW, bake(number))
    close(ledger)
    entries: list[Entry] = list(LedgerReader(tmp_path))
    assert len({entry.id for entry in entries}) == 2_001
