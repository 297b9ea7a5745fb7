"""The disk fails at each point of a recording: the show goes on, what was written plays, and the recording resumes."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_recording_files import FORMAT, INIT, synthetic, written

from duologue.broadcast.boxes import runs
from duologue.broadcast.fmp4 import VIDEO_TRACK
from duologue.broadcast.recorder import (
    RETRY,
    ProgrammeRecorder,
    RecorderEvent,
    RecordingContinued,
    RecordingLimits,
    RecordingTrouble,
)
from duologue.errors import InputError
from failing_disk import FailingDisk

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

SEGMENTS = synthetic(0, 24)
LIMITS = RecordingLimits(seconds=4, keep=50_000)


def recorded(
    folder: Path, patch: pytest.MonkeyPatch, fails: range
) -> tuple[ProgrammeRecorder, FailingDisk, list[RecorderEvent]]:
    """A recording with rotation and removal; the disk is well again for what is looked at afterwards."""
    folder.mkdir()
    (folder / "show.mp4").write_bytes(INIT + SEGMENTS[0].data)
    (folder / "show.2.mp4").write_bytes(b"an earlier show")
    told: list[RecorderEvent] = []
    with patch.context() as broken:
        disk = FailingDisk(broken, folder, lambda names: len(names) in fails)
        recorder = ProgrammeRecorder(folder / "show.mp4", LIMITS, told.append)
        recorder.begin(FORMAT, INIT)
        written(recorder, SEGMENTS[:12])
        recorder.begin(FORMAT, INIT)  # another stage
        written(recorder, SEGMENTS[12:])
        recorder.finish()
    return recorder, disk, told


def fragments(path: Path) -> Iterator[bytes]:
    """The whole fragments of a file, as a player that leaves out a torn end finds them."""
    data = path.read_bytes()
    assert data.startswith(INIT)
    at = len(INIT)
    while at + 8 <= len(data):
        begin, kind = at, b""
        while kind != b"mdat" and at + 8 <= len(data):
            size, kind = struct.unpack_from(">I4s", data, at)
            at += size
        if kind == b"mdat" and at <= len(data):
            yield data[begin:at]


def check(folder: Path, recorder: ProgrammeRecorder, torn: bool) -> None:
    """Nothing but whole recordings lies there, each from 0 on without a hole.

    ``torn``: neither could the half of a first fragment be taken back, nor the file with it.
    """
    assert (folder / "show.2.mp4").read_bytes() == b"an earlier show"
    for path in folder.iterdir():
        if path.name == "show.2.mp4":
            continue
        end = 0
        pieces = list(fragments(path))
        assert pieces or torn, path
        for piece in pieces:
            run = next(run for run in runs(piece) if run.track == VIDEO_TRACK)
            assert 0 <= run.time - end <= 3750 or path.name == "show.mp4"
            end = run.time + run.duration
    state = recorder.state
    assert state.segments + state.dropped == len(SEGMENTS)
    assert all(path.exists() for path in state.files[-1:])


@pytest.mark.parametrize("length", [1, 3, 40])
def test_the_disk_fails_at_each_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    """One call, three in a row, or all of forty: each is a full disk that has room again afterwards."""
    recorder, disk, told = recorded(tmp_path / "well", monkeypatch, range(0))
    assert not [event for event in told if isinstance(event, RecordingTrouble)]
    check(tmp_path / "well", recorder, torn=False)
    calls = len(disk.names)
    assert {"open", "write", "fdatasync", "close", "unlink", "listdir", "stat"} <= set(disk.names)
    refused = 0
    for first in range(1, calls + 1):
        folder = tmp_path / str(first)
        try:
            recorder, disk, told = recorded(folder, monkeypatch, range(first, first + length))
        except InputError as error:
            pytest.fail(f"call {first} kept the show off the air: {error}")
        what = f"{length} calls from {first} on: {disk.names[first - 1 : first - 1 + length][:5]}"
        check(folder, recorder, torn=length > 2)
        state = recorder.state
        troubles = [event for event in told if isinstance(event, RecordingTrouble)]
        stops = [event for event in troubles if "recording stopped" in event.error.what]
        resumed = [event for event in told if isinstance(event, RecordingContinued) and event.lost]
        refused += bool(stops)
        assert bool(state.dropped) == bool(stops), what
        assert all("No space left" in event.error.what for event in troubles), what
        assert len(stops) - len(resumed) == (state.failure is not None), what
        assert sum(event.lost for event in resumed) <= state.dropped, what
        if state.failure is None and stops:
            assert sum(event.lost for event in resumed) == state.dropped, what
        if length == 1:
            assert state.dropped <= RETRY, what
    assert refused > calls // 2
