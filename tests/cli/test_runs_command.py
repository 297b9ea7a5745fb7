"""`duologue runs`, and `duologue report` of a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from duologue.cli.main import build
from duologue.clock import SECOND, VirtualClock
from duologue.errors import InputError
from duologue.telemetry.ledger import ConversationRecord, FrameRecord, RecordingRecord, ShowRecord, TurnRecord
from duologue.telemetry.runs import RunKeeping
from duologue.telemetry.stream import Ledger
from trace_reader import check_trace

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A show with a late frame, and a talk."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "duologue" / "runs"
    for number, of in enumerate(("show:day", "talk:0199a3c0-5f1c-7b42-9c0e-2f6f0f1d7a11")):
        clock = VirtualClock(start=SECOND, epoch=1_790_000_000 * SECOND + number * SECOND)
        ledger = Ledger(clock)
        recorder = ledger.keep_runs(RunKeeping(folder))
        if of.startswith("show"):
            ledger.enter(of, ShowRecord(30, cast=("chad",)))
            for frame in range(30):
                ledger.enter(
                    of, FrameRecord(frame, SECOND, SECOND, 1.0, 6.0, 10, SECOND, 4.0 if frame == 7 else -900.0)
                )
        else:
            ledger.enter(of, ConversationRecord("c", ("ada",), "friend"))
            ledger.enter(of, RecordingRecord(SECOND, str(folder.parent / "talk.opus")))
            ledger.enter(of, TurnRecord("c/r1", "c", 1, "ada", "answer", "Hi.", "Hi.", state="ended", on_air=SECOND))
        clock.advance(90 * SECOND)
        ledger.finish(of)
        recorder.close()
    return folder


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(build(arguments), list(arguments))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.mark.parametrize("words", [("runs", "remove", "last"), ("models", "remove", "kokoro"), ("store", "migrate")])
def test_options_of_a_group_before_its_command_are_refused_for_they_would_go_unheard(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    """``runs --config other.toml remove last`` removed a run of the folder that is usual."""
    group, *rest = words
    with pytest.raises(InputError, match="--config and --json before"):
        run(group, "--config", str(tmp_path / "other.toml"), "--json", *rest)


def told(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


def test_runs_are_listed_with_what_a_person_wants_to_know(kept: Path) -> None:
    head, show, talk = told("runs").splitlines()
    assert head.split() == [
        "run",
        "what",
        "it",
        "is",
        "about",
        "state",
        "long",
        "turns",
        "frames",
        "late",
        "size",
        "sound",
    ]
    assert show.split()[:8] == ["20260921-141320-show-day", "chad", "over", "1:30", "0", "30", "1", "0.0"]
    assert talk.split()[:8] == ["20260921-141321-talk-0f1d7a11", "friend", "with", "ada", "over", "1:30", "1", "0.0"]
    first, second = json.loads(told("runs", "--json"))
    assert first["began"] == "2026-09-21T14:13:20Z" and (first["frames"], first["late"], first["seconds"]) == (
        30,
        1,
        90.0,
    )
    assert second["what"] == "talk" and second["turns"] == 1 and Path(second["folder"]).parent == kept
    assert first["recording"] == "" and second["recording"] == str(kept.parent / "talk.opus")


def test_a_run_says_whether_its_sound_is_there(kept: Path) -> None:
    assert not any("kept" in row for row in told("runs").splitlines())  # the file is not there
    (kept.parent / "talk.opus").write_bytes(b"OggS")
    assert [row.endswith("kept") for row in told("runs").splitlines()] == [False, False, True]
    assert "the sound was kept" in told("report", "last", "--md")
    assert "the sound was kept" not in told("report", "show-day", "--md")


def test_a_run_is_removed_by_a_part_of_its_name(kept: Path) -> None:
    assert "removed" in told("runs", "remove", "show-day")
    assert [each["what"] for each in json.loads(told("runs", "--json"))] == ["talk"]
    with pytest.raises(InputError, match="there is no run"):
        run("runs", "remove", "show-day")
    told("runs", "remove", "last")
    assert "No run is kept" in told("runs")


def test_a_run_that_is_named_twice_is_one(kept: Path) -> None:
    found = json.loads(told("report", "show-day", "20260921-141320-show-day", "last", "--json"))
    assert len(found["sources"]) == 2 and len(found["shows"]) == 1
    assert told("runs", "remove", "last", "talk").count("removed") == 1


def test_a_run_is_reported_by_name_and_the_newest_by_none(kept: Path, tmp_path: Path) -> None:
    assert "frames 30, late 1" in told("report", "show-day")
    assert "talk:0199a3c0" in told("report") and "talk:0199a3c0" in told("report", "last")
    assert "Of 30 frames" in told("report", "show-day", "-o", "report.html")
    assert (tmp_path / "report.html").read_text("utf-8").startswith("<!doctype html>")
    told("report", "show-day", "-o", "report.md")
    assert (tmp_path / "report.md").read_text("utf-8") == told("report", "show-day", "--md")
    assert json.loads(told("report", "show-day", "--json"))["shows"][0]["late"] == 1
    for out, what in (("report.pdf", "HTML, Markdown or JSON"), ("none/report.html", "cannot be written")):
        with pytest.raises(Exception, match=what):
            run("report", "show-day", "-o", out)


def test_a_run_as_a_trace_and_against_another(kept: Path, tmp_path: Path) -> None:
    assert "events" in told("report", "show-day", "--trace", "trace.json")
    assert check_trace(json.loads((tmp_path / "trace.json").read_text()))["X"] == 60  # each frame is drawn and encoded
    told("report", "talk", "show-day", "--trace", "both.json")
    both = json.loads((tmp_path / "both.json").read_text())
    check_trace(both)
    for form in ("--json", "--md"):  # whoever reads that reads nothing else
        result = run("report", "show-day", form, "--trace", "trace.json", "-o", "report.html")
        assert result.stdout == told("report", "show-day", form) and result.stderr.count("trace.json: ") == 1
        assert "report.html: Of 30 frames" in result.stderr
    names = [each["args"]["name"] for each in both["traceEvents"] if each["name"] == "process_name"]
    assert names[0] == "show:day" and any(name.startswith("talk:") for name in names)  # the earliest first
    result = run("report", "show-day", "--against", "show-day", "--json")
    assert result.exit_code == 0 and json.loads(result.output)["changes"]
    with pytest.raises(InputError, match="there is no run 'nobody'"):
        run("report", "nobody")


def test_worse_is_told_by_the_exit_code(kept: Path, tmp_path: Path) -> None:
    for name, cost in (("before", 6.0), ("after", 26.0)):
        ledger = Ledger(VirtualClock(start=SECOND))
        writer = ledger.write_to(tmp_path / f"{name}.jsonl")
        ledger.enter("show:day", ShowRecord(30))
        for frame in range(600):
            ledger.enter("show:day", FrameRecord(frame, SECOND, SECOND, 1.0, cost + frame % 5, 10, SECOND, -900.0))
        writer.close()
    assert run("report", "after.jsonl", "--against", "before.jsonl").exit_code == 1
    assert run("report", "before.jsonl", "--against", "after.jsonl").exit_code == 0


def test_a_minute_of_a_run_is_reported(kept: Path, tmp_path: Path) -> None:
    clock = VirtualClock(start=SECOND, epoch=1_790_000_100 * SECOND)
    ledger = Ledger(clock)
    recorder = ledger.keep_runs(RunKeeping(kept))
    ledger.enter("show:night", ShowRecord(30, cast=("chad",)))
    for frame in range(300):
        at = clock.now()
        ledger.enter("show:night", FrameRecord(frame, at, at, 1.0, 6.0, 10, at, 4.0 if frame == 200 else -900.0))
        clock.advance(SECOND)
    ledger.finish("show:night")
    recorder.close()
    (chapter,) = json.loads(told("report", "show-night", "--json", "--since", "3:20", "--until", "4:20"))["shows"]
    assert (chapter["frames"], chapter["late"], chapter["seconds"]) == (61, 1, 60.0)
    (whole,) = json.loads(told("report", "show-night", "--json", "--since", "201"))["shows"]
    assert (whole["frames"], whole["late"]) == (99, 0)
    (part,) = json.loads(told("report", str(kept / "20260921-141500-show-night"), "--json", "--until", "0:00:10"))[
        "shows"
    ]
    assert part["frames"] == 11
    for since, until, what in (
        ("5:00", "4:00", "nothing between"),
        ("9:00", "", "over by then"),
        ("soon", "", "no time"),
        ("nan", "", "'nan' is no time"),
        ("inf", "", "'inf' is no time"),
    ):
        with pytest.raises(InputError, match=what):
            run("report", "show-night", "--since", since, "--until", until)
    digest = kept / "20260921-141500-show-night" / "run.json"
    stale = json.loads(digest.read_text()) | {"over": False, "newest": 1_790_000_130 * SECOND}
    digest.write_text(json.dumps(stale))  # of one that goes on it is half a minute old
    (rest,) = json.loads(told("report", "show-night", "--json", "--since", "201"))["shows"]
    assert rest["frames"] == 99
    told("report", "show-night", "--until", "1:00", "--trace", "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert 61 <= len([each for each in events if each.get("ph") == "X"]) < 300
