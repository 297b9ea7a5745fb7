"""A performance without a process around it: what it is told, frame by frame."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from stage_plans import plan

from duologue.audio.pcm import RATE, Samples
from duologue.clock import VirtualClock
from duologue.errors import InputError
from duologue.speech.utterance import Utterance
from duologue.stage.messages import SayUtterance
from duologue.stage.performance import Performance


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shelf")


@pytest.fixture
def performance(shelf: Path) -> Generator[Performance]:
    ours = plan(shelf)
    seated = tuple(replace(each, pan=pan) for each, pan in zip(ours.cast, (-0.6, 0.6), strict=True))
    performance = Performance(replace(ours, cast=seated), VirtualClock(), patient=True)
    performance.begin(0)
    yield performance
    performance.close()


def tone(seconds: float = 1.0) -> Samples:
    return (0.3 * np.sin(np.arange(round(seconds * RATE)) * 0.06)).astype(np.float32)


def say(utterance_id: str, speaker: str, samples: Samples, gap: int = 0) -> SayUtterance:
    return SayUtterance(Utterance(utterance_id, speaker, "A tone.", samples), gap)


def heard(performance: Performance, frames: int) -> Samples:
    """The sound of the first frames (stereo); no picture is drawn."""
    return np.concatenate([performance.draw(number, pictured=False).samples for number in range(frames)])


def test_of_a_line_that_is_refused_nothing_is_kept(performance: Performance) -> None:
    samples = tone()
    kept = weakref.ref(samples)
    with pytest.raises(InputError):
        performance.apply(say("a", "chad", samples, gap=-1))
    del samples
    gc.collect()
    assert kept() is None


def test_a_line_that_is_refused_as_given_twice_leaves_the_first_where_it_sits(performance: Performance) -> None:
    performance.apply(say("a", "chad", tone()))
    with pytest.raises(InputError, match="already"):
        performance.apply(say("a", "virgin", tone()))
    left, right = np.abs(heard(performance, 10)).mean(axis=0)
    assert left > right > 0
