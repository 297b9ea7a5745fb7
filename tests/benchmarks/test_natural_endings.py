"""How it is counted whether a melody tells pauses from ends."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.natural.endings import Ending, endings, told_apart

from duologue.dialogue.listening.melody import Contour, Melody
from duologue.speech.hearing import EAR_RATE
from duologue.speech.silero import Silero


def ending(level: float, goes_on: bool) -> Ending:
    return Ending("clause", "words", Contour(level), goes_on, 500.0 * goes_on)


@pytest.mark.parametrize(
    ("on", "over", "found"),
    [
        ((3.0, 4.0), (-1.0, 2.0), 1.0),
        ((-1.0,), (2.0,), 0.0),
        ((1.0, 3.0), (2.0, 3.0), 0.375),
        ((1.0,), (), float("nan")),
    ],
)
def test_pairs_are_counted(on: tuple[float, ...], over: tuple[float, ...], found: float) -> None:
    told = told_apart([*(ending(level, True) for level in on), *(ending(level, False) for level in over)])
    assert told == pytest.approx(found, nan_ok=True)


def test_silence_has_no_ending() -> None:
    assert not list(endings(np.zeros(EAR_RATE, np.float32), "clause", "", Silero(), Melody()))
