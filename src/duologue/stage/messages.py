"""What crosses the line between the main process and the stage process: cues in, reports out. Small frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from duologue.broadcast.packets import Packet, StreamFormat
from duologue.speech.utterance import Utterance
from duologue.stage.motion.pose import Lights
from duologue.telemetry.ledger import FrameRecord, GovernorStep, PauseRecord, SkipRecord, StepRecord


@dataclass(frozen=True, slots=True)
class Seated:
    """A character of the cast and the folder of its pack, in seat order.

    ``title`` and ``colour`` (``#rrggbb``) are its name in captions; ``pan`` places its voice, -1 (left) … 1 (right).
    """

    name: str
    pack: Path
    title: str
    colour: str
    pan: float = 0.0


@dataclass(frozen=True, slots=True)
class StagePlan:
    """All a stage process needs to begin.

    Frame ``n`` is due at ``origin + n / fps`` (monotonic ns, the clock of all processes). ``origin`` 0 lets the stage
    begin its own grid with frame 0 when it is ready; otherwise it takes up the grid of a stage that died with
    ``first_frame``, the one after the last that was delivered, or later if too much was missed. ``lead`` is how far
    ahead of the due time it renders (seconds). ``wall_origin`` is the Unix time of frame 0 (ns). ``resizable``: should
    the machine be very short of CPU, smaller pictures may be encoded (nobody needs the stream to keep its size).
    """

    room: Path
    cast: tuple[Seated, ...]
    width: int
    height: int
    fps: int
    seed: int
    encoder: str
    bitrate: int
    lead: float
    lights: Lights
    captions: bool
    test_card: bool
    cache: Path | None
    origin: int = 0
    wall_origin: int = 0
    first_frame: int = 0
    resizable: bool = False


# Cues: main -> stage


@dataclass(frozen=True, slots=True)
class SayUtterance:
    """Play an utterance after what is queued, ``gap`` samples after the end of the one before it."""

    utterance: Utterance
    gap: int


@dataclass(frozen=True, slots=True)
class WithdrawUtterance:
    """Take back an utterance that has not begun; answered by :class:`UtteranceWithdrawn`."""

    utterance_id: str


@dataclass(frozen=True, slots=True)
class Cut:
    """Fade out those of these utterances that are being said (within 20 ms, answered by :class:`UtteranceEnded`) and
    drop those that are queued. What others have put there stays.
    """

    utterance_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ponder:
    """The next words are this character's, and are not there yet: it thinks, visibly, until somebody speaks."""

    speaker: str


@dataclass(frozen=True, slots=True)
class ShowTv:
    """Play a film on the TV from its start, looped; ``path`` None switches it off."""

    path: Path | None


@dataclass(frozen=True, slots=True)
class SetLights:
    """Change the light; it is baked off the frame path and swapped in whole."""

    lights: Lights


@dataclass(frozen=True, slots=True)
class Announce:
    """Show a text as the caption until it is replaced (empty: none); speech captions take precedence."""

    text: str


@dataclass(frozen=True, slots=True)
class Shutdown:
    """Finish: flush the encoder and exit."""


Cue: TypeAlias = SayUtterance | WithdrawUtterance | Cut | Ponder | ShowTv | SetLights | Announce | Shutdown


# Reports: stage -> main


@dataclass(frozen=True, slots=True)
class StageReady:
    """The packs are loaded and baked; ``first_frame`` follows.

    ``seconds`` is what that took; the grid is as in the plan. ``granted`` is what the scheduler gave of what was asked,
    ``steps`` what the governor may do without.
    """

    seconds: float
    origin: int
    wall_origin: int
    first_frame: int
    granted: str = ""
    steps: tuple[GovernorStep, ...] = ()


@dataclass(frozen=True, slots=True)
class StreamRun:
    """Packets from here on are of this format, from frame ``first_frame`` on. Each but the first is a discontinuity."""

    format: StreamFormat
    first_frame: int


@dataclass(frozen=True, slots=True)
class Handling:
    """The stage begins to prepare a line; should it die before :class:`Handled`, that was at work."""

    utterance_id: str


@dataclass(frozen=True, slots=True)
class Handled:
    """The line is prepared."""

    utterance_id: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """A line that cannot be said: it is not played, and nothing else suffers."""

    utterance_id: str
    what: str


@dataclass(frozen=True, slots=True)
class StageFailed:
    """The stage ends because of this. ``refused``: what it was given cannot be, and will not be on another try."""

    what: str
    where: str
    remedy: str
    refused: bool


@dataclass(frozen=True, slots=True)
class Encoded:
    """Packets in decode order, sent per frame or a few frames together."""

    packets: tuple[Packet, ...]


@dataclass(frozen=True, slots=True)
class UtteranceStarted:
    """An utterance's first sample is sample ``at`` of the show (it is heard at ``origin + at / 48000``)."""

    utterance_id: str
    at: int


@dataclass(frozen=True, slots=True)
class UtteranceEnded:
    """An utterance is over at sample ``at``;

    ``played`` of its samples were played, all of them unless it was cleared.
    """

    utterance_id: str
    at: int
    played: int


@dataclass(frozen=True, slots=True)
class UtteranceWithdrawn:
    """The answer to :class:`WithdrawUtterance`; ``done`` is False when it had begun already (it then plays on)."""

    utterance_id: str
    done: bool


@dataclass(frozen=True, slots=True)
class Frames:
    """The frame ledger's newest records."""

    records: tuple[FrameRecord, ...]


@dataclass(frozen=True, slots=True)
class Baked:
    """A background bake is done (lights, a pose table): what, and how long it took (ms)."""

    what: str
    milliseconds: float


@dataclass(frozen=True, slots=True)
class LightsKept:
    """A change of light failed, or was none; these are in force, and no change is under way."""

    lights: Lights


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something failed and the stage goes on without it: a TV file that does not decode, an encoder that fell back."""

    what: str
    where: str
    remedy: str


@dataclass(frozen=True, slots=True)
class TvState:
    """What the TV shows now, None when it is off; ``failed``: a film that could not be opened, or that broke off."""

    film: Path | None
    failed: Path | None = None


StageReport: TypeAlias = (
    StageReady | StreamRun | Encoded | UtteranceStarted | UtteranceEnded | UtteranceWithdrawn | Frames | StepRecord
    | SkipRecord | PauseRecord | Baked | LightsKept | TvState | Handling | Handled | Dropped | Trouble | StageFailed
)  # fmt: skip
