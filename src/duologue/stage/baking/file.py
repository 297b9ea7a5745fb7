"""Bakes as arrays in a file, and back: what :mod:`duologue.stage.baking.mapped` keeps is JSON and planes.

What every show looks at comes first in the file (the body, heads up to :data:`USUAL_ANGLE`) and is mapped at once; a
page of the rest is mapped when it is first drawn, so that it takes memory only in a show that needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import NamedTuple, TypeAlias, TypedDict, TypeVar

from duologue.stage.baking.bake import BakedCharacter, BakedRoom, Floating, Turned
from duologue.stage.baking.mapped import Mapped
from duologue.stage.compositor.planes import Sprite
from duologue.stage.frames import Plane
from duologue.stage.lighting import GlowMap
from duologue.stage.motion.pose import Brows, Daylight, Lids, Lights, Mouth

FORMAT = 2
"""Raise it whenever the same art would be baked or written differently by a changed program."""
USUAL_ANGLE = 2.25
"""Degrees. In a minute and a half of show no head turned further."""

Shape = TypeVar("Shape", bound=StrEnum)
Place: TypeAlias = tuple[int, int, int]
"""A sprite: the number of its first plane, of five; left, top."""


class WrittenBake(NamedTuple):
    """What is said of the planes, the planes, and how many of the first are always needed."""

    meta: object
    planes: list[Plane]
    usual: int


class _Body(TypedDict):
    lumas: list[int]
    chromas: list[int]
    left: int
    top: int


class _Turned(TypedDict):
    step: float
    centre: tuple[float, float]
    rungs: list[Place]


class _Character(TypedDict):
    """The parts are numbers of what is turned: a shape that stands in for another is the same number."""

    name: str
    seat: tuple[float, float]
    eyes_at: tuple[float, float]
    neck: tuple[float, float]
    pupil_reach: tuple[float, float]
    body: _Body
    turned: list[_Turned]
    single: dict[str, int]
    shapes: dict[str, dict[str, int]]


class _Glow(TypedDict):
    first: int
    rect: tuple[int, int, int, int]
    u: float
    v: float


class _Room(TypedDict):
    daylight: str
    lamp: bool
    backdrop: int
    screen_overlay: Place | None
    foreground: Place | None
    glow: _Glow | None


class _Planes:
    """Collects planes in the order of the file."""

    def __init__(self) -> None:
        self.all: list[Plane] = []

    def put(self, *planes: Plane) -> int:
        self.all += planes
        return len(self.all) - len(planes)

    def sprite(self, sprite: Sprite) -> Place:
        first = self.put(sprite.luma, sprite.keep, sprite.u, sprite.v, sprite.chroma_keep)
        return first, sprite.left, sprite.top

    def maybe(self, sprite: Sprite | None) -> Place | None:
        return None if sprite is None else self.sprite(sprite)


def write_character(character: BakedCharacter) -> WrittenBake:
    """What stands for a character; where it is seated is not part of it."""
    planes, parts = _Planes(), character.turned
    body = _Body(
        lumas=[planes.put(*pair) for pair in character.body.lumas],
        chromas=[planes.put(*triple) for triple in character.body.chromas],
        left=character.body.left,
        top=character.body.top,
    )
    rungs = [(part, rung) for part in parts for rung in range(len(part.sprites))]
    usual = [(part, rung) for part, rung in rungs if abs(part.angle(rung)) <= USUAL_ANGLE]
    placed = {(id(part), rung): planes.sprite(part.sprites[rung]) for part, rung in usual}
    often = len(planes.all)
    for part, rung in rungs:
        if (id(part), rung) not in placed:
            placed[id(part), rung] = planes.sprite(part.sprites[rung])
    number = {id(part): number for number, part in enumerate(parts)}
    single = {"head": character.head, "eyes": character.eyes, "pupils": character.pupils, "fringe": character.fringe}
    shapes = {"lids": character.lids, "mouths": character.mouths, "brows": character.brows}
    told = _Character(
        name=character.name,
        seat=character.seat,
        eyes_at=character.eyes_at,
        neck=character.neck,
        pupil_reach=character.pupil_reach,
        body=body,
        turned=[
            _Turned(
                step=part.step,
                centre=part.centre,
                rungs=[placed[id(part), rung] for rung in range(len(part.sprites))],
            )
            for part in parts
        ],
        single={name: number[id(part)] for name, part in single.items() if part is not None},
        shapes={name: {str(shape): number[id(part)] for shape, part in each.items()} for name, each in shapes.items()},
    )
    return WrittenBake(told, planes.all, often)


def read_character(kept: Mapped) -> BakedCharacter:
    """The character that was written; its planes are those of the file."""
    told: _Character = kept.meta
    planes = kept.arrays
    turned = [
        Turned(tuple(_sprite(planes, place) for place in part["rungs"]), part["step"], _point(part["centre"]))
        for part in told["turned"]
    ]

    def single(name: str) -> Turned | None:
        return turned[told["single"][name]] if name in told["single"] else None

    def shapes(name: str, kind: Callable[[str], Shape]) -> Mapping[Shape, Turned]:
        return {kind(shape): turned[number] for shape, number in told["shapes"][name].items()}

    body = told["body"]
    return BakedCharacter(
        name=told["name"],
        origin=(0.0, 0.0),
        seat=_point(told["seat"]),
        eyes_at=_point(told["eyes_at"]),
        neck=_point(told["neck"]),
        pupil_reach=_point(told["pupil_reach"]),
        body=Floating(
            tuple((planes[first], planes[first + 1]) for first in body["lumas"]),
            tuple((planes[first], planes[first + 1], planes[first + 2]) for first in body["chromas"]),
            body["left"],
            body["top"],
        ),
        head=turned[told["single"]["head"]],
        eyes=single("eyes"),
        pupils=single("pupils"),
        lids=shapes("lids", Lids),
        mouths=shapes("mouths", Mouth),
        brows=shapes("brows", Brows),
        fringe=single("fringe"),
    )


def write_room(room: BakedRoom) -> WrittenBake:
    """What stands for a room in one light."""
    planes, glow = _Planes(), room.glow
    told = _Room(
        daylight=room.lights.daylight,
        lamp=room.lights.lamp,
        backdrop=planes.put(room.backdrop),
        screen_overlay=planes.maybe(room.screen_overlay),
        foreground=planes.maybe(room.foreground),
        glow=None
        if glow is None
        else _Glow(first=planes.put(glow.luma, glow.chroma), rect=glow.rect, u=glow.u, v=glow.v),
    )
    return WrittenBake(told, planes.all, len(planes.all))


def read_room(kept: Mapped) -> BakedRoom:
    """The room that was written."""
    told: _Room = kept.meta
    planes, glow = kept.arrays, None
    if (light := told["glow"]) is not None:
        left, top, right, bottom = light["rect"]
        first = light["first"]
        glow = GlowMap((left, top, right, bottom), planes[first], planes[first + 1], light["u"], light["v"])
    overlay, foreground = told["screen_overlay"], told["foreground"]
    return BakedRoom(
        lights=Lights(Daylight(told["daylight"]), told["lamp"]),
        backdrop=planes[told["backdrop"]],
        screen_overlay=None if overlay is None else _sprite(planes, overlay),
        foreground=None if foreground is None else _sprite(planes, foreground),
        glow=glow,
    )


def _sprite(planes: tuple[Plane, ...], place: Place) -> Sprite:
    first, left, top = place
    luma, keep, u, v, chroma_keep = planes[first : first + 5]
    return Sprite(luma, keep, u, v, chroma_keep, left, top)


def _point(pair: tuple[float, float]) -> tuple[float, float]:
    """JSON knows no tuples."""
    return pair[0], pair[1]
