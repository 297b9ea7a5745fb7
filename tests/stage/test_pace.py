"""The frame grid."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.clock import MILLISECOND, SECOND
from duologue.stage.pace import CatchUpRule, Pace


def test_due_times_do_not_drift_over_days() -> None:
    pace = Pace(origin=7, fps=30, lead=SECOND)
    week = 7 * 24 * 3600
    assert pace.due(week * 30) == 7 + week * SECOND


def test_a_frame_is_begun_its_lead_before_it_is_due() -> None:
    pace = Pace(origin=5 * SECOND, fps=25, lead=SECOND)
    assert pace.begin(50) == 6 * SECOND


@pytest.mark.parametrize("behind_ms", [-1000, 0, 1400, 1500])
def test_within_lead_and_cushion_every_frame_is_made(behind_ms: int) -> None:
    pace = Pace(origin=0, fps=30, lead=SECOND, cushion=1500 * MILLISECOND)
    assert CatchUpRule(pace).following(30, pace.due(30) + behind_ms * MILLISECOND) == 30


@pytest.mark.parametrize("behind_ms", [4_001, 60_000])
def test_hopelessly_late_it_skips_to_the_first_frame_that_has_all_its_lead(behind_ms: int) -> None:
    pace = Pace(origin=0, fps=30, lead=SECOND)
    now = pace.due(30) + behind_ms * MILLISECOND
    following = CatchUpRule(pace).following(30, now)
    assert pace.begin(following) >= now > pace.begin(following - 1)


def test_after_one_stall_it_comes_back_frame_by_frame() -> None:
    pace = Pace(origin=0, fps=30, lead=SECOND)
    patience = CatchUpRule(pace)
    now = pace.due(30) + 3 * SECOND
    for number in range(30, 180):
        assert patience.following(number, now) == number
        now += 12 * MILLISECOND


def test_when_it_does_not_come_back_it_skips_before_it_is_much_later() -> None:
    pace = Pace(origin=0, fps=30, lead=SECOND)
    patience = CatchUpRule(pace)
    now, number = pace.due(30) + 1400 * MILLISECOND, 30
    while (following := patience.following(number, now)) == number:
        now += 40 * MILLISECOND  # a little too slow
        number += 1
    assert now - pace.due(number) < 1900 * MILLISECOND
    assert pace.begin(following) >= now
    assert patience.following(following, now) == following


@given(origin=st.integers(0, 10**15), fps=st.sampled_from([24, 25, 30, 50, 60]), late=st.integers(-(10**9), 10**12))
def test_a_new_stage_takes_up_the_grid_at_the_next_frame_due(origin: int, fps: int, late: int) -> None:
    pace = Pace(origin, fps, lead=0)
    now = origin + late
    frame = pace.next_frame(now)
    assert frame == 0 or pace.due(frame - 1) <= now
    assert pace.due(frame) >= min(now, pace.due(frame)) and pace.due(frame + 1) > now
