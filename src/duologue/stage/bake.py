"""Baking: what moves is turned, tinted and brought into planes before the show, so that a frame only picks and shifts.

A head turns by up to 4 degrees and moves by fractions of a pixel. Turning is the dear part (a cubic warp of a head
costs 3 ms), moving the cheap one (a bilinear shift costs 0.1 ms). So every layer of a head is baked at a ladder of
small angles *about its own centre*, and the frame works out where that centre is to a quarter of a pixel. One rung
turns the layer's rim by no more than :data:`RIM_STEP` pixels, so a small layer (a mouth) needs few rungs and a large
one (the head) many. A body does not turn, so it is baked at every quarter of a pixel instead, and a frame copies it
as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np

from duologue.errors import InputError
from duologue.stage.art import CharacterArt, Layer, Quad, RoomArt
from duologue.stage.frames import Plane, check_size
from duologue.stage.lighting import GlowMap, Tint, glow_map, lit_backdrop, tint_of
from duologue.stage.planes import (
    PAD,
    Floats,
    Sprite,
    cut,
    halve,
    outer_box,
    over,
    padded,
    premultiply,
    seen_box,
    sprite_from_layer,
    sprite_from_yuva,
    to_bytes,
    to_yuva,
    trimmed,
)
from duologue.stage.pose import MAX_HEAD_ANGLE, Brows, Lids, Lights, Mouth

RIM_STEP = 0.5
"""How far one rung of the ladder of angles moves a layer's farthest pixel (pixels at 1080p)."""

Progress = Callable[[float], None]
"""Called with 0…1, from the thread that bakes."""


def ignore_progress(_share: float) -> None:
    """The default: nobody watches."""


@dataclass(frozen=True, slots=True, eq=False)
class Turned:
    """A layer at every angle of its ladder, turned about ``centre``: a point of the character's canvas."""

    sprites: tuple[Sprite, ...]
    step: float
    centre: tuple[float, float]

    def at(self, angle: float) -> Sprite:
        """The sprite for an angle (degrees, clockwise; beyond the ladder: its end), anchored at the layer's centre."""
        middle = len(self.sprites) // 2
        return self.sprites[min(max(round(angle / self.step) + middle, 0), 2 * middle)]

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(sprite.size for sprite in self.sprites)


@dataclass(frozen=True, slots=True, eq=False)
class Floating:
    """A layer at every quarter of a luma pixel within one chroma sample: 8 by 8 sprites, row by row.

    Sprite ``8 * row + column`` is the layer moved right by ``column`` quarters and down by ``row``. All stand on
    even pixels: ``left`` and ``top`` are even, relative to the character's canvas moved to an even pixel.
    """

    sprites: tuple[Sprite, ...]

    def at(self, x: int, y: int) -> tuple[Sprite, int, int]:
        """The sprite for a canvas with its corner at ``(x, y)``, and where its own corner is: quarters of a pixel."""
        sprite = self.sprites[8 * (y & 7) + (x & 7)]
        return sprite, (x & ~7) + 4 * sprite.left, (y & ~7) + 4 * sprite.top

    @property
    def size(self) -> int:
        """Bytes; sprites share their luma planes."""
        return sum(sprite.u.nbytes * 3 for sprite in self.sprites) + self.sprites[0].luma.nbytes * 2 * 16


@dataclass(frozen=True, slots=True, eq=False)
class BakedCharacter:
    """A character ready to be drawn. ``origin`` is where its canvas's corner lies on the stage."""

    name: str
    origin: tuple[float, float]
    neck: tuple[float, float]
    pupil_reach: tuple[float, float]
    body: Floating
    head: Turned
    eyes: Turned | None
    pupils: Turned | None
    lids: Mapping[Lids, Turned]
    mouths: Mapping[Mouth, Turned]
    brows: Mapping[Brows, Turned]
    fringe: Turned | None

    @property
    def size(self) -> int:
        """Bytes of all sprites."""
        single = [part for part in (self.head, self.eyes, self.pupils, self.fringe) if part is not None]
        parts = {id(part): part for part in (*single, *self.lids.values(), *self.mouths.values(), *self.brows.values())}
        return self.body.size + sum(part.size for part in parts.values())


@dataclass(frozen=True, slots=True, eq=False)
class BakedStage:
    """All that a :class:`~duologue.stage.compositor.Compositor` draws with, in one light."""

    width: int
    height: int
    lights: Lights
    backdrop: Plane
    cast: tuple[BakedCharacter, ...]
    screen: Quad | None
    screen_overlay: Sprite | None
    foreground: Sprite | None
    glow: GlowMap | None

    @property
    def scale(self) -> float:
        """Stage pixels per pixel of a 1920x1080 stage: what a pose's lengths are multiplied by."""
        return self.height / 1080

    @property
    def size(self) -> int:
        """Bytes."""
        return self.backdrop.nbytes + sum(character.size for character in self.cast)


def _centre(layer: Layer) -> tuple[int, int]:
    """A whole pixel, so that a layer at rest on a whole pixel is drawn as sharp as it came."""
    return layer.x + layer.rgba.shape[1] // 2, layer.y + layer.rgba.shape[0] // 2


def ladder(width: int, height: int, rim_step: float) -> tuple[int, float]:
    """How many rungs to each side, and the angle between two (degrees), for a layer of this size."""
    radius = math.hypot(width, height) / 2
    rungs = max(1, math.ceil(math.radians(MAX_HEAD_ANGLE) * radius / rim_step))
    return rungs, MAX_HEAD_ANGLE / rungs


class _Turner:
    """Turns one layer: its planes at rest, and the warp that makes a sprite of them."""

    def __init__(self, layer: Layer, tint: Tint) -> None:
        picture, left, top = padded(layer, tint)
        self.centre = _centre(layer)
        self._middle = self.centre[0] - left, self.centre[1] - top
        self._half_size = layer.rgba.shape[1] / 2 + 1, layer.rgba.shape[0] / 2 + 1
        full = to_yuva(picture)
        half = halve(full)
        self._still = sprite_from_yuva(full, left - self.centre[0], top - self.centre[1])
        self._full = to_bytes(full[..., 0]), 255 - to_bytes(full[..., 3])
        self._half = to_bytes(half[..., 1]), to_bytes(half[..., 2]), 255 - to_bytes(half[..., 3])

    def turn(self, degrees: float) -> Sprite:
        """The layer turned clockwise about its centre."""
        if degrees == 0:
            return trimmed(self._still)
        cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        half_width, half_height = self._half_size
        reach_x = math.ceil(half_width * cosine + half_height * abs(sine)) + PAD
        reach_y = math.ceil(half_height * cosine + half_width * abs(sine)) + PAD
        size = 2 * reach_x, 2 * reach_y
        back = np.array([[cosine, sine], [-sine, cosine]])
        offset = np.array(self._middle) - back @ np.array([reach_x, reach_y])
        full = np.column_stack([back, offset])
        # Chroma sample (i, j) lies at luma (2 i, 2 j + ½), in the source as in the result: see planes.py.
        site = np.array([0.0, 0.5])
        half = np.column_stack([back, (back @ site + offset - site) / 2])
        luma, keep = (_warp(plane, full, size, edge) for plane, edge in zip(self._full, (0, 255), strict=True))
        u, v, chroma_keep = (
            _warp(plane, half, (reach_x, reach_y), edge) for plane, edge in zip(self._half, (0, 0, 255), strict=True)
        )
        return trimmed(Sprite(luma, keep, u, v, chroma_keep, -reach_x, -reach_y))


def _warp(
    plane: Plane, matrix: np.ndarray[tuple[int, ...], np.dtype[np.float64]], size: tuple[int, int], edge: int
) -> Plane:
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(plane, matrix, size, flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=(edge,)).astype(
        np.uint8, copy=False
    )


def _float(layer: Layer, tint: Tint, pool: ThreadPoolExecutor) -> Floating:
    """Bake the 64 places of a layer; cubic, as the turning is."""
    picture, left, top = padded(layer, tint, pad=PAD + 2)
    odd_x, odd_y = left & 1, top & 1
    picture = cv2.copyMakeBorder(picture, odd_y, odd_y, odd_x, odd_x, cv2.BORDER_CONSTANT, value=(0, 0, 0, 0))
    full = to_yuva(picture.astype(np.float32, copy=False))
    half = halve(full)
    large = to_bytes(full[..., 0]), 255 - to_bytes(full[..., 3])
    small = to_bytes(half[..., 1]), to_bytes(half[..., 2]), 255 - to_bytes(half[..., 3])

    def luma(phase: int) -> list[Plane]:
        return [_moved(plane, phase % 4 / 4, phase // 4 / 4, edge) for plane, edge in zip(large, (0, 255), strict=True)]

    def chroma(phase: int) -> list[Plane]:
        return [
            _moved(plane, phase % 8 / 8, phase // 8 / 8, edge) for plane, edge in zip(small, (0, 0, 255), strict=True)
        ]

    lumas, chromas = list(pool.map(luma, range(16))), list(pool.map(chroma, range(64)))
    sprites: list[Sprite] = []
    for phase in range(64):
        x, y = phase % 8, phase // 8
        large_value, large_keep = (_by_whole(plane, x // 4, y // 4) for plane in lumas[4 * (y % 4) + x % 4])
        u, v, small_keep = (plane[1:-1, 1:-1] for plane in chromas[phase])
        sprites.append(Sprite(large_value, large_keep, u, v, small_keep, left - odd_x + 2, top - odd_y + 2))
    box = outer_box(box for box in map(seen_box, sprites) if box is not None)
    return Floating(tuple(cut(sprite, box) for sprite in sprites))


def _moved(plane: Plane, x: float, y: float, edge: int) -> Plane:
    """The plane moved right and down by a fraction of its own pixels."""
    if x == y == 0:
        return plane
    matrix = np.array([[1.0, 0.0, -x], [0.0, 1.0, -y]])
    return _warp(plane, matrix, (plane.shape[1], plane.shape[0]), edge)


def _by_whole(plane: Plane, x: int, y: int) -> Plane:
    """A view without the plane's outermost two pixels, through which it appears moved by 0 or 1."""
    rows, columns = plane.shape
    return plane[2 - y : rows - 2 - y, 2 - x : columns - 2 - x]


class _Oven:
    """Bakes many layers on two threads (OpenCV leaves the interpreter's lock alone while it warps)."""

    def __init__(self, pool: ThreadPoolExecutor, rim_step: float, progress: Progress, layers: int) -> None:
        self._pool = pool
        self._rim_step = rim_step
        self._progress = progress
        self._layers = layers
        self._done: dict[int, tuple[Layer, Turned]] = {}  # holds the layers, so that no id is used twice

    def turned(self, layer: Layer, tint: Tint) -> Turned:
        """A layer that stands in for another as well (mouth A for G) is baked once."""
        if id(layer) not in self._done:
            self._done[id(layer)] = layer, self._turn(layer, tint)
            self._progress(min(1.0, len(self._done) / self._layers))
        return self._done[id(layer)][1]

    def _turn(self, layer: Layer, tint: Tint) -> Turned:
        turner = _Turner(layer, tint)
        rungs, step = ladder(layer.rgba.shape[1], layer.rgba.shape[0], self._rim_step)
        sprites = tuple(self._pool.map(turner.turn, (rung * step for rung in range(-rungs, rungs + 1))))
        return Turned(sprites, step, (float(turner.centre[0]), float(turner.centre[1])))

    def floating(self, layer: Layer, tint: Tint) -> Floating:
        """A layer that moves and does not turn."""
        return _float(layer, tint, self._pool)

    def maybe(self, layer: Layer | None, tint: Tint) -> Turned | None:
        return None if layer is None else self.turned(layer, tint)


def stacked(layers: Sequence[Layer]) -> Layer:
    """Layers that always move together, as one (bottom first)."""
    if len(layers) == 1:
        return layers[0]
    left, top = min(layer.x for layer in layers), min(layer.y for layer in layers)
    right = max(layer.x + layer.rgba.shape[1] for layer in layers)
    bottom = max(layer.y + layer.rgba.shape[0] for layer in layers)
    whole = np.zeros((bottom - top, right - left, 4), np.float32)
    for layer in layers:
        rows = slice(layer.y - top, layer.y - top + layer.rgba.shape[0])
        columns = slice(layer.x - left, layer.x - left + layer.rgba.shape[1])
        whole[rows, columns] = over(premultiply(layer.rgba), whole[rows, columns])
    return Layer(_straight(whole), left, top)


def _straight(picture: Floats) -> Plane:
    alpha = np.maximum(picture[..., 3:], 1e-3) / 255
    colour = np.where(picture[..., 3:] > 0, picture[..., :3] / alpha, 0)
    return np.clip(np.rint(np.concatenate([colour, picture[..., 3:]], axis=-1)), 0, 255).astype(np.uint8)


def _near(hair: Layer, other: Layer, margin: int) -> Plane:
    """Where the hair's picture lies within ``margin`` of visible pixels of ``other``: 255, else 0."""
    rows, columns = hair.rgba.shape[:2]
    frame = margin + 1
    mask = np.zeros((rows + 2 * frame, columns + 2 * frame), np.uint8)
    left, top = other.x - hair.x + frame, other.y - hair.y + frame
    x0, y0, x1, y1 = max(left, 0), max(top, 0), left + other.rgba.shape[1], top + other.rgba.shape[0]
    target = mask[y0 : max(y0, y1), x0 : max(x0, x1)]
    seen = other.rgba[y0 - top : y0 - top + target.shape[0], x0 - left : x0 - left + target.shape[1], 3] > 0
    target[seen] = 255
    grown = cv2.dilate(mask, np.ones((2 * margin + 1, 2 * margin + 1), np.uint8))
    return grown[frame:-frame, frame:-frame].astype(np.uint8, copy=False)


def _fringe(art: CharacterArt) -> Layer | None:
    """The part of the hair over what changes: the head is baked with all hair, this is drawn again on top.

    Where it is cut it lies on the same hair, so the cut is not seen, and a frame is spared most of a large layer.
    (Where the hair's own smooth edge is drawn twice, it comes out a fraction of a pixel heavier.)
    """
    if art.hair is None:
        return None
    changing = [*art.lids.values(), *art.mouths.values(), *art.brows.values()]
    if art.pupils is not None:
        changing.append(art.eyes or art.pupils)
    margin = 3 + math.ceil(max(art.pupil_reach)) * (art.eyes is None)
    near = np.zeros(art.hair.rgba.shape[:2], np.uint8)
    for layer in changing:
        near |= _near(art.hair, layer, margin)
    rgba = art.hair.rgba.copy()
    rgba[near == 0] = 0
    x, y, width, height = cv2.boundingRect((rgba[..., 3] > 0).astype(np.uint8))
    if not width:
        return None
    return Layer(np.ascontiguousarray(rgba[y : y + height, x : x + width]), art.hair.x + x, art.hair.y + y)


def _layers(art: CharacterArt) -> Iterable[Layer]:
    yield from (layer for layer in (art.head, art.eyes, art.pupils, art.hair) if layer is not None)
    yield from (*art.lids.values(), *art.mouths.values(), *art.brows.values())


def _bake_character(art: CharacterArt, seat: tuple[float, float], tint: Tint, oven: _Oven) -> BakedCharacter:
    fixed = [layer for layer in (art.head, art.eyes, art.hair) if layer is not None]
    return BakedCharacter(
        name=art.name,
        origin=(seat[0] - art.seat[0], seat[1] - art.seat[1]),
        neck=art.neck,
        pupil_reach=art.pupil_reach,
        body=oven.floating(art.body, tint),
        head=oven.turned(stacked(fixed), tint),
        eyes=oven.maybe(art.eyes if art.pupils is not None else None, tint),
        pupils=oven.maybe(art.pupils, tint),
        lids={shape: oven.turned(layer, tint) for shape, layer in art.lids.items()},
        mouths={shape: oven.turned(layer, tint) for shape, layer in art.mouths.items()},
        brows={shape: oven.turned(layer, tint) for shape, layer in art.brows.items()},
        fringe=oven.maybe(_fringe(art), tint),
    )


def bake_stage(
    room: RoomArt,
    cast: Sequence[CharacterArt],
    lights: Lights,
    *,
    progress: Progress = ignore_progress,
    rim_step: float = RIM_STEP,
) -> BakedStage:
    """Bake a room and its cast (in seat order) in one light.

    A larger ``rim_step`` (pixels) bakes a coarser stage sooner. ``progress`` is called as layers are done.
    Bakes are not kept on disk: reading 200 MB back takes no less time than baking them on two cores.

    Raises :class:`InputError` for a stage of odd size, or more characters than seats.
    """
    check_size(room.width, room.height)
    if len(cast) > len(room.seats):
        raise InputError(
            f"{len(cast)} characters do not fit on the {len(room.seats)} seats of {room.name}",
            where="cast",
            remedy="Choose fewer characters or a room with more seats.",
        )
    tint = tint_of(room, lights)
    total = sum(1 for art in cast for _ in _layers(art))
    with ThreadPoolExecutor(2, thread_name_prefix="bake") as pool:
        oven = _Oven(pool, rim_step * max(1.0, room.height / 1080), progress, max(1, total))
        characters = tuple(
            _bake_character(art, (seat.x, seat.y), tint, oven) for art, seat in zip(cast, room.seats, strict=False)
        )
        backdrop = lit_backdrop(room, lights)
    progress(1.0)
    return BakedStage(
        width=room.width,
        height=room.height,
        lights=lights,
        backdrop=backdrop,
        cast=characters,
        screen=room.screen,
        screen_overlay=None if room.screen_overlay is None else sprite_from_layer(room.screen_overlay),
        foreground=None if room.foreground is None else sprite_from_layer(room.foreground, tint),
        glow=glow_map(room),
    )
