"""The ledgers: what was shown, frame by frame, and what was said, turn by turn. Plain records with units."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Cause(StrEnum):
    """Why a frame was late or over its budget."""

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

    ``lateness_ms`` is how long after its due time the frame was encoded (negative: that much ahead). It stands for
    ``periods`` frame periods: 2 at half the picture rate.
    """

    number: int
    due: int
    begun: int
    compose_ms: float
    encode_ms: float
    damage_px: int
    packaged: int
    lateness_ms: float
    cause: Cause = Cause.NONE
    periods: int = 1


class Step(IntEnum):
    """How plain the show is, from all there is to the plainest; each step includes those before it."""

    FULL = 0
    TV = 1
    """The TV's picture changes in every second frame."""
    ANALYSIS = 2
    """The encoder looks for less: the same stream, a little softer or larger."""
    RATE = 3
    """Exactly every second picture is made."""
    SIZE = 4
    """Smaller pictures are encoded; only where nothing that takes the stream must keep its size."""


@dataclass(frozen=True, slots=True)
class StepRecord:
    """The governor's decision that the show becomes plainer (or is brought back) from frame ``frame`` on.

    ``lead_ms`` is how far ahead of its due time the newest picture was then, ``why`` the figure that decided.
    """

    at: int
    frame: int
    step: Step
    before: Step
    lead_ms: float
    why: str


@dataclass(frozen=True, slots=True)
class SkipRecord:
    """The show left out the frames ``first`` … ``following - 1``, since it was ``late_ms`` behind: a discontinuity.

    What was being said goes on at ``following`` where it stopped.
    """

    at: int
    first: int
    following: int
    late_ms: float


@dataclass(frozen=True, slots=True)
class BakeRecord:
    """Something was baked beside the frame path (new light, a table of poses), done at ``at`` (monotonic ns)."""

    at: int
    what: str
    took_ms: float


class Outcome(StrEnum):
    """What came after a turn was taken to be over."""

    ANSWERED = "answered"
    """A reply was given, or begun."""
    WENT_ON = "went_on"
    """The person went on before they heard a word of ours: the decision was too early."""
    NOTHING_SAID = "nothing_said"
    """No words were understood: there was nothing to answer."""
    HUNG_UP = "hung_up"


@dataclass(frozen=True, slots=True)
class EndingRecord:
    """Why a turn of a person was taken to be over: one line of the decision log.

    ``at`` is monotonic ns. After ``silence_ms`` of silence, of ``wait_ms`` that were to be waited for by the rule
    ``why``; ``said`` is what was understood until then, ``pauses`` how long (ms) the person had paused in this turn
    and gone on. ``turn`` is the id of their turn's record (empty: there is none).
    """

    conversation: str
    turn: str
    at: int
    why: str
    wait_ms: float
    silence_ms: float
    said: str
    pauses: tuple[float, ...]
    outcome: Outcome


@dataclass(slots=True)
class TurnRecord:
    """One turn. Times are monotonic ns, 0 while unknown; ``gap_ms`` is the chosen silence before it, ``waited_ms`` what
    an engine added to that. ``heard`` is the part of the text that was played. ``kind`` and ``state`` as in
    :class:`duologue.app.models.TurnView`. ``handovers`` tell which engine of a chain failed at it, why, and who took
    over; ``to`` is the character whom a person spoke to.

    From ``question`` on the fields belong to conversations with a person. Of an answer: ``question`` is the id of the
    turn it answers (empty: it began by itself); ``spoken_to`` when the person's speech ended, ``decided`` when their
    turn was taken to be over, ``understood`` when its words were final, ``first_sentence`` when the first speakable
    sentence was written; ``why`` and ``wait_ms`` by what the wait after the speech was chosen, and how long it was;
    ``adopted``: it was thought before the turn had ended, which saved ``saved_ms``; ``apologised`` when it was decided
    to say honestly that an engine failed; ``filled`` when the first filler sounded, one of ``fillers``;
    ``false_alarms`` and ``echoes`` sounds that did not take the floor from it; ``taken`` when the voice came up that
    did; ``stalls`` names each stage that missed a deadline; ``estimated``: the far end did not acknowledge what it had
    played of it, so that ``heard`` is reckoned by what was sent and when. Of a person's turn: ``pauses`` in it after
    which they went on, ``misses`` speculations that were withdrawn, after ``wasted_ms`` of thinking.
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
    handovers: tuple[str, ...] = ()
    to: str = ""
    question: str = ""
    spoken_to: int = 0
    decided: int = 0
    understood: int = 0
    first_sentence: int = 0
    why: str = ""
    wait_ms: float = 0.0
    adopted: bool = False
    saved_ms: float = 0.0
    apologised: int = 0
    filled: int = 0
    fillers: int = 0
    false_alarms: int = 0
    echoes: int = 0
    taken: int = 0
    stalls: tuple[str, ...] = ()
    pauses: int = 0
    misses: int = 0
    wasted_ms: float = 0.0
    estimated: bool = False


TURN_TIMES = frozenset(
    {"asked", "first_token", "text_complete", "first_audio", "voiced", "on_air", "ended", "spoken_to", "decided"}
    | {"understood", "first_sentence", "apologised", "filled", "taken"}
)
"""The fields of :class:`TurnRecord` that are times."""
