"""A character's face as a browser draws it: what the API says of it (docs/face.md)."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from duologue.app.api_model import ApiModel


class FaceView(ApiModel):
    """What a face does, 30 times a second: the first is frame `first` of what it is of. `mouths`, `lids` and `brows`
    have a letter for each frame (docs/face.md), `values` seven whole numbers, in hundredths: gaze, angle of the head,
    place of the head and of the body.
    """

    first: int
    mouths: str
    lids: str
    brows: str
    values: tuple[int, ...]


class FaceLayer(ApiModel):
    """A layer of a character: where it lies in the picture, and its corner on the canvas."""

    left: int
    top: int
    width: int
    height: int
    x: int
    y: int


class FaceAtlas(ApiModel):
    """How the picture of a character is put together."""

    width: int
    height: int
    scale: float = Field(description="Pixels of the canvas for a pixel of a pose.")
    neck: tuple[float, float] = Field(description="What all but the body turns about.")
    reach: tuple[float, float] = Field(description="How far the pupils move for a gaze of 1.")
    layers: dict[str, FaceLayer]


class FaceLineEvent(ApiModel):
    """What a face does in a line, by the line's id; the same id again: it has grown. Frame 0 is its first sound."""

    type: Literal["line"] = "line"
    id: str
    track: FaceView


class FaceStartEvent(ApiModel):
    """A line begins to be heard."""

    type: Literal["start"] = "start"
    id: str
    in_ms: float = Field(description="So far ahead; below 0: it has been heard for so long.")


class FaceCutEvent(ApiModel):
    """A line is over; so much of it was heard."""

    type: Literal["end"] = "end"
    id: str
    in_ms: float = Field(description="So far ahead, as of a start.")
    played_ms: float


FaceEvent: TypeAlias = FaceLineEvent | FaceStartEvent | FaceCutEvent
