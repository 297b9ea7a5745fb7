"""One settings object: defaults, then ``duologue.toml``, then the environment ``DUOLOGUE_*``, then flags.

Each value knows where it came from. An engine brings its own part: the pydantic model named ``Settings`` in the module
that its entry point names, filled from ``[engines.<name>]``. Nothing here imports an engine before it is asked for.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeAlias, cast, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    PrivateAttr,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from duologue.errors import InputError
from duologue.models.automatic import AUTO, Pick, Use
from duologue.models.choosing import Choices, choose, offered
from duologue.places import models_folder, read_text
from duologue.redaction import hide, redacted, userinfo
from duologue.tokens import TokenSettings, long_enough
from duologue.validation import Problem, did_you_mean, problems

FILE = "duologue.toml"
ONLY_SHOW = "show"
"""What a show is called that has no table of its own."""
PREFIX = "DUOLOGUE_"
ENGINE_GROUPS = {"duologue.tts": "speaks", "duologue.llm": "thinks", "duologue.stt": "hears", "duologue.vad": "notices"}
"""The groups of entry points, and what the engines of each do."""
SAMPLE_RATE = 48_000
_FLAG_NAMES = {
    "show.topic": "argument TOPIC",
    "show.tv.film": "flag --tv",
    "dialogue.half_duplex": "flag --full-duplex",
    "dialogue.speculate": "flag --no-speculation",
    "ledger.folder": "flag --ledger",
}
"""Where a flag's name is not the last part of its key."""
_SECRET = re.compile(r"(^|_)(key|token|secret|password)$")

EngineModels: TypeAlias = Callable[[str, str], "type[BaseModel] | None"]
"""The settings model of an engine by name and group (empty: any); None for one without settings. Raises InputError for
an unknown name.
"""


def _split(value: object) -> object:
    """``"chad,virgin"`` as the environment and flags write a list."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _sides(value: object) -> tuple[int, int]:
    if isinstance(value, Size):
        return value
    match = re.fullmatch(r"\s*(\d{2,5})\s*[x×]\s*(\d{2,5})\s*", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f'{value!r} is not a size | Write width x height, e.g. "1920x1080".')
    return (int(match[1]), int(match[2]))


class Size(tuple[int, int]):
    """Width and height in pixels; written ``1920x1080``."""

    __slots__ = ()

    @property
    def width(self) -> int:
        """Pixels."""
        return self[0]

    @property
    def height(self) -> int:
        """Pixels."""
        return self[1]

    def __str__(self) -> str:
        return f"{self[0]}x{self[1]}"


def _stage_size(value: object) -> Size:
    width, height = _sides(value)
    if width % 2 or height % 2 or not (320 <= width <= 3840 and 180 <= height <= 2160):
        raise ValueError(
            f"{width}x{height} is not a size that can be shown"
            " | Even numbers from 320x180 to 3840x2160, e.g. 1280x720 or 1920x1080."
        )
    return Size((width, height))


def _rate(value: int) -> int:
    if not 10 <= value <= 60 or SAMPLE_RATE % value:
        allowed = ", ".join(str(rate) for rate in range(10, 61) if not SAMPLE_RATE % rate)
        raise ValueError(f"{value} frames per second do not divide {SAMPLE_RATE} samples | Allowed: {allowed}.")
    return value


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("a name is given twice | Name each engine once, in order of preference.")
    return names


def _origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    for origin in origins:
        if origin != "*" and not re.fullmatch(r"https?://[^/\s?#@]+", origin):
            raise ValueError(
                f"{origin!r} is no origin | Write scheme and host as a browser sends them, e.g. https://example.org."
            )
    return tuple(origin.lower() for origin in origins)


Names = Annotated[tuple[str, ...], BeforeValidator(_split)]
EngineNames = Annotated[Names, AfterValidator(_distinct)]
StageSize = Annotated[Size, PlainValidator(_stage_size)]


class Part(BaseModel):
    """A section. Read-only, and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TvSettings(Part):
    """The TV when a show begins."""

    film: str | None = Field(default=None, description="The film that plays, by name or as a path to a file.")
    autoplay: bool = Field(default=False, description="Play it from the start of the show.")


class LightSettings(Part):
    """The light when a show begins."""

    daylight: Literal["day", "evening", "night"] = Field(
        default="evening", description="The time of day outside the window."
    )
    lamp: bool = Field(default=True, description="The lamp is on.")


class ServeSettings(Part):
    """Which parts of the house run."""

    show: bool = Field(default=True, description="The show, or each of several.")
    talk: bool = Field(default=False, description="Conversations with people, on warm engines.")


class ShowSettings(Part):
    """What is on air."""

    topic: str | None = Field(
        default=None, description="What they talk about; without one, topics are picked from a list."
    )
    turns: int = Field(default=12, ge=1, le=1000, description="Turns of one conversation, both speakers counted.")
    cast: Names = Field(
        default=("chad", "virgin"), min_length=1, description="Names of characters, or folders of packs."
    )
    room: str = Field(default="living-room", description="The name of a room, or the folder of a pack.")
    size: StageSize = Field(default=Size((1920, 1080)), description="Of the picture, in pixels.")
    fps: Annotated[int, AfterValidator(_rate)] = Field(default=30, description="Frames per second; it divides 48000.")
    seed: int | None = Field(default=None, ge=0, lt=2**32, description="The same seed and options give the same show.")
    captions: bool = Field(default=True, description="Show what is said, the spoken word lit.")
    forever: bool = Field(default=True, description="Show after show; otherwise leave when the first has ended.")
    lead_s: float = Field(
        default=1.0, ge=0.1, le=10, description="How far ahead of its due time the stage renders, seconds."
    )
    encoder: str = Field(default="libx264", description="libx264, h264_nvenc, h264_vaapi or h264_qsv.")
    bitrate: int = Field(
        default=6_000_000, ge=100_000, le=50_000_000, description="Of the video, bits per second at most."
    )
    test_card: bool = Field(default=False, description="Draw a frame number and a time for `duologue verify` to read.")
    headless: bool = Field(default=False, description="Serve the stream and the API, but no page.")
    record: Path | None = Field(
        default=None, description="Record to this MP4 file, or to NAME.2.mp4 and so on where it holds something."
    )
    record_minutes: int = Field(
        default=60, ge=0, description="A new file of the recording begins after so long; 0: never."
    )
    record_mb: int = Field(default=0, ge=0, description="The same after so many MB; 0: whatever its size.")
    record_keep_mb: int = Field(
        default=0, ge=0, description="The oldest files under the recording's name are removed beyond it; 0: none."
    )
    tv: TvSettings = Field(default=TvSettings(), description="The TV.")
    lights: LightSettings = Field(default=LightSettings(), description="The lights.")


def _apart(shows: dict[str, ShowSettings]) -> dict[str, ShowSettings]:
    """Several shows: each has a name that can stand in an address, and a file of its own to record to."""
    files: dict[Path, str] = {}
    for name, show in shows.items():
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", name):
            raise ValueError(
                f"{name!r} is no name of a show | Small letters, digits and hyphens, e.g. [shows.late-night]."
            )
        if show.record is not None and (other := files.setdefault(show.record.resolve(), name)) != name:
            raise ValueError(
                f"the shows {other} and {name} record to one file, {show.record}"
                f" | Give each its own: record under [shows.{name}]."
            )
    return shows


def _named(tokens: dict[str, TokenSettings]) -> dict[str, TokenSettings]:
    for name in tokens:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", name):
            raise ValueError(f"{name!r} is no name of a token | Small letters, digits and hyphens: [web.tokens.guest].")
    return tokens


class WebSettings(Part):
    """The web server."""

    host: str = Field(default="127.0.0.1", min_length=1, description="The address to listen on.")
    port: int = Field(default=8081, ge=0, le=65535, description="The port to listen on; 0 takes a free one.")
    hosts: Names = Field(default=(), description="Further names that the server may be called by, e.g. a proxy's.")
    cors_origins: Annotated[Names, AfterValidator(_origins)] = Field(
        default=(), description="Sites whose pages may play the stream, e.g. https://example.org; * is every one."
    )
    token: Annotated[SecretStr | None, AfterValidator(long_enough)] = Field(
        default=None, description="Who brings it may do everything; one is needed beyond this machine."
    )
    tokens: Annotated[dict[str, TokenSettings], AfterValidator(_named)] = Field(
        default={}, description="Further tokens, a table for each: token or env, and the scopes that it has."
    )

    @property
    def loopback(self) -> bool:
        """True when only this machine can reach the server."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        if not self.loopback and self.token is None and not self.tokens:
            raise ValueError(
                f"listening on {self.host} lets others in, and no token is set"
                f" | Set {PREFIX}WEB__TOKEN in the environment, or listen on 127.0.0.1."
            )
        return self


class ModerationSettings(Part):
    """What may be said: by topics, by chat, and by the engines."""

    words: Path | None = Field(
        default=None, description="A file of words to refuse, one a line, beside the list that ships."
    )
    max_topic: int = Field(default=400, ge=1, le=4000, description="Characters of a topic.")
    max_chat: int = Field(default=400, ge=1, le=4000, description="Characters of a chat message.")
    max_line: int = Field(default=1200, ge=50, le=10_000, description="Characters of a line that an engine wrote.")


class LedgerSettings(Part):
    """What is written down of all that happens (docs/ledger.md)."""

    folder: Path | None = Field(default=None, description="A folder for it; unset: nothing is written down.")
    file_mb: int = Field(default=64, ge=1, le=100_000, description="A new file begins after so many MB.")
    keep_files: int = Field(default=20, ge=1, le=10_000, description="The oldest are removed beyond so many.")
    keep_mb: int = Field(default=1000, ge=1, description="The same beyond so many MB in all.")

    @model_validator(mode="after")
    def _has_room(self) -> Self:
        if self.keep_mb < self.file_mb:
            raise ValueError(
                f"keep_mb, {self.keep_mb}, is below file_mb, {self.file_mb} | Make room for one file at least."
            )
        return self


class TelemetrySettings(Part):
    """The log."""

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least that is logged."
    )
    log_format: Literal["auto", "json", "text"] = Field(
        default="auto", description="auto: text on a terminal, else JSON lines."
    )


class EngineChoice(Part):
    """Which engines are used. The tables beside them, one for each, are kept apart: :meth:`Settings.engine`."""

    llm: EngineNames = Field(
        default=("improv",), min_length=1, description="The engine that thinks; of several the first that can."
    )
    tts: EngineNames = Field(
        default=(AUTO,), min_length=1, description="The engine that speaks, or auto; of several the first that can."
    )
    stt: EngineNames = Field(
        default=(AUTO,), min_length=1, description="The engine that hears, or auto; of several the first that can."
    )
    vad: str = Field(default="silero", min_length=1, description="The engine that notices when somebody speaks.")


class ModelsSettings(Part):
    """The models that were fetched."""

    folder: Path | None = Field(
        default=None, description="Where they lie; unset: DUOLOGUE_MODELS, else the user's data folder."
    )


class HearingSettings(Part):
    """How the end of a turn is found."""

    smart_turn: Path | None = Field(
        default=None, description="A file of smart-turn v3 (ONNX): it judges by the sound of a turn whether it is over."
    )


class DialogueSettings(Part):
    """How turns are taken in a conversation with a person."""

    speculate: bool = Field(default=True, description="Think of an answer before it is sure that the turn is over.")
    half_duplex: bool | None = Field(
        default=None, description="Listen to nothing while the character speaks; unset: as the way to talk needs it."
    )
    wait_least_ms: int = Field(
        default=250, ge=250, le=3000, description="Shortest silence after which a turn is over, ms."
    )
    wait_most_ms: int = Field(default=1200, ge=250, le=3000, description="Longest such silence, ms.")
    filler_seconds: float = Field(default=1.5, ge=0.3, le=30, description="Waiting before the character says “hm”.")
    reply_seconds: float = Field(
        default=12.0, ge=1, le=120, description="For an answer to sound, or to go on; then it apologises."
    )
    silence_seconds: float = Field(
        default=20.0, ge=3, le=600, description="Nobody speaks for so long: the character asks."
    )
    silence_asks: int = Field(
        default=1, ge=0, le=10, description="So often in a row, until somebody speaks; 0: it waits for ever."
    )
    doubt_ms: int = Field(
        default=150, ge=50, le=2000, description="A voice over the character's lasts so long before it holds on, ms."
    )
    barge_ms: int = Field(
        default=500, ge=100, le=5000, description="A voice that lasts so long takes the floor without words, ms."
    )
    filler_every_seconds: float = Field(default=4.0, ge=1, le=60, description="Between two times of “hm”.")
    turn_seconds: float = Field(
        default=120.0, ge=10, le=600, description="Longest turn of a person: then the character answers."
    )
    manual: bool = Field(default=False, description="Only a commit ends a turn of the person: push to talk.")
    tail_ms: int | None = Field(
        default=None, ge=0, le=5000,
        description="Half-duplex: the ears open so long after a reply, ms; unset: as the way to talk needs it.",
    )  # fmt: skip
    tries: int = Field(default=3, ge=0, le=20, description="Speculations in one turn.")
    echo_doubt_ms: int = Field(
        default=700, ge=50, le=5000, description="The same as doubt_ms while the room echoes, ms."
    )
    word_ms: int = Field(default=120, ge=0, le=1000, description="A shorter voice is no word, ms.")
    offset_ms: int = Field(default=200, ge=0, le=1000, description="After the end of speech that end is known, ms.")
    hangover_ms: int = Field(default=250, ge=100, le=3000, description="Shortest silence that ends a stretch, ms.")
    final_ahead_ms: int = Field(
        default=200, ge=0, le=2000, description="The final transcript is asked for so long before a turn ends, ms."
    )
    final_by_ms: int = Field(default=600, ge=100, le=3000, description="And after so much silence at the latest, ms.")
    stable_ms: int = Field(
        default=30, ge=0, le=2000, description="Words that have stood so long in a pause are thought about, ms."
    )
    final_ms: int = Field(default=2000, ge=100, le=30_000, description="For a final transcript, ms.")
    judge_ms: int = Field(default=800, ge=100, le=10_000, description="The same while a reply is held for it, ms.")
    meant_ms: int = Field(
        default=800, ge=100, le=10_000, description="A voice that lasts so long meant something, words or not, ms."
    )
    sorry: int = Field(
        default=2, ge=0, le=10, description="So often in a row the character says that it caught nothing."
    )
    clear_ms: int = Field(
        default=300, ge=50, le=5000, description="For the far end to say what it had played of a cut reply, ms."
    )
    playout_ms: int = Field(default=3000, ge=500, le=30_000, description="For any sign of the far end, ms.")
    stretch_ms: int = Field(
        default=30_000, ge=1000, le=120_000, description="Longest stretch of sound that is transcribed at once, ms."
    )
    retry_ms: int = Field(
        default=1000, ge=100, le=30_000, description="Between two stretches when an engine ends one early, ms."
    )
    jump_ms: int = Field(
        default=500, ge=100, le=10_000, description="A deadline met so much too late is nobody's but our own, ms."
    )
    grace_ms: int = Field(default=500, ge=0, le=10_000, description="What everybody is given on top of that, ms.")
    sentence_gap_ms: int = Field(default=120, ge=0, le=3000, description="Silence between two sentences, ms.")
    ahead: int = Field(default=3, ge=1, le=20, description="Sentences voiced ahead of the one that plays.")
    sentences: int = Field(default=40, ge=1, le=400, description="Longest reply, sentences.")
    person_chars: int = Field(default=4000, ge=100, le=100_000, description="Longest turn of the person, characters.")
    backchannels: Names | None = Field(
        default=None, description="Words that do not ask for the floor; unset: those of the language."
    )

    record_folder: Path | None = Field(
        default=None, description="Record every conversation with sound here: the person left, the character right."
    )

    echo_cancel: bool = Field(
        default=False, description="Take the character's own voice out of what the microphone hears: with loudspeakers."
    )
    echo_delay_ms: int = Field(
        default=150, ge=0, le=500, description="From a sound that is played to its echo in the microphone, about, ms."
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.wait_least_ms > self.wait_most_ms:
            raise ValueError(
                f"wait_least_ms, {self.wait_least_ms}, is above wait_most_ms, {self.wait_most_ms}"
                " | Make it the smaller of the two."
            )
        return self


class ChainSettings(Part):
    """When an engine hands over to the next; of no effect on one alone."""

    start_seconds: float = Field(
        default=120.0, gt=0, le=3600, description="Limit for an engine to come up; meanwhile the next is asked."
    )
    tts_seconds: float = Field(
        default=4.0, gt=0, le=60, description="Limit for the first sound of a line, and between two pieces."
    )
    llm_seconds: float = Field(default=8.0, gt=0, le=120, description="Limit for the first word of a line.")
    stt_seconds: float = Field(
        default=1.2, gt=0, le=60, description="Limit for each step of hearing, and for the final words after a stretch."
    )
    pause_seconds: float = Field(
        default=15.0, gt=0, le=3600, description="A failed engine is left alone so long, then twice as long, …"
    )


class SpeechCacheSettings(Part):
    """What engines have said, kept on disk."""

    skip: Names = Field(default=("espeak",), description="Engines whose speech is not kept, being as fast as a disk.")
    limit_mb: int = Field(default=512, ge=0, le=1_000_000, description="Size of it, MB; 0 keeps nothing.")
    folder: Path | None = Field(default=None, description="Where; unset: the user's cache folder.")


@dataclass(frozen=True, slots=True)
class Row:
    """One setting as it is shown: secrets are masked. ``source`` is ``default``, a file, a variable or a flag, ``what``
    says in a sentence what it sets; ``why``, what a value that leaves the choice to us (``auto``) came to, and why.
    """

    key: str
    value: str
    source: str
    what: str = ""
    why: str = ""


class Settings(BaseSettings):
    """Everything that can be set; make it with :func:`load_settings`. Read-only."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=PREFIX, env_nested_delimiter="__", enable_decoding=False
    )

    serve: ServeSettings = Field(default=ServeSettings(), description="Which parts of the house run.")
    show: ShowSettings = Field(default=ShowSettings(), description="What is on air.")
    shows: Annotated[dict[str, ShowSettings], AfterValidator(_apart)] = Field(
        default={}, description="Several shows at a time: a table for each, of the keys of show, which fills its gaps."
    )
    web: WebSettings = Field(default=WebSettings(), description="The web server.")
    engines: EngineChoice = Field(default=EngineChoice(), description="Which engines are used, and a table for each.")
    models: ModelsSettings = Field(default=ModelsSettings(), description="The models that were fetched.")
    hearing: HearingSettings = Field(default=HearingSettings(), description="How the end of a turn is found.")
    dialogue: DialogueSettings = Field(
        default=DialogueSettings(), description="How turns are taken in a conversation with a person."
    )
    chains: ChainSettings = Field(default=ChainSettings(), description="When an engine hands over to the next.")
    speech_cache: SpeechCacheSettings = Field(
        default=SpeechCacheSettings(), description="What engines have said, kept on disk."
    )
    moderation: ModerationSettings = Field(default=ModerationSettings(), description="What may be said.")
    ledger: LedgerSettings = Field(default=LedgerSettings(), description="What is written down of all that happens.")
    telemetry: TelemetrySettings = Field(default=TelemetrySettings(), description="The log.")

    _parts: dict[str, BaseModel | None] = PrivateAttr(default_factory=dict[str, BaseModel | None])
    _sources: dict[str, str] = PrivateAttr(default_factory=dict[str, str])
    _chosen: Choices = PrivateAttr(default_factory=Choices)
    _name: str = PrivateAttr(default=ONLY_SHOW)

    def given(self, key: str) -> bool:
        """Whether the value of ``key`` comes from a flag or an argument: from whoever started this, for this time."""
        return self._sources.get(key, "").startswith(("flag ", "argument "))

    @property
    def name(self) -> str:
        """What the show of these settings is called, among those of its house (see :meth:`each_show`)."""
        return self._name

    @property
    def topic(self) -> str:
        """Of the events of the show of these settings."""
        return f"show:{self._name}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what :func:`load_settings` has layered: it keeps the source of each value."""
        return (init_settings,)

    @property
    def llm(self) -> str:
        """The engine that thinks; of several, the first."""
        return self.engines.llm[0]

    @property
    def tts(self) -> str:
        """The engine that speaks; of several, the first."""
        return self.engines.tts[0]

    @property
    def stt(self) -> str:
        """The engine that hears; of several, the first."""
        return self.engines.stt[0]

    @property
    def models_folder(self) -> Path:
        """Where models lie that were fetched."""
        return self.models.folder or models_folder()

    @property
    def picks(self) -> Mapping[str, Pick]:
        """What ``auto`` came to when these settings were loaded, by kind: ``tts``, ``stt``. Without what was named."""
        return self._chosen.picks

    def engine(self, name: str) -> BaseModel | None:
        """An engine's own part; None for one without settings, or neither chosen nor given a table."""
        return self._parts.get(name)

    def each_show(self) -> dict[str, Settings]:
        """The settings of each show by name, in order: its own are in ``show``.

        A show without a table is called :data:`ONLY_SHOW`.
        """
        if not self.shows:
            return {ONLY_SHOW: self}
        return {name: self._alone(name, show) for name, show in self.shows.items()}

    def _alone(self, name: str, show: ShowSettings) -> Settings:
        alone = self.model_copy(update={"show": show, "shows": {}})
        alone._name = name
        return alone

    def secrets(self) -> tuple[str, ...]:
        """The values that may appear nowhere: the tokens, every secret of the engines' parts, what stands before the
        ``@`` of their addresses, and the keys in the environment variables that they name (``key_variable``).
        """
        parts = (self.web, *(part for part in self._parts.values() if part is not None))
        values = [getattr(part, name) for part in parts for name in type(part).model_fields]
        written = [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
        written += [secret for value in values if isinstance(value, str) for secret in userinfo(value)]
        variables = (getattr(part, "key_variable", "") for part in parts)
        tokens = (each.secret for each in self.web.tokens.values())
        return (
            *written,
            *filter(None, tokens),
            *(key for name in variables if (key := os.environ.get(name, "").strip())),
        )

    def rows(self) -> list[Row]:
        """Every setting with its value and source, in order."""
        rows: list[Row] = []
        for name in type(self).model_fields:
            if name == "shows":
                for show, part in self.shows.items():
                    rows += self._rows(part, f"shows.{show}")
            else:
                rows += self._rows(cast(BaseModel, getattr(self, name)), name)
        for name, part in self._parts.items():
            rows += self._rows(part, f"engines.{name}") if part is not None else []
        return rows

    def _rows(self, part: BaseModel, prefix: str) -> Iterator[Row]:
        for name, field in type(part).model_fields.items():
            key, value = f"{prefix}.{name}", cast(object, getattr(part, name))
            if isinstance(value, BaseModel):
                yield from self._rows(value, key)
            elif isinstance(value, dict) and value:  # a table for each
                for each, table in cast("dict[str, BaseModel]", value).items():
                    yield from self._rows(table, f"{key}.{each}")
            else:
                source, what = self._sources.get(key, "default"), field.description or ""
                pick = self.picks.get(name) if prefix == "engines" else None
                shown = _shown(name, cast("object", value) if pick is None else pick.written)
                yield Row(key, shown, source, what, str(pick or ""))


def _shown(name: str, value: object) -> str:
    if value is None or value in ("", (), {}):
        return "–"
    if isinstance(value, SecretStr) or _SECRET.search(name):
        return "********"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list) and not isinstance(value, Size):
        return redacted(", ".join(str(item) for item in cast("tuple[object, ...]", value)))
    return redacted(str(value))


def load_settings(
    flags: Mapping[str, object] | None = None,
    *,
    assigned: Mapping[str, object] | None = None,
    config: Path | None = None,
    models: EngineModels | None = None,
    use: Use | None = None,
) -> Settings:
    """Layer the settings and check them, and choose once what is left to us (``auto``), by the models that are here.

    ``flags`` are dotted keys with values, e.g. ``{"show.fps": 25}``; a value of None was not given. ``assigned`` are
    the same from ``--set KEY=VALUE``, above the flags. ``config`` is the file; by default ``duologue.toml`` in the
    working directory, if there is one. ``models`` finds an engine's settings model (default: :func:`installed_model`).
    ``use`` is what is asked of the engines: unless told otherwise what ``serve`` switches on, in English.

    Raises :class:`InputError` naming the key, its source and what is allowed.
    """
    table, sources = _layered(flags, assigned, config)
    _fill_shows(table, sources)
    parts = _take_engine_tables(table)
    try:
        settings = Settings(**table)
    except ValidationError as error:
        raise _as_input_error(problems(error, Settings), sources) from None
    serve = settings.serve
    asked = use or Use(shows=serve.show or not serve.talk, talks=serve.talk)
    settings = _with_choices(settings, parts, sources, asked)
    settings._sources.update(sources)  # pyright: ignore[reportPrivateUsage]
    settings._parts.update(_engine_parts(settings.engines, parts, sources, models or installed_model))  # pyright: ignore[reportPrivateUsage]
    hide(*settings.secrets())
    return settings


def load_models_folder(config: Path | None = None) -> Path:
    """Where models lie, as set. The rest of the settings is not looked at: it may want a model that is to be fetched.

    Raises :class:`InputError`.
    """
    table, sources = _layered(None, None, config)
    try:
        part = ModelsSettings.model_validate(table.get("models", {}))
    except ValidationError as error:
        raise _as_input_error(problems(error, ModelsSettings), sources) from None
    return part.folder or models_folder()


def _layered(
    flags: Mapping[str, object] | None, assigned: Mapping[str, object] | None, config: Path | None
) -> tuple[dict[str, Any], dict[str, str]]:
    """All layers on top of each other, and the source of each key."""
    layers = [
        _file_layer(config), _environment_layer(), _key_layer(flags or {}, _flag),
        _key_layer(assigned or {}, lambda key: f"--set {key}"),
    ]  # fmt: skip
    table: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for layer in layers:
        _merge(table, layer.table)
        sources.update(layer.sources)
    return table, sources


def _with_choices(settings: Settings, tables: dict[str, dict[str, Any]], sources: dict[str, str], use: Use) -> Settings:
    """The settings with an engine for each ``auto``; ``tables`` gain the models that the engines' own do not name."""
    engines = settings.engines
    names = {"tts": engines.tts, "stt": engines.stt}
    chosen = choose(names, tables, settings.models_folder, use)
    for engine, found in chosen.tables.items():
        tables.setdefault(engine, {}).update(found)
        sources.update({f"engines.{engine}.{key}": f"model {chosen.models[engine]}" for key in found})
    settings = settings.model_copy(update={"engines": engines.model_copy(update=dict(chosen.names))})
    settings._chosen = chosen  # pyright: ignore[reportPrivateUsage]
    return settings


@dataclass(frozen=True, slots=True)
class _Layer:
    table: dict[str, Any]
    sources: dict[str, str]


def _leaves(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in table.items():
        key = f"{prefix}.{name}" if prefix else name
        if isinstance(value, dict):
            yield from _leaves(cast(dict[str, Any], value), key)
        else:
            yield key, value


def _merge(below: dict[str, Any], above: Mapping[str, Any]) -> None:
    for name, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(name), dict):
            _merge(below[name], cast(dict[str, Any], value))
        else:
            below[name] = value


def _file_layer(config: Path | None) -> _Layer:
    path = config or Path(FILE)
    if not path.exists():
        if config is None:
            return _Layer({}, {})
        raise InputError("there is no such settings file", where=str(path), remedy="Check --config.")
    try:
        table = tomllib.loads(read_text(path, "the settings file"))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"this is not TOML: {error}", where=str(path), remedy="Mend that line.") from error
    return _Layer(table, {key: str(path) for key, _ in _leaves(table)})


def _environment_layer() -> _Layer:
    table = EnvSettingsSource(Settings)()
    sections = Settings.model_fields.keys()
    for variable in os.environ:
        name = variable.upper().removeprefix(PREFIX)
        section = name.partition("__")[0].lower()
        if variable.upper().startswith(PREFIX) and section not in sections:
            raise InputError(
                f"there is no setting {name.lower().replace('__', '.')!r}",
                where=f"environment variable {variable}",
                remedy=did_you_mean(section, sections),
            )
    sources = {key: f"environment {PREFIX}{key.upper().replace('.', '__')}" for key, _ in _leaves(table)}
    if isinstance(table.get("models"), str):  # the one variable with a short name
        table["models"], sources["models.folder"] = {"folder": table["models"]}, sources.pop("models")
    return _Layer(table, sources)


def _flag(key: str) -> str:
    return _FLAG_NAMES.get(key) or f"flag --{key.rpartition('.')[2].replace('_', '-')}"


def _key_layer(values: Mapping[str, object], source: Callable[[str], str]) -> _Layer:
    """Of dotted keys; ``source`` says in words where a key was given."""
    table: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for key, value in values.items():
        if value is None:
            continue
        *path, name = key.split(".")
        inner = table
        for part in path:
            inner = inner.setdefault(part, {})
        inner[name] = value
        sources[key] = source(key)
    return _Layer(table, sources)


def _as_input_error(found: list[Problem], sources: Mapping[str, str]) -> InputError:
    first = found[0]
    others = ", ".join(problem.key for problem in found[1:])
    remedy = f"{first.remedy} Wrong too: {others}." if others else first.remedy
    return InputError(
        f"{first.key}: {first.what}" if first.key else first.what, where=_source(first.key, sources), remedy=remedy
    )


def _source(key: str, sources: Mapping[str, str]) -> str:
    """The source of a key, or of one in its table or of its list."""
    plain = re.sub(r"\[\d+\]", "", key)
    if plain in sources:
        return sources[plain]
    return next((source for name, source in sources.items() if name.startswith(f"{plain}.")), "defaults")


def _fill_shows(table: dict[str, Any], sources: dict[str, str]) -> None:
    """Give each of several shows what ``[show]`` says and its own table does not."""
    common, shows = table.get("show", {}), table.get("shows")
    if not isinstance(common, dict) or not isinstance(shows, dict):
        return
    for name, own in cast(dict[str, Any], shows).items():
        if isinstance(own, dict):
            whole = deepcopy(cast(dict[str, Any], common))
            _merge(whole, cast(dict[str, Any], own))
            shows[name] = whole
            for key in [key for key in sources if key.startswith("show.")]:
                sources.setdefault(f"shows.{name}.{key.removeprefix('show.')}", sources[key])


def _take_engine_tables(table: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Take the engines' own tables out: what they hold is checked, and kept from being shown, by their own models."""
    engines: object = table.get("engines")
    if not isinstance(engines, dict):
        return {}
    entries = cast(dict[str, Any], engines)
    names = [name for name, value in entries.items() if isinstance(value, dict)]
    return {name: entries.pop(name) for name in names}


def _engine_parts(
    choice: EngineChoice, tables: Mapping[str, dict[str, Any]], sources: Mapping[str, str], models: EngineModels
) -> dict[str, BaseModel | None]:
    parts: dict[str, BaseModel | None] = {}
    chosen = {"tts": choice.tts, "llm": choice.llm, "stt": choice.stt, "vad": (choice.vad,)}
    uses = [(kind, name) for kind, names in chosen.items() for name in names]
    unused = tables.keys() - {name for _, name in uses}
    for kind, name in (*uses, *(("", name) for name in tables if name in unused)):
        key = f"engines.{name}" if name in tables or not kind else f"engines.{kind}"
        try:
            model = models(name, f"duologue.{kind}" if kind else "")
            parts[name] = _engine_part(name, model, tables.get(name, {}), sources)
        except InputError as error:
            where = error.where or _source(key, sources)
            raise InputError(
                error.what, where=where, remedy=error.remedy + _without(name, chosen.get(kind, ()))
            ) from error
    return parts


def _without(name: str, chain: Sequence[str]) -> str:
    """How to do without an engine of a chain that cannot be made."""
    others = [each for each in chain if each != name]
    return f" Or leave {name} out of the chain: {', '.join(others)}." if others else ""


def _engine_part(
    name: str, model: type[BaseModel] | None, table: dict[str, Any], sources: Mapping[str, str]
) -> BaseModel | None:
    if model is None:
        if table:
            raise InputError(f"engines.{name}: this engine has no settings", remedy="Remove the table.")
        return None
    try:
        return model.model_validate(_with_lists(table, model))
    except ValidationError as error:
        details = error.errors(include_url=False)
        missing = [str(each["loc"][0]) for each in details if each["type"] == "missing" and len(each["loc"]) == 1]
        if missing:
            raise _needed(name, missing, model) from None
        found = [
            Problem(f"engines.{name}.{problem.key}" if problem.key else f"engines.{name}", problem.what, problem.remedy)
            for problem in problems(error, model)
        ]
        raise _as_input_error(found, sources) from None


def _with_lists(table: Mapping[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """``table`` with lists where the environment and flags could only write ``a,b``."""
    return {key: _split(value) if _is_list(model, key) else value for key, value in table.items()}


def _is_list(model: type[BaseModel], key: str) -> bool:
    """Whether a key holds a list of texts, or may be unset."""
    field = model.model_fields.get(key)
    kinds = [] if field is None else [field.annotation, *get_args(field.annotation)]
    return any(get_origin(kind) in (tuple, list, set, frozenset) and str in get_args(kind) for kind in kinds)


def _needed(name: str, keys: Sequence[str], model: type[BaseModel]) -> InputError:
    """Settings that an engine cannot do without were given nowhere."""
    told = ((key, (model.model_fields[key].description or "").rstrip(".")) for key in keys)
    wanted = ", and ".join(f"engines.{name}.{key}{f' ({said})' if said else ''}" for key, said in told)
    lines = ", ".join(f'{key} = "…"' for key in keys)
    variables = " and ".join(f"{PREFIX}ENGINES__{name.upper()}__{key.upper()}" for key in keys)
    page = f" See docs/engines/{name.replace('_', '-')}.md." if model.__module__.startswith("duologue.") else ""
    command = offered(name)
    fetch = f"Run {command}. Or write" if command else "Write"
    return InputError(
        f"the engine {name!r} needs {wanted}",
        remedy=f"{fetch} [engines.{name}] and under it {lines} into {FILE}, or set {variables}.{page}",
    )


def installed_model(name: str, group: str = "") -> type[BaseModel] | None:
    """The pydantic model ``Settings`` of the module that the engine's entry point names, in ``group`` or in any; None
    when it has none.
    """
    points = [point for each in ([group] if group else ENGINE_GROUPS) for point in entry_points(group=each)]
    found = next((point for point in points if point.name == name), None)
    if found is None:
        what = f"there is no engine {name!r}{f' that {ENGINE_GROUPS[group]}' if group else ''}"
        raise InputError(what, remedy=did_you_mean(name, {point.name for point in points}))
    try:
        model: object = getattr(import_module(found.module), "Settings", None)
    except ImportError as error:
        raise InputError(f"the engine {name!r} cannot be loaded: {error}", remedy="Install what it needs.") from error
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None
