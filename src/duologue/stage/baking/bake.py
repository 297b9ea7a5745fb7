"""Baking: what moves is turned, tinted and brought into planes before the show, so that a frame only picks and shifts.

A head turns by up to 4 degrees and moves by fractions of a pixel. Turning is the dear part (a cubic warp of a head
costs 3 ms), moving the cheap one (a bilinear shift costs 0.1 ms). So every layer of a head is baked at a ladder of
small angles *about its own centre*, and the frame works out where that centre is to a quarter of a pixel. One rung
turns the layer's rim by no more than :data:`RIM_STEP` pixels, so a small layer (a mouth) needs few rungs and a large
one (the head) many. A body does not turn, so it is baked at every quarter of a pixel instead, and a frame copies it
as it is.

A bake of a character depends on its art and its tint alone, not on where it sits: it is kept and shared as one thing
(:mod:`duologue.stage.baking.bakery`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from duologue.errors import InputError
from duologue.stage.baking.art import CharacterArt, Layer, Quad, RoomArt
from duologue.stage.baking.layers import stacked
from duologue.stage.compositor.planes import (
    PAD,
    Box,
    Sprite,
    halve,
    outer_box,
    padded,
    seen_box,
    sprite_from_layer,
    sprite_from_yuva,
    to_bytes,
    to_yuva,
    trimmed,
)
from duologue.stage.frames import Plane, check_size
from duologue.stage.lighting import GlowMap, Tint, glow_map, lit_backdrop, tint_of
from duologue.stage.motion.pose import MAX_HEAD_ANGLE, Brows, Lids, Lights, Mouth

RIM_STEP = 0.5
"""How far one rung of the ladder of angles moves a layer's farthest pixel (pixels at 1080p)."""

Checkpoint = Callable[[], None]
"""Called before each angle of each layer, in several threads; what it raises ends the bake."""


class AbandonedError(Exception):
    """Raised by a checkpoint when nobody wants the bake any more."""


def go_on() -> None:
    """The default checkpoint."""


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

    def angle(self, rung: int) -> float:
        """The angle of a sprite by its number (degrees)."""
        return (rung - len(self.sprites) // 2) * self.step

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(sprite.size for sprite in self.sprites)


@dataclass(frozen=True, slots=True, eq=False)
class Floating:
    """A layer at every quarter of a luma pixel within one chroma sample: 8 by 8 sprites, row by row.

    Sprite ``8 * row + column`` is the layer moved right by ``column`` quarters and down by ``row``. All stand on
    even pixels: ``left`` and ``top`` are even, relative to the character's canvas moved to an even pixel.

    They are views into fewer planes. ``lumas`` has luma and keep for each quarter within a luma pixel (4 by 4), with a
    row and a column more than a sprite, through which a move by a whole pixel is seen. ``chromas`` has U, V and keep
    for each half luma pixel within a chroma sample (4 by 4), each in the middle of its two quarters: an eighth of a
    luma pixel beside the outline, a sixteenth of its own samples.
    """

    lumas: tuple[tuple[Plane, Plane], ...]
    chromas: tuple[tuple[Plane, Plane, Plane], ...]
    left: int
    top: int
    sprites: tuple[Sprite, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sprites", tuple(self._sprite(phase % 8, phase // 8) for phase in range(64)))

    def _sprite(self, x: int, y: int) -> Sprite:
        value, keep = (_by_whole(plane, x // 4, y // 4) for plane in self.lumas[4 * (y % 4) + x % 4])
        return Sprite(value, keep, *self.chromas[4 * (y // 2) + x // 2], self.left, self.top)

    def at(self, x: int, y: int) -> tuple[Sprite, int, int]:
        """The sprite for a canvas with its corner at ``(x, y)``, and where its own corner is: quarters of a pixel."""
        sprite = self.sprites[8 * (y & 7) + (x & 7)]
        return sprite, (x & ~7) + 4 * sprite.left, (y & ~7) + 4 * sprite.top

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(plane.nbytes for planes in (*self.lumas, *self.chromas) for plane in planes)


def _by_whole(plane: Plane, x: int, y: int) -> Plane:
    """A view, a row and a column smaller, through which the plane appears moved by 0 or 1."""
    rows, columns = plane.shape
    return plane[1 - y : rows - y, 1 - x : columns - x]


@dataclass(frozen=True, slots=True, eq=False)
class BakedCharacter:
    """A character ready to be drawn. ``origin`` is where its canvas's corner lies on the stage (see :meth:`seated`).

    ``seat`` (laid on a seat of the room), ``neck`` and ``eyes_at`` (between the eyes) are points of the canvas.
    """

    name: str
    origin: tuple[float, float]
    seat: tuple[float, float]
    eyes_at: tuple[float, float]
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

    def seated(self, x: float, y: float) -> BakedCharacter:
        """The same character on a seat of the stage."""
        return replace(self, origin=(x - self.seat[0], y - self.seat[1]))

    @property
    def turned(self) -> tuple[Turned, ...]:
        """All that turns, each once: what stands in for another is one thing."""
        single = [part for part in (self.head, self.eyes, self.pupils, self.fringe) if part is not None]
        parts = (*single, *self.lids.values(), *self.mouths.values(), *self.brows.values())
        return tuple({id(part): part for part in parts}.values())

    @property
    def size(self) -> int:
        """Bytes of all sprites."""
        return self.body.size + sum(part.size for part in self.turned)


@dataclass(frozen=True, slots=True, eq=False)
class BakedRoom:
    """A room ready to be drawn, in one light."""

    lights: Lights
    backdrop: Plane
    screen_overlay: Sprite | None
    foreground: Sprite | None
    glow: GlowMap | None


@dataclass(frozen=True, slots=True, eq=False)
class BakedStage:
    """All that a :class:`~duologue.stage.compositor.compositor.Compositor` draws with, in one light."""

    width: int
    height: int
    lights: Lights
    backdrop: Plane
    cast: tuple[BakedCharacter, ...]
    screen: Quad | None
    screen_overlay: Sprite | None
    foreground: Sprite | None
    glow: GlowMap | None

    @classmethod
    def of(cls, room: BakedRoom, cast: Sequence[BakedCharacter], screen: Quad | None) -> BakedStage:
        """A room, its cast in their seats, and where its TV's picture is."""
        height, width = room.backdrop.shape[0] * 2 // 3, room.backdrop.shape[1]
        return cls(
            width, height, room.lights, room.backdrop, tuple(cast), screen,
            room.screen_overlay, room.foreground, room.glow,
        )  # fmt: skip

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


def ladder(radius: float, rim_step: float) -> tuple[int, float]:
    """How many rungs to each side, and the angle between two (degrees), for a layer that reaches so far (pixels)."""
    rungs = max(1, math.ceil(math.radians(MAX_HEAD_ANGLE) * radius / rim_step))
    return rungs, MAX_HEAD_ANGLE / rungs


def reach(layer: Layer) -> float:
    """How far the visible part of a layer reaches from its centre (pixels): a head fills no corners."""
    rows, columns = np.nonzero(layer.rgba[..., 3])
    x, y = _centre(layer)
    return 1 + float(np.hypot(columns + (layer.x - x), rows + (layer.y - y)).max(initial=0.0))


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
        # Chroma sample (i, j) lies at luma (2 i, 2 j + ½), in the source as in the result: see compositor/planes.py.
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
    """Bake the places of a layer; cubic, as the turning is."""
    picture, left, top = padded(layer, tint, pad=PAD + 2)
    odd_x, odd_y = left & 1, top & 1
    picture = cv2.copyMakeBorder(picture, odd_y, odd_y, odd_x, odd_x, cv2.BORDER_CONSTANT, value=(0, 0, 0, 0))
    full = to_yuva(picture.astype(np.float32, copy=False))
    half = halve(full)
    large = to_bytes(full[..., 0]), 255 - to_bytes(full[..., 3])
    small = to_bytes(half[..., 1]), to_bytes(half[..., 2]), 255 - to_bytes(half[..., 3])

    def luma(phase: int) -> list[Plane]:
        return [_moved(plane, phase % 4 / 4, phase // 4 / 4) for plane in large]

    def chroma(phase: int) -> list[Plane]:
        return [_moved(plane, phase % 4 / 4 + 1 / 16, phase // 4 / 4 + 1 / 16) for plane in small]

    lumas, chromas = pool.map(luma, range(16)), pool.map(chroma, range(16))
    return _without_rim(list(lumas), list(chromas), left - odd_x, top - odd_y)


def _without_rim(lumas: list[list[Plane]], chromas: list[list[Plane]], left: int, top: int) -> Floating:
    """Cut off what is clear in all of them."""
    boxes: list[Box] = []
    for (luma, keep), (u, v, chroma_keep) in zip(lumas, chromas, strict=True):
        box = seen_box(Sprite(luma, keep, u, v, chroma_keep, 0, 0))
        if box is not None:
            boxes.append((box[0], box[1], box[2] + 1, box[3] + 1))  # moved by a whole pixel it reaches further
    x0, y0, x1, y1 = outer_box(boxes)

    def inside(planes: list[Plane], scale: int) -> Iterable[Plane]:
        more = scale - 1  # the row and the column through which a move by a whole pixel is seen
        for plane in planes:
            yield np.ascontiguousarray(plane[scale * y0 - more : scale * y1, scale * x0 - more : scale * x1])

    large = tuple((luma, keep) for luma, keep in (inside(planes, 2) for planes in lumas))
    small = tuple((u, v, keep) for u, v, keep in (inside(planes, 1) for planes in chromas))
    return Floating(large, small, left + 2 * x0, top + 2 * y0)


def _moved(plane: Plane, x: float, y: float) -> Plane:
    """The plane moved right and down by a fraction of its own pixels. Its rim is uniform, and stays what it is."""
    if x == y == 0:
        return plane
    moved = cv2.sepFilter2D(plane, -1, _cubic(x), _cubic(y), borderType=cv2.BORDER_REPLICATE)
    return moved.astype(np.uint8, copy=False)


def _cubic(move: float) -> NDArray[np.float32]:
    """The kernel that moves by a fraction: the cubic of OpenCV's warps (a = -0.75), over five pixels."""
    distance = np.abs(np.arange(-2, 3) + move)
    near = (1.25 * distance - 2.25) * distance**2 + 1
    far = -0.75 * (((distance - 5) * distance + 8) * distance - 4)
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0)).astype(np.float32)


class _Oven:
    """Bakes the layers of one character."""

    def __init__(self, pool: ThreadPoolExecutor, rim_step: float, checkpoint: Checkpoint) -> None:
        self._pool = pool
        self._rim_step = rim_step
        self._checkpoint = checkpoint
        self._done: dict[int, tuple[Layer, Turned]] = {}  # holds the layers, so that no id is used twice

    def turned(self, layer: Layer, tint: Tint) -> Turned:
        """A layer that stands in for another as well (mouth A for G) is baked once."""
        if id(layer) not in self._done:
            self._done[id(layer)] = layer, self._turn(layer, tint)
        return self._done[id(layer)][1]

    def _turn(self, layer: Layer, tint: Tint) -> Turned:
        turner = _Turner(layer, tint)
        rungs, step = ladder(reach(layer), self._rim_step)

        def turn(rung: int) -> Sprite:
            self._checkpoint()
            return turner.turn(rung * step)

        sprites = tuple(self._pool.map(turn, range(-rungs, rungs + 1)))
        return Turned(sprites, step, (float(turner.centre[0]), float(turner.centre[1])))

    def floating(self, layer: Layer, tint: Tint) -> Floating:
        """A layer that moves and does not turn."""
        self._checkpoint()
        return _float(layer, tint, self._pool)

    def maybe(self, layer: Layer | None, tint: Tint) -> Turned | None:
        return None if layer is None else self.turned(layer, tint)


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


def bake_character(
    art: CharacterArt,
    tint: Tint,
    pool: ThreadPoolExecutor,
    *,
    rim_step: float = RIM_STEP,
    checkpoint: Checkpoint = go_on,
) -> BakedCharacter:
    """Bake a character in one tint; seat it with :meth:`BakedCharacter.seated`.

    ``pool`` does the work (OpenCV leaves the interpreter's lock alone while it warps). ``rim_step`` is in stage pixels.
    """
    fixed = [layer for layer in (art.head, art.eyes, art.hair) if layer is not None]
    oven = _Oven(pool, rim_step, checkpoint)
    return BakedCharacter(
        name=art.name,
        origin=(0.0, 0.0),
        seat=art.seat,
        eyes_at=_middle(art.eyes or art.head),
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


def _middle(layer: Layer) -> tuple[float, float]:
    return layer.x + layer.rgba.shape[1] / 2, layer.y + layer.rgba.shape[0] / 2


def bake_room(room: RoomArt, lights: Lights) -> BakedRoom:
    """Bake a room in one light. Raises :class:`InputError` when it is of odd size."""
    check_size(room.width, room.height)
    return BakedRoom(
        lights=lights,
        backdrop=lit_backdrop(room, lights),
        screen_overlay=None if room.screen_overlay is None else sprite_from_layer(room.screen_overlay),
        foreground=None if room.foreground is None else sprite_from_layer(room.foreground, tint_of(room, lights)),
        glow=glow_map(room),
    )


def check_seats(room: str, seats: int, cast: int) -> None:
    """Raises :class:`InputError` for more characters than seats."""
    if cast > seats:
        raise InputError(
            f"{cast} characters do not fit on the {seats} seats of {room}",
            where="cast",
            remedy="Choose fewer characters or a room with more seats.",
        )


def bake_stage(
    room: RoomArt, cast: Sequence[CharacterArt], lights: Lights, *, rim_step: float = RIM_STEP
) -> BakedStage:
    """Bake a room and its cast (in seat order) in one light, on two threads and in memory.

    A larger ``rim_step`` (pixels at 1080p) bakes a coarser stage sooner.

    Raises :class:`InputError` for a stage of odd size, or more characters than seats.
    """
    check_size(room.width, room.height)
    check_seats(room.name, len(room.seats), len(cast))
    tint = tint_of(room, lights)
    step = rim_step * max(1.0, room.height / 1080)
    with ThreadPoolExecutor(2, thread_name_prefix="bake") as pool:
        characters = [
            bake_character(art, tint, pool, rim_step=step).seated(seat.x, seat.y)
            for art, seat in zip(cast, room.seats, strict=False)
        ]
    return BakedStage.of(bake_room(room, lights), characters, room.screen)
