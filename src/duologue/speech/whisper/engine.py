"""The engine `whisper`: Whisper through CTranslate2, in one worker process for all who are listened to.

Each listener keeps the features of its own stretch and knows when a pass over them is due
(:mod:`duologue.speech.whisper.stretch`); the worker keeps nothing. Passes are made one at a time, in the one order of
our engines (:mod:`duologue.precedence`): first what somebody's answer waits for, then pauses, then partial texts, which
are left out while others wait. So each listener has at most one wish, and who talks much delays nobody more than who
talks little. Who waits says every second what it has: waiting is no failure.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from functools import cached_property
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from duologue.audio.pcm import Samples
from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.errors import ClosedError, InputError, InternalError
from duologue.precedence import Urgency
from duologue.speech.hearing import EAR_RATE, Expected, HearingCapabilities, SpeechToText, Transcript, VoicePresence
from duologue.speech.hearing_sound import clean
from duologue.speech.whisper.features import HOP, LogMel
from duologue.speech.whisper.messages import Found, LoadWhisper, Pass
from duologue.speech.whisper.process import SIGN, WhisperProcess
from duologue.speech.whisper.stretch import Due, Reason, WhisperStretch
from duologue.workers import Supervised

PIECE = EAR_RATE // 50
"""Samples that a listener takes at a time."""
BATCH = EAR_RATE // 10
"""Samples of which features are made at a time, unless a pass wants them sooner."""
_LANGUAGE = re.compile(rb'"<\|([a-z]{2,3})\|>"')
"""A language in a model's tokenizer; its other signs have longer names."""
_ENGLISH = re.compile(rb'"id":\s*50256,\s*"content":\s*"<\|endoftext\|>"')
"""An English model's tokenizer: it is GPT-2's, and has the signs of all languages behind that."""
_SILENCE = 1e-4
"""Sound that never rises above this is not shown to the model, which would make words up."""
PASSES = 33.0
"""What a listener who talks 40 % of a minute costs, in passes over 10 s without a word, which is what the worker makes
to warm up (2.0 s of CPU time against 0.06, tiny.en)."""
SHARE = 0.5
"""Of the threads' time, for all passes. The knee lies beyond: with a core to itself a worker has the final text of 30
callers within 300 ms of the decision, 95 times of 100, and uses two thirds of it; voices and minds want theirs too."""
URGENCY = {
    Reason.FINAL: Urgency.AWAITED,
    Reason.PAUSE: Urgency.SOUNDING,
    Reason.LENGTH: Urgency.NEXT,
    Reason.PARTIAL: Urgency.AHEAD,
}
"""Of a pass, unless who listens says that it is more: a turn that is decided waits for the pass at its last pause."""


class WhisperSettings(BaseModel):
    """Which model, and how it runs (``[engines.whisper]``)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(min_length=1, description="The folder of a model converted for CTranslate2.")
    threads: int = Field(default=1, ge=1, le=64, description="Processor threads of a pass.")
    compute_type: str = Field(default="int8", description="int8, int8_float32 or float32, as CTranslate2 names them.")
    every_s: float = Field(default=0.7, ge=0.2, le=5.0, description="New sound between two partials, at least (s).")
    beam: int = Field(default=5, ge=1, le=10, description="Beam width; 1 is greedy.")
    patience_s: float = Field(default=15.0, gt=0, le=600, description="A worker at a longer pass is replaced (s).")
    restarts: int = Field(default=3, ge=0, le=20, description="Restarts of a dying worker in a row before giving up.")


Settings = WhisperSettings
"""Where the settings object finds the engine's own part."""


class Whisper:
    """See the module. Use it on one event loop. ``process`` is who makes the passes, a worker's unless one is given."""

    name = "whisper"

    def __init__(
        self, settings: WhisperSettings, clock: Clock = SYSTEM_CLOCK, process: WhisperProcess | None = None
    ) -> None:
        self._settings = settings
        load = LoadWhisper(
            str(Path(settings.model).expanduser()), settings.threads, settings.compute_type, settings.beam
        )  # fmt: skip
        self._process = process or WhisperProcess(load, settings.patience_s, settings.restarts, clock)
        self.passes = 0
        """How often the model was asked."""

    @cached_property
    def languages(self) -> frozenset[str]:
        """See :class:`~duologue.language.languages.OfLanguages`: what the model has a token for, of an English one
        English alone, whatever its folder is called. Empty without a model: the start says what is missing.
        """
        try:
            written = (Path(self._settings.model).expanduser() / "tokenizer.json").read_bytes()
        except OSError:
            return frozenset()
        if _ENGLISH.search(written):
            return frozenset({"en"})
        return frozenset(code.decode() for code in _LANGUAGE.findall(written))

    @property
    def workers(self) -> tuple[Supervised, ...]:
        """Its worker, for a page."""
        return (self._process.worker,)

    @property
    def capabilities(self) -> HearingCapabilities:
        """All there are. Valid after :meth:`warm_up`."""
        loaded = self._process.loaded
        if loaded is None:
            raise InternalError("whisper was asked what it can do before warm_up()")
        carried = 60.0 * SHARE * self._settings.threads / (max(loaded.pass_s, 0.005) * PASSES)
        at_once = max(1, int(carried))
        return HearingCapabilities(
            partials=True, punctuation=True, words=True, at_once=at_once, guesses_ends=True,
            translates=loaded.multilingual,
        )  # fmt: skip

    async def warm_up(self) -> None:
        """Start the worker, which loads the model and makes a pass, so that the first listener waits for neither.

        Raises :class:`InputError` when the model is not there, or a file of it is missing or broken.
        """
        await self._process.worker.running()

    async def listen(
        self, sound: AsyncIterator[Samples], expected: Expected | None = None, voice: VoicePresence | None = None
    ) -> AsyncGenerator[Transcript, None]:
        """See :class:`duologue.speech.hearing.SpeechToText`. Phrases are hints; a grammar is not heeded."""
        if self._process.worker.closed:
            raise ClosedError("whisper is closed")
        ear = _Ear(round(self._settings.every_s * EAR_RATE), expected or Expected(), voice)
        async for block in sound:
            for piece in _pieces(clean(block)):
                ear.hear(piece)
                due = ear.stretch.due(ear.ended)
                if due is not None and not (due.reason is Reason.PARTIAL and self._taken):
                    async with aclosing(self._made(ear, due)) as told:
                        async for heard in told:
                            yield heard
                if ear.stretch.settle(ear.ended):
                    yield ear.stretch.transcript()
        if (due := ear.stretch.last(ear.ended)) is not None:
            async with aclosing(self._made(ear, due)) as told:
                async for heard in told:
                    yield heard
        yield ear.stretch.transcript(final=True)

    async def close(self) -> None:
        """End the worker, whatever it is at. Idempotent."""
        await self._process.worker.close()

    @property
    def _taken(self) -> bool:
        """Somebody else's pass is made."""
        return self._process.worker.gate.busy(self._process.worker.name)

    async def _made(self, ear: _Ear, due: Due) -> AsyncGenerator[Transcript, None]:
        """Make a pass; tells what is understood by it, and while it waits what was understood before."""
        ended = ear.ended
        worker = self._process.worker
        turn = worker.gate.ask(worker.name, URGENCY[due.reason], self._settings.threads)
        try:
            while not await turn.within(SIGN):
                yield ear.stretch.transcript()
            self.passes += 1
            async with aclosing(self._process.find(ear.wanted(due, self.passes))) as found:
                async for each in found:
                    if each is not None:
                        ear.take(due, each, ended)
                    yield ear.stretch.transcript()
        finally:
            turn.leave()


class _Ear:
    """One listener: the sound of its stretch as features, and what is known of its text."""

    def __init__(self, every: int, expected: Expected, voice: VoicePresence | None) -> None:
        self.stretch = WhisperStretch(every)
        self._expected = expected
        self._voice = voice
        self._features = LogMel()
        self._batch: list[Samples] = []
        self._batched = 0

    @property
    def ended(self) -> int | None:
        """Where the voice went that is away."""
        return self._voice.ended if self._voice else None

    def hear(self, piece: Samples) -> None:
        """The next sound."""
        self.stretch.hear(len(piece), silent=float(np.abs(piece).max(initial=0.0)) < _SILENCE)
        self._batch.append(piece)
        self._batched += len(piece)
        if self._batched >= BATCH:
            self._compute()

    def wanted(self, due: Due, number: int) -> Pass:
        """What the worker is asked for a pass."""
        self._compute()
        features = self._features.window(due.begin, due.end, due.window // HOP)
        expected = self._expected
        return Pass(
            number, features, (due.end - due.begin) / EAR_RATE, expected.language, expected.phrases,
            max(0, due.voiced - due.begin) / EAR_RATE, expected.translated,
        )  # fmt: skip

    def take(self, due: Due, found: Found, ended: int | None) -> None:
        """What was found by a pass that was made while the voice was as ``ended`` says."""
        self.stretch.language = found.language or self.stretch.language
        self.stretch.take(due, found, ended)

    def _compute(self) -> None:
        if self._batch:
            self._features.push(np.concatenate(self._batch))
            self._batch, self._batched = [], 0
            self._features.forget(self.stretch.needed)


def _pieces(block: Samples) -> Iterator[Samples]:
    return (block[at : at + PIECE] for at in range(0, len(block), PIECE))


def engine(settings: WhisperSettings | None) -> SpeechToText:
    """The entry point ``duologue.stt: whisper``. Raises :class:`InputError` without a model's name."""
    if settings is None:
        raise InputError(
            "the engine whisper needs to know a model", where="engines.whisper.model",
            remedy="Run duologue models get natural, or write [engines.whisper] with the folder of a converted model.",
        )  # fmt: skip
    return Whisper(settings)
