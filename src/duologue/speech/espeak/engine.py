"""The engine `espeak`: espeak-ng in a worker process of its own, with word and phoneme marks.

One worker speaks line after line, some thousand times faster than real time, so lines that are asked for at once do not
wait for each other's listeners: one of those that want a piece reads the worker's answers, leaves what is not his in
the inbox of the line it belongs to, and wakes who listens to that. What an inbox can hold is bounded by
:data:`MAX_CHARACTERS`.

When the worker dies (or shows no sign of life), it is restarted with back-off (:mod:`duologue.supervision`) and every
unfinished line is spoken again from its start; what was already delivered of it is dropped on the way, so a listener
gets one clean line and notices nothing. A line that kills the worker twice at the same place fails, and the others go
on. Each restart is logged and counted (:attr:`Espeak.worker`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import cast

import espeakng_loader  # pyright: ignore[reportMissingTypeStubs]
import numpy as np

from duologue.audio.pcm import from_int16
from duologue.child import Worker
from duologue.clock import SECOND, SYSTEM_CLOCK, Clock
from duologue.errors import ClosedError, DuologueError, InternalError, PeerError
from duologue.speech.engine import SpeechCapabilities, refuse_long
from duologue.speech.espeak.marks import MarkBuilder
from duologue.speech.espeak.messages import (
    CancelLine,
    EspeakAnswer,
    LineChunk,
    LineDone,
    LineFailed,
    LineSpelt,
    Opened,
    SpeakLine,
    VoiceSpec,
)
from duologue.speech.espeak.voice import SPARE, EspeakSettings, parse_voice
from duologue.speech.reading import Reading, language_of, read, reading_rules
from duologue.speech.utterance import Mark, SpeechChunk
from duologue.supervision import SupervisionPolicy, Work
from duologue.telemetry.log import get_logger
from duologue.workers import LostError, Supervised

WORKER_MODULE = "duologue.speech.espeak.worker"
MAX_CHARACTERS = 5_000
"""Of one line; about five minutes of sound."""
MAX_LINES = 64
"""Lines at once."""
_SOON_READ = 400
"""Characters that are read in a millisecond or two; a longer text is read in a thread."""
_START = 20 * SECOND
"""For a worker to come up: it takes 0.1 s, on a machine that is busy with other things far longer."""

_log = get_logger("duologue.speech.espeak.engine")


@dataclass(eq=False)
class _Line:
    """One call of :meth:`Espeak.speak`: what was asked, what came, and how much of it the listener has."""

    number: int
    text: str
    reading: Reading
    voice: VoiceSpec
    inbox: deque[EspeakAnswer] = field(default_factory=lambda: deque[EspeakAnswer]())
    waiter: asyncio.Future[None] | None = None
    """Of a listener whose inbox is empty, while another one reads."""
    sent_to: Worker | None = None
    over: bool = False
    complete: bool = False
    """Nothing more comes: the end of it, or its failure, is in the inbox."""
    reached: int = 0
    """Samples that came of it, at the most."""
    _came: int = 0
    _delivered_samples: int = 0
    _delivered_marks: int = 0
    _drop_samples: int = 0
    _drop_marks: int = 0
    _held: list[SpeechChunk] = field(default_factory=lambda: list[SpeechChunk]())

    def __post_init__(self) -> None:
        self._builder = MarkBuilder(self.text, self.reading.places)

    def begin_again(self) -> None:
        """The worker died: the line comes again from its start, and what was delivered must not be delivered twice."""
        self.inbox.clear()
        self._held.clear()
        self._came = 0
        self._builder = MarkBuilder(self.text, self.reading.places)
        self._drop_samples, self._drop_marks = self._delivered_samples, self._delivered_marks

    def put(self, answer: EspeakAnswer) -> None:
        """Lay an answer in the inbox."""
        self.inbox.append(answer)
        self.wake()
        if isinstance(answer, LineChunk):
            self._came += len(answer.pcm) // 2
            self.reached = max(self.reached, self._came)
        else:
            self.complete = True

    def wake(self) -> bool:
        """Its listener, if that waits for another one who reads; whether it did."""
        if self.waiter is None or self.waiter.done():
            return False
        self.waiter.set_result(None)
        return True

    def take_all(self) -> SpeechChunk | None:
        """What is new in the inbox, as one: who listens comes late where many do, and each piece costs as much as the
        next. The first waits for the first phoneme: dots alone are nothing to say. Raises why the line failed.
        """
        while self.inbox:
            if isinstance(self.inbox[0], LineFailed) and self._held and self._builder.voiced:
                break  # what it gave before counts
            match self.inbox.popleft():
                case LineChunk(_, pcm, events):
                    self._held.append(self._new(from_int16(np.frombuffer(pcm, np.int16)), self._builder.feed(events)))
                case LineDone(_, samples):
                    self.over = True
                    self._held.append(self._new(np.zeros(0, np.float32), self._builder.finish(samples)))
                case LineFailed(_, error):
                    self.over = True
                    raise error
                case Opened() | LineSpelt() as answer:
                    raise InternalError(f"espeak answered a line with {type(answer).__name__}")
        return self._release() if self._held and self._builder.voiced else None

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
        self._process = Supervised(
            self.name, self._launch, self._greet, purpose="speaks", clock=clock, at_work=self._at_work,
            policy=SupervisionPolicy(start=_START, restarts=self._settings.restarts),
        )  # fmt: skip
        self._opened: Opened | None = None
        self._reading = False
        self._lines: dict[int, _Line] = {}
        self._next_line = 0

    @property
    def made_with(self) -> str:
        """What shapes the sound beside the settings: the library, and how languages are read."""
        return f"espeak-ng {version('espeakng-loader')}, {reading_rules()}"

    @property
    def worker(self) -> Supervised:
        """Its worker, for a page."""
        return self._process

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
        await self._process.running()

    async def speak(self, text: str, voice: str) -> AsyncGenerator[SpeechChunk, None]:
        """See :class:`duologue.speech.engine.TextToSpeech`. Also :class:`InputError` over :data:`MAX_CHARACTERS`."""
        refuse_long(text, MAX_CHARACTERS)
        spec = parse_voice(voice, self._settings)
        rules = language_of(spec.base).reading
        reading = read(text, rules) if len(text) <= _SOON_READ else await asyncio.to_thread(read, text, rules)
        line = self._open_line(text, reading, spec)
        try:
            if (worker := self._process.worker) is not None:  # else the one that is started is told all open lines
                self._submit(line, worker)
            while not line.over:
                await self._until_answered(line)
                chunk = line.take_all()
                if chunk is not None:
                    yield chunk
        finally:
            del self._lines[line.number]
            if not line.over:
                self._cancel(line)

    async def close(self) -> None:
        """End the worker; lines that are still being spoken end with :class:`ClosedError`. Idempotent."""
        self._fail_all(ClosedError("espeak was closed"))
        await self._process.close()

    def _open_line(self, text: str, reading: Reading, voice: VoiceSpec) -> _Line:
        if self._process.closed:
            raise ClosedError("espeak is closed")
        if len(self._lines) >= MAX_LINES:
            raise PeerError(f"espeak speaks {MAX_LINES} lines already", remedy="Wait until one is over.")
        line = _Line(self._next_line, text, reading, voice)
        self._next_line += 1
        self._lines[line.number] = line
        return line

    async def _launch(self) -> Worker:
        library = self._settings.library or espeakng_loader.get_library_path()
        data = self._settings.data or espeakng_loader.get_data_path()
        return await Worker.start(WORKER_MODULE, library, data)

    async def _greet(self, worker: Worker) -> None:
        """Read what the library can do, and send every open line."""
        hello = await worker.receive()
        if isinstance(hello, LineFailed):
            raise hello.error
        assert isinstance(hello, Opened)
        self._opened = hello
        for line in [line for line in self._lines.values() if not line.complete]:
            line.begin_again()
            self._submit(line, worker)

    def _at_work(self) -> tuple[Work, ...]:
        """The line that is being spoken, and how far it came: lines are spoken in the order in which they came in."""
        worker = self._process.worker
        for line in self._lines.values():
            if worker is not None and line.sent_to is worker and not line.complete:
                return (Work((line.number, line.reached), f"the line “{line.text[:60]}”"),)
        return ()

    def _submit(self, line: _Line, worker: Worker) -> None:
        """Tell the worker of the line, once. Of a dead one whoever reads next hears, restarts and tells again."""
        if line.sent_to is not worker:
            line.sent_to = worker
            worker.put(SpeakLine(line.number, line.reading.spoken, line.voice))

    def _cancel(self, line: _Line) -> None:
        worker = self._process.worker
        if worker is not None and line.sent_to is worker:
            worker.put(CancelLine(line.number))

    async def _until_answered(self, line: _Line) -> None:
        """Until something is in its inbox. One listener reads for all, until there is something for itself; then the
        next of those that wait does.
        """
        while not line.inbox:
            if self._reading:
                line.waiter = asyncio.get_running_loop().create_future()
                try:
                    await line.waiter
                except asyncio.CancelledError:
                    self._hand_on()
                    raise
                finally:
                    line.waiter = None
                continue
            self._reading = True
            try:
                while not line.inbox:
                    await self._read_one()
                    await asyncio.sleep(0)  # a line comes in one burst, which would hold the loop until it is all read
            finally:
                self._reading = False
                self._hand_on()

    def _hand_on(self) -> None:
        """Have another listener read, if nobody does."""
        if not self._reading:
            any(not line.inbox and line.wake() for line in self._lines.values())

    async def _read_one(self) -> None:
        """Take one answer from the worker and lay it in its line's inbox; start a worker if there is none."""
        try:
            worker = self._process.worker or await self._process.running()
            answer = await self._process.receive(worker, self._settings.patience_s)
        except ClosedError as closed:
            self._fail_all(closed)
            return
        except LostError as lost:
            self._bear(lost)
            return
        assert isinstance(answer, LineChunk | LineDone | LineFailed)
        if (line := self._lines.get(answer.line)) is not None:
            line.put(answer)
        if isinstance(answer, LineDone):
            self._process.well()

    def _bear(self, lost: LostError) -> None:
        """The worker is gone: fail the line that kills it, or all when it does not come back."""
        _log.warning("espeak restarts", cause=str(lost), failures=self._process.state.failures, lines=len(self._lines))
        if not lost.again:
            self._fail_all(lost)
        elif lost.dropped is not None:
            number, _ = cast("tuple[int, int]", lost.dropped.key)
            if (line := self._lines.get(number)) is not None:
                line.put(LineFailed(number, lost))

    def _fail_all(self, error: DuologueError) -> None:
        for line in self._lines.values():
            line.put(LineFailed(-1, error))


def engine(settings: EspeakSettings | None = None) -> Espeak:
    """The entry point ``duologue.tts: espeak``."""
    return Espeak(settings)


def known_voices(settings: EspeakSettings | None) -> tuple[str, ...]:
    """What a character may be given that names no voice."""
    return SPARE


def check_voice(voice: str, settings: EspeakSettings | None) -> None:
    """Whether ``voice`` is written as one; its base and variant only the library knows. Raises :class:`InputError`."""
    parse_voice(voice, settings or EspeakSettings())


Settings = EspeakSettings
"""Where the settings object finds the engine's own part."""
