"""The ledgers: what was shown, frame by frame, and what was said, turn by turn. Plain records with units."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Cause(StrEnum):
    """Why a frame was late or repeated."""

    NONE = ""
    COMPOSE = "compose"
    ENCODE = "encode"
    STALL = "stall"
    """The process itself was not run (the machine stalled it)."""
    LIGHTS = "lights"
    TV = "tv"


@dataclass(frozen=True, slots=True)
class FrameRecord:
    """One frame. ``due``, ``begun``, ``packaged`` are monotonic ns; the others say their unit.

    ``lateness_ms`` is how long after its due time the frame was encoded (negative: that much ahead). ``repeated`` means
    that the previous picture was sent again.
    """

    number: int
    due: int
    begun: int
    compose_ms: float
    encode_ms: float
    damage_px: int
    packaged: int
    lateness_ms: float
    repeated: bool = False
    cause: Cause = Cause.NONE


@dataclass(frozen=True, slots=True)
class BakeRecord:
    """Something was baked beside the frame path (new light, a table of poses), done at ``at`` (monotonic ns)."""

    at: int
    what: str
    took_ms: float


@dataclass(slots=True)
class TurnRecord:
    """One turn. Times are monotonic ns, 0 while unknown; ``gap_ms`` is the chosen silence before it, ``waited_ms`` what
    an engine added to that. ``heard`` is the part of the text that was played. ``kind`` and ``state`` as in
    :class:`duologue.app.models.TurnView`.
    """

    id: str
    conversation: str
    number: int
    speaker: str
    kind: str = "turn"
    text: str = ""
    heard: str = ""
    asked: int = 0
    first_token: int = 0
    text_complete: int = 0
    first_audio: int = 0
    voiced: int = 0
    on_air: int = 0
    ended: int = 0
    gap_ms: int = 0
    waited_ms: float = 0.0
    refused: int = 0
    interrupted: bool = False
    failure: str = ""
    state: str = "writing"
