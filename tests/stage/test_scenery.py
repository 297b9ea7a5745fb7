"""The TV and the captions as a stage has them: whole frames out of the scenery."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
from films import write_changing_sound, write_film

from duologue.clock import VirtualClock
from duologue.places import packs_folder
from duologue.stage.messages import Seated, StagePlan, StageReport, Trouble, TvState
from duologue.stage.motion.pose import CaptionState, CaptionWord, FrameState, Lights, Pose
from duologue.stage.scenery import Scenery, Shown

WIDTH, HEIGHT, FPS = 320, 180, 30


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where bakes are kept: all tests have the same light."""
    return tmp_path_factory.mktemp("shelf")


@pytest.fixture
def scenery(shelf: Path) -> Generator[Scenery]:
    """A patient one: it waits for its films, so that each frame is known."""
    packs = packs_folder()
    cast = tuple(Seated(name, packs / "characters" / name, name.title(), "#e8b04b") for name in ("chad", "virgin"))
    plan = StagePlan(
        packs / "rooms" / "living-room", cast, WIDTH, HEIGHT, FPS, 1, "libx264", 1000, 1.0, Lights(), True, False,
        shelf,
    )  # fmt: skip
    scenery = Scenery(plan, VirtualClock(), patient=True)
    yield scenery
    scenery.close()


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("films") / "film.mkv", frames=50, fps=FPS, step=4)


def frame(scenery: Scenery, number: int) -> Shown:
    return scenery.picture(FrameState(number, (Pose(), Pose())))


def test_a_poisonous_film_is_reported_twice_and_the_show_goes_on(scenery: Scenery, tmp_path: Path) -> None:
    poison = tmp_path / "poison.mp4"
    poison.write_bytes(b"\0\0\0\x20ftypisom" + bytes(500))
    reports: list[StageReport] = []
    for number in range(4):
        if number % 2 == 0:
            scenery.show_tv(poison)
        reports += frame(scenery, number).reports
    assert [report.where for report in reports if isinstance(report, Trouble)] == [str(poison)] * 2
    assert not scenery.tv_on


def test_a_film_whose_sound_changes_in_mid_file_plays(scenery: Scenery, tmp_path: Path) -> None:
    film = write_changing_sound(tmp_path / "changes.ts")
    scenery.show_tv(film)
    assert frame(scenery, 0).reports == (TvState(film),)
    for number in range(1, 70):
        assert frame(scenery, number).reports == ()
    assert abs(scenery.tv_sound(48_000 + 9600, 1600)).max() > 0.1


def test_at_half_the_rate_only_every_second_frame_is_damaged(scenery: Scenery, film: Path) -> None:
    scenery.show_tv(film)
    scenery.tv_every(2)
    damage = [frame(scenery, number).damage_px for number in range(20)]
    assert all(damage[number] > 0 for number in range(2, 20, 2))
    assert not any(damage[1::2])
    scenery.tv_every(1)
    damage = [frame(scenery, number).damage_px for number in range(20, 60)]
    assert all(damage[20:])


def test_a_still_on_the_tv_damages_nothing(scenery: Scenery, tmp_path: Path) -> None:
    scenery.show_tv(write_film(tmp_path / "still.mkv", frames=1, sound=False))
    damage = [frame(scenery, number).damage_px for number in range(40)]
    assert damage[0] > 0
    assert not any(damage[30:])  # its light has come up


def test_a_caption_that_cannot_be_set_is_reported_and_the_show_goes_on(
    scenery: Scenery, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("raster overflow")

    monkeypatch.setattr("duologue.stage.captions.typesetting.Typesetter.page", refuse)
    words = CaptionState("ann", (CaptionWord("Ahem."),))
    shown = scenery.picture(FrameState(0, (Pose(), Pose()), words))
    assert [report.where for report in shown.reports if isinstance(report, Trouble)] == ["Ahem."]
    assert scenery.picture(FrameState(1, (Pose(), Pose()), words)).reports == ()


def test_a_skip_takes_the_tv_along(scenery: Scenery, film: Path) -> None:
    scenery.show_tv(film)
    for number in range(10):
        frame(scenery, number)
    expected = scenery.tv_sound(10 * 1600, 1600)
    scenery.skip(75)
    picture = frame(scenery, 85)
    assert picture.damage_px > 0
    assert np.array_equal(scenery.tv_sound(85 * 1600, 1600), expected)
