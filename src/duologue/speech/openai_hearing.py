"""The engine `openai_hearing`: any server that speaks OpenAI's ``POST /v1/audio/transcriptions``.

The whole stretch is sent as a WAV file (16 kHz, 16 bit, mono) when it is over: no partials. Words come if the server
knows ``verbose_json``. Every way in which a server can fail ends in a :class:`PeerError` that says what to do, within
the time limits of :class:`OpenAIHearingSettings`; a key is read from the environment and appears in no message.
"""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from duologue.audio.pcm import Samples, to_int16
from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.errors import ClosedError, InputError, InternalError, PeerError
from duologue.hosted import HostedClient, HostedLimits, HostedWords, RefusedError
from duologue.speech.hearing import EAR_RATE, Expected, HearingCapabilities, SpeechToText, Transcript, VoicePresence
from duologue.speech.hearing_sound import clean, pieces
from duologue.speech.openai_hearing_answers import read_answer

MAX_SECONDS = 600
"""Of one stretch: 19 MB of WAV, under the 25 MB that OpenAI takes."""
LEAST = EAR_RATE // 10
"""Shorter sound holds no word, and servers refuse it (samples)."""
_HINT = 400
"""Characters of the expected phrases that the server is told."""


class OpenAIHearingSettings(BaseModel):
    """Where the server is and how long it may take (``[engines.openai_hearing]``)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: str = Field(
        default="https://api.openai.com/v1",
        pattern=r"^https?://[^\s]+$",
        description="The server's address up to and with /v1.",
    )
    model: str = Field(min_length=1, description="The model's name as the server knows it, e.g. whisper-1.")
    words: bool = Field(default=False, description="Ask for the times of words (verbose_json): whisper-1 and its kin.")
    key_variable: str = Field(
        default="OPENAI_API_KEY",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="The environment variable that holds the key. The key itself belongs in no file.",
    )
    connect_seconds: float = Field(default=5.0, gt=0, le=60, description="Limit for reaching the server.")
    answer_seconds: float = Field(default=15.0, gt=0, le=300, description="Limit for the whole answer, waits included.")
    retry_after_seconds: float = Field(
        default=5.0, ge=0, le=60, description="A server that asks us to wait longer than this has failed."
    )


Settings = OpenAIHearingSettings
"""Where the settings object finds the engine's own part."""


class OpenAIHearing:
    """See the module. Use it on one event loop."""

    name = "openai_hearing"

    def __init__(self, settings: OpenAIHearingSettings, clock: Clock = SYSTEM_CLOCK) -> None:
        self._settings = settings
        limits = HostedLimits(
            settings.connect_seconds, settings.answer_seconds, settings.answer_seconds, settings.retry_after_seconds
        )
        words = HostedWords(self.name, "the server", "the transcript", "no transcript", "answer_seconds")
        self._client = HostedClient(words, settings.base_url, settings.key_variable, limits, clock=clock)
        self._warm = False

    @property
    def capabilities(self) -> HearingCapabilities:
        """Punctuation, and words where asked for. Valid after :meth:`warm_up`."""
        if not self._warm:
            raise InternalError("openai_hearing was asked what it can do before warm_up()")
        return HearingCapabilities(partials=False, punctuation=True, words=self._settings.words)

    async def warm_up(self) -> None:
        """See that the server is there and takes the key; one without a list of models is fine.

        Raises :class:`PeerError`.
        """
        await self._client.probe("/models")
        self._warm = True

    async def listen(
        self, sound: AsyncIterator[Samples], expected: Expected | None = None, voice: VoicePresence | None = None
    ) -> AsyncGenerator[Transcript, None]:
        """See :class:`duologue.speech.hearing.SpeechToText`. Phrases are hints; a grammar is not heeded."""
        if self._client.closed:
            raise ClosedError("openai_hearing is closed")
        held: list[Samples] = []
        async with aclosing(pieces(sound, EAR_RATE)) as told:
            async for piece in told:
                held.append(clean(piece))
                if len(held) > MAX_SECONDS:
                    raise PeerError(f"a stretch of speech runs for more than {MAX_SECONDS} s", remedy="End it earlier.")
        samples = np.concatenate([np.zeros(0, np.float32), *held])
        yield await self._transcribe(samples, expected or Expected())

    async def close(self) -> None:
        """Close the connections. Idempotent."""
        await self._client.close()

    async def _transcribe(self, samples: Samples, expected: Expected) -> Transcript:
        if len(samples) < LEAST or not samples.any():
            return Transcript("", final=True)
        form: dict[str, str] = {"model": self._settings.model, "language": expected.language}
        form["response_format"] = "verbose_json" if self._settings.words else "json"
        if self._settings.words:
            form["timestamp_granularities[]"] = "word"
        if expected.phrases:
            form["prompt"] = " ".join(expected.phrases)[:_HINT]
        file = ("speech.wav", await asyncio.to_thread(_as_wav, samples), "audio/wav")
        try:
            answer = await self._client.post("/audio/transcriptions", form, {"file": file})
        except RefusedError as error:
            unknown = f"does not know the model {self._settings.model!r}, or transcribes nothing"
            raise self._client.explain(error, unknown=unknown) from error
        try:
            return read_answer(answer, len(samples))
        except ValueError as error:
            raise self._client.malformed(f"something that is no transcript: {self._client.clean(answer)!r}") from error


def _as_wav(samples: Samples) -> bytes:
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setparams((1, 2, EAR_RATE, 0, "NONE", "not compressed"))
        file.writeframes(to_int16(samples).tobytes())
    return content.getvalue()


def engine(settings: OpenAIHearingSettings | None) -> SpeechToText:
    """The entry point ``duologue.stt: openai_hearing``. Raises :class:`InputError` without a model's name."""
    if settings is None:
        raise InputError(
            "the engine openai_hearing needs to know a model", where="engines.openai_hearing.model",
            remedy='Write [engines.openai_hearing] with model = "whisper-1" (and base_url for a server of your own).',
        )  # fmt: skip
    return OpenAIHearing(settings)
