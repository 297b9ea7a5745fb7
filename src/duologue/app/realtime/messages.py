"""What a client of OpenAI's Realtime API may say, and how it is refused: by name, and never by silence.

The names are those of the protocol as it is generally available. What is not supported is a field that takes no other
value than the one which changes nothing.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from duologue.errors import DuologueError
from duologue.strict_json import read_json

MAX_EVENT = 256 * 1024
"""Characters of an event."""
MAX_ID = 200
MAX_WORDS = 4_000
"""Characters of a message that a client writes."""
MAX_INSTRUCTIONS = 20_000
MAX_TOOLS = 128
_MODELS = ("gpt-realtime", "gpt-4o-realtime", "gpt-4o-mini-realtime", "gpt-audio")
"""How the models of OpenAI's begin that unmodified clients name: the character of the house answers to them."""


class EventError(Exception):
    """Why an event cannot be followed, as the protocol's ``error`` has it."""

    def __init__(
        self, message: str, *, code: str = "invalid_value", param: str | None = None,
        kind: str = "invalid_request_error", event_id: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.error: dict[str, object] = {
            "type": kind, "code": code, "message": message, "param": param, "event_id": event_id,
        }  # fmt: skip


def house_error(error: DuologueError, *, kind: str = "invalid_request_error", param: str | None = None) -> EventError:
    """One of ours in the protocol's words."""
    what = f"{error.what.rstrip('.')}. {error.remedy}".strip()
    return EventError(what, kind=kind, param=param or error.where or None)


def foreign_model(name: str) -> bool:
    """Whether it is one of OpenAI's names, for which the house has a character of its own."""
    return not name or name.startswith(_MODELS)


def _nothing(value: Any) -> Any:
    if value not in (None, [], {}, "", False):
        raise ValueError("is not supported here; leave it out")
    return value


def _plain_speed(value: Any) -> Any:
    if value not in (None, 1):
        raise ValueError("is not supported here but as 1; leave it out")
    return value


def _modality(value: list[str] | None) -> list[str] | None:
    if value is not None and len(value) != 1:
        raise ValueError('is ["audio"] or ["text"]')
    return value


def _choice(value: Any) -> Any:
    if value not in (None, "auto", "none"):
        raise ValueError('is not supported here but as "auto" or "none"')
    return value


_Unsupported = Annotated[Any, AfterValidator(_nothing)]
_Speed = Annotated[Any, AfterValidator(_plain_speed)]
_Choice = Annotated[Any, AfterValidator(_choice)]
_Modalities = Annotated[list[Literal["audio", "text"]] | None, AfterValidator(_modality)]
_Tokens = Annotated[int, Field(ge=1, le=4096)] | Literal["inf"] | None
_Id = Annotated[str, Field(max_length=MAX_ID)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Event(_Strict):
    event_id: Annotated[str, Field(max_length=512)] | None = None


# The session


class AudioFormat(_Strict):
    """24 kHz, 16 bits, little-endian; or G.711 at 8 kHz."""

    type: Literal["audio/pcm", "audio/pcmu", "audio/pcma"] = "audio/pcm"
    rate: int | None = None

    def wire(self) -> dict[str, object]:
        """As the protocol has it."""
        return {"type": self.type, "rate": 24_000} if self.type == "audio/pcm" else {"type": self.type}


class TurnDetection(_Strict):
    """When a turn of the person is over, and what becomes of it."""

    type: Literal["server_vad", "semantic_vad"]
    create_response: bool | None = None
    interrupt_response: bool | None = None
    silence_duration_ms: int | None = Field(default=None, ge=100, le=10_000)
    prefix_padding_ms: int | None = Field(default=None, ge=0, le=5_000)
    threshold: float | None = Field(default=None, ge=0.0, le=1.0)
    eagerness: Literal["low", "medium", "high", "auto"] | None = None
    idle_timeout_ms: _Unsupported = None
    model_version: _Unsupported = None


class Transcription(_Strict):
    """That what the person says is told in words as well; ``model`` is ours or OpenAI's, the ears that are set hear."""

    model: str | None = Field(default=None, max_length=MAX_ID)
    language: str | None = Field(default=None, max_length=20)
    prompt: _Unsupported = None
    delay: _Unsupported = None
    keywords: _Unsupported = None
    languages: _Unsupported = None


class AudioInput(_Strict):
    """What comes from the person."""

    format: AudioFormat | None = None
    transcription: Transcription | None = None
    turn_detection: TurnDetection | None = None
    noise_reduction: _Unsupported = None


class VoiceId(_Strict):
    """A voice by its id."""

    id: _Id


class AudioOutput(_Strict):
    """What the person hears."""

    format: AudioFormat | None = None
    voice: _Id | VoiceId | None = None
    speed: _Speed = None

    @property
    def named(self) -> str:
        """The voice's name; empty: none was named."""
        return self.voice.id if isinstance(self.voice, VoiceId) else self.voice or ""


class SessionAudio(_Strict):
    """Both ways."""

    input: AudioInput | None = None
    output: AudioOutput | None = None


class FunctionTool(_Strict):
    """A function that the client runs."""

    type: Literal["function"]
    name: Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]{0,63}$")]
    description: str | None = Field(default=None, max_length=4_000)
    parameters: dict[str, Any] | None = None


class SessionFields(_Strict):
    """What a session may be told to be; what is left out stays as it was."""

    type: Literal["realtime"] = "realtime"
    model: _Id | None = None
    output_modalities: _Modalities = None
    instructions: str | None = Field(default=None, max_length=MAX_INSTRUCTIONS)
    audio: SessionAudio | None = None
    tools: list[FunctionTool] | None = Field(default=None, max_length=MAX_TOOLS)
    tool_choice: _Choice = None
    max_output_tokens: _Tokens = None
    prompt: _Unsupported = None
    # these change nothing here: who sends them asks for what is so anyway, or for what concerns OpenAI alone
    tracing: Any = None
    truncation: Any = None
    include: Any = None
    reasoning: Any = None
    parallel_tool_calls: Any = None
    object: Any = None
    id: Any = None
    expires_at: Any = None


class ExpiresAfter(_Strict):
    """How long a secret opens sessions, in seconds."""

    anchor: Literal["created_at"] = "created_at"
    seconds: int = Field(default=600, ge=10, le=7200)


class SecretRequest(_Strict):
    """What ``client_secrets`` is asked for."""

    expires_after: ExpiresAfter = ExpiresAfter()
    session: SessionFields = SessionFields()


# What a client says


class SessionUpdate(_Event):
    """Be so from now on."""

    type: Literal["session.update"]
    session: SessionFields


class BufferAppend(_Event):
    """More of the person's sound, base64."""

    type: Literal["input_audio_buffer.append"]
    audio: str


class BufferCommit(_Event):
    """That was a turn."""

    type: Literal["input_audio_buffer.commit"]


class BufferClear(_Event):
    """Forget what was appended."""

    type: Literal["input_audio_buffer.clear"]


class ItemContent(BaseModel):
    """A part of a message."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: Literal["input_text", "input_audio", "output_text", "output_audio", "text", "audio"]
    text: str | None = Field(default=None, max_length=MAX_WORDS)
    audio: str | None = None
    transcript: str | None = Field(default=None, max_length=MAX_WORDS)


class ItemFields(BaseModel):
    """An item as a client writes one."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: Literal["message", "function_call", "function_call_output"]
    id: _Id | None = None
    role: Literal["user", "assistant", "system"] | None = None
    content: list[ItemContent] = Field(default_factory=list[ItemContent], max_length=64)
    call_id: _Id | None = None
    name: _Id | None = None
    arguments: str | None = Field(default=None, max_length=20_000)
    output: str | None = Field(default=None, max_length=MAX_EVENT)


class ItemCreate(_Event):
    """Add an item; ``root`` puts it first."""

    type: Literal["conversation.item.create"]
    item: ItemFields
    previous_item_id: _Id | None = None


class ItemRetrieve(_Event):
    """Say it again."""

    type: Literal["conversation.item.retrieve"]
    item_id: _Id


class ItemDelete(_Event):
    """It was never said."""

    type: Literal["conversation.item.delete"]
    item_id: _Id


class ItemTruncate(_Event):
    """So much of the character's sound was heard."""

    type: Literal["conversation.item.truncate"]
    item_id: _Id
    content_index: int = Field(ge=0, le=1_000)
    audio_end_ms: int = Field(ge=0, le=1 << 40)


class ResponseOutput(_Strict):
    """The sound of one answer."""

    format: _Unsupported = None
    voice: _Id | VoiceId | None = None


class ResponseAudio(_Strict):
    """The same."""

    output: ResponseOutput | None = None


class ResponseFields(_Strict):
    """How one answer is to be."""

    output_modalities: _Modalities = None
    instructions: str | None = Field(default=None, max_length=MAX_INSTRUCTIONS)
    audio: ResponseAudio | None = None
    tools: list[FunctionTool] | None = Field(default=None, max_length=MAX_TOOLS)
    tool_choice: _Choice = None
    max_output_tokens: _Tokens = None
    metadata: dict[str, str] | None = Field(default=None, max_length=16)
    conversation: Literal["auto"] | None = None
    input: _Unsupported = None
    prompt: _Unsupported = None
    reasoning: Any = None
    parallel_tool_calls: Any = None

    @property
    def session(self) -> SessionFields:
        """As fields of a session, for one answer."""
        voice = self.audio.output.voice if self.audio and self.audio.output else None
        audio = SessionAudio(output=AudioOutput(voice=voice)) if voice is not None else None
        return SessionFields(
            output_modalities=self.output_modalities, instructions=self.instructions, audio=audio, tools=self.tools,
            tool_choice=self.tool_choice, max_output_tokens=self.max_output_tokens,
        )  # fmt: skip


class ResponseCreate(_Event):
    """Answer now."""

    type: Literal["response.create"]
    response: ResponseFields | None = None


class ResponseCancel(_Event):
    """Stop answering."""

    type: Literal["response.cancel"]
    response_id: _Id | None = None


ClientEvent: TypeAlias = (
    SessionUpdate | BufferAppend | BufferCommit | BufferClear | ItemCreate | ItemRetrieve | ItemDelete | ItemTruncate
    | ResponseCreate | ResponseCancel
)  # fmt: skip
_EVENTS: dict[str, type[ClientEvent]] = {
    "session.update": SessionUpdate,
    "input_audio_buffer.append": BufferAppend,
    "input_audio_buffer.commit": BufferCommit,
    "input_audio_buffer.clear": BufferClear,
    "conversation.item.create": ItemCreate,
    "conversation.item.retrieve": ItemRetrieve,
    "conversation.item.delete": ItemDelete,
    "conversation.item.truncate": ItemTruncate,
    "response.create": ResponseCreate,
    "response.cancel": ResponseCancel,
}


def parse_event(data: str | bytes) -> ClientEvent:
    """One event of a client. Raises :class:`EventError`, naming what is wrong and repeating none of it at length."""
    try:
        found: object = read_json(data)
    except ValueError as error:
        raise EventError("The event is not JSON.", code="invalid_json") from error
    if not isinstance(found, dict):
        raise EventError("An event is a JSON object.", code="invalid_json")
    fields = cast("dict[str, Any]", found)
    given = fields.get("event_id")
    event_id = given if isinstance(given, str) and len(given) <= 512 else None
    kind = fields.get("type")
    model = _EVENTS.get(kind) if isinstance(kind, str) else None
    if model is None:
        known = ", ".join(_EVENTS)
        raise EventError(
            f"{str(kind)[:80]!r} is no event that is known here. There are: {known}.", param="type", event_id=event_id
        )
    try:
        return model.model_validate(fields)
    except (ValidationError, RecursionError) as error:
        what, param = named(error)
        raise EventError(what, code=_code(error), param=param, event_id=event_id) from error


def named(error: ValidationError | RecursionError) -> tuple[str, str | None]:
    """What is wrong with the first wrong field, and its dotted path."""
    if isinstance(error, RecursionError):
        return "It is nested too deeply.", None
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    param = ".".join(str(part)[:40] for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"{param!r} is no field that is known here. Leave it out.", param
    what = first["msg"].removeprefix("Value error, ")
    return f"{param!r} {what[:1].lower()}{what[1:]}."[:400], param


def _code(error: ValidationError | RecursionError) -> str:
    if isinstance(error, RecursionError):
        return "invalid_value"
    match error.errors(include_url=False, include_input=False, include_context=False)[0]["type"]:
        case "missing":
            return "missing_required_parameter"
        case "extra_forbidden":
            return "unknown_parameter"
        case _:
            return "invalid_value"
