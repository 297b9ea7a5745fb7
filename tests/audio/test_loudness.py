from __future__ import annotations

import re
import shutil
import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest

from duologue.audio.loudness import (
    _peaks,  # pyright: ignore[reportPrivateUsage]
    decibels,
    fade_edges,
    integrated_loudness,
    levelled,
    limit,
    normalise,
    true_peak,
)
from duologue.audio.pcm import RATE, Samples, to_int16


def sine(frequency: float, seconds: float, peak_db: float) -> Samples:
    t = np.arange(int(RATE * seconds)) / RATE
    return (10 ** (peak_db / 20) * np.sin(2 * np.pi * frequency * t)).astype(np.float32)


def speechlike(seconds: float = 6.0, seed: int = 3) -> Samples:
    """Bursts of noise and harmonics with pauses: peaky, as speech is."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(RATE * seconds)) / RATE
    voice = sum(np.sin(2 * np.pi * 120 * k * t) / k for k in range(1, 20))
    envelope = np.clip(np.sin(2 * np.pi * 2.3 * t), 0, 1) * (np.sin(2 * np.pi * 0.31 * t) > -0.4)
    return ((voice + rng.standard_normal(len(t)) * 0.3) * envelope * 0.05).astype(np.float32)


def test_a_full_scale_997_hz_sine_is_minus_3_01() -> None:
    """BS.1770-4, Annex 1: 0 dBFS at 997 Hz in one channel reads -3.01 LKFS."""
    assert integrated_loudness(sine(997, 3, 0)) == pytest.approx(-3.01, abs=0.02)


def test_the_relative_gate_ignores_what_is_quiet_beside_the_rest() -> None:
    """As EBU Tech 3341 case 3: 10 s quiet, 60 s loud, 10 s quiet reads as the loud part."""
    quiet, loud = sine(997, 10, -36), sine(997, 60, -23)
    assert integrated_loudness(np.concatenate([quiet, loud, quiet])) == pytest.approx(-26.01, abs=0.1)


def test_silence_and_nothing_have_no_loudness() -> None:
    assert integrated_loudness(np.zeros(RATE, np.float32)) == float("-inf")
    assert integrated_loudness(np.zeros(0, np.float32)) == float("-inf")
    assert normalise(np.zeros(RATE, np.float32)).any() == np.False_


def test_a_short_sound_is_measured_ungated() -> None:
    assert integrated_loudness(sine(997, 0.3, -20)) == pytest.approx(-23.01, abs=0.2)


@pytest.mark.parametrize("gain_db", [-40.0, -6.0, 12.0])
def test_normalising_reaches_the_target_without_clipping(gain_db: float) -> None:
    loud = normalise(speechlike() * np.float32(10 ** (gain_db / 20)))
    assert integrated_loudness(loud) == pytest.approx(-16.0, abs=0.15)
    assert decibels(true_peak(loud)) <= -0.99


def test_the_true_peak_lies_between_the_samples() -> None:
    """A quarter-rate sine sampled 45° off its peaks: samples at 0.707, the wave at 1."""
    t = np.arange(4_800)
    wave_between = (np.sin(np.pi / 2 * t + np.pi / 4) * np.hanning(4_800)).astype(np.float32)
    assert float(np.abs(wave_between).max()) < 0.72
    assert true_peak(wave_between) == pytest.approx(1.0, abs=0.01)


def test_the_limiter_lowers_a_peak_smoothly_and_leaves_the_rest() -> None:
    sound = sine(300, 1.0, -12)
    sound[24_000:24_040] *= 6
    limited = limit(sound, -1.0)
    gain = limited[np.abs(sound) > 0.05] / sound[np.abs(sound) > 0.05]
    assert decibels(true_peak(limited)) <= -0.99
    assert np.abs(np.diff(gain)).max() < 0.05
    np.testing.assert_allclose(limited[:20_000], sound[:20_000], atol=1e-6)
    np.testing.assert_allclose(limited[30_000:], sound[30_000:], atol=1e-6)


def test_fades_begin_and_end_at_nothing() -> None:
    faded = fade_edges(np.ones(2_000, np.float32))
    assert faded[0] < 0.001
    assert faded[-1] < 0.001
    assert faded[240:-240].min() == 1.0
    assert len(fade_edges(np.ones(1, np.float32))) == 1


@pytest.mark.peer
@pytest.mark.parametrize("kind", ["speech", "sine", "levelled"])
def test_loudness_and_true_peak_agree_with_ffmpeg(kind: str, tmp_path: Path) -> None:
    if not shutil.which("ffmpeg"):
        pytest.skip("needs ffmpeg (Debian package: ffmpeg)")
    sound = {"speech": speechlike, "sine": lambda: sine(440, 5, -18), "levelled": lambda: normalise(speechlike())}[
        kind
    ]()
    path = tmp_path / "sound.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(to_int16(sound).tobytes())
    command = ["ffmpeg", "-hide_banner", "-nostats", "-i", str(path), "-af", "ebur128=peak=true", "-f", "null", "-"]
    report = subprocess.run(command, capture_output=True, text=True, check=True).stderr.rsplit("Summary:", 1)[1]
    loudness, peak = (float(re.search(key + r":\s+(-?[\d.]+)", report).group(1)) for key in ("I", "Peak"))  # pyright: ignore[reportOptionalMemberAccess]
    assert integrated_loudness(sound) == pytest.approx(loudness, abs=0.15)
    assert decibels(true_peak(sound)) == pytest.approx(peak, abs=0.3)


@pytest.mark.parametrize("seed", range(4))
def test_what_is_not_looked_into_cannot_be_a_peak(seed: int) -> None:
    """Between samples: as all of it looked into, wherever it exceeds the bound; never more, where it does not."""
    rng = np.random.default_rng(seed)
    sound = (speechlike(0.7, seed) * 4).astype(np.float32)
    sound[rng.integers(0, len(sound), 40)] = rng.choice(np.array([-0.6, 0.6], np.float32), 40)
    whole = _peaks(sound, 0.0)
    for above in (0.05, 0.2, 0.4, 0.55):
        found = _peaks(sound, above)
        loud = whole > above
        assert loud.any() and np.allclose(found[loud], whole[loud], atol=1e-6)  # sums in another order
        assert (found <= whole + 1e-6).all()


def test_a_click_where_no_block_of_the_measure_reaches_stays_as_it_is() -> None:
    sound = np.zeros(RATE + RATE // 20, np.float32)
    sound[-1] = 0.5
    result, gain = levelled(sound)
    assert np.array_equal(result, sound) and gain == 0.0


def test_the_gain_is_what_the_sound_was_given_before_its_peaks_were_lowered() -> None:
    quiet = sine(997, 2, -40)
    result, gain = levelled(quiet)
    assert gain == pytest.approx(27.0, abs=0.05) and np.allclose(result, quiet * 10 ** (gain / 20), atol=1e-4)
    assert levelled(speechlike())[1] == pytest.approx(levelled(speechlike() * np.float32(0.1))[1] - 20, abs=0.01)
