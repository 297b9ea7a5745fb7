"""The blends, each in place on a rectangle of the canvas, each a function of one pixel and what is laid on it.

Measured for a patch of 400x450 (one core): copy 6 µs, add 6 µs, multiply by a plane and 1/255 (exact to the rounding)
28 µs, bilinear shift by ``cv2.getRectSubPix`` 36 µs; the shift by ``cv2.warpAffine`` 310 µs, by ``cv2.remap`` 430 µs.
Hence this choice of functions. ``getRectSubPix`` is given centres in whole sixteenths of a pixel, which are exact in
its float32, so a clip of a shifted sprite has the bytes of the whole.
"""

from __future__ import annotations

import cv2
import numpy as np

from duologue.stage.compositor.placing import PlacedSprite
from duologue.stage.frames import Plane, Rect, intersection
from duologue.stage.lighting import GlowMap
from duologue.stage.television.picture import TvLight

_SHARE = 1 / 255
REACH = 4.5
"""How soon more of ``tv_glow`` makes little difference: at its full strength 99 % of the light reaches a surface."""
TINT = 2.5
"""How much stronger the light's colour is than its brightness would have it: a room in the dark takes it on."""


def _part(plane: Plane, x: float, y: float, like: Plane, scratch: Plane) -> Plane:
    """``plane`` from ``(x, y)`` on, as large as ``like``; between pixels it is interpolated into ``scratch``."""
    rows, columns = like.shape
    if x == (column := int(x)) and y == (row := int(y)):
        return plane[row : row + rows, column : column + columns]
    room = scratch[: rows * columns].reshape(rows, columns)
    cv2.getRectSubPix(plane, (columns, rows), (x + (columns - 1) / 2, y + (rows - 1) / 2), room)
    return room


def _halved(rect: Rect) -> Rect:
    return rect[0] >> 1, rect[1] >> 1, rect[2] >> 1, rect[3] >> 1


class Brush:
    """Draws on one canvas; owns the memory for intermediate planes."""

    def __init__(self, planes: tuple[Plane, Plane, Plane]) -> None:
        self._planes = planes
        self._scratch = tuple(np.empty(planes[0].size, np.uint8) for _ in range(3))
        self._reach: tuple[GlowMap, Plane] | None = None

    def blend(self, placed: PlacedSprite, rect: Rect) -> None:
        """Lay a sprite over what is there, where it reaches into ``rect``."""
        clip = intersection(placed.bounds, rect)
        if clip is None:
            return
        if placed.inside is not None:
            self._blend_inside(placed, placed.inside, clip)
            return
        luma, u, v = self._planes
        sprite, (one, other, _) = placed.sprite, self._scratch
        left, top, right, bottom = clip
        x, y = left - placed.x / 4, top - placed.y / 4
        target = luma[top:bottom, left:right]
        cv2.multiply(target, _part(sprite.keep, x, y, target, other), target, _SHARE)
        cv2.add(target, _part(sprite.luma, x, y, target, one), target)
        left, top, right, bottom = _halved(clip)
        x, y = left - placed.x / 8, top - placed.y / 8
        target = u[top:bottom, left:right]
        keep = _part(sprite.chroma_keep, x, y, target, other)
        cv2.multiply(target, keep, target, _SHARE)
        cv2.add(target, _part(sprite.u, x, y, target, one), target)
        target = v[top:bottom, left:right]
        cv2.multiply(target, keep, target, _SHARE)
        cv2.add(target, _part(sprite.v, x, y, target, one), target)

    def _blend_inside(self, placed: PlacedSprite, mask: PlacedSprite, clip: Rect) -> None:
        """Lay a sprite over what is there, as far as ``mask`` is opaque (pupils inside the eyes)."""
        inside = intersection(mask.bounds, clip)
        if inside is None:
            return
        luma, u, v = self._planes
        left, top, right, bottom = inside
        target = luma[top:bottom, left:right]
        here = left - placed.x / 4, top - placed.y / 4
        there = left - mask.x / 4, top - mask.y / 4
        self._masked(((target, placed.sprite.luma),), placed.sprite.keep, here, mask.sprite.keep, there)
        left, top, right, bottom = _halved(inside)
        here = left - placed.x / 8, top - placed.y / 8
        there = left - mask.x / 8, top - mask.y / 8
        chroma = (u[top:bottom, left:right], placed.sprite.u), (v[top:bottom, left:right], placed.sprite.v)
        self._masked(chroma, placed.sprite.chroma_keep, here, mask.sprite.chroma_keep, there)

    def _masked(
        self,
        layers: tuple[tuple[Plane, Plane], ...],
        keep: Plane,
        here: tuple[float, float],
        mask: Plane,
        there: tuple[float, float],
    ) -> None:
        one, other, third = self._scratch
        target = layers[0][0]
        rows, columns = target.shape
        show = third[: rows * columns].reshape(rows, columns)
        cv2.bitwise_not(_part(mask, *there, target, other), show)
        left_over = other[: rows * columns].reshape(rows, columns)
        cv2.bitwise_not(_part(keep, *here, target, other), left_over)
        cv2.multiply(left_over, show, left_over, _SHARE)
        cv2.bitwise_not(left_over, left_over)
        value = one[: rows * columns].reshape(rows, columns)
        for target, plane in layers:
            cv2.multiply(_part(plane, *here, target, one), show, value, _SHARE)
            cv2.multiply(target, left_over, target, _SHARE)
            cv2.add(target, value, target)

    def shine(self, glow: GlowMap, light: TvLight, rect: Rect) -> None:
        """Let the TV's light fall on what is there: ``y += a * y * (1 - y)``, with ``y`` = (Y - 16) / 219.

        That is a screen blend of the surface with the light that it gives back, ``a * y``: black gives back none, white
        has no more to give, and as ``a`` stays below 1 nothing between them saturates. ``a`` is ``1 - exp(-REACH *
        glow)``, times ``l * (2 - l)`` for a picture of level ``l``. What is given back has the light's own colour, so
        chroma follows what is added to luma.
        """
        clip = intersection(glow.rect, rect)
        if clip is None or light.level <= 0:
            return
        left, top, right, bottom = clip
        x, y = left - glow.rect[0], top - glow.rect[1]
        target = self._planes[0][top:bottom, left:right]
        rows, columns = target.shape
        added, headroom, third = (plane[: rows * columns].reshape(rows, columns) for plane in self._scratch)
        # OpenCV subtracts bytes without going below 0, and takes a number for a plane, which its stubs do not know.
        cv2.subtract(target, 16.0, added)  # pyright: ignore[reportCallIssue, reportArgumentType]
        cv2.subtract(235.0, target, headroom)  # pyright: ignore[reportCallIssue, reportArgumentType]
        cv2.multiply(added, headroom, third, 1 / 219)
        share = light.level * (2 - light.level)
        cv2.multiply(third, self._reach_of(glow)[y : y + rows, x : x + columns], added, share / 255)
        cv2.add(target, added, target)
        left, top, right, bottom = _halved(clip)
        half, amount = (plane[: added.size // 4].reshape(rows >> 1, columns >> 1) for plane in self._scratch[1:])
        np.copyto(half, added[::2, ::2])
        for plane, own, room in zip(self._planes[1:], (light.u, light.v), (glow.u, glow.v), strict=True):
            target = plane[top:bottom, left:right]
            chroma = TINT * (own / share + room) * 224 / 219
            cv2.convertScaleAbs(half, amount, abs(chroma))
            (cv2.add if chroma >= 0 else cv2.subtract)(target, amount, target)

    def _reach_of(self, glow: GlowMap) -> Plane:
        """How much of the light reaches each place, 0…255; worked out once for a bake."""
        if self._reach is None or self._reach[0] is not glow:
            table = np.rint(255 * (1 - np.exp(-REACH / 255 * np.arange(256)))).astype(np.uint8)
            self._reach = glow, table[glow.luma]
        return self._reach[1]
