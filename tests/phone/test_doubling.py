"""Telephone sound at twice its rate: what stands between two samples, and that nothing is lost, moved or added."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duologue.audio.pcm import Samples
from duologue.audio.resample import StreamResampler, resample
from duologue.phone.media.doubling import TAPS, Doubling, to_ears

LEVEL = 0.5


def tone(hertz: float, rate: int, seconds: float = 0.5) -> Samples:
    return (LEVEL * np.sin(2 * np.pi * hertz / rate * np.arange(round(rate * seconds)) + 0.3)).astype(np.float32)


def doubled(sound: Samples, *sizes: int) -> Samples:
    """All of it, pushed in blocks of these sizes, over and over."""
    filter_, made, at, number = Doubling(), list[Samples](), 0, 0
    while at < len(sound):
        size = sizes[number % len(sizes)] if sizes else 160
        made.append(filter_.push(sound[at : at + size]))
        at, number = at + size, number + 1
    return np.concatenate([*made, filter_.finish()])


def decibels(error: Samples) -> float:
    return 20 * np.log10(np.sqrt(np.mean(error.astype(np.float64) ** 2)) / (LEVEL / np.sqrt(2)))


@pytest.mark.parametrize("hertz", [50, 300, 1_000, 1_999, 2_700, 3_100, 3_400])
def test_a_tone_that_a_telephone_carries_is_the_same_tone(hertz: int) -> None:
    """Its error, the image above 4 kHz with it, is 67 dB below it; as it is, sample upon sample: nothing moved."""
    made, wanted = doubled(tone(hertz, 8_000)), tone(hertz, 16_000)
    assert len(made) == len(wanted)
    inside = slice(2 * TAPS, -2 * TAPS)
    assert decibels(made[inside] - wanted[inside]) < -67
    assert np.array_equal(made[0::2], tone(hertz, 8_000)), "what came stands where it came"


def test_in_the_band_of_a_telephone_it_does_what_the_general_resampler_does() -> None:
    spectrum = np.fft.rfft(np.random.default_rng(4).normal(0, 0.1, 8_000))
    spectrum[3_400:] = 0  # Hz
    sound = np.fft.irfft(spectrum).astype(np.float32)
    inside = slice(2 * TAPS, -2 * TAPS)
    ours, theirs = doubled(sound)[inside], resample(sound, 8_000, 16_000)[inside]
    noise = 20 * np.log10(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))
    assert noise < -50, noise


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=8), st.integers(0, 10**6), st.integers(1, 2_000))
def test_however_it_is_chopped_it_is_the_same_sound(sizes: list[int], seed: int, count: int) -> None:
    sound = np.random.default_rng(seed).uniform(-1, 1, count).astype(np.float32)
    made = doubled(sound, *sizes)
    assert len(made) == 2 * count
    assert np.allclose(made, doubled(sound, count), atol=1e-6)
    assert np.abs(made).max(initial=0.0) <= 1.0, "as all sound here"


def test_two_milliseconds_are_under_way_and_no_more() -> None:
    filter_ = Doubling()
    assert len(filter_.push(np.zeros(0, np.float32))) == 0
    assert len(filter_.push(np.zeros(10, np.float32))) == 0
    assert len(filter_.push(np.zeros(150, np.float32))) == 2 * (160 - TAPS // 2)
    assert len(filter_.push(np.zeros(160, np.float32))) == 320
    assert len(filter_.finish()) == TAPS


def test_a_steady_level_stays_what_it_is() -> None:
    steady = np.full(500, 0.25, np.float32)
    assert np.allclose(doubled(steady)[TAPS:-TAPS], 0.25, atol=1e-6)


def test_only_what_is_half_the_rate_of_ears_is_doubled() -> None:
    assert isinstance(to_ears(8_000), Doubling)
    assert isinstance(to_ears(48_000), StreamResampler)
    assert 700 <= len(to_ears(48_000).push(np.zeros(2_400, np.float32))) <= 800
