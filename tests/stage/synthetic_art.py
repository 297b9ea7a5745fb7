"""Art drawn by rule at any size, for tests that need a room and a cast but not the packs."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from duologue.stage.baking.art import CharacterArt, Layer, RoomArt, SeatPlace
from duologue.stage.motion.pose import Brows, Daylight, Lids, Mouth

Colour = tuple[int, int, int]
INK: Colour = (24, 18, 28)
SKIN: Colour = (236, 190, 150)


FINE = 4
"""Every pixel of a canvas is drawn this many times as fine in each direction, and averaged."""


def _cropped(picture: NDArray[np.uint8], left: int = 0, top: int = 0) -> Layer:
    x, y, width, height = cv2.boundingRect((picture[..., 3] > 0).astype(np.uint8))
    return Layer(np.ascontiguousarray(picture[y : y + height, x : x + width]), x + left, y + top)


class Easel:
    """Draws smooth shapes with ink around them, in units of a 900x1000 canvas, at ``scale`` pixels a unit."""

    def __init__(self, scale: float) -> None:
        self._scale = scale
        self._fine = max(1, round(FINE / max(scale, 1.0)))
        self._shapes: list[tuple[float, float, float, float, Colour]] = []
        self._bars: list[tuple[float, float, float, float, float, Colour]] = []

    def ellipse(self, x: float, y: float, wide: float, high: float, colour: Colour, ink: float = 6) -> Easel:
        """An ellipse about ``(x, y)`` with these half axes."""
        self._shapes.append((x, y, wide + ink / 2, high + ink / 2, INK))
        self._shapes.append((x, y, max(wide - ink / 2, 0), max(high - ink / 2, 0), colour))
        return self

    def bar(self, x0: float, y0: float, x1: float, y1: float, thick: float, colour: Colour = INK) -> Easel:
        """A thick line with round ends, over the ellipses."""
        self._bars.append((x0, y0, x1, y1, thick, colour))
        return self

    def layer(self) -> Layer:
        """What was drawn, cropped, with smooth edges and straight alpha."""
        boxes = [(x - wide, y - high, x + wide, y + high) for x, y, wide, high, _ in self._shapes]
        boxes += [
            (min(x0, x1) - t, min(y0, y1) - t, max(x0, x1) + t, max(y0, y1) + t) for x0, y0, x1, y1, t, _ in self._bars
        ]
        left, top = (round(min(box[axis] for box in boxes) * self._scale) - 2 for axis in (0, 1))
        right, bottom = (round(max(box[axis] for box in boxes) * self._scale) + 2 for axis in (2, 3))
        large = np.zeros(((bottom - top) * self._fine, (right - left) * self._fine, 4), np.uint8)

        def px(x: float, y: float) -> tuple[int, int]:
            return round((x * self._scale - left) * self._fine), round((y * self._scale - top) * self._fine)

        for x, y, wide, high, colour in self._shapes:
            axes = round(wide * self._scale * self._fine), round(high * self._scale * self._fine)
            cv2.ellipse(large, px(x, y), axes, 0, 0, 360, (*colour, 255), -1)
        for x0, y0, x1, y1, thick, colour in self._bars:
            width = max(1, round(thick * self._scale * self._fine))
            cv2.line(large, px(x0, y0), px(x1, y1), (*colour, 255), width)
        premultiplied = large.astype(np.float32)
        premultiplied[..., :3] *= premultiplied[..., 3:] / 255
        small = cv2.resize(premultiplied, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
        small[..., :3] *= 255 / np.maximum(small[..., 3:], 1)
        return _cropped(np.clip(np.rint(small), 0, 255).astype(np.uint8), left, top)


def character(
    name: str = "ann", scale: float = 1.0, *, shirt: Colour = (60, 110, 190), fringe: bool = True
) -> CharacterArt:
    """A character with every layer; ``fringe`` hangs hair over the brows, so that it must stay apart from the head."""

    def easel() -> Easel:
        return Easel(scale)

    eyes = easel().ellipse(380, 290, 42, 34, (250, 250, 250)).ellipse(520, 290, 42, 34, (250, 250, 250)).layer()
    sizes = {
        Mouth.A: (50, 5), Mouth.B: (48, 12), Mouth.C: (44, 22), Mouth.D: (52, 38), Mouth.E: (36, 28), Mouth.F: (20, 18),
        Mouth.G: (46, 9), Mouth.H: (44, 24), Mouth.X: (42, 5), Mouth.SMILE: (60, 14), Mouth.FROWN: (50, 8),
    }  # fmt: skip
    lifts = {Brows.NEUTRAL: (0, 0), Brows.RAISED: (-16, -16), Brows.KNIT: (8, -6), Brows.WORRIED: (-10, 6)}
    hair = easel().ellipse(450, 150, 205, 80, (90, 50, 30))
    if fringe:
        hair.bar(350, 160, 390, 260, 26, (90, 50, 30))
    return CharacterArt(
        name=name,
        width=round(900 * scale),
        height=round(1000 * scale),
        seat=(450 * scale, 960 * scale),
        neck=(450 * scale, 480 * scale),
        pupil_reach=(14 * scale, 10 * scale),
        body=easel().ellipse(450, 800, 270, 300, shirt).bar(450, 480, 450, 560, 90, SKIN).layer(),
        head=easel().ellipse(450, 310, 195, 220, SKIN).layer(),
        eyes=eyes,
        pupils=easel().ellipse(380, 292, 12, 14, (40, 90, 60), 3).ellipse(520, 292, 12, 14, (40, 90, 60), 3).layer(),
        lids={
            Lids.HALF: easel().ellipse(380, 270, 44, 18, SKIN).ellipse(520, 270, 44, 18, SKIN).layer(),
            Lids.CLOSED: easel().ellipse(380, 290, 45, 36, SKIN).ellipse(520, 290, 45, 36, SKIN).layer(),
        },
        mouths={shape: easel().ellipse(450, 430, *size, (150, 40, 50)).layer() for shape, size in sizes.items()},
        brows={
            shape: easel()
            .bar(340, 235 + outer, 420, 230 + inner, 14)
            .bar(480, 230 + inner, 560, 235 + outer, 14)
            .layer()
            for shape, (outer, inner) in lifts.items()
        },
        hair=hair.layer(),
    )


def _solid(width: int, height: int, top: Colour, bottom: Colour) -> Layer:
    share = np.linspace(0, 1, height)[:, None, None]
    colour = np.array(top) * (1 - share) + np.array(bottom) * share
    stripes = np.where((np.arange(width)[None, :, None] // max(2, width // 48)) % 2, 1.0, 0.9)
    picture = np.empty((height, width, 4), np.uint8)
    picture[..., :3] = colour * stripes
    picture[..., 3] = 255
    return Layer(picture, 0, 0)


def _light(width: int, height: int, centre: tuple[float, float], radius: float, colour: Colour, most: float) -> Layer:
    rows, columns = np.ogrid[0:height, 0:width]
    distance = np.hypot(columns - centre[0] * width, rows - centre[1] * height) / (radius * width)
    alpha = np.clip(1 - distance, 0, 1) ** 2 * most
    picture = np.empty((height, width, 4), np.uint8)
    picture[..., :3] = colour
    picture[..., 3] = np.rint(alpha * 255)
    return _cropped(picture)


def room(width: int = 1920, height: int = 1080) -> RoomArt:
    """A room with two seats, a TV between them, a lamp, and a table edge in front."""
    unit = width / 1920
    screen = ((820, 300), (1120, 310), (1118, 480), (822, 490))
    table = np.zeros((height, width, 4), np.uint8)
    table[round(height * 0.93) :, round(width * 0.1) : round(width * 0.9)] = (70, 42, 30, 255)
    glass = np.zeros((height, width, 4), np.uint8)
    shine = [(830, 312), (900, 314), (850, 480), (832, 480)]
    cv2.fillPoly(glass, [np.array([(x * unit, y * unit) for x, y in shine], np.int32)], (255, 255, 255, 40))
    return RoomArt(
        name="synthetic",
        width=width,
        height=height,
        seats=(SeatPlace(560 * unit, 1010 * unit, unit, False), SeatPlace(1360 * unit, 1010 * unit, unit, True)),
        backdrops={
            Daylight.DAY: _solid(width, height, (170, 200, 220), (150, 120, 90)),
            Daylight.EVENING: _solid(width, height, (110, 80, 100), (90, 60, 50)),
            Daylight.NIGHT: _solid(width, height, (30, 36, 60), (40, 30, 36)),
        },
        tints={Daylight.DAY: (1, 1, 1), Daylight.EVENING: (0.92, 0.8, 0.74), Daylight.NIGHT: (0.5, 0.56, 0.72)},
        lamp_tint=(0.22, 0.16, 0.08),
        lamp_glow=_light(width, height, (0.12, 0.3), 0.35, (255, 190, 110), 0.5),
        screen=tuple((x * unit, y * unit) for x, y in screen),  # pyright: ignore[reportArgumentType]
        screen_overlay=_cropped(glass),
        tv_glow=_light(width, height, (0.5, 0.5), 0.4, (210, 225, 255), 0.45),
        foreground=_cropped(table),
    )


def cast(scale: float = 1.0) -> tuple[CharacterArt, CharacterArt]:
    """Two characters that no one confuses, at ``scale`` stage pixels a unit."""
    return character("ann", scale), character("bob", scale, shirt=(190, 80, 60), fringe=False)
