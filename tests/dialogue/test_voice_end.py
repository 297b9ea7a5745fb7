"""Where a voice ended by its level: to two milliseconds where that is clear, and nothing is claimed where it is not."""

from __future__ import annotations

import numpy as np
import pytest

from duologue.audio.pcm import Samples
from duologue.dialogue.listening.voice_end import NEAR_MS, voice_end_ms
from duologue.speech.hearing import EAR_RATE


def sound(voice_ms: float, quiet_ms: float, noise: float = 0.0) -> Samples:
    chance = np.random.default_rng(3)
    count = round((voice_ms + quiet_ms) * EAR_RATE / 1000)
    made = 0.2 * np.sin(2 * np.pi * 200 * np.arange(count) / EAR_RATE)
    made[round(voice_ms * EAR_RATE / 1000) :] = 0
    return (made + noise * chance.standard_normal(count)).astype(np.float32)


def samples(ms: float) -> int:
    return round(ms * EAR_RATE / 1000)


@pytest.mark.parametrize("late", [-31.0, -16.0, -3.3, 0.0, 7.7, 16.0, 40.0])
@pytest.mark.parametrize("noise", [0.0, 0.0005])
def test_the_end_is_found_wherever_voice_activity_put_it(late: float, noise: float) -> None:
    """``late``: so much later than voice activity said."""
    found = voice_end_ms(sound(400 + late, 112 - late, noise), samples(112))
    assert found == pytest.approx(late, abs=2.0)


def test_a_voice_that_dies_away_is_over_where_it_cannot_be_heard() -> None:
    made = sound(400, 112)
    made[samples(380) :] = 0
    made[samples(380) : samples(420)] = 0.2 * np.geomspace(1, 0.001, samples(40))
    assert voice_end_ms(made, samples(112)) == pytest.approx(0.0, abs=4.0)


def test_nothing_is_claimed_where_it_is_not_clear() -> None:
    assert voice_end_ms(sound(400, 112, noise=0.05), samples(112)) == 0.0, "in noise"
    assert voice_end_ms(np.zeros(8000, np.float32), samples(112)) == 0.0, "of silence"
    assert voice_end_ms(sound(512, 0), samples(112)) == 0.0, "of a voice that goes on"
    assert voice_end_ms(sound(300, 212), samples(112)) == 0.0, f"further away than {NEAR_MS} ms"
    assert voice_end_ms(sound(400, 10), samples(10)) == 0.0, "of too little that came after it"
    assert voice_end_ms(np.zeros(0, np.float32), 0) == 0.0
