"""The engine `openai_hearing`: any server that speaks OpenAI's ``POST /v1/audio/transcriptions``.

The whole stretch is sent as a WAV file (16 kHz, 16 bit, mono) when the voice has been away for :data:`PAUSE`, and again
when it came back: what is understood by then says whether more will come, and is the final text if none does. There are
no other partials. Words come if the server knows ``verbose_json``. Every way in which a server can fail ends in a
:class:`PeerError` that says what to do, within the time limits of :class:`OpenAIHearingSettings`; a key is read from
the environment and appears in no message.
"""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from duologue.audio.pcm import Samples, to_int16
from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.errors import ClosedError, InputError, InternalError, PeerError
from duologue.hosted import HostedClient, HostedLimits, HostedWords, RefusedError
from duologue.metering import NOTHING, Amount, RequestOutcome, current_call
from duologue.speech.hearing import EAR_RATE, Expected, HearingCapabilities, SpeechToText, Transcript, VoicePresence
from duologue.speech.hearing_sound import clean
from duologue.speech.openai.hearing_answers import read_answer, read_usage
from duologue.streams import Beside

MAX_SECONDS = 600
"""Of one stretch: 19 MB of WAV, under the 25 MB that OpenAI takes."""
PAUSE = 150 * EAR_RATE // 1000
"""Of a voice that went (samples)."""
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
    at_pauses: bool = Field(
        default=True,
        description="Ask at each pause too: the text is there when the turn is over, for one request more a pause.",
    )
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
        translates = "whisper" in self._settings.model  # the others of OpenAI's do not
        return HearingCapabilities(
            partials=False, punctuation=True, words=self._settings.words, translates=translates
        )  # fmt: skip

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
        expects, said = expected or Expected(), _Said()
        async with Beside[Transcript]() as asked:
            async for block in sound:
                said.take(clean(block))
                ended = voice.ended if voice is not None and self._settings.at_pauses else None
                if said.spoke_on(ended):
                    await asked.drop()
                if said.paused(ended):
                    asked.begin(self._transcribe(said.samples(), expects))
                elif asked.done and not said.told:
                    said.told = True
                    yield replace(await asked.found(), final=False)
            try:
                yield await (asked.found() if asked.begun else self._transcribe(said.samples(), expects))
            except PeerError:
                if not asked.begun:
                    raise
                yield await self._transcribe(said.samples(), expects)  # that one failed says nothing yet

    async def close(self) -> None:
        """Close the connections. Idempotent."""
        await self._client.close()

    async def _transcribe(self, samples: Samples, expected: Expected) -> Transcript:
        if len(samples) < LEAST or not samples.any():
            return Transcript("", final=True)
        form: dict[str, str] = {"model": self._settings.model}
        if expected.language and not expected.translated:
            form["language"] = expected.language
        form["response_format"] = "verbose_json" if self._settings.words else "json"
        if self._settings.words and not expected.translated:
            form["timestamp_granularities[]"] = "word"
        if expected.phrases:
            form["prompt"] = " ".join(expected.phrases)[:_HINT]
        file = ("speech.wav", await asyncio.to_thread(_as_wav, samples), "audio/wav")
        path = "/audio/translations" if expected.translated else "/audio/transcriptions"
        try:
            answer = await self._asked(path, form, file, len(samples) / EAR_RATE)
        except RefusedError as error:
            unknown = f"does not know the model {self._settings.model!r}, or transcribes nothing"
            raise self._client.explain(error, unknown=unknown) from error
        try:
            return read_answer(answer, len(samples))
        except ValueError as error:
            raise self._client.malformed(f"something that is no transcript: {self._client.clean(answer)!r}") from error

    async def _asked(self, path: str, form: dict[str, str], file: tuple[str, bytes, str], seconds: float) -> str:
        """The server's answer to a sound of ``seconds``; the request is counted, however it ends."""
        call, outcome = current_call(), RequestOutcome.CUT
        amount = Amount(seconds=seconds)
        try:
            answer = await self._client.post(path, form, {"file": file})
            outcome, amount = RequestOutcome.DONE, read_usage(answer, seconds)
            return answer
        except Exception:
            outcome, amount = RequestOutcome.FAILED, NOTHING
            raise
        finally:
            if call is not None:
                call.report(amount, model=self._settings.model, outcome=outcome)


class _Said:
    """A stretch as far as it came, and the pause for which the server was asked."""

    def __init__(self) -> None:
        self.told = False
        """What was found for the pause was told."""
        self._blocks: list[Samples] = []
        self._count = 0
        self._pause: int | None = None

    def take(self, block: Samples) -> None:
        """Raises :class:`PeerError` when it runs for too long."""
        self._blocks.append(block)
        self._count += len(block)
        if self._count > MAX_SECONDS * EAR_RATE:
            raise PeerError(f"a stretch of speech runs for more than {MAX_SECONDS} s", remedy="End it earlier.")

    def samples(self) -> Samples:
        """All of it."""
        return np.concatenate([np.zeros(0, np.float32), *self._blocks])

    def spoke_on(self, ended: int | None) -> bool:
        """The pause that was asked for was not the end."""
        over = self._pause is not None and ended != self._pause
        if over:
            self._pause = None
        return over

    def paused(self, ended: int | None) -> bool:
        """The voice has been away so long that it is asked for, once."""
        due = ended is not None and self._pause is None and self._count >= ended + PAUSE
        if due:
            self._pause, self.told = ended, False
        return due


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
