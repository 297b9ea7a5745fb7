from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duologue.audio.resample import FrameResampler, StreamResampler, resample, rescale
from duologue.errors import InputError


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 24_000, 44_100, 96_000])
def test_a_tone_comes_out_as_itself_and_in_its_place(rate: int) -> None:
    t_in, t_out = np.arange(rate) / rate, np.arange(48_000) / 48_000
    made = resample(np.sin(2 * np.pi * 440 * t_in).astype(np.float32), rate)
    assert len(made) == 48_000
    np.testing.assert_allclose(made[500:-500], np.sin(2 * np.pi * 440 * t_out)[500:-500], atol=2e-3)


def test_an_impulse_stays_where_it_was() -> None:
    impulse = np.zeros(22_050, np.float32)
    impulse[11_025] = 1.0
    assert abs(int(np.argmax(np.abs(resample(impulse, 22_050)))) - 24_000) <= 1


def test_the_same_rate_is_the_same_sound() -> None:
    sound = np.ones(100, np.float32)
    assert resample(sound, 48_000) is sound


@settings(deadline=None)
@given(count=st.integers(0, 3_000), rate=st.sampled_from([8_000, 11_025, 22_050, 44_100, 96_000]))
def test_the_length_is_exact(count: int, rate: int) -> None:
    assert len(resample(np.ones(count, np.float32), rate)) == -(-count * 48_000 // rate)


@pytest.mark.parametrize("rate", [0, -1, 10_000_000])
def test_a_rate_that_is_none_is_refused(rate: int) -> None:
    with pytest.raises(InputError, match="no sample rate"):
        resample(np.ones(10, np.float32), rate)


@settings(deadline=None)
@given(position=st.integers(0, 10**12))
def test_positions_are_rounded_not_drifted(position: int) -> None:
    assert abs(rescale(position, 22_050) * 22_050 - position * 48_000) * 2 <= 22_050


def test_block_by_block_is_the_same_sound_as_the_whole() -> None:
    sound = np.sin(2 * np.pi * 440 / 16_000 * np.arange(16_000)).astype(np.float32)
    resampler = StreamResampler(16_000)
    made = np.concatenate([resampler.push(sound[at : at + 320]) for at in range(0, 16_000, 320)])
    assert 48_000 - 200 <= len(made) <= 48_000
    assert np.allclose(made, resample(sound, 16_000)[: len(made)], atol=1e-5)


def test_a_block_of_nothing_changes_nothing() -> None:
    sound = np.sin(np.arange(4_800) / 20).astype(np.float32)
    nothing, stream, plain = sound[:0], StreamResampler(48_000, 24_000), StreamResampler(48_000, 24_000)
    pieces = [stream.push(nothing), stream.push(sound), stream.push(nothing), stream.finish()]
    assert np.array_equal(np.concatenate(pieces), np.concatenate([plain.push(sound), plain.finish()]))


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted by /proc")
def test_no_resampler_has_a_thread_of_its_own() -> None:
    def threads() -> int:
        return len(list(Path("/proc/self/task").iterdir()))

    before = threads()
    held = [StreamResampler(48_000, 24_000) for _ in range(10)]
    for each in held:
        each.push(np.zeros(480, np.float32))
    assert threads() == before


def test_frames_come_out_as_those_of_pyavs_own_resampler() -> None:
    rng = np.random.default_rng(3)

    def frames() -> Iterator[av.AudioFrame | None]:
        for _ in range(3):
            sound = rng.standard_normal((1, 2 * 1_024)).astype(np.float32) / 4
            frame = av.AudioFrame.from_ndarray(sound, format="flt", layout="stereo")
            frame.sample_rate = 44_100
            yield frame
        yield None

    ours = FrameResampler(48_000, "s16", "stereo")
    theirs = av.AudioResampler("s16", "stereo", 48_000)  # noqa: TID251
    for frame in frames():
        made, wanted = ours.push(frame), theirs.resample(frame)
        assert [each.to_ndarray().tolist() for each in made] == [each.to_ndarray().tolist() for each in wanted]
        assert made


def test_a_frame_of_another_form_is_refused() -> None:
    resampler = FrameResampler(48_000)
    for rate in (8_000, 16_000):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 160), np.float32), format="fltp", layout="mono")
        frame.sample_rate = rate
        if rate == 8_000:
            resampler.push(frame)
        else:
            with pytest.raises(ValueError, match="follows"):
                resampler.push(frame)


def test_of_nothing_nothing_is_under_way() -> None:
    assert FrameResampler(48_000).push(None) == []
