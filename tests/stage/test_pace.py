"""The frame grid."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.clock import MILLISECOND, SECOND
from duologue.stage.pace import Pace


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
    assert pace.skip(30, pace.due(30) + behind_ms * MILLISECOND) == 30


@pytest.mark.parametrize("behind_ms", [1501, 3_000, 60_000])
def test_beyond_them_the_show_skips_to_the_first_frame_that_has_all_its_lead(behind_ms: int) -> None:
    pace = Pace(origin=0, fps=30, lead=SECOND, cushion=1500 * MILLISECOND)
    now = pace.due(30) + behind_ms * MILLISECOND
    following = pace.skip(30, now)
    assert pace.begin(following) >= now > pace.begin(following - 1)


def test_a_new_stage_goes_on_with_the_next_frame_unless_that_is_hopelessly_late() -> None:
    pace = Pace(origin=0, fps=30, lead=SECOND)
    assert pace.skip(100, now=pace.due(100) - SECOND // 2) == 100  # back within the lead: nothing twice
    assert pace.skip(100, now=pace.due(100) + SECOND) == 100  # a little late: nothing missing
    assert pace.skip(100, now=pace.due(100) + 60 * SECOND) == 100 + 61 * 30


@given(origin=st.integers(0, 10**15), fps=st.sampled_from([24, 25, 30, 50, 60]), late=st.integers(-(10**9), 10**12))
def test_a_new_stage_takes_up_the_grid_at_the_next_frame_due(origin: int, fps: int, late: int) -> None:
    pace = Pace(origin, fps, lead=0)
    now = origin + late
    frame = pace.next_frame(now)
    assert frame == 0 or pace.due(frame - 1) <= now
    assert pace.due(frame) >= min(now, pace.due(frame)) and pace.due(frame + 1) > now
