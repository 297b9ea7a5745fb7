"""The engine `llama`: a GGUF of the user's own through llama-cpp-python (extra ``llama``), in a worker process.

One worker writes all answers, piece by piece (a portion of a prompt, some tokens), each when it is asked for and when
its turn has come among all engines of ours (:mod:`duologue.precedence`): the most urgent goes on, and one that nobody
wants any more is not gone on with. What the worker has read of as many prompts as ``prompts`` stays read, so of the
next prompt of a conversation only what is new is read; :meth:`LlamaLanguage.read_ahead` has that done before anybody
waits for it.

A worker that dies, or shows no sign of life, fails the lines it had with a :class:`PeerError`; the next line starts
another (:mod:`duologue.supervision`). Words that were given cannot be taken back, and a chain or the director knows
better whom to ask then.
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace

from pydantic import BaseModel, ConfigDict, Field

from duologue.child import Worker
from duologue.clock import SECOND, SYSTEM_CLOCK, Clock
from duologue.errors import ClosedError, InputError, PeerError
from duologue.language.chat import messages
from duologue.language.engine import LanguageCapabilities, LanguageModel, LimitReached, Prompt
from duologue.language.llama_messages import AnswerFailed, AnswerPiece, Done, GgufLoaded, GoOn, LoadGguf, Write
from duologue.language.own_words import OwnWords
from duologue.metering import NOTHING, Amount, RequestOutcome, current_call
from duologue.precedence import Errand, Urgency, current_errand
from duologue.priority import usable_cores
from duologue.streams import unhurried
from duologue.supervision import SupervisionPolicy, Work
from duologue.telemetry.log import get_logger
from duologue.validation import WrittenPath
from duologue.workers import LostError, Supervised

WORKER_MODULE = "duologue.language.llama_worker"
MAX_LINES = 16
"""Lines at once."""
VARIANTS = ("A", "1")
"""Two last lines that no conversation begins alike with: what their prompts have in common can be read before the real
one is known."""
_REMEDIES = {
    0: "Use a smaller model, or raise the limits of [engines.llama].",
    signal.SIGILL: (
        "llama.cpp was compiled for instructions that this processor, or its virtual machine, forbids. Compile it "
        "anew: CMAKE_ARGS=-DGGML_NATIVE=OFF pip install --force-reinstall --no-cache-dir --no-binary llama-cpp-python "
        "llama-cpp-python"
    ),
}

_log = get_logger("duologue.language.llama")


class LlamaSettings(BaseModel):
    """Which file, and how to run it (``[engines.llama]``)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: WrittenPath = Field(description="The model: a GGUF file, of an instruction model.")
    context: int = Field(
        default=4096, ge=256, le=1_048_576, description="Tokens of prompt and answer together; memory grows with it."
    )
    prompts: int = Field(
        default=3, ge=1, le=MAX_LINES,
        description="Prompts that stay read, and answers at once: one for each character that thinks; memory grows"
        " with it.",
    )  # fmt: skip
    threads: int = Field(default=0, ge=0, le=256, description="Of the model; 0: half of the cores.")
    gpu_layers: int = Field(default=0, ge=-1, le=10_000, description="Layers on the GPU, if built for one; -1: all.")
    template: WrittenPath | None = Field(
        default=None, description="A chat template (Jinja) instead of the model's own; a model without one gets ChatML."
    )
    temperature: float = Field(default=0.8, ge=0.0, le=2.0, description="For personas that set none.")
    seed: int = Field(default=0, ge=0, lt=2**32, description="Added to the seed of the conversation.")
    max_tokens: int = Field(default=400, ge=1, le=32_768, description="An answer ends here, whatever the model wants.")
    load_seconds: float = Field(default=120.0, gt=0, le=3600, description="Limit for loading the model.")
    patience_s: float = Field(
        default=20.0, gt=0, le=600, description="A worker silent for so long while it has work is replaced."
    )


Settings = LlamaSettings
"""Where the settings object finds the engine's own part."""


@dataclass(eq=False)
class _Line:
    """One call of :meth:`LlamaLanguage.write`, or of :meth:`LlamaLanguage.read_ahead` (``ahead``): what is asked of the
    worker, for whom, and the worker that has it. ``dropped``: it is read no further, as the real question is there.
    """

    request: Write
    errand: Errand | None
    ahead: bool = False
    worker: Worker | None = None
    begun: bool = False
    over: bool = False
    dropped: bool = False
    amount: Amount = NOTHING

    @property
    def system(self) -> str:
        """Who speaks, in words: all prompts of a conversation begin so."""
        return self.request.messages[0]["content"]

    @property
    def awaited(self) -> bool:
        """Somebody waits for it."""
        return self.errand is None or self.errand.urgency is Urgency.AWAITED


class LlamaLanguage:
    """See the module. Use it on one event loop."""

    name = "llama"

    def __init__(self, settings: LlamaSettings, clock: Clock = SYSTEM_CLOCK) -> None:
        self._settings = settings
        self._process = Supervised(
            self.name, lambda: Worker.start(WORKER_MODULE, quiet=True), self._greet, purpose="thinks", clock=clock,
            leave=0.0, at_work=self._at_work, remedies=_REMEDIES,
            policy=SupervisionPolicy(round(settings.load_seconds * SECOND)),
        )  # fmt: skip
        self._threads = settings.threads or max(1, usable_cores() // 2)
        self._lines: list[_Line] = []
        self._over: list[int] = []
        self._death: tuple[Worker, LostError] | None = None
        self._news = asyncio.Event()
        """A line is over, or another is awaited."""
        self._next = 0
        self._told_unbound = False

    @property
    def capabilities(self) -> LanguageCapabilities:
        """Streams. What was read before changes the last bits of what follows: equal prompts may differ."""
        return LanguageCapabilities(tools=False)

    @property
    def worker(self) -> Supervised:
        """Its worker, for a page."""
        return self._process

    async def warm_up(self) -> None:
        """Start the worker and load the model. Raises :class:`InputError` for a missing file or package."""
        await self._process.running()

    async def write(self, prompt: Prompt) -> AsyncGenerator[str]:
        """Stream the reply. Raises :class:`PeerError` for a worker that died, and for a model that answers nothing.

        The model is the file: ``prompt.model`` is not looked at. Tools are not offered to it. A schema binds it.
        """
        line, asked = self._open_line(prompt), current_call()
        own = OwnWords.of(prompt) if prompt.schema is None else None
        wordless, limited = True, False
        try:
            while not (line.over or (own and own.over)):
                answer = await self._piece(line)
                text = answer.text if isinstance(answer, AnswerPiece) else ""
                limited = isinstance(answer, Done) and answer.limited
                if own is not None:
                    text = own.feed(text) if isinstance(answer, AnswerPiece) else own.finish()
                if text:
                    wordless = wordless and not text.strip()
                    yield text
        finally:
            if asked is not None and line.amount != NOTHING:
                asked.report(line.amount, outcome=RequestOutcome.DONE if line.over else RequestOutcome.CUT)
            self._close_line(line)
        if wordless:
            what = "the model wrote somebody else's line" if own and own.over else "the model answered nothing"
            raise PeerError(what, where=str(self._settings.model), remedy="It is asked again.")
        if limited and not (own and own.over):
            yield LimitReached()

    async def read_ahead(self, prompt: Prompt) -> None:
        """See :class:`~duologue.language.engine.ReadsAhead`. Ends when it is read, or when the prompt itself is there.

        Raises as :meth:`write`.
        """
        one, other = (_said(prompt, variant) for variant in VARIANTS)
        line = self._open_line(one, other)
        try:
            while not (line.over or line.dropped):
                await self._piece(line)
        finally:
            self._close_line(line)

    async def close(self) -> None:
        """End the worker; lines that are still being written end with :class:`ClosedError`. Idempotent."""
        await self._process.close()

    def _open_line(self, prompt: Prompt, variant: Prompt | None = None) -> _Line:
        if self._process.closed:
            raise ClosedError("llama is closed")
        if len(self._lines) >= MAX_LINES:
            raise PeerError(f"llama writes {MAX_LINES} lines already", remedy="Wait until one is over.")
        line = _Line(self._request(prompt, variant), current_errand(), ahead=variant is not None)
        for other in self._lines:
            other.dropped = other.dropped or (other.ahead and other.system == line.system)
            if other.dropped and other.begun:
                self._give_up(other)
        self._lines.append(line)
        return line

    def _close_line(self, line: _Line) -> None:
        self._lines.remove(line)
        if line.begun and not line.over:
            self._give_up(line)
        self._news.set()

    def _give_up(self, line: _Line) -> None:
        """The worker need not go on with it."""
        if line.worker is self._process.worker:
            self._over.append(line.request.number)
        line.begun, line.over = False, True
        self._news.set()

    def _request(self, prompt: Prompt, variant: Prompt | None) -> Write:
        chosen = self._settings
        wishes = (prompt.temperature, prompt.speaker.temperature, chosen.temperature)
        self._next += 1
        return Write(
            self._next, tuple(messages(prompt)), next(wish for wish in wishes if wish is not None),
            seed=chosen.seed + prompt.seed, max_tokens=prompt.max_tokens or chosen.max_tokens,
            schema="" if prompt.schema is None else json.dumps(prompt.schema),
            variant=() if variant is None else tuple(messages(variant)),
        )  # fmt: skip

    async def _room(self, line: _Line) -> None:
        """Until it may begin: as many are written at once as prompts stay read, and one place is left for a line that
        somebody waits for.
        """
        if line.errand is not None:
            line.errand.watchers.append(self._news.set)
        try:
            with unhurried():
                while self._crowded(line):
                    self._news.clear()
                    await self._news.wait()
        finally:
            if line.errand is not None:
                line.errand.watchers.remove(self._news.set)
        line.begun = True

    def _crowded(self, line: _Line) -> bool:
        most = self._settings.prompts if line.awaited else max(1, self._settings.prompts - 1)
        return not line.dropped and sum(each.begun for each in self._lines) >= most

    async def _piece(self, line: _Line) -> AnswerPiece | Done:
        """The next of it."""
        if not line.begun:
            await self._room(line)
        async with self._process.gate.piece(self._process.name, threads=self._threads):
            if line.dropped:
                return Done(line.request.number)
            answer = await self._asked(line)
        line.over = not isinstance(answer, AnswerPiece)
        if isinstance(answer, AnswerFailed):
            raise answer.error
        if isinstance(answer, Done):
            self._process.well()
            self._tell_unbound(answer)
        else:
            line.amount = Amount(answer.prompt, answer.written, answer.kept)
            if line.errand is not None:
                line.errand.prompt, line.errand.kept = answer.prompt, answer.kept
        return answer

    async def _asked(self, line: _Line) -> AnswerPiece | Done | AnswerFailed:
        request = self._next_request(line, await self._worker_of(line))
        worker = line.worker
        assert worker is not None
        try:
            worker.put(request)
            while True:
                answer = await self._process.receive(worker, self._settings.patience_s)
                assert isinstance(answer, AnswerPiece | Done | AnswerFailed)
                if answer.number == line.request.number:  # else one that a listener did not wait for
                    return answer
        except LostError as lost:
            _log.warning("the language worker is gone", cause=str(lost), lines=len(self._lines))
            self._death = worker, lost
            self._over.clear()
            raise

    async def _worker_of(self, line: _Line) -> Worker:
        """Who has the line, or is to have it. Words that were given cannot be written again by another."""
        if line.worker is None:
            return await self._process.running()
        if self._process.closed:
            raise ClosedError("llama was closed")
        if line.worker is not self._process.worker:
            known, lost = self._death or (None, None)
            if lost is not None and known is line.worker:
                raise lost
            raise PeerError("the worker that wrote this line was replaced", where="llama", remedy="It is asked again.")
        return line.worker

    def _next_request(self, line: _Line, worker: Worker) -> Write | GoOn:
        over, self._over = tuple(self._over), []
        if line.worker is worker:
            return GoOn(line.request.number, over)
        line.worker = worker
        return replace(line.request, over=over)

    async def _greet(self, worker: Worker) -> None:
        chosen = self._settings
        template = str(chosen.template) if chosen.template else ""
        await worker.send(
            LoadGguf(str(chosen.model), chosen.context, chosen.threads, chosen.gpu_layers, template, chosen.prompts)
        )
        hello = await worker.receive()
        if isinstance(hello, AnswerFailed):
            raise hello.error
        assert isinstance(hello, GgufLoaded)

    def _at_work(self) -> tuple[Work, ...]:
        worker = self._process.worker
        mine = (each for each in self._lines if worker is not None and each.worker is worker and not each.over)
        return tuple(Work(each.request.number, f"line {each.request.number}") for each in mine)[:1]

    def _tell_unbound(self, done: Done) -> None:
        if done.unbound and not self._told_unbound:
            self._told_unbound = True
            _log.warning("a schema cannot bind the model: it is asked in words only", cause=done.unbound)


def _said(prompt: Prompt, text: str) -> Prompt:
    """``prompt`` with other words in its last line."""
    return replace(prompt, lines=(*prompt.lines[:-1], replace(prompt.lines[-1], text=text))) if prompt.lines else prompt


def engine(settings: LlamaSettings | None = None) -> LanguageModel:
    """The entry point ``duologue.llm: llama``. Raises :class:`InputError` without the path of a model."""
    if settings is None:
        raise InputError(
            "the engine llama needs a model", where="engines.llama.model",
            remedy='Write [engines.llama] with model = "….gguf".',
        )  # fmt: skip
    return LlamaLanguage(settings)
