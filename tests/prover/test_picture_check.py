from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.broadcast.testcard import Card
from duologue.prover.picture_check import PictureCheck
from duologue.prover.report import PictureReport, RateReport

FPS = 30


def numbers(shown: list[int]) -> PictureCheck:
    check = PictureCheck()
    for index, number in enumerate(shown):
        check.add(0, index / 30, Card(number, 0, False))
    return check


@given(st.permutations(range(10, 40)))
def test_a_disorder_alone_is_never_a_loss(order: list[int]) -> None:
    report = numbers([9, *order]).report()
    assert (report.missing, report.repeated) == (0, 0)
    assert (report.out_of_order == 0) == (order == sorted(order))


@given(st.sets(st.integers(1, 98)))
def test_every_lost_frame_is_counted_once(lost: set[int]) -> None:
    report = numbers([number for number in range(100) if number not in lost]).report()
    assert report.missing == len(lost)
    assert report.missing_numbers == tuple(sorted(lost))[:10]
    assert (report.repeated, report.out_of_order) == (0, 0)


def test_a_jump_of_a_day_is_counted_without_keeping_its_numbers() -> None:
    report = numbers([5, 6, 2_592_006]).report()
    assert report.missing == 2_592_006 - 7 and report.missing_numbers == ()


def half(begin: int, end: int) -> list[tuple[int, int]]:
    """Frames from ``begin`` to ``end`` at half the rate: the number, and the two periods it stands for."""
    return [(number, 2) for number in range(begin, end, 2)]


def full(begin: int, end: int) -> list[tuple[int, int]]:
    return [(number, 1) for number in range(begin, end)]


def runs(*each: Iterable[tuple[int, int]]) -> PictureCheck:
    """Each run's pictures, every one at the time of its number."""
    check = PictureCheck()
    for run, pictures in enumerate(each):
        for number, periods in pictures:
            check.add(run, number / FPS, Card(number, 0, number % FPS < 2, periods))
    return check


def rate(report: PictureReport) -> RateReport:
    assert report.rate is not None
    return report.rate


def test_a_whole_stream_has_all_its_pictures_in_every_second() -> None:
    report = runs(full(0, 150)).report()
    assert rate(report) == RateReport(30, 30, pytest.approx(33.333, abs=0.01), 0, 0)  # pyright: ignore[reportArgumentType]
    assert (report.left_out, report.skipped, report.skips) == (0, 0, 0)


def test_half_the_rate_is_left_out_by_design_and_nothing_is_missing() -> None:
    report = runs([*full(0, 60), *half(60, 240), *full(240, 270)]).report()
    assert (report.missing, report.repeated, report.left_out) == (0, 0, 90)
    found = rate(report)
    assert (found.least, found.median, found.changes) == (15, 15, 2)
    assert found.largest_step_ms == pytest.approx(66.67, abs=0.01)
    assert found.reduced_seconds == pytest.approx(6.0, abs=0.001)
    assert report.largest_step_ms == pytest.approx(report.nominal_step_ms, abs=0.01)  # a period stays a period


@pytest.mark.parametrize("begin", [0, 1])
def test_a_flash_begins_where_its_first_frame_would_have_stood(begin: int) -> None:
    check = PictureCheck()
    for number in range(begin, 25 * 6, 2):  # at 25 fps every second flash begins at an odd number
        check.add(0, number / 25, Card(number, 0, number % 25 < 2, 2))
    assert [at for _, at in check.flashes] == pytest.approx([1, 2, 3, 4, 5], abs=1e-4)


def test_a_picture_missing_at_half_the_rate_costs_two_numbers() -> None:
    report = runs([pair for pair in half(0, 120) if pair[0] != 40]).report()
    assert (report.missing, report.missing_numbers, report.left_out) == (2, (40, 41), 59)
    assert report.largest_step_ms == pytest.approx(2 * report.nominal_step_ms, abs=0.01)


def test_half_the_pictures_without_a_word_are_missing() -> None:
    report = runs([(number, 1) for number, _ in half(0, 120)]).report()
    assert (report.missing, report.left_out) == (59, 0)


def test_a_picture_that_was_announced_as_left_out_came_again_if_it_comes() -> None:
    report = runs([(0, 1), (1, 2), (2, 1), (3, 1)]).report()
    assert (report.repeated, report.missing, report.left_out) == (1, 0, 1)


def test_pictures_swapped_at_half_the_rate_are_out_of_order_only() -> None:
    report = numbers_of([(0, 2), (4, 2), (2, 2), (6, 2)])
    assert (report.out_of_order, report.missing, report.repeated, report.left_out) == (1, 0, 0, 4)


def numbers_of(pictures: list[tuple[int, int]]) -> PictureReport:
    check = PictureCheck()
    for index, (number, periods) in enumerate(pictures):
        check.add(0, index / 15, Card(number, 0, False, periods))
    return check.report()


def test_a_jump_at_a_discontinuity_is_skipped_and_one_without_is_missing() -> None:
    apart = runs(full(0, 60), full(105, 165)).report()
    assert (apart.skipped, apart.skips, apart.missing) == (45, 1, 0)
    assert rate(apart).least == 30  # a player shows the runs one after the other
    together = runs([*full(0, 60), *full(105, 165)]).report()
    assert (together.skipped, together.missing) == (0, 45)
    assert rate(together).least == 0
    assert rate(together).largest_step_ms == pytest.approx(46 / 30 * 1000, abs=0.1)


def test_a_run_that_goes_on_where_the_last_one_ended_skips_nothing() -> None:
    report = runs(full(0, 60), full(60, 120), half(120, 180)).report()
    assert (report.skipped, report.skips, report.missing, report.left_out) == (0, 0, 0, 30)


def test_a_run_that_begins_before_the_last_one_ended_repeats() -> None:
    assert runs(full(0, 60), full(50, 90)).report().repeated == 10


def test_pictures_sent_twice_are_not_different() -> None:
    report = numbers([number // 3 * 3 for number in range(120)]).report()
    assert rate(report).median == 10


def test_a_picture_that_stands_to_the_end_is_counted_with_all_its_time() -> None:
    report = numbers([min(number, 9) for number in range(120)]).report()
    assert rate(report).least == 0
    assert rate(report).largest_step_ms == pytest.approx(111 / 30 * 1000, abs=0.1)


@given(st.lists(st.integers(1, 2), min_size=40, max_size=120))
def test_however_the_rate_changes_nothing_is_missing_or_uneven(lengths: list[int]) -> None:
    pictures: list[tuple[int, int]] = []
    number = 0
    for periods in lengths:
        pictures.append((number, periods))
        number += periods
    report = runs(pictures).report()
    assert (report.missing, report.repeated, report.left_out) == (0, 0, number - len(lengths))
    assert report.largest_step_ms < 1.01 * report.smallest_step_ms
    assert 14 <= rate(report).least <= rate(report).median <= 30


def test_less_than_a_second_has_no_rate() -> None:
    assert runs(full(0, 20)).report().rate is None
    assert PictureCheck().report().rate is None
