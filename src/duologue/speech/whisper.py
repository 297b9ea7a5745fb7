"""The engine `whisper`: faster-whisper on the CPU, over a growing sound.

Whisper cannot stream. So while somebody speaks, the sound so far is passed through the model again every
:attr:`WhisperSettings.every_s` seconds, and what two passes agree on is stable (see
:mod:`duologue.speech.whisper_agreement`). A machine that is slower than that makes fewer passes, and falls no further
behind than one of them. CTranslate2 gives the interpreter's lock away while it computes, so passes run in a thread: one
at a time for all listeners, as they use the same cores.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from importlib import import_module
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from duologue.audio.pcm import Samples
from duologue.clock import SECOND, SYSTEM_CLOCK, Clock
from duologue.errors import ClosedError, InputError, InternalError, PeerError
from duologue.speech.hearing import EAR_RATE, Expected, HearingCapabilities, SpeechToText, Transcript
from duologue.speech.hearing_sound import clean, pieces
from duologue.speech.whisper_agreement import Agreement, Said

SHORTEN_AT = 15 * EAR_RATE
"""Samples of a pass after which the agreed part is no longer passed over…"""
FORCE_AT = 25 * EAR_RATE
"""… and here even what is not agreed: Whisper looks at no more than 30 s at a time."""
LEAST = EAR_RATE // 10
"""Shorter sound holds no word (samples)."""
_SILENCE = 1e-4
"""Sound that never rises above this is not shown to the model, which would make words up."""
_HINT = 200
"""Characters of the expected phrases that the model is told."""


class WhisperSettings(BaseModel):
    """Which model, and how it runs (``[engines.whisper]``)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(
        min_length=1,
        description="A folder with a converted model, or a name such as base.en that faster-whisper fetches once.",
    )
    offline: bool = Field(default=False, description="Never fetch: the model must be there already.")
    threads: int = Field(default=2, ge=1, le=64, description="Processor threads of a pass.")
    compute_type: str = Field(default="int8", description="int8, int8_float32 or float32, as CTranslate2 names them.")
    every_s: float = Field(default=0.7, ge=0.2, le=5.0, description="Sound between two passes (s).")
    beam: int = Field(default=1, ge=1, le=10, description="Beam width; 1 is fastest.")
    patience_s: float = Field(default=60.0, gt=0, le=600, description="A longer pass has failed (s).")


Settings = WhisperSettings
"""Where the settings object finds the engine's own part."""


class Whisper:
    """See the module. Use it on one event loop."""

    name = "whisper"

    def __init__(self, settings: WhisperSettings, clock: Clock = SYSTEM_CLOCK) -> None:
        self._settings = settings
        self._clock = clock
        self._model: Any = None
        self._thread = ThreadPoolExecutor(1, "whisper")
        self._closed = False
        self.passes = 0
        """How often the model was asked."""

    @property
    def languages(self) -> frozenset[str]:
        """See :class:`~duologue.language.languages.OfLanguages`: a model whose name ends in ``.en`` knows English."""
        return frozenset({"en"} if self._settings.model.rstrip("/").endswith(".en") else ())

    @property
    def capabilities(self) -> HearingCapabilities:
        """All there are. Valid after :meth:`warm_up`."""
        if self._model is None:
            raise InternalError("whisper was asked what it can do before warm_up()")
        return HearingCapabilities(partials=True, punctuation=True, words=True)

    async def warm_up(self) -> None:
        """Load the model and make one pass, so that the first listener does not wait for either.

        Raises :class:`PeerError` when the model is not there.
        """
        self._check_open()
        try:
            self._model = await self._in_thread(self._load)
        except (OSError, RuntimeError, ValueError) as error:
            raise PeerError(
                f"Whisper's model cannot be loaded: {error}", where=f"engines.whisper.model = {self._settings.model}",
                remedy="Give a folder with a model converted for CTranslate2, or a name that can be fetched.",
            ) from error  # fmt: skip
        hum = 0.01 * np.sin(np.arange(EAR_RATE) / 20)  # silence would not be shown to the model
        await self._pass(hum.astype(np.float32), 0, Expected())

    async def listen(
        self, sound: AsyncIterator[Samples], expected: Expected | None = None
    ) -> AsyncGenerator[Transcript, None]:
        """See :class:`duologue.speech.hearing.SpeechToText`. Phrases are hints; a grammar is not heeded."""
        self._check_open()
        if self._model is None:
            await self.warm_up()
        wishes, agreement = expected or Expected(), Agreement()
        held, shown, skip = np.zeros(0, np.float32), Transcript(""), 0
        step = round(self._settings.every_s * EAR_RATE)
        async with aclosing(pieces(sound, step)) as told:
            async for piece in told:
                held = np.concatenate([held, clean(piece)])
                if skip > 0 and len(held) < FORCE_AT:
                    skip -= 1  # the last pass took longer than this sound did: catch up
                    continue
                began = self._clock.now()
                heard = agreement.take(await self._pass(held, agreement.cut, wishes))
                skip = int((self._clock.now() - began) / (self._settings.every_s * SECOND))
                held = _shorten(agreement, held)
                if (heard.text, heard.stable) != (shown.text, shown.stable):
                    shown = heard
                    yield heard
        yield agreement.finish(await self._pass(held, agreement.cut, wishes))

    async def close(self) -> None:
        """Wait for the pass that runs and let the model go. Idempotent."""
        self._closed = True
        await asyncio.to_thread(self._thread.shutdown, wait=True, cancel_futures=True)
        self._model = None

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError("whisper is closed")

    async def _in_thread(self, work: Any, *arguments: object) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    async def _pass(self, samples: Samples, offset: int, expected: Expected) -> list[Said]:
        """The words of ``samples``, which lie at ``offset`` in the stretch."""
        self._check_open()
        if len(samples) < LEAST or float(np.abs(samples).max()) < _SILENCE:
            return []
        self.passes += 1
        try:
            async with asyncio.timeout(self._settings.patience_s):
                return await self._in_thread(self._transcribe, samples, offset, expected)
        except TimeoutError as error:
            raise PeerError(
                f"Whisper took more than {self._settings.patience_s:g} s for {len(samples) / EAR_RATE:.1f} s of sound",
                where="engines.whisper.patience_s", remedy="Take a smaller model.",
            ) from error  # fmt: skip
        except (RuntimeError, ValueError) as error:
            self._check_open()
            raise PeerError(f"Whisper failed: {error}", where=f"model {self._settings.model}") from error

    def _load(self) -> Any:
        return import_module("faster_whisper").WhisperModel(
            self._settings.model, device="cpu", compute_type=self._settings.compute_type,
            cpu_threads=self._settings.threads, local_files_only=self._settings.offline,
        )  # fmt: skip

    def _transcribe(self, samples: Samples, offset: int, expected: Expected) -> list[Said]:
        """In the thread. One temperature only: the retries of the usual list would make a pass six times as long."""
        segments, _ = self._model.transcribe(
            samples, language=expected.language, beam_size=self._settings.beam, temperature=0.0, word_timestamps=True,
            condition_on_previous_text=False, hotwords=" ".join(expected.phrases)[:_HINT] or None,
        )  # fmt: skip
        found: list[Said] = []
        for word in (word for segment in segments for word in segment.words or ()):
            start, end = sorted(min(max(round(at * EAR_RATE), 0), len(samples)) for at in (word.start, word.end))
            found.append(Said(word.word, offset + start, offset + end, float(word.probability)))
        return found


def _shorten(agreement: Agreement, held: Samples) -> Samples:
    """Drop the sound that need not be passed over again."""
    if len(held) < SHORTEN_AT:
        return held
    begin = agreement.cut
    agreement.shorten(begin + len(held), force=len(held) >= FORCE_AT)
    return held[agreement.cut - begin :]


def engine(settings: WhisperSettings | None) -> SpeechToText:
    """The entry point ``duologue.stt: whisper``. Raises :class:`InputError` without a model's name."""
    if settings is None:
        raise InputError(
            "the engine whisper needs to know a model", where="engines.whisper.model",
            remedy='Write [engines.whisper] with model = "base.en", or the folder of a converted model.',
        )  # fmt: skip
    return Whisper(settings)
