"""How the benchmark of causes judges what a report names, and that of the recorder a difference."""

from __future__ import annotations

import pytest
from benchmarks.causes.figures import RIGHT, Fault, Injected, Outcome, Suffered, judge, table, without
from benchmarks.recorder_cost.__main__ import Difference

from duologue.clock import SECOND
from duologue.evidence.causes import Culprit

AT = 100 * SECOND


def injected(fault: Fault = Fault.BUSY, at: int = AT, whom: str = "show") -> Injected:
    return Injected(fault, whom, at, at + 2 * SECOND)


def calm(at: int) -> Injected:
    return Injected(None, "show", at, at + 2 * SECOND, 0)


def suffered(
    cause: Culprit, lost: float = 100.0, at: int = AT + SECOND, whom: str = "show", stage: str = ""
) -> Suffered:
    return Suffered(whom, at, "late", cause, lost, "so it was", stage)


def test_what_has_most_of_the_lost_time_is_what_is_named() -> None:
    right, wrong = suffered(Culprit.BUSY, 300.0), suffered(Culprit.ENCODE, 200.0)
    assert judge(injected(), [right, wrong]).outcome == "right"
    assert judge(injected(), [suffered(Culprit.BUSY, 90.0), wrong]).outcome == "wrong"
    assert judge(injected(), [suffered(Culprit.UNKNOWN, 900.0), right]).outcome == "unknown"
    twice = [suffered(Culprit.BUSY), suffered(Culprit.BUSY), suffered(Culprit.ENCODE, 150.0)]
    assert judge(injected(), twice).outcome == "right"


def test_what_was_before_or_long_after_or_elsewhere_is_not_its_doing() -> None:
    others = [
        suffered(Culprit.BUSY, at=AT - 1), suffered(Culprit.BUSY, at=AT + 4 * SECOND),
        suffered(Culprit.BUSY, whom="call"),
    ]  # fmt: skip
    assert judge(injected(), others).outcome == "nothing late"
    assert judge(injected(), [suffered(Culprit.BUSY, at=AT + 3 * SECOND)]).outcome == "right"


def test_of_a_turn_the_stage_counts_too() -> None:
    fault = injected(Fault.STOPPED, whom="talk")
    voice, mind = (suffered(Culprit.STOPPED, whom="talk", stage=stage) for stage in ("voice", "first_token"))
    assert (judge(fault, [voice]).outcome, judge(fault, [mind]).outcome) == ("right", "wrong")
    assert judge(fault, [mind]).named == "stopped process in first_token"
    slow = suffered(Culprit.ENGINE, whom="talk", stage="voice")
    assert judge(fault, [slow]).outcome == "wrong", "that it was late is not yet why"
    mind = suffered(Culprit.ENGINE, whom="talk", stage="first_token")
    assert judge(injected(Fault.MODEL, whom="talk"), [mind]).outcome == "right"


def test_the_next_turn_is_not_the_doing_of_a_fault_that_ends_with_its_own() -> None:
    own, following = (
        suffered(cause, lost, at, "talk", stage)
        for cause, lost, at, stage in (
            (Culprit.STOPPED, 280.0, AT + SECOND, "voice"),
            (Culprit.ENGINE, 1200.0, AT + 5 * SECOND // 2, "first_token"),
        )
    )
    fault = Injected(Fault.STOPPED, "talk", AT, AT + 2 * SECOND, 0)
    assert judge(fault, [own, following]).outcome == "right"


def test_every_fault_has_a_cause_that_a_report_can_name() -> None:
    assert set(RIGHT) == set(Fault) and all(cause is not Culprit.UNKNOWN for cause, _ in RIGHT.values())


def test_a_time_without_a_fault_is_quiet_or_somebody_is_blamed() -> None:
    told = [
        suffered(Culprit.ENCODE, 300.0), suffered(Culprit.BUSY, 200.0), suffered(Culprit.BUSY, at=AT + 11 * SECOND),
        suffered(Culprit.UNKNOWN, at=AT + 21 * SECOND),
    ]  # fmt: skip
    found = [judge(calm(AT + 10 * number * SECOND), told).outcome for number in range(4)]
    assert found == [Outcome.OURS, Outcome.OTHERS, Outcome.UNKNOWN, Outcome.NOTHING]


def test_what_happened_without_a_fault_is_far_from_all_of_them() -> None:
    faults = [injected(), injected(Fault.LOSS, AT + 60 * SECOND, "call")]
    near, far = suffered(Culprit.ENCODE, at=AT + 6 * SECOND), suffered(Culprit.ENCODE, at=AT + 9 * SECOND)
    other = suffered(Culprit.BUSY, at=AT + 61 * SECOND)
    assert without(faults, [near, far, other]) == [far, other], "a fault of the call is none of the show's"
    assert without([*faults, calm(AT + 5 * SECOND)], [near, far]) == [near, far], "known to be without one"


def test_the_table_counts_each_kind_and_what_is_blamed_on_us() -> None:
    times = [
        injected(), injected(at=AT + 60 * SECOND), injected(at=AT + 180 * SECOND), injected(at=AT + 240 * SECOND),
        injected(Fault.GARBAGE, AT + 120 * SECOND), *(calm(AT + (26 + 2 * n) * SECOND) for n in range(4)),
    ]  # fmt: skip
    found = [
        suffered(Culprit.BUSY), suffered(Culprit.UNKNOWN, at=AT + 61 * SECOND),
        suffered(Culprit.ENCODE, at=AT + 181 * SECOND),
        suffered(Culprit.GARBAGE, at=AT + 121 * SECOND), suffered(Culprit.ENCODE, at=AT + 27 * SECOND),
        *(suffered(Culprit.BUSY, at=AT + (31 + n) * SECOND) for n in range(3)),
    ]  # fmt: skip
    rows = {row["what"]: row for row in table(times, found)}
    assert (rows["busy cores: named right"]["value"], rows["busy cores: named right"]["unit"]) == (1, "of 3")
    assert rows["busy cores: named right"]["peer"] == "4 done, 3 with an effect, 1 as encoder, 1 unknown"
    assert (rows["all: named right"]["value"], rows["all: named right"]["unit"]) == (2, "of 4")
    ours = rows["nothing done: blamed on a part of ours"]
    assert ours["value"] == 25 and ours["peer"].startswith("of 4 times of 8 s in all: ")
    late = rows["nothing done: late things blamed on a part of ours"]
    assert late["value"] == 25 and late["peer"].startswith("1 of 4 (")


def test_a_difference_and_its_interval() -> None:
    found = Difference.of([(101.0, 100.0), (103.0, 100.0), (102.0, 100.0)])
    assert found.percent == pytest.approx(2.0)
    assert found.within == pytest.approx(4.303 * 1.0 / 3**0.5)
