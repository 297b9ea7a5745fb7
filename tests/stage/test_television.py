"""The TV as the stage uses it: whatever is put on, frames go on and nothing waits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from itertools import groupby
from pathlib import Path
from typing import Literal

import av
import numpy as np
import pytest
from films import FPS, QUAD, write_changing_sound, write_film

from duologue.audio.pcm import RATE
from duologue.clock import SECOND, VirtualClock
from duologue.stage.frames import Plane
from duologue.stage.messages import StageReport, Trouble, TvState
from duologue.stage.television.player import PATIENCE
from duologue.stage.television.screen import Screen
from duologue.stage.television.television import MOST_ABANDONED, Television


class Set:
    """A TV and the frames of its show, on a clock that a test moves."""

    def __init__(self, *, patient: bool = False, quad: bool = True) -> None:
        self.clock = VirtualClock()
        self.tv = Television(QUAD if quad else None, "den", fps=FPS, clock=self.clock, patient=patient)
        self.number = 0
        self.reports: list[StageReport] = []

    def frames(self, count: int = 1) -> Plane | None:
        """So many frames in their time; the last one's picture."""
        picture = None
        for _ in range(count):
            frame = self.tv.frame(self.number)
            self.number += 1
            self.clock.advance(SECOND // FPS)
            self.reports += frame.reports
            picture = frame.picture
        return None if picture is None else picture.sprite.luma

    def until(self, condition: Callable[[], bool]) -> None:
        """Frames while the threads do their part; the clock stands still, so that no patience ends."""
        for _ in range(10_000):
            frame = self.tv.frame(self.number)
            self.number += 1
            self.reports += frame.reports
            if condition():
                return
            threading.Event().wait(0.001)
        raise AssertionError("the TV's threads did nothing")

    def troubles(self) -> list[Trouble]:
        """What went wrong so far."""
        return [report for report in self.reports if isinstance(report, Trouble)]

    def titles(self) -> list[str]:
        """What the TV said that it shows, each time another than before; it begins switched off, which is empty."""
        films = [None, *(report.film for report in self.reports if isinstance(report, TvState))]
        return [film.stem if film is not None else "" for film, _ in groupby(films)][1:]

    def failed(self) -> list[Path]:
        """The films of which it said that they are not shown (any more)."""
        return [report.failed for report in self.reports if isinstance(report, TvState) and report.failed is not None]


@pytest.fixture
def live() -> Generator[Set]:
    stage = Set()
    yield stage
    stage.tv.close()


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("films") / "good.mkv", frames=50, fps=FPS, step=4)


class HungDisk:
    """Files whose name begins with ``hang`` are not read before :attr:`answers` is set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers = threading.Event()
        opened = av.open

        def hang(file: str, mode: Literal["r"]) -> object:
            if Path(file).name.startswith("hang"):
                self.answers.wait()
            return opened(file, mode)

        monkeypatch.setattr("duologue.stage.television.film.av.open", hang)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Generator[HungDisk]:
    disk = HungDisk(monkeypatch)
    yield disk
    disk.answers.set()


def hung(folder: Path, name: str = "hang.mkv") -> Path:
    path = folder / name
    path.write_bytes(b"no matter")
    return path


def readers() -> int:
    """Threads of films in this process."""
    return sum(thread.name == "television" for thread in threading.enumerate())


def test_a_film_is_opened_shown_and_switched_off(live: Set, film: Path) -> None:
    assert live.frames() is None
    live.tv.show(film)
    live.until(lambda: live.tv.on)
    assert live.frames() is not None
    live.tv.show(None)
    assert live.frames() is None
    assert live.titles() == ["good", ""]
    assert not live.tv.sound(0, 1600).any()


def test_a_film_whose_disk_hangs_is_named_and_nothing_waits_for_it(
    live: Set, film: Path, disk: HungDisk, tmp_path: Path
) -> None:
    path = hung(tmp_path)
    live.tv.show(path)
    live.frames(round((PATIENCE - 1) * FPS))
    assert live.reports == []
    live.frames(2 * FPS)
    (trouble,) = live.troubles()
    assert trouble.where == str(path) and "answer" in trouble.what and trouble.remedy
    assert not live.tv.on
    assert live.tv.abandoned == 1
    live.tv.show(film)
    live.until(lambda: live.tv.on)
    disk.answers.set()
    live.until(lambda: live.tv.abandoned == 0)
    assert live.titles() == ["good"]
    assert len(live.troubles()) == 1


def test_a_film_plays_on_while_the_next_one_hangs_and_can_be_switched_off(
    live: Set, film: Path, disk: HungDisk, tmp_path: Path
) -> None:
    live.tv.show(film)
    live.until(lambda: live.tv.on)
    live.tv.show(hung(tmp_path))
    assert live.frames(FPS) is not None
    live.tv.show(None)
    assert live.frames() is None
    live.frames(round(2 * PATIENCE * FPS))
    assert live.troubles() == []  # it is no longer wanted
    assert not disk.answers.is_set()


def test_a_film_that_hangs_as_it_plays_is_named_and_ends(
    live: Set, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, pictures, flat = threading.Event(), 0, Screen.flat

    def hang(screen: Screen, frame: av.VideoFrame, pixel: float) -> Plane:
        nonlocal pictures
        pictures += 1
        if pictures > 12:
            answers.wait()
        return flat(screen, frame, pixel)

    monkeypatch.setattr(Screen, "flat", hang)
    live.tv.show(film)
    live.until(lambda: pictures > 12)
    live.frames(round((PATIENCE - 1) * FPS))
    assert live.troubles() == []
    live.frames(2 * FPS)
    assert [trouble.where for trouble in live.troubles()] == [str(film)]
    assert live.titles() == ["good", ""]
    answers.set()


def test_a_machine_that_stood_still_is_no_disk_that_hangs(live: Set, disk: HungDisk, tmp_path: Path) -> None:
    live.tv.show(hung(tmp_path))
    for _ in range(FPS):
        live.frames()
        live.clock.advance(3600 * SECOND)
    assert live.troubles() == []
    assert not disk.answers.is_set()


def test_threads_that_a_disk_holds_are_bounded(live: Set, film: Path, disk: HungDisk, tmp_path: Path) -> None:
    before = readers()
    for number in range(20):
        live.tv.show(hung(tmp_path, f"hang{number}.mkv"))
        live.frames()
    assert readers() - before == live.tv.abandoned == MOST_ABANDONED
    live.tv.show(film)
    live.frames(round((PATIENCE + 1) * FPS))
    assert not live.tv.on
    assert len(live.troubles()) == 1
    live.tv.show(film)
    disk.answers.set()
    live.until(lambda: live.tv.on)
    live.until(lambda: live.tv.abandoned == 0)
    assert live.titles() == ["good"]


def test_the_end_of_the_stage_does_not_wait_for_a_disk(
    live: Set, disk: HungDisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("duologue.stage.television.television.GRACE", 0.01)
    live.tv.show(hung(tmp_path))
    live.tv.close()
    assert live.tv.abandoned == 1
    assert all(thread.daemon for thread in threading.enumerate() if thread.name == "television")
    assert not disk.answers.is_set()


def test_a_machine_without_another_thread_shows_no_film_and_says_so(
    live: Set, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    live.tv.show(film)
    live.frames()
    assert [trouble.where for trouble in live.troubles()] == [str(film)]
    monkeypatch.undo()
    live.tv.show(film)
    live.until(lambda: live.tv.on)


def test_of_many_clicks_the_last_one_is_shown(live: Set, film: Path) -> None:
    others = [film.with_name(f"{number}.mkv") for number in range(9)]
    for other in others:
        other.write_bytes(film.read_bytes())
        live.tv.show(other)
    live.tv.show(film)
    live.until(lambda: live.tv.on)
    live.until(lambda: live.tv.abandoned == 0)
    assert live.titles() == ["good"]


@pytest.mark.parametrize("patient", [False, True])
def test_what_is_no_film_is_named_each_time_and_the_one_before_plays_on(
    patient: bool, film: Path, tmp_path: Path
) -> None:
    stage = Set(patient=patient)
    poison = tmp_path / "poison.mp4"
    poison.write_bytes(np.random.default_rng(2).bytes(5000))
    stage.tv.show(film)
    stage.until(lambda: stage.tv.on)
    for times in (1, 2):
        stage.tv.show(poison)
        stage.until(lambda times=times: len(stage.troubles()) == times)
        assert stage.troubles()[-1].where == str(poison)
        assert stage.failed() == [poison] * times
        assert stage.titles() == ["good"]
        assert stage.frames() is not None
    stage.tv.close()


def test_a_film_whose_sound_breaks_is_shown_and_the_sound_is_named(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ValueError("no such layout")

    monkeypatch.setattr("duologue.stage.television.film.FrameResampler", refuse)
    stage = Set(patient=True)
    stage.tv.show(film)
    assert stage.frames() is not None
    assert [trouble.where for trouble in stage.troubles()] == [str(film)]
    assert stage.titles() == ["good"]
    stage.tv.close()


def test_sound_that_changes_in_mid_file_is_no_trouble(tmp_path: Path) -> None:
    stage = Set(patient=True)
    stage.tv.show(write_changing_sound(tmp_path / "changes.mkv"))
    assert stage.frames(70) is not None
    assert stage.troubles() == []
    stage.tv.close()


def test_a_room_without_a_screen_says_so() -> None:
    stage = Set(quad=False)
    stage.tv.show(Path("any.mkv"))
    assert stage.frames() is None
    assert "den" in stage.troubles()[0].what


def test_after_a_skip_picture_and_sound_go_on_where_they_stopped(film: Path) -> None:
    whole, skipping = Set(patient=True), Set(patient=True)
    for stage in (whole, skipping):
        stage.tv.show(film)
        stage.frames(17)
    heard = skipping.tv.sound(16 * RATE // FPS, RATE // FPS)
    skipping.tv.skip(200)
    skipping.number += 200
    for _ in range(20):
        one, other = whole.frames(), skipping.frames()
        assert one is not None and other is not None and np.array_equal(one, other)
        at = (whole.number - 1) * RATE // FPS
        sound = whole.tv.sound(at, RATE // FPS)
        assert np.array_equal(sound, skipping.tv.sound(at + 200 * RATE // FPS, RATE // FPS))
        assert not np.array_equal(sound, heard)
        heard = sound
    for stage in (whole, skipping):
        stage.tv.close()


def test_half_the_pictures_and_all_of_the_sound(film: Path) -> None:
    whole, half = Set(patient=True), Set(patient=True)
    half.tv.every(2)  # before the film, and for it
    for stage in (whole, half):
        stage.tv.show(film)
    shown: list[Plane] = []
    for number in range(20):
        whole.frames()
        picture = half.frames()
        assert picture is not None
        shown.append(picture)
        at = number * RATE // FPS
        assert np.array_equal(whole.tv.sound(at, 1600), half.tv.sound(at, 1600))
    assert all(shown[number] is shown[number - number % 2] for number in range(20))
    assert len({id(picture) for picture in shown}) == 10
    half.tv.every(1)
    late = [half.frames() for _ in range(40)][20:]
    assert len({id(picture) for picture in late}) == 20
    for stage in (whole, half):
        stage.tv.close()
