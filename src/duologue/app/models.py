"""What the outside sees of a running system: requests, states and events. The web API's schema is made of these."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal, TypeAlias

from pydantic import ConfigDict, Field

from duologue.app.api_model import ApiModel
from duologue.app.calls.line_models import CallLevels, CallTurn, CallView, LineView
from duologue.app.show.output_models import OutputsEvent, OutputView
from duologue.stage.motion.pose import Daylight, Expression


class ConversationState(StrEnum):
    """The life of a conversation."""

    WAITING = "waiting"
    RUNNING = "running"
    ENDED = "ended"
    STOPPED = "stopped"
    FAILED = "failed"


class ConversationRequest(ApiModel):
    """Start a conversation. Without a topic one is picked from the list."""

    topic: str | None = Field(default=None, description="What they talk about, 1 to 400 characters after trimming.")
    turns: int | None = Field(
        default=None, ge=1, le=1000, description="Turns of both speakers; default: as many as show.turns says."
    )
    cast: tuple[str, ...] | None = Field(
        default=None, description="Two names of the cast on stage; default: all of it."
    )
    seed: int | None = Field(default=None, ge=-(1 << 63), lt=1 << 63)


# No model: a house keeps ten thousand of them, and a model takes 532 bytes where this takes 112.
@dataclass(frozen=True, slots=True)
class WordView:
    """A spoken word; ``start`` and ``end`` are Unix times in ms at which it is on air (the stream's programme time)."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # pyright: ignore[reportUnannotatedClassAttribute]

    text: str
    start: float
    end: float


class TurnView(ApiModel):
    """A turn as the transcript shows it. Times are Unix ms, null while unknown; waits are ms."""

    id: str
    conversation: str
    number: int
    speaker: str
    kind: Literal["turn", "answer", "person", "filler"]
    text: str
    state: Literal["writing", "voicing", "queued", "on_air", "ended", "withdrawn", "failed"]
    words: tuple[WordView, ...] = ()
    asked: float | None = None
    first_token: float | None = None
    text_complete: float | None = None
    first_audio: float | None = None
    on_air: float | None = None
    ended: float | None = None
    gap_ms: int = 0
    waited_ms: float = 0.0
    interrupted: bool = False
    refused: int = 0
    failure: str = ""
    handovers: tuple[str, ...] = Field(default=(), description="Which engine failed at it, why, and who took over.")
    to: str = Field(default="", description="Whom a person spoke to: the character that answers.")


class ConversationView(ApiModel):
    """A conversation with all of its turns so far."""

    id: str
    topic: str
    cast: tuple[str, ...]
    turns_planned: int
    seed: int
    state: ConversationState
    started: float
    ended: float | None = None
    failure: str = ""
    turns: tuple[TurnView, ...] = ()


class ChatRequest(ApiModel):
    """Something a person says to a character by name."""

    to: str = Field(description="A character's name.")
    text: str = Field(description="1 to 400 characters after trimming.")
    author: str = Field(default="guest", max_length=40)


class ChatReceipt(ApiModel):
    """The answer to a chat message: the turn that will hold the character's reply."""

    turn: str
    accepted: bool = True


class TvRequest(ApiModel):
    """Play a film by name (see :class:`StageView`) or stop."""

    action: Literal["play", "stop"]
    film: str | None = None


class LightsRequest(ApiModel):
    """Change the time of day, the lamp, or both."""

    daylight: Daylight | None = None
    lamp: bool | None = None


class CaptionRequest(ApiModel):
    """Show a text as the caption (empty: none) until it is replaced; what is spoken takes precedence."""

    text: str = Field(max_length=200)


class ClipMark(ApiModel):
    """A word or a phoneme of a clip with its place in the sound, in ms from the clip's first sample."""

    text: str = Field(min_length=1, max_length=100)
    start: float = Field(ge=0, allow_inf_nan=False)
    end: float = Field(ge=0, allow_inf_nan=False)
    kind: Literal["word", "phoneme"] = "word"


class UtteranceRequest(ApiModel):
    """What is known of a clip of speech besides its sound."""

    character: str = Field(max_length=100, description="Whose mouth says it: a name of the cast.")
    text: str = Field(default="", description="The words, for captions and the face; empty: none are shown.")
    expression: Expression | None = Field(default=None, description="Held throughout; default: read from the text.")
    marks: tuple[ClipMark, ...] = Field(default=(), max_length=5000, description="When each word or phoneme is said.")
    alphabet: Literal["ipa", "espeak", "arpabet"] = Field(default="ipa", description="Of the marks that are phonemes.")


class UtteranceState(StrEnum):
    """The life of a clip: it waits here, is queued on the stage, is heard, and is over."""

    WAITING = "waiting"
    QUEUED = "queued"
    ON_AIR = "on_air"
    ENDED = "ended"
    SKIPPED = "skipped"


class UtteranceView(ApiModel):
    """A clip that a client put on the stage. Times are Unix ms, null while unknown."""

    id: str
    character: str
    text: str
    state: UtteranceState
    duration_ms: float = Field(description="Of what is heard: silence at both ends is taken off.")
    lips: Literal["phonemes", "words", "sound"] = Field(description="What the mouth is moved by, as known so far.")
    place: int | None = Field(description="Clips before this one; 0: it is on air or the next; null: it is over.")
    received: float
    decoded: float
    queued: float | None = None
    on_air: float | None = None
    ended: float | None = None
    played_ms: float = Field(default=0.0, description="How much of it was heard, known when it is over.")
    note: str = Field(default="", description="What did not go as well as it might.")


class CharacterView(ApiModel):
    """A character of the cast on stage."""

    name: str
    title: str
    tagline: str = ""
    colour: str = Field(default="#888888", description="For its name in the transcript, as #rrggbb.")


class EngineView(ApiModel):
    """An engine that speaks, thinks or hears, in order of preference. ``cause`` tells its last failure, while it
    counts, or the cap that it has reached.
    """

    kind: Literal["tts", "llm", "stt"]
    name: str
    state: Literal["ready", "cold", "out", "spent"] = Field(
        description="cold: it has not come up; out: it failed and has not done its work since; spent: it has reached a"
        " cap of the day."
    )
    failures: int = Field(default=0, description="In a row.")
    cause: str = ""
    last_failure: str = Field(default="", description="Remembered when it is well again; empty: it has never failed.")
    restarts: int = Field(default=0, description="Of its workers, since the start.")
    note: str = Field(default="", description="Why it was chosen, if that was left to us, and where its voice is from.")
    workers: tuple[str, ...] = Field(default=(), description="Its child processes, by name.")
    device: str = Field(default="", description="Where it computes: this machine's CPU, or somebody else's server.")
    cold_ms: float | None = Field(default=None, description="Its start, and its first sound or word after it.")
    warm_ms: float | None = Field(default=None, description="Until the first sound or word since: the median.")
    characters: float | None = Field(default=None, description="It speaks or writes so many a second.")
    expected: float | None = Field(default=None, description="So many it did here when its model was fetched.")


class KeyView(ApiModel):
    """Whether the key of an engine on somebody else's server is in the environment. Its value is told nobody."""

    engine: str
    variable: str
    present: bool
    chosen: bool = Field(description="The engine is one of those that are set.")


class SetupStep(ApiModel):
    """Something to do, and the line for a terminal that does it."""

    words: str
    command: str


class UpgradeView(ApiModel):
    """A better voice or mind, what it takes, and how far it is here."""

    name: str
    kind: Literal["voice", "mind"]
    title: str
    what: str
    steps: tuple[SetupStep, ...] = Field(description="What is left to do.")
    state: Literal["used", "ready", "missing"]
    told: str = Field(description="What was found when it was looked for.")


class SetupView(ApiModel):
    """What is there, and what could be."""

    keys: tuple[KeyView, ...]
    upgrades: tuple[UpgradeView, ...]


class VoicesView(ApiModel):
    """The voices of an engine that speaks; none while it has not come up."""

    engine: str
    voices: tuple[str, ...] = ()


class WorkerView(ApiModel):
    """A child process that is kept running. Times are Unix ms."""

    name: str
    purpose: str = Field(description="What it is for.")
    state: Literal["idle", "starting", "up", "restarting", "failed", "closed"] = Field(
        description="idle: nobody has needed it yet; failed: it is tried again when it is needed; closed: it is gone."
    )
    since: float
    pid: int | None
    restarts: int = Field(description="Times that another took its place.")
    failures: int = Field(description="In a row.")
    last_failure: str = Field(description="Empty: it has never failed.")
    next_try: float | None = Field(description="While it is left alone after failures in a row.")
    waited_s: float = Field(default=0.0, description="How long its pieces of work have waited for others, in all (s).")
    queued: int = Field(default=0, description="Pieces of its work that wait now.")
    gave_way: int = Field(default=0, description="Pieces of its work that were overtaken by what was more urgent.")


class StepName(StrEnum):
    """How plain the show is, from all there is to the plainest; each includes those before it."""

    FULL = "full"
    TV = "tv"
    ANALYSIS = "analysis"
    RATE = "rate"
    SIZE = "size"


class StepView(ApiModel):
    """A step of the governor: what the show does without because the machine is short of CPU."""

    step: StepName
    words: str = Field(description="What a viewer sees of it, in a sentence.")
    since: float = Field(description="Unix ms.")
    why: str = Field(default="", description="The figure that decided.")


class PaceView(ApiModel):
    """A voice that is slower than the show would have it, and what a viewer sees of that."""

    words: str = Field(description="What a viewer sees of it, in a sentence; empty: the voice keeps up.")
    factor: float = Field(default=0.0, description="Seconds that the voice takes for a second of speech.")
    since: float = Field(default=0.0, description="Unix ms.")


class StageView(ApiModel):
    """The stage now."""

    ready: bool
    cast: tuple[CharacterView, ...]
    room: str
    width: int
    height: int
    fps: int
    daylight: Daylight
    lamp: bool
    tv: str = Field(default="", description="The film that plays; empty: off.")
    films: tuple[str, ...]
    caption: str
    topics: tuple[str, ...] = Field(default=(), description="Suggestions for a topic.")
    turns: int = Field(description="Of a conversation, unless its request says otherwise.")
    origin: float = Field(description="Unix ms of the show's first sample.")
    restarts: int = 0
    engines: tuple[EngineView, ...] = ()
    viewers_behind: float = Field(default=0.0, description="Expected distance of a viewer from live, seconds.")
    quality: StepView = Field(
        default=StepView(step=StepName.FULL, words="", since=0.0), description="How plain the show is now."
    )
    steps: tuple[StepView, ...] = Field(default=(), description="The newest steps, the newest first; at most 20.")
    pace: PaceView = Field(default=PaceView(words=""), description="Whether the show waits for its voices.")


class TelemetryView(ApiModel):
    """One second of the show. Times in ms; ``lead_ms`` is how far the stage is ahead of its due time.

    ``frames`` is how many pictures were made, ``late`` ones were ready after their due time; ``over_budget`` ones cost
    more than a frame period, which the lead hides; ``skipped`` were left out to come back to the grid.
    """

    at: float
    frames: int
    late: int
    over_budget: int
    skipped: int
    late_total: int
    over_budget_total: int
    skipped_total: int
    compose_p50: float
    compose_max: float
    frame_p50: float
    frame_max: float
    lead_ms: float
    main_cpu: float
    stage_cpu: float
    main_rss_mb: float
    stage_rss_mb: float
    steal: float
    loop_lag_ms: float


class Notice(ApiModel):
    """A word to the person at the page: what happened, and what they can do."""

    level: Literal["info", "warning", "error"]
    text: str
    remedy: str = ""


class PartState(StrEnum):
    """The life of a part of the house: a show, the conversations with people, a line."""

    STARTING = "starting"
    UP = "up"
    RESTARTING = "restarting"
    STOPPED = "stopped"
    OVER = "over"
    FAILED = "failed"


class PartView(ApiModel):
    """A part of the house, as whoever keeps it sees it."""

    name: str
    topic: str = Field(description="Of its events.")
    state: PartState
    failure: str = Field(default="", description="Why its last run ended, until it is up again.")
    last_failure: str = Field(default="", description="The same, remembered; empty: it has never failed.")
    restarts: int = Field(default=0, description="Times that it was started again.")
    due: float | None = Field(default=None, description="When it is started again, Unix ms.")
    reasons: tuple[str, ...] = Field(default=(), description="Why it would serve nobody now.")


class PlacesView(ApiModel):
    """How many conversations an engine of a kind carries at once, and how many places are taken."""

    kind: Literal["listener", "voice", "thought"]
    places: int | None = Field(description="null: no limit is known.")
    taken: int
    refused: int = Field(default=0, description="Those who were sent away since the start.")
    waited: int = Field(default=0, description="Those who had to wait.")


TalkTurnState: TypeAlias = Literal["hearing", "thinking", "speaking", "ended", "interrupted", "withdrawn"]


class TalkTurnView(ApiModel):
    """A turn of a conversation with a person, as far as it has come. The same number again: it replaces the former."""

    number: int
    speaker: str = Field(description="The character's name, or `person`.")
    state: TalkTurnState = Field(description="`withdrawn`: a reply of which nobody heard a word.")
    text: str = Field(default="", description="Understood of the person so far; of a reply, what sounded.")
    heard: str | None = Field(default=None, description="What the person heard of a reply that is over.")


class TalkView(ApiModel):
    """A conversation with a person. Times are Unix ms."""

    id: str
    character: str
    title: str
    started: float
    ended: float | None = None
    turns: tuple[TalkTurnView, ...] = Field(default=(), description="The newest 20.")


class TalkCharacter(ApiModel):
    """Somebody who may be talked to."""

    name: str
    title: str
    tagline: str
    colour: str = Field(description="As CSS has it; empty: it has none of its own.")
    language: str = Field(description="That it speaks (BCP 47).")
    teaches: bool = Field(default=False, description="It is made for lessons, and corrects who talks with it.")


class TalkLessonView(ApiModel):
    """A lesson that may be practised, and what the learner made of it."""

    name: str
    title: str
    level: str = Field(description="Of the Common European Framework of Reference: `A1` … `C2`.")
    about: str
    exercises: int
    words: int = Field(description="That it teaches.")
    translations: tuple[str, ...] = Field(description="Languages that it translates into (ISO 639-1).")
    times: int = Field(default=0, description="That it was gone through.")
    best: float = Field(default=0.0, description="Share of exercises answered at once, at best (0…1).")
    next: bool = Field(default=False, description="It is the one to do next.")


class TalkLearning(ApiModel):
    """What there is to learn, and how far the learner is."""

    lessons: tuple[TalkLessonView, ...] = ()
    broken: tuple[str, ...] = Field(
        default=(), description="Files beside those that are no lessons: which, and what is wrong."
    )
    level: str = Field(description="At which the learner is.")
    words: int = Field(default=0, description="That are learnt.")
    due: int = Field(default=0, description="Of those: how many are due for review now.")
    model: bool = Field(default=False, description="There is a language model to talk freely with.")
    languages: tuple[str, ...] = Field(default=(), description="Into which that translates (ISO 639-1).")


class TalkOffer(ApiModel):
    """Who may be talked to, and why not now. The socket is `/api/talk` (docs/talk-protocol.md)."""

    characters: tuple[TalkCharacter, ...]
    learning: TalkLearning
    reasons: tuple[str, ...] = Field(description="Why nobody could begin a conversation now; none: somebody could.")


class StoreView(ApiModel):
    """What is kept of people (docs/store.md)."""

    where: str
    failure: str = Field(description="Why nothing is remembered now; empty: it is.")
    remedy: str = ""
    lost: int = Field(description="Writes that never will be.")
    waiting: int = 0


class HouseView(ApiModel):
    """The running system: its parts, the engines that they share, and who talks."""

    parts: tuple[PartView, ...] = ()
    engines: tuple[EngineView, ...] = ()
    workers: tuple[WorkerView, ...] = ()
    outputs: tuple[OutputView, ...] = ()
    places: tuple[PlacesView, ...] = ()
    waiting: int = Field(default=0, description="Those who wait for a place.")
    store: StoreView | None = Field(default=None, description="null: nothing is kept.")
    talks: tuple[TalkView, ...] = Field(default=(), description="Those that go on.")


class ShowView(ApiModel):
    """A show of the house, and where its parts are. The first one is at ``/`` too."""

    name: str
    state: PartState
    failure: str = Field(default="", description="Why it is not on air.")
    topic: str = Field(default="", description="Of the conversation that is on.")
    here: bool = Field(description="It is the one that this request was put to.")
    page: str
    stream: str
    events: str
    metrics: str


class StateView(ApiModel):
    """All that a page shows, as of now: the house, and the show whose topic was asked for."""

    house: HouseView = HouseView()
    stage: StageView | None = Field(default=None, description="null: no show was asked for, or it is not open yet.")
    conversations: tuple[ConversationView, ...] = Field(
        default=(), description="Those that are remembered, newest first, without their turns."
    )
    turns: tuple[TurnView, ...] = Field(default=(), description="The newest of them, oldest first; at most 100.")
    line: LineView | None = Field(default=None, description="null: it was not asked for, or is not switched on.")


class StateEvent(ApiModel):
    """The first event of every subscription, and of one that goes on after a gap: it replaces what was known."""

    type: Literal["state"] = "state"
    state: StateView


class ConversationEvent(ApiModel):
    """A conversation began, changed state or ended (its ``turns`` are left out here)."""

    type: Literal["conversation"] = "conversation"
    conversation: ConversationView


class TurnEvent(ApiModel):
    """A turn changed."""

    type: Literal["turn"] = "turn"
    turn: TurnView


class StageEvent(ApiModel):
    """The stage changed."""

    type: Literal["stage"] = "stage"
    stage: StageView


class TelemetryEvent(ApiModel):
    """Once a second."""

    type: Literal["telemetry"] = "telemetry"
    telemetry: TelemetryView


class PartEvent(ApiModel):
    """A part of the house changed its state."""

    type: Literal["part"] = "part"
    part: PartView


class TalkEvent(ApiModel):
    """A conversation with a person began or ended."""

    type: Literal["talk"] = "talk"
    talk: TalkView


class LineEvent(ApiModel):
    """The phone line changed: where it listens, its registrations, how many calls it took. Without its calls."""

    type: Literal["line"] = "line"
    line: LineView


class CallEvent(ApiModel):
    """A call came, changed or is over (its ``turns`` are left out here)."""

    type: Literal["call"] = "call"
    call: CallView


class CallTurnEvent(ApiModel):
    """A turn on a call changed."""

    type: Literal["call_turn"] = "call_turn"
    turn: CallTurn


class LevelsEvent(ApiModel):
    """Twice a second, of the calls that go on."""

    type: Literal["levels"] = "levels"
    levels: tuple[CallLevels, ...]


class TalkTurnEvent(ApiModel):
    """A turn of a conversation with a person began, grew or ended."""

    type: Literal["talk_turn"] = "talk_turn"
    talk: str = Field(description="The id of the conversation.")
    turn: TalkTurnView


class EnginesEvent(ApiModel):
    """The health of the engines that all share changed."""

    type: Literal["engines"] = "engines"
    engines: tuple[EngineView, ...]


class WorkerEvent(ApiModel):
    """A child process changed its state."""

    type: Literal["worker"] = "worker"
    worker: WorkerView


class PlacesEvent(ApiModel):
    """A place was taken, given back, or asked for in vain."""

    type: Literal["places"] = "places"
    places: tuple[PlacesView, ...]
    waiting: int


class NoticeEvent(ApiModel):
    """Something a person should know."""

    type: Literal["notice"] = "notice"
    notice: Notice


Event = Annotated[
    StateEvent
    | ConversationEvent
    | TurnEvent
    | StageEvent
    | TelemetryEvent
    | PartEvent
    | TalkEvent
    | LineEvent
    | CallEvent
    | CallTurnEvent
    | LevelsEvent
    | TalkTurnEvent
    | EnginesEvent
    | WorkerEvent
    | PlacesEvent
    | OutputsEvent
    | NoticeEvent,
    Field(discriminator="type"),
]
"""What ``GET /api/events`` streams: server-sent events whose ``event:`` is the type and whose ``data:`` is the JSON."""


class Problem(ApiModel):
    """An error's answer (after RFC 9457): what was wrong, where, and the next step."""

    title: str
    where: str = ""
    remedy: str = ""
    status: int
