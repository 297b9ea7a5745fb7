"""The flight recorder: a run of each show, talk and call, bounded, whole whatever happens."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from duologue.clock import SECOND, VirtualClock
from duologue.errors import InputError
from duologue.settings import load_settings
from duologue.telemetry import ledger_pen, rounds
from duologue.telemetry import runs as runs_module
from duologue.telemetry.ledger import (
    CallRecord,
    ConversationRecord,
    DroppedRecord,
    EndingOutcome,
    EndingRecord,
    Entry,
    EventRecord,
    FrameRecord,
    MachineRecord,
    PacketsRecord,
    PartRecord,
    PauseRecord,
    Record,
    ShowRecord,
    SkipRecord,
    TurnRecord,
)
from duologue.telemetry.ledger_reader import LedgerReader
from duologue.telemetry.lines import encode as encode_line
from duologue.telemetry.run_shelf import DAY, Run, RunDigest, RunShelf, RunState, digest_of, read_digest, write_digest
from duologue.telemetry.runs import RunKeeping, RunRecorder, keeping_of, without_words
from duologue.telemetry.stream import HOUSE, Ledger, written
from failing_disk import FailingDisk

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

TALK = "talk:0199a3c0-5f1c-7b42-9c0e-2f6f0f1d7a11"
CALL = "line:0199a3c0-5f1c-7b42-9c0e-2f6f0000beef"
SHOW = "show:day"
MACHINE = MachineRecord(0.0, 4000.0, {"main": 5.0}, {"main": 80.0})


def keeping(folder: Path, **changes: Any) -> RunKeeping:
    return replace(RunKeeping(folder / "runs"), **changes)


def recorded(folder: Path, clock: VirtualClock | None = None, **changes: object) -> tuple[Ledger, RunRecorder]:
    """A ledger whose recorder's thread is not started: the test says when it writes."""
    ledger = Ledger(clock or VirtualClock(start=5 * SECOND))
    return ledger, ledger.keep_runs(keeping(folder, **changes))


def frame(number: int, lateness: float = -900.0) -> FrameRecord:
    return FrameRecord(number, 6, 7, 1.5, 6.5, 4_000, 8, lateness)


def records(run: Run) -> list[Record]:
    return [entry.record for entry in LedgerReader(run.folder)][1:]


@pytest.mark.parametrize(
    ("caller", "called", "outgoing", "title"),
    [("", "16", False, "somebody → 16"), ("bob", "", False, "bob → the line"), ("", "17", True, "17 called")],
)
def test_a_caller_without_a_name_is_somebody(caller: str, called: str, outgoing: bool, title: str) -> None:
    assert CallRecord("d", caller, called, "audiosocket", outgoing, "", 1, 2, "the caller hung up").ends == title


def test_each_show_talk_and_call_has_a_run_that_stands_for_itself(tmp_path: Path) -> None:
    clock = VirtualClock(start=5 * SECOND, epoch=1_790_000_000 * SECOND)
    ledger, recorder = recorded(tmp_path, clock)
    ledger.enter(SHOW, ShowRecord(30, cast=("chad", "virgin")))
    ledger.enter(SHOW, frame(0))
    ledger.enter(TALK, ConversationRecord("c", ("ada",), "friend"))
    ledger.enter(HOUSE, MACHINE)
    ledger.enter(TALK, TurnRecord("c/r1", "c", 1, "ada", "answer", state="ended", on_air=6 * SECOND))
    ledger.finish(TALK)
    ledger.enter(CALL, ConversationRecord("d", ("ada",), "caller"))
    ledger.enter("line", PacketsRecord(50, 0.4, 1.2))
    ledger.enter(HOUSE, replace(MACHINE, steal_percent=3.0))
    clock.advance(2 * SECOND)
    ledger.enter(CALL, CallRecord("d", "bob", "100", "sip", False, "ada", 1, clock.now(), "the caller hung up", 2))
    ledger.finish(CALL)
    ledger.enter(SHOW, frame(1, 3.0))
    recorder.flush()
    show, talk, call = sorted(
        RunShelf(tmp_path / "runs").runs(), key=lambda run: ["show", "talk", "call"].index(run.digest.what)
    )
    assert [run.id for run in (show, talk, call)] == [
        "20260921-141320-show-day", "20260921-141320-talk-0f1d7a11", "20260921-141320-call-0000beef",
    ]  # fmt: skip
    assert [run.state for run in (show, talk, call)] == [RunState.LIVE, RunState.OVER, RunState.OVER]
    assert [type(each).__name__ for each in records(talk)] == [
        "ConversationRecord",
        "MachineRecord",
        "TurnRecord",
        "OverRecord",
    ]
    kinds = [type(each).__name__ for each in records(call)]
    assert kinds == ["ConversationRecord", "PacketsRecord", "MachineRecord", "CallRecord", "OverRecord"]
    assert (talk.digest.turns, talk.digest.title, call.digest.title) == (1, "friend with ada", "bob → 100, ada")
    assert call.digest.seconds == 2.0 and call.size == sum(each.stat().st_size for each in call.folder.glob("*.jsonl"))
    recorder.close()
    (show,) = (run for run in RunShelf(tmp_path / "runs").runs() if run.digest.what == "show")
    assert (show.digest.frames, show.digest.late, show.digest.title) == (2, 1, "chad & virgin")
    assert show.state is RunState.CUT_OFF, "its part never said that it was over"
    assert len([each for each in records(show) if isinstance(each, MachineRecord)]) == 2
    assert stat.S_IMODE((tmp_path / "runs").stat().st_mode) == stat.S_IMODE(show.folder.stat().st_mode) == 0o700


def test_a_session_of_the_realtime_api_is_a_talk(tmp_path: Path) -> None:
    clock = VirtualClock(start=5 * SECOND, epoch=1_790_000_000 * SECOND)
    ledger, recorder = recorded(tmp_path, clock)
    of = "api:0199a3c0-5f1c-7b42-9c0e-2f6f0000cafe"
    ledger.enter(of, ConversationRecord("c", ("ada",), "friend"))
    ledger.enter("api", PartRecord("api", "up"))
    ledger.enter(of, TurnRecord("c/r1", "c", 1, "ada", "answer", state="ended", on_air=6 * SECOND))
    ledger.finish(of)
    recorder.close()
    (run,) = RunShelf(tmp_path / "runs").runs()
    assert (run.id, run.digest.what, run.digest.of) == ("20260921-141320-api-0000cafe", "talk", of)
    assert (run.digest.title, run.digest.turns, run.state) == ("friend with ada", 1, RunState.OVER)


def test_a_show_is_called_by_its_first_topic_and_a_talk_by_who_is_in_it() -> None:
    digest = RunDigest.begin("show:day", 0)
    abouts: list[str] = []
    digest.take(ShowRecord(30, cast=("chad", "virgin")), 1, 0)
    for topic in ("", "tea", "pigeons", "leg day"):
        abouts.append(digest.about)
        digest.take(ConversationRecord("c", ("chad", "virgin"), topic=topic), 2, 0)
    assert [*abouts, digest.about] == ["chad & virgin", "chad & virgin", "tea", "tea and 1 more", "tea and 2 more"]
    talk = RunDigest.begin("talk:t", 0)
    for person in ("a guest", "friend"):
        talk.take(ConversationRecord("t", ("ada",), person), 1, 0)
    assert talk.about == "friend with ada"


def test_an_entry_has_one_id_in_all_files(tmp_path: Path) -> None:
    ledger, recorder = recorded(tmp_path)
    writer = ledger.write_to(tmp_path / "ledger.jsonl")
    ledger.enter(SHOW, ShowRecord(30))
    ledger.enter(TALK, ConversationRecord("c", ("ada",), "friend"))
    ledger.enter(HOUSE, MACHINE)
    recorder.close()
    writer.close()
    files = [tmp_path / "ledger.jsonl", *(run.ledger for run in RunShelf(tmp_path / "runs").runs())]
    ids = [{entry.id for entry in LedgerReader(file) if isinstance(entry.record, MachineRecord)} for file in files]
    assert len(ids) == 3 and ids[0] == ids[1] == ids[2] and len(ids[0]) == 1


def test_a_second_one_of_the_same_name_and_second_has_a_folder_of_its_own(tmp_path: Path) -> None:
    ledger, recorder = recorded(tmp_path)
    for _ in range(2):
        ledger.enter(SHOW, ShowRecord(30))
        ledger.finish(SHOW)
    ledger.enter(SHOW, frame(0))  # of no run: nothing has begun
    recorder.close()
    first, second = RunShelf(tmp_path / "runs").runs()
    assert second.id == f"{first.id}-2" and first.digest.over and second.digest.over and not second.digest.frames


def test_what_was_killed_is_listed_with_all_that_it_had_kept(tmp_path: Path) -> None:
    ledger, recorder = recorded(tmp_path)
    ledger.enter(SHOW, ShowRecord(30))
    for number in range(40):
        ledger.enter(SHOW, frame(number))
    recorder.flush()
    shelf = RunShelf(tmp_path / "runs")
    (run,) = shelf.runs()
    assert read_digest(run.folder) is None and (run.digest.frames, run.state) == (40, RunState.LIVE)
    os.truncate(run.ledger, run.size - 10)  # the power went in the middle of a line
    assert shelf.runs()[0].digest.frames == 39
    (run.folder / "run.json").write_text('{"of": "show:')
    assert shelf.runs()[0].digest.frames == 39, "half a digest is none"
    with pytest.raises(InputError, match="still goes on"):
        shelf.remove(run)
    recorder.close()
    assert shelf.runs()[0].state is RunState.CUT_OFF
    shelf.remove(run)
    assert shelf.runs() == []


def test_what_goes_on_or_was_killed_began_when_it_did_and_not_with_its_house(tmp_path: Path) -> None:
    clock = VirtualClock(start=5 * SECOND, epoch=1_790_000_000 * SECOND)
    ledger, recorder = recorded(tmp_path, clock)
    clock.advance(2 * DAY)
    ledger.enter(CALL, ConversationRecord("c", ("ada",), "caller"))
    ledger.finish(CALL)
    recorder.flush()
    clock.advance(60 * SECOND)
    ledger.enter(TALK, ConversationRecord("d", ("ada",), "friend"))
    clock.advance(3 * SECOND)
    ledger.enter(TALK, EventRecord("Heard", {}))
    recorder.flush()
    shelf = RunShelf(tmp_path / "runs")
    talk = shelf.find("last")
    assert read_digest(talk.folder) is None and talk.digest.what == "talk"
    assert (talk.digest.seconds, talk.digest.began - shelf.runs()[0].digest.began) == (3.0, 60 * SECOND)
    recorder.close()


def test_a_full_queue_drops_no_beginning_and_no_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs_module, "MAX_WAITING", 10)
    ledger, recorder = recorded(tmp_path)
    ledger.enter(SHOW, ShowRecord(30))
    for number in range(15):
        ledger.enter(SHOW, frame(number))
    ledger.enter(TALK, ConversationRecord("c", ("ada",), "friend"))
    ledger.finish(TALK)
    ledger.finish(SHOW)
    recorder.flush()
    assert [run.state for run in RunShelf(tmp_path / "runs").runs()] == [RunState.OVER] * 2
    assert recorder.dropped == 6
    recorder.close()


def test_a_digest_is_what_the_ledger_says(tmp_path: Path) -> None:
    ledger, recorder = recorded(tmp_path)
    ledger.enter(SHOW, ShowRecord(30, cast=("chad",)))
    ledger.enter(SHOW, frame(0, 5.0))
    ledger.enter(SHOW, SkipRecord(7 * SECOND, 1, 31, 1600.0))
    ledger.enter(SHOW, ConversationRecord("c", ("chad",), topic="tea"))
    ledger.enter(SHOW, TurnRecord("c-1", "c", 1, "chad", state="ended", on_air=3, ended=4))
    ledger.finish(SHOW)
    recorder.close()
    (run,) = RunShelf(tmp_path / "runs").runs()
    written_down = read_digest(run.folder)
    assert written_down is not None and written_down == digest_of(run.ledger)
    assert (written_down.late, written_down.left_out, written_down.title) == (1, 30, "tea")


def test_a_long_run_keeps_the_newest_and_every_file_says_what_it_is_of(tmp_path: Path) -> None:
    ledger, recorder = recorded(tmp_path, run_bytes=16_000_000)
    ledger.enter(SHOW, ShowRecord(30))
    for number in range(90_000):
        ledger.enter(SHOW, frame(number))
        if number % 10_000 == 9_999:
            recorder.flush()
    recorder.close()
    (run,) = RunShelf(tmp_path / "runs").runs()
    assert run.size <= 16_000_000 and run.digest.frames == 90_000
    kept = [each for each in records(run) if isinstance(each, FrameRecord)]
    assert kept[-1].number == 89_999 and kept[0].number > 0 and isinstance(records(run)[0], ShowRecord)
    assert [each.number for each in kept] == list(range(kept[0].number, 90_000))


def a_run(folder: Path, seconds: int, size: int, over: bool = True) -> None:
    clock = VirtualClock(start=0, epoch=1_790_000_000 * SECOND + seconds * SECOND)
    ledger, recorder = recorded(folder, clock)
    ledger.enter(SHOW, ShowRecord(30, room="x" * size))
    if over:
        ledger.finish(SHOW)
    recorder.close()


def test_old_runs_go_by_age_and_by_size_and_none_that_is_written(tmp_path: Path) -> None:
    for number in range(5):
        a_run(tmp_path, number * 3600, 10_000)
    shelf = RunShelf(tmp_path / "runs")
    oldest, second, third, *_ = shelf.runs()
    now = 1_790_000_000 * SECOND + 4 * 3600 * SECOND
    assert shelf.prune(10**9, 1.0, now) == []
    assert [run.id for run in shelf.prune(10**9, 3.5 / 24, now)] == [oldest.id]
    size = sum(run.size for run in shelf.runs())
    assert [run.id for run in shelf.prune(size - 1, 99.0, now, spare=[second.folder])] == [third.id]
    ledger, recorder = recorded(tmp_path, VirtualClock(epoch=1_700_000_000 * SECOND))  # long ago, and it goes on
    ledger.enter(SHOW, ShowRecord(30))
    recorder.flush()
    assert [run.state for run in shelf.runs()] == [RunState.LIVE, *[RunState.OVER] * 3]
    assert len(shelf.prune(0, 99.0, now)) == 3
    assert [run.state for run in shelf.runs()] == [RunState.LIVE]
    recorder.close()


def test_the_recorder_prunes_by_itself(tmp_path: Path) -> None:
    for number in range(3):
        a_run(tmp_path, number, 400_000)
    clock = VirtualClock(epoch=1_790_000_010 * SECOND)
    ledger, recorder = recorded(tmp_path, clock, keep_bytes=900_000)
    recorder.prune()
    assert len(RunShelf(tmp_path / "runs").runs()) == 2
    clock.advance(int(15 * DAY))
    ledger.enter(HOUSE, MACHINE)
    recorder.flush()
    recorder.prune()
    assert RunShelf(tmp_path / "runs").runs() == []


def test_a_disk_that_takes_nothing_stops_nobody_and_is_named_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def emptied(names: list[str]) -> bool:
        return not names

    disk = FailingDisk(monkeypatch, tmp_path, emptied)
    ledger, recorder = recorded(tmp_path)
    ledger.enter(SHOW, ShowRecord(30))
    recorder.flush()

    def full(names: list[str]) -> bool:
        return names[-1] in ("write", "open")

    disk.fails = full
    with capture_logs() as logs:
        for number in range(3):
            ledger.enter(SHOW, frame(number))
            ledger.enter(f"show:other-{number}", ShowRecord(30))
            recorder.flush()
    assert sorted(each["event"] for each in logs if each["log_level"] == "error") == [
        "a run is not kept", "the ledger cannot be written",
    ]  # fmt: skip
    assert recorder.dropped == 3 + 3
    disk.fails = emptied
    ledger.enter(SHOW, frame(3))
    recorder.close()
    (run,) = RunShelf(tmp_path / "runs").runs()
    assert [each.lines for each in records(run) if isinstance(each, DroppedRecord)] == [3] and run.digest.lost == 3


def test_a_folder_that_cannot_be_is_no_reason_for_a_show_not_to_begin(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    ledger, recorder = recorded(tmp_path)
    with capture_logs() as logs:
        ledger.enter(SHOW, ShowRecord(30))
        recorder.flush()
        recorder.prune()
        recorder.close()
    assert {each["event"] for each in logs} == {"a run is not kept"} and recorder.dropped == 1


def test_what_waits_is_bounded_and_the_lost_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs_module, "MAX_WAITING", 10)
    ledger, recorder = recorded(tmp_path)
    ledger.enter(SHOW, ShowRecord(30))
    recorder.flush()
    for number in range(25):
        ledger.enter(SHOW, frame(number))
    recorder.close()
    (run,) = RunShelf(tmp_path / "runs").runs()
    assert recorder.dropped == 15 and run.digest.lost == 15 and run.digest.frames == 10
    assert DroppedRecord(15, "more waited than may") in records(run)


def test_an_entry_that_makes_no_line_costs_nothing_but_itself_and_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, recorder = recorded(tmp_path)
    bad = replace(MACHINE, steal_percent=77.0)

    def encode(entry: Entry, origin: int) -> str:
        if entry.record in (bad, frame(1)):
            raise TypeError("no line can be made of it")
        return encode_line(entry, origin)

    monkeypatch.setattr(ledger_pen, "encode", encode)
    ledger.enter(SHOW, ShowRecord(30))
    ledger.enter(TALK, ConversationRecord("c", ("ada",), "friend"))
    for number in range(3):
        ledger.enter(SHOW, frame(number))
        ledger.enter(HOUSE, bad if number == 1 else MACHINE)
    with capture_logs() as logged:
        recorder.close()
    show, talk = sorted(RunShelf(tmp_path / "runs").runs(), key=lambda run: run.digest.what)
    assert records(show) == [DroppedRecord(2, "TypeError"), ShowRecord(30), frame(0), MACHINE, frame(2), MACHINE]
    assert [each for each in records(talk) if isinstance(each, MachineRecord)] == [MACHINE, MACHINE]
    assert recorder.dropped == 3, "one of the show's, and the house's in both runs"
    assert (show.digest.lost, talk.digest.lost) == (2, 1)
    assert {line["event"] for line in logged if line["log_level"] == "error"} == {"the ledger cannot be written"}


def test_a_storm_of_runs_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs_module, "MOST_RUNS", 3)
    ledger, recorder = recorded(tmp_path)
    for number in range(5):
        ledger.enter(f"line:{number:08}", ConversationRecord("c", ("ada",), "caller"))
    recorder.close()
    assert len(RunShelf(tmp_path / "runs").runs()) == 3 and recorder.dropped == 2


def test_a_run_is_found_by_its_id_a_part_of_it_or_as_the_last(tmp_path: Path) -> None:
    for number in range(3):
        a_run(tmp_path, number, 1)
    shelf = RunShelf(tmp_path / "runs")
    there = shelf.runs()
    assert shelf.find(there[0].id) == there[0] and shelf.find("141321") == there[1] and shelf.find("last") == there[2]
    with pytest.raises(InputError, match="3 runs have 'show'"):
        shelf.find("show")
    for name in ("", "nothing"):
        with pytest.raises(InputError, match="there is no run"):
            shelf.find(name)
    with pytest.raises(InputError, match="there is no run 'last'"):
        RunShelf(tmp_path / "none").find("last")


def test_without_words_times_and_decisions_stay(tmp_path: Path) -> None:
    turn = TurnRecord("c/r1", "c", 1, "ada", text="my secret", heard="my", state="ended", on_air=7)
    told = {"reply": "r1", "text": "my secret", "at": 5, "utterance": {"id": "u", "text": "my secret", "seconds": 1.0}}
    ending = EndingRecord("c", "p1", 5, "finished", 350, 352.0, "my secret", (), EndingOutcome.ANSWERED)
    ledger, recorder = recorded(tmp_path, words=False)
    ledger.enter(TALK, ConversationRecord("c", ("ada",), "friend", "my secret"))
    for record in (turn, ending, EventRecord("Understood", told | {"words": ["my", "secret"], "why": "finished"})):
        ledger.enter(TALK, record)
    recorder.close()
    (run,) = RunShelf(tmp_path / "runs").runs()
    assert "secret" not in run.ledger.read_text() and "secret" not in (run.folder / "run.json").read_text()
    _, kept, decision, event, *_ = records(run)
    assert (
        kept == replace(turn, text="", heard="") and isinstance(decision, EndingRecord) and decision.why == "finished"
    )
    assert isinstance(event, EventRecord) and event.told["reply"] == "r1" and event.told["why"] == "finished"
    assert event.told["utterance"] == {"id": "u", "text": "", "seconds": 1.0} and event.told["at"] == 5
    assert without_words(MACHINE) is MACHINE


def test_what_is_of_the_house_waits_until_a_run_has_something_of_its_own(tmp_path: Path) -> None:
    """Fifty conversations in which nothing happens are no fifty writings a round."""
    ledger, recorder = recorded(tmp_path)
    ledger.enter(TALK, ConversationRecord("c", ("ada",), "friend"))
    recorder.flush(everything=False)
    (run,) = RunShelf(tmp_path / "runs").runs()
    ledger.enter(HOUSE, MACHINE)
    recorder.flush(everything=False)
    assert len(records(run)) == 1
    ledger.enter(TALK, TurnRecord("c/r1", "c", 1, "ada", "answer", state="ended"))
    recorder.flush(everything=False)
    assert [type(each).__name__ for each in records(run)][1:] == ["MachineRecord", "TurnRecord"]
    ledger.enter(HOUSE, MACHINE)
    recorder.start()
    recorder.settle()
    assert len(records(run)) == 4
    recorder.close()


async def test_it_is_kept_while_the_ledger_is_open_and_a_slow_disk_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs_module, "SLOW_DISK_MS", -1.0)
    monkeypatch.setattr(rounds, "PERIOD_SECONDS", 0.01)
    noticed = asyncio.Event()
    ledger = Ledger()
    ledger.watch(lambda entry: noticed.set() if isinstance(entry.record, PauseRecord) else None)
    async with written(ledger, None, runs=keeping(tmp_path)):
        ledger.enter(SHOW, ShowRecord(30))
        async with asyncio.timeout(10):
            await noticed.wait()
        ledger.finish(SHOW)
    (run,) = RunShelf(tmp_path / "runs").runs()
    assert run.state is RunState.OVER
    assert {each.what for each in records(run) if isinstance(each, PauseRecord)} <= {"disk"}


def test_the_settings_say_where_and_how_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    usual = keeping_of(load_settings({}).runs)
    assert usual == RunKeeping(tmp_path / "duologue" / "runs", 2_000_000_000, 14.0, 500_000_000, words=True)
    assert keeping_of(load_settings(assigned={"runs.keep": "false"}).runs) is None
    with pytest.raises(InputError, match="below run_mb"):
        load_settings(assigned={"runs.keep_mb": "20"})


def test_lines_are_read_by_json_alone(tmp_path: Path) -> None:
    """As DuckDB and pandas read them: one object a line, one value of one kind under a name of a kind of line."""
    a_run(tmp_path, 0, 3)
    (run,) = RunShelf(tmp_path / "runs").runs()
    lines = [json.loads(line) for line in run.ledger.read_text("utf-8").splitlines()]
    assert [line["kind"] for line in lines] == ["header", "show", "over"]
    assert all({"v", "id", "at", "kind", "of"} <= set(line) for line in lines)


def test_a_digest_from_before_a_field_was_there_is_read_and_its_ledger_is_not(tmp_path: Path) -> None:
    a_run(tmp_path, 0, 3)
    (run,) = RunShelf(tmp_path / "runs").runs()
    told = json.loads((run.folder / "run.json").read_text("utf-8"))
    del told["recording"]
    (run.folder / "run.json").write_text(json.dumps({**told, "frames": 70}), "utf-8")
    assert read_digest(run.folder) == replace(run.digest, frames=70)


def test_a_digest_is_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_run(tmp_path, 0, 3)
    (run,) = RunShelf(tmp_path / "runs").runs()
    FailingDisk(monkeypatch, tmp_path, lambda names: names[-1] == "replace")
    with pytest.raises(OSError, match="No space"):
        write_digest(run.folder, replace(run.digest, frames=7))
    assert read_digest(run.folder) == run.digest
