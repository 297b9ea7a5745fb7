"""What is said on the socket of a talk (``/api/talk``), as its two ends know it: each message a model, each frame of
sound a header and PCM. Pure. docs/talk-protocol.md and the page's types are made of these.

A message is a JSON text, told by its ``type``. Sound is binary: little-endian, signed 16 bits, mono.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.json_schema import models_json_schema

from duologue.audio.pcm import RATE, Samples
from duologue.errors import InputError

VERSION = 1
EAR_RATE = 16_000
"""Of the person's sound (Hz)."""
MAX_TEXT = 16 * 1024
"""Bytes of a message from a client."""
MAX_WORDS = 4_000
"""Characters that a person may write at once."""
MAX_CAPTURED = EAR_RATE // 2
"""Samples of a frame of the person's sound."""
MAX_NUMBER = 1 << 53
_WHERE = "talk socket"


class TalkMessage(BaseModel):
    """Frozen, and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_serialization_defaults_required=True)


def _field(what: str, **bounds: Any) -> Any:
    return Field(description=what, **bounds)


def _default(value: Any, what: str, **bounds: Any) -> Any:
    return Field(default=value, description=what, **bounds)


# From the client


class TalkPlace(TalkMessage):
    """How far something was played."""

    id: str = _field("The sound's.", max_length=200)
    samples: int = _field("So many of it, counted from its first one at the rate of the welcome.", ge=0, le=MAX_NUMBER)


class TalkHello(TalkMessage):
    """The first message: begin a conversation, or go on with one whose socket broke."""

    type: Literal["hello"] = "hello"
    version: int = _field(f"Of this protocol: {VERSION}.")
    resume: str = _default("", "The token of the welcome, to go on with that conversation.", max_length=100)
    heard: TalkPlace | None = _default(
        None,
        "Where a client that goes on, and kept its sound, is in what plays, or the end of what it played last. It then "
        "forgets what it has: it is sent again from there.",
    )
    captured: bool = _default(
        False,
        "A client that goes on kept its microphone's clock, and the newest of its sound: it sends again what the "
        "welcome says did not come, and whether the button to talk is held.",
    )
    character: str = _default("", "Of a new conversation: who is talked to, by name; empty: the first.", max_length=64)
    topic: str = _default("", "What it is about.", max_length=400)
    greet: bool = _default(False, "The character speaks first.")
    microphone: bool = _default(True, "The person may speak, as far as there is a place for one who listens.")
    lesson: str = _default(
        "", "Drills instead of a conversation: a lesson of the offer by name, or `review`.", max_length=64
    )
    translate: str = _default(
        "", "The language that is translated into where it is asked for (ISO 639-1).", max_length=3
    )
    person: str = _default(
        "", "Who they are: a name, or an id of the client's own; empty: nothing of this is remembered.", max_length=100
    )


class TalkSay(TalkMessage):
    """The person wrote something; it is answered at once, and interrupts."""

    type: Literal["say"] = "say"
    text: str = _field("In characters.", min_length=1, max_length=MAX_WORDS)
    number: int = _default(
        0, "Counted by the client, from 1, in the whole conversation: what came is not taken again. 0: not counted.",
        ge=0, le=MAX_NUMBER,
    )  # fmt: skip


class TalkPush(TalkMessage):
    """The button to talk went down or up. While it is down pauses end no turn; when it comes up the turn is over."""

    type: Literal["push"] = "push"
    down: bool


class TalkCommit(TalkMessage):
    """The person's turn is over, whatever the silence."""

    type: Literal["commit"] = "commit"


class TalkCancel(TalkMessage):
    """What the person has said since they were last answered is forgotten."""

    type: Literal["cancel"] = "cancel"


class TalkInterrupt(TalkMessage):
    """The character stops."""

    type: Literal["interrupt"] = "interrupt"


class TalkPlayed(TalkMessage):
    """So much of a sound has been heard: from the audio clock, about every 100 ms while something plays, at once at its
    end. This is what *heard* means; the server believes no more than it has sent.
    """

    type: Literal["played"] = "played"
    id: str = _field("The sound's.", max_length=200)
    samples: int = _field("Counted from its first one, not from where it was sent from.", ge=0, le=MAX_NUMBER)
    at: int | None = _default(
        None, "When that was so: µs of the client's audio clock, which may begin anywhere.", ge=0, le=MAX_NUMBER
    )


class TalkStopped(TalkMessage):
    """The answer to `clear`: where it stopped. An empty id: nothing was playing."""

    type: Literal["stopped"] = "stopped"
    id: str = _default("", "The sound's.", max_length=200)
    samples: int = _default(0, "As in `played`.", ge=0, le=MAX_NUMBER)
    at: int | None = _default(None, "As in `played`.", ge=0, le=MAX_NUMBER)


class TalkPong(TalkMessage):
    """The answer to `ping`, at once."""

    type: Literal["pong"] = "pong"
    number: int = _field("The ping's.", ge=0, le=MAX_NUMBER)


class TalkLearn(TalkMessage):
    """In a lesson: begin another one, or the same again."""

    type: Literal["learn"] = "learn"
    lesson: str = _field("By name, or `review`.", min_length=1, max_length=64)


class TalkHelp(TalkMessage):
    """In a lesson: help with the exercise that is asked."""

    type: Literal["help"] = "help"
    want: Literal["hint", "translation", "again", "skip"]


class TalkTake(TalkMessage):
    """Of a call: speak with the caller in the character's place, or (false) give the call back."""

    type: Literal["take"] = "take"
    taken: bool


class TalkLeave(TalkMessage):
    """The conversation is over; it cannot be resumed. Of a call: it is attended no longer, and given back."""

    type: Literal["leave"] = "leave"


FromClient: TypeAlias = (
    TalkHello | TalkSay | TalkPush | TalkCommit | TalkCancel | TalkInterrupt | TalkPlayed | TalkStopped | TalkPong
    | TalkLearn | TalkHelp | TalkTake | TalkLeave
)  # fmt: skip

# From the server


class TalkWelcome(TalkMessage):
    """The answer to `hello`. What the conversation is so far follows."""

    type: Literal["welcome"] = "welcome"
    version: int
    conversation: str = _field("Its id, as the ledger has it.")
    resume: str = _field("The token with which to go on after the socket broke.")
    resumed: bool = _field("It is the conversation whose token was given.")
    character: str
    title: str = _field("What the character is called.")
    microphone: bool = _field("Sound from the person is listened to.")
    rate: int = _field("Of the sound that is sent (Hz).")
    resume_seconds: float = _field("A conversation waits so long for its client.")
    said: int = _default(
        0, "The number of the newest `say` that was taken: a client that goes on says again what it wrote after that."
    )
    captured: int | None = _default(
        None,
        "Where the client kept its microphone's clock: the number on it of the first sample that did not come. Null: "
        "none of that clock did.",
    )
    remembered: bool = _default(False, "What is heard is kept, for the next conversation with this person.")
    person: str = _default("", "What they are called, as they once said; empty: that is not known.")


class TalkSource(TalkMessage):
    """A passage of the character's own files that an answer was told."""

    name: str = _field("The file.")
    place: str = _field("Where in it, in words: a heading, a page; may be empty.")
    text: str


class TalkTurn(TalkMessage):
    """A turn of either side, as far as it has come. The same id again: it replaces the former."""

    type: Literal["turn"] = "turn"
    id: str
    number: int = _field("Its place in the conversation.")
    person: bool = _field("It is the person's; else the character's.")
    operator: Literal["", "spoken", "written"] = _default(
        "", "Of a call: an operator said it, or wrote it and the character says it."
    )
    text: str = _field("What was understood or written so far.")
    state: str = _field(
        "`on_air` (of a person: they speak), `writing`, `voicing`, `queued`; at the end `ended`, `withdrawn` (nobody "
        "heard a word of it) or `failed`."
    )
    heard: str = _default("", "Of the character's: what was played of it, when it is over.")
    interrupted: bool = False
    at: float | None = _default(None, "When the wait for it began (Unix ms).")
    stages: dict[str, float] = _default(
        {}, "What the wait for its first word was made of (ms), in order; they add up to all of it."
    )
    failure: str = _default("", "What failed at it, each with its stage.")
    handovers: tuple[str, ...] = _default((), "Which engine failed at it, why, and who took over.")
    sources: tuple[TalkSource, ...] = _default((), "Of an answer: what it was told from the character's own files.")


class TalkWord(TalkMessage):
    """A word of a chunk, in ms from its beginning."""

    text: str
    start: float
    end: float


ChunkState: TypeAlias = Literal["waiting", "voicing", "ready", "playing", "heard", "cut", "failed"]


class TalkChunk(TalkMessage):
    """A sentence of the character's, from when it is written. The same id again: it replaces the former."""

    type: Literal["chunk"] = "chunk"
    id: str = _field("Its sound has the same.")
    turn: str = _field("The turn that it belongs to.")
    index: int = _field("Its place in that.")
    text: str
    state: ChunkState = _field("`cut`: it ended before its end, or was never begun; `heard` says what of it was.")
    heard: str = _default("", "The words of it that were heard, when it is over.")
    length_ms: float | None = _default(None, "Of its sound; it grows while `open`.")
    open: bool = _default(False, "More of its sound will come.")
    words: tuple[TalkWord, ...] = _default((), "As far as the voice tells when they are spoken.")


class TalkStanding(TalkMessage):
    """Where the conversation stands."""

    type: Literal["standing"] = "standing"
    state: Literal["quiet", "listening", "thinking", "speaking"]


class TalkAttended(TalkMessage):
    """Of a call: who speaks with the caller. It replaces the one of before."""

    type: Literal["attended"] = "attended"
    caller: str = _field("Who is on the line.")
    operator: str = _default("", "Who has taken the call over, by name; empty: the character speaks.")
    speaks: bool = _default(False, "The operator is heard; before that the character ends its sentence.")
    yours: bool = _default(False, "That operator is you.")
    listeners: int = _default(0, "Who attends the call, you included.")
    announced: bool = _default(False, "The caller is told when an operator takes over.")


class TalkPause(TalkMessage):
    """Hold what plays where it is."""

    type: Literal["pause"] = "pause"


class TalkResume(TalkMessage):
    """Go on from there."""

    type: Literal["go_on"] = "go_on"


class TalkClear(TalkMessage):
    """Silence, and forget all sound; then say `stopped`."""

    type: Literal["clear"] = "clear"


class TalkWithdraw(TalkMessage):
    """Forget a sound that has not begun."""

    type: Literal["withdraw"] = "withdraw"
    id: str


class TalkLesson(TalkMessage):
    """The lesson that is practised, as far as it has come. It replaces the one of before."""

    type: Literal["lesson"] = "lesson"
    name: str
    title: str
    level: str = _field("Of the Common European Framework of Reference: `A1` … `C2`.")
    about: str
    state: Literal["going", "over"]
    number: int = _field("Of the exercise that is asked, from 1.")
    count: int = _field("Of exercises; one that went wrong comes once more at the end.")
    right: int = _default(0, "At its end: answered at last.")
    first: int = _default(0, "Of those: at the first try and without help.")
    seconds: float = _default(0.0, "At its end: how long it took.")
    scored: bool = _field("Words that are spoken get a score; else it is told which were understood.")


class TalkExercise(TalkMessage):
    """An exercise, from when it is asked. The same id again: it replaces the former."""

    type: Literal["exercise"] = "exercise"
    id: str
    number: int
    kind: Literal["repeat", "choice", "answer", "write"]
    ask: str = _field("What the character says before it.")
    text: str = _default("", "Of a `repeat`: what is to be said.")
    options: tuple[str, ...] = _default((), "Of a `choice`: one of them is to be said, or sent as `say`.")
    state: Literal["asked", "right", "close", "wrong"] = _field(
        "`close`: right but for a slip of the pen or an unclear word. `wrong`: its answer was told."
    )
    again: bool = _default(False, "It comes for the second time.")
    tries: int = 0
    answer: str = _default("", "The best answer, when it is over.")
    hint: str = _default("", "Once it was given.")
    translation: str = _default("", "Once it was given.")
    translates: bool = _field("There is a translation to ask for.")


class TalkJudgedWord(TalkMessage):
    """A word of the right answer, or one that was said beside it."""

    text: str
    state: Literal["right", "unclear", "missing", "extra"]
    score: int | None = _default(None, "How clearly it was said, 0 to 100, where words are scored.")
    instead: str = _default("", "Of one that is missing: what was said in its place.")


class TalkJudged(TalkMessage):
    """What an answer was, beside the learner's own words."""

    type: Literal["judged"] = "judged"
    id: str
    exercise: str = _field("Its id.")
    said: str = _field("As it was understood or written.")
    written: bool
    wanted: str = _field("The right answer that comes nearest.")
    verdict: Literal["right", "close", "wrong"]
    words: tuple[TalkJudgedWord, ...]
    correction: str = _default("", "What to say instead.")
    because: str = ""


class TalkNote(TalkMessage):
    """What a language model notes beside what it says: never spoken. The same id again: it replaces the former."""

    type: Literal["note"] = "note"
    id: str
    turn: str = _field("The character's turn that it goes with.")
    kind: Literal["correction", "translation", "hint", "vocabulary"]
    text: str
    said: str = _default("", "Of a correction: the person's own words.")


class TalkVocable(TalkMessage):
    """A word that is learnt."""

    word: str
    meaning: str = ""
    translation: str = _default("", "Into the language that was asked for.")
    lesson: str = _default("", "Where it comes from; empty: a conversation.")
    due: float = _field("When it comes again (Unix ms).")
    reviews: int = _field("How often it was asked.")
    lapses: int = _field("How often it was forgotten since it was known.")


class TalkVocabulary(TalkMessage):
    """What the learner learns, what is due first: at most 200 words. It replaces the one of before."""

    type: Literal["vocabulary"] = "vocabulary"
    words: tuple[TalkVocable, ...]
    count: int = _field("Of all words.")
    due: int = _field("How many of them are due now.")
    level: str = _field("At which the learner is.")
    kept: bool = _field("It is kept from one day to the next.")


class TalkNotice(TalkMessage):
    """Something that the person should know; the conversation goes on."""

    type: Literal["notice"] = "notice"
    level: Literal["info", "warning", "error"]
    text: str
    remedy: str = ""


class TalkPing(TalkMessage):
    """Every two seconds: a client that hears nothing for eight has lost its server."""

    type: Literal["ping"] = "ping"
    number: int


class TalkBye(TalkMessage):
    """The last message; the socket is closed after it."""

    type: Literal["bye"] = "bye"
    code: Literal[
        "ended", "idle", "taken", "gone", "version", "protocol", "flood", "slow", "full", "starting", "character",
        "forbidden", "off", "failed", "closing", "lesson",
    ] = _field(
        "`ended`: the conversation is over; `idle`: nobody said anything for long; `taken`: another socket goes on "
        "with it; `gone`: there is no such conversation any more; `version`, `protocol`, `flood`: what the client did "
        "wrong; `slow`: it does not read; `full`, `starting`, `closing`: not now; `character`: there is nobody of that "
        "name; `lesson`: there is no such lesson, or nothing to review; `forbidden`: a token is missing, not known, or "
        "lacks the scope `talk` (of a call `line`); "
        "`off`: no talks are held here; `failed`: a fault of ours."
    )  # fmt: skip
    text: str
    remedy: str = ""
    resume: bool = _default(False, "The conversation waits for its client.")
    retry_seconds: float | None = _default(None, "It may be tried again after so long.")


FromServer: TypeAlias = (
    TalkWelcome | TalkTurn | TalkChunk | TalkStanding | TalkAttended | TalkPause | TalkResume | TalkClear | TalkWithdraw
    | TalkLesson | TalkExercise | TalkJudged | TalkNote | TalkVocabulary | TalkNotice | TalkPing | TalkBye
)  # fmt: skip

_client: TypeAdapter[FromClient] = TypeAdapter(Annotated[FromClient, Field(discriminator="type")])
_server: TypeAdapter[FromServer] = TypeAdapter(Annotated[FromServer, Field(discriminator="type")])


def parse_client(text: str) -> FromClient:
    """One message of a client. Raises :class:`InputError`, naming what is wrong and not repeating it."""
    if len(text) > MAX_TEXT:
        raise InputError(f"a message of {len(text)} characters", where=_WHERE, remedy=f"At most {MAX_TEXT}.")
    try:
        return _client.validate_json(text)
    except (ValidationError, RecursionError) as error:
        raise InputError(
            f"a message that is none: {_why(error)}", where=_WHERE, remedy="docs/talk-protocol.md"
        ) from error


def parse_server(text: str) -> FromServer:
    """One message of a server. Raises :class:`InputError`."""
    try:
        return _server.validate_json(text)
    except ValidationError as error:
        raise InputError(f"a message that is none: {_why(error)}", where=_WHERE) from error


def _why(error: ValidationError | RecursionError) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part)[:40] for part in first["loc"])
    return f"{place}: {first['msg']}"[:200] if place else str(first["msg"])[:200]


# Sound

CAPTURED, PLAYED = 1, 2
_CAPTURED = struct.Struct("<BxHI")
"""Of the number 48 bits, the upper 16 first: 32 would begin anew after 74 h of a page that is left open."""
_PLAYED = struct.Struct("<BBHII")
_FIRST, _MORE = 1, 2
_FULL = 32_767


@dataclass(frozen=True, slots=True, eq=False)
class CapturedSound:
    """Of the person's: ``at`` is the number of its first sample on the microphone's clock (16 kHz), which runs on while
    nothing is sent.
    """

    at: int
    samples: Samples


@dataclass(frozen=True, slots=True, eq=False)
class PlayedSound:
    """Of the character's sound ``id``, from its sample ``start`` on. ``first``: queue it, ``gap`` samples after the end
    of the one before it (at once where that is past); else it continues that. ``more``: it is not all there yet, and
    silence where it runs out is no end.
    """

    id: str
    start: int
    samples: Samples
    first: bool = True
    more: bool = False
    gap: int = 0


def pack_captured(sound: CapturedSound) -> bytes:
    """As a frame."""
    return _CAPTURED.pack(CAPTURED, *divmod(sound.at, 1 << 32)) + _pcm(sound.samples)


def unpack_captured(frame: bytes) -> CapturedSound:
    """Of a client's frame. Raises :class:`InputError`."""
    if len(frame) < _CAPTURED.size or frame[0] != CAPTURED:
        raise InputError("a frame that is no sound", where=_WHERE, remedy="docs/talk-protocol.md")
    size = len(frame) - _CAPTURED.size
    if size % 2 or size > 2 * MAX_CAPTURED:
        raise InputError(
            f"a frame of {size} bytes of sound", where=_WHERE, remedy=f"16 bits each, at most {MAX_CAPTURED} samples."
        )
    _, high, low = _CAPTURED.unpack_from(frame)
    return CapturedSound((high << 32) + low, _samples(frame[_CAPTURED.size :]))


def pack_played(sound: PlayedSound) -> bytes:
    """As a frame."""
    name = sound.id.encode()
    flags = _FIRST * sound.first | _MORE * sound.more
    return _PLAYED.pack(PLAYED, flags, len(name), sound.start, sound.gap) + name + _pcm(sound.samples)


def unpack_played(frame: bytes) -> PlayedSound:
    """Of a server's frame. Raises :class:`InputError`."""
    if len(frame) < _PLAYED.size or frame[0] != PLAYED:
        raise InputError("a frame that is no sound", where=_WHERE)
    _, flags, length, start, gap = _PLAYED.unpack_from(frame)
    begin = _PLAYED.size + length
    if len(frame) < begin or (len(frame) - begin) % 2:
        raise InputError("a frame of sound that breaks off", where=_WHERE)
    name = frame[_PLAYED.size : begin].decode(errors="replace")
    return PlayedSound(name, start, _samples(frame[begin:]), bool(flags & _FIRST), bool(flags & _MORE), gap)


def _pcm(samples: Samples) -> bytes:
    return np.rint(np.clip(samples, -1.0, 1.0) * _FULL).astype("<i2").tobytes()


def _samples(pcm: bytes) -> Samples:
    return np.frombuffer(pcm, "<i2").astype(np.float32) * np.float32(1 / _FULL)


# The schema

MODELS: tuple[type[TalkMessage], ...] = (
    TalkHello, TalkSay, TalkPush, TalkCommit, TalkCancel, TalkInterrupt, TalkPlayed, TalkStopped, TalkPong, TalkLearn,
    TalkHelp, TalkTake, TalkLeave,
    TalkWelcome, TalkTurn, TalkChunk, TalkStanding, TalkAttended, TalkPause, TalkResume, TalkClear, TalkWithdraw,
    TalkLesson, TalkExercise, TalkJudged, TalkNote, TalkVocabulary, TalkNotice, TalkPing, TalkBye,
)  # fmt: skip
CLIENT_MODELS, SERVER_MODELS = MODELS[:13], MODELS[13:]
PLAYED_RATE = RATE
"""Of the character's sound (Hz)."""


def schemas() -> dict[str, Any]:
    """Every message's JSON Schema by name, as the API's schema has it among its components."""
    _, found = models_json_schema(
        [(model, "serialization") for model in MODELS], ref_template="#/components/schemas/{model}"
    )
    return found["$defs"]
