"""`duologue report`: from a ledger to why an answer was slow, and what a show's frames took."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from duologue.cli.main import build
from duologue.clock import MILLISECOND, VirtualClock
from duologue.errors import InputError
from duologue.telemetry.ledger import (
    BakeRecord,
    Cause,
    ConversationRecord,
    EndingOutcome,
    EndingRecord,
    FrameRecord,
    GovernorStep,
    PartRecord,
    Record,
    ShowRecord,
    SkipRecord,
    StepRecord,
    TurnRecord,
    WorkerRecord,
)
from duologue.telemetry.stream import Ledger

PERSON = TurnRecord("c/p1", "c", 1, "p", "person", "what time is it", "what time is it", state="ended")
ANSWER = TurnRecord(
    "c/r1", "c", 2, "ada", "answer", "Noon.", "Noon.", state="ended", question="c/p1", why="question",
    spoken_to=1_000 * MILLISECOND, decided=1_300 * MILLISECOND, understood=1_350 * MILLISECOND,
    asked=1_350 * MILLISECOND, first_token=2_350 * MILLISECOND, first_sentence=2_400 * MILLISECOND,
    first_audio=2_450 * MILLISECOND, on_air=2_460 * MILLISECOND, handovers=("openai failed: 429; improv took over",),
)  # fmt: skip
EARLY = EndingRecord("c", "c/p1", 900 * MILLISECOND, "unsure", 650, 650.0, "what", (200.0,), EndingOutcome.WENT_ON)
TALK = (ConversationRecord("c", ("ada",), "p"), PERSON, ANSWER, EARLY)
LINE = TurnRecord(
    "s-1", "s", 1, "chad", text="Tea.", state="ended", asked=10 * MILLISECOND, first_token=50 * MILLISECOND,
    text_complete=60 * MILLISECOND, voiced=100 * MILLISECOND, on_air=900 * MILLISECOND, ended=2_000 * MILLISECOND,
    waited_ms=120.0, failure="voice: it hung",
)  # fmt: skip
SHOW = (
    ShowRecord(25, 640, 360, ("chad", "virgin")),
    *(FrameRecord(number, 0, 0, 1.0, 6.0, 0, 0, -900.0) for number in range(98)),
    FrameRecord(98, 0, 0, 2.0, 39.0, 0, 0, 12.5, Cause.ENCODE),
    FrameRecord(99, 0, 0, 30.0, 40.0, 0, 0, 40.0, Cause.STALL, periods=2),
    StepRecord(5, 90, GovernorStep.RATE, GovernorStep.FULL, 120.0, "a lead of 120 ms"),
    SkipRecord(7, 100, 145, 1_510.0),
    BakeRecord(8, "lights", 300.0),
    LINE,
)
WORKERS = (
    *(WorkerRecord("stage", state, restarts=count) for state, count in [("up", 0), ("restarting", 1), ("up", 1)]),
    *(WorkerRecord("espeak", state, restarts=count) for state, count in [("up", 2), ("idle", 3), ("up", 3)]),
    WorkerRecord("stage", "idle"),  # the house was started anew
    WorkerRecord("stage", "restarting", "it hung", 1),
)


FAILED = (
    PartRecord("day", "restarting", "the disk is full", 1),
    PartRecord("day", "up", restarts=1),
    PartRecord("day", "restarting", "the disk is full", 2),
    PartRecord("day", "failed", "no room", 2),
)


def write(path: Path, of: str, *records: Record) -> Path:
    ledger = Ledger(VirtualClock(start=1))
    writer = ledger.write_to(path, of)
    for record in records:
        ledger.enter(of, record)
    writer.close()
    return path


def told(*arguments: str) -> str:
    result = CliRunner().invoke(build(["report"]), ["report", *arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_the_slowest_stage_and_its_causes_are_named(tmp_path: Path) -> None:
    path = write(tmp_path / "talk.jsonl", "talk:c", *TALK)
    with path.open("a") as file:
        file.write('{"v": 1, "eve')  # the machine stopped
    out = told(str(path))
    assert "1460 ms first token 1000" in out and "what time is it" in out
    assert (
        "turn 2 (ada to “what time is it”): openai failed: 429; improv took over\n" in out
        and "too early: 650 ms (unsure)" in out
    )
    *_, silence, torn = out.splitlines()
    assert silence.split() == ["silence", "1460", "1460", "1460", "1"]
    assert torn.startswith("1 line was torn")


def test_two_forms_at_once_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "talk.jsonl", "talk:c", *TALK)
    with pytest.raises(InputError, match="one form"):
        told(str(path), "--md", "--json")
    with pytest.raises(InputError, match="written or printed"):
        CliRunner().invoke(
            build(["analyze"]), ["analyze", str(path), "-o", str(tmp_path / "a.md"), "--json"], catch_exceptions=False
        )
    assert not (tmp_path / "a.md").exists()


def test_a_part_of_which_there_is_nothing_to_say_is_not_named(tmp_path: Path) -> None:
    write(tmp_path / "house.jsonl", "house", PartRecord("day", "up"))
    out = told(str(write(tmp_path / "talk.jsonl", "talk:c", *TALK).parent))
    assert "talk:c" in out.splitlines() and "house" not in out.splitlines()


def test_a_greeting_is_none_of_the_answers_whose_stages_are_told(tmp_path: Path) -> None:
    greeting = replace(ANSWER, id="c/r0", question="", spoken_to=0, decided=0, understood=0, handovers=())
    out = told(str(write(tmp_path / "talk.jsonl", "talk:c", *TALK[:1], greeting, *TALK[1:])))
    rows = {line[:16].strip(): line[16:].split() for line in out.splitlines()}
    assert {rows[name][-1] for name in ("first token", "voice", "playout", "silence")} == {"1"}


def test_it_opens_with_the_verdict_what_to_mend_and_what_was_over_its_budget(tmp_path: Path) -> None:
    path = write(tmp_path / "talk.jsonl", "talk:c", *TALK)
    first, mend, *rest = told(str(path)).splitlines()
    assert first.startswith("One answer came, after 1.46 s, no longer than 2 s.") and mend.startswith("1. ")
    assert not [line for line in rest if line.startswith("over its budget")]
    limits = tmp_path / "budgets.toml"
    limits.write_text("[budgets]\nanswer_ms = 1200\n")
    out = told(str(path), "--budgets", str(limits))
    assert "over its budget of 1200 ms: answer, 1 of 1 times; 95 % within 1460 ms, 1460 at most" in out
    assert "- openai failed: 429; improv took over" in told(str(path), "--md").splitlines()


def test_a_show_is_told_by_its_frames_and_its_turns(tmp_path: Path) -> None:
    write(tmp_path / "house.jsonl", "house", *WORKERS)
    out = told(str(write(tmp_path / "ledger.jsonl", "show:day", *SHOW, *FAILED).parent))
    assert "frames 100, late 2, over budget 1, left out 45; each 7.0 ms p50, 41.0 p99, 70.0 at most" in out
    assert "causes encode 1, stall 1" in out
    assert "step full → rate at frame 90: a lead of 120 ms" in out
    assert "skip from frame 100 to 145, being 1510 ms late" in out
    assert "it failed 2 times: the disk is full" in out and "it failed: no room" in out
    assert "stage was started again 2 times" in out and "turn 1 (chad: Tea.): voice: it hung" in out
    rows = {line[:16].strip(): line[16:].split() for line in out.splitlines()}
    assert rows["playout"] == ["800", "800", "800", "1"] and rows["waits"] == ["120", "120", "120", "1"]


def test_several_ledgers_and_all_of_them_as_json(tmp_path: Path) -> None:
    talk = write(tmp_path / "talk.jsonl", "talk:c", *TALK)
    other = write(tmp_path / "talk-2.jsonl", "talk:d", *(replace(each) for each in TALK[1:3]))  # type: ignore[type-var]
    show = write(tmp_path / "show" / "ledger.jsonl", "show:day", *SHOW)
    house = write(tmp_path / "show" / "ledger-2.jsonl", "house", *WORKERS)
    out = told(str(talk), str(other), str(show), str(house))
    assert "  stage was started again 2 times\n  espeak was started again 3 times\n" in out
    rows = {line[:16].strip(): line[16:].split() for line in out.splitlines()}
    assert rows["silence"] == ["1460", "1460", "1460", "2"]
    found = json.loads(told(str(tmp_path), "--json"))
    parts = {part["of"]: part for part in found["parts"]}
    assert set(parts) == {"talk:c", "talk:d", "show:day", "house"}
    frames = parts["show:day"]["frames"]
    assert (frames["count"], frames["late"], frames["over_budget"], frames["skipped"]) == (100, 2, 1, 45)
    assert frames["causes"] == {"encode": 1, "stall": 1}
    assert parts["house"]["restarts"] == {"stage": 2, "espeak": 3} and parts["show:day"]["restarts"] == {}
    assert parts["talk:c"]["turns"][1]["stages"]["first_token"] == 1000
    assert parts["talk:c"]["stages"]["silence"] == {"count": 1, "p50": 1460, "p95": 1460, "most": 1460}
    assert parts["talk:c"]["too_early"] == 1 and found["torn"] == 0


def test_what_got_worse_is_the_exit_code_and_a_chapter_of_the_file(tmp_path: Path) -> None:
    def talks(name: str, slower: int) -> Path:
        answers = [
            replace(ANSWER, id=f"c/r{number}", handovers=(), on_air=ANSWER.on_air + (slower + number % 5) * MILLISECOND)
            for number in range(12)
        ]
        return write(tmp_path / name, "talk:c", TALK[0], PERSON, *answers)

    old, new, page = talks("old.jsonl", 0), talks("new.jsonl", 900), tmp_path / "new.html"
    done = CliRunner().invoke(build(["report"]), ["report", str(new), "--against", str(old), "-o", str(page)])
    assert done.exit_code == 1 and "| silence before an answer, middle |" in done.output and "| worse |" in done.output
    assert "What changed" in page.read_text("utf-8")
    assert "| better |" in told(str(old), "--against", str(new))
    found = json.loads(told(str(old), "--against", str(old), "--json"))
    assert {each["outcome"] for each in found["changes"]} == {"no change beyond noise"} and found["gone"] == []


def test_an_empty_talk_and_a_missing_one(tmp_path: Path) -> None:
    assert "No answer to speech is in it." in told(str(write(tmp_path / "talk.jsonl", "talk:c")))
    with pytest.raises(InputError, match="there is no ledger"):
        told(str(tmp_path / "none.jsonl"))
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(InputError, match="no ledger"):
        told(str(tmp_path / "notes.txt"))
