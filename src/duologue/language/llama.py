"""The engine `llama`: a GGUF of the user's own through llama-cpp-python (extra ``llama``), in a worker process.

One worker writes answer after answer, in the order they were asked for; a cancelled one ends within a token, or within
a portion of its prompt. Answers that are read at once do not wait for each other's listeners: whoever wants a piece
reads the worker's next answer and leaves what is not his in the inbox of the line it belongs to. What an inbox can hold
is bounded by the settings' ``max_tokens``.

A worker that dies, or shows no sign of life, fails the lines it had with a :class:`PeerError`; the next line starts
another (:mod:`duologue.supervision`). Words that were given cannot be taken back, and a chain or the director knows
better whom to ask then.
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from duologue.clock import SECOND, SYSTEM_CLOCK, Clock
from duologue.errors import ClosedError, DuologueError, InputError, PeerError
from duologue.language.chat import messages
from duologue.language.engine import LanguageCapabilities, LanguageModel, Prompt
from duologue.language.llama_messages import (
    AnswerFailed,
    AnswerPiece,
    Cancel,
    Done,
    GgufLoaded,
    LlamaAnswer,
    LoadGguf,
    Write,
)
from duologue.language.own_words import OwnWords
from duologue.supervision import SupervisionPolicy, Work
from duologue.telemetry.log import get_logger
from duologue.workers import LostError, Supervised, Worker

WORKER_MODULE = "duologue.language.llama_worker"
MAX_LINES = 16
"""Lines at once."""
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

    model: Path = Field(description="The model: a GGUF file, of an instruction model.")
    context: int = Field(
        default=4096, ge=256, le=1_048_576, description="Tokens of prompt and answer together; memory grows with it."
    )
    threads: int = Field(default=0, ge=0, le=256, description="Of the model; 0: half of the cores.")
    gpu_layers: int = Field(default=0, ge=-1, le=10_000, description="Layers on the GPU, if built for one; -1: all.")
    template: Path | None = Field(
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
    """One call of :meth:`LlamaLanguage.write`: its number, the worker that has it, and what came for it."""

    number: int
    worker: Worker
    inbox: deque[LlamaAnswer] = field(default_factory=lambda: deque[LlamaAnswer]())
    over: bool = False


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
        self._using = asyncio.Lock()
        self._lines: dict[int, _Line] = {}
        self._next = 0
        self._told_unbound = False

    @property
    def capabilities(self) -> LanguageCapabilities:
        """Streams. What was read before changes the last bits of what follows: equal prompts may differ."""
        return LanguageCapabilities(streaming=True, deterministic=False)

    @property
    def pid(self) -> int | None:
        """The worker's process id, None while there is none."""
        return self._process.pid

    @property
    def restarts(self) -> int:
        """How often a worker was replaced."""
        return self._process.restarts

    @property
    def worker(self) -> Supervised:
        """Its worker, for a page."""
        return self._process

    async def warm_up(self) -> None:
        """Start the worker and load the model. Raises :class:`InputError` for a missing file or package."""
        await self._process.running()

    async def write(self, prompt: Prompt) -> AsyncIterator[str]:
        """Stream the reply. Raises :class:`PeerError` for a worker that died, and for a model that answers nothing.

        The model is the file: ``prompt.model`` is not looked at. Tools are not offered to it. A schema binds it.
        """
        line = await self._open_line()
        own = OwnWords.of(prompt) if prompt.schema is None else None
        wordless = True
        try:
            await self._submit(line, prompt)
            while not (line.over or (own and own.over)):
                answer = await self._next_answer(line)
                line.over = not isinstance(answer, AnswerPiece)
                if isinstance(answer, AnswerFailed):
                    raise answer.error
                text = answer.text if isinstance(answer, AnswerPiece) else ""
                if own is not None:
                    text = own.feed(text) if isinstance(answer, AnswerPiece) else own.finish()
                if text:
                    wordless = wordless and not text.strip()
                    yield text
                if isinstance(answer, Done):
                    self._tell_unbound(answer)
        finally:
            del self._lines[line.number]
            if not line.over:
                await self._cancel(line)
        if wordless:
            what = "the model wrote somebody else's line" if own and own.over else "the model answered nothing"
            raise PeerError(what, where=str(self._settings.model), remedy="It is asked again.")

    async def close(self) -> None:
        """End the worker; lines that are still being written end with :class:`ClosedError`. Idempotent."""
        self._fail_all(ClosedError("llama was closed"))
        await self._process.close()

    async def _open_line(self) -> _Line:
        worker = await self._process.running()
        if len(self._lines) >= MAX_LINES:
            raise PeerError(f"llama writes {MAX_LINES} lines already", remedy="Wait until one is over.")
        line = _Line(self._next, worker)
        self._next += 1
        self._lines[line.number] = line
        return line

    async def _submit(self, line: _Line, prompt: Prompt) -> None:
        try:
            await self._process.send(line.worker, self._request(line.number, prompt))
        except DuologueError as death:
            self._fail_all(death)  # the line finds it in its inbox

    def _request(self, number: int, prompt: Prompt) -> Write:
        chosen = self._settings
        wishes = (prompt.temperature, prompt.speaker.temperature, chosen.temperature)
        return Write(
            number, tuple(messages(prompt)), next(wish for wish in wishes if wish is not None),
            seed=chosen.seed + prompt.seed, max_tokens=chosen.max_tokens,
            schema="" if prompt.schema is None else json.dumps(prompt.schema),
        )  # fmt: skip

    async def _cancel(self, line: _Line) -> None:
        if line.worker is self._process.worker:
            try:
                await line.worker.send(Cancel(line.number))
            except PeerError:
                pass  # a dead worker writes no line; the next one starts another

    async def _next_answer(self, line: _Line) -> LlamaAnswer:
        while not line.inbox:
            async with self._using:
                if not line.inbox:
                    await self._read_one(line.worker)
        return line.inbox.popleft()

    async def _read_one(self, worker: Worker) -> None:
        """Take one answer from the worker and lay it in its line's inbox."""
        try:
            answer = await self._process.receive(worker, self._settings.patience_s)
        except LostError as lost:
            _log.warning("the language worker is gone", cause=str(lost), lines=len(self._lines))
            self._fail_all(lost)
            return
        except ClosedError as closed:
            self._fail_all(closed)
            return
        assert isinstance(answer, AnswerPiece | Done | AnswerFailed)
        if isinstance(answer, Done):
            self._process.well()
        if (line := self._lines.get(answer.number)) is not None:
            line.inbox.append(answer)

    async def _greet(self, worker: Worker) -> None:
        chosen = self._settings
        template = str(chosen.template) if chosen.template else ""
        await worker.send(LoadGguf(str(chosen.model), chosen.context, chosen.threads, chosen.gpu_layers, template))
        hello = await worker.receive()
        if isinstance(hello, AnswerFailed):
            raise hello.error
        assert isinstance(hello, GgufLoaded)

    def _at_work(self) -> tuple[Work, ...]:
        worker = self._process.worker
        mine = (line for line in self._lines.values() if worker is not None and line.worker is worker)
        return tuple(Work(line.number, f"line {line.number}") for line in mine)[:1]

    def _fail_all(self, cause: DuologueError) -> None:
        """Whoever had a line of a worker that is gone is told why."""
        for line in self._lines.values():
            if line.worker is not self._process.worker or self._process.closed or isinstance(cause, ClosedError):
                line.inbox.append(AnswerFailed(line.number, cause))

    def _tell_unbound(self, done: Done) -> None:
        if done.unbound and not self._told_unbound:
            self._told_unbound = True
            _log.warning("a schema cannot bind the model: it is asked in words only", cause=done.unbound)


def engine(settings: LlamaSettings | None = None) -> LanguageModel:
    """The entry point ``duologue.llm: llama``. Raises :class:`InputError` without the path of a model."""
    if settings is None:
        raise InputError(
            "the engine llama needs a model", where="engines.llama.model",
            remedy='Write [engines.llama] with model = "….gguf".',
        )  # fmt: skip
    return LlamaLanguage(settings)
