from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duologue.telemetry.frames import FrameLedger, FrameSummary, summarise
from duologue.telemetry.ledger import BakeRecord, Cause, FrameRecord, SkipRecord


def frame(
    number: int,
    compose: float = 1.0,
    encode: float = 6.0,
    lateness: float = -900.0,
    cause: Cause = Cause.NONE,
) -> FrameRecord:
    due = number * 33_333_333
    return FrameRecord(number, due, due, compose, encode, 5_000, due, lateness, cause)


def test_a_frame_over_its_period_is_over_budget_and_one_at_it_is_not() -> None:
    period = 1000 / 30
    summary = summarise([frame(0, period - 6.0), frame(1, period - 5.9), frame(2)], period)
    assert (summary.frames, summary.over_budget, summary.late) == (3, 1, 0)


def test_a_frame_is_late_when_it_was_ready_after_its_due_time_whatever_it_cost() -> None:
    summary = summarise([frame(0, lateness=0.0), frame(1, lateness=0.1), frame(2, 90.0, lateness=-500)], 33.3)
    assert (summary.late, summary.over_budget) == (1, 1)


def test_a_second_is_summed_up() -> None:
    records = [
        frame(0, 1.0, 5.0, -800),
        frame(1, 2.0, 40.0, -700, cause=Cause.ENCODE),
        frame(2, 9.0, 5.0, 12.5, cause=Cause.STALL),
    ]
    assert summarise(records, 33.3) == FrameSummary(
        frames=3,
        late=1,
        over_budget=1,
        compose_p50=2.0,
        compose_max=9.0,
        frame_p50=14.0,
        frame_max=42.0,
        longest_delay_ms=12.5,
        lead_ms=-12.5,
        causes={Cause.ENCODE: 1, Cause.STALL: 1},
    )


def test_nothing_is_summed_up_as_nothing() -> None:
    assert summarise([], 33.3) == FrameSummary()
    assert FrameLedger(30).take() == FrameSummary()


def test_a_ring_forgets_and_the_totals_do_not() -> None:
    ledger = FrameLedger(30, capacity=10)
    ledger.add([frame(0, 100.0, cause=Cause.COMPOSE, lateness=70.0)])
    ledger.add(frame(number) for number in range(1, 100))
    assert [record.number for record in ledger.recent()] == list(range(90, 100))
    assert [record.number for record in ledger.recent(3)] == [97, 98, 99]
    assert ledger.recent(0) == ()
    assert (ledger.frames, ledger.late, ledger.over_budget, ledger.skipped) == (100, 1, 1, 0)
    assert ledger.largest_ms == 106.0
    assert ledger.longest_delay_ms == 70.0
    assert ledger.causes == {Cause.COMPOSE: 1}


def test_a_picture_that_stands_for_two_periods_may_cost_two() -> None:
    record = FrameRecord(0, 0, 0, 10.0, 50.0, 0, 0, -500.0, periods=2)
    assert summarise([record], 1000 / 30).over_budget == 0
    assert summarise([replace(record, encode_ms=60.0)], 1000 / 30).over_budget == 1


def test_skipped_frames_are_counted() -> None:
    ledger = FrameLedger(30)
    ledger.skip(SkipRecord(at=1, first=100, following=145, late_ms=1510.0))
    assert ledger.skipped == 45


def test_bakes_are_kept() -> None:
    ledger = FrameLedger(30)
    ledger.baked(BakeRecord(1, "lights", 350.0))
    assert list(ledger.bakes) == [BakeRecord(1, "lights", 350.0)]


@settings(deadline=None)
@given(
    costs=st.lists(st.floats(0, 100), min_size=1, max_size=50),
    cut=st.integers(0, 50),
)
def test_seconds_add_up_to_the_totals(costs: list[float], cut: int) -> None:
    ledger = FrameLedger(30)
    records = [frame(number, cost, lateness=cost - 40) for number, cost in enumerate(costs)]
    ledger.add(records[:cut])
    first = ledger.take()
    ledger.add(records[cut:])
    second = ledger.take()
    assert first.frames + second.frames == ledger.frames == len(costs)
    assert first.late + second.late == ledger.late
    assert first.over_budget + second.over_budget == ledger.over_budget
    assert max(first.frame_max, second.frame_max) == pytest.approx(ledger.largest_ms)
