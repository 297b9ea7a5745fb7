"""The frame grid."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.clock import MILLISECOND, SECOND
from duologue.stage.pace import Pace, Step


def test_due_times_do_not_drift_over_days() -> None:
    pace = Pace(origin=7, fps=30, lead=SECOND)
    week = 7 * 24 * 3600
    assert pace.due(week * 30) == 7 + week * SECOND


def test_a_frame_is_begun_its_lead_before_it_is_due() -> None:
    pace = Pace(origin=5 * SECOND, fps=25, lead=SECOND)
    assert pace.begin(50) == 6 * SECOND


@pytest.mark.parametrize(
    ("behind_ms", "expected"), [(-1000, Step.DRAW), (0, Step.DRAW), (1400, Step.DRAW), (1600, Step.REPEAT)]
)
def test_a_picture_is_repeated_only_when_lead_and_cushion_are_spent(behind_ms: int, expected: Step) -> None:
    pace = Pace(origin=0, fps=30, lead=SECOND, cushion=1500 * MILLISECOND)
    assert pace.step(30, pace.due(30) + behind_ms * MILLISECOND) is expected


def test_a_new_stage_goes_on_with_the_next_frame_and_gives_up_only_what_is_hopelessly_late() -> None:
    pace = Pace(origin=0, fps=30, lead=SECOND)
    assert pace.resume(100, now=pace.due(100) - SECOND // 2) == 100  # back within the lead: nothing twice
    assert pace.resume(100, now=pace.due(100) + 3 * SECOND) == 100  # a little late: nothing missing
    assert pace.resume(100, now=pace.due(100) + 60 * SECOND) == 100 + 56 * 30


@given(origin=st.integers(0, 10**15), fps=st.sampled_from([24, 25, 30, 50, 60]), late=st.integers(-(10**9), 10**12))
def test_a_new_stage_takes_up_the_grid_at_the_next_frame_due(origin: int, fps: int, late: int) -> None:
    pace = Pace(origin, fps, lead=0)
    now = origin + late
    frame = pace.next_frame(now)
    assert frame == 0 or pace.due(frame - 1) <= now
    assert pace.due(frame) >= min(now, pace.due(frame)) and pace.due(frame + 1) > now
