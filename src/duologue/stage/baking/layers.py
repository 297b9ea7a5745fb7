"""What is done to a layer before it is baked: cropped, mirrored, laid over others; with alpha in both its forms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from duologue.stage.baking.art import Layer, Rgba


def premultiplied(picture: Rgba) -> NDArray[np.float32]:
    """Colours times alpha, all channels 0…1."""
    result = picture.astype(np.float32) / np.float32(255)
    result[..., :3] *= result[..., 3:]
    return result


def straight(picture: NDArray[np.float32]) -> Rgba:
    """The inverse of :func:`premultiplied`; where nothing is visible the colour is black."""
    alpha = np.clip(picture[..., 3:], 0, 1)
    colour = np.divide(picture[..., :3], alpha, out=np.zeros_like(picture[..., :3]), where=alpha > 1 / 512)
    return (np.concatenate((np.clip(colour, 0, 1), alpha), axis=2) * 255 + 0.5).astype(np.uint8)


def cropped(picture: Rgba, x: int, y: int) -> Layer | None:
    """The visible part of a picture whose top-left corner is at ``x``, ``y``; None when all of it is transparent."""
    alpha = picture[..., 3]
    columns, rows = np.flatnonzero(alpha.any(axis=0)), np.flatnonzero(alpha.any(axis=1))
    if not len(rows):
        return None
    left, right, top, bottom = int(columns[0]), int(columns[-1]) + 1, int(rows[0]), int(rows[-1]) + 1
    return Layer(np.ascontiguousarray(picture[top:bottom, left:right]), x + left, y + top)


def mirrored(layer: Layer, width: int) -> Layer:
    """A layer as in a mirror, on a canvas ``width`` pixels wide."""
    across = layer.rgba.shape[1]
    return Layer(np.ascontiguousarray(layer.rgba[:, ::-1]), width - layer.x - across, layer.y)


def stacked(layers: Sequence[Layer]) -> Layer:
    """Layers over each other, the first at the bottom, as one."""
    if len(layers) == 1:
        return layers[0]
    left, top = min(layer.x for layer in layers), min(layer.y for layer in layers)
    right = max(layer.x + layer.rgba.shape[1] for layer in layers)
    bottom = max(layer.y + layer.rgba.shape[0] for layer in layers)
    canvas = np.zeros((bottom - top, right - left, 4), np.float32)
    for layer in layers:
        height, width = layer.rgba.shape[:2]
        part = canvas[layer.y - top : layer.y - top + height, layer.x - left : layer.x - left + width]
        over = premultiplied(layer.rgba)
        part *= 1 - over[..., 3:]
        part += over
    return Layer(straight(canvas), left, top)
