"""Pitch, and where a voice ended in its range."""

from __future__ import annotations

import numpy as np
import pytest

from duologue.audio.pcm import Samples
from duologue.dialogue.listening.melody import SECONDS, Melody, pitches
from duologue.speech.hearing import EAR_RATE


def glide(begin: float, end: float, seconds: float = SECONDS) -> Samples:
    """A buzz that glides from one pitch (Hz) to another."""
    pitch = np.geomspace(begin, end, round(seconds * EAR_RATE))
    phase = 2 * np.pi * np.cumsum(pitch) / EAR_RATE
    return (0.1 * np.sum([np.sin(k * phase) / k for k in range(1, 8)], axis=0)).astype(np.float32)


@pytest.mark.parametrize(("begin", "end"), [(180.0, 110.0), (110.0, 180.0), (75.0, 70.0), (230.0, 320.0)])
def test_the_pitch_of_a_glide_is_found(begin: float, end: float) -> None:
    found = pitches(glide(begin, end))
    wanted = 12 * np.log2(np.geomspace(begin, end, len(found)) / 55)
    known = ~np.isnan(found)
    assert known.mean() > 0.9
    assert np.abs(found - wanted)[known].max() < 1.0


def test_a_voice_that_falls_ends_low_and_one_that_is_held_ends_high() -> None:
    melody = Melody()
    fell = melody.ended(glide(200.0, 110.0))
    held = melody.ended(glide(120.0, 190.0))
    assert fell is not None and fell.level < 1.0
    assert held is not None and held.level > 6.0


def test_a_range_is_the_speakers_own() -> None:
    low, high = Melody(), Melody()
    for _ in range(5):
        low.ended(glide(120.0, 90.0))
        high.ended(glide(240.0, 180.0))
    one, two = low.ended(glide(120.0, 120.0)), high.ended(glide(240.0, 240.0))
    assert one is not None and two is not None and abs(one.level - two.level) < 0.5


@pytest.mark.parametrize(
    "sound",
    [
        np.zeros(0, np.float32),
        np.zeros(EAR_RATE, np.float32),
        (0.1 * np.random.default_rng(1).standard_normal(EAR_RATE)).astype(np.float32),
        (np.arange(EAR_RATE) / (1 << 24)).astype(np.float32),
        glide(150.0, 150.0, 0.02),
    ],
)
def test_of_what_has_no_pitch_nothing_is_said(sound: Samples) -> None:
    assert Melody().ended(sound) is None
