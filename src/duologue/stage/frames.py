"""Damage, and the ring of frames that an encoder in another thread reads."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from duologue.errors import InputError, InternalError

Rect: TypeAlias = tuple[int, int, int, int]
"""``(left, top, right, bottom)`` in luma pixels, right and bottom exclusive; all even, so that it is exact in 4:2:0."""

Plane: TypeAlias = NDArray[np.uint8]
"""One plane of a picture, shape ``(rows, columns)``."""

MOST_RECTS = 12
"""A longer list of rectangles costs more to walk than the pixels that it saves."""


@dataclass(frozen=True, slots=True)
class Damage:
    """Where two consecutive frames differ: the rectangles that were redrawn and their area together (pixels)."""

    rects: tuple[Rect, ...]
    pixels: int


def area(rect: Rect) -> int:
    """Pixels in a rectangle."""
    return (rect[2] - rect[0]) * (rect[3] - rect[1])


def union(one: Rect, other: Rect) -> Rect:
    """The smallest rectangle that holds both."""
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])


def intersection(one: Rect, other: Rect) -> Rect | None:
    """What both have in common, or None."""
    left = one[0] if one[0] > other[0] else other[0]  # a hundred times a frame: min() and max() take thrice as long
    right = one[2] if one[2] < other[2] else other[2]
    if left >= right:
        return None
    top = one[1] if one[1] > other[1] else other[1]
    bottom = one[3] if one[3] < other[3] else other[3]
    return (left, top, right, bottom) if top < bottom else None


def merge(rects: Iterable[Rect], most: int = MOST_RECTS) -> tuple[Rect, ...]:
    """Fewer rectangles that cover the same and little more.

    Two are joined when the joined one is not larger than both together: they overlap or nearly touch. One that sticks
    out of another on one side only is trimmed to what sticks out. What is left may still overlap, which costs a few
    pixels drawn twice and nothing else. More than ``most`` become one.
    """
    kept: list[Rect] = []
    for rect in dict.fromkeys(rects):
        left, top, right, bottom = rect
        index = 0
        while index < len(kept):
            left2, top2, right2, bottom2 = kept[index]
            if left2 <= left and top2 <= top and right2 >= right and bottom2 >= bottom:
                break
            both = (right - left) * (bottom - top) + (right2 - left2) * (bottom2 - top2)
            outer = min(left, left2), min(top, top2), max(right, right2), max(bottom, bottom2)
            if (outer[2] - outer[0]) * (outer[3] - outer[1]) <= both:
                left, top, right, bottom = outer
                del kept[index]
                index = 0
            else:
                index += 1
        else:
            kept.append((left, top, right, bottom))
    if len(kept) <= most:
        return tuple(_trimmed(kept))
    whole = kept[0]
    for rect in kept[1:]:
        whole = union(whole, rect)
    return (whole,)


def _trimmed(rects: list[Rect]) -> list[Rect]:
    """Without what lies in another, where what remains is a rectangle (a head above its body)."""
    for index, rect in enumerate(rects):
        for other in rects:
            if other is not rect and intersection(rect, other) is not None:
                rect = _outside(rect, other)
        rects[index] = rect
    return rects


def _outside(rect: Rect, other: Rect) -> Rect:
    """What of ``rect`` is not in ``other``, if that is one rectangle, else ``rect``. They overlap."""
    left, top, right, bottom = rect
    if other[0] <= left and right <= other[2]:
        if top < other[1] and bottom <= other[3]:
            return left, top, right, other[1]
        if top >= other[1] and bottom > other[3]:
            return left, other[3], right, bottom
    elif other[1] <= top and bottom <= other[3]:
        if left < other[0] and right <= other[2]:
            return left, top, other[0], bottom
        if left >= other[0] and right > other[2]:
            return other[2], top, right, bottom
    return rect


def damage_of(rects: Iterable[Rect]) -> Damage:
    """The damage that covers ``rects``."""
    merged = merge(rects)
    return Damage(merged, sum(area(rect) for rect in merged))


def check_size(width: int, height: int) -> None:
    """Refuse a stage whose planes 4:2:0 cannot hold, or that no one can have meant."""
    if width % 2 or height % 2 or not (16 <= width <= 8192 and 16 <= height <= 8192):
        raise InputError(
            f"A stage of {width}x{height} cannot be drawn",
            where="size",
            remedy="Choose an even width and height, 16 to 8192 pixels each, as 1280x720 or 1920x1080.",
        )


def split_planes(canvas: Plane, width: int, height: int) -> tuple[Plane, Plane, Plane]:
    """Y, U and V as views into one I420 array of shape ``(height * 3 // 2, width)``: writing to them writes to it."""
    quarter = width * height // 4
    chroma = canvas.reshape(-1)[width * height :]
    rows, columns = height // 2, width // 2
    return canvas[:height], chroma[:quarter].reshape(rows, columns), chroma[quarter:].reshape(rows, columns)


def copy_rect(source: Sequence[Plane], target: Sequence[Plane], rect: Rect) -> None:
    """Copy one rectangle of the three planes."""
    left, top, right, bottom = rect
    target[0][top:bottom, left:right] = source[0][top:bottom, left:right]
    left, top, right, bottom = left >> 1, top >> 1, right >> 1, bottom >> 1
    target[1][top:bottom, left:right] = source[1][top:bottom, left:right]
    target[2][top:bottom, left:right] = source[2][top:bottom, left:right]


class FrameRing:
    """Copies of a canvas, handed out in turn, so that a frame can be encoded while the next ones are drawn.

    Only what has changed since a buffer was last handed out is copied into it: the damage of the last ``count``
    frames. Not thread-safe: one thread publishes; another reads a buffer until ``count - 1`` more have been published,
    and it is for the caller to hold no more than that many in its queue.
    """

    def __init__(self, canvas: Plane, count: int) -> None:
        if count < 1:
            raise InternalError(f"a ring of {count} frames")
        height, width = canvas.shape[0] * 2 // 3, canvas.shape[1]
        check_size(width, height)
        self._whole: Rect = (0, 0, width, height)
        self._source = split_planes(canvas, width, height)
        self.buffers: tuple[Plane, ...] = tuple(np.empty_like(canvas) for _ in range(count))
        """The frames, I420 as the canvas is."""
        self._planes = [split_planes(buffer, width, height) for buffer in self.buffers]
        self._recent: deque[tuple[Rect, ...]] = deque(maxlen=count)
        self._empty = count
        self._next = 0

    def publish(self, damage: Damage) -> int:
        """Bring the next buffer up to the canvas, of which ``damage`` is new since the last call; return its index."""
        self._recent.append(damage.rects)
        stale = merge(rect for rects in self._recent for rect in rects)
        if self._empty:
            self._empty -= 1
            stale = (self._whole,)
        index = self._next
        self._next = (index + 1) % len(self.buffers)
        for rect in stale:
            copy_rect(self._source, self._planes[index], rect)
        return index
