"""The TV's screen: a decoded picture scaled, brought into perspective and into planes, and the light that it gives."""

from __future__ import annotations

import math

import cv2
import numpy as np
from av import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from numpy.typing import NDArray

from duologue.stage.baking.art import Quad
from duologue.stage.compositor.planes import YUVA, Sprite, halve
from duologue.stage.frames import Plane
from duologue.stage.television.picture import TvLight

FINE = 8
"""The mask's edge is sampled this many times a pixel in each direction."""
LEVELS = 32
"""Steps of the TV's light: between two of them nothing in the room is redrawn."""
SMOOTHING = 0.1
"""Time in which the light follows most of the way (seconds): a cut does not flash, and noise does not flicker."""

_Matrix = NDArray[np.float64]


def _rgb_to_yuv() -> NDArray[np.float32]:
    matrix = YUVA[:3].copy()
    matrix[:, 3] = 16, 128, 128
    return matrix


_YUV = _rgb_to_yuv()


class Screen:
    """Shows pictures in a quadrilateral of the stage (corners clockwise from the top left, stage pixels)."""

    def __init__(self, quad: Quad) -> None:
        corners = np.array(quad, np.float64)
        self._left, self._top = (2 * math.floor(min(corner[axis] for corner in quad) / 2) for axis in (0, 1))
        right, bottom = (2 * math.ceil(max(corner[axis] for corner in quad) / 2) for axis in (0, 1))
        self._size = right - self._left, bottom - self._top
        self._inside = corners - (self._left, self._top)
        across = (np.hypot(*(corners[1] - corners[0])) + np.hypot(*(corners[2] - corners[3]))) / 2
        down = (np.hypot(*(corners[3] - corners[0])) + np.hypot(*(corners[2] - corners[1]))) / 2
        self._flat = max(2, round(across / 2) * 2), max(2, round(down / 2) * 2)
        self._mask = self._edge_mask()
        self._half_mask = _half(self._mask)
        self._full_warp, self._half_warp = self._warps()

    def _edge_mask(self) -> Plane:
        large = np.zeros((self._size[1] * FINE, self._size[0] * FINE), np.uint8)
        cv2.fillConvexPoly(large, np.rint(self._inside * FINE - 0.5).astype(np.int32), (255,))
        return _bytes(cv2.resize(large, self._size, interpolation=cv2.INTER_AREA))

    def _warps(self) -> tuple[_Matrix, _Matrix]:
        """From stage to flat picture, for luma and for chroma. A pixel's middle is half a pixel from its edge."""
        width, height = self._flat
        edges = np.array([(-0.5, -0.5), (width - 0.5, -0.5), (width - 0.5, height - 0.5), (-0.5, height - 0.5)])
        back = cv2.getPerspectiveTransform((self._inside - 0.5).astype(np.float32), edges.astype(np.float32))
        # On the stage chroma (i, j) lies at luma (2 i, 2 j + ½) (see compositor/planes.py); in the flat picture at the
        # middle of 2x2 pixels, which is where INTER_AREA puts it.
        site = np.array([[2.0, 0.0, 0.0], [0.0, 2.0, 0.5], [0.0, 0.0, 1.0]])
        middle = np.array([[0.5, 0.0, -0.25], [0.0, 0.5, -0.25], [0.0, 0.0, 1.0]])
        return _doubles(back), _doubles(middle @ back @ site)

    def flat(self, frame: VideoFrame, pixel: float = 1.0) -> Plane:
        """The frame as YUV of the screen's size, shape ``(height, width, 3)``; bars where its shape is another.

        ``pixel`` is the width of one of its pixels for a height of 1. A frame that says so (a telephone's) is turned.
        """
        width, height = self._flat
        quarters = round(frame.rotation / 90) % 4
        across, down = frame.width * pixel, float(frame.height)
        if quarters % 2:
            across, down = down, across
        share = min(width / across, height / down)
        inner = max(1, round(across * share)), max(1, round(down * share))
        if abs(inner[0] / width - 1) < 0.03 and abs(inner[1] / height - 1) < 0.03:
            inner = width, height
        small = _scaled(frame, (inner[1], inner[0]) if quarters % 2 else inner, shrinks=share < 1)
        small = np.ascontiguousarray(np.rot90(small, quarters))  # counter-clockwise, as the file has it
        left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
        framed = cv2.copyMakeBorder(
            small, top, height - inner[1] - top, left, width - inner[0] - left, cv2.BORDER_CONSTANT, value=(0, 0, 0)
        )
        return _bytes(cv2.transform(framed, _YUV))

    def sprite(self, flat: Plane) -> Sprite:
        """A flat picture in perspective, as planes premultiplied by the screen's smooth edge."""
        luma, u, v = (np.ascontiguousarray(flat[..., index]) for index in range(3))
        half = flat.shape[1] // 2, flat.shape[0] // 2
        u, v = (_bytes(cv2.resize(plane, half, interpolation=cv2.INTER_AREA)) for plane in (u, v))
        small = self._size[0] // 2, self._size[1] // 2
        return Sprite(
            luma=_premultiplied(_warp(luma, self._full_warp, self._size), self._mask),
            keep=255 - self._mask,
            u=_premultiplied(_warp(u, self._half_warp, small), self._half_mask),
            v=_premultiplied(_warp(v, self._half_warp, small), self._half_mask),
            chroma_keep=255 - self._half_mask,
            left=self._left,
            top=self._top,
        )


def _scaled(frame: VideoFrame, size: tuple[int, int], *, shrinks: bool) -> Plane:
    """As RGB of this size (width, height). What can be seen through is in front of black."""
    if not (frame.format.has_palette or any(part.is_alpha for part in frame.format.components)):
        scaled = frame.reformat(
            *size,
            format="rgb24",
            src_colorspace=_colorspace(frame),
            dst_color_range=ColorRange.JPEG,
            interpolation=Interpolation.AREA if shrinks else Interpolation.BICUBIC,
        )
        return _bytes(scaled.to_ndarray())
    straight = frame.reformat(format="rgba", src_colorspace=_colorspace(frame), dst_color_range=ColorRange.JPEG)
    whole = _bytes(straight.to_ndarray())
    # before it is scaled: the colour of a pixel that nobody sees must not reach its neighbours
    seen = _premultiplied(np.ascontiguousarray(whole[..., :3]), np.repeat(whole[..., 3:], 3, axis=2))
    return _bytes(cv2.resize(seen, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC))


def _doubles(matrix: NDArray[np.integer | np.floating]) -> _Matrix:
    return matrix.astype(np.float64, copy=False)


def _bytes(picture: NDArray[np.integer | np.floating]) -> Plane:
    return picture.astype(np.uint8, copy=False)


def _half(mask: Plane) -> Plane:
    return _bytes(np.rint(halve(np.repeat(mask.astype(np.float32)[..., None], 4, axis=2))[..., 0]))


def _warp(plane: Plane, matrix: _Matrix, size: tuple[int, int]) -> Plane:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return _bytes(cv2.warpPerspective(plane, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE))


def _premultiplied(plane: Plane, mask: Plane) -> Plane:
    return _bytes(cv2.multiply(plane, mask, scale=1 / 255))


def _colorspace(frame: VideoFrame) -> Colorspace:
    """What a file does not say is BT.709 from 720 lines on and BT.601 below, as players take it."""
    if frame.colorspace == Colorspace.ITU709 or (frame.colorspace == 2 and frame.height >= 720):
        return Colorspace.ITU709
    return Colorspace.ITU601


class Glow:
    """The light of successive pictures: their mean colour, followed smoothly, in steps."""

    def __init__(self, fps: int) -> None:
        self._keep = math.exp(-1 / (fps * SMOOTHING))
        self._now = np.zeros(3)

    def after(self, flat: Plane, frames: int = 1) -> TvLight:
        """The light once this picture was shown for so many frames."""
        luma, u, v = (float(value) for value in cv2.mean(flat)[:3])
        target = np.array([max(0.0, (luma - 16) / 219), (u - 128) / 224, (v - 128) / 224])
        self._now = target + self._keep**frames * (self._now - target)
        level, u, v = (round(float(value) * LEVELS) / LEVELS for value in self._now)
        return TvLight(level, u, v)
