"""Packs: the pictures of a character or a room, loaded at the output's scale.

The format is in ``packs/README.md``; the values of the TOML file in :mod:`duologue.stage.packs.manifest`. Every error
is an :class:`~duologue.errors.InputError` that names the file, the key and the remedy.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from duologue.stage.art import CharacterArt, Layer, Quad, RoomArt, SeatPlace
from duologue.stage.packs.cache import cache_key, cached
from duologue.stage.packs.derive import all_brows, all_lids, all_mouths
from duologue.stage.packs.manifest import (
    CHARACTER_FILE,
    ROOM_FILE,
    CharacterManifest,
    RoomManifest,
    read_character,
    read_room,
)
from duologue.stage.packs.raster import PackFiles, stacked
from duologue.stage.packs.view import View
from duologue.stage.pose import Daylight, Lids

__all__ = ["CharacterManifest", "RoomManifest", "load_character", "load_room", "read_character", "read_room"]

STAGE_WIDTH = 1920
"""A canvas unit of a character is a pixel of a stage this wide."""


def load_character(folder: Path, *, scale: float, mirror: bool = False, cache: Path | None = None) -> CharacterArt:
    """A character at ``scale`` output pixels per canvas unit: the ``scale`` and ``mirror`` of its :class:`SeatPlace`.

    What is missing is derived: ``mouths`` always has every shape; ``brows`` has all four or (a pack without brows)
    none; ``lids`` has HALF and CLOSED or (a pack that cannot blink) none. ``cache`` is the folder of rasterised layers;
    without one they are drawn anew.
    """
    manifest = read_character(folder)
    view = View.scaled(manifest.canvas, scale, mirror)
    layers = _layers(folder / CHARACTER_FILE, manifest, view, cache)
    across, down = view.scale
    return CharacterArt(
        name=manifest.name,
        width=view.size[0],
        height=view.size[1],
        seat=view.point(*manifest.seat),
        neck=view.point(*manifest.neck),
        pupil_reach=(manifest.pupil_reach[0] * across, manifest.pupil_reach[1] * down),
        body=layers["layers.body"],
        head=layers["layers.head"],
        eyes=layers.get("layers.eyes"),
        pupils=layers.get("layers.pupils"),
        lids=all_lids({lids: layers[f"layers.lids.{lids}"] for lids in Lids if f"layers.lids.{lids}" in layers}),
        mouths=all_mouths({shape: layers[f"layers.mouths.{shape}"] for shape in manifest.layers.mouths}),
        brows=all_brows({brows: layers[f"layers.brows.{brows}"] for brows in manifest.layers.brows}, down),
        hair=layers.get("layers.hair"),
    )


def load_room(folder: Path, width: int, height: int, *, cache: Path | None = None) -> RoomArt:
    """A room that covers ``width`` x ``height`` output pixels: cropped on two sides when it has another shape.

    A seat's ``scale`` is output pixels per unit of a character's canvas: what :func:`load_character` takes.
    """
    manifest = read_room(folder)
    view = View.cover(manifest.canvas, (width, height))
    layers = _layers(folder / ROOM_FILE, manifest, view, cache)
    return RoomArt(
        name=manifest.name,
        width=width,
        height=height,
        seats=seat_places(manifest, view),
        backdrops={daylight: _backdrop(layers, manifest, daylight, view) for daylight in Daylight},
        tints=manifest.tints(),
        lamp_tint=manifest.light.lamp.tint,
        lamp_glow=layers.get("layers.lamp_glow"),
        screen=_screen(manifest, view),
        screen_overlay=layers.get("layers.screen_overlay"),
        tv_glow=layers.get("layers.tv_glow"),
        foreground=layers.get("layers.foreground"),
    )


def seat_places(manifest: RoomManifest, view: View) -> tuple[SeatPlace, ...]:
    """The seats in output pixels."""
    unit = view.full[0] / STAGE_WIDTH
    return tuple(SeatPlace(*view.point(*seat.at), seat.scale * unit, seat.mirror) for seat in manifest.seats)


def _screen(manifest: RoomManifest, view: View) -> Quad | None:
    if manifest.tv is None:
        return None
    top_left, top_right, bottom_right, bottom_left = (view.point(*corner) for corner in manifest.tv.screen)
    return (top_left, top_right, bottom_right, bottom_left)


def _layers(
    file: Path, manifest: CharacterManifest | RoomManifest, view: View, cache: Path | None
) -> Mapping[str, Layer]:
    files = PackFiles(file, manifest.canvas)
    stacks = manifest.stacks()
    key = cache_key(files.digest(stacks.items()), view)
    return cached(cache, key, lambda: {name: files.layer(name, stack, view) for name, stack in stacks.items()})


def _backdrop(layers: Mapping[str, Layer], manifest: RoomManifest, daylight: Daylight, view: View) -> Layer:
    """One opaque picture of the whole output. A time of day that is not drawn is the day in that light."""
    drawn = layers.get(f"layers.{daylight}")
    layer = drawn or layers["layers.day"]
    if drawn is None:
        tint = np.array([*manifest.tints()[daylight], 1.0], np.float32)
        layer = Layer(np.clip(layer.rgba * tint + 0.5, 0, 255).astype(np.uint8), layer.x, layer.y)
    full = (layer.x, layer.y, *layer.rgba.shape[:2]) == (0, 0, view.size[1], view.size[0])
    if full and layer.rgba[..., 3].min() == 255:
        return layer
    black = np.zeros((view.size[1], view.size[0], 4), np.uint8)
    black[..., 3] = 255
    return stacked([Layer(black, 0, 0), layer])
