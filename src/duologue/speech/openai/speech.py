"""The engine `openai_speech`: any server with OpenAI's ``POST /v1/audio/speech``, streamed as 16-bit PCM at 24 kHz.

OpenAI, Kokoro-FastAPI, LocalAI, openedai-speech and their kin. The protocol gives no times, so there are no marks.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from pydantic import Field

from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.errors import ClosedError, InputError, InternalError, PeerError
from duologue.hosted import RefusedError
from duologue.speech.engine import SpeechCapabilities, refuse_long
from duologue.speech.hosted import (
    HostedSettings,
    PcmReader,
    audible,
    speaking_client,
    transmissible,
)
from duologue.speech.utterance import SpeechChunk
from duologue.speech.words import says_something
from duologue.strict_json import elements, members

MAX_CHARACTERS = 4_096
"""Of one line, by the protocol."""
OPENAI_VOICES = (
    "alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse",
)  # fmt: skip
_OPENAI = "https://api.openai.com/v1"
_HEAD = 64
"""Bytes by which a document is told from sound."""
_FOREIGN = {b"RIFF": "WAV", b"ID3": "MP3", b"OggS": "Ogg", b"fLaC": "FLAC", b"\xff\xfb": "MP3", b"\xff\xf3": "MP3"}


class OpenAISpeechSettings(HostedSettings):
    """Where the server is and what it speaks with (``[engines.openai_speech]``)."""

    base_url: str = Field(
        default=_OPENAI, pattern=r"^https?://[^\s]+$", description="The server's address up to and with /v1."
    )
    model: str = Field(default="gpt-4o-mini-tts", min_length=1, description="The model's name as the server knows it.")
    key_variable: str = Field(
        default="OPENAI_API_KEY",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="The environment variable that holds the key. The key itself belongs in no file.",
    )
    rate: int = Field(default=24_000, ge=8_000, le=48_000, description="Of the server's PCM, Hz; OpenAI's is 24000.")
    speed: float = Field(default=1.0, ge=0.25, le=4.0, description="1.0 is the voice's own.")
    instructions: str = Field(default="", max_length=2_000, description="How to speak, for models that take it.")
    voices: tuple[str, ...] = Field(
        default=(), description="The voices there are; empty: asked of the server, and unchecked if it has no list."
    )


Settings = OpenAISpeechSettings
"""Where the settings object finds the engine's own part."""


class OpenAISpeech:
    """See the module. Use it on one event loop."""

    name = "openai_speech"

    def __init__(self, settings: OpenAISpeechSettings | None = None, clock: Clock = SYSTEM_CLOCK) -> None:
        self._settings = settings or OpenAISpeechSettings()
        self._client = speaking_client(
            self.name, self._settings.base_url, self._settings.key_variable, self._settings, clock
        )
        self._voices: tuple[str, ...] | None = None
        self._closed = False

    @property
    def capabilities(self) -> SpeechCapabilities:
        """Valid after :meth:`warm_up`. Without ``voices`` the server is left to judge."""
        if self._voices is None:
            raise InternalError(f"{self.name} was asked what it can do before warm_up()")
        return SpeechCapabilities(rate=self._settings.rate, voices=self._voices)

    async def warm_up(self) -> None:
        """See that the server is there and takes the key, and learn its voices. Raises :class:`PeerError`."""
        await self._client.probe("/models")
        listed = self._settings.voices or await self._listed()
        self._voices = listed or (OPENAI_VOICES if self._settings.base_url.rstrip("/") == _OPENAI else ())

    async def speak(self, text: str, voice: str) -> AsyncGenerator[SpeechChunk, None]:
        """See :class:`duologue.speech.engine.TextToSpeech`. Also :class:`InputError` over :data:`MAX_CHARACTERS`."""
        self._check(text, voice)
        if not says_something(text):
            return
        silent = PeerError(f"{self.name} sent no sound for {text[:60]!r}", where=self._client.where)
        try:
            spoken = audible(self._chunks(transmissible(text), voice), self._settings.rate, silent)
            async with aclosing(spoken) as chunks:
                async for chunk in chunks:
                    yield chunk
        except RefusedError as error:
            raise self._client.explain(error) from error

    async def close(self) -> None:
        """Close the connections. Idempotent."""
        self._closed = True
        await self._client.close()

    def _check(self, text: str, voice: str) -> None:
        if self._closed:
            raise ClosedError(f"{self.name} is closed")
        voices = self.capabilities.voices
        if voices and voice not in voices:
            raise InputError(
                f"{self.name} has no voice {voice!r}", where="voice", remedy=f"There are: {', '.join(voices)}."
            )
        refuse_long(text, MAX_CHARACTERS)

    async def _chunks(self, text: str, voice: str) -> AsyncGenerator[SpeechChunk, None]:
        """The sound as it comes: a server that makes a line whole sends it at once, and it need not be taken apart."""
        reader, head, given = PcmReader(), b"", 0
        body, more = self._body(text, voice), len(text) * self._settings.per_character_seconds

        def progress() -> str:
            return f"after {given} bytes" if given else ""

        async with aclosing(self._client.stream("/audio/speech", body, progress=progress, more=more)) as stream:
            async for data in stream:
                if not given:
                    head += data
                    if len(head) < _HEAD:
                        continue
                    data = self._sound(head)
                given += len(data)
                yield SpeechChunk(reader.feed(data))
        if not given and head:
            yield SpeechChunk(reader.feed(self._sound(head)))
        if reader.broken:
            raise self._client.malformed("half a sample: that is no 16-bit PCM")

    def _body(self, text: str, voice: str) -> Mapping[str, object]:
        body: dict[str, object] = {
            "model": self._settings.model,
            "input": text,
            "voice": voice,
            "response_format": "pcm",
            "speed": self._settings.speed,
        }
        return body | ({"instructions": self._settings.instructions} if self._settings.instructions else {})

    def _sound(self, data: bytes) -> bytes:
        """The beginning of an answer. A document or a file instead of bare PCM would be heard as a burst of noise."""
        kind = next((name for magic, name in _FOREIGN.items() if data.startswith(magic)), "")
        if not kind and data.lstrip()[:1] in (b"{", b"<") and data[:64].isascii():
            kind = "a document"
        if kind:
            raise self._client.malformed(f"{kind} where PCM was asked for")
        return data

    async def _listed(self) -> tuple[str, ...]:
        """What a compatible server's own ``GET /audio/voices`` tells; OpenAI has none."""
        entries = elements(members(await self._client.probe("/audio/voices")).get("voices"))
        names = (members(each).get("id", each) for each in entries)
        return tuple(name for name in names if isinstance(name, str))


def engine(settings: OpenAISpeechSettings | None = None) -> OpenAISpeech:
    """The entry point ``duologue.tts: openai_speech``."""
    return OpenAISpeech(settings)
