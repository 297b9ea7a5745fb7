"""All that is wrong with a pack, not only the first of it: what ``duologue pack check`` prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from duologue.errors import InputError
from duologue.stage.baking.art import Layer
from duologue.stage.baking.layers import premultiplied
from duologue.stage.motion.pose import MAX_HEAD_ANGLE, Daylight, Lids, Mouth
from duologue.stage.packs.derive import mouth_source
from duologue.stage.packs.manifest import (
    CHARACTER_FILE,
    ROOM_FILE,
    CharacterManifest,
    RoomManifest,
    parse_manifest,
)
from duologue.stage.packs.raster import PackFiles
from duologue.stage.packs.svg import Box
from duologue.stage.packs.view import View

MOUTHS_DIFFER = 0.04
"""Two mouths differ when this share of what both cover is changed (0…1, mean absolute difference of the colours)."""
CHECK_SIDE = 640
"""Packs are checked at this size (pixels of the longer side): a tenth of the time, and every finding is still seen."""
_FULL_SHAPES = (Mouth.A, Mouth.B, Mouth.C, Mouth.D, Mouth.E, Mouth.F, Mouth.G, Mouth.H)


class Severity(StrEnum):
    """An error keeps the pack off the stage; a warning is something its artist may want to mend."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: in which ``file``, under which dotted ``key``, ``what``, and the ``remedy``."""

    severity: Severity
    file: str
    key: str
    what: str
    remedy: str


def check_pack(path: Path) -> list[Finding]:
    """All that can be said about the pack in the folder ``path`` (or whose TOML file is ``path``), errors first."""
    file = path if path.suffix == ".toml" else _manifest_file(path)
    found = _check_room(file) if file.name == ROOM_FILE else _check_character(file)
    return sorted(found, key=lambda one: one.severity is not Severity.ERROR)


def _manifest_file(folder: Path) -> Path:
    return folder / (ROOM_FILE if (folder / ROOM_FILE).exists() else CHARACTER_FILE)


def _error(file: Path, key: str, what: str, remedy: str) -> Finding:
    return Finding(Severity.ERROR, str(file), key, what, remedy)


def _warning(file: Path, key: str, what: str, remedy: str) -> Finding:
    return Finding(Severity.WARNING, str(file), key, what, remedy)


def _check_character(file: Path) -> Iterator[Finding]:
    manifest = parse_manifest(file, CharacterManifest)
    if isinstance(manifest, list):
        yield from (_error(file, one.key, one.what, one.remedy) for one in manifest)
        return
    layers: dict[str, Layer] = {}
    yield from _draw_all(file, manifest, layers)
    yield from _missing_shapes(file, manifest)
    yield from _alike_mouths(file, layers)
    yield from _eyes(file, manifest, layers)
    yield from _points(file, manifest)


def _check_room(file: Path) -> Iterator[Finding]:
    manifest = parse_manifest(file, RoomManifest)
    if isinstance(manifest, list):
        yield from (_error(file, one.key, one.what, one.remedy) for one in manifest)
        return
    layers: dict[str, Layer] = {}
    yield from _draw_all(file, manifest, layers)
    yield from _see_through(file, manifest, layers)
    yield from _outside_points(file, manifest)
    for daylight in (Daylight.EVENING, Daylight.NIGHT):
        if f"layers.{daylight}" not in manifest.stacks():
            yield _warning(file, f"layers.{daylight}", "not drawn: the day in other light stands in", "Draw it.")


def _draw_all(file: Path, manifest: CharacterManifest | RoomManifest, layers: dict[str, Layer]) -> Iterator[Finding]:
    """Draw every layer into ``layers``; yields what fails, and what reaches beyond the canvas."""
    files = PackFiles(file, manifest.canvas)
    view = _view(manifest)
    for key, stack in manifest.stacks().items():
        try:
            layer = files.layer(key, stack, view)
        except InputError as error:
            culprit = error.where.removesuffix(f", {file.name}: {key}").removesuffix(f": {key}")
            yield _error(Path(culprit), key, error.what, error.remedy)
            continue
        if layer is not None:  # of a view that is not cropped it always is
            layers[key] = layer
        if isinstance(manifest, CharacterManifest) and (sides := _beyond(files, key, stack, view)):
            yield _warning(
                file, key, f"the drawing goes on beyond the canvas ({sides}) and is cut off there",
                "Move it inside, or make the canvas larger; at the edge that nobody sees this is harmless.",
            )  # fmt: skip


def _view(manifest: CharacterManifest | RoomManifest) -> View:
    return View.scaled(manifest.canvas, min(1.0, CHECK_SIDE / max(manifest.canvas)))


def _beyond(files: PackFiles, key: str, stack: tuple[str, ...], view: View) -> str:
    """The sides on which SVG parts go on outside the canvas, looked for a tenth of its size around it."""
    margin = (view.size[0] // 10, view.size[1] // 10)
    wide = View(
        view.canvas, view.full, (-margin[0], -margin[1]), (view.size[0] + 2 * margin[0], view.size[1] + 2 * margin[1])
    )
    boxes: list[Box] = []
    for reference in stack:
        name, _, part = reference.partition("#")
        if name.lower().endswith(".svg"):
            box = files.document(name, key).select([part]).visible(wide)
            boxes += [box] if box else []
    slack = 4 + max(wide.size) // 80  # a box is as exact as the small picture that it was seen in
    sides = {
        "left": any(box[0] < margin[0] - slack for box in boxes),
        "right": any(box[2] > wide.size[0] - margin[0] + slack for box in boxes),
        "top": any(box[1] < margin[1] - slack for box in boxes),
    }
    return ", ".join(side for side, found in sides.items() if found)


def _missing_shapes(file: Path, manifest: CharacterManifest) -> Iterator[Finding]:
    layers = manifest.layers
    for shape in (*_FULL_SHAPES, Mouth.X):
        if shape not in layers.mouths:
            source = mouth_source(shape, layers.mouths)
            yield _warning(file, f"layers.mouths.{shape}", f"not drawn: {source} stands in", "Draw it for better lips.")
    if Lids.CLOSED not in layers.lids:
        yield _warning(file, "layers.lids.closed", "not drawn: the character never blinks", "Draw closed lids.")
    elif Lids.HALF not in layers.lids:
        yield _warning(file, "layers.lids.half", "not drawn: the closed lids are squeezed instead", "Draw it.")
    if not layers.brows:
        yield _warning(file, "layers.brows.neutral", "not drawn: the brows cannot move", "Draw neutral brows.")
    if layers.pupils is None:
        yield _warning(file, "layers.pupils", "not drawn: the eyes cannot look around", "Draw pupils and eyes apart.")
    if not manifest.voice:
        yield _warning(file, "voice", "no voice is named", 'Add [voice] with espeak = "en-us+m3", for example.')


def _alike_mouths(file: Path, layers: Mapping[str, Layer]) -> Iterator[Finding]:
    drawn = [(shape, layers[key]) for shape in _FULL_SHAPES if (key := f"layers.mouths.{shape}") in layers]
    for index, (shape, layer) in enumerate(drawn):
        for other, another in drawn[index + 1 :]:
            if difference(layer, another) < MOUTHS_DIFFER:
                yield _warning(
                    file, f"layers.mouths.{other}", f"it looks like {shape}", "Make the shapes clearly different."
                )


def difference(one: Layer, other: Layer) -> float:
    """How much two layers differ where either is visible: 0 (alike) … 1."""
    left, top = min(one.x, other.x), min(one.y, other.y)
    right = max(one.x + one.rgba.shape[1], other.x + other.rgba.shape[1])
    bottom = max(one.y + one.rgba.shape[0], other.y + other.rgba.shape[0])
    canvases = np.zeros((2, bottom - top, right - left, 4), np.float32)
    for canvas, layer in zip(canvases, (one, other), strict=True):
        height, width = layer.rgba.shape[:2]
        canvas[layer.y - top : layer.y - top + height, layer.x - left : layer.x - left + width] = premultiplied(
            layer.rgba
        )
    seen = canvases[..., 3].max(axis=0)
    return float(np.abs(canvases[0] - canvases[1]).max(axis=2).sum() / max(1.0, float(seen.sum())))


def _eyes(file: Path, manifest: CharacterManifest, layers: Mapping[str, Layer]) -> Iterator[Finding]:
    pupils, eyes = layers.get("layers.pupils"), layers.get("layers.eyes")
    if pupils is not None and eyes is None and "layers.pupils" in manifest.stacks():
        yield _warning(
            file, "layers.eyes", "there are pupils but no eyes to clip them", "Draw the whites as layers.eyes."
        )
    if pupils is None or eyes is None:
        return
    inside = _share_inside(pupils, eyes)
    if inside < 0.6:
        yield _warning(
            file, "layers.pupils", f"{100 - inside * 100:.0f} % of the pupils lie outside the eyes", "Move them inside."
        )
    if manifest.pupil_reach == (0.0, 0.0):
        yield _warning(file, "pupil_reach", "it is 0: the pupils stand still", "Say how far they move, e.g. [9, 6].")


def _share_inside(layer: Layer, mask: Layer) -> float:
    height, width = layer.rgba.shape[:2]
    canvas = np.zeros((height, width), np.float32)
    left, top = max(layer.x, mask.x), max(layer.y, mask.y)
    right = min(layer.x + width, mask.x + mask.rgba.shape[1])
    bottom = min(layer.y + height, mask.y + mask.rgba.shape[0])
    if right > left and bottom > top:
        part = mask.rgba[top - mask.y : bottom - mask.y, left - mask.x : right - mask.x, 3]
        canvas[top - layer.y : bottom - layer.y, left - layer.x : right - layer.x] = part / np.float32(255)
    alpha = layer.rgba[..., 3].astype(np.float32)
    return float((alpha * canvas).sum() / max(1.0, float(alpha.sum())))


def _points(file: Path, manifest: CharacterManifest) -> Iterator[Finding]:
    width, height = manifest.canvas
    for key, (x, y) in (("seat", manifest.seat), ("neck", manifest.neck)):
        if not (0 <= x <= width and 0 <= y <= height):
            yield _warning(file, key, f"[{x:g}, {y:g}] lies outside the canvas", "Give a point of the canvas.")
    if manifest.neck[1] >= manifest.seat[1]:
        yield _warning(
            file, "neck", "it lies below the seat",
            f"It is the pivot of the head, which turns by up to {MAX_HEAD_ANGLE:g} degrees.",
        )  # fmt: skip


def _see_through(file: Path, manifest: RoomManifest, layers: Mapping[str, Layer]) -> Iterator[Finding]:
    size = _view(manifest).size
    for daylight in Daylight:
        layer = layers.get(f"layers.{daylight}")
        if layer is None:
            continue
        opaque = float((layer.rgba[..., 3] >= 250).sum()) / (size[0] * size[1])
        if opaque < 0.995:
            what = f"{100 - opaque * 100:.1f} % of the picture is see-through and becomes black"
            yield _warning(file, f"layers.{daylight}", what, "Fill the whole canvas.")


def _outside_points(file: Path, manifest: RoomManifest) -> Iterator[Finding]:
    width, height = manifest.canvas
    points = {f"seats[{index}].at": seat.at for index, seat in enumerate(manifest.seats)}
    if manifest.tv:
        points |= {f"tv.screen[{index}]": corner for index, corner in enumerate(manifest.tv.screen)}
    for key, (x, y) in points.items():
        if not (0 <= x <= width and 0 <= y <= height):
            yield _warning(file, key, f"[{x:g}, {y:g}] lies outside the canvas", "Give a point of the canvas.")
