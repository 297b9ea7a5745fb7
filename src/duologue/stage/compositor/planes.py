"""Pictures as the encoder wants them: BT.709 limited range, planar 4:2:0, premultiplied; and back, for people's eyes.

**Colour.** ITU-R BT.709-6, items 3 and 4, with 8-bit limited range: for R'G'B' in 0…1,
``E'Y = 0.2126 R' + 0.7152 G' + 0.0722 B'``, ``Y = 16 + 219 E'Y``, ``U = 128 + 224 (B' - E'Y) / 1.8556``,
``V = 128 + 224 (R' - E'Y) / 1.5748``. sRGB values are taken for R'G'B' as they are, as every player takes them back.
It is affine, so a premultiplied RGBA picture becomes a premultiplied YUVA picture by one 4x4 matrix in which the
constants 16 and 128 stand in the alpha's column: ``a·Y``, ``a·U``, ``a·V``. Blending ``below · (1 - a) + a·colour`` is
then the same picture in YUV as in RGB, but for rounding.

**Chroma siting.** "Left" (H.264 ``chroma_sample_loc_type`` 0, what players assume): chroma sample ``(i, j)`` lies at
luma ``(2 i, 2 j + ½)``. Hence the horizontal filter [1 2 1]/4 centred on the even columns and the mean of two rows.
Chroma is filtered premultiplied together with the alpha, so no colour of an invisible pixel bleeds in.

**Position.** A sprite moved by ``d`` luma pixels has its chroma moved by ``d / 2`` samples, whatever ``d`` is: odd and
fractional moves are resampled, never rounded, so that colour stays where the outline is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from duologue.stage.baking.art import Layer, Rgba
from duologue.stage.frames import Plane

KR, KB = 0.2126, 0.0722
KG = 1.0 - KR - KB

Floats = NDArray[np.float32]
"""Premultiplied, 0…255, shape ``(height, width, 4)``."""

PAD = 6
"""Transparent luma pixels around every sprite: room for the chroma filter, cubic overshoot and a fractional shift."""


def premultiply(rgba: Rgba, tint: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Floats:
    """Straight RGBA to premultiplied; ``tint`` multiplies R, G and B, clipped at full."""
    *colours, opacity = cv2.split(rgba)
    alpha = opacity.astype(np.float32)
    share = alpha / np.float32(255)
    planes: list[NDArray[np.float32]] = []  # plane by plane: numpy takes five times as long for pixels of four
    for colour, factor in zip(colours, tint, strict=True):
        plane = colour.astype(np.float32)
        plane *= np.float32(factor)
        planes.append(np.minimum(plane, np.float32(255)) * share)
    return _floats(cv2.merge([*planes, alpha]))


def over(top: Floats, below: Floats) -> Floats:
    """Porter and Duff's *over* on premultiplied pictures of one size."""
    return _floats(top + below * (1.0 - top[..., 3:] / 255.0))


def _floats(picture: NDArray[Any]) -> Floats:
    return picture.astype(np.float32, copy=False)


def _yuva_matrix() -> Floats:
    luma = np.array([KR, KG, KB])
    matrix = np.zeros((4, 4), np.float32)
    matrix[0, :3] = luma * 219 / 255
    matrix[1, :3] = (np.array([0, 0, 1]) - luma) / (2 * (1 - KB)) * 224 / 255
    matrix[2, :3] = (np.array([1, 0, 0]) - luma) / (2 * (1 - KR)) * 224 / 255
    matrix[:, 3] = 16 / 255, 128 / 255, 128 / 255, 1
    return matrix


YUVA = _yuva_matrix()
"""Premultiplied RGBA to premultiplied YUVA, rows Y U V A."""


def to_yuva(picture: Floats) -> Floats:
    """Premultiplied RGBA (0…255) to premultiplied YUVA (0…255), full resolution."""
    return _floats(cv2.transform(picture, YUVA))


def halve(picture: Floats) -> Floats:
    """Half resolution with chroma sited left and vertically centred. Both sides must be even; edges are replicated."""
    filtered = cv2.sepFilter2D(
        picture, -1, np.array([0.25, 0.5, 0.25]), np.array([1.0]), borderType=cv2.BORDER_REPLICATE
    )
    across = _floats(filtered)[:, ::2]
    return _floats((across[::2] + across[1::2]) / 2)


def to_bytes(plane: NDArray[np.float32]) -> Plane:
    """Round to 0…255, contiguous."""
    return np.ascontiguousarray(np.clip(np.rint(plane), 0, 255).astype(np.uint8))


@dataclass(frozen=True, slots=True, eq=False)
class Sprite:
    """A premultiplied picture in planes. ``keep`` is 255 - alpha: how much of what lies below stays.

    ``luma`` and ``keep`` have the shape ``(height, width)``, both even; ``u``, ``v`` and ``chroma_keep`` half of it.
    ``left``, ``top`` are the first pixel's place relative to the sprite's anchor (whole luma pixels of any parity).
    Sprites compare by identity.
    """

    luma: Plane
    keep: Plane
    u: Plane
    v: Plane
    chroma_keep: Plane
    left: int
    top: int

    @property
    def width(self) -> int:
        """Luma pixels."""
        return self.luma.shape[1]

    @property
    def height(self) -> int:
        """Luma pixels."""
        return self.luma.shape[0]

    @property
    def size(self) -> int:
        """Bytes of all planes."""
        return self.luma.nbytes * 2 + self.u.nbytes * 3


def sprite_from_yuva(picture: Floats, left: int, top: int) -> Sprite:
    """The sprite of a premultiplied YUVA picture with even sides."""
    half = halve(picture)
    return Sprite(
        luma=to_bytes(picture[..., 0]),
        keep=255 - to_bytes(picture[..., 3]),
        u=to_bytes(half[..., 1]),
        v=to_bytes(half[..., 2]),
        chroma_keep=255 - to_bytes(half[..., 3]),
        left=left,
        top=top,
    )


Box = tuple[int, int, int, int]
"""``(left, top, right, bottom)`` in chroma samples of a sprite, right and bottom exclusive."""


def seen_box(sprite: Sprite) -> Box | None:
    """The smallest box outside of which the sprite changes nothing; None if it is clear all over."""
    full = cv2.boundingRect(cv2.bitwise_or(cv2.bitwise_not(sprite.keep), sprite.luma))
    colour = cv2.bitwise_or(cv2.bitwise_not(sprite.chroma_keep), cv2.bitwise_or(sprite.u, sprite.v))
    half = cv2.boundingRect(colour)
    boxes = [(x, y, x + columns, y + rows) for x, y, columns, rows in (half,) if columns]
    if full[2]:
        left, top, right, bottom = full[0], full[1], full[0] + full[2], full[1] + full[3]
        boxes.append((left >> 1, top >> 1, (right + 1) >> 1, (bottom + 1) >> 1))
    return outer_box(boxes) if boxes else None


def outer_box(boxes: Iterable[Box]) -> Box:
    """The smallest box that holds them all (one at least)."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def cut(sprite: Sprite, box: Box) -> Sprite:
    """The part of a sprite inside a box, as views; it stays where it is."""
    left, top, right, bottom = box
    half = slice(top, bottom), slice(left, right)
    full = slice(2 * top, 2 * bottom), slice(2 * left, 2 * right)
    return Sprite(
        luma=sprite.luma[full],
        keep=sprite.keep[full],
        u=sprite.u[half],
        v=sprite.v[half],
        chroma_keep=sprite.chroma_keep[half],
        left=sprite.left + 2 * left,
        top=sprite.top + 2 * top,
    )


def trimmed(sprite: Sprite) -> Sprite:
    """Without what is clear, but for a rim of one chroma sample, which a fractional shift needs; in memory of its own.

    What turning and padding leave around a mouth is a third of its pixels, and each would be blended in every frame.
    """
    box = seen_box(sprite)
    if box is None:
        return sprite
    rows, columns = sprite.u.shape
    left, top, right, bottom = box
    part = cut(sprite, (max(left - 1, 0), max(top - 1, 0), min(right + 1, columns), min(bottom + 1, rows)))
    luma, keep, u, v, chroma_keep = (
        np.ascontiguousarray(plane) for plane in (part.luma, part.keep, part.u, part.v, part.chroma_keep)
    )
    return Sprite(luma, keep, u, v, chroma_keep, part.left, part.top)


def islands(sprite: Sprite) -> list[Sprite]:
    """The sprite as the upright parts that clear columns keep apart (a table between two plants), each trimmed."""
    seen = np.minimum(sprite.keep.min(axis=0).reshape(-1, 2).min(axis=1), sprite.chroma_keep.min(axis=0)) < 255
    edges = np.flatnonzero(np.diff(seen, prepend=False, append=False))
    rows = sprite.u.shape[0]
    return [trimmed(cut(sprite, (int(left), 0, int(right), rows))) for left, right in edges.reshape(-1, 2)]


def sprite_from_layer(layer: Layer, tint: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Sprite:
    """The sprite of a layer on its canvas (its anchor is the canvas's origin), padded with transparency."""
    picture, left, top = padded(layer, tint)
    return sprite_from_yuva(to_yuva(picture), left, top)


def padded(layer: Layer, tint: tuple[float, float, float] = (1.0, 1.0, 1.0), pad: int = PAD) -> tuple[Floats, int, int]:
    """A layer premultiplied, with ``pad`` transparent pixels around it, even in size; and its first pixel's place."""
    height, width = layer.rgba.shape[:2]
    picture = premultiply(layer.rgba, tint)
    bottom, right = pad + height % 2, pad + width % 2
    framed = cv2.copyMakeBorder(picture, pad, bottom, pad, right, cv2.BORDER_CONSTANT, value=(0, 0, 0, 0))
    return _floats(framed), layer.x - pad, layer.y - pad


def put_rows(planes: tuple[Plane, Plane, Plane], top: int, picture: Floats) -> None:
    """Write an opaque premultiplied RGBA picture into the planes of a canvas as wide, from the even row ``top`` on."""
    full = to_yuva(picture)
    half = halve(full)
    planes[0][top : top + full.shape[0]] = to_bytes(full[..., 0])
    for plane, channel in zip(planes[1:], (1, 2), strict=True):
        plane[top // 2 : top // 2 + half.shape[0]] = to_bytes(half[..., channel])
