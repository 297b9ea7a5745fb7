"""The engine `pocketsphinx`: hears without a network, a key or a download, in worker processes of its own.

One worker hears one stretch of speech; :attr:`PocketSphinxSettings.listeners` of them may run, the first from
:meth:`PocketSphinx.warm_up` on, the others when they are needed first. A stretch beyond that waits for its turn. Sound
goes to the worker in pieces of :data:`PIECE` samples, each answered before the next is sent, so sound that comes faster
than it is understood waits with its owner.

When a worker dies or shows no sign of life, another is started (:mod:`duologue.supervision`) and told the stretch again
from its start: the listener notices a delay. A stretch at which more workers fail than
:attr:`PocketSphinxSettings.restarts` ends with the cause.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from duologue.audio.pcm import Samples, to_int16
from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.errors import ClosedError, InternalError, PeerError
from duologue.speech.hearing import EAR_RATE, Expected, HearingCapabilities, Transcript, VoicePresence
from duologue.speech.hearing_sound import clean, pieces
from duologue.speech.pocketsphinx.messages import FRAME, Begin, End, Hear, SaidSoFar
from duologue.speech.pocketsphinx.process import SphinxProcess
from duologue.speech.utterance import Mark, MarkKind
from duologue.supervision import Work
from duologue.telemetry.log import get_logger
from duologue.workers import Supervised

PIECE = EAR_RATE // 10
"""Samples that go to the worker at a time: 100 ms, 13 ms of work."""
MIRROR = 0.15
"""How loud the mirror of a telephone's sound is."""
MAX_SECONDS = 1_800
"""Of one stretch; it is kept, to be told again to a worker that takes over (58 MB at most)."""

_log = get_logger("duologue.speech.pocketsphinx.engine")


class PocketSphinxSettings(BaseModel):
    """How many may be heard at once, and what a worker may do wrong (``[engines.pocketsphinx]``)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    listeners: int = Field(
        default=2, ge=1, le=32, description="Stretches of speech heard at once; 120 MB and a process for each."
    )
    patience_s: float = Field(default=20.0, gt=0, le=300, description="A worker silent for so long is replaced (s).")
    restarts: int = Field(default=2, ge=0, le=10, description="Workers that may fail in one stretch.")


Settings = PocketSphinxSettings
"""Where the settings object finds the engine's own part."""


class PocketSphinx:
    """See the module. Use it on one event loop."""

    name = "pocketsphinx"
    languages = frozenset({"en"})
    """Of the model in its wheel, and so of the words and numbers that are written for its dictionary."""

    def __init__(self, settings: PocketSphinxSettings | None = None, clock: Clock = SYSTEM_CLOCK) -> None:
        self._settings = settings or PocketSphinxSettings()
        self._clock = clock
        self._free = [self._process() for _ in range(self._settings.listeners)]
        self._all = tuple(self._free)
        self._turn = asyncio.Semaphore(self._settings.listeners)
        self._warm = False
        self._closed = False

    @property
    def restarts(self) -> int:
        """How often a worker was replaced."""
        return sum(worker.restarts for worker in self.workers)

    @property
    def workers(self) -> tuple[Supervised, ...]:
        """Its workers, for a page."""
        return tuple(process.worker for process in self._all)

    @property
    def pids(self) -> tuple[int, ...]:
        """The workers' process ids."""
        return tuple(process.pid for process in self._all if process.pid is not None)

    @property
    def capabilities(self) -> HearingCapabilities:
        """Partials and places of words; no punctuation; a person for each listener. Valid after :meth:`warm_up`."""
        if not self._warm:
            raise InternalError("pocketsphinx was asked what it can do before warm_up()")
        return HearingCapabilities(partials=True, punctuation=False, words=True, at_once=self._settings.listeners)

    def hears(self, expected: Expected) -> bool:
        """By telephone nothing but phrases and grammars: of open dictation it gets nine words of ten wrong there."""
        return not expected.telephone or bool(expected.phrases or expected.grammar)

    async def warm_up(self) -> None:
        """Start the first worker. Raises :class:`PeerError` when PocketSphinx does not come up."""
        async with self._listener() as process:
            await process.start()
        self._warm = True

    async def listen(
        self, sound: AsyncIterator[Samples], expected: Expected | None = None, voice: VoicePresence | None = None
    ) -> AsyncGenerator[Transcript, None]:
        """See :class:`duologue.speech.hearing.SpeechToText`.

        With ``phrases`` only their words are understood, far more surely; with a ``grammar`` only its sentences
        (:class:`InputError` if it cannot be read). Also :class:`PeerError` after :data:`MAX_SECONDS`.
        """
        async with self._listener() as process:
            stretch = _Stretch(process, Begin(expected or Expected()), self._settings.restarts)
            narrow = expected is not None and expected.telephone
            shown = Transcript("")
            async with aclosing(pieces(sound, PIECE)) as told:
                async for piece in told:
                    heard = transcript(await stretch.hear(_mirrored(piece) if narrow else piece))
                    if (heard.text, heard.stable) != (shown.text, shown.stable):
                        shown = heard
                        yield heard
            yield transcript(await stretch.end(), final=True)

    async def close(self) -> None:
        """End the workers; a stretch that is being heard ends with :class:`ClosedError`. Idempotent."""
        self._closed = True
        for process in self._all:
            await process.close()

    def _process(self) -> SphinxProcess:
        return SphinxProcess(self._settings.patience_s, self._settings.restarts + 1, self._clock)

    @asynccontextmanager
    async def _listener(self) -> AsyncGenerator[SphinxProcess]:
        """A process of one's own, one that runs if possible."""
        async with self._turn:
            if self._closed:
                raise ClosedError("pocketsphinx is closed")
            self._free.sort(key=lambda process: process.pid is not None)
            process = self._free.pop()
            process.work = Work(object(), "a stretch of speech")
            try:
                yield process
            finally:
                process.work = None
                self._free.append(process)


class _Stretch:
    """One stretch of speech, told again from its start to a worker that takes over."""

    def __init__(self, process: SphinxProcess, begin: Begin, patience: int) -> None:
        self._process = process
        self._begin = begin
        self._left = patience
        self._pcm: list[bytes] = []
        self._told = 0
        self._worker = -1
        self.failures = 0
        """Workers that failed in this stretch."""

    async def hear(self, piece: Samples) -> SaidSoFar:
        """The words so far."""
        if len(self._pcm) * PIECE > MAX_SECONDS * EAR_RATE:
            raise PeerError(f"a stretch of speech runs for more than {MAX_SECONDS} s", remedy="End it where it pauses.")
        self._pcm.append(to_int16(clean(piece)).tobytes())
        return await self._told_all()

    async def end(self) -> SaidSoFar:
        """The final words. A stretch without sound costs nothing."""
        if not self._pcm:
            return SaidSoFar()
        while True:
            await self._told_all()
            try:
                answer = await self._process.ask(End())
                assert isinstance(answer, SaidSoFar)
                return answer
            except PeerError as error:
                self._bear(error)

    async def _told_all(self) -> SaidSoFar:
        """Tell the worker what it has not heard yet; all of it, if it is another one than before."""
        answer = SaidSoFar()
        while True:
            try:
                await self._process.start()
                if self._worker != self._process.starts:
                    self._worker, self._told = self._process.starts, 0
                    await self._process.ask(self._begin)
                while self._told < len(self._pcm):
                    heard = await self._process.ask(Hear(self._pcm[self._told]))
                    assert isinstance(heard, SaidSoFar)
                    answer, self._told = heard, self._told + 1
                return answer
            except PeerError as error:
                self._bear(error)

    def _bear(self, error: PeerError) -> None:
        self.failures += 1
        self._worker = -1
        if self.failures > self._left:
            raise error
        _log.warning("pocketsphinx restarts", cause=str(error), failures=self.failures, pieces=len(self._pcm))


def _mirrored(piece: Samples) -> Samples:
    """A telephone has nothing above 3.4 kHz, where the model looks for every s and f: a faint mirror of what lies
    below (every other sample turned round) tells it of them. Of 84 words of a menu, by six voices, 60 were understood
    without and 75 with it.
    """
    made = piece * np.float32(1 + MIRROR)
    made[1::2] = piece[1::2] * np.float32(1 - MIRROR)
    return made


def transcript(understood: SaidSoFar, final: bool = False) -> Transcript:
    """A worker's words as the protocol has them; what is settled is stable, with its blank."""
    words: list[Mark] = []
    offset = 0
    for placed in understood.words:
        words.append(Mark(MarkKind.WORD, placed.name, placed.start * FRAME, placed.end * FRAME, offset=offset))
        offset += len(placed.name) + 1
    text = " ".join(word.text for word in words)
    settled = " ".join(word.text for word in words[: understood.settled])
    stable = len(text) if final else len(settled)
    return Transcript(text, final, stable, tuple(words), float(np.clip(understood.confidence, -1.0, 1.0)))


def engine(settings: PocketSphinxSettings | None = None) -> PocketSphinx:
    """The entry point ``duologue.stt: pocketsphinx``."""
    return PocketSphinx(settings)
