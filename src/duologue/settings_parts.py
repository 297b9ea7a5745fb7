"""The parts of the settings: what can be set, its type, bounds and default; :mod:`duologue.settings` fills them."""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    SecretStr,
    model_validator,
)

from duologue.models.automatic import AUTO
from duologue.tokens import TokenSettings, long_enough
from duologue.validation import WrittenPath

ONLY_SHOW = "show"
"""What a show is called that has no table of its own."""
PREFIX = "DUOLOGUE_"
"""Of what the environment sets."""
SAMPLE_RATE = 48_000


def as_list(value: object) -> object:
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


Names = Annotated[tuple[str, ...], BeforeValidator(as_list)]
EngineNames = Annotated[Names, AfterValidator(_distinct)]
StageSize = Annotated[Size, PlainValidator(_stage_size)]


class SettingsSection(BaseModel):
    """A section. Read-only, and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TvSettings(SettingsSection):
    """The TV when a show begins."""

    film: str | None = Field(
        default=None, description="The film that plays from the start, by name or as a path to a file."
    )


class LightSettings(SettingsSection):
    """The light when a show begins."""

    daylight: Literal["day", "evening", "night"] = Field(
        default="evening", description="The time of day outside the window."
    )
    lamp: bool = Field(default=True, description="The lamp is on.")


class ServeSettings(SettingsSection):
    """Which parts of the house run."""

    show: bool = Field(default=True, description="The show, or each of several.")
    talk: bool = Field(
        default=False,
        description="Conversations with people: the Talk page, and clients of its socket. `duologue serve` holds them"
        " unless told otherwise.",
    )
    line: bool = Field(default=False, description="The phone line.")
    api: bool = Field(default=False, description="Voices, ears and characters for clients of OpenAI's API, at /v1.")


class ShowSettings(SettingsSection):
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
    encoder: Literal["libx264", "h264_nvenc", "h264_vaapi", "h264_qsv"] = Field(
        default="libx264", description="libx264, h264_nvenc, h264_vaapi or h264_qsv."
    )
    bitrate: int = Field(
        default=6_000_000, ge=100_000, le=50_000_000, description="Of the video, bits per second at most."
    )
    test_card: bool = Field(default=False, description="Draw a frame number and a time for `duologue verify` to read.")
    headless: bool = Field(default=False, description="Serve the stream and the API, but no page.")
    record: WrittenPath | None = Field(
        default=None, description="Record to this MP4 file, or to NAME.2.mp4 and so on where it holds something."
    )
    record_minutes: int = Field(
        default=60, ge=0, description="A new file of the recording begins after so long; 0: never."
    )
    record_mb: int = Field(
        default=0, ge=0, description="A new file begins after so many MB, too; 0: whatever its size."
    )
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


def is_loopback(host: str) -> bool:
    """Whether what listens there is reached from this machine alone; a name but ``localhost`` is not."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class WebSettings(SettingsSection):
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
    accounts: bool = Field(
        default=False, description="Ask for tokens that `duologue token create` made; they lie in the store, hashed."
    )
    tokens: Annotated[dict[str, TokenSettings], AfterValidator(_named)] = Field(
        default={}, description="Further tokens, a table for each: token or env, and the scopes that it has."
    )

    tls_cert: WrittenPath | None = Field(default=None, description="HTTPS by this certificate chain, a file (PEM).")
    tls_key: WrittenPath | None = Field(
        default=None, description="The certificate's key, a file (PEM), unless it is in it."
    )
    tls_self_made: bool = Field(
        default=False, description="HTTPS by a certificate of our own making, of which browsers warn."
    )

    @property
    def loopback(self) -> bool:
        """True when only this machine can reach the server."""
        return is_loopback(self.host)

    @property
    def https(self) -> bool:
        """Whether the server speaks HTTPS itself."""
        return self.tls_self_made or self.tls_cert is not None

    @model_validator(mode="after")
    def _one_certificate(self) -> Self:
        if self.tls_key is not None and self.tls_cert is None:
            raise ValueError("a key without its certificate | Set web.tls_cert too, or --tls CERT KEY.")
        if self.tls_self_made and self.tls_cert is not None:
            raise ValueError("there are two certificates | Leave out web.tls_self_made, or web.tls_cert.")
        return self

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        if not self.loopback and self.token is None and not self.tokens and not self.accounts:
            raise ValueError(
                f"listening on {self.host} lets others in, and no token is set"
                f" | Set {PREFIX}WEB__TOKEN in the environment, or accounts = true, or listen on 127.0.0.1."
            )
        return self


class ModerationSettings(SettingsSection):
    """What may be said: by topics, by chat, and by the engines."""

    words: WrittenPath | None = Field(
        default=None, description="A file of words to refuse, one a line, beside the list that ships."
    )
    max_topic: int = Field(default=400, ge=1, le=4000, description="Characters of a topic.")
    max_chat: int = Field(default=400, ge=1, le=4000, description="Characters of a chat message.")
    max_line: int = Field(default=1200, ge=50, le=10_000, description="Characters of a line that an engine wrote.")


class LedgerSettings(SettingsSection):
    """What is written down of all that happens (docs/ledger.md)."""

    folder: WrittenPath | None = Field(default=None, description="A folder for it; unset: nothing is written down.")
    file_mb: int = Field(default=64, ge=1, le=100_000, description="A new file begins after so many MB.")
    keep_files: int = Field(default=20, ge=1, le=10_000, description="The oldest are removed beyond so many.")
    keep_mb: int = Field(default=1000, ge=1, description="The oldest are removed beyond so many MB in all.")

    @model_validator(mode="after")
    def _has_room(self) -> Self:
        if self.keep_mb < self.file_mb:
            raise ValueError(
                f"keep_mb, {self.keep_mb}, is below file_mb, {self.file_mb} | Make room for one file at least."
            )
        return self


class RunsSettings(SettingsSection):
    """The flight recorder: what is kept of each show, talk and call (docs/evidence.md)."""

    keep: bool = Field(default=True, description="Keep a run of each; false: of none.")
    folder: WrittenPath | None = Field(
        default=None, description="Where; unset: the user's state folder, private to the user."
    )
    words: bool = Field(default=True, description="With what was said; false: times, counts and decisions alone.")
    keep_days: float = Field(default=14.0, gt=0, le=3650, description="A run is removed so many days after its end.")
    keep_mb: int = Field(default=2000, ge=10, description="The oldest runs are removed beyond so many MB in all.")
    run_mb: int = Field(
        default=500, ge=10, description="Of one run the newest MB are kept: of a show of 30 frames a second 15 hours."
    )

    @model_validator(mode="after")
    def _has_room(self) -> Self:
        if self.keep_mb < self.run_mb:
            raise ValueError(
                f"keep_mb, {self.keep_mb}, is below run_mb, {self.run_mb} | Make room for one run at least."
            )
        return self


def _database(url: str) -> str:
    if url and not re.match(r"(postgresql(\+psycopg)?|sqlite)://", url):
        raise ValueError(
            "this is no address of a database | Write sqlite:////path/to/file or postgresql://user@host/database."
        )
    return url


class StoreSettings(SettingsSection):
    """What outlives a conversation (docs/store.md)."""

    keep: bool = Field(default=True, description="Remember people and what was said; otherwise nothing is.")
    url: Annotated[str, AfterValidator(_database)] = Field(
        default="", description="postgresql://user@host/database, or sqlite:////file; empty: a file of the user's."
    )
    keep_days: int = Field(
        default=365, ge=0, le=36_500, description="Conversations are forgotten after so many days; 0: never."
    )
    memory_characters: int = Field(
        default=1200, ge=0, le=20_000, description="What a conversation is told of earlier ones, at most; 0: nothing."
    )
    knowledge: WrittenPath | None = Field(
        default=None, description="A folder of folders: what the character NAME knows lies in NAME, as .md, .txt, .pdf."
    )
    passages: int = Field(default=3, ge=0, le=20, description="Of those files, told to the model with each question.")


class TelemetrySettings(SettingsSection):
    """The log, and who is told of turns and metrics besides."""

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least that is logged."
    )
    log_format: Literal["auto", "json", "text"] = Field(
        default="auto", description="auto: text on a terminal, else JSON lines."
    )
    budgets: WrittenPath | None = Field(
        default=None, description="A file of budgets (docs/evidence.md): what breaks one is counted, and said."
    )
    otlp: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s]+$",
        description="An OpenTelemetry collector (OTLP over HTTP), http://127.0.0.1:4318: traces of turns, metrics.",
    )
    otlp_seconds: float = Field(default=10.0, ge=0.1, le=3600, description="Between two exports.")
    otlp_texts: bool = Field(default=False, description="Traces carry what was said, and who called.")


class EngineChoice(SettingsSection):
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


class ModelsSettings(SettingsSection):
    """The models that were fetched."""

    folder: WrittenPath | None = Field(
        default=None, description="Where they lie; unset: DUOLOGUE_MODELS, else the user's data folder."
    )


class HearingSettings(SettingsSection):
    """How the end of a turn is found."""

    smart_turn: WrittenPath | None = Field(
        default=None, description="A file of smart-turn v3 (ONNX): it judges by the sound of a turn whether it is over."
    )


class DialogueSettings(SettingsSection):
    """How turns are taken in a conversation with a person."""

    speculate: bool = Field(default=True, description="Think of an answer before it is sure that the turn is over.")
    half_duplex: bool | None = Field(
        default=None, description="Listen to nothing while the character speaks; unset: as the way to talk needs it."
    )
    wait_least_ms: int = Field(
        default=250, ge=250, le=3000, description="Shortest silence after which a turn is over, ms."
    )
    wait_most_ms: int = Field(
        default=1400, ge=250, le=3000, description="Longest silence after which a turn is over, ms."
    )
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
        default=1500, ge=100, le=5000, description="A voice that lasts so long takes the floor without words, ms."
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
        default=700, ge=50, le=5000, description="In place of doubt_ms while the room echoes, ms."
    )
    word_ms: int = Field(default=120, ge=0, le=1000, description="A shorter voice is no word, ms.")
    phrase_ms: int = Field(
        default=500, ge=100, le=5000, description="Who says so much over the character may go on after a pause, ms."
    )
    offset_ms: int = Field(default=200, ge=0, le=1000, description="After the end of speech that end is known, ms.")
    hangover_ms: int = Field(default=250, ge=100, le=3000, description="Shortest silence that ends a stretch, ms.")
    final_ahead_ms: int = Field(
        default=200, ge=0, le=2000, description="The final transcript is asked for so long before a turn ends, ms."
    )
    final_by_ms: int = Field(default=600, ge=100, le=3000, description="And after so much silence at the latest, ms.")
    stable_ms: int = Field(
        default=30, ge=0, le=2000, description="Words that have stood so long in a pause are thought about, ms."
    )
    final_ms: int = Field(default=2000, ge=100, le=30_000, description="For a final transcript, or a sign of it, ms.")
    judge_ms: int = Field(default=800, ge=100, le=10_000, description="For one while a reply is held, ms.")
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
    held_ms: int = Field(
        default=30_000, ge=0, le=600_000,
        description="A reply that a hold has cut goes on afterwards if it lasted no longer, ms.",
    )  # fmt: skip
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

    record_folder: WrittenPath | None = Field(
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


class ChainSettings(SettingsSection):
    """When an engine hands over to the next; of no effect on one alone."""

    start_seconds: float = Field(
        default=120.0, gt=0, le=3600, description="Limit for an engine to come up; meanwhile the next is asked."
    )
    tts_seconds: float = Field(
        default=4.0,
        gt=0,
        le=60,
        description="Limit for the first sound of a line, beyond what is to be expected of so long a line, and between "
        "two pieces.",
    )
    llm_seconds: float = Field(default=8.0, gt=0, le=120, description="Limit for the first word of a line.")
    stt_seconds: float = Field(
        default=1.2, gt=0, le=60, description="Limit for each step of hearing, and for the final words after a stretch."
    )
    pause_seconds: float = Field(
        default=15.0, gt=0, le=3600, description="A failed engine is left alone so long, then twice as long, …"
    )


class SpeechCacheSettings(SettingsSection):
    """What engines have said, kept on disk."""

    skip: Names = Field(default=("espeak",), description="Engines whose speech is not kept, being as fast as a disk.")
    limit_mb: int = Field(default=512, ge=0, le=1_000_000, description="Size of it, MB; 0 keeps nothing.")
    folder: WrittenPath | None = Field(default=None, description="Where; unset: the user's cache folder.")


Shows = Annotated[dict[str, ShowSettings], AfterValidator(_apart)]
"""Shows by name."""
