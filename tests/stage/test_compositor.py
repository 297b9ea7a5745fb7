"""Damage drawing is held against drawing from nothing, byte for byte."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import cv2
import numpy as np
import pytest
import synthetic_art
from canvases import canvas_to_rgb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from duologue.errors import InputError, InternalError
from duologue.stage.baking.bake import BakedStage, bake_stage
from duologue.stage.compositor.brush import Brush
from duologue.stage.compositor.compositor import Compositor
from duologue.stage.compositor.planes import Sprite
from duologue.stage.frames import Plane, Rect, area
from duologue.stage.lighting import GlowMap
from duologue.stage.motion.pose import (
    Brows,
    CaptionState,
    CaptionWord,
    Daylight,
    FrameState,
    Lids,
    Lights,
    Mouth,
    Pose,
)
from duologue.stage.television.picture import TvLight, TvPicture
from few_examples import examples

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute


Doubles = NDArray[np.float64]
WIDTH, HEIGHT = 640, 360
SCALE = 1 / 3


EVENING = Lights()
SILENT = CaptionState()


@lru_cache(maxsize=4)
def stage(lights: Lights = EVENING, width: int = WIDTH, height: int = HEIGHT) -> BakedStage:
    room = synthetic_art.room(width, height)
    return bake_stage(room, synthetic_art.cast(width / 1920), lights, rim_step=1.0)


@lru_cache(maxsize=8)
def tv(seed: int) -> TvPicture:
    """A screen of noise on the synthetic TV, with an edge that is half clear."""
    random = np.random.default_rng(seed)
    rows, columns = 66, 104
    keep = np.zeros((rows, columns), np.uint8)
    keep[:2], keep[-2:] = 128, 255
    half = np.ascontiguousarray(keep[::2, ::2])
    value = (random.integers(16, 235, (rows, columns)) * (255 - keep.astype(int)) // 255).astype(np.uint8)
    u, v = ((random.integers(60, 200, half.shape) * (255 - half.astype(int)) // 255).astype(np.uint8) for _ in "uv")
    return TvPicture(Sprite(value, keep, u, v, half, 270, 98), TvLight(seed % 5 / 4, seed % 3 / 8, -seed % 7 / 16))


def still(*poses: Pose, caption: CaptionState = SILENT) -> FrameState:
    return FrameState(0, (*poses, *(Pose() for _ in range(2 - len(poses)))), caption=caption)


def drawn_afresh(baked: BakedStage, state: FrameState, picture: TvPicture | None = None) -> Plane:
    compositor = Compositor(baked)
    compositor.compose(state, picture)
    return compositor.canvas


small = st.floats(-7, 7, allow_nan=False)
poses = st.builds(
    Pose,
    mouth=st.sampled_from(Mouth),
    lids=st.sampled_from(Lids),
    brows=st.sampled_from(Brows),
    gaze=st.tuples(st.floats(-1.5, 1.5), st.floats(-1.5, 1.5)),
    head_angle=st.floats(-5, 5),
    head=st.tuples(small, small),
    body=st.tuples(small, small),
)
words = st.sampled_from(["Listen.", "nobody", "ever", "argued,", "really"])
captions = st.builds(
    CaptionState,
    speaker=st.sampled_from(["ann", ""]),
    words=st.lists(st.builds(CaptionWord, text=words, lit=st.booleans()), max_size=5).map(tuple),
)
states = st.builds(FrameState, number=st.just(0), poses=st.tuples(poses, poses), caption=captions)
shows = st.lists(st.tuples(states, st.one_of(st.none(), st.integers(0, 7))), min_size=2, max_size=6)


@given(shows)
@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_frame_is_the_same_bytes_whatever_was_drawn_before(show: list[tuple[FrameState, int | None]]) -> None:
    baked = stage()
    compositor = Compositor(baked)
    for state, seed in show:
        before = compositor.canvas.copy()
        picture = None if seed is None else tv(seed)
        damage = compositor.compose(state, picture)
        assert np.array_equal(compositor.canvas, drawn_afresh(baked, state, picture))
        assert_only_damage_differs(before, compositor.canvas, damage.rects)


def assert_only_damage_differs(before: Plane, after: Plane, rects: tuple[Rect, ...]) -> None:
    different = (before != after)[:HEIGHT]
    for left, top, right, bottom in rects:
        assert 0 <= left < right <= WIDTH and 0 <= top < bottom <= HEIGHT
        assert not (left % 2 or top % 2 or right % 2 or bottom % 2)
        different[top:bottom, left:right] = False
    assert not different.any()


def test_the_same_state_again_costs_nothing() -> None:
    compositor = Compositor(stage())
    state = still(Pose(head_angle=1.3), caption=CaptionState("ann", (CaptionWord("hello", True),)))
    assert compositor.compose(state, tv(1)).pixels == WIDTH * HEIGHT
    assert compositor.compose(state, tv(1)).rects == ()


def test_the_same_picture_and_light_on_the_tv_cost_nothing() -> None:
    compositor = Compositor(stage())
    compositor.compose(still(), tv(1))
    again = TvPicture(tv(1).sprite, tv(1).light)  # as the TV gives it in each frame that shows the same picture
    assert compositor.compose(still(), again).rects == ()
    darker = compositor.compose(still(), TvPicture(tv(1).sprite, TvLight()))
    glow = stage().glow
    assert glow is not None and darker.rects == (glow.rect,)


def test_it_says_what_changed_beside_the_cast() -> None:
    compositor = Compositor(stage())
    words = CaptionState("ann", (CaptionWord("hello", True),))
    changes: list[str] = []
    for state, picture in (
        (still(), tv(1)), (still(Pose(mouth=Mouth.D)), tv(1)), (still(caption=words), tv(1)),
        (still(caption=words), tv(2)), (still(), tv(1)), (still(), tv(1)),
    ):  # fmt: skip
        compositor.compose(state, picture)
        changes.append(compositor.changed)
    assert changes == ["tv", "", "caption", "tv", "tv+caption", ""]


def test_a_mouth_damages_little_and_a_tiny_move_nothing() -> None:
    compositor = Compositor(stage())
    compositor.compose(still())
    damage = compositor.compose(still(Pose(mouth=Mouth.D)))
    assert 0 < damage.pixels < WIDTH * HEIGHT / 80
    assert compositor.compose(still(Pose(mouth=Mouth.D, head=(0.1, 0.1)))).pixels == 0  # a thirtieth of a pixel here


def test_a_new_light_damages_everything_once() -> None:
    compositor = Compositor(stage())
    compositor.compose(still())
    night = stage(Lights(Daylight.NIGHT, lamp=False))
    compositor.relight(night)
    assert compositor.compose(still()).pixels == WIDTH * HEIGHT
    assert np.array_equal(compositor.canvas, drawn_afresh(night, still()))
    assert compositor.compose(still()).pixels == 0


def test_light_changes_room_and_cast() -> None:
    day, night, lamp = (
        canvas_to_rgb(drawn_afresh(stage(lights), still())).astype(int)
        for lights in (Lights(Daylight.DAY, False), Lights(Daylight.NIGHT, False), Lights(Daylight.NIGHT, True))
    )
    face, wall = (slice(105, 115), slice(180, 190)), (slice(100, 120), slice(60, 90))
    for place in (face, wall):
        assert day[place].mean() > night[place].mean() + 20
        warmer = lamp[place].mean(axis=(0, 1)) - night[place].mean(axis=(0, 1))
        assert warmer[0] > warmer[2] and warmer[0] > 5


def test_the_tv_shines_on_room_and_faces() -> None:
    baked = stage(Lights(Daylight.NIGHT, lamp=False))
    glow = baked.glow
    assert glow is not None
    picture = tv(0)
    dark = drawn_afresh(baked, still(), TvPicture(picture.sprite, TvLight()))
    bright = drawn_afresh(baked, still(), TvPicture(picture.sprite, TvLight(1.0, -0.2, 0.2)))
    gain = bright[:HEIGHT].astype(int) - dark[:HEIGHT]
    left, top, right, bottom = glow.rect
    assert gain[top:bottom, left:right].mean() > 2
    assert gain[105:115, 190:210].mean() > 2  # ann's face, which is skin
    outside = np.ones_like(gain, bool)
    outside[top:bottom, left:right] = False
    assert not gain[outside].any()


def shone(grey: int, light: TvLight, strength: int = 255) -> tuple[int, int, int]:
    """What a grey surface (luma 16 … 235) becomes in the TV's light: Y, U, V."""
    luma, u, v = np.full((8, 8), grey, np.uint8), np.full((4, 4), 128, np.uint8), np.full((4, 4), 128, np.uint8)
    glow = GlowMap((0, 0, 8, 8), np.full((8, 8), strength, np.uint8), np.full((4, 4), strength, np.uint8), 0.0, 0.0)
    Brush((luma, u, v)).shine(glow, light, (2, 2, 6, 6))
    assert luma[0, 0] == grey and u[0, 0] == v[3, 3] == 128
    return int(luma[3, 3]), int(u[1, 1]), int(v[1, 1])


WHITE_LIGHT, RED_LIGHT = TvLight(1.0), TvLight(0.5, -0.1, 0.3)


def test_black_stays_black_and_white_stays_white_in_the_brightest_light() -> None:
    for light in (WHITE_LIGHT, RED_LIGHT):
        assert shone(16, light) == (16, 128, 128)
        assert shone(235, light) == (235, 128, 128)


def test_mid_grey_is_lit_and_does_not_saturate() -> None:
    y, u, v = shone(126, WHITE_LIGHT)
    assert y == 126 + round(0.989 * 110 * 109 / 219) and (u, v) == (128, 128)
    y, u, v = shone(126, RED_LIGHT)
    assert 160 < y < 175 and u < 120 and v > 150  # and it takes on the colour
    assert shone(126, WHITE_LIGHT, strength=0) == (126, 128, 128)


def test_what_was_brighter_is_brighter_in_the_tvs_light() -> None:
    greys = [shone(grey, WHITE_LIGHT)[0] for grey in range(16, 236)]
    assert greys == sorted(greys) and greys[-1] == 235
    levels = [shone(100, TvLight(step / 32))[0] for step in range(33)]
    assert levels == sorted(levels) and levels[0] == 100 and levels[-1] > 140


def test_motion_is_smooth() -> None:
    """As a head drifts, what is drawn drifts with it: the centre of the outline's darkness never jumps or goes back."""
    baked = stage()
    compositor = Compositor(baked)
    places: list[float] = []
    for step in range(41):
        compositor.compose(still(Pose(head=(step * 0.15 - 3, 0))))
        rgb = canvas_to_rgb(compositor.canvas)[30:60, 100:270].astype(float)
        red = np.maximum(0, 200 - rgb[..., 2]) * (rgb[..., 0] > rgb[..., 2] * 1.8)
        moments = cv2.moments(red)
        places.append(moments["m10"] / moments["m00"])
    steps = np.diff(places)
    assert steps.min() > -0.05
    assert steps.max() < 0.5  # a quarter of a pixel, and what the mask of colours makes of it
    assert abs(places[-1] - places[0] - 2.0) < 0.25  # 6 pixels at 1080p are 2 here


def test_colour_stays_with_its_outline_at_any_parity() -> None:
    """A body moved by one luma pixel has its chroma moved by half a sample."""
    baked = stage(Lights(Daylight.DAY, lamp=False))
    chroma: list[Doubles] = []
    for shift in (0.0, 3.0, 6.0):  # 0, 1 and 2 pixels on this stage
        canvas = drawn_afresh(baked, still(Pose(body=(shift, 0)))).reshape(-1)[WIDTH * HEIGHT :]
        chroma.append(canvas[: WIDTH * HEIGHT // 4].reshape(HEIGHT // 2, WIDTH // 2)[130:150, 40:150].astype(float))
    whole: Doubles = chroma[2][:, 1:] - chroma[0][:, :-1]
    assert np.abs(whole).max() <= 1  # two luma pixels are one sample exactly, but for the backdrop's stripes
    half: Doubles = (chroma[0] + chroma[2]) / 2
    assert np.abs(chroma[1] - half).mean() < 0.6
    assert np.abs(chroma[1] - chroma[0]).max() > 4


def test_the_pupils_stay_inside_the_eyes() -> None:
    baked = stage(Lights(Daylight.DAY, lamp=False))
    straight = drawn_afresh(baked, still())[:HEIGHT].astype(int)
    aside = drawn_afresh(baked, still(Pose(gaze=(1, 1))))[:HEIGHT].astype(int)
    rows, columns = np.nonzero(np.abs(straight - aside) > 2)
    eyes = synthetic_art.cast(SCALE)[0].eyes
    assert eyes is not None and len(rows)
    origin = baked.cast[0].origin
    assert rows.min() >= eyes.y + origin[1] - 1 and rows.max() <= eyes.y + origin[1] + eyes.rgba.shape[0] + 1
    assert columns.min() >= eyes.x + origin[0] - 1 and columns.max() <= eyes.x + origin[0] + eyes.rgba.shape[1] + 1


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (854, 480), (640, 480)])
def test_other_sizes(width: int, height: int) -> None:
    baked = stage(Lights(), width, height)
    compositor = Compositor(baked)
    compositor.compose(still(Pose(head_angle=-2), Pose(body=(6, -6))))
    damage = compositor.compose(still(Pose(head_angle=2.2, mouth=Mouth.D), Pose(body=(-6, 6))), tv(3))
    assert compositor.canvas.shape == (height * 3 // 2, width)
    assert 0 < sum(area(rect) for rect in damage.rects) == damage.pixels
    again = drawn_afresh(baked, still(Pose(head_angle=2.2, mouth=Mouth.D), Pose(body=(-6, 6))), tv(3))
    assert np.array_equal(compositor.canvas, again)


@pytest.mark.slow
def test_a_stage_of_3840x2160() -> None:
    baked = bake_stage(synthetic_art.room(3840, 2160), synthetic_art.cast(2.0)[:1], Lights(), rim_step=8.0)
    compositor = Compositor(baked)
    compositor.compose(FrameState(0, (Pose(),)))
    moved = FrameState(0, (Pose(head_angle=1.5, head=(5, 2), body=(1.1, 0.6)),))
    compositor.compose(moved)
    assert np.array_equal(compositor.canvas, drawn_afresh(baked, moved))


def test_an_odd_size_is_refused() -> None:
    with pytest.raises(InputError, match="641x360"):
        bake_stage(synthetic_art.room(641, 360), [], Lights())


def test_more_characters_than_seats_are_refused() -> None:
    with pytest.raises(InputError, match="3 characters"):
        bake_stage(
            synthetic_art.room(WIDTH, HEIGHT), synthetic_art.cast(SCALE) + synthetic_art.cast(SCALE)[:1], Lights()
        )


def test_misuse_is_our_own_fault() -> None:
    compositor = Compositor(stage())
    with pytest.raises(InternalError, match="1 poses"):
        compositor.compose(FrameState(0, (Pose(),)))
    with pytest.raises(InternalError, match="another size"):
        compositor.relight(bake_stage(synthetic_art.room(320, 180), [], Lights()))


def test_the_picture_is_what_painting_layer_by_layer_gives() -> None:
    """Against an independent painter: OpenCV resampling and straight alpha in RGB, for a frame at rest."""
    room, cast = synthetic_art.room(WIDTH, HEIGHT), synthetic_art.cast(SCALE)
    seats = tuple(
        replace(seat, x=20 + 280 * number + art.seat[0], y=20 + art.seat[1])
        for number, (seat, art) in enumerate(zip(room.seats, cast, strict=True))
    )
    room = replace(room, seats=seats)
    painted = room.backdrops[Daylight.DAY].rgba[..., :3].astype(float)
    overlay = room.screen_overlay
    assert overlay is not None and room.foreground is not None
    paint(painted, overlay.rgba, overlay.x, overlay.y)
    for art, seat in zip(cast, room.seats, strict=True):
        x, y = round(seat.x - art.seat[0]), round(seat.y - art.seat[1])
        assert art.eyes is not None and art.pupils is not None and art.hair is not None
        shapes = art.body, art.head, art.eyes, art.pupils, art.mouths[Mouth.X], art.brows[Brows.NEUTRAL], art.hair
        for layer in shapes:
            paint(painted, layer.rgba, layer.x + x, layer.y + y)
    paint(painted, room.foreground.rgba, room.foreground.x, room.foreground.y)
    baked = bake_stage(room, cast, Lights(Daylight.DAY, lamp=False), rim_step=1.0)
    ours = canvas_to_rgb(drawn_afresh(baked, still())).astype(float)
    luma = np.array([0.2126, 0.7152, 0.0722])
    away = np.abs(cv2.GaussianBlur((ours - painted) @ luma, (0, 0), 1.0))
    assert away.mean() < 0.4
    assert np.percentile(away, 99.9) < 5  # the fringe's edge, drawn twice


def paint(picture: Doubles, rgba: Plane, x: int, y: int) -> None:
    rows, columns = rgba.shape[:2]
    target = picture[y : y + rows, x : x + columns]
    alpha = rgba[: target.shape[0], : target.shape[1], 3:] / 255
    target *= 1 - alpha
    target += alpha * rgba[: target.shape[0], : target.shape[1], :3]
