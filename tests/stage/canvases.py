"""Canvases of tests: made of a whole picture, and looked at as RGB."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from duologue.stage.compositor.planes import KB, KG, KR, Floats, put_rows
from duologue.stage.frames import Plane, split_planes


def picture_to_canvas(picture: Floats) -> Plane:
    """An opaque premultiplied RGBA picture of even size as one I420 array of shape ``(height * 3 // 2, width)``."""
    height, width = picture.shape[:2]
    canvas = np.empty((height * 3 // 2, width), np.uint8)
    put_rows(split_planes(canvas, width, height), 0, picture)
    return canvas


def canvas_to_rgb(canvas: Plane) -> NDArray[np.uint8]:
    """An I420 array as RGB, shape ``(height, width, 3)``: chroma interpolated from its site. Too slow for frames."""
    height, width = canvas.shape[0] * 2 // 3, canvas.shape[1]
    luma, u, v = split_planes(canvas, width, height)
    move = np.array([[0.5, 0.0, 0.0], [0.0, 0.5, -0.25]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    chroma = [
        cv2.warpAffine(p.astype(np.float32), move, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        for p in (u, v)
    ]
    bright = (luma.astype(np.float32) - 16) / 219
    blue, red = (chroma[0] - 128) / 224 * 2 * (1 - KB), (chroma[1] - 128) / 224 * 2 * (1 - KR)
    green = -(KB * blue + KR * red) / KG
    rgb = np.stack([bright + red, bright + green, bright + blue], axis=-1)
    return np.clip(np.rint(rgb * 255), 0, 255).astype(np.uint8)
