"""What stands for lost packets: no click, the pitch goes on, and it fades."""

from __future__ import annotations

import numpy as np
import pytest

from duologue.audio.pcm import Samples
from duologue.phone.media.concealment import GONE_MS, Concealment

FRAME_MS = 20


def _voice(rate: int, seconds: float, pitch: float = 120.0) -> Samples:
    """A buzz with harmonics, as a vowel is."""
    at = np.arange(round(rate * seconds)) / rate
    return sum(
        (0.4 / harmonic * np.sin(2 * np.pi * pitch * harmonic * at) for harmonic in range(1, 9)), np.zeros(len(at))
    ).astype(np.float32)


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
@pytest.mark.parametrize("pitch", [75.0, 120.0, 190.0])
def test_a_lost_packet_of_a_vowel_goes_on_as_it_was(rate: int, pitch: float) -> None:
    sound, frame = _voice(rate, 0.5, pitch), rate * FRAME_MS // 1000
    concealment = Concealment(rate)
    for start in range(0, 10 * frame, frame):
        concealment.heard(sound[start : start + frame])
    made, true = concealment.conceal(frame), sound[10 * frame : 11 * frame]
    early = frame // 2  # before it begins to fade
    error = float(np.mean((made[:early] - true[:early]) ** 2) / np.mean(true[:early] ** 2))
    assert 10 * np.log10(error) < -8  # a hole would be 0 dB


def test_joints_do_not_click() -> None:
    rate, frame = 8000, 160
    sound = _voice(rate, 0.5)
    concealment = Concealment(rate)
    heard = [concealment.heard(sound[start : start + frame]) for start in range(0, 10 * frame, frame)]
    heard.append(concealment.conceal(frame))
    heard += [concealment.heard(sound[start : start + frame]) for start in range(11 * frame, 20 * frame, frame)]
    steepest = np.abs(np.diff(sound)).max()
    assert np.abs(np.diff(np.concatenate(heard))).max() < 1.5 * steepest


def test_a_long_loss_is_silence() -> None:
    concealment = Concealment(8000)
    concealment.heard(_voice(8000, 0.5))
    made = np.concatenate([concealment.conceal(160) for _ in range(5)])
    gone = GONE_MS * 8
    assert np.abs(made[:80]).max() > 0.3 and not made[gone:].any()
    falling = [float(np.abs(made[start : start + 80]).max()) for start in range(0, gone, 80)]
    assert falling == sorted(falling, reverse=True)


def test_a_loss_before_any_sound_is_silence() -> None:
    assert not Concealment(8000).conceal(400).any()


def test_what_came_is_not_changed_without_a_loss() -> None:
    sound = _voice(8000, 0.1)
    assert np.array_equal(Concealment(8000).heard(sound), sound)


def test_what_comes_after_a_loss_is_the_source_again_after_the_overlap() -> None:
    sound = _voice(8000, 0.5)
    concealment = Concealment(8000)
    concealment.heard(sound[:1600])
    concealment.conceal(160)
    back = concealment.heard(sound[1760:1920])
    assert np.array_equal(back[32:], sound[1792:1920]) and len(back) == 160
