"""WAV files as sound comes."""

from __future__ import annotations

import os
import wave
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import numpy as np
import pytest

from duologue.audio import wav
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
    assert (tmp_path / "a.wav").stat().st_size == 80 + 20


@pytest.mark.parametrize("channels", [1, 2])
def test_what_outgrows_a_wav_is_whole_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, channels: int
) -> None:
    monkeypatch.setattr(wav, "_LARGEST", 80 + 1000 * channels)
    for count, kind in ((500, b"RIFF"), (600, b"RF64")):
        with WavWriter(tmp_path / "a.wav", channels) as file:
            for block in np.split(tone(count * channels).reshape(count, channels), 4):
                file.write(block)
        assert (tmp_path / "a.wav").read_bytes()[:4] == kind
        with av.open(str(tmp_path / "a.wav")) as opened:
            assert opened.duration == round(count / RATE * 1_000_000), "by its header"
            frames = [frame.to_ndarray() for frame in opened.decode(audio=0)]
            assert opened.streams.audio[0].codec_context.channels == channels
        assert sum(frame.size for frame in frames) == count * channels and min(frame.min() for frame in frames) > 16000


def test_the_sizes_of_thirteen_hours() -> None:
    header = wav._header(1, 13 * 3600 * RATE)  # pyright: ignore[reportPrivateUsage]
    sound = 13 * 3600 * RATE * 2
    assert header[:8] == b"RF64" + b"\xff" * 4 and header[-8:] == b"data" + b"\xff" * 4
    assert [int.from_bytes(header[at : at + 8], "little") for at in (20, 28, 36)] == [72 + sound, sound, sound // 2]


def test_a_file_that_was_never_closed_can_be_read(tmp_path: Path) -> None:
    file = WavWriter(tmp_path / "a.wav")
    for _ in range(100):
        file.write(tone(480))
    with av.open(str(tmp_path / "a.wav")) as opened:
        assert sum(frame.samples for frame in opened.decode(audio=0)) > 40_000
    file.close()


def test_a_pipe_gets_a_wav_too(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with ThreadPoolExecutor(1) as beside:
        reading = beside.submit((tmp_path / "pipe").read_bytes)
        with WavWriter(tmp_path / "pipe") as file:
            file.write(tone(480))
        written = reading.result()
    assert written[:4] == b"RIFF" and len(written) == 80 + 960


def test_a_file_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    with pytest.raises(PeerError, match=r"cannot be written.*nowhere/a\.wav"):
        WavWriter(tmp_path / "nowhere" / "a.wav")
