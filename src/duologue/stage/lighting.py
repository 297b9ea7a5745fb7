"""Light, off the frame path: how the room looks now, in what tint the characters stand, where TV light falls.

Lamp light is added to the backdrop in R'G'B' and a character's colours are multiplied by the room's tint; neither is
linear in YUV once clipped, so a change of light makes a whole new bake that is swapped in between two frames. The light
of the TV changes with its picture and is therefore the one light drawn per frame (:class:`GlowMap`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from duologue.errors import InputError
from duologue.stage.baking.art import Layer, Quad, RoomArt
from duologue.stage.compositor.planes import YUVA, Floats, halve, over, premultiply, put_rows, to_bytes
from duologue.stage.frames import Plane, Rect, split_planes
from duologue.stage.motion.pose import Daylight, Lights

Tint: TypeAlias = tuple[float, float, float]
"""Factors for R, G and B; 1 leaves a colour as it was drawn."""

SHRINK = 8
"""Light is soft: the screen's area is filled in at this fraction of the size."""
FADE = 0.02
"""How deep into the screen the light reaches, as a share of the stage's width: a bloom at its edge."""
BRIGHTEST = 1.6
"""No tint goes beyond this: colours would only clip."""


def tint_of(room: RoomArt, lights: Lights) -> Tint:
    """What multiplies the colours of the characters (and of the foreground) in this light."""
    return tint_in(room.tints, room.lamp_tint, lights)


def tint_in(tints: Mapping[Daylight, Tint], lamp_tint: Tint, lights: Lights) -> Tint:
    """The same from a room's tints by time of day and what its lamp adds to them."""
    tint = tints.get(lights.daylight, (1.0, 1.0, 1.0))
    lamp = lamp_tint if lights.lamp else (0.0, 0.0, 0.0)
    red, green, blue = (min(max(one + other, 0.0), BRIGHTEST) for one, other in zip(tint, lamp, strict=True))
    return red, green, blue


STRIP_BYTES = 128 * 1024
"""Of floats that are worked on at a time. A whole picture of them (33 MB) would go through no cache, and what is larger
than :data:`duologue.memory.LARGE` is new memory from the system each time, which costs more than the work."""


def _inside(layer: Layer, box: Rect) -> tuple[Plane, int, int]:
    """The part of a layer's picture within a box, and its place there (left, top)."""
    left, top, right, bottom = box
    x0, x1 = max(layer.x, left), min(layer.x + layer.rgba.shape[1], right)
    y0, y1 = max(layer.y, top), min(layer.y + layer.rgba.shape[0], bottom)
    part = layer.rgba[max(0, y0 - layer.y) : max(0, y1 - layer.y), max(0, x0 - layer.x) : max(0, x1 - layer.x)]
    return part, x0 - left, y0 - top


def _paste(layer: Layer, box: Rect) -> Floats:
    """A box of the room with a layer alone in it, premultiplied."""
    left, top, right, bottom = box
    whole = np.zeros((bottom - top, right - left, 4), np.float32)
    part, x, y = _inside(layer, box)
    if part.size:
        whole[y : y + part.shape[0], x : x + part.shape[1]] = premultiply(part)
    return whole


def lit_backdrop(room: RoomArt, lights: Lights) -> Plane:
    """The room without characters as an I420 array: the time of day, and the lamp's light added where it is on.

    Raises :class:`InputError` when the room has no picture for that time of day.
    """
    layer = room.backdrops.get(lights.daylight)
    if layer is None:
        raise InputError(
            f"The room {room.name} has no picture for {lights.daylight.value}",
            where=f"layers.{lights.daylight.value}",
            remedy=f"Choose one of {', '.join(known.value for known in room.backdrops)}.",
        )
    canvas = np.empty((room.height * 3 // 2, room.width), np.uint8)
    planes = split_planes(canvas, room.width, room.height)
    rows = max(2, STRIP_BYTES // (room.width * 16) // 2 * 2)
    for top in range(0, room.height, rows):
        strip = 0, top, room.width, min(top + rows, room.height)
        black = np.zeros((strip[3] - top, room.width, 4), np.float32)
        black[..., 3] = 255
        picture = over(_paste(layer, strip), black)
        if lights.lamp and room.lamp_glow is not None:
            glow = _paste(room.lamp_glow, strip)
            glow[..., 3] = 0
            picture = np.minimum(picture + glow, np.float32(255))
        put_rows(planes, top, picture)
    return canvas


@dataclass(frozen=True, slots=True, eq=False)
class GlowMap:
    """Where the TV's light falls: strength 0…255 at full and half resolution inside ``rect``.

    ``u`` and ``v`` are the light's own chroma, in the units of :class:`~duologue.stage.television.picture.TvLight`.
    """

    rect: Rect
    luma: Plane
    chroma: Plane
    u: float
    v: float


def _without_hole(strength: NDArray[np.float32], quad: Quad, width: int) -> NDArray[np.float32]:
    """Let the light fade into the screen's area, where none is drawn: who sits in front of the screen is lit too."""
    hole = np.zeros(strength.shape, np.uint8)
    cv2.fillConvexPoly(hole, np.rint(quad).astype(np.int32), (255,))
    hole = cv2.dilate(hole, np.ones((7, 7), np.uint8))
    small = strength.shape[1] // SHRINK, strength.shape[0] // SHRINK
    weight = cv2.resize(255 - hole, small, interpolation=cv2.INTER_AREA)
    level = cv2.resize(np.where(hole > 0, 0, strength).astype(np.float32), small, interpolation=cv2.INTER_AREA)
    level = level * 255 / np.maximum(weight, 1)
    filled = cv2.inpaint(np.clip(level, 0, 255).astype(np.uint8), (weight < 128).astype(np.uint8), 3, cv2.INPAINT_TELEA)
    around = cv2.resize(filled.astype(np.float32), strength.shape[::-1], interpolation=cv2.INTER_LINEAR)
    depth = cv2.distanceTransform(hole, cv2.DIST_L2, 3)
    return np.where(hole > 0, around * np.exp(-depth / (FADE * width)), strength).astype(np.float32)


def glow_map(room: RoomArt) -> GlowMap | None:
    """The room's ``tv_glow`` as a map of strength; its hue is averaged, since the TV's picture gives the colour."""
    layer = room.tv_glow
    if layer is None or room.screen is None:
        return None
    part, x, y = _inside(layer, (0, 0, room.width, room.height))
    if not part.size:
        return None
    red, green, blue, _ = cv2.split(premultiply(part))
    light = np.zeros((room.height, room.width), np.float32)
    light[y : y + part.shape[0], x : x + part.shape[1]] = np.maximum(np.maximum(red, green), blue)
    strength = _without_hole(light, room.screen, room.width)
    box = cv2.boundingRect((strength >= 1.0).astype(np.uint8))
    if box[2] == 0 or box[3] == 0:
        return None
    left, top = box[0] & ~1, box[1] & ~1
    right, bottom = (box[0] + box[2] + 1) & ~1, (box[1] + box[3] + 1) & ~1
    mean = np.array([colour.sum(dtype=np.float64) for colour in (red, green, blue)])
    inside = strength[top:bottom, left:right]
    hue = YUVA[1:3, :3] @ (mean / mean.max()) * (255 / 224)
    return GlowMap((left, top, right, bottom), to_bytes(inside), to_bytes(halve(inside)), float(hue[0]), float(hue[1]))
