"""A character's pack as one picture and a list: what a browser needs to draw it.

Layers lie on shelves, tallest first, a pixel apart so that no neighbour bleeds in when they are turned. Shapes that
share a picture share its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from duologue.stage.baking.art import CharacterArt, Layer, Rgba
from duologue.stage.baking.shelf import BakeShelf
from duologue.stage.packs.loading import open_character
from duologue.stage.packs.png import encode_png

WIDTH = 2048
"""Of the picture, unless a layer is wider (pixels)."""
HEIGHT = 720
"""A character is drawn at most so tall: faces are shown small (pixels)."""
GAP = 2
ORDER = ("body", "head", "eyes", "pupils", "lids", "mouth", "brows", "hair")
"""What is drawn over what; all but the body follow the head."""


@dataclass(frozen=True, slots=True)
class AtlasLayer:
    """A layer: where it lies in the picture, and its corner ``x``, ``y`` on the canvas."""

    left: int
    top: int
    width: int
    height: int
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Atlas:
    """``layers`` by name: ``body``, ``head``, ``mouth.A``, ``lids.closed``, ``brows.raised`` and so on. ``scale`` is
    pixels of the canvas per stage pixel of a pose; ``neck`` is the pivot of all but the body, ``reach`` how far the
    pupils move for a gaze of 1, in pixels of the canvas, which is ``width`` by ``height``.
    """

    width: int
    height: int
    scale: float
    neck: tuple[float, float]
    reach: tuple[float, float]
    layers: dict[str, AtlasLayer]
    png: bytes


def open_atlas(folder: Path, shelf: BakeShelf, height: int = HEIGHT) -> Atlas:
    """The atlas of a pack, at most ``height`` pixels tall. Raises :class:`InputError`."""
    canvas = open_character(folder, scale=1.0).manifest.canvas
    scale = min(1.0, height / canvas[1])
    art = open_character(folder, scale=scale).art(shelf)
    return atlas_of(art, scale)


def atlas_of(art: CharacterArt, scale: float) -> Atlas:
    """The same of a character that is drawn already, at ``scale``."""
    named = dict(_layers(art))
    pictures = {id(layer): layer for layer in named.values()}
    places, size = _packed(list(pictures.values()))
    picture: Rgba = np.zeros((size[1], size[0], 4), np.uint8)
    for key, layer in pictures.items():
        left, top = places[key]
        rows, columns = layer.rgba.shape[:2]
        picture[top : top + rows, left : left + columns] = layer.rgba
    found = {
        name: AtlasLayer(*places[id(layer)], layer.rgba.shape[1], layer.rgba.shape[0], layer.x, layer.y)
        for name, layer in named.items()
    }
    return Atlas(art.width, art.height, scale, art.neck, art.pupil_reach, found, encode_png(picture))


def _layers(art: CharacterArt) -> Iterator[tuple[str, Layer]]:
    for name, layer in (
        ("body", art.body), ("head", art.head), ("eyes", art.eyes), ("pupils", art.pupils), ("hair", art.hair),
    ):  # fmt: skip
        if layer is not None:
            yield name, layer
    yield from ((f"lids.{lids}", layer) for lids, layer in art.lids.items())
    yield from ((f"mouth.{mouth}", layer) for mouth, layer in art.mouths.items())
    yield from ((f"brows.{brows}", layer) for brows, layer in art.brows.items())


def _packed(layers: list[Layer]) -> tuple[dict[int, tuple[int, int]], tuple[int, int]]:
    """Where each lies (by ``id``), and how large the picture is."""
    width = max(WIDTH, *(layer.rgba.shape[1] + 2 * GAP for layer in layers))
    places: dict[int, tuple[int, int]] = {}
    left = top = GAP
    shelf = right = 0
    for layer in sorted(layers, key=lambda each: -each.rgba.shape[0]):
        rows, columns = layer.rgba.shape[:2]
        if left + columns + GAP > width:
            left, top, shelf = GAP, top + shelf + GAP, 0
        places[id(layer)] = (left, top)
        left, shelf = left + columns + GAP, max(shelf, rows)
        right = max(right, left)
    return places, (right, top + shelf + GAP)
