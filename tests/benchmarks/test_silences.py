"""The stages of a turn add up to the silence in its recording, whatever ears, mind and voice take."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from benchmarks.silences import TurnSilence, hold, measured

from benchmarks import silences
from duologue.audio.pcm import RATE
from duologue.simulation.spoken_runner import SpokenOutcome


@pytest.fixture(scope="module")
def turns() -> list[TurnSilence]:
    return [each for seed in (1, 2) for each in hold(seed, 4)]


def test_stages_and_silence_are_one(turns: list[TurnSilence]) -> None:
    assert len(turns) == 8
    assert max(abs(turn.difference_ms) for turn in turns) <= 10
    assert all(turn.heard_ms >= 250 for turn in turns), "a turn is not over sooner"


def test_the_delays_are_in_it(turns: list[TurnSilence]) -> None:
    """Every engine was slow at least once, or nothing would have been shown."""
    for stage in ("transcript", "first_token", "voice"):
        assert max(turn.stages[stage] for turn in turns) > 100, stage
    assert max(turn.heard_ms for turn in turns) - min(turn.heard_ms for turn in turns) > 200


def test_a_recording_that_tells_another_silence_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(spoken: SpokenOutcome) -> list[TurnSilence]:
        shifted = spoken.recording.copy()
        shifted[:, 1] = np.roll(shifted[:, 1], RATE // 50)
        return list(measured(replace(spoken, recording=shifted)))

    monkeypatch.setattr(silences, "measured", late)
    assert all(turn.difference_ms == pytest.approx(-20, abs=10) for turn in hold(1, 2))
