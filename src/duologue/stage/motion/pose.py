"""Everything visible about a character at one instant. Motion makes poses; the compositor draws them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Mouth(StrEnum):
    """Rhubarb's shapes, and two rests that an expression may ask for (a pack without them shows X)."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    E = "E"
    F = "F"
    G = "G"
    H = "H"
    X = "X"
    SMILE = "smile"
    FROWN = "frown"


class Lids(StrEnum):
    """How far the eyelids are down."""

    OPEN = "open"
    HALF = "half"
    CLOSED = "closed"


class Brows(StrEnum):
    """The four brow shapes."""

    NEUTRAL = "neutral"
    RAISED = "raised"
    KNIT = "knit"
    WORRIED = "worried"


class Expression(StrEnum):
    """What a character shows over a stretch of time; planned from the text and the stress."""

    NEUTRAL = "neutral"
    SMILE = "smile"
    SURPRISE = "surprise"
    DOUBT = "doubt"
    ANGER = "anger"
    LAUGH = "laugh"


@dataclass(frozen=True, slots=True)
class Pose:
    """One character at one instant.

    Lengths are stage pixels at 1920x1080 (a smaller stage scales them), x to the right and y down as seen on screen,
    angles are degrees, clockwise positive. ``gaze`` is -1…1 of the pupils' reach, on screen. ``head`` moves relative
    to the body. Motion keeps |head_angle| <= 4, |head| <= (6, 6), |body| <= (6, 6); the compositor bakes for these
    ranges and clamps.
    """

    mouth: Mouth = Mouth.X
    lids: Lids = Lids.OPEN
    brows: Brows = Brows.NEUTRAL
    gaze: tuple[float, float] = (0.0, 0.0)
    head_angle: float = 0.0
    head: tuple[float, float] = (0.0, 0.0)
    body: tuple[float, float] = (0.0, 0.0)


MAX_HEAD_ANGLE = 4.0
MAX_SHIFT = 6.0


class Daylight(StrEnum):
    """The time of day outside the window."""

    DAY = "day"
    EVENING = "evening"
    NIGHT = "night"


@dataclass(frozen=True, slots=True)
class Lights:
    """How the room is lit."""

    daylight: Daylight = Daylight.EVENING
    lamp: bool = True


@dataclass(frozen=True, slots=True)
class CaptionWord:
    """A word of the caption on screen; ``lit`` while it is spoken (and once spoken)."""

    text: str
    lit: bool = False


@dataclass(frozen=True, slots=True)
class CaptionState:
    """The caption to show now: the words of one page (two lines at most) by ``speaker`` (empty: an announcement)."""

    speaker: str = ""
    words: tuple[CaptionWord, ...] = ()


@dataclass(frozen=True, slots=True)
class FrameState:
    """What the cast does and what is written in one frame: a pure value. ``poses`` are in seat order.

    The room's light and the TV's picture are the scenery's own; they come to it in their own time.
    """

    number: int
    poses: tuple[Pose, ...]
    caption: CaptionState = CaptionState()
