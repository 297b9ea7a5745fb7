"""Changes of light: the newest counts, little is baked for nothing, and one that fails leaves the light as it was."""

from __future__ import annotations

import shutil
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import stage_plans
from stage_plans import EVENING, NIGHT

from duologue.clock import SYSTEM_CLOCK
from duologue.places import packs_folder
from duologue.stage.baking import bakery as bakery_module
from duologue.stage.baking.bake import BakedCharacter, Checkpoint, bake_character
from duologue.stage.messages import Baked, LightsKept, Trouble
from duologue.stage.motion.pose import Daylight, Lights
from duologue.stage.relighting import REFINE_AFTER, Relighting

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

LAMPS = [Lights(daylight, lamp) for daylight in Daylight for lamp in (True, False)]


class Kitchen:
    """Counts the characters that are begun and finished; ``gate`` holds one in the middle, which then may fail."""

    fails = False

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun = self.finished = 0
        self.gate = Event()
        self.reached = Event()
        monkeypatch.setattr(bakery_module, "bake_character", self._bake)

    def _bake(self, art: Any, tint: Any, pool: Any, *, rim_step: float, checkpoint: Checkpoint) -> BakedCharacter:
        self.begun += 1
        self.reached.set()
        assert self.gate.wait(60)
        if self.fails and self.begun == self.finished + 1:
            self.fails = False
            raise MemoryError
        baked = bake_character(art, tint, pool, rim_step=rim_step, checkpoint=checkpoint)
        self.finished += 1
        return baked


@pytest.fixture
def kitchen(monkeypatch: pytest.MonkeyPatch) -> Kitchen:
    return Kitchen(monkeypatch)


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shelf with the evening's bakes."""
    folder = tmp_path_factory.mktemp("warm")
    opened(folder).close()
    return folder


@pytest.fixture
def shelf(warm: Path, tmp_path: Path) -> Path:
    """One that a test may write to."""
    return shutil.copytree(warm, tmp_path / "shelf")


def opened(cache: Path | None, *, patient: bool = True, packs: Path | None = None) -> Relighting:
    return Relighting(stage_plans.plan(cache, packs=packs), SYSTEM_CLOCK, patient=patient)


def test_ten_clicks_are_two_bakes_at_most(shelf: Path, kitchen: Kitchen) -> None:
    kitchen.gate.set()
    light = opened(shelf)
    kitchen.begun = kitchen.finished = 0
    kitchen.gate.clear()
    kitchen.reached.clear()
    light.want(LAMPS[0])
    assert kitchen.reached.wait(60)  # the first is under way
    for number in range(1, 10):
        light.want(LAMPS[number % 5])
    kitchen.gate.set()
    assert light.frame()
    assert light.stage.lights == LAMPS[9 % 5]
    assert kitchen.begun == 3 and kitchen.finished == 2  # one given up, and the two characters of the last
    assert [report.what for report in light.reports() if isinstance(report, Baked)] == ["lights night lamp"]
    assert not light.frame()
    light.close()


def test_a_frame_never_waits_for_a_bake(kitchen: Kitchen) -> None:
    """Not even for one that was cancelled before it began; the gate would hold it for a minute."""
    kitchen.gate.set()
    light = opened(None, patient=False)
    kitchen.gate.clear()
    kitchen.reached.clear()
    light.want(NIGHT)
    assert kitchen.reached.wait(60)
    for lights in LAMPS:
        light.want(lights)
        assert not light.frame()
    light.close()
    kitchen.gate.set()


@pytest.mark.slow
def test_a_light_that_was_baked_before_is_not_baked_again(shelf: Path, kitchen: Kitchen) -> None:
    kitchen.gate.set()
    light = opened(shelf)
    light.want(NIGHT)
    assert light.frame()
    finished = kitchen.finished
    for lights in (EVENING, NIGHT, EVENING):
        light.want(lights)
        assert light.frame() and light.stage.lights == lights
    assert kitchen.finished == finished
    light.close()


def test_back_to_the_light_that_is_on_needs_nothing(shelf: Path, kitchen: Kitchen) -> None:
    kitchen.gate.set()
    light = opened(shelf)
    begun = kitchen.begun
    kitchen.gate.clear()
    kitchen.reached.clear()
    light.want(NIGHT)
    assert kitchen.reached.wait(60)
    light.want(EVENING)
    kitchen.gate.set()
    assert not light.frame()
    assert light.stage.lights == EVENING and kitchen.begun == begun + 1
    assert light.reports() == (LightsKept(EVENING),)  # or whoever asked would wait for ever
    light.close()


@pytest.mark.slow
def test_a_light_that_cannot_be_baked_is_said_and_the_next_one_can(shelf: Path, tmp_path: Path) -> None:
    packs = tmp_path / "packs"
    shutil.copytree(packs_folder(), packs, ignore=shutil.ignore_patterns("films"))
    light = opened(shelf, packs=packs)
    night = packs / "rooms" / "living-room" / "night.png"
    kept = night.read_bytes()
    for poison in (b"no picture", b""):
        night.write_bytes(poison)
        light.want(NIGHT)
        assert not light.frame()
        trouble, kept_light = light.reports()
        assert kept_light == LightsKept(EVENING)
        assert isinstance(trouble, Trouble) and "night.png" in trouble.where
        assert light.stage.lights == EVENING
    night.write_bytes(kept)
    light.want(NIGHT)
    assert light.frame() and light.stage.lights == NIGHT
    light.close()


@pytest.mark.slow
def test_a_light_that_failed_does_not_take_the_next_one_with_it(shelf: Path, kitchen: Kitchen) -> None:
    """The first fails, the second is wanted already when that is seen."""
    kitchen.gate.set()
    light = opened(shelf)
    kitchen.gate.clear()
    kitchen.reached.clear()
    light.want(LAMPS[0])
    assert kitchen.reached.wait(60)
    kitchen.fails = True
    light.want(NIGHT)
    kitchen.gate.set()
    assert light.frame() and light.stage.lights == NIGHT
    assert not [report for report in light.reports() if isinstance(report, Trouble)]
    light.close()


def test_what_nobody_foresaw_is_said_too(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    light = opened(shelf)

    def out_of_memory(*_: object, **__: object) -> BakedCharacter:
        raise MemoryError("no more")

    monkeypatch.setattr(bakery_module, "bake_character", out_of_memory)
    light.want(NIGHT)
    assert not light.frame()
    trouble, kept = light.reports()
    assert kept == LightsKept(EVENING)
    assert isinstance(trouble, Trouble) and trouble.what == "MemoryError: no more" and "night" in trouble.where
    light.close()


@pytest.mark.slow
def test_a_live_stage_refines_itself_once(tmp_path: Path) -> None:
    light = opened(tmp_path, patient=False)
    coarse = light.stage
    frames = REFINE_AFTER * 30
    assert not any(light.frame() for _ in range(frames - 1))
    while light.stage is coarse:
        light.frame()
    assert len(light.stage.cast[0].head.sprites) > len(coarse.cast[0].head.sprites)
    fine = light.stage
    assert not any(light.frame() for _ in range(2 * frames))
    assert light.stage is fine
    light.close()
    warm = opened(tmp_path, patient=False)
    fine = warm.stage
    assert len(fine.cast[0].head.sprites) > len(coarse.cast[0].head.sprites)
    assert not any(warm.frame() for _ in range(2 * frames)) and warm.stage is fine
    warm.close()


@pytest.mark.slow
def test_a_light_chosen_in_the_first_seconds_is_fine_at_once(tmp_path: Path, kitchen: Kitchen) -> None:
    kitchen.gate.set()
    light = opened(tmp_path, patient=False)
    light.want(NIGHT)
    coarse = light.stage
    while light.stage is coarse:
        light.frame()
    begun = kitchen.begun
    assert not any(light.frame() for _ in range(2 * REFINE_AFTER * 30))
    assert light.stage.lights == NIGHT and kitchen.begun == begun
    light.close()
