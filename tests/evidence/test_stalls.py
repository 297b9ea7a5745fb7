"""What stood still or got lost beside frames and turns: each with its cause, and nothing that is as usual."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from made_shows import HOUSE, ORIGIN, WALL, machine, told

from duologue.clock import MILLISECOND, SECOND
from duologue.evidence.budgets import Budgets
from duologue.evidence.causes import Culprit, Evidence, cause_of_stall
from duologue.evidence.markdown import as_markdown
from duologue.evidence.page import as_page
from duologue.evidence.report import ReportSource, as_dict, read_report
from duologue.evidence.stalls import Stall, disk_held, loop_held, packets_late, packets_lost
from duologue.evidence.summary import gather
from duologue.evidence.surroundings import Surroundings
from duologue.telemetry.ledger import (
    ConversationRecord,
    Entry,
    HeaderRecord,
    OverRecord,
    PacketsRecord,
    PauseRecord,
    QualityRecord,
)
from duologue.telemetry.lines import encode

AT = 60 * SECOND
CALL = "line:0199a3c0-5f1c-7b42-9c0e-2f6f0f1d7a11"


def house(changes: dict[str, object] | None = None, extra: Sequence[Entry] = ()) -> Surroundings:
    """Twenty seconds; the one that ends at :data:`AT` is otherwise."""
    usual: dict[str, object] = {
        "cpu_percent": {"main": 9.0, "line": 4.0}, "cpu_wait_ms": {"main": 2.0, "line": 1.0}, "busy_percent": 20.0,
        "loop_lag_ms": 1.0,
    }  # fmt: skip
    entries = [
        told(HOUSE, AT + number * SECOND, machine(**(usual | (changes or {} if not number else {}))))
        for number in range(-10, 10)
    ]
    (part,) = gather(sorted([*entries, *extra], key=lambda entry: entry.at))
    return Surroundings(part)


def paused(process: str, what: str, ms: float, at: int = AT - SECOND // 4) -> Entry:
    return told(HOUSE, at, PauseRecord(process, what, ms, at))


def only(stalls: Sequence[Stall]) -> tuple[str, float, Culprit]:
    (stall,) = stalls
    return stall.what, stall.size, stall.attribution.cause


def test_packets_that_left_late() -> None:
    packets = [(AT - SECOND, PacketsRecord(50, 1.0, 3.0)), (AT, PacketsRecord(50, 60.0, 80.0))]

    def cause(around: Surroundings) -> tuple[str, float, Culprit]:
        return only(list(packets_late(packets, around)))

    assert cause(house()) == ("packets left late", 80.0, Culprit.UNKNOWN)
    assert cause(house({"cpu_wait_ms": {"line": 90.0}, "busy_percent": 99.0}))[2] is Culprit.BUSY
    assert cause(house(extra=[paused("line", "garbage", 75.0)]))[2] is Culprit.GARBAGE
    assert cause(house(extra=[paused("main", "garbage", 75.0)]))[2] is Culprit.UNKNOWN, "another process"
    assert cause(house(extra=[paused("line", "stopped", 75.0)]))[2] is Culprit.STOPPED
    assert cause(house(extra=[paused("espeak", "stopped", 75.0)]))[2] is Culprit.UNKNOWN


def test_packets_that_the_system_did_not_take() -> None:
    found = only(list(packets_late([(AT, PacketsRecord(50, 1.0, 3.0, 7))], house())))
    assert found == ("packets not sent", 7, Culprit.NETWORK)


def test_callers_sound_that_was_dropped_for_main_did_not_take_it() -> None:
    packets = [(AT, PacketsRecord(50, 1.0, 3.0, unheard=40))]
    found = only(list(packets_late(packets, house({"cpu_wait_ms": {"main": 800.0}, "busy_percent": 99.0}))))
    assert found == ("callers' sound was dropped", 40, Culprit.BUSY)
    assert only(list(packets_late(packets, house())))[2] is Culprit.UNKNOWN


def test_packets_that_got_lost_either_way() -> None:
    told_of = [(AT - 5 * SECOND, QualityRecord(0.4, 2.0)), (AT, QualityRecord(6.0, 9.0, 20.0, 3.0))]
    found = list(packets_lost(CALL, told_of, house()))
    assert [(each.what, each.size, each.attribution.cause) for each in found] == [
        ("packets missing", 6.0, Culprit.NETWORK), ("packets missing there", 3.0, Culprit.NETWORK),
    ]  # fmt: skip
    assert found[0].of == CALL and "6.0 % got lost on the way to us" in found[0].attribution.why
    assert found[0].attribution.lost_ms == 300.0


def test_a_line_that_stood_still_most_of_the_time_may_have_missed_them_itself() -> None:
    told_of = [(AT - 5 * SECOND, QualityRecord(0.0, 2.0)), (AT, QualityRecord(6.0, 9.0))]
    busy = house({"cpu_wait_ms": {"line": 2900.0}, "busy_percent": 99.0})
    assert only(list(packets_lost(CALL, told_of, busy)))[2] is Culprit.BUSY
    a_little = house({"cpu_wait_ms": {"line": 900.0}, "busy_percent": 99.0})
    assert only(list(packets_lost(CALL, told_of, a_little)))[2] is Culprit.NETWORK


def test_a_disk_that_took_nothing_and_a_recorder_that_was_not_run() -> None:
    assert only(list(disk_held(house(extra=[paused("main", "disk", 900.0)])))) == (
        "the recorder could not write", 900.0, Culprit.DISK,
    )  # fmt: skip
    both = house(extra=[paused("main", "disk", 400.0), paused("main", "garbage", 390.0)])
    assert only(list(disk_held(both)))[2] is Culprit.GARBAGE
    assert not list(disk_held(house()))


def test_a_main_loop_that_was_held() -> None:
    assert not list(loop_held(house({"loop_lag_ms": 30.0})))
    held: dict[str, object] = {"loop_lag_ms": 400.0}
    (alone,) = loop_held(house(held))
    assert only([alone]) == ("the main loop was held", 400.0, Culprit.UNKNOWN)
    assert alone.attribution.why.startswith("the main loop stood still for 400 ms"), (
        "and not a stage, which a talk has not"
    )
    assert only(list(loop_held(house(held, [paused("main", "garbage", 390.0)]))))[2] is Culprit.GARBAGE
    assert only(list(loop_held(house(held, [paused("main", "disk", 390.0)]))))[2] is Culprit.UNKNOWN
    waited = house(held | {"cpu_wait_ms": {"main": 380.0}, "busy_percent": 99.0})
    assert only(list(loop_held(waited)))[2] is Culprit.BUSY


def test_a_report_of_calls_tells_them_and_what_several_runs_tell_alike_once(tmp_path: Path) -> None:
    entries = [
        Entry(ORIGIN, CALL, HeaderRecord(WALL, ORIGIN, "test")),
        told(CALL, AT - 9 * SECOND, ConversationRecord("c", ("ada",), "friend")),
        told(HOUSE, AT - 5 * SECOND, machine()), paused("main", "disk", 900.0),
        told("line", AT, PacketsRecord(50, 1.0, 3.0, 7)), told(CALL, AT, QualityRecord(6.0, 9.0)),
        told(CALL, AT + SECOND, OverRecord()),
    ]  # fmt: skip
    other = CALL[:-1] + "2"
    sources: list[ReportSource] = []
    for of in (CALL, other):
        path = tmp_path / f"{of[-1]}.jsonl"
        lines = [encode(Entry(each.at, of if each.of == CALL else each.of, each.record), ORIGIN) for each in entries]
        path.write_text("".join(f"{line}\n" for line in lines))
        sources.append(ReportSource(of, path))
    report = read_report(sources, Budgets())
    assert report.talks is not None
    assert sorted((each.what, each.of) for each in report.talks.stalls) == [
        ("packets missing", CALL), ("packets missing", other), ("packets not sent", "line"),
        ("the recorder could not write", "main"),
    ]  # fmt: skip
    assert report.worst[0].felt and report.worst[0].what == (
        "Packets missing: twice, at most 6 %. 6.0 % got lost on the way to us (network)."
    )
    found = as_dict(report)["talks"]["stalls"]
    assert {each["cause"] for each in found} == {"network", "disk"} and all(each["why"] for each in found)
    for text in ("\n".join(as_markdown(report)), "".join(as_page(report))):
        assert "packets missing" in text and "the disk kept programs waiting for 900 ms" in text


def test_times_are_of_the_moment_that_is_meant() -> None:
    """A pause that was over before the second in question explains nothing of it."""
    long_ago = paused("line", "garbage", 75.0, AT - 3 * SECOND)
    found = only(list(packets_late([(AT, PacketsRecord(50, 60.0, 80.0))], house(extra=[long_ago]))))
    assert found[2] is Culprit.UNKNOWN and 80 * MILLISECOND < SECOND


def test_nobody_is_said_to_have_waited_longer_than_was_lost() -> None:
    evidence = Evidence(cpu_wait_ms=613.0, foreign_ms=900.0)
    found = cause_of_stall(232.0, 0, SECOND, evidence, "the line")
    assert (found.cause, found.why) == (Culprit.BUSY, "no core was free for 232 ms: other programs had them")
    found = cause_of_stall(232.0, 0, SECOND, replace(evidence, engines={"piper": 900.0}, foreign_ms=0.0), "the line")
    assert (found.cause, found.why) == (Culprit.ENGINE, "no core was free for 232 ms while piper computed")
