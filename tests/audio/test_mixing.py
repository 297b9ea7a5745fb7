from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duologue.audio.mixing import Ducker, add_panned, limit, pan_gains
from duologue.errors import InputError

MS = 48


@pytest.mark.parametrize("pan", [-1.0, -0.3, 0.0, 0.25, 1.0])
def test_panning_keeps_the_power(pan: float) -> None:
    assert float((pan_gains(pan) ** 2).sum()) == pytest.approx(1.0, abs=1e-6)


def test_panning_goes_left_to_right() -> None:
    assert pan_gains(-1) == pytest.approx([1, 0], abs=1e-6)
    assert pan_gains(1) == pytest.approx([0, 1], abs=1e-6)
    assert pan_gains(5) == pytest.approx([0, 1], abs=1e-6)


def test_add_panned_adds_in_its_place() -> None:
    stereo = np.full((10, 2), 0.1, np.float32)
    add_panned(stereo, 4, np.ones(3, np.float32), pan_gains(-1))
    assert stereo[:, 0].tolist() == pytest.approx([0.1] * 4 + [1.1] * 3 + [0.1] * 3)
    assert stereo[:, 1] == pytest.approx([0.1] * 10, abs=1e-6)


def test_the_limiter_leaves_quiet_sound_alone() -> None:
    quiet = np.linspace(-0.8, 0.8, 101, dtype=np.float32)
    assert limit(quiet) is quiet


def test_the_limiter_never_exceeds_one_and_keeps_order() -> None:
    loud = np.linspace(-4, 4, 4_001, dtype=np.float32)
    limited = limit(loud)
    assert np.abs(limited).max() <= 1.0
    assert np.all(np.diff(limited) >= 0)
    np.testing.assert_allclose(limited, -limited[::-1], atol=1e-6)
    assert np.abs(np.diff(limited)).max() <= 0.0021  # no step


def test_known_speech_is_met_fully_ducked() -> None:
    gains = Ducker(14, 80, 400, 800).gains(0, 4_000 * MS, [(1_000 * MS, 2_000 * MS)])
    down = 10 ** (-14 / 20)
    assert gains[(1_000 - 80) * MS - 1] == 1.0
    assert np.all(np.diff(gains[(1_000 - 80) * MS : 1_000 * MS]) <= 0)
    assert gains[1_000 * MS : 2_000 * MS] == pytest.approx(down, abs=1e-6)
    assert gains[2_400 * MS + 1] == 1.0
    assert gains[2_200 * MS] == pytest.approx(10 ** (-7 / 20), abs=0.01)


def test_a_short_pause_does_not_let_the_music_up() -> None:
    spans = [(1_000 * MS, 2_000 * MS), (2_450 * MS, 3_000 * MS)]
    gains = Ducker().gains(0, 4_000 * MS, spans)
    assert gains[1_000 * MS : 3_000 * MS].max() == pytest.approx(gains[1_500 * MS])
    assert gains[3_500 * MS] == 1.0


def test_a_long_pause_lets_it_up_and_down_again_in_time() -> None:
    gains = Ducker().gains(0, 6_000 * MS, [(1_000 * MS, 2_000 * MS), (4_000 * MS, 5_000 * MS)])
    assert gains[3_000 * MS] == 1.0
    assert gains[4_000 * MS] == pytest.approx(10 ** (-14 / 20), abs=1e-6)


def test_speech_without_notice_is_met_with_an_attack_and_no_step() -> None:
    ducker = Ducker()
    before = ducker.gains(0, 1_600, [])
    after = ducker.gains(1_600, 200 * MS, [(1_600, 900 * MS)])
    assert before.min() == 1.0
    assert np.abs(np.diff(np.concatenate([before, after]))).max() < 0.001
    assert after[80 * MS] == pytest.approx(10 ** (-14 / 20), abs=1e-6)


Spans = st.lists(st.tuples(st.integers(1, 90_000), st.integers(1, 60_000)), max_size=4)


@settings(deadline=None)
@given(steps=Spans, sizes=st.lists(st.integers(0, 30_000), max_size=12))
def test_block_sizes_change_nothing(steps: list[tuple[int, int]], sizes: list[int]) -> None:
    spans, at = list[tuple[int, int]](), 0
    for pause, length in steps:
        spans.append((at + pause, at + pause + length))
        at = spans[-1][1]
    total = sum(sizes)
    whole = Ducker().gains(0, total, spans)
    chopped, at, ducker = list[np.ndarray](), 0, Ducker()
    for size in sizes:
        chopped.append(ducker.gains(at, size, spans))
        at += size
    np.testing.assert_array_equal(np.concatenate([np.zeros(0, np.float32), *chopped]), whole)


def test_process_ducks_mono_and_stereo_alike() -> None:
    bed = np.ones((4_800, 2), np.float32)
    stereo = Ducker().process(bed, 0, [(0, 4_800)])
    mono = Ducker().process(bed[:, 0], 0, [(0, 4_800)])
    np.testing.assert_array_equal(stereo[:, 0], mono)
    np.testing.assert_array_equal(stereo[:, 1], mono)
    assert mono[-1] < 0.25


def test_a_ducker_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(InputError, match="attack 0"):
        Ducker(attack_ms=0)
