"""Whisper's worker as its engine sees it: a pass is asked for and found, whatever happens to the process meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from duologue.child import Worker
from duologue.clock import SECOND, SYSTEM_CLOCK, Clock
from duologue.speech.whisper.messages import Found, LoadWhisper, Pass, PassFailed, WhisperLoaded
from duologue.supervision import SupervisionPolicy, Work
from duologue.telemetry.log import get_logger
from duologue.workers import LostError, Supervised

WORKER_MODULE = "duologue.speech.whisper.worker"
START = 60 * SECOND
"""For the worker to load its model: it takes 1 s, on a machine that is busy far longer."""
SIGN = 1.0
"""Seconds between two signs that a pass is not forgotten."""

_log = get_logger("duologue.speech.whisper.engine")


class WhisperProcess:
    """A worker that is started when needed. One pass at a time.

    A worker that dies, or needs more than ``patience`` seconds for a pass, is replaced and told the pass again; a pass
    that kills two is refused.
    """

    def __init__(self, load: LoadWhisper, patience: float, restarts: int, clock: Clock = SYSTEM_CLOCK) -> None:
        self._load = load
        self._patience = patience
        self._at: Pass | None = None
        self.loaded: WhisperLoaded | None = None
        """What the worker said when it came up."""
        self.worker = Supervised(
            "whisper", lambda: Worker.start(WORKER_MODULE), self._greet, purpose="hears", clock=clock,
            at_work=self._at_work, leave=0.0,
            policy=SupervisionPolicy(START, restarts=restarts),
        )  # fmt: skip

    async def find(self, wanted: Pass) -> AsyncGenerator[Found | None, None]:
        """What was found, last; before that None every :data:`SIGN` seconds.

        Raises what was wrong with the pass, :class:`~duologue.workers.LostError` when it cannot be made, and
        :class:`~duologue.errors.ClosedError`.
        """
        try:
            while True:
                try:
                    worker = await self.worker.running()
                    self._at = wanted
                    worker.put(wanted)
                    while (answer := await self._answer(worker, wanted.number)) is None:
                        yield None
                except LostError as lost:
                    _log.warning("whisper restarts", cause=str(lost), seconds=round(wanted.seconds, 1))
                    if lost.dropped or not lost.again:
                        raise
                    continue
                self.worker.well()
                if isinstance(answer, PassFailed):
                    raise answer.error
                yield answer
                return
        finally:
            if self._at is wanted:
                self._at = None

    async def _answer(self, worker: Worker, number: int) -> Found | PassFailed | None:
        """The answer to the pass, past those that nobody waited for; None: not yet, and there is time left."""
        try:
            async with asyncio.timeout(SIGN):
                while True:
                    answer = await self.worker.receive(worker, self._patience)
                    assert isinstance(answer, Found | PassFailed)
                    if answer.number == number:
                        return answer
        except TimeoutError:
            return None

    async def _greet(self, worker: Worker) -> None:
        await worker.send(self._load)
        hello = await worker.receive()
        if isinstance(hello, PassFailed):
            raise hello.error
        assert isinstance(hello, WhisperLoaded)
        self.loaded = hello

    def _at_work(self) -> tuple[Work, ...]:
        return (Work(self._at.number, f"{self._at.seconds:.1f} s of speech"),) if self._at else ()
