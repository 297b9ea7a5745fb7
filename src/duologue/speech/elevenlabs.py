"""The engine `elevenlabs`: ``POST /v1/text-to-speech/{voice}/stream/with-timestamps``, with word marks.

The reply is one JSON object a line: ``audio_base64`` (PCM as asked for by ``output_format``) and ``alignment``, the
times of the characters of the text as it was sent, in seconds from the start of the line. (``normalized_alignment`` is
about the text as it was read, numbers spelt out, and leads nowhere in ours.)
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.errors import ClosedError, InputError, InternalError, PeerError
from duologue.hosted import RefusedError, lines, message
from duologue.speech.character_marks import CharacterMarks, TimedCharacter
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

MAX_CHARACTERS = 5_000
"""Of one line; the server's own limit depends on the model."""
_ID_LENGTH = 20


class ElevenLabsSettings(HostedSettings):
    """Which model speaks, and how (``[engines.elevenlabs]``)."""

    base_url: str = Field(
        default="https://api.elevenlabs.io/v1", pattern=r"^https?://[^\s]+$", description="Up to and with /v1."
    )
    model: str = Field(default="eleven_flash_v2_5", min_length=1, description="The model's identifier.")
    key_variable: str = Field(
        default="ELEVENLABS_API_KEY",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="The environment variable that holds the key. The key itself belongs in no file.",
    )
    rate: Literal[16_000, 22_050, 24_000, 44_100] = Field(
        default=24_000, description="Of the PCM, Hz; 44100 needs a larger plan."
    )
    language: str = Field(default="", description="ISO 639-1, for models that take it; empty: by the text.")
    stability: float | None = Field(default=None, ge=0, le=1, description="Unset: the voice's own.")
    similarity_boost: float | None = Field(default=None, ge=0, le=1, description="Unset: the voice's own.")
    style: float | None = Field(default=None, ge=0, le=1, description="Unset: the voice's own.")
    speed: float | None = Field(default=None, ge=0.7, le=1.2, description="Unset: the voice's own.")


Settings = ElevenLabsSettings
"""Where the settings object finds the engine's own part."""


class _Alignment(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False)

    characters: list[str]
    character_start_times_seconds: list[float]
    character_end_times_seconds: list[float]


class _Event(BaseModel):
    audio_base64: str | None = None
    alignment: _Alignment | None = None
    detail: object = None
    error: object = None
    """Either: a failure, told where the status can tell it no more."""


class ElevenLabs:
    """See the module. Use it on one event loop."""

    name = "elevenlabs"

    def __init__(self, settings: ElevenLabsSettings | None = None, clock: Clock = SYSTEM_CLOCK) -> None:
        self._settings = settings or ElevenLabsSettings()
        self._client = speaking_client(
            self.name, self._settings.base_url, self._settings.key_variable, self._settings, clock, _key_header
        )
        self._ids: dict[str, str] | None = None
        self._closed = False

    @property
    def capabilities(self) -> SpeechCapabilities:
        """Valid after :meth:`warm_up`. ``voices`` are names; identifiers are taken as well."""
        if self._ids is None:
            raise InternalError(f"{self.name} was asked what it can do before warm_up()")
        return SpeechCapabilities(rate=self._settings.rate, word_marks=True, voices=tuple(self._ids))

    async def warm_up(self) -> None:
        """See that the server takes the key, and learn the account's voices. Raises :class:`PeerError`, and
        :class:`InputError` where no key is set.

        A key that may speak but not list voices is fine: then a voice must be given by its identifier.
        """
        if not self._client.key:
            raise InputError(
                "elevenlabs needs a key", where=f"environment variable {self._settings.key_variable}",
                remedy="Set it to a key of your account, or choose another engine that speaks.",
            )  # fmt: skip
        document: object = None
        try:
            document = await self._client.get("/voices")
        except RefusedError as error:
            if "missing_permissions" not in error.body and "missing the permission" not in error.words:
                raise self._client.explain(error) from error
        self._ids = _voice_ids(document)

    async def speak(self, text: str, voice: str) -> AsyncGenerator[SpeechChunk, None]:
        """See :class:`duologue.speech.engine.TextToSpeech`. Also :class:`InputError` over :data:`MAX_CHARACTERS`."""
        identifier = self._identifier(text, voice)
        if not says_something(text):
            return
        silent = PeerError(f"{self.name} sent no sound for {text[:60]!r}", where=self._client.where)
        try:
            async with aclosing(audible(self._chunks(text, identifier), self._settings.rate, silent)) as chunks:
                async for chunk in chunks:
                    yield chunk
        except RefusedError as error:
            raise self._explained(error, voice) from error

    async def close(self) -> None:
        """Close the connections. Idempotent."""
        self._closed = True
        await self._client.close()

    def _identifier(self, text: str, voice: str) -> str:
        if self._closed:
            raise ClosedError(f"{self.name} is closed")
        voices = self.capabilities.voices
        refuse_long(text, MAX_CHARACTERS)
        known = self._ids or {}
        if voice in known:
            return known[voice]
        if len(voice) == _ID_LENGTH and voice.isalnum() and voice.isascii():
            return voice
        raise self._unknown(voice, voices)

    def _unknown(self, voice: str, voices: tuple[str, ...]) -> InputError:
        return InputError(
            f"{self.name} has no voice {voice!r}", where="voice",
            remedy=f"There are: {', '.join(voices)}; or give an identifier." if voices else "Give an identifier.",
        )  # fmt: skip

    async def _chunks(self, text: str, identifier: str) -> AsyncGenerator[SpeechChunk, None]:
        reader, marks, made = PcmReader(), CharacterMarks(text), 0
        async with aclosing(self._events(text, identifier)) as events:
            async for event in events:
                samples = reader.feed(self._decoded(event.audio_base64 or ""))
                made += len(samples)
                yield SpeechChunk(samples, marks.feed(self._characters(event.alignment)))
        if reader.broken:
            raise self._client.malformed("half a sample: that is no 16-bit PCM")
        if made and (last := marks.finish(made)):
            yield SpeechChunk(marks=last)

    async def _events(self, text: str, identifier: str) -> AsyncGenerator[_Event, None]:
        path = f"/text-to-speech/{identifier}/stream/with-timestamps"
        params = {"output_format": f"pcm_{self._settings.rate}"}
        endless = self._client.malformed("an event without an end")
        more = len(text) * self._settings.per_character_seconds
        given = self._client.stream(path, self._body(text), params=params, more=more)
        async with aclosing(lines(given, endless)) as stream:
            async for line in stream:
                yield self._event(line)

    def _event(self, line: bytes) -> _Event:
        try:
            event = _Event.model_validate_json(line)
        except ValidationError as error:
            raise self._client.malformed("something that is no event") from error
        if event.detail or event.error:
            words = self._client.clean(message(line.decode("utf-8", "replace")))
            raise PeerError(f"{self.name} failed in the middle: {words}", where=self._client.where)
        return event

    def _decoded(self, audio: str) -> bytes:
        try:
            return base64.b64decode(audio, validate=True)
        except (binascii.Error, ValueError) as error:
            raise self._client.malformed("sound that is not base64") from error

    def _characters(self, alignment: _Alignment | None) -> list[TimedCharacter]:
        if alignment is None:
            return []
        rate = self._settings.rate
        columns = (
            alignment.characters, alignment.character_start_times_seconds, alignment.character_end_times_seconds
        )  # fmt: skip
        if len({len(column) for column in columns}) > 1:
            raise self._client.malformed("an alignment whose columns differ in length")
        return [
            TimedCharacter(character, max(0, round(start * rate)), max(0, round(end * rate)))
            for character, start, end in zip(*columns, strict=True)
        ]

    def _body(self, text: str) -> Mapping[str, object]:
        wishes = {
            name: value
            for name in ("stability", "similarity_boost", "style", "speed")
            if (value := getattr(self._settings, name)) is not None
        }
        body: dict[str, object] = {"text": transmissible(text), "model_id": self._settings.model}
        if wishes:
            body["voice_settings"] = wishes
        if self._settings.language:
            body["language_code"] = self._settings.language
        return body

    def _explained(self, error: RefusedError, voice: str) -> Exception:
        if error.status_code == 404:
            return self._unknown(voice, self.capabilities.voices)
        return self._client.explain(error)


def _key_header(key: str) -> Mapping[str, str]:
    return {"xi-api-key": key}


def _voice_ids(document: object) -> dict[str, str]:
    """Name to identifier; of two voices with one name the first counts."""
    ids: dict[str, str] = {}
    for voice in map(members, elements(members(document).get("voices"))):
        name, identifier = voice.get("name"), voice.get("voice_id")
        if isinstance(name, str) and isinstance(identifier, str):
            ids.setdefault(name, identifier)
    return ids


def engine(settings: ElevenLabsSettings | None = None) -> ElevenLabs:
    """The entry point ``duologue.tts: elevenlabs``."""
    return ElevenLabs(settings)
