"""Phonemes of a text, from espeak-ng in a worker process of its own (:mod:`duologue.speech.espeak.worker`)."""

from __future__ import annotations

import asyncio

import espeakng_loader  # pyright: ignore[reportMissingTypeStubs]

from duologue.child import Worker
from duologue.clock import SECOND, SYSTEM_CLOCK, Clock
from duologue.speech.espeak.clauses import Clause, clauses
from duologue.speech.espeak.messages import LineFailed, LineSpelt, Opened, SpellLine
from duologue.supervision import SupervisionPolicy, Work
from duologue.telemetry.log import get_logger
from duologue.workers import LostError, Supervised

_WORKER_MODULE = "duologue.speech.espeak.worker"
_START = 20 * SECOND
_PATIENCE = 5.0
"""Seconds for a text, which takes some milliseconds."""

_log = get_logger("duologue.speech.phonemes")


class Phonemizer:
    """One text at a time. A worker that dies is replaced, and the text asked for again. Use it on one event loop."""

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self._process = Supervised(
            "phonemes", self._launch, _greet, purpose="spells", clock=clock, at_work=self._at_work, leave=0.0,
            policy=SupervisionPolicy(start=_START),
        )  # fmt: skip
        self._turn = asyncio.Lock()
        self._asking: SpellLine | None = None
        self._next = 0

    @property
    def worker(self) -> Supervised:
        """Its worker, for a page."""
        return self._process

    async def warm_up(self) -> None:
        """Start the worker. Raises :class:`PeerError` when espeak-ng does not come up."""
        await self._process.running()

    async def clauses(self, text: str, voice: str) -> tuple[Clause, ...]:
        """The clauses of ``text`` in the language ``voice``. Raises :class:`InputError` for an unknown language,
        :class:`PeerError` for a text that kills the worker twice.
        """
        async with self._turn:
            request = SpellLine(self._next, text, voice)
            self._next += 1
            while True:
                try:
                    answer = await self._asked(request)
                except LostError as lost:
                    _log.warning("the phonemes' worker restarts", cause=str(lost))
                    if lost.dropped or not lost.again:
                        raise
                    continue
                finally:
                    self._asking = None
                self._process.well()
                if isinstance(answer, LineFailed):
                    raise answer.error
                return clauses(text, answer.clauses)

    async def close(self) -> None:
        """End the worker. Idempotent."""
        await self._process.close()

    async def _launch(self) -> Worker:
        return await Worker.start(_WORKER_MODULE, espeakng_loader.get_library_path(), espeakng_loader.get_data_path())

    def _at_work(self) -> tuple[Work, ...]:
        return (Work(self._asking.line, f"“{self._asking.text[:60]}”"),) if self._asking else ()

    async def _asked(self, request: SpellLine) -> LineSpelt | LineFailed:
        worker = await self._process.running()
        self._asking = request
        worker.put(request)
        while True:
            answer = await self._process.receive(worker, _PATIENCE)
            assert isinstance(answer, LineSpelt | LineFailed)
            if answer.line == request.line:  # else one that somebody did not wait for
                return answer


async def _greet(worker: Worker) -> None:
    hello = await worker.receive()
    if isinstance(hello, LineFailed):
        raise hello.error
    assert isinstance(hello, Opened)
