"""From a pose to sprites at places: pure, and the only reader of a pose's geometry.

Places are whole quarters of a luma pixel. A finer grid could not be seen; on a coarser one slow motion steps. Two
frames whose poses fall on the same quarters and rungs are one picture, and nothing is redrawn between them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TypeAlias

from duologue.stage.baking.bake import BakedCharacter, Turned
from duologue.stage.compositor.planes import Sprite
from duologue.stage.frames import Rect
from duologue.stage.motion.pose import MAX_HEAD_ANGLE, MAX_SHIFT, Brows, Lids, Mouth, Pose

QUARTERS = 4
"""Steps per luma pixel."""


@dataclass(frozen=True, slots=True)
class PlacedSprite:
    """A sprite with its first pixel at ``(x, y)`` (quarters of a luma pixel), clipped by ``inside`` if there is one."""

    sprite: Sprite
    x: int
    y: int
    inside: PlacedSprite | None = None
    bounds: Rect = field(init=False, compare=False)
    """What it may change: the even pixels wholly on the sprite. (Its rim is transparent.)"""

    def __post_init__(self) -> None:
        rows, columns = self.sprite.luma.shape
        right, bottom = (self.x + QUARTERS * columns) // 8 * 2, (self.y + QUARTERS * rows) // 8 * 2
        object.__setattr__(self, "bounds", (-(-self.x // 8) * 2, -(-self.y // 8) * 2, right, bottom))


Slots: TypeAlias = tuple[PlacedSprite | None, ...]
"""The layers of one character bottom first; slot by slot comparable with those of another frame."""


def _clamp(value: float, limit: float) -> float:
    return min(max(value, -limit), limit)


def _at(sprite: Sprite, x: float, y: float, inside: PlacedSprite | None = None) -> PlacedSprite:
    """Lay the sprite's anchor on ``(x, y)``, to the nearest quarter pixel."""
    return PlacedSprite(
        sprite, round(x * QUARTERS) + QUARTERS * sprite.left, round(y * QUARTERS) + QUARTERS * sprite.top, inside
    )


class _Head:
    """Where things that follow the head are, for one pose."""

    def __init__(self, character: BakedCharacter, pose: Pose, x: float, y: float) -> None:
        self.angle = _clamp(pose.head_angle, MAX_HEAD_ANGLE)
        self._cosine, self._sine = math.cos(math.radians(self.angle)), math.sin(math.radians(self.angle))
        self._neck = character.neck
        self._x, self._y = x + character.neck[0], y + character.neck[1]

    def place(
        self, part: Turned | None, gaze: tuple[float, float] = (0.0, 0.0), inside: PlacedSprite | None = None
    ) -> PlacedSprite | None:
        if part is None:
            return None
        x, y = part.centre[0] - self._neck[0] + gaze[0], part.centre[1] - self._neck[1] + gaze[1]
        turned_x, turned_y = self._cosine * x - self._sine * y, self._sine * x + self._cosine * y
        return _at(part.at(self.angle), self._x + turned_x, self._y + turned_y, inside)


def place(character: BakedCharacter, pose: Pose, scale: float) -> Slots:
    """The layers of a character in a pose; ``scale`` is stage pixels per 1080p pixel. Shapes it lacks fall back."""
    body_x = character.origin[0] + _clamp(pose.body[0], MAX_SHIFT) * scale
    body_y = character.origin[1] + _clamp(pose.body[1], MAX_SHIFT) * scale
    head = _Head(
        character,
        pose,
        body_x + _clamp(pose.head[0], MAX_SHIFT) * scale,
        body_y + _clamp(pose.head[1], MAX_SHIFT) * scale,
    )
    gaze = _clamp(pose.gaze[0], 1.0) * character.pupil_reach[0], _clamp(pose.gaze[1], 1.0) * character.pupil_reach[1]
    pupils = None
    if pose.lids is not Lids.CLOSED or Lids.CLOSED not in character.lids:
        pupils = head.place(character.pupils, gaze, head.place(character.eyes))
    return (
        PlacedSprite(*character.body.at(round(body_x * QUARTERS), round(body_y * QUARTERS))),
        head.place(character.head),
        pupils,
        head.place(character.lids.get(pose.lids)),
        head.place(character.mouths.get(pose.mouth) or character.mouths.get(Mouth.X)),
        head.place(character.brows.get(pose.brows) or character.brows.get(Brows.NEUTRAL)),
        head.place(character.fringe),
    )
