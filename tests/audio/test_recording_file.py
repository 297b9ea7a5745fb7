"""Recordings on disk: WAV and Opus; a disk that fails ends the recording only."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import av
import numpy as np
import pytest

from duologue.audio import recording_file
from duologue.audio.pcm import RATE, Samples
from duologue.audio.recording_file import RecordingFile, sound_writer
from duologue.audio.recording_reading import read_recording
from duologue.audio.wav import WavWriter
from duologue.errors import DuologueError, PeerError


def click(at: int, side: int, length: int = RATE) -> Samples:
    made = np.zeros((length, 2), np.float32)
    made[at : at + 480, side] = np.sin(np.arange(480) * 2 * np.pi * 1000 / RATE)
    return made


def decoded(path: Path) -> Samples:
    with av.open(str(path)) as file:
        frames = [frame.to_ndarray() for frame in file.decode(audio=0)]
        layout = file.streams.audio[0].codec_context.format
    joined = np.concatenate(frames, axis=1)
    assert layout is not None
    if not layout.is_planar:
        joined = joined.reshape(-1, 2).T
    return joined.astype(np.float32) * np.float32(1 / 32768 if layout.name.startswith("s16") else 1)


@pytest.mark.parametrize("name", ["a.wav", "a.opus", "a.OGG"])
def test_a_click_stands_where_it_was_on_each_side(tmp_path: Path, name: str) -> None:
    with RecordingFile(tmp_path / name) as file:
        for second in range(3):
            file.write(click(1000 * (second + 1), second % 2))
    assert file.failure is None
    found = decoded(tmp_path / name)
    assert abs(found.shape[1] - 3 * RATE) <= 1000
    for second in range(3):
        loud = np.abs(found[second % 2, second * RATE : (second + 1) * RATE]) > 0.5
        assert abs(int(np.flatnonzero(loud)[0]) - 1000 * (second + 1)) <= 24  # a quarter of the tone, and the codec


@pytest.mark.parametrize("suffix", ["wav", "opus"])
def test_a_file_that_nobody_closed_lacks_its_last_second_at_most(tmp_path: Path, suffix: str) -> None:
    """Its program was killed: what it had written is what is there."""
    writer, there = sound_writer(tmp_path / f"a.{suffix}", 2), tmp_path / f"there.{suffix}"
    for second in range(8):
        writer.write(click(1000, second % 2))
    shutil.copyfile(tmp_path / f"a.{suffix}", there)
    writer.close()
    person, other = read_recording(there)
    assert 7 * RATE - 1000 <= len(person) <= 8 * RATE
    for second in range(7):
        loud = np.abs((person, other)[second % 2][second * RATE : (second + 1) * RATE - 1000]) > 0.5
        assert abs(int(np.flatnonzero(loud)[0]) - 1000) <= 24


@pytest.mark.parametrize("name", ["call-12:30.wav", "call-12:30.opus"])
def test_a_recording_may_be_named_by_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """FFmpeg takes what stands before a colon for a protocol, unless it is told the whole path."""
    monkeypatch.chdir(tmp_path)
    with RecordingFile(Path(name)) as file:
        file.write(click(1000, 0))
    assert file.failure is None
    person, _ = read_recording(Path(name))
    assert float(np.abs(person).max()) > 0.5


@pytest.mark.parametrize("suffix", ["wav", "opus"])
def test_a_file_that_cannot_be_made_is_named_at_once(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(PeerError, match=rf"cannot be written.*nowhere/a\.{suffix}"):
        RecordingFile(tmp_path / "nowhere" / f"a.{suffix}")


def test_a_full_disk_ends_the_recording_and_nothing_else() -> None:
    told: list[DuologueError] = []
    with RecordingFile(Path("/dev/full"), told=told.append) as file:
        for _ in range(50):
            file.write(click(0, 0))
    assert file.failure is not None and told == [file.failure]
    assert "No space left" in str(file.failure) and "/dev/full" in str(file.failure)


def test_what_was_written_before_the_disk_was_full_is_a_whole_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, count = WavWriter.write, 0

    def fills(writer: WavWriter, samples: Samples) -> None:
        nonlocal count
        count += 1
        if count > 3:
            raise PeerError("the file cannot be written: No space left on device", where="disk")
        write(writer, samples)

    monkeypatch.setattr(WavWriter, "write", fills)
    with RecordingFile(tmp_path / "a.wav") as file:
        for _ in range(9):
            file.write(click(0, 0))
    assert file.failure is not None
    assert decoded(tmp_path / "a.wav").shape == (2, 3 * RATE)


def test_a_disk_that_hangs_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = threading.Event()

    def hangs(writer: WavWriter, samples: Samples) -> None:
        held.wait()

    monkeypatch.setattr(WavWriter, "write", hangs)
    monkeypatch.setattr(recording_file, "MOST_WAITING", 10)
    monkeypatch.setattr(recording_file, "CLOSING_SECONDS", 0.05)
    file = RecordingFile(tmp_path / "a.wav")
    for _ in range(30):
        file.write(click(0, 0, 960))
    assert "does not keep up" in str(file.failure)
    file.close()
    held.set()


def test_a_disk_that_hangs_before_there_is_a_file_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder on another machine that does not answer: every call that was answered stopped the house for it."""
    held, make = threading.Event(), Path.mkdir

    def hangs(path: Path, *arguments: object, **named: object) -> None:
        assert threading.current_thread() is not threading.main_thread()
        held.wait(60)
        make(path, exist_ok=True)

    monkeypatch.setattr(Path, "mkdir", hangs)
    path = tmp_path / "calls" / "a.wav"
    with RecordingFile(path, later=True) as file:
        file.write(click(0, 0))
        assert not path.exists()
        held.set()
    assert file.failure is None and decoded(path).shape == (2, RATE)


def test_a_file_that_cannot_be_made_later_is_named(tmp_path: Path) -> None:
    (tmp_path / "calls").write_bytes(b"a file")
    told: list[DuologueError] = []
    with RecordingFile(tmp_path / "calls" / "a.wav", later=True, told=told.append) as file:
        file.write(click(0, 0))
    assert told == [file.failure] and "File exists" in str(file.failure)


def test_whatever_a_writer_raises_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(writer: WavWriter, samples: Samples) -> None:
        raise ValueError("odd")

    monkeypatch.setattr(WavWriter, "write", breaks)
    with RecordingFile(tmp_path / "a.wav") as file:
        file.write(click(0, 0))
    assert "ValueError: odd" in str(file.failure)
