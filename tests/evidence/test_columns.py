"""Figures in columns are the records that went in, also when the oldest have gone."""

from __future__ import annotations

from dataclasses import replace

from made_shows import frames, machine

from duologue.clock import SECOND
from duologue.evidence.columns import FrameColumns, MachineColumns


def test_frames_that_are_left_keep_all_that_was_told_of_them() -> None:
    made = [
        replace(
            each, compose_ms=1.5, encode_ms=6.25, lateness_ms=-900.5, wait_ms=each.number / 4,
            blocked_ms=each.number / 8,
        )
        for each in frames(40)
    ]  # fmt: skip
    columns = FrameColumns()
    for each in made:
        columns.add(each)
    assert [columns.record(place) for place in range(len(columns))] == made
    columns.drop(15)
    assert [columns.record(place) for place in range(len(columns))] == made[15:]
    columns.add(made[0])
    assert columns.record(len(columns) - 1) == made[0]


def test_seconds_that_are_left_keep_their_figures() -> None:
    columns = MachineColumns()
    for number in range(10):
        columns.add(number * SECOND, machine(cpu_wait_ms={"stage": number / 4}, disk_wait_ms=number / 8))
    columns.drop(4)
    assert list(columns.at) == [number * SECOND for number in range(4, 10)]
    assert list(columns.wait["stage"]) == [number / 4 for number in range(4, 10)]
    assert list(columns.figures["disk_wait_ms"]) == [number / 8 for number in range(4, 10)]


def test_a_time_in_which_nobody_measured_has_no_second() -> None:
    """A house that keeps runs now and then: the next second is another call's."""
    columns = MachineColumns()
    for at in (10, 11, 12, 900, 901):
        columns.add(at * SECOND, machine())
    assert columns.within(11 * SECOND - 1, 11 * SECOND + SECOND // 2) == [1, 2]
    assert columns.within(11 * SECOND + 1, 12 * SECOND + SECOND // 2) == [2]
    assert columns.within(500 * SECOND, 501 * SECOND) == []
