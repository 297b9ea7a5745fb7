from __future__ import annotations

import contextlib
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import synthetic_art

from duologue.errors import InputError
from duologue.stage.baking.art import Layer
from duologue.stage.baking.bake import AbandonedError, BakedStage, bake_character, bake_stage, ladder, reach
from duologue.stage.compositor.planes import Sprite
from duologue.stage.lighting import BRIGHTEST, glow_map, lit_backdrop, tint_of
from duologue.stage.motion.pose import MAX_HEAD_ANGLE, Daylight, Lights, Mouth

ROOM = synthetic_art.room(640, 360)
CAST = synthetic_art.cast(1 / 3)


@pytest.fixture(scope="module")
def baked() -> BakedStage:
    return bake_stage(ROOM, CAST, Lights())


def weight(sprite: Sprite) -> float:
    return float((255 - sprite.keep.astype(float)).sum() / 255)


def centroid(sprite: Sprite) -> tuple[float, float]:
    shows = 255 - sprite.keep.astype(float)
    rows, columns = np.indices(shows.shape)
    return float((columns * shows).sum() / shows.sum()) + sprite.left, float(
        (rows * shows).sum() / shows.sum()
    ) + sprite.top


@pytest.mark.parametrize("size", [(20, 10), (400, 450), (900, 1000)])
def test_one_rung_moves_the_rim_by_half_a_pixel_at_most(size: tuple[int, int]) -> None:
    rungs, step = ladder(math.hypot(*size) / 2, 0.5)
    assert math.radians(step) * math.hypot(*size) / 2 <= 0.5
    assert rungs * step == pytest.approx(MAX_HEAD_ANGLE)


def test_a_layer_reaches_as_far_as_it_can_be_seen() -> None:
    """A disc in a square reaches to its rim, not to the square's corners; all of it stays within."""
    rows, columns = np.indices((81, 81)) - 40
    disc = np.zeros((81, 81, 4), np.uint8)
    disc[np.hypot(rows, columns) <= 40] = 255
    assert reach(Layer(disc, 7, -9)) == pytest.approx(41)
    assert reach(Layer(np.full((81, 81, 4), 255, np.uint8), 0, 0)) == pytest.approx(math.hypot(40, 40) + 1)


def test_every_layer_is_baked_at_every_angle(baked: BakedStage) -> None:
    head = baked.cast[0].head
    assert len(head.sprites) % 2 == 1
    assert head.at(0) is head.sprites[len(head.sprites) // 2]
    assert head.at(MAX_HEAD_ANGLE) is head.sprites[-1] is head.at(99)
    assert head.at(-MAX_HEAD_ANGLE) is head.sprites[0] is head.at(-99)
    for sprite in head.sprites:
        assert weight(sprite) == pytest.approx(weight(head.at(0)), rel=0.01)
        assert sprite.u.shape == sprite.v.shape == sprite.chroma_keep.shape
        assert sprite.luma.shape == (2 * sprite.u.shape[0], 2 * sprite.u.shape[1])


def test_turning_is_clockwise_about_the_centre(baked: BakedStage) -> None:
    """The synthetic mouth is an ellipse: turned, its ends go down on the right."""
    mouth = baked.cast[0].mouths[Mouth.SMILE]
    sprite = mouth.at(4)
    shows = 255 - sprite.keep.astype(float)
    rows, columns = np.indices(shows.shape)
    middle = columns.mean()
    right, left = shows * (columns > middle + 6), shows * (columns < middle - 6)
    assert (rows * right).sum() / right.sum() > (rows * left).sum() / left.sum() + 0.5
    still, turned = centroid(mouth.at(0)), centroid(sprite)
    assert math.dist(still, turned) < 0.3


def test_a_body_is_baked_at_every_quarter(baked: BakedStage) -> None:
    body = baked.cast[0].body
    assert len(body.sprites) == 64
    places: list[tuple[float, float]] = []
    for quarters in range(-9, 10):
        sprite, x, y = body.at(quarters, 2 * quarters)
        assert x % 8 == y % 8 == 0
        own = centroid(sprite)
        places.append((own[0] - sprite.left + x / 4, own[1] - sprite.top + y / 4))
    for number, (x, y) in enumerate(places):
        assert x == pytest.approx(places[0][0] + number * 0.25, abs=0.03)
        assert y == pytest.approx(places[0][1] + number * 0.5, abs=0.03)


def test_memory_is_accounted_for_and_bounded(baked: BakedStage) -> None:
    assert 2e6 < baked.size < 40e6


def test_a_mouth_that_stands_in_for_another_is_baked_once() -> None:
    mouths = {shape: CAST[0].mouths[Mouth.A] for shape in Mouth}
    character = bake_stage(ROOM, [replace(CAST[0], mouths=mouths)], Lights()).cast[0]
    assert len({id(mouth) for mouth in character.mouths.values()}) == 1


def test_layers_made_on_the_way_are_never_mistaken_for_others() -> None:
    """Two characters whose heads are of one picture but whose layers differ keep their own."""
    twins = bake_stage(ROOM, [CAST[0], replace(CAST[0], eyes=None, pupils=None, hair=None)], Lights()).cast
    assert not np.array_equal(twins[0].head.at(0).luma, twins[1].head.at(0).luma)
    for character in twins:
        for shape, mouth in character.mouths.items():
            layer = CAST[0].mouths[shape]
            assert abs(weight(mouth.at(0)) - layer.rgba[..., 3].sum() / 255) < 1
    fringe = twins[0].fringe
    assert fringe is not None and twins[1].fringe is None
    hair = CAST[0].hair
    assert hair is not None
    assert 0 < weight(fringe.at(0)) < hair.rgba[..., 3].sum() / 255 * 0.6


def test_hair_that_touches_nothing_is_part_of_the_head() -> None:
    high = Layer(np.full((4, 30, 4), 200, np.uint8), 130, 10)
    assert bake_stage(ROOM, [replace(CAST[0], hair=high)], Lights()).cast[0].fringe is None


def test_a_bake_that_nobody_wants_ends_soon() -> None:
    def asked(most: int) -> int:
        count = 0

        def checkpoint() -> None:
            nonlocal count
            count += 1
            if count > most:
                raise AbandonedError

        with ThreadPoolExecutor(1) as pool, contextlib.suppress(AbandonedError):
            bake_character(CAST[0], (1, 1, 1), pool, checkpoint=checkpoint)
        return count

    whole = asked(10_000)
    assert whole > 200
    with ThreadPoolExecutor(1) as pool, pytest.raises(AbandonedError):
        bake_character(CAST[0], (1, 1, 1), pool, checkpoint=raise_abandoned)
    assert 30 < asked(30) < 30 + whole / 4  # some of the layer's angles were on their way


def raise_abandoned() -> None:
    raise AbandonedError


def test_the_lamp_adds_to_the_tint_within_bounds() -> None:
    dark, lit = tint_of(ROOM, Lights(Daylight.NIGHT, False)), tint_of(ROOM, Lights(Daylight.NIGHT, True))
    assert dark == (0.5, 0.56, 0.72)
    assert lit == pytest.approx((0.72, 0.72, 0.8))
    assert max(tint_of(replace(ROOM, lamp_tint=(9, 9, 9)), Lights())) == BRIGHTEST


def test_a_light_the_room_has_no_picture_for_is_refused() -> None:
    room = replace(ROOM, backdrops={Daylight.DAY: ROOM.backdrops[Daylight.DAY]})
    with pytest.raises(InputError, match="no picture for night") as refused:
        lit_backdrop(room, Lights(Daylight.NIGHT, False))
    assert "day" in refused.value.remedy


def test_tv_light_reaches_who_sits_before_the_screen_and_fades_inside() -> None:
    assert ROOM.tv_glow is not None and ROOM.screen is not None
    rgba = ROOM.tv_glow.rgba.copy()
    left, top = 274 - ROOM.tv_glow.x, 100 - ROOM.tv_glow.y
    rgba[top : top + 62, left : left + 99] = 0
    glow = glow_map(replace(ROOM, tv_glow=replace(ROOM.tv_glow, rgba=rgba)))
    assert glow is not None
    x, y = 274 - glow.rect[0], 130 - glow.rect[1]
    outside, edge, middle = (int(glow.luma[y, x + step]) for step in (-6, 4, 50))
    assert outside > edge > middle
    assert edge > outside / 4
    assert glow.luma.shape == (2 * glow.chroma.shape[0], 2 * glow.chroma.shape[1])


def test_a_room_without_a_tv_has_no_glow() -> None:
    assert glow_map(replace(ROOM, screen=None)) is None
    assert glow_map(replace(ROOM, tv_glow=None)) is None
