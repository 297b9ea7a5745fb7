"""Which files a recording writes, begins, keeps and removes."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from duologue.broadcast.boxes import boxes, runs
from duologue.broadcast.fmp4 import AUDIO_TRACK, VIDEO_TIMESCALE, VIDEO_TRACK, Segment, Segmenter, init_segment
from duologue.broadcast.packets import Packet, StreamFormat, Track
from duologue.broadcast.recorder import (
    RETRY,
    ProgrammeRecorder,
    RecorderEvent,
    RecorderState,
    RecordingContinued,
    RecordingLimits,
    RecordingRemoved,
    RecordingTrouble,
    Why,
)
from duologue.prover.verify import verify
from programme import Programme, whole

FORMAT = StreamFormat(640, 360, 30, b"\x01\x64\x00\x1f\xff\xe0\x00", b"\x11\x90")
INIT = init_segment(FORMAT)
YIELD = threading.Event()


def synthetic(first: int, seconds: int, fps: int = 30) -> list[Segment]:
    """Segments of no picture and no sound, but with their times."""
    spf = 48_000 // fps
    numbers = range(first, first + seconds * fps)
    pictures = [Packet(Track.VIDEO, n, 1, n % fps == 0, b"\0\0\0\1\x65" + b"picture" * 20) for n in numbers]
    begin = -(-first * spf // 1024) * 1024
    sounds = [Packet(Track.AUDIO, pts, 1024, True, b"sound") for pts in range(begin, numbers.stop * spf, 1024)]
    segmenter = Segmenter(replace(FORMAT, fps=fps))
    mixed = sorted([*pictures, *sounds], key=lambda p: p.pts * (spf if p.track is Track.VIDEO else 1))
    return [segment for packet in mixed for segment in segmenter.add(packet)] + segmenter.flush()


def written(recorder: ProgrammeRecorder, segments: list[Segment]) -> None:
    """One after the other, each when the one before it is settled."""
    for segment in segments:
        state = recorder.state
        given = state.segments + state.dropped
        recorder.write(segment.data)
        while (now := recorder.state).segments + now.dropped == given:
            YIELD.wait(1e-4)  # the recorder's thread has its turn


def record(path: Path, segments: list[Segment], **limits: Any) -> tuple[RecorderState, list[RecorderEvent]]:
    told: list[RecorderEvent] = []
    recorder = ProgrammeRecorder(path, RecordingLimits(**limits), told.append)
    recorder.begin(FORMAT, INIT)
    written(recorder, segments)
    return recorder.finish(), told


def check(path: Path) -> int:
    """A file of ours is whole, begins at 0 and has no hole; how many segments it holds."""
    data = path.read_bytes()
    kinds = [box.kind for box in boxes(data)]
    assert kinds[0] == "ftyp" and kinds.count("moov") == 1
    ends = {VIDEO_TRACK: 0, AUDIO_TRACK: 0}
    for run in runs(data):
        assert 0 <= run.time - ends[run.track] <= (3750 if run.track == VIDEO_TRACK else 1600), path
        ends[run.track] = run.time + run.duration
    assert abs(ends[VIDEO_TRACK] / VIDEO_TIMESCALE - ends[AUDIO_TRACK] / 48_000) < 0.05
    return kinds.count("moof")


def test_a_new_file_begins_after_so_long_and_each_begins_at_0(tmp_path: Path) -> None:
    state, told = record(tmp_path / "show.mp4", synthetic(90_000, 10), seconds=4)
    names = [tmp_path / name for name in ("show.mp4", "show.2.mp4", "show.3.mp4")]
    assert state.files == tuple(names)
    assert [check(name) for name in names] == [4, 4, 2]
    assert told == [
        RecordingContinued(names[0], Why.START),
        RecordingContinued(names[1], Why.FULL),
        RecordingContinued(names[2], Why.FULL),
    ]
    assert state.written == names[2].stat().st_size
    for name in names:
        assert next(run.time for run in runs(name.read_bytes())) == 0


def test_a_new_file_begins_before_it_is_too_large(tmp_path: Path) -> None:
    segments = synthetic(0, 10)
    limit = len(INIT) + 3 * len(segments[1].data) + 100
    state, _ = record(tmp_path / "show.mp4", segments, size=limit)
    assert [check(name) for name in state.files] == [3, 3, 3, 1]
    assert all(name.stat().st_size <= limit for name in state.files)


def test_without_limits_there_is_one_file(tmp_path: Path) -> None:
    state, _ = record(tmp_path / "show.mp4", synthetic(0, 10), seconds=0)
    assert [check(name) for name in state.files] == [10]


@pytest.mark.parametrize("fps", [24, 25, 30, 32, 48])
def test_the_times_of_a_later_file_stay_in_sync_at_any_rate(tmp_path: Path, fps: int) -> None:
    """A track's ticks are whole on a grid of 1/6000 s; 24, 32 and 48 frames a second are none of its multiples."""
    recorder = ProgrammeRecorder(tmp_path / "show.mp4", RecordingLimits(seconds=2))
    form = replace(FORMAT, fps=fps)
    recorder.begin(form, init_segment(form))
    segments = synthetic(fps * 100 + 7, 6, fps)
    written(recorder, segments)
    files = recorder.finish().files
    assert len(files) > 2
    place = 0
    for name in files:
        moved = {run.track: run.time for run in reversed(runs(name.read_bytes()))}
        original = {run.track: run.time for run in reversed(runs(segments[place].data))}
        shifts = [(original[track] - moved[track]) / scale for track, scale in ((1, 90_000), (2, 48_000))]
        assert shifts[0] == pytest.approx(shifts[1], abs=1e-9)
        assert moved[VIDEO_TRACK] <= 15
        place += check(name)


def test_an_existing_recording_is_never_written_over_and_never_keeps_a_show_off_the_air(tmp_path: Path) -> None:
    """A power cut under a supervisor, three times; and a file of somebody's under a number of ours."""
    (tmp_path / "show.3.mp4").write_bytes(b"an earlier show")
    for expected in ("show.mp4", "show.2.mp4", "show.4.mp4", "show.5.mp4"):
        before = {path: path.read_bytes() for path in tmp_path.iterdir()}
        state, _ = record(tmp_path / "show.mp4", synthetic(0, 2))
        assert state.files == (tmp_path / expected,)
        assert {path: path.read_bytes() for path in before} == before
    assert (tmp_path / "show.3.mp4").read_bytes() == b"an earlier show"


def test_an_empty_file_is_taken_and_an_empty_recording_leaves_none(tmp_path: Path) -> None:
    (tmp_path / "show.mp4").touch()
    recorder = ProgrammeRecorder(tmp_path / "show.mp4")
    assert recorder.state.files == (tmp_path / "show.mp4",)
    recorder.finish()
    assert list(tmp_path.iterdir()) == []


def test_two_shows_of_one_house_may_record_under_one_name(tmp_path: Path) -> None:
    told: list[RecorderEvent] = []
    recorders = [
        ProgrammeRecorder(tmp_path / "show.mp4", RecordingLimits(2, keep=20_000), told.append) for _ in range(3)
    ]
    for recorder in recorders:
        recorder.begin(FORMAT, INIT)
    for segment in synthetic(0, 12):
        for recorder in recorders:
            written(recorder, [segment])
    files = [file for recorder in recorders for file in recorder.finish().files]
    assert len(set(files)) == len(files) >= 9
    assert not [event for event in told if isinstance(event, RecordingTrouble)]
    left = list(tmp_path.iterdir())
    assert left and all(check(path) for path in left)
    newest = [recorder.state.files[-1] for recorder in recorders]
    assert set(newest) <= set(left)  # none removed what another writes


def test_only_so_much_is_kept_and_only_recordings_of_this_name_are_removed(tmp_path: Path) -> None:
    others = {
        "other.mp4": INIT + b"a recording of another name",
        "show.mp4.part": INIT,
        "show.x.mp4": INIT,
        "showing.2.mp4": INIT,
        "show.02.mp4": INIT,
        "show.7.mp4": b"no recording of ours, but under our name",
        "show.2.mkv": INIT,
    }
    for name, data in others.items():
        (tmp_path / name).write_bytes(data)
    keep = 40_000
    ours: list[Path] = []
    for run in range(3):  # over restarts too
        told: list[RecorderEvent] = []
        recorder = ProgrammeRecorder(tmp_path / "show.mp4", RecordingLimits(2, keep=keep), told.append)
        recorder.begin(FORMAT, INIT)
        for segment in synthetic(0, 20):
            written(recorder, [segment])
            ours = [path for path in tmp_path.iterdir() if path.name not in others]
            assert sum(path.stat().st_size for path in ours) <= keep
        recorder.finish()
        removed = [event.path for event in told if isinstance(event, RecordingRemoved)]
        assert bool(removed) or not run
        numbers = [int(path.name.split(".")[1]) for path in removed if path.name != "show.mp4"]
        assert numbers == sorted(numbers)  # the oldest first
    assert {name: (tmp_path / name).read_bytes() for name in others} == others
    assert len(ours) >= 3 and all(check(path) for path in ours)


def test_a_bound_smaller_than_a_file_makes_shorter_files(tmp_path: Path) -> None:
    keep = 4 * len(synthetic(0, 2)[0].data)
    state, _ = record(tmp_path / "show.mp4", synthetic(0, 20), keep=keep)
    left = list(tmp_path.iterdir())
    assert len(state.files) > len(left) >= 2
    assert sum(path.stat().st_size for path in left) <= keep


def test_a_change_of_size_begins_a_file_and_the_change_back_another(tmp_path: Path) -> None:
    recorder = ProgrammeRecorder(tmp_path / "show.mp4")
    smaller = replace(FORMAT, width=320, height=180)
    segments = synthetic(0, 6)
    for place, form in enumerate((FORMAT, smaller, FORMAT)):
        recorder.begin(form, init_segment(form))
        written(recorder, segments[2 * place : 2 * place + 2])
    state = recorder.finish()
    assert [check(path) for path in state.files] == [2, 2, 2]
    assert [path.read_bytes().startswith(init_segment(form)) for path, form in
            zip(state.files, (FORMAT, smaller, FORMAT), strict=True)] == [True] * 3  # fmt: skip


def test_the_recording_goes_on_in_a_new_file_when_the_disk_has_room_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = False
    write = os.write

    def refusing(descriptor: int, data: bytes) -> int:
        if full:
            write(descriptor, bytes(data)[: len(data) // 2])
            raise OSError(28, "No space left on device")
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", refusing)
    told: list[RecorderEvent] = []
    recorder = ProgrammeRecorder(tmp_path / "show.mp4", listener=told.append)
    recorder.begin(FORMAT, INIT)
    segments = synthetic(0, 60)
    written(recorder, segments[:5])
    full = True
    written(recorder, segments[5:30])
    assert recorder.state.failure is not None and "No space left" in recorder.state.failure.what
    assert list(tmp_path.iterdir()) == [tmp_path / "show.mp4"]  # what was tried meanwhile left nothing behind
    full = False
    written(recorder, segments[30:])
    state = recorder.finish()
    assert state.failure is None and state.files == (tmp_path / "show.mp4", tmp_path / "show.2.mp4")
    assert [check(path) for path in state.files] == [5, 60 - 5 - state.dropped]
    assert 25 <= state.dropped < 25 + RETRY
    stopped = next(event for event in told if isinstance(event, RecordingTrouble))
    assert told == [
        RecordingContinued(state.files[0], Why.START), stopped,
        RecordingContinued(state.files[1], Why.RESUMED, lost=state.dropped),
    ]  # fmt: skip


def test_a_disk_that_is_full_at_the_start_keeps_no_show_off_the_air(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = os.open

    def refusing(path: str | Path, *rest: int) -> int:
        if Path(path).parent == tmp_path:
            raise OSError(28, "No space left on device")
        return opened(path, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refusing)
        recorder = ProgrammeRecorder(tmp_path / "show.mp4")
    assert recorder.state.failure is not None
    recorder.begin(FORMAT, INIT)
    written(recorder, synthetic(0, 20))
    state = recorder.finish()
    assert state.failure is None and state.files == (tmp_path / "show.mp4",)
    assert check(state.files[0]) == state.segments == 20 - state.dropped


@pytest.fixture(name="little_disk")
def little_disk_fixture(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=120k", "tmpfs", str(folder)]
    if (
        os.geteuid()
        or shutil.which("mount") is None
        or subprocess.run(words, capture_output=True, check=False).returncode
    ):
        pytest.skip("a file system of one's own needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.slow
def test_a_disk_that_is_really_full(little_disk: Path) -> None:
    programme = Programme().encode(whole(600))
    told: list[RecorderEvent] = []
    recorder = ProgrammeRecorder(little_disk / "show.mp4", listener=told.append)
    recorder.begin(programme.format, init_segment(programme.format))
    segments = programme.segments()
    given = 0
    while recorder.state.failure is None:
        written(recorder, [segments[given % 20]])
        given += 1
    assert "No space left" in (recorder.state.failure.what if recorder.state.failure else "")
    report = verify(str(little_disk / "show.mp4"))
    assert report.picture.frames == recorder.state.segments * 30 and report.picture.decode_errors == 0
    before = recorder.state.segments
    (little_disk / "show.mp4").unlink()
    written(recorder, segments[:19])
    state = recorder.finish()
    assert state.failure is None
    assert verify(str(state.files[-1])).picture.frames == (state.segments - before) * 30 > 0
