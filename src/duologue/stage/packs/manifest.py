"""What a pack's TOML file says, as checked values. See ``packs/README.md`` for the format in prose."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from duologue.errors import InputError
from duologue.plurals import counted
from duologue.stage.motion.pose import Brows, Daylight, Lids, Mouth
from duologue.text_files import read_table
from duologue.validation import WrongValue, problems, tuples

CHARACTER_FILE, ROOM_FILE = "character.toml", "room.toml"
MAX_CANVAS = 8192
"""Pixels a side of a canvas."""
MAX_NAME, MAX_TITLE = 40, 60
"""Characters."""


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else tuples(value)


def _layer_files(value: tuple[str, ...]) -> tuple[str, ...]:
    for reference in value:
        name, _, part = reference.partition("#")
        if not re.fullmatch(r"[\w][\w .,+()-]*(/[\w][\w .,+()-]*)*\.(svg|png)", name, re.IGNORECASE):
            raise ValueError(
                f"{reference!r} is not the name of a layer"
                ' | Write a file of this folder, "file.svg", "file.svg#id" or "file.png".'
            )
        if part and name.lower().endswith(".png"):
            raise ValueError(f"{reference!r} asks for a part of a PNG | Only an SVG has parts; leave out #{part}.")
    return value


def _colour(value: str) -> str:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", value):
        raise ValueError(f'{value!r} is not a colour | Write it as "#rrggbb", e.g. "#e8b04b".')
    return value


def _name(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", value):
        raise ValueError(
            f"{value!r} is not a pack's name | Small letters a to z, digits, and single hyphens between them;"
            " name the folder the same."
        )
    return value


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a finite number | Write a number.")
    return value


Number = Annotated[float, AfterValidator(_finite)]
Point = tuple[Number, Number]
LayerStack = Annotated[tuple[str, ...], BeforeValidator(_as_tuple), AfterValidator(_layer_files), Field(min_length=1)]
"""References ``file[#id]``, the first at the bottom."""
PackName = Annotated[str, Field(max_length=MAX_NAME), AfterValidator(_name)]
CanvasSide = Annotated[int, Field(ge=16, le=MAX_CANVAS)]
Tint = tuple[
    Annotated[float, Field(ge=0, le=4)], Annotated[float, Field(ge=0, le=4)], Annotated[float, Field(ge=0, le=4)]
]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class CharacterLayers(_Table):
    """Which picture is which layer. What is optional and missing is derived: :mod:`duologue.stage.packs.derive`."""

    body: LayerStack
    head: LayerStack
    eyes: LayerStack | None = None
    pupils: LayerStack | None = None
    hair: LayerStack | None = None
    mouths: dict[Mouth, LayerStack]
    lids: dict[Lids, LayerStack] = Field(default_factory=dict[Lids, LayerStack])
    brows: dict[Brows, LayerStack] = Field(default_factory=dict[Brows, LayerStack])

    @field_validator("mouths")
    @classmethod
    def _open_and_closed(cls, mouths: dict[Mouth, LayerStack]) -> dict[Mouth, LayerStack]:
        if not mouths.keys() & {Mouth.A, Mouth.X} or not mouths.keys() & {Mouth.C, Mouth.D}:
            raise ValueError("a closed and an open mouth are needed | Give at least A or X, and C or D.")
        return mouths

    @field_validator("brows")
    @classmethod
    def _neutral_brows(cls, brows: dict[Brows, LayerStack]) -> dict[Brows, LayerStack]:
        if brows and Brows.NEUTRAL not in brows:
            raise ValueError("brows without neutral ones | Add layers.brows.neutral; the others are derived from it.")
        return brows

    @field_validator("lids")
    @classmethod
    def _closed_lids(cls, lids: dict[Lids, LayerStack]) -> dict[Lids, LayerStack]:
        if lids and Lids.CLOSED not in lids:
            raise ValueError("lids without closed ones | Add layers.lids.closed; half closed is derived from it.")
        return lids


class CharacterManifest(_Table):
    """``character.toml``. Lengths are canvas units: stage pixels at 1920x1080 and seat scale 1."""

    format: Literal[1]
    name: PackName
    title: str = Field(min_length=1, max_length=MAX_TITLE)
    tagline: str = Field(default="", max_length=200)
    colour: Annotated[str, AfterValidator(_colour)] = "#888888"
    canvas: tuple[CanvasSide, CanvasSide]
    seat: Point
    neck: Point
    pupil_reach: tuple[Annotated[float, Field(ge=0, le=200)], Annotated[float, Field(ge=0, le=200)]] = (0.0, 0.0)
    voice: dict[str, str] = Field(default_factory=dict[str, str])
    layers: CharacterLayers

    def stacks(self) -> dict[str, tuple[str, ...]]:
        """Every layer that is given, by its dotted key, e.g. ``layers.mouths.A``."""
        layers = self.layers
        single = {"body": layers.body, "head": layers.head, "eyes": layers.eyes, "pupils": layers.pupils}
        found = {f"layers.{name}": stack for name, stack in (single | {"hair": layers.hair}).items() if stack}
        found |= {f"layers.mouths.{shape}": stack for shape, stack in layers.mouths.items()}
        found |= {f"layers.lids.{shape}": stack for shape, stack in layers.lids.items()}
        return found | {f"layers.brows.{shape}": stack for shape, stack in layers.brows.items()}


class SeatManifest(_Table):
    """A seat: ``at`` is the point under the character's seat anchor."""

    at: Point
    scale: Annotated[float, Field(gt=0.05, le=10)] = 1.0
    mirror: bool = False


class RoomLayers(_Table):
    """Which picture is which layer. ``evening`` and ``night`` are derived from ``day`` by their tint when missing."""

    day: LayerStack
    evening: LayerStack | None = None
    night: LayerStack | None = None
    lamp_glow: LayerStack | None = None
    tv_glow: LayerStack | None = None
    screen_overlay: LayerStack | None = None
    foreground: LayerStack | None = None


class ScreenTable(_Table):
    """The TV: ``screen`` is its picture's corners, clockwise from the top left."""

    screen: tuple[Point, Point, Point, Point]

    @field_validator("screen")
    @classmethod
    def _convex(cls, quad: tuple[Point, Point, Point, Point]) -> tuple[Point, Point, Point, Point]:
        turns: list[float] = []
        for index in range(4):
            (ax, ay), (bx, by), (cx, cy) = (quad[(index + step) % 4] for step in range(3))
            turns.append((bx - ax) * (cy - by) - (by - ay) * (cx - bx))
        if min(turns) <= 0:
            raise ValueError(
                "the screen's corners do not make a convex shape in clockwise order"
                " | Order them top left, top right, bottom right, bottom left."
            )
        return quad


class Light(_Table):
    """``tint`` multiplies the characters' colours (of the lamp: is added to the tint)."""

    tint: Tint = (1.0, 1.0, 1.0)


class Lighting(_Table):
    """The light on the characters by time of day, and what the lamp adds."""

    day: Light = Light()
    evening: Light = Light(tint=(0.92, 0.80, 0.74))
    night: Light = Light(tint=(0.50, 0.56, 0.72))
    lamp: Light = Light(tint=(0.0, 0.0, 0.0))


class RoomManifest(_Table):
    """``room.toml``. Lengths are canvas units; the canvas covers the stage."""

    format: Literal[1]
    name: PackName
    title: str = Field(min_length=1, max_length=MAX_TITLE)
    tagline: str = Field(default="", max_length=200)
    colour: Annotated[str, AfterValidator(_colour)] = "#888888"
    canvas: tuple[CanvasSide, CanvasSide]
    seats: Annotated[tuple[SeatManifest, ...], Field(min_length=2)]
    layers: RoomLayers
    tv: ScreenTable | None = None
    light: Lighting = Lighting()

    def stacks(self) -> dict[str, tuple[str, ...]]:
        """Every layer that is given, by its dotted key."""
        layers = self.layers
        single = {"day": layers.day, "evening": layers.evening, "night": layers.night, "lamp_glow": layers.lamp_glow}
        single |= {"tv_glow": layers.tv_glow, "screen_overlay": layers.screen_overlay, "foreground": layers.foreground}
        return {f"layers.{name}": stack for name, stack in single.items() if stack}

    def tints(self) -> Mapping[Daylight, tuple[float, float, float]]:
        """What the characters' colours are multiplied with."""
        light = self.light
        return {Daylight.DAY: light.day.tint, Daylight.EVENING: light.evening.tint, Daylight.NIGHT: light.night.tint}


Manifest = TypeVar("Manifest", CharacterManifest, RoomManifest)


def parse_manifest(file: Path, model: type[Manifest]) -> Manifest | list[WrongValue]:
    """Read ``file``: the manifest, or all that is wrong with it."""
    if not file.exists():
        pictures = model is CharacterManifest and any(file.parent.glob("*.[pP][nN][gG]"))
        make = f" Of pictures alone one is made first: duologue pack new {file.parent}" if pictures else ""
        remedy = f"A pack is a folder with a {CHARACTER_FILE} or a {ROOM_FILE}.{make}"
        return [WrongValue("", "there is no such file", remedy)]
    try:
        table = read_table(file, "the file")
    except InputError as error:
        return [WrongValue("", error.what, error.remedy)]
    try:
        # Through JSON, because in strict mode an array is taken as a tuple there but a Python list is not.
        manifest = model.model_validate_json(json.dumps(table, default=str))
    except ValidationError as error:
        return problems(error, model)
    folder = file.resolve().parent.name
    if manifest.name != folder:
        return [WrongValue("name", f"{manifest.name!r} is not the folder's name", f'Write name = "{folder}".')]
    return manifest


def _read(folder: Path, name: str, model: type[Manifest]) -> Manifest:
    file = folder / name
    result = parse_manifest(file, model)
    if isinstance(result, list):
        first = result[0]
        raise InputError(
            first.what,
            where=f"{file}: {first.key}" if first.key else str(file),
            remedy=_more(first.remedy, result, folder),
        )
    return result


def _more(remedy: str, found: list[WrongValue], folder: Path) -> str:
    if len(found) == 1:
        return remedy
    more = counted(len(found) - 1, "more value is", "more values are")
    return f"{remedy} {more} wrong: duologue pack check {folder} lists them."


def read_character(folder: Path) -> CharacterManifest:
    """The manifest of a character pack. Raises :class:`InputError` naming file, key and remedy."""
    return _read(folder, CHARACTER_FILE, CharacterManifest)


def read_room(folder: Path) -> RoomManifest:
    """The manifest of a room pack. Raises :class:`InputError` naming file, key and remedy."""
    return _read(folder, ROOM_FILE, RoomManifest)
