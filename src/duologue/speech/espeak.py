"""The engine `espeak`: espeak-ng in a worker process of its own, with word and phoneme marks.

One worker speaks line after line, some thousand times faster than real time, so lines that are asked for at once do not
wait for each other's listeners: whoever wants a piece reads the worker's next answer and leaves what is not his in the
inbox of the line it belongs to. What an inbox can hold is bounded by :data:`MAX_CHARACTERS`.

When the worker dies (or shows no sign of life), it is restarted with back-off and every unfinished line is spoken again
from its start; what was already delivered of it is dropped on the way, so a listener gets one clean line and notices
nothing. Each restart is logged and counted (:attr:`Espeak.restarts`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

import espeakng_loader  # pyright: ignore[reportMissingTypeStubs]
import numpy as np

from duologue.audio.pcm import from_int16
from duologue.clock import MILLISECOND, SYSTEM_CLOCK, Clock
from duologue.errors import ClosedError, InputError, InternalError, PeerError
from duologue.speech.engine import SpeechCapabilities
from duologue.speech.espeak_marks import MarkBuilder
from duologue.speech.espeak_messages import (
    Answer,
    CancelLine,
    LineChunk,
    LineDone,
    LineFailed,
    Opened,
    SpeakLine,
    VoiceSpec,
)
from duologue.speech.espeak_spelling import respell
from duologue.speech.espeak_voice import EspeakSettings, parse_voice
from duologue.speech.utterance import Mark, SpeechChunk
from duologue.telemetry.log import get_logger
from duologue.workers import Worker

WORKER_MODULE = "duologue.speech.espeak_worker"
MAX_CHARACTERS = 5_000
"""Of one line; about five minutes of sound."""
MAX_LINES = 64
"""Lines at once."""
_START_PATIENCE = 20.0
"""Seconds for a worker to come up: it takes 0.1 s, on a machine that is busy with other things far longer."""
_FIRST_BACK_OFF = 100 * MILLISECOND

_log = get_logger("duologue.speech.espeak")


@dataclass(eq=False)
class _Line:
    """One call of :meth:`Espeak.speak`: what was asked, what came, and how much of it the listener has."""

    number: int
    text: str
    voice: VoiceSpec
    inbox: deque[Answer] = field(default_factory=lambda: deque[Answer]())
    sent_to: Worker | None = None
    over: bool = False
    _delivered_samples: int = 0
    _delivered_marks: int = 0
    _drop_samples: int = 0
    _drop_marks: int = 0
    _held: list[SpeechChunk] = field(default_factory=lambda: list[SpeechChunk]())

    def __post_init__(self) -> None:
        self.spelling = respell(self.text, self.voice.base)
        self._builder = MarkBuilder(self.text, self.spelling.places)

    def begin_again(self) -> None:
        """The worker died: the line comes again from its start, and what was delivered must not be delivered twice."""
        self.inbox.clear()
        self._held.clear()
        self._builder = MarkBuilder(self.text, self.spelling.places)
        self._drop_samples, self._drop_marks = self._delivered_samples, self._delivered_marks

    def take(self, answer: LineChunk) -> SpeechChunk | None:
        """What is new in ``answer``. The first piece waits for the first phoneme: dots alone are nothing to say."""
        samples = from_int16(np.frombuffer(answer.pcm, np.int16))
        self._held.append(self._new(samples, self._builder.feed(answer.events)))
        return self._release() if self._builder.voiced else None

    def finish(self, answer: LineDone) -> SpeechChunk | None:
        """The last marks; nothing if nothing was said."""
        self.over = True
        self._held.append(self._new(np.zeros(0, np.float32), self._builder.finish(answer.samples)))
        return self._release() if self._builder.voiced else None

    def _new(self, samples: np.ndarray[tuple[int], np.dtype[np.float32]], marks: list[Mark]) -> SpeechChunk:
        skip_samples, skip_marks = min(self._drop_samples, len(samples)), min(self._drop_marks, len(marks))
        self._drop_samples -= skip_samples
        self._drop_marks -= skip_marks
        return SpeechChunk(samples[skip_samples:], tuple(marks[skip_marks:]))

    def _release(self) -> SpeechChunk | None:
        samples = np.concatenate([chunk.samples for chunk in self._held])
        marks = tuple(mark for chunk in self._held for mark in chunk.marks)
        self._held.clear()
        self._delivered_samples += len(samples)
        self._delivered_marks += len(marks)
        return SpeechChunk(samples, marks) if len(samples) or marks else None


class Espeak:
    """See the module. Use it on one event loop."""

    name = "espeak"

    def __init__(self, settings: EspeakSettings | None = None, clock: Clock = SYSTEM_CLOCK) -> None:
        self._settings = settings or EspeakSettings()
        self._clock = clock
        self._worker: Worker | None = None
        self._opened: Opened | None = None
        self._reading = asyncio.Lock()
        self._lines: dict[int, _Line] = {}
        self._next_line = 0
        self._failures = 0
        self._closed = False
        self.restarts = 0
        """How often a worker was replaced."""

    @property
    def pid(self) -> int | None:
        """The worker's process id, None while there is none."""
        return self._worker.pid if self._worker else None

    @property
    def capabilities(self) -> SpeechCapabilities:
        """Valid after :meth:`warm_up`. ``voices`` are the languages; each takes any of :attr:`variants` after a
        ``+``.
        """
        if self._opened is None:
            raise InternalError("espeak was asked what it can do before warm_up()")
        return SpeechCapabilities(
            rate=self._opened.rate,
            word_marks=True,
            phoneme_marks=True,
            alphabet="espeak",
            voices=self._opened.voices,
        )

    @property
    def variants(self) -> tuple[str, ...]:
        """The voice variants (``m3``, ``f5``, …). Valid after :meth:`warm_up`."""
        return self._opened.variants if self._opened else ()

    async def warm_up(self) -> None:
        """Start the worker. Raises :class:`PeerError` when espeak-ng does not come up."""
        async with self._reading:
            if self._worker is None:
                await self._start()

    async def speak(self, text: str, voice: str) -> AsyncGenerator[SpeechChunk, None]:
        """See :class:`duologue.speech.engine.TextToSpeech`. Also :class:`InputError` over :data:`MAX_CHARACTERS`."""
        line = self._open_line(text, voice)
        try:
            await self._submit(line)
            while not line.over:
                answer = await self._next_answer(line)
                if isinstance(answer, LineFailed):
                    line.over = True
                    raise answer.error
                chunk = line.take(answer) if isinstance(answer, LineChunk) else line.finish(answer)
                if chunk is not None:
                    yield chunk
        finally:
            del self._lines[line.number]
            if not line.over:
                await self._cancel(line)

    async def close(self) -> None:
        """End the worker; lines that are still being spoken end with :class:`ClosedError`. Idempotent."""
        self._closed = True
        worker, self._worker = self._worker, None
        self._fail_all(LineFailed(-1, ClosedError("espeak was closed")))
        if worker is not None:
            await worker.close()

    def _open_line(self, text: str, voice: str) -> _Line:
        if self._closed:
            raise ClosedError("espeak is closed")
        if len(text) > MAX_CHARACTERS:
            raise InputError(
                f"a line of {len(text)} characters is too long to speak at once",
                where="text",
                remedy=f"Cut it into lines of at most {MAX_CHARACTERS}.",
            )
        if len(self._lines) >= MAX_LINES:
            raise PeerError(f"espeak speaks {MAX_LINES} lines already", remedy="Wait until one is over.")
        line = _Line(self._next_line, text, parse_voice(voice, self._settings))
        self._next_line += 1
        self._lines[line.number] = line
        return line

    async def _submit(self, line: _Line) -> None:
        """Send the line to the worker, once; while there is none, the one that starts it sends all open lines."""
        worker = self._worker
        if worker is None or line.sent_to is worker:
            return
        line.sent_to = worker
        try:
            await worker.send(SpeakLine(line.number, line.spelling.spoken, line.voice))
        except PeerError:
            pass  # whoever reads next meets the same death, restarts and sends again

    async def _cancel(self, line: _Line) -> None:
        worker = self._worker
        if worker is None or line.sent_to is not worker:
            return
        try:
            await worker.send(CancelLine(line.number))
        except PeerError:
            pass  # a dead worker speaks no line; the next reader reports the death

    async def _next_answer(self, line: _Line) -> LineChunk | LineDone | LineFailed:
        while not line.inbox:
            async with self._reading:
                if not line.inbox:
                    await self._read_one()
            await asyncio.sleep(
                0
            )  # a line comes in one burst: without this it would hold the loop until it is all read
        answer = line.inbox.popleft()
        assert not isinstance(answer, Opened)
        return answer

    async def _read_one(self) -> None:
        """Take one answer from the worker and lay it in its line's inbox; start a worker if there is none."""
        if self._closed:
            self._fail_all(LineFailed(-1, ClosedError("espeak is closed")))
            return
        try:
            if self._worker is None:
                await self._start()
            answer = await self._receive(self._worker, self._settings.patience_s)
        except PeerError as death:
            await self._bury(death)
            return
        if not isinstance(answer, Opened) and (line := self._lines.get(answer.line)) is not None:
            line.inbox.append(answer)
        if isinstance(answer, LineDone):
            self._failures = 0

    async def _receive(self, worker: Worker | None, patience: float) -> Answer:
        if worker is None:
            raise ClosedError("espeak was closed")
        try:
            async with asyncio.timeout(patience):
                answer = await worker.receive()
        except TimeoutError as error:
            raise PeerError(f"espeak gave no sign of life for {patience:g} s") from error
        assert isinstance(answer, Opened | LineChunk | LineDone | LineFailed)
        return answer

    async def _start(self) -> None:
        """Start a worker, after a pause that doubles with each failure in a row, and send it every open line."""
        if self._failures > 1:
            await self._clock.wait_until(self._clock.now() + (_FIRST_BACK_OFF << (self._failures - 2)))
        library = self._settings.library or espeakng_loader.get_library_path()
        data = self._settings.data or espeakng_loader.get_data_path()
        worker = await Worker.start(WORKER_MODULE, library, data)
        try:
            hello = await self._receive(worker, _START_PATIENCE)
            if isinstance(hello, LineFailed):
                raise hello.error
            assert isinstance(hello, Opened)
        except BaseException:
            worker.kill()
            await worker.close()
            raise
        self._opened, self._worker = hello, worker
        for line in list(self._lines.values()):
            await self._submit(line)

    async def _bury(self, death: PeerError) -> None:
        """The worker is dead or must die: count it; give up after too many in a row, else let the next reader
        restart.
        """
        if self._closed:
            self._fail_all(LineFailed(-1, ClosedError("espeak was closed")))
            return
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.kill()
            await worker.close()
        self._failures += 1
        if self._failures > self._settings.restarts:
            self._failures = 0
            self._fail_all(
                LineFailed(
                    -1,
                    PeerError(
                        f"espeak failed {self._settings.restarts + 1} times in a row, at last: {death.what}",
                        where=death.where or WORKER_MODULE,
                        remedy="Run `duologue doctor`; the log has each failure.",
                    ),
                )
            )
            return
        self.restarts += 1
        _log.warning("espeak restarts", cause=str(death), failures=self._failures, lines=len(self._lines))
        for line in self._lines.values():
            line.begin_again()

    def _fail_all(self, failure: LineFailed) -> None:
        for line in self._lines.values():
            line.inbox.append(failure)


def engine(settings: EspeakSettings | None = None) -> Espeak:
    """The entry point ``duologue.tts: espeak``."""
    return Espeak(settings)


Settings = EspeakSettings
"""Where the settings object finds the engine's own part."""
