"""Where a character looks, and why: a listener at who speaks, a speaker at the listener, away to think, at the TV.

Looks last 0.6 to 4 s and follow one another by a plan that knows no state; what the chance of each look means depends
on who has the floor. So the gaze can be asked for at any sample, and changes when the floor does.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from math import exp, hypot

from duologue.audio.pcm import RATE
from duologue.stage.baking.bake import BakedStage
from duologue.stage.motion.noise import key, unit

Direction = tuple[float, float]
"""A gaze as in a pose: -1…1 of the pupils' reach, x to the right and y down on screen."""

NOTICE = RATE * 18 // 100
"""How long a listener takes to notice who speaks (samples, as all of these)."""
THINKING = RATE * 8 // 10
"""How long a speaker who thinks looks away at the start."""
PONDERING = RATE * 13 // 10
"""How long each look is of who has no words yet; two go away, the third to the other."""
FLOOR = RATE * 9 // 10
"""How long after the last word the eyes still belong to that turn."""
_BLOCK = 30 * RATE
_BRIEF = RATE * 6 // 10
_SACCADE = (0, RATE * 22 // 1000, RATE * 44 // 1000)
"""The eyes jump within about two frames: the gaze is the mean of the looks this long ago."""
_FOLLOW = RATE // 5
"""The head follows on a grid of a fifth of a second."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where things are for one seat. Directions of the other character, the camera (who watches) and the TV."""

    other: Direction
    camera: Direction
    tv: Direction


AT_US: Direction = (0.0, 0.05)
"""Straight out of the picture."""
LEFT_SEAT = Geometry(other=(0.99, 0.11), camera=AT_US, tv=(0.8, 0.04))
RIGHT_SEAT = Geometry(other=(-0.99, -0.11), camera=AT_US, tv=(-0.77, -0.14))
"""As in the living room that ships, for whoever has no room at hand."""


def geometries(stage: BakedStage) -> list[Geometry]:
    """Where everything is for each seat of a stage, from the places of the characters' eyes and of the TV."""
    eyes = [(one.origin[0] + one.eyes_at[0], one.origin[1] + one.eyes_at[1]) for one in stage.cast]
    found: list[Geometry] = []
    for seat, eye in enumerate(eyes):
        others = sorted((abs(other[0] - eye[0]), other) for index, other in enumerate(eyes) if index != seat)
        other = look_at(eye, others[0][1], stage.width) if others else AT_US
        screen = stage.screen
        centre = (sum(x for x, _ in screen) / 4, sum(y for _, y in screen) / 4) if screen is not None else None
        found.append(Geometry(other, AT_US, look_at(eye, centre, stage.width) if centre is not None else other))
    return found


def look_at(eye: tuple[float, float], target: tuple[float, float], width: float) -> Direction:
    """The gaze from one point of a picture ``width`` pixels wide to another: full reach from a quarter of it on."""
    across, down = target[0] - eye[0], target[1] - eye[1]
    length = hypot(across, down) or 1.0
    reach = min(1.0, length / (width / 4))
    return (across / length * reach, down / length * reach)


class SeatRole(Enum):
    """A seat's part in the scene at one instant."""

    SPEAKING = 0
    LISTENING = 1
    IDLE = 2


@dataclass(frozen=True, slots=True)
class FloorSpan:
    """Who had the floor from ``start`` to ``end`` (show samples); ``thinks`` as in the line's score. ``silent``: they
    have no words yet.
    """

    seat: int
    start: int
    end: int
    thinks: bool
    silent: bool = False


_CHANCES: dict[SeatRole, tuple[float, float, float]] = {
    SeatRole.SPEAKING: (0.66, 0.86, 0.96), SeatRole.LISTENING: (0.88, 0.91, 0.94), SeatRole.IDLE: (0.42, 0.66, 0.82),
}  # fmt: skip
"""Up to which chance a look goes to the other, the camera, away; the rest goes to the TV (if it is on, else to the
other).
"""


class Gaze:
    """One character's eyes."""

    def __init__(self, seed: int, seat: int, geometry: Geometry) -> None:
        self._seat = seat
        self._geometry = geometry
        self._looks = key(seed, seat, "looks")
        self._jitter = key(seed, seat, "jitter")
        self._phase = round(_BLOCK * unit(self._looks, -1))  # a seat's own time: nobody looks up when others do

    def direction(self, at: int, floors: Sequence[FloorSpan], *, tv_on: bool) -> Direction:
        """The gaze at show sample ``at``; ``floors`` in order of start, all with ``start <= at``."""
        looks = [self._look(at - ago, floors, tv_on) for ago in _SACCADE]
        cell = (at + self._phase) // (RATE * 4 // 10)
        across = sum(look[0] for look in looks) / len(looks) + 0.05 * (unit(self._jitter, 2 * cell) - 0.5)
        down = sum(look[1] for look in looks) / len(looks) + 0.04 * (unit(self._jitter, 2 * cell + 1) - 0.5)
        return (max(-1.0, min(1.0, across)), max(-1.0, min(1.0, down)))

    def head_turn(self, at: int, floors: Sequence[FloorSpan]) -> Direction:
        """Where the head tends: it follows the eyes smoothly and about 0.3 s late, and leaves the TV to the eyes.

        A uniform cubic B-spline over the looks on a fixed grid: continuous to the second derivative.
        """
        grid, part = divmod(at, _FOLLOW)
        t = part / _FOLLOW
        weights = ((1 - t) ** 3 / 6, (3 * t**3 - 6 * t * t + 4) / 6, (-3 * t**3 + 3 * t * t + 3 * t + 1) / 6, t**3 / 6)
        across = down = 0.0
        for index, weight in enumerate(weights):
            look = self._look((grid - 3 + index) * _FOLLOW, floors, False)
            across += weight * look[0]
            down += weight * look[1]
        return (across, down)

    def _look(self, at: int, floors: Sequence[FloorSpan], tv_on: bool) -> Direction:
        role, floor = _role(self._seat, at, floors)
        if role is SeatRole.SPEAKING and floor is not None and floor.silent and at < floor.end:
            number = (at - floor.start) // PONDERING
            return self._geometry.other if number % 3 == 2 else self._away(floor.start // RATE + number)
        if role is SeatRole.SPEAKING and floor is not None:
            if floor.thinks and RATE * 15 // 100 < at - floor.start < THINKING:
                return self._away(floor.start // RATE)
            if at > floor.end:
                return self._geometry.other  # the turn is handed over
        number, chance = _look_at_time(self._looks, at + self._phase)
        other, camera, away = _CHANCES[role]
        if chance < other:
            return self._geometry.other
        if chance < camera:
            return self._geometry.camera
        if chance < away:
            return self._away(number)
        return self._geometry.tv if tv_on else self._geometry.other

    def _away(self, number: int) -> Direction:
        """Up to a side, or now and then down: where people look who think."""
        draw = unit(self._jitter, -1 - number)
        side = self._geometry.other[0]
        return ((-0.35 * side, -0.5), (0.4 * side, -0.55), (0.3 * side, 0.45))[min(2, int(draw * 3))]


def _role(seat: int, at: int, floors: Sequence[FloorSpan]) -> tuple[SeatRole, FloorSpan | None]:
    """A speaker knows at once, a listener after :data:`NOTICE`."""
    for floor in reversed(floors):
        if floor.seat == seat:
            if floor.start <= at < floor.end + FLOOR:
                return SeatRole.SPEAKING, floor
        elif floor.start <= at - NOTICE < floor.end + FLOOR:
            return SeatRole.LISTENING, floor
    return SeatRole.IDLE, None


def _look_at_time(source: int, at: int) -> tuple[int, float]:
    """The number of the look at ``at``, unique in the show, and its chance."""
    block = at // _BLOCK
    starts = look_starts(source, block)
    number = (block << 16) + bisect_right(starts, at) - 1
    return number, unit(source, (number << 3) + 7)


@lru_cache(maxsize=64)
def look_starts(source: int, block: int) -> tuple[int, ...]:
    """When looks begin in a block: log-normal about 1.6 s, 0.6 to 4 s, the last one to the block's end."""
    starts: list[int] = []
    at, index = block * _BLOCK, (block << 16) << 3
    while at <= (block + 1) * _BLOCK - _BRIEF:
        starts.append(at)
        normal = sum(unit(source, index + part) for part in range(4)) * 1.732 - 3.464
        at += min(4 * RATE - _BRIEF, max(_BRIEF, round(RATE * 1.6 * exp(0.5 * normal))))
        index += 8
    return tuple(starts)
