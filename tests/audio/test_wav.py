"""WAV files as sound comes."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from duologue.audio.pcm import RATE, Samples, silence
from duologue.audio.wav import VoiceWriter, WavWriter
from duologue.errors import PeerError


def read(path: Path) -> Samples:
    """``(n, channels)``."""
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getsampwidth()) == (RATE, 2)
        raw = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        return (raw.reshape(-1, file.getnchannels()) / 32767).astype(np.float32)


def tone(count: int, level: float = 0.5) -> Samples:
    return np.full(count, level, np.float32)


def test_a_voice_without_the_silence_around_it(tmp_path: Path) -> None:
    with WavWriter(tmp_path / "a.wav") as file:
        voice = VoiceWriter(file)
        for block in (silence(3 * RATE), tone(100), silence(2 * RATE), tone(50), silence(RATE)):
            voice.write(block)
        assert file.seconds == pytest.approx(2 + 150 / RATE)
    written = read(tmp_path / "a.wav")[:, 0]
    assert len(written) == 2 * RATE + 150
    assert written[99] > 0.4 and not written[100:-50].any() and written[-50] > 0.4


def test_nothing_to_say_leaves_no_file_and_keeps_the_one_that_was_there(tmp_path: Path) -> None:
    def say_nothing() -> None:
        with WavWriter(tmp_path / "a.wav") as file:
            VoiceWriter(file).write(silence(100))
            file.write(silence(0))

    say_nothing()
    assert not list(tmp_path.iterdir())
    with WavWriter(tmp_path / "a.wav") as file:
        file.write(tone(100))
    before = (tmp_path / "a.wav").read_bytes()
    say_nothing()
    assert (tmp_path / "a.wav").read_bytes() == before


def test_a_shorter_voice_leaves_nothing_of_the_longer_one_before(tmp_path: Path) -> None:
    for count in (5000, 10):
        with WavWriter(tmp_path / "a.wav") as file:
            file.write(tone(count))
    assert len(read(tmp_path / "a.wav")) == 10
    assert (tmp_path / "a.wav").stat().st_size == 44 + 20


def test_a_file_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    with pytest.raises(PeerError, match=r"cannot be written.*nowhere/a\.wav"):
        WavWriter(tmp_path / "nowhere" / "a.wav")
