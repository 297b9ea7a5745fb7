"""From full pictures (mouth open and closed, eyes open and closed) to the layers of a character. Pure.

The pictures differ where the mouth is, or the eyes are: that difference is the region. The mouth's in-between shapes
are the open mouth squeezed toward the line of the closed one, on skin from which the mouth was painted out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from duologue.stage.baking.art import Rgba
from duologue.stage.baking.layers import premultiplied, straight
from duologue.stage.motion.pose import Mouth
from duologue.stage.packs.derive import HALF_LID

Mask = NDArray[np.float32]
"""Shape ``(height, width)``, 0…1."""

CHANGED = 0.10
"""A pixel has changed when a channel differs by more than this (premultiplied, 0…1)."""
TOO_MUCH = 0.35
"""When more than this share of what is visible has changed, the whole picture has: no region can be told apart."""
WIDE = 0.25
"""A region whose box is larger than this share of the picture is no mouth and no pair of eyes."""
OPENINGS: Mapping[Mouth, tuple[float, float]] = {
    Mouth.B: (1.0, 0.34),
    Mouth.C: (1.0, 0.66),
    Mouth.D: (1.0, 1.0),
    Mouth.E: (0.74, 0.84),
    Mouth.F: (0.46, 0.52),
    Mouth.G: (0.88, 0.2),
    Mouth.H: (0.9, 0.5),
}
"""Width and height of each shape as shares of the open mouth."""


@dataclass(frozen=True, slots=True)
class Region:
    """Where two pictures differ: ``core`` are the pixels that changed, ``hard`` those and a rim (both 0 or 1),
    ``soft`` fades out around that. ``others`` counts the smaller places that were left out.
    """

    core: Mask
    hard: Mask
    soft: Mask
    others: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom."""
        rows, columns = np.nonzero(self.hard)
        return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1

    @property
    def wide(self) -> bool:
        """Whether it spans so much of the picture that it can be no part of a face: the whole figure moved."""
        left, top, right, bottom = self.box
        return (right - left) * (bottom - top) > WIDE * self.hard.size


def changed_share(one: Rgba, other: Rgba) -> float:
    """The share of what is visible in either picture that differs, 0…1."""
    visible = np.count_nonzero((one[..., 3] > 8) | (other[..., 3] > 8))
    return float(np.count_nonzero(_distance(one, other) > CHANGED) / max(1, visible))


def _distance(one: Rgba, other: Rgba) -> Mask:
    return np.abs(premultiplied(one) - premultiplied(other)).max(axis=2)


def changed_region(one: Rgba, other: Rgba, *, keep: float) -> Region | None:
    """The places where two pictures differ: the largest, and those at least ``keep`` times as large. None: nowhere."""
    unit = max(3, round(one.shape[0] * 0.012)) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (unit, unit))
    changed = (_distance(one, other) > CHANGED).astype(np.uint8)
    changed = cv2.morphologyEx(changed, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    changed = cv2.morphologyEx(changed, cv2.MORPH_CLOSE, kernel, iterations=2)
    count, labels, figures, _ = cv2.connectedComponentsWithStats(changed)
    if count < 2:
        return None
    areas = figures[1:, cv2.CC_STAT_AREA]
    kept = np.flatnonzero(areas >= keep * areas.max()) + 1
    chosen = np.isin(labels, kept).astype(np.uint8)
    hard = cv2.dilate(chosen, kernel).astype(np.float32)
    soft = cv2.GaussianBlur(cv2.dilate(hard, kernel), (0, 0), unit / 3)
    return Region(
        chosen.astype(np.float32), hard, np.maximum(hard, np.asarray(soft, np.float32)), int(count - 1 - len(kept))
    )


def patch(picture: Rgba, region: Region) -> Rgba:
    """The picture inside the region, fading out around it."""
    return straight(premultiplied(picture) * region.soft[..., None])


def replaced(picture: Rgba, by: Rgba, region: Region) -> Rgba:
    """The picture with the region taken from another."""
    share = region.soft[..., None]
    kept = premultiplied(picture) * (1 - share)
    return straight(np.asarray(kept + premultiplied(by) * share, np.float32))


def mouth_shapes(closed: Rgba, opened: Rgba, region: Region) -> dict[Mouth, Rgba]:
    """A to H and X, each as large as the pictures and visible in the region only."""
    rest = patch(closed, region)
    skin = painted_out(closed, region)
    line = _line(closed, skin, region)
    drawn = _softened(_distance(opened, skin) > CHANGED / 2) * region.hard
    shapes = {Mouth.A: rest, Mouth.X: rest, Mouth.D: patch(opened, region)}
    for shape, scale in OPENINGS.items():
        if shape not in shapes:
            shapes[shape] = _squeezed(opened, drawn, skin, region, scale, line)
    return shapes


def painted_out(picture: Rgba, region: Region) -> Rgba:
    """The picture without what is drawn wholly inside the region: the line of the closed mouth.

    What crosses the region's edge (an outline, a nose) stays. Only the line is filled, from the skin beside it: filled
    as a whole, the region would drag in every dark line that its edge touches.
    """
    colours = np.ascontiguousarray(picture[..., :3])
    lines = _inner_lines(colours, region)
    filled = cv2.inpaint(colours, lines, 3, cv2.INPAINT_TELEA)
    return np.dstack((np.asarray(filled, np.uint8), picture[..., 3]))


def _inner_lines(colours: NDArray[np.uint8], region: Region) -> NDArray[np.uint8]:
    """What stands out from its surroundings inside the region and does not touch its edge: 0 or 1."""
    left, top, right, bottom = region.box
    window = np.s_[top:bottom, left:right]
    reach = max(7, min(bottom - top, right - left) // 2) | 1
    around = cv2.medianBlur(np.ascontiguousarray(colours[window]), min(reach, 255))
    apart = cv2.absdiff(colours[window], np.asarray(around, np.uint8)).max(axis=2) > 255 * CHANGED
    inside = region.hard[window] > 0
    marks = (apart & inside).astype(np.uint8)
    labels = np.asarray(cv2.connectedComponents(marks)[1], np.int32)
    edge = inside & (cv2.erode(np.pad(inside.astype(np.uint8), 1), np.ones((3, 3), np.uint8))[1:-1, 1:-1] == 0)
    crossing = np.unique(labels[edge])
    inner = (marks > 0) & ~np.isin(labels, crossing)
    lines = np.zeros(colours.shape[:2], np.uint8)
    lines[window] = cv2.dilate(inner.astype(np.uint8), np.ones((5, 5), np.uint8))
    return lines


def _line(closed: Rgba, skin: Rgba, region: Region) -> float:
    """The height of the closed mouth's line (row): toward it the open mouth is squeezed."""
    _, top, _, bottom = region.box
    weight = (_distance(closed, skin) * region.hard).sum(axis=1)
    if weight.sum() < 1.0:
        return top + 0.35 * (bottom - top)
    return float((weight * np.arange(len(weight))).sum() / weight.sum())


def _softened(mask: NDArray[np.bool_]) -> Mask:
    closed = cv2.morphologyEx(mask.astype(np.float32), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    return np.asarray(cv2.GaussianBlur(closed, (0, 0), 0.8), np.float32)


def _squeezed(opened: Rgba, drawn: Mask, skin: Rgba, region: Region, scale: tuple[float, float], line: float) -> Rgba:
    left, _, right, _ = region.box
    middle = (left + right) / 2
    matrix = np.array([[scale[0], 0, middle * (1 - scale[0])], [0, scale[1], line * (1 - scale[1])]])
    size = (opened.shape[1], opened.shape[0])
    over = _warped(premultiplied(opened) * drawn[..., None], matrix, size)
    cover = _warped(drawn, matrix, size)[..., None]
    whole = (premultiplied(skin) * (1 - cover) + over) * region.soft[..., None]
    return straight(np.asarray(whole, np.float32))


def half_lids(shut: Rgba, region: Region) -> Rgba:
    """The closed lids squeezed upward over the upper half of the eyes."""
    top = float(np.flatnonzero(region.core.any(axis=1))[0])
    matrix = np.array([[1.0, 0, 0], [0, HALF_LID, top * (1 - HALF_LID)]])
    mask = np.asarray(cv2.GaussianBlur(region.core, (0, 0), 1.2), np.float32)
    return straight(_warped(premultiplied(shut) * mask[..., None], matrix, (shut.shape[1], shut.shape[0])))


def _warped(picture: NDArray[np.float32], matrix: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float32]:
    return np.asarray(cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_AREA | cv2.INTER_LINEAR), np.float32)
