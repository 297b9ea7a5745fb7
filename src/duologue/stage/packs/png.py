"""PNG layers: measured before they are decoded, and scaled without dark edges."""

from __future__ import annotations

import io
import struct
import warnings

import cv2
import numpy as np
from PIL import Image

from duologue.errors import InputError
from duologue.stage.baking.art import Rgba
from duologue.stage.baking.layers import premultiplied, straight
from duologue.stage.packs.view import View

MAX_SIDE = 8192
MAX_PIXELS = 64 * 1024 * 1024
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def check_png_size(data: bytes, where: str) -> tuple[int, int]:
    """Width and height from the header (PNG, section 11.2.2), without decoding anything.

    Raises :class:`InputError` for what is no PNG and for more than 8192 pixels a side or 64 megapixels.
    """
    if len(data) < 24 or not data.startswith(_SIGNATURE) or data[12:16] != b"IHDR":
        raise InputError(
            "this is not a PNG", where=where, remedy="Export the layer as PNG (renaming a file is not enough)."
        )
    width, height = struct.unpack(">II", data[16:24])
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise InputError(
            f"the PNG is {width} x {height} pixels",
            where=where,
            remedy=f"At most {MAX_SIDE} a side and {MAX_PIXELS >> 20} megapixels; scale it down.",
        )
    return width, height


def check_jpeg_size(data: bytes, where: str) -> None:
    """The same for a JPEG that is embedded in an SVG."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=("JPEG",)) as picture:
                fits = max(picture.size) <= MAX_SIDE and picture.size[0] * picture.size[1] <= MAX_PIXELS
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        fits = False
    except (OSError, ValueError, SyntaxError) as error:
        raise InputError(f"an embedded JPEG is broken: {error}", where=where, remedy="Export it again.") from error
    if not fits:
        raise InputError(
            "an embedded JPEG is too large", where=where,
            remedy=f"At most {MAX_SIDE} pixels a side and {MAX_PIXELS >> 20} megapixels.",
        )  # fmt: skip


def decode_png(data: bytes, where: str) -> Rgba:
    """All of a PNG, whatever its colour type, as RGBA. Raises :class:`InputError` when it is broken."""
    check_png_size(data, where)
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as picture:
            return _wide_grey(picture) if picture.mode.startswith("I") else np.array(picture.convert("RGBA"))
    except (OSError, ValueError, SyntaxError) as error:
        raise InputError(f"the PNG is broken: {error}", where=where, remedy="Export it again.") from error


def _wide_grey(picture: Image.Image) -> Rgba:
    """A grey of 16 bits, which Pillow's conversion would cut off at 255: all but the blackest would be white."""
    grey = np.array(picture)
    alpha = np.where(grey == picture.info.get("transparency", -1), 0, 255)
    return np.dstack([*[grey >> 8] * 3, alpha]).astype(np.uint8)


def encode_png(picture: Rgba) -> bytes:
    """A PNG of it, as small as PNG gets."""
    made = io.BytesIO()
    Image.fromarray(picture).save(made, "PNG", optimize=True)
    return made.getvalue()


def draw_png(data: bytes, where: str, view: View) -> Rgba:
    """The view's window of a PNG that covers the canvas."""
    width, height = check_png_size(data, where)
    if (width, height) != view.canvas:
        raise InputError(
            f"the PNG is {width} x {height} pixels, the canvas {view.canvas[0]} x {view.canvas[1]}",
            where=where,
            remedy="Export every layer at the size of the canvas.",
        )
    whole = resize(decode_png(data, where), view.full)
    left, top = view.offset
    return whole[top : top + view.size[1], left : left + view.size[0]]


def resize(picture: Rgba, size: tuple[int, int]) -> Rgba:
    """Scale to ``size`` (width, height) with premultiplied alpha: by area when it shrinks, else cubic."""
    if (picture.shape[1], picture.shape[0]) == size:
        return picture
    shrinks = size[0] <= picture.shape[1] and size[1] <= picture.shape[0]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return straight(np.asarray(cv2.resize(premultiplied(picture), size, interpolation=method), np.float32))
