"""The pictures and films that ship: complete, distinct, without gaps when the head moves, lit by the time of day."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import combinations, pairwise
from pathlib import Path
from runpy import run_path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from duologue.places import packs_folder
from duologue.stage.baking.art import CharacterArt, Layer, RoomArt
from duologue.stage.motion.pose import MAX_HEAD_ANGLE, MAX_SHIFT, Brows, Daylight, Lids, Mouth
from duologue.stage.packs.loading import load_character, load_room, read_character

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute


SCALE = 0.25
CHARACTERS = ("chad", "virgin")
FILMS = {"night-drive": 700_000, "fish-tank": 500_000}


def folder_of(name: str) -> Path:
    return packs_folder() / "characters" / name


@cache
def character(name: str) -> CharacterArt:
    return load_character(folder_of(name), scale=SCALE)


@cache
def room() -> RoomArt:
    return load_room(packs_folder() / "rooms" / "living-room", 480, 270)


def on_canvas(layer: Layer, art: CharacterArt) -> NDArray[np.uint8]:
    whole = np.zeros((art.height, art.width, 4), np.uint8)
    height, width = layer.rgba.shape[:2]
    whole[layer.y : layer.y + height, layer.x : layer.x + width] = layer.rgba
    return whole


def centre(layer: Layer) -> tuple[float, float]:
    return layer.x + layer.rgba.shape[1] / 2, layer.y + layer.rgba.shape[0] / 2


def luma(layer: Layer) -> float:
    return float((layer.rgba[..., :3].astype(np.float64) @ [0.299, 0.587, 0.114]).mean())


@pytest.mark.parametrize("name", CHARACTERS)
def test_every_shape_is_drawn_rather_than_derived(name: str) -> None:
    layers = read_character(folder_of(name)).layers
    assert {str(shape) for shape in layers.mouths} == set(Mouth)
    assert {str(lids) for lids in layers.lids} == set(Lids)
    assert {str(brows) for brows in layers.brows} == set(Brows)


@pytest.mark.parametrize("name", CHARACTERS)
def test_shapes_differ_to_the_eye(name: str) -> None:
    art = character(name)
    for shapes in (art.mouths, art.brows, art.lids):
        pictures = {shape: on_canvas(layer, art).astype(np.int32) for shape, layer in shapes.items()}
        for one, other in combinations(pictures, 2):
            changed = np.abs(pictures[one] - pictures[other]).max(axis=-1) > 48
            assert changed.sum() > 40, f"{one} and {other} of {name} look alike"


@pytest.mark.parametrize("name", CHARACTERS)
def test_mouths_stay_in_one_place_and_are_wide_enough_to_read(name: str) -> None:
    art = character(name)
    across = [centre(layer)[0] for layer in art.mouths.values()]
    assert max(across) - min(across) < 12 * SCALE
    assert all(layer.rgba.shape[1] >= 86 * SCALE for layer in art.mouths.values())
    assert art.mouths[Mouth.D].rgba.shape[0] > 2 * art.mouths[Mouth.A].rgba.shape[0]
    assert art.mouths[Mouth.F].rgba.shape[1] < art.mouths[Mouth.E].rgba.shape[1] + 8 * SCALE


@pytest.mark.parametrize("name", CHARACTERS)
@pytest.mark.parametrize("angle", [-MAX_HEAD_ANGLE, 0.0, MAX_HEAD_ANGLE])
@pytest.mark.parametrize("lift", [-MAX_SHIFT, MAX_SHIFT])
def test_no_gap_opens_between_head_and_body(name: str, angle: float, lift: float) -> None:
    art = character(name)
    turn = cv2.getRotationMatrix2D(art.neck, -angle, 1.0)
    turn[1, 2] += lift * SCALE
    head = np.asarray(cv2.warpAffine(on_canvas(art.head, art), turn, (art.width, art.height)), np.uint8)
    alpha = np.maximum(head[..., 3], on_canvas(art.body, art)[..., 3])
    x, y = round(art.neck[0]), round(art.neck[1])
    reach = round(40 * SCALE)
    assert alpha[y - round(200 * SCALE) : y + round(200 * SCALE), x - reach : x + reach].min() > 250


@pytest.mark.parametrize("name", CHARACTERS)
def test_pupils_can_reach_without_leaving_the_whites(name: str) -> None:
    art = character(name)
    assert art.eyes is not None and art.pupils is not None
    whites, pupils = on_canvas(art.eyes, art)[..., 3] > 128, on_canvas(art.pupils, art)[..., 3] > 128
    for way in (-1, 1):
        moved = np.roll(pupils, round(way * art.pupil_reach[0]), axis=1)
        assert (moved & whites).sum() > 0.6 * pupils.sum()
        assert (whites & ~moved).sum() > 0.25 * whites.sum()


@pytest.mark.parametrize("name", CHARACTERS)
def test_closed_lids_cover_the_eyes(name: str) -> None:
    art = character(name)
    assert art.eyes is not None
    whites = on_canvas(art.eyes, art)[..., 3] > 200
    covered = {lids: (on_canvas(layer, art)[..., 3][whites] > 200).mean() for lids, layer in art.lids.items()}
    assert covered[Lids.CLOSED] > 0.99
    assert 0.35 < covered[Lids.HALF] < 0.75
    assert covered[Lids.OPEN] < covered[Lids.HALF] - 0.1


def test_silhouettes_are_opposite() -> None:
    chad, virgin = character("chad"), character("virgin")
    assert chad.body.rgba.shape[1] > 1.4 * virgin.body.rgba.shape[1]
    assert chad.head.y < virgin.head.y


def test_backdrops_are_opaque_and_darken_with_the_day() -> None:
    backdrops = room().backdrops
    for layer in backdrops.values():
        assert layer.rgba.shape == (270, 480, 4)
        assert layer.rgba[..., 3].min() == 255
    day, evening, night = (luma(backdrops[time]) for time in (Daylight.DAY, Daylight.EVENING, Daylight.NIGHT))
    assert day > 1.15 * evening
    assert evening > 1.3 * night


def test_room_has_its_lights_and_a_calm_caption_area() -> None:
    art = room()
    assert art.lamp_glow is not None and art.tv_glow is not None and art.screen_overlay is not None
    assert art.foreground is not None
    picture = np.zeros((270, 480, 4), np.uint8)
    height, width = art.foreground.rgba.shape[:2]
    picture[art.foreground.y : art.foreground.y + height, art.foreground.x : art.foreground.x + width] = (
        art.foreground.rgba
    )
    table = picture[250:266, 170:310]
    assert table[..., 3].min() > 250
    assert table[..., :3].std(axis=(0, 1)).max() < 24


@pytest.mark.parametrize("name", ["day", "evening", "night", "lamp-glow", "tv-glow"])
def test_pngs_show_what_the_svg_draws(name: str) -> None:
    folder = packs_folder() / "rooms" / "living-room"
    layer: Callable[..., Image.Image] = run_path(str(folder / "export.py"))["layer"]
    drawn = np.asarray(layer(name, 480), np.float64)
    with Image.open(folder / f"{name}.png") as file:
        shipped = np.asarray(file.convert("RGBA").resize((480, 270), Image.Resampling.BOX), np.float64)
    drawn, shipped = (picture[..., :3] * picture[..., 3:] / 255 for picture in (drawn, shipped))
    apart = np.abs(drawn - shipped).max(axis=-1)
    assert apart.mean() < 0.6 and (apart > 60).sum() < 40, "run packs/rooms/living-room/export.py"


def test_screen_lies_between_the_heads() -> None:
    art = room()
    assert art.screen is not None
    left, right = min(x for x, _ in art.screen), max(x for x, _ in art.screen)
    assert art.seats[0].x < left < right < art.seats[1].x


@pytest.mark.parametrize("path", sorted(packs_folder().glob("*/*/*.svg")), ids=lambda path: path.name)
def test_svgs_are_small(path: Path) -> None:
    assert path.stat().st_size < 250_000


@pytest.mark.parametrize("name", FILMS)
def test_films_play(name: str) -> None:
    path = packs_folder() / "films" / f"{name}.mp4"
    assert path.stat().st_size < FILMS[name]
    with av.open(path) as container:
        video, sound = container.streams.video[0], container.streams.audio[0]
        assert (video.width, video.height, video.average_rate) == (480, 270, 30)
        assert (sound.rate, sound.channels) == (48_000, 2)
        frames = [frame.to_ndarray(format="gray") for frame in container.decode(video)]
    assert 7 * 30 < len(frames) < 13 * 30
    steps = [np.abs(a.astype(np.int16) - b).mean() for a, b in pairwise(frames)]
    seam = np.abs(frames[-1].astype(np.int16) - frames[0]).mean()
    assert seam < 2 * max(steps)
