"""A pack's pictures once decoded and scaled: what the loader gives and the compositor bakes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from duologue.stage.motion.pose import Brows, Daylight, Lids, Mouth

Rgba: TypeAlias = NDArray[np.uint8]
"""Shape ``(height, width, 4)``, straight (not premultiplied) alpha, sRGB."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A picture cropped to what is visible; ``x``, ``y`` is its top-left corner on its canvas, in output pixels."""

    rgba: Rgba
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class CharacterArt:
    """A character at the output's scale, already mirrored if its seat asks for it.

    Points are output pixels on the character's canvas: ``seat`` is laid on the room's seat, ``neck`` is the pivot of
    the head. ``pupil_reach`` is how far the pupils move for gaze 1 (pixels). Drawing order: body, head, eyes, pupils,
    lids, mouth, brows, hair; all but body follow the head. ``lids`` has no entry for OPEN when the head shows open
    eyes itself. ``eye_mask`` (alpha of the eye whites) clips the pupils.
    """

    name: str
    width: int
    height: int
    seat: tuple[float, float]
    neck: tuple[float, float]
    pupil_reach: tuple[float, float]
    body: Layer
    head: Layer
    eyes: Layer | None
    pupils: Layer | None
    lids: Mapping[Lids, Layer]
    mouths: Mapping[Mouth, Layer]
    brows: Mapping[Brows, Layer]
    hair: Layer | None


Quad: TypeAlias = tuple[tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]]
"""Four corners clockwise from the top left, output pixels."""


@dataclass(frozen=True, slots=True)
class SeatPlace:
    """Where a character sits: the point under its ``seat`` anchor, its size and whether it is mirrored."""

    x: float
    y: float
    scale: float
    mirror: bool


@dataclass(frozen=True, slots=True)
class RoomArt:
    """A room at the output's size. ``backdrops`` has one opaque full-size picture per time of day, the lamp off.

    ``lamp_glow`` (additive light, RGB meaningful where alpha > 0), ``tv_glow`` (additive, where the TV's light falls
    when its picture is white), ``foreground`` (over the characters) may be missing. ``tints`` multiply the
    characters' colours by time of day, ``lamp_tint`` is added to the tint when the lamp is on (each an RGB triple
    about 1.0). ``screen`` is the TV's visible picture; ``screen_overlay`` (glass reflections) is drawn over it.
    """

    name: str
    width: int
    height: int
    seats: tuple[SeatPlace, ...]
    backdrops: Mapping[Daylight, Layer]
    tints: Mapping[Daylight, tuple[float, float, float]]
    lamp_tint: tuple[float, float, float]
    lamp_glow: Layer | None
    screen: Quad | None
    screen_overlay: Layer | None
    tv_glow: Layer | None
    foreground: Layer | None
