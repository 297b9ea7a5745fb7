"""Bakes from the shelf are the bakes that were made, and whatever happens to the shelf there are bakes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import stage_plans
from stage_plans import EVENING, NIGHT

from duologue.clock import SYSTEM_CLOCK
from duologue.errors import InputError
from duologue.places import packs_folder
from duologue.stage.baking import bakery as bakery_module
from duologue.stage.baking.bake import AbandonedError, BakedStage, bake_stage
from duologue.stage.baking.bakery import Bakery
from duologue.stage.frames import Plane
from duologue.stage.motion.pose import FrameState, Mouth, Pose
from duologue.stage.packs.loading import load_character, load_room
from duologue.stage.scenery import Scenery

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with the stage in one light."""
    cache = tmp_path_factory.mktemp("filled")
    Bakery(stage_plans.plan(cache)).stage(EVENING)
    return cache


@pytest.fixture
def cache(filled: Path, tmp_path: Path) -> Path:
    """A copy of it, to be spoilt."""
    shutil.copytree(filled, tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def baked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what is baked, as it begins."""
    names: list[str] = []
    for name in ("bake_character", "bake_room"):
        real = getattr(bakery_module, name)

        def noted(art: object, *arguments: object, _real: Callable[..., object] = real, **named: object) -> object:
            names.append(getattr(art, "name", ""))
            return _real(art, *arguments, **named)

        monkeypatch.setattr(bakery_module, name, noted)
    return names


def assert_same(one: BakedStage, other: BakedStage) -> None:
    assert (one.width, one.height, one.lights, one.screen) == (other.width, other.height, other.lights, other.screen)
    for ours, theirs in zip(stage_plans.planes(one), stage_plans.planes(other), strict=True):
        assert np.array_equal(ours, theirs)
    places = [[(sprite.left, sprite.top) for sprite in stage_plans.sprites(stage)] for stage in (one, other)]
    assert places[0] == places[1]
    for ours, theirs in zip(one.cast, other.cast, strict=True):
        assert (ours.name, ours.origin, ours.neck, ours.pupil_reach) == (
            theirs.name, theirs.origin, theirs.neck, theirs.pupil_reach,
        )  # fmt: skip
        assert [(part.step, part.centre) for part in ours.turned] == [
            (part.step, part.centre) for part in theirs.turned
        ]
        assert [list(shapes) for shapes in (ours.lids, ours.mouths, ours.brows)] == [
            list(shapes) for shapes in (theirs.lids, theirs.mouths, theirs.brows)
        ]


def in_memory() -> BakedStage:
    room = load_room(packs_folder() / "rooms" / "living-room", 320, 180)
    cast = [
        load_character(packs_folder() / "characters" / name, scale=seat.scale, mirror=seat.mirror)
        for name, seat in zip(("chad", "virgin"), room.seats, strict=True)
    ]
    return bake_stage(room, cast, EVENING)


def test_what_the_shelf_gives_is_what_was_baked(cache: Path, baked: list[str]) -> None:
    found = Bakery(stage_plans.plan(cache)).first_stage(EVENING, coarse=True)
    assert found.fine and baked == []
    assert_same(found.stage, in_memory())
    with_mouths = found.stage.cast[0].mouths
    assert len({id(part) for part in with_mouths.values()}) == len(with_mouths)


def test_what_was_just_baked_is_shared_at_once(tmp_path: Path) -> None:
    """Its planes are the file's: nothing of a bake that could be kept stays in memory of the process's own."""
    stage = Bakery(stage_plans.plan(tmp_path)).stage(EVENING)
    assert all(not plane.flags.writeable for plane in stage_plans.planes(stage))
    assert_same(stage, in_memory())


def test_a_live_stage_begins_coarse_once_and_never_again(tmp_path: Path) -> None:
    bakery = Bakery(stage_plans.plan(tmp_path))
    first = bakery.first_stage(EVENING, coarse=True)
    fine = bakery.stage(EVENING)
    assert not first.fine
    assert len(first.stage.cast[0].head.sprites) < len(fine.cast[0].head.sprites)
    again = Bakery(stage_plans.plan(tmp_path)).first_stage(EVENING, coarse=True)
    assert again.fine
    assert_same(again.stage, fine)


def test_another_light_is_baked_and_kept_beside_the_first(cache: Path, baked: list[str]) -> None:
    bakery = Bakery(stage_plans.plan(cache))
    night = bakery.stage(NIGHT)
    assert sorted(baked) == ["chad", "living-room", "virgin"]
    assert_same(bakery.stage(NIGHT), night)
    assert bakery.stage(EVENING).lights == EVENING
    assert len(baked) == 3


def test_a_character_keeps_its_bake_when_its_partner_changes(cache: Path, baked: list[str]) -> None:
    plan = stage_plans.plan(cache)
    Bakery(replace(plan, cast=(plan.cast[0], plan.cast[0]))).stage(EVENING)
    assert baked == ["chad"]  # on the other seat he faces the other way


def test_a_damaged_bake_is_baked_anew(cache: Path, baked: list[str]) -> None:
    for file in cache.iterdir():
        with file.open("r+b") as stream:
            stream.seek(-100, os.SEEK_END)
            stream.write(b"\xaa" * 50)
    bakery = Bakery(stage_plans.plan(cache))
    stage = bakery.stage(EVENING)
    assert sorted(baked) == ["chad", "living-room", "virgin"]
    assert_same(stage, in_memory())
    assert all("damaged" in trouble.what for trouble in bakery.shelf.troubles())
    assert_same(Bakery(stage_plans.plan(cache)).stage(EVENING), stage)
    assert len(baked) == 3


@pytest.mark.parametrize("where", ["a file", "nowhere"])
def test_without_a_shelf_the_stage_is_baked_in_memory(tmp_path: Path, where: str) -> None:
    (tmp_path / "a file").write_text("")
    bakery = Bakery(stage_plans.plan(None if where == "nowhere" else tmp_path / where / "in"))
    assert_same(bakery.stage(EVENING), in_memory())
    assert len(bakery.shelf.troubles()) == (where == "a file")


def test_an_edited_pack_is_baked_anew(cache: Path, tmp_path: Path, baked: list[str]) -> None:
    packs = tmp_path / "packs"
    shutil.copytree(packs_folder(), packs, ignore=shutil.ignore_patterns("films"))
    plan = stage_plans.plan(cache, packs=packs)
    Bakery(plan).stage(EVENING)
    assert baked == []  # a copy has the same content
    drawing = packs / "characters" / "chad" / "chad.svg"
    drawing.write_text(drawing.read_text().replace("</svg>", "<!-- touched --></svg>"))
    Bakery(plan).stage(EVENING)
    assert baked == ["chad"]
    shutil.rmtree(packs / "characters" / "virgin")
    with pytest.raises(InputError):
        Bakery(plan).stage(EVENING)


def test_an_abandoned_stage_is_not_kept(tmp_path: Path) -> None:
    asked = 0

    def twenty_times() -> None:
        nonlocal asked
        asked += 1
        if asked > 20:
            raise AbandonedError

    bakery = Bakery(stage_plans.plan(tmp_path))
    with pytest.raises(AbandonedError):
        bakery.stage(EVENING, twenty_times)
    assert not [file for file in tmp_path.iterdir() if file.suffix == ".part"]
    assert_same(bakery.stage(EVENING), in_memory())


def frames(cache: Path | None) -> Iterator[Plane]:
    scenery = Scenery(stage_plans.plan(cache), SYSTEM_CLOCK, patient=True)
    for number in range(12):
        if number == 6:
            scenery.set_lights(NIGHT)
        mouth = list(Mouth)[number % 9]
        pose = Pose(mouth=mouth, head_angle=number / 3 - 2, head=(number / 7, 0.3), body=(0.0, number / 5))
        yield scenery.picture(FrameState(number, (pose, pose))).picture.copy()
    scenery.close()


def test_offline_frames_are_the_same_with_a_cold_shelf_a_warm_one_and_none(tmp_path: Path) -> None:
    for cold, warm, none in zip(frames(tmp_path), frames(tmp_path), frames(None), strict=True):
        assert np.array_equal(cold, none) and np.array_equal(warm, none)
