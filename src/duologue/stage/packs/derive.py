"""Shapes that a pack leaves out, made from those it has. Pure: layers in, layers out."""

from __future__ import annotations

import math
from collections.abc import Mapping

import cv2
import numpy as np

from duologue.stage.baking.art import Layer
from duologue.stage.baking.layers import cropped, premultiplied, stacked, straight
from duologue.stage.motion.pose import Brows, Lids, Mouth
from duologue.stage.packs.png import resize

MOUTH_FALLBACKS: Mapping[Mouth, tuple[Mouth, ...]] = {
    Mouth.A: (Mouth.X,),
    Mouth.B: (Mouth.C, Mouth.D),
    Mouth.C: (Mouth.D,),
    Mouth.D: (Mouth.C,),
    Mouth.E: (Mouth.C, Mouth.D),
    Mouth.F: (Mouth.E, Mouth.B, Mouth.C, Mouth.D),
    Mouth.G: (Mouth.A, Mouth.X),
    Mouth.H: (Mouth.C, Mouth.D),
    Mouth.X: (Mouth.A,),
    Mouth.SMILE: (Mouth.X, Mouth.A),
    Mouth.FROWN: (Mouth.X, Mouth.A),
}
"""What stands in for a shape, best first: Rhubarb's own rules (G→A, H→C, X→A), the nearest opening for the others."""

HALF_LID = 0.55
"""A half-closed lid reaches this far down the closed one."""
_BROW_MOVES: Mapping[Brows, tuple[float, float]] = {
    Brows.RAISED: (0.0, -14.0),
    Brows.KNIT: (14.0, 5.0),
    Brows.WORRIED: (-14.0, -5.0),
}
"""Degrees that the left brow turns clockwise (the right one the other way), and canvas units that both move down."""


def mouth_source(shape: Mouth, given: Mapping[Mouth, object]) -> Mouth:
    """Which given shape stands in for ``shape`` (itself when it is given)."""
    return next(choice for choice in (shape, *MOUTH_FALLBACKS[shape]) if choice in given)


def all_mouths(given: Mapping[Mouth, Layer]) -> dict[Mouth, Layer]:
    """Every shape. At least A or X, and C or D, must be given; a stand-in shares its picture."""
    return {shape: given[mouth_source(shape, given)] for shape in Mouth}


def all_lids(given: Mapping[Lids, Layer]) -> dict[Lids, Layer]:
    """HALF and CLOSED (and OPEN where it is drawn), or nothing when there are no lids at all: then nobody blinks."""
    if Lids.CLOSED not in given or Lids.HALF in given:
        return dict(given)
    return {**given, Lids.HALF: half_lid(given[Lids.CLOSED])}


def half_lid(closed: Layer) -> Layer:
    """The closed lid squeezed upward, so that its lower edge crosses the middle of the eye."""
    height, width = closed.rgba.shape[:2]
    return Layer(resize(closed.rgba, (width, max(1, round(height * HALF_LID)))), closed.x, closed.y)


def all_brows(given: Mapping[Brows, Layer], scale: float) -> dict[Brows, Layer]:
    """All four, from the neutral ones by shift and turn; nothing when there are none. ``scale``: pixels a unit."""
    if Brows.NEUTRAL not in given:
        return dict(given)
    moved = {
        brows: turned_brows(given[Brows.NEUTRAL], angle, shift * scale)
        for brows, (angle, shift) in _BROW_MOVES.items()
        if brows not in given
    }
    return {**given, **moved}


def turned_brows(brows: Layer, angle: float, shift: float) -> Layer:
    """Each half of the layer turned about its own middle, the left one by ``angle`` degrees, and moved down."""
    middle = _gap(brows)
    halves = [
        cropped(brows.rgba[:, :middle], brows.x, brows.y),
        cropped(brows.rgba[:, middle:], brows.x + middle, brows.y),
    ]
    parts = [_turned(half, way * angle, shift) for half, way in zip(halves, (1, -1), strict=True) if half]
    return stacked(parts)


def _gap(brows: Layer) -> int:
    """The column between the two brows: the emptiest of the middle third, the nearest to the middle among equals."""
    width = brows.rgba.shape[1]
    weight = brows.rgba[..., 3].sum(axis=0, dtype=np.int64)
    middle = range(width // 3, max(width // 3 + 1, 2 * width // 3))
    return min(middle, key=lambda column: (int(weight[column]), abs(column - width // 2)))


def _turned(layer: Layer, angle: float, shift: float) -> Layer:
    height, width = layer.rgba.shape[:2]
    reach = math.ceil(math.hypot(width, height) / 2) + 2
    # Counter-clockwise is positive for OpenCV, clockwise for us.
    matrix = cv2.getRotationMatrix2D((width / 2 - 0.5, height / 2 - 0.5), -angle, 1.0)
    whole, part = math.floor(shift), shift - math.floor(shift)
    matrix[:, 2] += (reach - width / 2, reach - height / 2 + part)
    turned = cv2.warpAffine(premultiplied(layer.rgba), matrix, (2 * reach, 2 * reach + 1), flags=cv2.INTER_LINEAR)
    x, y = layer.x + width // 2 - reach, layer.y + height // 2 - reach + whole
    return cropped(straight(np.asarray(turned, np.float32)), x, y) or layer
