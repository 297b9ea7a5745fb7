"""How the weights of the melody are made."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.natural_endings import Ending, fitted, told_apart

from duologue.dialogue.melody import WEIGHTS, Contour


def drawn(count: int, apart: float, seed: int = 1, human: float = 0.2) -> list[Ending]:
    """Voices that go on ``apart`` semitones higher than those that end; only the level says anything."""
    random = np.random.default_rng(seed)
    found: list[Ending] = []
    for number in range(count):
        goes_on = bool(random.random() < 0.3)
        others = [float(each) for each in random.normal(0, (10, 3, 5, 20, 0.1, 0.05))]
        kind = "human" if random.random() < human else "clause"
        found.append(Ending(kind, str(number), Contour(float(random.normal(apart * goes_on)), *others), goes_on, 0.0))
    return found


def test_what_tells_the_endings_apart_is_found() -> None:
    fit = fitted(drawn(600, 3.0))
    assert len(fit.weights) == len(WEIGHTS)
    others = drawn(600, 3.0, seed=2)
    assert told_apart(others, fit.odds(others)) > 0.96
    spreads = np.array((1, 10, 3, 5, 20, 0.1, 0.05))
    weights = np.abs(np.array(fit.weights) * spreads)
    assert weights[0] > 5 * weights[1:].max()


def test_where_nothing_does_nothing_is_claimed() -> None:
    found = drawn(600, 0.0)
    others = drawn(600, 0.0, seed=2)
    fit = fitted(found)
    assert told_apart(others, fit.odds(others)) == pytest.approx(0.5, abs=0.08)
    assert float(np.abs(fit.odds(others)).max()) < 2.0


def test_people_and_callers_count_alike_however_many_they_are() -> None:
    few, many = (fitted(drawn(900, 2.0, human=share)) for share in (0.1, 0.5))
    assert few.weights[0] == pytest.approx(many.weights[0], rel=0.3)
