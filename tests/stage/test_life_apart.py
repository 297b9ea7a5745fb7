"""Seats live apart: nothing that one does by chance tells when another does it."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from duologue.audio.pcm import RATE
from duologue.stage.motion.gaze import LEFT_SEAT, RIGHT_SEAT, Gaze
from duologue.stage.motion.life import Life
from duologue.stage.motion.pose import Lids

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

STEP = RATE // 10
"""How finely bodies are looked at (samples): every third frame."""
MINUTES = 20
SEEDS = range(4)
Track = NDArray[np.float64]


def together(one: Sequence[int], other: Sequence[int], within: int) -> tuple[int, float]:
    """How many of ``one`` have one of ``other`` this near (samples), and how many would by chance alone."""
    near = 0
    for at in one:
        place = bisect_left(other, at - within)
        near += place < len(other) and other[place] <= at + within
    rate = len(other) / (MINUTES * 60 * RATE)
    return near, len(one) * (1 - np.exp(-rate * (2 * within + STEP)))


def assert_apart(what: Callable[[int, int], Sequence[int]], within: int = RATE // 5) -> None:
    """Over all seeds and pairs of seats, as many coincidences as chance gives, to five deviations of a count."""
    near, expected = 0, 0.0
    for seed in SEEDS:
        for one, other in itertools.combinations(range(3), 2):
            counts = together(what(seed, one), what(seed, other), within)
            near, expected = near + counts[0], expected + counts[1]
    assert abs(near - expected) < 5 * np.sqrt(expected), (near, expected)


def times(step: int = STEP) -> range:
    return range(0, MINUTES * 60 * RATE, step)


def blinks(seed: int, seat: int, step: int = STEP) -> list[int]:
    life = Life(seed, seat)
    down = [life.lids(at) is not Lids.OPEN for at in times(step)]
    return [at for before, now, at in zip(down, down[1:], times(step)[1:], strict=False) if now and not before]


def looks(seed: int, seat: int) -> list[int]:
    """When the eyes go somewhere else (more than they tremble)."""
    gaze = Gaze(seed, seat, LEFT_SEAT if seat != 1 else RIGHT_SEAT)
    seen = [gaze.direction(at, (), tv_on=False) for at in times()]
    jumps = [abs(a[0] - b[0]) + abs(a[1] - b[1]) > 0.12 for a, b in itertools.pairwise(seen)]
    return [at for before, now, at in zip(jumps, jumps[1:], times()[2:], strict=False) if now and not before]


def weight(seed: int, seat: int) -> Track:
    life = Life(seed, seat)
    return np.array([life.weight(at) for at in times()])


def sways(seed: int, seat: int) -> Track:
    life = Life(seed, seat)
    return np.array([life.sway(at) for at in times()])


def tilts(seed: int, seat: int) -> Track:
    life = Life(seed, seat)
    return np.array([life.tilt(at) for at in times()])


def lifts(seed: int, seat: int) -> list[int]:
    life = Life(seed, seat)
    up = [life.brows_lift(at) for at in times()]
    return [at for before, now, at in zip(up, up[1:], times()[1:], strict=False) if now and not before]


def shifts(seed: int, seat: int) -> list[int]:
    moving = np.abs(np.diff(weight(seed, seat))) > 1e-9
    return [int(index) * STEP for index in np.flatnonzero(moving[1:] & ~moving[:-1])]


@pytest.mark.slow
@pytest.mark.parametrize("what", [blinks, looks, lifts, shifts])
def test_no_seat_tells_when_another_stirs(what: Callable[[int, int], Sequence[int]]) -> None:
    assert_apart(what)


@pytest.mark.parametrize("what", [weight, sways, tilts])
def test_bodies_do_not_move_and_rest_in_step(what: Callable[[int, int], Track]) -> None:
    """How fast they move, not only where to: noise on one grid rests at the same moments in every seat."""
    related: list[float] = []
    for seed in SEEDS:
        speeds = [np.abs(np.diff(what(seed, seat))) for seat in range(3)]
        related += [float(np.corrcoef(a, b)[0, 1]) for a, b in itertools.combinations(speeds, 2)]
    assert abs(np.mean(related)) < 0.05, related
    assert np.max(np.abs(related)) < 0.3, related


def test_the_first_blink_of_a_minute_is_nobodys() -> None:
    """No moment of any minute has more blinks in it than the others."""
    phases = np.array([at % (60 * RATE) for seed in SEEDS for seat in range(3) for at in blinks(seed, seat)])
    counts, _ = np.histogram(phases, bins=60, range=(0, 60 * RATE))
    assert counts.max() < counts.mean() + 5 * np.sqrt(counts.mean())


@pytest.mark.parametrize("seat", range(3))
def test_each_seat_keeps_to_what_is_documented(seat: int) -> None:
    for seed in SEEDS:
        begun = blinks(seed, seat, RATE // 30)
        firsts = [at for before, at in itertools.pairwise([-RATE, *begun]) if at - before > RATE // 2]
        gaps = np.diff(firsts) / RATE
        assert gaps.min() > 0.96 and gaps.max() < 8.04  # as seen by the frame
        assert 0.08 < 1 - len(firsts) / len(begun) < 0.2
        assert 2.5 < gaps.mean() < 4.0
        assert 6 < np.mean(np.diff(shifts(seed, seat)) / RATE) < 12
        assert 12 < np.mean(np.diff(lifts(seed, seat)) / RATE) < 50
