"""One PocketSphinx worker as its users see it: ask and get an answer, whatever happened before."""

from __future__ import annotations

import asyncio

from duologue.clock import MILLISECOND, SYSTEM_CLOCK, Clock
from duologue.errors import ClosedError, PeerError
from duologue.speech.pocketsphinx_messages import Answer, Failed, Ready, Request
from duologue.workers import Worker

WORKER_MODULE = "duologue.speech.pocketsphinx_worker"
START_PATIENCE = 30.0
"""Seconds for a worker to load its models: it takes 0.5 s, on a machine that is busy far longer."""
_FIRST_BACK_OFF = 100 * MILLISECOND


class SphinxProcess:
    """A worker that is started when needed. Not for two tasks at once.

    A call that was cancelled leaves an answer behind; the next call reads past it.
    """

    def __init__(self, patience: float, clock: Clock = SYSTEM_CLOCK) -> None:
        self._patience = patience
        self._clock = clock
        self._worker: Worker | None = None
        self._owed = 0
        self._failures = 0
        self._closed = False
        self.starts = 0
        """How often a worker was started."""

    @property
    def pid(self) -> int | None:
        """The worker's process id, None while there is none."""
        return self._worker.pid if self._worker else None

    async def start(self) -> None:
        """Start the worker unless it runs; after failures in a row first wait, longer each time.

        Raises :class:`PeerError` when it does not come up, :class:`ClosedError` after :meth:`close`.
        """
        if self._closed:
            raise ClosedError("pocketsphinx is closed")
        if self._worker is not None:
            return
        if self._failures > 1:
            await self._clock.wait_until(self._clock.now() + (_FIRST_BACK_OFF << min(self._failures - 2, 6)))
        worker = await Worker.start(WORKER_MODULE)
        self.starts += 1
        try:
            hello = await self._receive(worker, START_PATIENCE)
            assert isinstance(hello, Ready)
        except BaseException as error:
            self._failures += isinstance(error, PeerError)
            worker.kill()
            await worker.close()
            raise
        self._worker, self._owed = worker, 0
        if self._closed:
            await self.close()
            raise ClosedError("pocketsphinx is closed")

    async def ask(self, request: Request) -> Answer:
        """The answer to a request.

        Raises what the worker said was wrong with the request (it goes on), and :class:`PeerError` when it died or
        hung: then it is gone, what it had heard is lost, and the next call starts another (see :attr:`starts`).
        """
        await self.start()
        worker = self._worker
        assert worker is not None
        try:
            self._owed += 1
            await worker.send(request)
            while True:
                answer = await self._receive(worker, self._patience)
                self._owed -= 1
                if self._owed == 0:
                    break
        except PeerError as error:
            if self._closed:
                raise ClosedError("pocketsphinx is closed") from error
            self._failures += 1
            await self.drop()
            raise
        self._failures = 0
        if isinstance(answer, Failed):
            raise answer.error
        return answer

    async def drop(self) -> None:
        """Kill the worker, if there is one."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.kill()
            await worker.close()

    async def close(self) -> None:
        """Ask the worker to leave; who waits for an answer gets :class:`ClosedError`. Idempotent."""
        self._closed = True
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.close()

    async def _receive(self, worker: Worker, patience: float) -> Answer:
        try:
            async with asyncio.timeout(patience):
                answer = await worker.receive()
        except TimeoutError as error:
            raise PeerError(
                f"PocketSphinx gave no sign of life for {patience:g} s", where=f"pid {worker.pid}"
            ) from error
        assert isinstance(answer, Answer)
        return answer
