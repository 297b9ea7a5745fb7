"""What the engines with a model of the user's own share: sentences to a worker process, and their sound in pieces.

The worker makes a sentence piece by piece, each when it is asked for and when its turn has come among all engines of
ours (:mod:`duologue.precedence`). So lines spoken at once take turns by the piece, the most urgent first, nobody waits
for another's listener, and a listener that leaves costs at most the piece it was in. A worker that dies or
shows no sign of life is replaced (:mod:`duologue.supervision`), and sentences that were begun are begun again without
the pieces that were heard: the same sentence is the same pieces. One that kills the worker twice ends its line.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass, replace

from pydantic import BaseModel, ConfigDict, Field

from duologue.audio.pcm import Samples
from duologue.child import Worker
from duologue.clock import SECOND, SYSTEM_CLOCK, Clock
from duologue.errors import ClosedError, InputError, InternalError
from duologue.language.languages import ENGLISH, Language
from duologue.language.text import sentences as split_sentences
from duologue.speech.clauses import in_clauses
from duologue.speech.engine import SpeechCapabilities, refuse_long
from duologue.speech.hosted import transmissible
from duologue.speech.local.messages import LoadVoice, More, SaySentence, SentenceFailed, SentenceSound, VoiceLoaded
from duologue.speech.utterance import Mark, SpeechChunk
from duologue.speech.words import says_something
from duologue.supervision import SupervisionPolicy, Work
from duologue.telemetry.log import get_logger
from duologue.workers import LostError, Supervised

WORKER_MODULE = "duologue.speech.local.worker"
MAX_CHARACTERS = 5_000
"""Of one line."""
MAX_SENTENCE = 200
"""A longer sentence (characters) is said in clauses: what reads it takes time and memory by the square of it."""
FIRST_CLAUSE = 100
"""Characters at most of the first of them, which somebody waits for."""
_PIECE_S = 0.2

_log = get_logger("duologue.speech.local.engine")


class LocalSettings(BaseModel):
    """What every engine with a worker can be told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    load_seconds: float = Field(default=60.0, gt=0, le=600, description="Limit for loading the model.")
    sentence_seconds: float = Field(
        default=30.0, gt=0, le=600, description="Limit for one sentence; then the worker is replaced."
    )
    restarts: int = Field(default=2, ge=0, le=20, description="Restarts of a dying worker in a row before giving up.")


@dataclass(eq=False)
class _Sentence:
    """A sentence being spoken: what the model is told of it, how many pieces were heard, and by whom it was begun."""

    number: int
    text: str
    line: object
    voice: str
    heard: int = 0
    worker: Worker | None = None
    over: bool = False


class LocalSpeech:
    """An engine that speaks in a worker of its own. Use it on one event loop."""

    def __init__(
        self,
        name: str,
        factory: str,
        settings: LocalSettings,
        options: Mapping[str, object],
        clock: Clock = SYSTEM_CLOCK,
        threads: int = 1,
    ) -> None:
        self._name = name
        self._threads = threads
        self._load = LoadVoice(factory, options)
        self._settings = settings
        self._loaded: VoiceLoaded | None = None
        self._saying: _Sentence | None = None
        self._over: list[int] = []
        self._next = 0
        self._process = Supervised(
            name, lambda: Worker.start(WORKER_MODULE), self._greet, purpose="speaks", clock=clock,
            at_work=self._at_work, leave=0.0,
            policy=SupervisionPolicy(start=round(settings.load_seconds * SECOND), restarts=settings.restarts),
        )  # fmt: skip

    @property
    def name(self) -> str:
        """As in settings."""
        return self._name

    @property
    def made_with(self) -> str:
        """What shapes the sound beside the settings, for who keeps it: here nothing is told."""
        return ""

    @property
    def worker(self) -> Supervised:
        """Its worker, for a page."""
        return self._process

    @property
    def capabilities(self) -> SpeechCapabilities:
        """Valid after :meth:`warm_up`. Marks depend on the model: not every export tells how long a phoneme lasts."""
        if self._loaded is None:
            raise InternalError(f"{self.name} was asked what it can do before warm_up()")
        marks = self._loaded.marks
        return SpeechCapabilities(self._loaded.rate, marks, marks, "ipa" if marks else "", self._loaded.voices)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of the voices that were loaded, a sentence each. Empty before :meth:`warm_up`."""
        return self._loaded.notes if self._loaded else ()

    async def warm_up(self) -> None:
        """Start the worker and load the model. Raises :class:`InputError` for a missing file or package."""
        await self._process.running()

    async def speak(self, text: str, voice: str) -> AsyncGenerator[SpeechChunk, None]:
        """See :class:`duologue.speech.engine.TextToSpeech`. Also :class:`InputError` over :data:`MAX_CHARACTERS`."""
        self._check(text, voice)
        made = 0
        clean = transmissible(text)
        length = round(self.capabilities.rate * _PIECE_S)
        for offset, words in sentences(clean, self._language(voice)):
            line = await self._line(words, voice)
            sentence = _Sentence(self._next, words, line, voice)
            self._next += 1
            begin = made
            try:
                while len((said := await self._piece(sentence)).samples):
                    marks = tuple(_moved(mark, begin, offset) for mark in said.marks)
                    made += len(said.samples)
                    for chunk in pieces(said.samples, marks, length):
                        yield chunk
            finally:
                if not sentence.over:
                    self._over.append(sentence.number)

    def _language(self, voice: str) -> Language:
        """What a voice speaks, for where its sentences end: here English."""
        return ENGLISH

    async def _line(self, sentence: str, voice: str) -> object:
        """What the model is told of a sentence: here its text."""
        return sentence

    async def close(self) -> None:
        """End the worker, whatever it is at. Idempotent."""
        await self._process.close()

    def _check(self, text: str, voice: str) -> None:
        if self._process.closed:
            raise ClosedError(f"{self.name} is closed")
        voices = self.capabilities.voices
        if self._base(voice) not in voices:
            raise InputError(
                f"{self.name} has no voice {voice!r}", where="voice", remedy=f"There are: {', '.join(voices)}."
            )
        refuse_long(text, MAX_CHARACTERS)

    def _base(self, voice: str) -> str:
        """The model's name of a voice. Raises :class:`InputError` when it is not written as one."""
        return voice

    async def _greet(self, worker: Worker) -> None:
        await worker.send(self._load)
        hello = await worker.receive()
        if isinstance(hello, SentenceFailed):
            raise hello.error
        assert isinstance(hello, VoiceLoaded)
        self._loaded = hello

    def _at_work(self) -> tuple[Work, ...]:
        at = self._saying
        return (Work((at.number, at.heard), f"“{at.text[:60]}”"),) if at else ()

    async def _piece(self, sentence: _Sentence) -> SentenceSound:
        """The next piece of a sentence; without samples when it is over."""
        async with self._process.gate.piece(self._process.name, threads=self._threads):
            while True:
                try:
                    answer = await self._asked(sentence)
                except LostError as lost:
                    _log.warning("a speech worker restarts", engine=self.name, cause=str(lost))
                    if lost.dropped or not lost.again:
                        sentence.over = True
                        raise
                    continue
                finally:
                    self._saying = None
                self._process.well()
                if isinstance(answer, SentenceFailed):
                    raise answer.error
                sentence.heard += 1
                sentence.over = len(answer.samples) == 0
                return answer

    async def _asked(self, sentence: _Sentence) -> SentenceSound | SentenceFailed:
        worker = await self._process.running()
        self._saying = sentence
        over, self._over = tuple(self._over), []
        request, made = More(sentence.number, over), 1
        if worker is not sentence.worker:
            sentence.worker = worker
            request = SaySentence(sentence.number, sentence.line, sentence.voice, sentence.heard, over)
            made += sentence.heard  # by a model that cannot but make again what was heard
        worker.put(request)
        while True:
            answer = await self._process.receive(worker, made * self._settings.sentence_seconds)
            assert isinstance(answer, SentenceSound | SentenceFailed)
            if answer.number == sentence.number:  # else one that a listener did not wait for
                return answer


def sentences(text: str, language: Language) -> Iterator[tuple[int, str]]:
    """The sentences of ``text`` that say something, each with its offset; none over :data:`MAX_SENTENCE`, but for an
    address at its end.
    """
    end = 0
    for sentence in split_sentences(text, language):
        begin = text.index(sentence, end)
        end = begin + len(sentence)
        for clause in in_clauses(sentence, MAX_SENTENCE, language, FIRST_CLAUSE):
            if says_something(clause.text):
                yield begin + clause.begin, clause.text


def pieces(samples: Samples, marks: tuple[Mark, ...], length: int) -> Iterator[SpeechChunk]:
    """A sentence in pieces of ``length`` samples, its marks with the first."""
    for at in range(0, len(samples), length):
        yield SpeechChunk(samples[at : at + length], marks if at == 0 else ())


def _moved(mark: Mark, samples: int, offset: int) -> Mark:
    place = mark.offset + offset if mark.offset >= 0 else -1
    return replace(mark, start=mark.start + samples, end=mark.end + samples, offset=place)
