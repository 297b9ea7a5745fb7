from __future__ import annotations

import numpy as np
import pytest
from canvases import canvas_to_rgb, picture_to_canvas
from hypothesis import given
from hypothesis import strategies as st

from duologue.stage.baking.art import Layer
from duologue.stage.compositor.planes import (
    PAD,
    Sprite,
    halve,
    islands,
    premultiply,
    sprite_from_layer,
    to_bytes,
    to_yuva,
    trimmed,
)

channel = st.integers(0, 255)


def opaque(
    rgb: tuple[int, int, int], height: int = 4, width: int = 4
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.full((height, width, 4), (*rgb, 255), np.uint8)


@pytest.mark.parametrize(
    ("rgb", "yuv"),
    [  # BT.709 limited range, worked out by hand from ITU-R BT.709-6
        ((255, 255, 255), (235, 128, 128)),
        ((0, 0, 0), (16, 128, 128)),
        ((255, 0, 0), (63, 102, 240)),
        ((0, 255, 0), (173, 42, 26)),
        ((0, 0, 255), (32, 240, 118)),
    ],
)
def test_colours_are_bt709_limited(rgb: tuple[int, int, int], yuv: tuple[int, int, int]) -> None:
    canvas = picture_to_canvas(premultiply(opaque(rgb)))
    assert (canvas[0, 0], canvas.reshape(-1)[16], canvas.reshape(-1)[20]) == yuv


@given(channel, channel, channel)
def test_a_flat_colour_comes_back(red: int, green: int, blue: int) -> None:
    rgb = canvas_to_rgb(picture_to_canvas(premultiply(opaque((red, green, blue)))))
    assert np.abs(rgb.astype(int) - (red, green, blue)).max() <= 3  # 8-bit limited range holds no more


@given(channel, channel, channel, channel, channel)
def test_blending_in_yuv_is_blending_in_rgb(red: int, green: int, blue: int, alpha: int, below: int) -> None:
    top = premultiply(np.array([[[red, green, blue, alpha]]], np.uint8))
    under = premultiply(opaque((below, 255 - below, below // 2), 1, 1))
    keep = (1 - top[..., 3:] / 255).astype(np.float32)
    assert np.allclose(
        to_yuva((top + under * keep).astype(np.float32)), to_yuva(top) + to_yuva(under) * keep, atol=0.01
    )


def test_chroma_is_sited_left() -> None:
    """A step of colour at an even column leaves that column's chroma three quarters new; at an odd one, one quarter."""
    for column, expected in ((4, 0.75), (5, 0.25)):
        picture = np.zeros((2, 8, 4), np.float32)
        picture[:, column:] = 200
        half = halve(picture)
        assert half.shape == (1, 4, 4)
        assert np.allclose(half[0, :, 0] / 200, [0, 0, expected, 1])


def test_hidden_colour_does_not_bleed() -> None:
    """An invisible pixel's colour is nobody's business: the planes are the same whatever it was."""
    sprites: list[Sprite] = []
    for hidden in ((255, 0, 255), (0, 0, 0)):
        rgba = np.zeros((6, 6, 4), np.uint8)
        rgba[..., :3] = hidden
        rgba[2:4, 1:3] = (10, 200, 30, 255)
        sprites.append(sprite_from_layer(Layer(rgba, 3, 5)))
    for one, other in zip(*[(s.luma, s.keep, s.u, s.v, s.chroma_keep) for s in sprites], strict=True):
        assert np.array_equal(one, other)


def test_a_sprite_has_even_sides_a_clear_rim_and_its_place() -> None:
    sprite = sprite_from_layer(Layer(opaque((9, 90, 200), 5, 7), 11, -3))
    assert (sprite.left, sprite.top) == (11 - PAD, -3 - PAD)
    assert sprite.width % 2 == sprite.height % 2 == 0
    assert (sprite.keep[PAD : PAD + 5, PAD : PAD + 7] == 0).all()
    for plane, clear in ((sprite.luma, 0), (sprite.keep, 255), (sprite.u, 0), (sprite.v, 0), (sprite.chroma_keep, 255)):
        for edge in (plane[:2], plane[-2:], plane[:, :2], plane[:, -2:]):
            assert (edge == clear).all()


def test_a_tint_multiplies_and_clips() -> None:
    picture = premultiply(opaque((200, 100, 50), 1, 1), (1.5, 0.5, 0.0))
    assert to_bytes(picture[..., :3]).tolist() == [[[255, 50, 0]]]


def painted(sprite: Sprite) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Alpha of a sprite on a picture of 60x40."""
    picture = np.zeros((40, 60), np.uint8)
    rows, columns = sprite.keep.shape
    picture[sprite.top : sprite.top + rows, sprite.left : sprite.left + columns] = 255 - sprite.keep
    return picture


def test_trimming_takes_what_is_clear_and_leaves_a_rim() -> None:
    rgba = np.zeros((20, 30, 4), np.uint8)
    rgba[7:12, 10:19] = 255
    whole = sprite_from_layer(Layer(rgba, 8, 8))
    small = trimmed(whole)
    assert small.luma.size < whole.luma.size / 4
    assert np.array_equal(painted(small), painted(whole))
    for plane in (small.keep, small.chroma_keep):
        assert plane[0].min() == plane[-1].min() == plane[:, 0].min() == plane[:, -1].min() == 255
    assert (small.keep[:2] == 255).all() and (small.keep[:, -2:] == 255).all()


def test_islands_are_apart_and_together_the_whole() -> None:
    rgba = np.zeros((20, 40, 4), np.uint8)
    rgba[3:15, 2:9] = rgba[6:9, 28:33] = 200
    whole = sprite_from_layer(Layer(rgba, 8, 8))
    parts = islands(whole)
    assert len(parts) == 2
    assert np.array_equal(painted(parts[0]) | painted(parts[1]), painted(whole))
    assert parts[1].height < parts[0].height
    assert islands(sprite_from_layer(Layer(np.zeros((8, 8, 4), np.uint8), 0, 0))) == []
