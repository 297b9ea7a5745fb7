"""What a show would give up beside busy programs: from what a frame costs, without a clock."""

from __future__ import annotations

import json
from unittest.mock import ANY

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.app.doctor.headroom import BREATH, HOUSE, TV_ON, Cost, as_table, headroom, holding, needs, share, words
from duologue.telemetry.ledger import GovernorStep

ALL = (GovernorStep.TV, GovernorStep.ANALYSIS, GovernorStep.RATE, GovernorStep.SIZE)
QUICK = Cost(1920, 1080, 30, 1.4, 8.2)
SLOW = Cost(1920, 1080, 30, 4.0, 16.0)


def test_the_figure_of_a_free_core_is_the_period_over_the_cost() -> None:
    room = headroom(QUICK, 2, steps=ALL)
    assert room.times == pytest.approx(33.33 / 9.6, abs=0.01)
    assert room.needs[0].cores == pytest.approx(TV_ON * 9.6 / 33.33 + HOUSE, abs=0.002)
    assert room.now.step is GovernorStep.FULL and words(room, room.now) == "the full picture"


@pytest.mark.parametrize(
    ("cores", "programs", "expected"),
    [
        (2, 0, 2.0), (2, 1, 1.0), (2, 2, 2 / 3), (2, 4, 0.4), (1, 0, 1.0), (1, 1, 0.5), (1, 2, 1 / 3), (4, 2, 2.0),
        (4, 3, 1.0), (8, 4, 2.0), (2, 0.5, 1.5), (1.5, 1, 0.75),
    ],
)  # fmt: skip
def test_a_share_is_what_is_free_or_an_equal_part(cores: float, programs: float, expected: float) -> None:
    assert share(cores, programs) == pytest.approx(expected)


def test_the_steps_are_given_up_in_their_order_as_the_share_shrinks() -> None:
    wanted = needs(QUICK, ALL)
    assert [need.step for need in wanted] == [GovernorStep.FULL, *ALL]
    for need in wanted:
        assert holding(wanted, need.cores / BREATH + 0.001) is need.step
    assert holding(wanted, wanted[-1].cores / BREATH - 0.001) is None


def test_two_busy_programs_beside_a_slow_machine() -> None:
    room = headroom(SLOW, 2, steps=ALL)
    assert [(outlook.programs, outlook.step) for outlook in room.beside] == [
        (1, GovernorStep.FULL), (2, GovernorStep.ANALYSIS), (4, GovernorStep.RATE),
    ]  # fmt: skip
    assert words(room, room.beside[1]) == (
        "the TV's picture only in every second frame, less analysis in the encoder (a little softer)"
    )


def test_where_the_size_must_stay_the_plainest_is_half_the_rate() -> None:
    steps = (GovernorStep.TV, GovernorStep.ANALYSIS, GovernorStep.RATE)
    room = headroom(Cost(1920, 1080, 30, 10.0, 70.0), 1, steps=steps)
    assert room.now.step is None
    assert "leave pieces out" in words(room, room.now)
    assert headroom(Cost(1920, 1080, 30, 10.0, 70.0), 1, steps=ALL).now.step is GovernorStep.SIZE


def test_one_thread_has_one_core_however_many_there_are() -> None:
    wanted = needs(Cost(1920, 1080, 30, 1.0, 28.0), ALL)
    assert wanted[0].thread > 1
    assert holding(wanted, 2.0) is GovernorStep.ANALYSIS


def test_the_load_of_the_moment_and_what_the_host_takes_count() -> None:
    quiet = headroom(SLOW, 2, steps=ALL)
    busy = headroom(SLOW, 2, programs=1.8, steps=ALL)
    stolen = headroom(SLOW, 2, steal=0.7, steps=ALL)
    assert quiet.now.share == 2.0
    assert busy.now.share == pytest.approx(2 / 2.8, abs=0.01) and busy.now.programs == 1.8
    assert stolen.now.share == pytest.approx(0.6) and stolen.beside[0].share == pytest.approx(0.3)
    assert stolen.now.step is GovernorStep.ANALYSIS and stolen.beside[0].step is GovernorStep.SIZE


def test_another_size_and_rate_cost_by_their_pixels() -> None:
    other = QUICK.scaled(960, 540, 60)
    assert other.frame_ms == pytest.approx(QUICK.frame_ms / 4)
    assert headroom(other, 2, steps=ALL).times == pytest.approx(2 * headroom(QUICK, 2, steps=ALL).times, rel=0.01)


def test_the_table_for_json_names_the_steps() -> None:
    table = as_table(headroom(SLOW, 2, steps=ALL))
    assert json.loads(json.dumps(table)) == table
    assert table["beside"] == [
        {"programs": 1, "share": 1.0, "step": "full", "seen": "the full picture"},
        {"programs": 2, "share": 0.67, "step": "analysis", "seen": ANY},
        {"programs": 4, "share": 0.4, "step": "rate", "seen": ANY},
    ]


@given(
    st.floats(0.5, 200), st.integers(1, 16), st.floats(0, 20), st.floats(0, 0.9), st.floats(0, 20), st.floats(0, 0.9)
)  # fmt: skip
def test_more_load_never_looks_better(
    frame_ms: float, cores: int, programs: float, steal: float, more: float, also: float
) -> None:
    cost = Cost(1280, 720, 30, frame_ms / 5, frame_ms * 4 / 5)
    lighter = headroom(cost, cores, programs=min(programs, more), steal=min(steal, also), steps=ALL)
    heavier = headroom(cost, cores, programs=max(programs, more), steal=max(steal, also), steps=ALL)
    for one, other in zip((lighter.now, *lighter.beside), (heavier.now, *heavier.beside), strict=True):
        assert one.share >= other.share
        assert (9 if other.step is None else other.step) >= (9 if one.step is None else one.step)
