"""G.711 by its tables, and beside another maker's."""

from __future__ import annotations

from typing import Any, cast

import av
import numpy as np
import pytest

from duologue.audio import g711
from duologue.audio.g711 import Law


def _peer(law: Law, data: bytes) -> np.ndarray[Any, np.dtype[np.int16]]:
    codec = cast(Any, av.CodecContext).create("pcm_mulaw" if law == "mu" else "pcm_alaw", "r")
    codec.sample_rate, codec.layout = 8000, "mono"
    frames = codec.decode(av.Packet(data))
    return np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames])


@pytest.mark.parametrize("law", ["mu", "a"])
def test_every_code_decodes_as_ffmpeg_has_it(law: Law) -> None:
    codes = bytes(range(256))
    assert np.array_equal(g711.decode(codes, law) * 32768, _peer(law, codes))


@pytest.mark.parametrize("law", ["mu", "a"])
def test_encoding_takes_the_nearest_step(law: Law) -> None:
    samples = np.arange(-32768, 32768, 7, dtype=np.int32)
    values = (g711.decode(bytes(range(256)), law) * 32768).astype(np.int32)
    told = g711.decode(g711.encode((samples / 32767).clip(-1, 1).astype(np.float32), law), law) * 32768
    nearest = np.abs(samples[:, None] - values[None, :]).min(axis=1)
    assert np.all(np.abs(samples - told) <= nearest + 1)  # to_int16 scales by 32,767


@pytest.mark.parametrize("law", ["mu", "a"])
def test_silence_is_the_code_of_zero(law: Law) -> None:
    assert set(g711.encode(np.zeros(4, np.float32), law)) == {g711.SILENCE[law]}


@pytest.mark.parametrize("law", ["mu", "a"])
def test_what_is_decoded_encodes_to_itself(law: Law) -> None:
    codes = bytes(range(256))
    again = g711.encode(g711.decode(codes, law) * np.float32(32768 / 32767), law)
    differing = {code for code, other in zip(codes, again, strict=True) if code != other}
    assert differing <= {0x7F}  # µ-law has two codes of zero


def test_a_tone_survives(law: Law = "mu") -> None:
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(8000) / 8000).astype(np.float32)
    error = g711.decode(g711.encode(tone, law), law) - tone
    assert 10 * np.log10(np.mean(tone**2) / np.mean(error**2)) > 36  # ITU-T G.712 asks for 33 dB
