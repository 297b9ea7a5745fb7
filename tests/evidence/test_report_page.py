"""A report: its figures, its page, its verdict, and what it does not claim."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checked_page import checked
from made_shows import HOUSE, MACHINE, ORIGIN, SHOW, START, WALL, frames, machine, show, told

from duologue.clock import MILLISECOND, SECOND
from duologue.errors import InputError
from duologue.evidence import findings, svg
from duologue.evidence.budgets import PRESETS, Budgets, read_budgets
from duologue.evidence.causes import Culprit
from duologue.evidence.changes import ChangeOutcome, ReportComparison, as_lines
from duologue.evidence.comparison import PairedSeries, change, compare, gone, mean
from duologue.evidence.markdown import as_markdown
from duologue.evidence.page import as_page
from duologue.evidence.percentiles import Percentiles
from duologue.evidence.report import EvidenceReport, ReportSource, as_dict, read_report
from duologue.evidence.waits import usual_stages, wait_of
from duologue.evidence.words import clock, duration, stretch
from duologue.telemetry.ledger import (
    ConversationRecord,
    EndingOutcome,
    EndingRecord,
    Entry,
    FrameRecord,
    HeaderRecord,
    OverRecord,
    PacketsRecord,
    QualityRecord,
    SkipRecord,
    TurnRecord,
)
from duologue.telemetry.lines import encode
from duologue.telemetry.run_shelf import digest_of

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

MS = MILLISECOND


def write(path: Path, entries: Sequence[Entry]) -> Path:
    with path.open("w", encoding="utf-8") as file:
        for number, entry in enumerate(entries):
            file.write(encode(replace(entry, id=f"{number:08}"), ORIGIN) + "\n")
    return path


def report_of(
    tmp_path: Path, entries: Sequence[Entry], budgets: Budgets = PRESETS["usual"], name: str = "run"
) -> EvidenceReport:
    return read_report([ReportSource(name, write(tmp_path / f"{name}.jsonl", entries))], budgets)


def line(number: int, at: int, *, waited: float = 0.0, text: str = "Tea is the better drink, by far.") -> Entry:
    """A turn of the show of 3 s with half a second before it."""
    asked = at - 2 * SECOND
    record = TurnRecord(
        f"c-{number}", "c", number, ("chad", "virgin")[number % 2], text=text, heard=text, state="ended", asked=asked,
        first_token=asked + 100 * MS, text_complete=asked + 200 * MS, first_audio=asked + 250 * MS,
        voiced=asked + 300 * MS + round(waited * MS), on_air=at, ended=at + 3 * SECOND, gap_ms=500, waited_ms=waited,
        engine="kokoro", sound_ms=3000.0,
    )  # fmt: skip
    return told(SHOW, record.ended, record)


def a_show(late: bool = False, slow: float = 0.0) -> list[Entry]:
    made = frames(600, compose={300: 1400.0} if late else None)
    turns = [
        line(each, START + each * 3500 * MS + round(slow * MS), waited=slow if each == 3 else 0.0) for each in range(5)
    ]
    over = told(SHOW, START + 20 * SECOND, OverRecord())
    begins = told(SHOW, START, ConversationRecord("c", ("chad", "virgin"), topic='tea <or> coffee & "more"'))
    return show(made, extra=[begins, *turns, over])


def answer(number: int, at: int, stages: Sequence[float], **changes: Any) -> TurnRecord:
    """``stages``: endpointing, transcript, first token, first sentence, voice, playout (ms)."""
    times = [at]
    for ms in stages:
        times.append(times[-1] + round(ms * MS))
    spoken_to, decided, understood, first_token, first_sentence, first_audio, on_air = times
    record = TurnRecord(
        f"t/r{number}", "t", 2 * number, "ada", "answer", f"Answer {number} it is.", f"Answer {number} it is.",
        state="ended", question=f"t/p{number}", why="finished", spoken_to=spoken_to, decided=decided,
        understood=understood, asked=understood, first_token=first_token, first_sentence=first_sentence,
        first_audio=first_audio, on_air=on_air, ended=on_air + 2 * SECOND, sent=on_air,
    )  # fmt: skip
    return replace(record, **changes)


def a_call(answers: Sequence[TurnRecord], of: str = "line:c", wall: int = WALL) -> list[Entry]:
    entries = [
        Entry(ORIGIN, of, HeaderRecord(wall, ORIGIN, "test")),
        told(of, START, ConversationRecord("t", ("ada",), "caller")),
        told(of, START, EndingRecord("t", "t/p0", START, "unsure", 650, 650.0, "I went", (), EndingOutcome.WENT_ON)),
        told(of, START, QualityRecord(1.5, 12.0, 40.0)),
        told("line", START, PacketsRecord(50, 0.5, 3.25)),
    ]
    for record in answers:
        question = TurnRecord(record.question, "t", record.number - 1, "caller", "person", "why <b>?", state="ended")
        entries += [told(of, record.spoken_to, question), told(of, record.ended, record)]
    return [*entries, told(of, entries[-1].at, OverRecord())]


def page(report: EvidenceReport) -> str:
    return "".join(as_page(report))


def test_a_show_in_which_nothing_went_wrong_is_said_to_be_so(tmp_path: Path) -> None:
    report = report_of(tmp_path, a_show())
    assert report.verdict == [
        "Of 600 frames in 22 s of the show day none was late or missing; nobody waited for an engine between its"
        " turns.",
        "The frame that came nearest to its due time was ready 992 ms before it; half of them took 7.7 ms or less, of"
        " 33.3 ms that a frame has.",
        "All programs together kept the cores 31 % busy, in most seconds of it.",
    ]
    assert report.worst == []
    (found,) = as_dict(report)["shows"]
    assert (found["frames"], found["late"], found["left_out"], found["incidents"]) == (600, 0, 0, [])
    assert found["by_work"]["speech"]["count"] == 600 and found["by_work"]["caption"]["count"] == 400
    assert (
        found["began_ns"] == WALL + 8 * SECOND and found["voices_characters_per_second"]["chad (kokoro)"]["count"] == 3
    )
    assert found["voices_characters_per_second"]["chad (kokoro)"]["p50"] == round(32 / 3, 2)
    assert [gap["ms"] for gap in found["silences"]] == [500.0] * 4
    assert any("viewers" in each for each in report.cannot_tell)


def test_a_show_is_called_by_its_first_topic_and_names_the_others(tmp_path: Path) -> None:
    topics = ["pigeons", "leg <day>", "pigeons"]
    later = [told(SHOW, START + n * SECOND, ConversationRecord(f"c{n}", (), topic=t)) for n, t in enumerate(topics, 2)]
    report = report_of(tmp_path, [*a_show(), *later])
    assert as_dict(report)["shows"][0]["topics"] == ['tea <or> coffee & "more"', *topics]
    words = " ".join(checked(page(report)).words)
    assert 'The show day: tea <or> coffee & "more"' in words
    assert "After that it was about: pigeons; leg <day>; pigeons." in words
    assert "After that it was about: pigeons; leg <day>; pigeons." in "\n".join(as_markdown(report))


def test_several_runs_of_one_house_have_its_machine_once(tmp_path: Path) -> None:
    def run(number: int, wall: int = WALL) -> ReportSource:
        """A call that began so many seconds after the first, with each second of the house that it touches."""
        begins = START + number * 10 * SECOND
        calls = a_call([answer(number, begins, (350, 0, 100, 50, 80, 20))], of=f"line:{number}", wall=wall)
        seconds = [
            replace(told(HOUSE, begins + n * SECOND, MACHINE), id=f"second {number * 10 + n}") for n in range(15)
        ]
        path = tmp_path / f"{number}-{wall}.jsonl"
        with path.open("w", encoding="utf-8") as file:
            for place, entry in enumerate([*calls, *seconds]):
                file.write(encode(entry if entry.id else replace(entry, id=f"{number}/{place}"), ORIGIN) + "\n")
        return ReportSource(f"call {number}", path)

    report = read_report([run(0), run(2), run(1)], PRESETS["usual"])
    assert report.talks is not None
    (main,) = (line for line in report.talks.machine if line.name == "main")
    times = [at for at, _ in main.points]
    assert times == sorted(set(times)) and len(times) == 35
    assert "The machine" in " ".join(checked(page(report)).words)
    joined, apart = (
        svg.lines("CPU", read.talks.machine, measured=True).count("<polyline")
        for read in (report, read_report([run(0), run(6)], PRESETS["usual"]))
        if read.talks is not None
    )
    assert apart == 2 * joined, "no line goes over the minute between two calls, in which nothing was measured"
    elsewhere = read_report([run(0), run(1, WALL + 3600 * SECOND)], PRESETS["usual"])
    assert elsewhere.talks is not None and elsewhere.talks.machine == []


def test_of_two_calls_each_is_held_against_its_own_time(tmp_path: Path) -> None:
    """What all calls of a house share stands in the runs of both, and is counted once."""

    def call(number: int, begins: int) -> ReportSource:
        late = begins + 5 * SECOND
        entries = a_call([answer(number, begins + 2 * SECOND, (350, 0, 100, 50, 80, 20))], of=f"line:{number}")
        seconds = [
            replace(told(HOUSE, begins + n * SECOND, machine(cpu_wait_ms={"line": 150.0 if n == 5 else 1.0},
                                                             busy_percent=99.0)), id=f"second {begins} {n}")
            for n in range(10)
        ]  # fmt: skip
        packets = replace(told("line", late, PacketsRecord(50, 60.0, 120.0)), id=f"packets {begins}")
        path = tmp_path / f"{number}.jsonl"
        with path.open("w", encoding="utf-8") as file:
            for place, entry in enumerate([*entries, *seconds, packets]):
                file.write(encode(entry if entry.id else replace(entry, id=f"{number}/{place}"), ORIGIN) + "\n")
        return ReportSource(f"call {number}", path)

    first, second, same = call(1, START), call(2, START + 3600 * SECOND), call(3, START)
    for sources, times in (([first], 1), ([first, second], 2), ([second, first], 2), ([first, same], 1)):
        talks = read_report(sources, PRESETS["usual"]).talks
        assert talks is not None
        late = [each for each in talks.stalls if each.what == "packets left late"]
        assert [each.attribution.cause for each in late] == [Culprit.BUSY] * times


def test_a_ledger_of_several_starts_is_told_start_by_start(tmp_path: Path) -> None:
    """It is appended to: each header begins a time axis of its own, after another start of the machine as well."""
    path = tmp_path / "ledger.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for number, (origin, wall) in enumerate(((ORIGIN, WALL), (ORIGIN // 2, WALL + 3600 * SECOND))):
            for place, entry in enumerate(a_show()):
                if isinstance(entry.record, HeaderRecord):
                    entry = replace(entry, at=origin, record=HeaderRecord(wall, origin, "test"))
                file.write(encode(replace(entry, id=f"{number}/{place}"), origin) + "\n")
    report = read_report([ReportSource("ledger", path)], PRESETS["usual"])
    assert [(show_.frames, round(show_.seconds)) for show_ in report.shows] == [(600, 22)] * 2
    assert report.shows[1].wall_ns - report.shows[0].wall_ns == 3600 * SECOND + ORIGIN // 2
    assert all(at >= -2 for show_ in report.shows for line in show_.machine for at, _ in line.points)
    checked(page(report))


def test_a_show_that_begins_again_is_another_one(tmp_path: Path) -> None:
    again = [
        replace(entry, at=entry.at + 3600 * SECOND)
        for entry in a_show()
        if not isinstance(entry.record, HeaderRecord | FrameRecord)
    ]
    report = report_of(tmp_path, [*a_show(), *again])
    assert [show_.frames for show_ in report.shows] == [600, 0]


def test_a_show_that_was_late_names_the_cause_and_what_to_do(tmp_path: Path) -> None:
    report = report_of(tmp_path, a_show(late=True))
    (show_,) = report.shows
    worst = max(each.worst_ms for each in show_.incidents if each.kind == "late")
    assert f"{show_.late} were ready late, by up to {worst:.0f} ms" in report.verdict[0]
    assert report.verdict[1] == f"All {show_.late} are the doing of: own compositing."
    assert len(report.verdict) == 3 and report.verdict[2].startswith("All programs together")
    assert "Drawing took 1400 ms (own compositing)." in report.worst[0].what and report.worst[0].felt
    assert "show.size" in report.worst[0].remedy
    words = " ".join(checked(page(report)).words)
    assert (
        "drawing took 1400 ms" in words and "what else happened then" in words and 'tea <or> coffee & "more"' in words
    )


def test_waits_between_turns_are_counted_and_blamed(tmp_path: Path) -> None:
    report = report_of(tmp_path, a_show(slow=800.0))
    assert "the longest wait for an engine between turns was 800 ms" in report.verdict[0]
    assert "longer than chosen" in report.worst[0].what and "voice" in report.worst[0].what
    (kept,) = (each for each in report.budgets if each.name.endswith("wait between turns"))
    assert (kept.over, kept.count, kept.most_ms) == (1, 5, 800.0)


def test_answers_are_told_stage_by_stage_and_the_slowest_by_where_it_lost(tmp_path: Path) -> None:
    usual = [answer(n, START + n * 10 * SECOND, (350, 40, 200, 60, 90, 20)) for n in range(9)]
    slow = answer(
        9, START + 90 * SECOND, (350, 40, 2600, 60, 90, 20), handovers=("openai failed: 429; improv took over",)
    )
    report = report_of(tmp_path, a_call([*usual, slow]))
    assert report.talks is not None and report.talks.answers is not None
    assert report.talks.answers == Percentiles(10, 760.0, 3160.0, 3160.0, 3160.0)
    assert report.verdict[0] == (
        "10 answers came, half of them within 0.76 s, the slowest after 3.16 s, 1 took longer than 2 s."
    )
    worst = report.talks.slowest[0]
    assert (worst.stage, worst.stage_ms, worst.beyond_ms, worst.cause) == (
        "first_token",
        2600.0,
        2400.0,
        Culprit.ENGINE,
    )
    assert "429" in worst.why and "429" in report.worst[0].what
    assert report.talks.too_early == 1 and report.talks.calls == 1
    assert len(report.worst) == 2
    whole = findings.worst(report.shows, report.talks, PRESETS["usual"], most=9)
    assert whole[-1].what == (
        "Once a turn was taken to be over too early, by the rule: unsure 1. The person went on before they heard the"
        " answer, which was taken back."
    )
    assert [each.felt for each in whole] == [True, True, False]
    assert report.verdict[1] == "The slowest lost 2600 of its 3160 ms with the mind's first token."
    assert report.verdict[2] == (
        "The turn was taken to be over too early: the person went on before they heard the answer."
    )
    found = as_dict(report)["talks"]
    assert found["loss_percent"]["most"] == 1.5 and found["packet_late_ms"]["most"] == 3.25
    assert sum(found["turns"][0]["stages"].values()) == found["turns"][0]["total_ms"] == 760.0
    words = " ".join(checked(page(report)).words)
    assert "Waterfall of the answers" in words and "why <b>?" in words and "ada to “why <b>?”" in words


@pytest.mark.parametrize(("busy", "said"), [(99.0, True), (31.0, False)])
def test_where_others_had_the_cores_all_along_no_engine_alone_is_to_be_mended(
    tmp_path: Path, busy: float, said: bool
) -> None:
    """Of one answer there is no usual one beside it, and in no second did it wait longer than in others."""
    slow = answer(0, START, (350, 2600, 200, 60, 90, 20))
    seconds = [told(HOUSE, START + n * SECOND, machine(busy_percent=busy)) for n in range(6)]
    call = a_call([slow], "talk:c")
    report = report_of(tmp_path, [*call[:-1], *seconds, call[-1]])
    others = f"Other programs had {busy - 24.5:.0f} % of all cores in the median second: first run fewer of them. "
    assert report.worst[0].remedy == others * said + "A lighter model for the ears, or one on another machine."


@pytest.mark.parametrize(("of", "calls"), [("line:c", 1), ("talk:c", 0), ("api:c", 0)])
def test_answers_are_told_wherever_people_converse(tmp_path: Path, of: str, calls: int) -> None:
    report = report_of(tmp_path, a_call([answer(0, START, (350, 40, 200, 60, 90, 20))], of=of))
    assert report.talks is not None and report.talks.answers is not None
    assert (report.talks.answers.most, report.talks.calls, report.talks.parts) == (760.0, calls, 1)


def test_of_a_talk_in_writing_nothing_is_said_that_only_speech_has(tmp_path: Path) -> None:
    """Who writes is cut off by nobody, and nothing of it is misheard."""
    times = [START + n * 10 * SECOND for n in range(3)]
    answers = [answer(n, at, (0, 0, 6, 1, 1, 0), engine="none", ended=at + 9 * MS) for n, at in enumerate(times)]
    sent = [
        EndingRecord("t", f"t/p{n}", START, "typed", 0.0, 0.0, "Why?", (), EndingOutcome.ANSWERED) for n in range(3)
    ]
    report = report_of(tmp_path, [*a_call(answers)[:1], *(told("line:c", START, each) for each in (*answers, *sent))])
    assert report.talks is not None and report.talks.decisions == {"typed": 3}
    assert not [each for each in report.verdict if "too early" in each]
    assert not [each for each in report.cannot_tell if "misheard" in each]
    assert {each.whose for each in report.talks.slowest} == {"as usual"}, "8 ms are no late engine"


def test_what_a_character_says_unasked_is_no_answer_to_anybody(tmp_path: Path) -> None:
    usual = [answer(n, START + n * 10 * SECOND, (350, 40, 200, 60, 90, 20)) for n in range(3)]
    asked = START - 4 * SECOND
    greeting = TurnRecord(
        "t/r9", "t", 0, "ada", "answer", "Hello there.", "Hello there.", state="ended", asked=asked,
        first_token=asked + 2500 * MS, first_sentence=asked + 2600 * MS, first_audio=asked + 2700 * MS,
        on_air=asked + 2800 * MS, ended=START,
    )  # fmt: skip
    report = report_of(tmp_path, [*a_call(usual), told("line:c", START, greeting)])
    assert report.verdict[0].endswith("none took longer than 2 s.")
    assert report.talks is not None and len(report.talks.rows) == 3
    assert (report.talks.counts["answers heard"], report.talks.counts["said unasked"]) == (3, 1)
    assert "Hello there." not in " ".join(checked(page(report)).words)


def test_who_spoke_into_an_answer_was_cut_off_or_cut_in_and_nobody_knows(tmp_path: Path) -> None:
    answers = [
        answer(n, START + n * 10 * SECOND, (350, 40, 200, 60, 90, 20), interrupted=n < 2, taken=START if n < 2 else 0)
        for n in range(5)
    ]
    calm = EndingRecord("t", "t/p1", START, "question", 500, 500.0, "Why?", (), EndingOutcome.ANSWERED)
    report = report_of(tmp_path, [*a_call(answers)[:2], told("line:c", START, calm), *a_call(answers)[3:]])
    assert (
        report.verdict[2] == "The turn was not taken to be over too early: nobody went on before they heard the answer."
    )
    assert report.worst[0].what == "Twice a person spoke into an answer." and report.worst[0].felt
    assert "Whether the 2 who spoke into an answer cut in, or had only paused." in report.cannot_tell


def test_frames_that_nobody_saw_are_counted_as_people_count(tmp_path: Path) -> None:
    for dear, words in (({50: 70.0}, "One frame over its"), ({50: 70.0, 90: 60.0}, "2 frames over their")):
        page = "".join(as_page(report_of(tmp_path, show(frames(120, encode=dear)))))
        assert f"<summary>{words} budget that nobody saw" in page


def test_a_show_began_with_its_first_frame_though_the_house_came_up_later(tmp_path: Path) -> None:
    made = frames(300, still={150: 1400.0})
    up = START + 4 * SECOND
    entries = [replace(entry, at=max(entry.at, up)) for entry in show(made)[1:]]
    (chapter,) = as_dict(report_of(tmp_path, [show(made)[0], *entries]))["shows"]
    assert chapter["began_ns"] == WALL + made[0].begun - ORIGIN
    assert chapter["incidents"][0]["at_s"] == round((made[150].due - made[0].begun) / SECOND, 3)
    digest = digest_of(tmp_path / "run.jsonl")
    assert digest is not None and (digest.began, digest.frames) == (chapter["began_ns"], 300)
    assert digest.seconds == pytest.approx(chapter["seconds"], abs=0.001)


def test_what_nobody_felt_is_said_to_be_so_and_stands_behind_what_somebody_did(tmp_path: Path) -> None:
    held = {5: machine(loop_lag_ms=95.0)}
    dear = show(frames(600, compose={300: 60.0}), seconds=held, extra=a_show()[-8:])
    report = report_of(tmp_path, dear)
    assert [each.felt for each in report.worst] == [False, False]
    first, second = report.worst
    assert first.what.startswith("The main loop was held: once, at most 95 ms.")
    assert second.what == (
        "The show day: 1 frame took longer than 33.3 ms, and was in time all the same: 66 ms at most, at 0:12."
        " Drawing took 60 ms (own compositing)."
    )
    assert second.remedy.startswith("Nothing, as long as they are in time.")
    words = "Nothing that anybody saw, or waited for."
    assert words in page(report) and words in "\n".join(as_markdown(report))
    late = report_of(tmp_path, show(frames(600, compose={300: 1400.0}), seconds=held), name="late")
    assert [each.felt for each in late.worst] == [True, False]
    assert words not in page(late) and "To mend first:" in "\n".join(as_markdown(late))


def test_many_runs_have_a_title_that_can_be_read(tmp_path: Path) -> None:
    runs = [
        ReportSource(f"call-{n}", write(tmp_path / f"{n}.jsonl", a_call([answer(0, START, (350, 0, 100, 50, 80, 20))])))
        for n in range(5)
    ]
    for count, title in ((3, "call-0, call-1, call-2"), (5, "5 runs, call-0 to call-4")):
        report = read_report(runs[:count], PRESETS["usual"])
        assert f"<h1>Duologue report · {title}</h1>" in page(report)
        assert next(iter(as_markdown(report))) == f"# Duologue report: {title}"
        assert as_dict(report)["sources"] == [f"call-{n}" for n in range(count)]


@pytest.mark.parametrize(
    ("seconds", "prose", "column"),
    [(9.44, "9 s", "9.4 s"), (59.4, "59 s", "59.4 s"), (89.0, "1 min 29 s", "1:29"), (3720.0, "1 h 2 min", "1:02:00")],
)
def test_how_long_something_was_reads_unlike_a_time_of_day(seconds: float, prose: str, column: str) -> None:
    assert (stretch(seconds), duration(seconds)) == (prose, column)


def test_a_wait_that_was_chosen_is_nobodys_fault() -> None:
    turns = [answer(n, START, (350, 0, 100, 50, 80, 20)) for n in range(5)]
    chosen = answer(6, START, (1400, 0, 100, 50, 80, 20), why="trailing")
    wait = wait_of(chosen, usual_stages([*turns, chosen]))
    assert wait is not None and wait.cause is None and wait.why == "the silence was chosen: trailing"
    queued = answer(7, START, (350, 0, 900, 50, 80, 20), queued_ms=700.0)
    wait = wait_of(queued, usual_stages(turns))
    assert wait is not None and wait.cause is Culprit.ENGINE and "other work of our engines" in wait.why
    unread = answer(8, START, (350, 0, 900, 50, 80, 20), prompt_tokens=900, kept_tokens=100)
    wait = wait_of(unread, usual_stages(turns))
    assert wait is not None and "800 of 900 tokens" in wait.why
    assert wait_of(TurnRecord("p", "t", 1, "caller", "person", state="ended"), {}) is None


def test_virtual_time_claims_nothing_of_engines(tmp_path: Path) -> None:
    report = report_of(tmp_path, a_call([answer(0, START, (350, 0, 100, 50, 80, 20))], of="talk:t", wall=0))
    assert "on virtual time" in report.verdict[0]
    assert any("clock of a simulation" in each for each in report.cannot_tell)
    assert "1970" not in page(report)


def test_an_empty_run_says_that_there_is_nothing(tmp_path: Path) -> None:
    report = report_of(tmp_path, show([])[:1])
    assert report.verdict == ["There is nothing in it that could be judged."]
    checked(page(report))
    lone = report_of(tmp_path, show(frames(1))[:3], name="lone")
    checked(page(lone))
    assert any("no 99th percentile" in each for each in lone.cannot_tell)
    bare = [entry for entry in a_show(late=True) if entry.of == SHOW]
    assert any("not measured" in each for each in report_of(tmp_path, bare, name="bare").cannot_tell)


def test_several_runs_are_one_report(tmp_path: Path) -> None:
    sources = [
        ReportSource("a", write(tmp_path / "a.jsonl", a_show())),
        ReportSource("b", write(tmp_path / "b.jsonl", a_show(late=True))),
        ReportSource("c", write(tmp_path / "c.jsonl", a_call([answer(0, START, (350, 0, 100, 50, 80, 20))]))),
    ]  # fmt: skip
    report = read_report(sources, PRESETS["usual"])
    assert len(report.shows) == 2 and report.talks is not None and len(report.verdict) == 3
    checked(page(report))


def test_markdown_and_json_tell_the_same(tmp_path: Path) -> None:
    report = report_of(tmp_path, a_show(late=True))
    text = "\n".join(as_markdown(report))
    found = json.loads(json.dumps(as_dict(report)))
    assert all(each in text for each in report.verdict) and found["verdict"] == report.verdict
    (late,) = (each for each in found["shows"][0]["incidents"] if each["kind"] == "late")
    assert late["cause"] == "own compositing" and late["explains"] > 0.9 and late["frames"] == len(late["late_frames"])
    assert "| late |" in text and "own compositing" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in rows)


def test_markdown_has_the_silences_the_machine_each_answer_and_the_way(tmp_path: Path) -> None:
    """What a page draws stands in a table where nothing can be drawn."""
    show_lines = list(as_markdown(report_of(tmp_path, a_show(), name="show")))
    call_lines = list(as_markdown(report_of(tmp_path, a_call([answer(0, START, (350, 40, 200, 60, 90, 20))]))))

    def cells(lines: Sequence[str], row: str) -> list[str]:
        return next(line for line in lines if line.startswith(f"| {row} |")).split(" | ")

    assert cells(show_lines, "there was")[1:] == ["4", "500", "500", "500", "500 |"]
    assert cells(show_lines, "CPU of stage, %")[-1] == "28 |" and cells(show_lines, "CPU of stolen (of all cores), %")
    assert len([line for line in show_lines if "chad: Tea is the better" in line]) == 3
    heads = cells(call_lines, "at | answers, ms")
    assert heads == ["| at", "answers, ms", "endpointing", "transcript", "first token", "first sentence", "voice",
                     "sending", "all |"]  # fmt: skip
    assert cells(call_lines, "0:00")[2:] == ["350", "40", "200", "60", "90", "20", "760 |"]
    assert cells(call_lines, "jitter, ms")[1] == "1"


def test_of_hours_of_frames_none_is_left_out_of_a_share() -> None:
    """An hour and more is drawn from in parts; what is told of it is all of it."""
    calm, burst = np.zeros(216_000), np.zeros(216_000)
    burst[100_000:100_060] = 10_000.0
    found = change(PairedSeries("frames late", "of 10,000", calm, burst, 30), "all", mean, np.random.default_rng(1))
    assert (found.before, round(found.after, 2)) == (0.0, 2.78)


def test_a_time_before_the_beginning_is_one() -> None:
    assert [clock(each) for each in (-3, -0.2, 0, 62, 3723)] == ["-0:03", "0:00", "0:00", "1:02", "1:02:03"]


def test_percentiles_are_values_that_were_seen() -> None:
    assert Percentiles.of([]) is None
    assert Percentiles.of([3.0]) == Percentiles(1, 3.0, 3.0, 3.0, 3.0)
    spread = Percentiles.of(float(each) for each in range(1, 101))
    assert spread == Percentiles(100, 50.0, 95.0, 99.0, 100.0)


def test_budgets_are_read_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    file = tmp_path / "budgets.toml"
    file.write_text('preset = "phone"\n[budgets]\nanswer_ms = 700\n')
    budgets = read_budgets(file)
    assert budgets == replace(PRESETS["phone"], answer_ms=700.0) and read_budgets(None) == PRESETS["usual"]
    report = report_of(tmp_path, a_call([answer(0, START, (350, 0, 100, 50, 320, 20))]), budgets)
    kept = {each.name: each for each in report.budgets}
    assert (kept["answer"].over, kept["t1 → t2"].over, kept["t2 → t3"].over) == (1, 1, 1)
    assert (kept["t1 → t2"].most_ms, kept["t2 → t3"].most_ms) == (320.0, 20.0)
    file.write_text("[budgets]\nendpointing_ms = 300\nfirst_token_ms = 100\n")
    report = report_of(tmp_path, a_call([answer(0, START, (350, 0, 100, 50, 320, 20))]), read_budgets(file))
    kept = {each.name: (each.count, each.over) for each in report.budgets}
    assert (kept["endpointing"], kept["first token"]) == ((1, 1), (1, 0)) and "voice" not in kept
    for text, what in (
        ("[budgets]\nfame_ms = 3", "no budget 'fame_ms'"), ('preset = "old"', "no preset 'old'"),
        ("[budgets]\nanswer_ms = true", "answer_ms is True"), ("[budgets", "not TOML"),
        ("budgets = 3", "no budget 'budgets'"), ("[budgets]\nanswer_ms = nan", "answer_ms is nan"),
    ):  # fmt: skip
        file.write_text(text)
        with pytest.raises(InputError, match=re.escape(what)):
            read_budgets(file)


def test_a_change_beyond_noise_is_told_and_noise_is_not(tmp_path: Path) -> None:
    def calls(name: str, voice: float, seed: int) -> EvidenceReport:
        answers = [
            answer(n, START + n * 10 * SECOND, (350, 40, 200 + (n * seed) % 23, 60, voice + (n * seed) % 17, 20))
            for n in range(40)
        ]
        return report_of(tmp_path, a_call(answers), name=name)

    before, same, slower = calls("before", 90, 7), calls("same", 90, 11), calls("slower", 240, 11)
    outcomes = {each.name: each.outcome for each in compare(same, before)}
    assert outcomes.pop("turns decided too early, all") is ChangeOutcome.FEW, "each has one decision"
    assert set(outcomes.values()) <= {ChangeOutcome.SAME}
    changes = {each.name: each for each in compare(slower, before)}
    voice, silence = changes["voice, middle"], changes["silence before an answer, middle"]
    assert voice.outcome is silence.outcome is ChangeOutcome.WORSE and voice.low > 100
    assert changes["first token, middle"].outcome is ChangeOutcome.SAME
    better = {each.name: each.outcome for each in compare(before, slower)}
    assert better["voice, middle"] is ChangeOutcome.BETTER
    assert compare(slower, before) == compare(slower, before), "the same every time"
    first = next(line for line in as_lines(list(changes.values())) if "ms" in line)
    assert "worse" in first


def test_too_few_say_nothing(tmp_path: Path) -> None:
    one = report_of(tmp_path, a_call([answer(0, START, (350, 40, 200, 60, 90, 20))]), name="one")
    two = report_of(tmp_path, a_call([answer(0, START, (350, 40, 900, 60, 90, 20))]), name="two")
    assert {each.outcome for each in compare(two, one)} == {ChangeOutcome.FEW}


def test_frames_are_compared_in_blocks(tmp_path: Path) -> None:
    before, after = report_of(tmp_path, a_show(), name="b"), report_of(tmp_path, a_show(), name="a")
    assert {each.outcome for each in compare(after, before)} <= {ChangeOutcome.SAME, ChangeOutcome.FEW}
    dear = show(frames(600, encode={number: 14.0 for number in range(600)}))
    changes = {each.name: each.outcome for each in compare(report_of(tmp_path, dear, name="d"), before)}
    assert changes["frame time, middle"] is ChangeOutcome.WORSE


def test_frames_that_are_not_there_and_pictures_at_half_the_rate_are_worse(tmp_path: Path) -> None:
    before = report_of(tmp_path, a_show(), name="b")
    assert "frames left out, all" not in {each.name for each in compare(report_of(tmp_path, a_show()), before)}
    made = [each for each in frames(600) if not 200 <= each.number < 400]
    skipped = [told(SHOW, START, SkipRecord(START + 7 * SECOND, 200, 400, 1_600.0))]
    changes = {each.name: each for each in compare(report_of(tmp_path, show(made, extra=skipped), name="s"), before)}
    missing = changes["frames left out, all"]
    assert (missing.before, round(missing.after), missing.outcome) == (0.0, 3333, ChangeOutcome.WORSE)
    plain = show([replace(each, periods=2) for each in frames(600) if each.number % 2 == 0])
    changes = {each.name: each for each in compare(report_of(tmp_path, plain, name="p"), before)}
    half = changes["frames at half the rate, all"]
    assert (half.after, half.outcome) == (10_000.0, ChangeOutcome.WORSE)


def test_answers_that_fail_and_turns_decided_too_early_are_worse(tmp_path: Path) -> None:
    def calls(name: str, bad: int) -> EvidenceReport:
        answers = [
            answer(n, START + n * 10 * SECOND, (350, 40, 200, 60, 90, 20), **({"apologised": 1} if n < bad else {}))
            for n in range(20)
        ]
        endings = [
            told("line:c", START, EndingRecord("t", "t/p", START, "unsure", 650, 650.0, "I", (), outcome))
            for outcome in [EndingOutcome.WENT_ON] * bad + [EndingOutcome.ANSWERED] * (20 - bad)
        ]
        return report_of(tmp_path, [*a_call(answers), *endings], name=name)

    changes = {each.name: each for each in compare(calls("bad", 12), calls("good", 0))}
    failed, early = changes["answers that failed, all"], changes["turns decided too early, all"]
    assert (failed.before, failed.after, failed.outcome) == (0.0, 60.0, ChangeOutcome.WORSE)
    assert early.outcome is ChangeOutcome.WORSE and early.low > 0
    assert changes["silence before an answer, middle"].outcome is ChangeOutcome.SAME


def test_what_is_not_there_any_more_is_no_improvement(tmp_path: Path) -> None:
    whole = report_of(tmp_path, a_call([answer(n, START, (350, 40, 200, 60, 90, 20)) for n in range(9)]), name="whole")
    silent = report_of(
        tmp_path, a_call([answer(n, START, (350, 40, 200, 60, 90, 20), on_air=0) for n in range(9)]), name="silent"
    )
    assert gone(silent, whole) == ["9 answers that were heard"] and gone(whole, silent) == []
    assert ReportComparison("whole", (), gone(silent, whole)).worse and not ReportComparison("whole", (), ()).worse
    with pytest.raises(InputError, match="nothing in common"):
        compare(report_of(tmp_path, a_show(), name="show"), whole)


def test_a_comparison_is_a_chapter_of_every_form(tmp_path: Path) -> None:
    before, after = report_of(tmp_path, a_show(), name="b"), report_of(tmp_path, a_show(), name="a")
    after.compared = ReportComparison("the <old> run", compare(after, before), ["3 frames"])
    found = checked(page(after))
    words = " ".join(found.words)
    assert "Since the <old> run" in words and "#changes" in found.links and "frame time, middle" in words
    assert "Not there any more: 3 frames." in words
    lines = list(as_markdown(after))
    assert "## What changed" in lines and any(line.startswith("| frame time, middle |") for line in lines)
    assert as_dict(after)["against"]["old"] == "the <old> run" and "against" not in as_dict(before)
    assert "What changed" not in page(before)


def test_frames_at_half_the_rate_have_two_periods_in_the_table_of_budgets_too(tmp_path: Path) -> None:
    made = [replace(each, periods=2) for each in frames(60, encode={10: 50.0, 20: 80.0}) if each.number % 2 == 0]
    report = report_of(tmp_path, show(made))
    (kept,) = [each for each in report.budgets if each.name.endswith("frame")]
    assert (kept.over, report.shows[0].over_budget) == (1, 1)
