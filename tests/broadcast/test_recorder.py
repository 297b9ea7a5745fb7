from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from duologue.broadcast.boxes import runs
from duologue.broadcast.disk import DiskFile, claim
from duologue.broadcast.fmp4 import init_segment
from duologue.broadcast.mp4file import Mp4Writer, remux
from duologue.broadcast.recorder import (
    QUEUE,
    ProgrammeRecorder,
    RecorderEvent,
    RecordingContinued,
    RecordingLimits,
    RecordingTrouble,
    Why,
)
from duologue.errors import InputError, PeerError
from duologue.prover.verify import verify
from failing_disk import FailingDisk
from programme import Programme, whole

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute


@pytest.fixture(name="programme", scope="module")
def programme_fixture() -> Programme:
    return Programme().encode(whole(90))


def record(recorder: ProgrammeRecorder, programme: Programme) -> None:
    recorder.begin(programme.format, init_segment(programme.format))
    for segment in programme.segments():
        recorder.write(segment.data)


def test_a_recording_holds_what_it_was_given(tmp_path: Path, programme: Programme) -> None:
    recorder = ProgrammeRecorder(tmp_path / "show.mp4")
    record(recorder, programme)
    state = recorder.finish()
    assert (state.segments, state.dropped, state.failure) == (3, 0, None)
    assert (tmp_path / "show.mp4").read_bytes() == programme.file()


@pytest.mark.peer
def test_a_recording_plays_after_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "killed.mp4"
    script = Path(__file__).with_name("endless_recording.py")
    found = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}  # pytest's own path, which a child does not inherit
    words = [sys.executable, str(script), str(path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=found) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "recording\n"
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    report = verify(str(path))
    assert report.picture.frames >= 30 * 30
    assert report.picture.nominal_step_ms == report.picture.largest_step_ms == pytest.approx(1000 / 30, abs=0.01)
    assert report.sound.gaps == ()


def test_a_full_disk_ends_the_recording_and_is_reported(programme: Programme) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    reported: list[RecorderEvent] = []
    recorder = ProgrammeRecorder(Path("/dev/full"), listener=reported.append)
    record(recorder, programme)
    state = recorder.finish()
    assert state.failure is not None and "No space left" in state.failure.what and state.failure.where == "/dev/full"
    assert reported == [RecordingContinued(Path("/dev/full"), Why.START), RecordingTrouble(state.failure)]
    assert (state.segments, state.dropped) == (0, 3)  # the one that found the disk full, and the two after it


@pytest.fixture(name="little_space")
def little_space_fixture() -> Iterator[int]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, before[1]))
    yield 30_000
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_was_written_before_the_disk_was_full_plays(
    tmp_path: Path, programme: Programme, little_space: int
) -> None:
    path = tmp_path / "short.mp4"
    recorder = ProgrammeRecorder(path)
    record(recorder, programme)
    state = recorder.finish()
    assert state.failure is not None and 0 < state.segments < 3
    assert path.stat().st_size == state.written <= little_space
    report = verify(str(path))
    assert report.ok, report.wrong
    assert report.picture.frames == 30 * state.segments


def test_a_stage_that_comes_back_goes_on_in_the_same_file_after_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "on.mp4"
    recorder = ProgrammeRecorder(path)
    record(recorder, Programme().encode(whole(90)))
    record(recorder, Programme().encode(whole(60, first=70)))  # the dead stage was two thirds of a second ahead
    state = recorder.finish()
    assert state.files == (path,)
    report = verify(str(path))
    assert report.picture.frames == 150
    assert report.picture.smallest_step_ms > 33
    assert report.picture.largest_step_ms < 60
    assert all(gap.ms > 0 for gap in report.sound.gaps)
    assert report.sync is not None and abs(report.sync.median_ms) < 1
    assert report.discontinuities == 1 and report.picture.repeated == 20


def test_a_run_that_begins_later_follows_at_once_in_sync(tmp_path: Path) -> None:
    """A jump to the grid, or a stage that was away: nobody watches two seconds of a still picture afterwards."""
    path = tmp_path / "later.mp4"
    recorder = ProgrammeRecorder(path)
    record(recorder, Programme().encode(whole(60)))
    record(recorder, Programme().encode(whole(75, first=131)))
    record(recorder, Programme().encode(whole(60, first=90_000_007)))  # a month later
    recorder.finish()
    report = verify(str(path))
    assert report.picture.frames == 195
    assert report.picture.smallest_step_ms > 33
    assert report.picture.largest_step_ms == pytest.approx(1000 / 30, abs=0.1)
    assert not report.sound.gaps and not report.sound.slips
    assert report.sync is not None and -1 < report.sync.least_ms <= report.sync.most_ms < 1
    assert report.ok, report.wrong
    left_out = 131 - 60 + 90_000_007 - (131 + 75)
    assert (report.picture.missing, report.picture.skipped, report.picture.skips) == (0, left_out, 2)
    assert verify(str(path), 1.5).picture.skips == 0


def test_what_the_recording_itself_lost_is_missing_though_the_show_began_anew_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that did not keep up is no skip of the show: a mark would hide it."""
    path, stuck, goes_on = tmp_path / "late.mp4", threading.Event(), threading.Event()
    append = DiskFile.append

    def slowly(file: DiskFile, data: bytes) -> None:
        stuck.set()
        assert goes_on.wait(10)
        append(file, data)

    monkeypatch.setattr(DiskFile, "append", slowly)
    monkeypatch.setattr("duologue.broadcast.recorder.QUEUE", 1)
    recorder = ProgrammeRecorder(path)
    before, following = Programme().encode(whole(90)), Programme().encode(whole(60, first=120))
    recorder.begin(before.format, init_segment(before.format))
    first, waiting, lost = before.segments()
    recorder.write(first.data)
    assert stuck.wait(10)
    recorder.write(waiting.data)
    recorder.write(lost.data)
    assert recorder.state.dropped == 1
    goes_on.set()
    while recorder.state.waiting:
        threading.Event().wait(0.001)
    recorder.begin(following.format, init_segment(following.format))
    recorder.write(following.segments()[0].data)
    recorder.finish()
    report = verify(str(path))
    assert (report.picture.missing, report.picture.skipped, report.discontinuities) == (60, 0, 0)


def test_a_run_of_another_size_gets_a_file_of_its_own(tmp_path: Path, programme: Programme) -> None:
    (tmp_path / "show.2.mp4").write_bytes(b"an earlier show")
    recorder = ProgrammeRecorder(tmp_path / "show.mp4")
    record(recorder, programme)
    other = replace(programme.format, width=320)
    recorder.begin(other, init_segment(other))
    recorder.write(programme.segments()[0].data)
    state = recorder.finish()
    assert state.files == (tmp_path / "show.mp4", tmp_path / "show.3.mp4")
    assert (tmp_path / "show.mp4").read_bytes() == programme.file()
    assert (tmp_path / "show.3.mp4").read_bytes() == init_segment(other) + programme.segments()[0].data
    assert (tmp_path / "show.2.mp4").read_bytes() == b"an earlier show"


def test_a_disk_that_hangs_at_the_end_is_reported_and_not_waited_for(tmp_path: Path, programme: Programme) -> None:
    fifo = tmp_path / "stuck.mp4"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    recorder = ProgrammeRecorder(fifo)
    recorder.begin(programme.format, init_segment(programme.format))
    for _ in range(12):
        recorder.write(programme.segments()[0].data)
    state = recorder.finish(patience=0.01)
    assert state.failure is not None and "did not take" in state.failure.what
    _drain(reader)


def test_a_disk_that_does_not_take_it_costs_segments_and_never_the_show(tmp_path: Path, programme: Programme) -> None:
    fifo = tmp_path / "slow.mp4"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    recorder = ProgrammeRecorder(fifo)
    recorder.begin(programme.format, init_segment(programme.format))
    for _ in range(QUEUE + 40):
        recorder.write(programme.segments()[0].data)
    assert recorder.state.dropped >= 30
    drain = threading.Thread(target=_drain, args=(reader,))
    drain.start()
    state = recorder.finish()
    drain.join()
    assert state.failure is None and state.segments + state.dropped == QUEUE + 40


def test_a_pipe_that_nobody_reads_holds_nobody_and_who_comes_or_comes_back_is_given_the_beginning(
    tmp_path: Path, programme: Programme
) -> None:
    """As when another program sends the recording on: it is started after the show, dies, and is started again."""
    fifo, told = tmp_path / "out.mp4", list[RecorderEvent]()
    os.mkfifo(fifo)
    made: list[ProgrammeRecorder] = []
    maker = threading.Thread(target=lambda: made.append(ProgrammeRecorder(fifo, listener=told.append)), daemon=True)
    maker.start()
    maker.join(10)
    assert made, "it waits for a reader, and so would the house"
    recorder, init = made[0], init_segment(programme.format)
    data = programme.segments()[0].data
    recorder.begin(programme.format, init)
    for _ in range(2):
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        while recorder.state.failure is not None:
            _settled(recorder, data)
        assert os.read(reader, 1 << 16).startswith(init)
        os.close(reader)
        while recorder.state.failure is None:
            _settled(recorder, data)
    state = recorder.finish()
    assert (
        state.failure is not None and "Broken pipe" in state.failure.what and "reads the pipe" in state.failure.remedy
    )
    stops = [event.error.what for event in told if isinstance(event, RecordingTrouble)]
    assert stops[0] == "the recording stopped: nobody reads this pipe" and len(stops) == 3
    assert [event.why for event in told if isinstance(event, RecordingContinued)] == [Why.RESUMED, Why.RESUMED]


def _settled(recorder: ProgrammeRecorder, data: bytes) -> None:
    state = recorder.state
    recorder.write(data)
    while (now := recorder.state).segments + now.dropped == state.segments + state.dropped:
        threading.Event().wait(1e-4)  # the recorder's thread has its turn


def test_what_is_closed_is_written_to_no_more(tmp_path: Path) -> None:
    """Its descriptor's number is soon somebody else's: the ledger's, the store's, a socket's."""
    film = claim(tmp_path / "film.mp4")
    assert film is not None
    film.append(b"a film")
    film.close()
    with (tmp_path / "other").open("wb", buffering=0) as other:
        with pytest.raises(OSError, match="Bad file descriptor"):
            film.append(b"and more of it")
        with pytest.raises(OSError, match="Bad file descriptor"):
            film.close()
        other.write(b"somebody else's")
    assert (tmp_path / "other").read_bytes() == b"somebody else's"
    assert (tmp_path / "film.mp4").read_bytes() == b"a film"


def _drain(descriptor: int) -> None:
    os.set_blocking(descriptor, True)
    while os.read(descriptor, 1 << 16):
        pass
    os.close(descriptor)


def test_a_file_that_cannot_be_recorded_to_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        ProgrammeRecorder(tmp_path / "nowhere" / "show.mp4")
    with pytest.raises(InputError, match="directory"):
        ProgrammeRecorder(tmp_path)
    (tmp_path / "kept.mp4").write_bytes(b"an earlier show")
    if os.geteuid():
        (tmp_path / "closed").mkdir(mode=0o500)
        with pytest.raises(InputError, match="Permission"):
            ProgrammeRecorder(tmp_path / "closed" / "show.mp4")
    with pytest.raises(InputError, match="too long"):
        ProgrammeRecorder(tmp_path / ("x" * 300 + ".mp4"))
    with pytest.raises(InputError, match="Not a directory"):
        ProgrammeRecorder(tmp_path / "kept.mp4" / "show.mp4")
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["kept.mp4"]


def test_a_film_has_its_index_first_and_the_same_frames(tmp_path: Path, programme: Programme) -> None:
    target = tmp_path / "film.mp4"
    with Mp4Writer(target, programme.format) as writer:
        for packet in programme.packets:
            writer.add([packet])
    data = target.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    assert b"moof" not in data
    report = verify(str(target))
    assert report.ok, report.wrong
    assert report.picture.frames == 90
    assert list(tmp_path.iterdir()) == [target]


def test_a_film_may_be_named_by_the_time(tmp_path: Path, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> None:
    """FFmpeg takes what stands before a colon for a protocol, unless it is told the whole path."""
    monkeypatch.chdir(tmp_path)
    with Mp4Writer(Path("tea-12:30.mp4"), programme.format) as writer:
        writer.add(programme.packets)
    Path("2026-11-23T12:30.mp4").write_bytes(programme.file())
    remux(Path("2026-11-23T12:30.mp4"), Path("copy:1.mp4"))
    for name in ("tea-12:30.mp4", "2026-11-23T12:30.mp4", "copy:1.mp4"):
        assert verify(name).picture.frames == 90


def test_half_the_picture_rate_for_a_while_is_in_time_and_in_sync(tmp_path: Path) -> None:
    """Two seconds of every second picture, in a recording of several files and in a film."""
    numbers = [*range(60), *range(60, 120, 2), *range(120, 180)]
    programme = Programme().encode([(number, number) for number in numbers])
    recorder = ProgrammeRecorder(tmp_path / "show.mp4", RecordingLimits(seconds=3))
    record(recorder, programme)
    with Mp4Writer(tmp_path / "film.mp4", programme.format) as writer:
        writer.add(programme.packets)
    reports = [verify(str(path)) for path in (*recorder.finish().files, tmp_path / "film.mp4")]
    assert [report.picture.frames for report in reports] == [75, 75, 150]
    for report in reports:
        assert report.picture.smallest_step_ms == pytest.approx(1000 / 30, abs=0.1)
        assert report.picture.largest_step_ms == pytest.approx(2000 / 30, abs=0.1)
        assert report.sound.gaps == ()
        assert report.sync is not None and abs(report.sync.median_ms) < 1


def test_a_film_that_fails_leaves_the_part_that_plays(tmp_path: Path, programme: Programme) -> None:
    target = tmp_path / "film.mp4"
    with pytest.raises(ZeroDivisionError), Mp4Writer(target, programme.format) as writer:
        writer.add(programme.packets)
        raise ZeroDivisionError
    assert not target.exists()
    assert verify(str(tmp_path / "film.mp4.part")).picture.frames == 60


def test_what_cannot_be_copied_is_named(tmp_path: Path, programme: Programme) -> None:
    noise = tmp_path / "noise.mp4"
    noise.write_bytes(b"noise" * 1000)
    with pytest.raises(InputError, match="not a film"):
        remux(noise, tmp_path / "copy.mp4")
    film = tmp_path / "film.mp4"
    film.write_bytes(programme.file())
    with pytest.raises(PeerError, match="cannot be written"):
        remux(film, tmp_path / "nowhere" / "copy.mp4")
    with pytest.raises(InputError, match="cannot be written"):
        Mp4Writer(tmp_path / "nowhere" / "film.mp4", programme.format)


def test_two_who_write_one_film_do_not_write_into_each_other(tmp_path: Path) -> None:
    """The second one is told at once, and not when all of its work is done."""
    programme = Programme().encode(whole(30))
    target = tmp_path / "film.mp4"
    with Mp4Writer(target, programme.format) as writer:
        writer.add(programme.packets)
        with pytest.raises(InputError, match="another program is writing it"):
            Mp4Writer(target, programme.format)
    assert target.exists() and not list(tmp_path.glob("*.part"))
    with Mp4Writer(target, programme.format) as writer:  # it may be made anew
        writer.add(programme.packets)
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]


def test_a_film_on_a_full_disk_is_an_error_that_says_so(
    tmp_path: Path, programme: Programme, little_space: int
) -> None:
    assert little_space
    with (
        pytest.raises(PeerError, match="cannot be written"),
        Mp4Writer(tmp_path / "film.mp4", programme.format) as writer,
    ):
        writer.add(programme.packets)


def test_the_disk_fails_at_each_call_of_a_film(
    tmp_path: Path, programme: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is never half a film under its name: the old one, the new one or none; and what there is of it plays."""

    def write(folder: Path, fails: int) -> list[str]:
        folder.mkdir()
        (folder / "film.mp4").write_bytes(b"an earlier film")
        with monkeypatch.context() as patch:
            disk = FailingDisk(patch, folder, lambda names: len(names) == fails)
            try:
                with Mp4Writer(folder / "film.mp4", programme.format) as writer:
                    for packet in programme.packets:
                        writer.add([packet])
            except OSError as error:
                pytest.fail(f"{disk.names[-1]} raised what no caller expects: {error}")
        return disk.names

    calls = write(tmp_path / "well", 0)
    assert {"open", "write", "fsync", "close", "replace", "unlink"} <= set(calls)
    for fails in range(1, len(calls) + 1):
        folder = tmp_path / f"{fails}"
        with pytest.raises((PeerError, InputError), match="No space left"):
            write(folder, fails)
        part, target = folder / "film.mp4.part", folder / "film.mp4"
        gone = "replace" in calls[: fails - 1]
        assert (target.read_bytes() != b"an earlier film") == gone
        assert not gone or verify(str(target)).picture.frames == 90
        assert not (folder / "film.mp4.whole").exists()
        written = calls[: fails - 1].count("write")
        if written > 0:
            assert verify(str(part)).picture.frames == 30 * written


@pytest.mark.parametrize("size", range(5_000, 60_000, 5_000))
def test_a_film_on_a_disk_of_any_size_is_whole_or_an_error(tmp_path: Path, programme: Programme, size: int) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        with Mp4Writer(tmp_path / "film.mp4", programme.format) as writer:
            for packet in programme.packets:
                writer.add([packet])
    except PeerError as error:
        assert "cannot be written" in error.what and "Free some space" in error.remedy
        first = len(init_segment(programme.format)) + len(programme.segments()[0].data)
        assert [path.name for path in tmp_path.iterdir()] == (["film.mp4.part"] if size >= first else [])
    else:
        assert verify(str(tmp_path / "film.mp4")).picture.frames == 90
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_is_full_when_the_film_is_made_whole_keeps_the_part(tmp_path: Path, programme: Programme) -> None:
    (tmp_path / "film.mp4.whole").symlink_to("/dev/full")
    with pytest.raises(PeerError, match="No space left"), Mp4Writer(tmp_path / "film.mp4", programme.format) as writer:
        writer.add(programme.packets)
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4.part"]
    assert verify(str(tmp_path / "film.mp4.part")).picture.frames == 90


def test_the_times_of_a_recording_do_not_depend_on_who_reads(programme: Programme) -> None:
    times = [(run.track, run.time) for segment in programme.segments() for run in runs(segment.data)]
    assert times == sorted(times, key=lambda each: each[1] / (90_000 if each[0] == 1 else 48_000))
