"""Packs: the pictures of a character or a room, loaded at the output's scale.

The format is in ``packs/README.md``; the values of the TOML file in :mod:`duologue.stage.packs.manifest`. Every error
is an :class:`~duologue.errors.InputError` that names the file, the key and the remedy.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from duologue.stage.baking.art import CharacterArt, Layer, Quad, RoomArt, SeatPlace
from duologue.stage.baking.layers import stacked
from duologue.stage.baking.shelf import BakeShelf
from duologue.stage.motion.pose import Daylight, Lids
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
from duologue.stage.packs.raster import PackFiles
from duologue.stage.packs.view import View

__all__ = [
    "CharacterManifest", "CharacterPack", "RoomManifest", "RoomPack", "load_character", "load_room", "open_character",
    "open_room", "read_character", "read_room",
]  # fmt: skip

STAGE_WIDTH = 1920
"""A canvas unit of a character is a pixel of a stage this wide."""


@dataclass(frozen=True, slots=True)
class CharacterPack:
    """A character's pack, read and checked, not yet drawn."""

    manifest: CharacterManifest
    files: PackFiles
    view: View

    @property
    def key(self) -> str:
        """A hash of all that decides :meth:`art`."""
        return cache_key(self.files.digest(self.manifest.stacks().items()), self.view)

    def art(self, shelf: BakeShelf) -> CharacterArt:
        """Its pictures, from the shelf or drawn anew."""
        manifest, view = self.manifest, self.view
        layers = _layers(self.files, manifest.stacks(), view, shelf)
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


@dataclass(frozen=True, slots=True)
class RoomPack:
    """A room's pack, read and checked, not yet drawn."""

    manifest: RoomManifest
    files: PackFiles
    view: View

    @property
    def seats(self) -> tuple[SeatPlace, ...]:
        """The seats in output pixels."""
        return seat_places(self.manifest, self.view)

    @property
    def screen(self) -> Quad | None:
        """The TV's picture in output pixels."""
        if self.manifest.tv is None:
            return None
        top_left, top_right, bottom_right, bottom_left = (
            self.view.point(*corner) for corner in self.manifest.tv.screen
        )
        return (top_left, top_right, bottom_right, bottom_left)

    def key(self, times: Collection[Daylight]) -> str:
        """A hash of all that decides :meth:`art`."""
        return cache_key(self.files.digest(self._stacks(times).items()), self.view)

    def art(self, shelf: BakeShelf, times: Collection[Daylight] = tuple(Daylight)) -> RoomArt:
        """Its pictures, from the shelf or drawn anew; of the backdrops those for ``times``."""
        manifest, view = self.manifest, self.view
        layers = _layers(self.files, self._stacks(times), view, shelf)
        return RoomArt(
            name=manifest.name,
            width=view.size[0],
            height=view.size[1],
            seats=self.seats,
            backdrops={daylight: _backdrop(layers, manifest, daylight, view) for daylight in times},
            tints=manifest.tints(),
            lamp_tint=manifest.light.lamp.tint,
            lamp_glow=layers.get("layers.lamp_glow"),
            screen=self.screen,
            screen_overlay=layers.get("layers.screen_overlay"),
            tv_glow=layers.get("layers.tv_glow"),
            foreground=layers.get("layers.foreground"),
        )

    def _stacks(self, times: Collection[Daylight]) -> dict[str, tuple[str, ...]]:
        """What must be drawn for these times of day: one that has no picture of its own is the day in its light."""
        stacks = dict(self.manifest.stacks())
        drawn = {key if (key := f"layers.{daylight}") in stacks else "layers.day" for daylight in times}
        spared = {f"layers.{daylight}" for daylight in Daylight} - drawn
        return {key: stack for key, stack in stacks.items() if key not in spared}


def open_character(folder: Path, *, scale: float, mirror: bool = False) -> CharacterPack:
    """Read a character's manifest, for a seat of this scale and facing. Raises :class:`InputError`."""
    manifest = read_character(folder)
    files = PackFiles(folder / CHARACTER_FILE, manifest.canvas)
    return CharacterPack(manifest, files, View.scaled(manifest.canvas, scale, mirror))


def open_room(folder: Path, width: int, height: int) -> RoomPack:
    """Read a room's manifest, for an output of this size. Raises :class:`InputError`."""
    manifest = read_room(folder)
    files = PackFiles(folder / ROOM_FILE, manifest.canvas)
    return RoomPack(manifest, files, View.cover(manifest.canvas, (width, height)))


def load_character(folder: Path, *, scale: float, mirror: bool = False, cache: Path | None = None) -> CharacterArt:
    """A character at ``scale`` output pixels per canvas unit: the ``scale`` and ``mirror`` of its :class:`SeatPlace`.

    What is missing is derived: ``mouths`` always has every shape; ``brows`` has all four or (a pack without brows)
    none; ``lids`` has HALF and CLOSED or (a pack that cannot blink) none. ``cache`` is the folder of rasterised layers;
    without one they are drawn anew.
    """
    return open_character(folder, scale=scale, mirror=mirror).art(BakeShelf(cache))


def load_room(folder: Path, width: int, height: int, *, cache: Path | None = None) -> RoomArt:
    """A room that covers ``width`` x ``height`` output pixels: cropped on two sides when it has another shape.

    A seat's ``scale`` is output pixels per unit of a character's canvas: what :func:`load_character` takes.
    """
    return open_room(folder, width, height).art(BakeShelf(cache))


def seat_places(manifest: RoomManifest, view: View) -> tuple[SeatPlace, ...]:
    """The seats in output pixels."""
    unit = view.full[0] / STAGE_WIDTH
    return tuple(SeatPlace(*view.point(*seat.at), seat.scale * unit, seat.mirror) for seat in manifest.seats)


def _layers(
    files: PackFiles, stacks: Mapping[str, tuple[str, ...]], view: View, shelf: BakeShelf
) -> Mapping[str, Layer]:
    key = cache_key(files.digest(stacks.items()), view)

    def draw() -> Mapping[str, Layer]:
        drawn = {name: files.layer(name, stack, view) for name, stack in stacks.items()}
        return {name: layer for name, layer in drawn.items() if layer is not None}

    return cached(shelf, key, draw)


def _backdrop(layers: Mapping[str, Layer], manifest: RoomManifest, daylight: Daylight, view: View) -> Layer:
    """One opaque picture of the whole output. A time of day that is not drawn is the day in that light."""
    drawn = layers.get(f"layers.{daylight}")
    layer = drawn or layers.get("layers.day")
    if layer is not None and drawn is None:
        tint = np.array([*manifest.tints()[daylight], 1.0], np.float32)
        layer = Layer(np.clip(layer.rgba * tint + 0.5, 0, 255).astype(np.uint8), layer.x, layer.y)
    if layer is not None and layer.rgba.shape[:2] == view.size[::-1] and layer.rgba[..., 3].min() == 255:
        return layer
    black = np.zeros((view.size[1], view.size[0], 4), np.uint8)
    black[..., 3] = 255
    return stacked([Layer(black, 0, 0), *([layer] if layer is not None else [])])
