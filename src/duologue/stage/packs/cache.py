"""Rasterised packs on a shelf, so that another light or another show of the same pack need not draw it again.

An entry per pack, view and what of it was asked for, named by the hash of everything that decides its pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256
from importlib.metadata import version

import numpy as np

from duologue.stage.baking.art import Layer
from duologue.stage.baking.shelf import BakeShelf
from duologue.stage.packs.view import View

_LAYOUT = 3
"""Raise it whenever the same pack would be drawn differently by a changed program."""


def cache_key(digest: str, view: View) -> str:
    """The name for a pack's content (``digest``) seen by ``view`` with this program's versions."""
    return sha256(repr((digest, view, _versions())).encode()).hexdigest()[:40]


@cache
def _versions() -> tuple[object, ...]:
    return _LAYOUT, version("resvg-py"), version("opencv-python-headless"), version("pillow"), np.__version__


def cached(shelf: BakeShelf, key: str, draw: Callable[[], Mapping[str, Layer]]) -> Mapping[str, Layer]:
    """The layers kept under ``key``, else what ``draw`` makes, which is kept."""
    kept = shelf.find(key)
    if kept is not None:
        return {name: Layer(rgba, x, y) for (name, x, y), rgba in zip(kept.meta, kept.arrays, strict=True)}
    layers = draw()
    places = [(name, layer.x, layer.y) for name, layer in layers.items()]
    shelf.keep(key, places, [layer.rgba for layer in layers.values()])
    return layers
