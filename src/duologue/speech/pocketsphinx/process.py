"""One PocketSphinx worker as its users see it: ask and get an answer, whatever happened before."""

from __future__ import annotations

from duologue.child import Worker
from duologue.clock import SECOND, SYSTEM_CLOCK, Clock
from duologue.speech.pocketsphinx.messages import RequestFailed, SphinxAnswer, SphinxReady, SphinxRequest
from duologue.supervision import SupervisionPolicy, Work
from duologue.workers import Supervised

WORKER_MODULE = "duologue.speech.pocketsphinx.worker"
START = 30 * SECOND
"""For a worker to load its models: it takes 0.5 s, on a machine that is busy far longer."""


class SphinxProcess:
    """A worker that is started when needed. Not for two tasks at once.

    A call that was cancelled leaves an answer behind; the next call reads past it. ``patience`` is in seconds;
    ``strikes`` are of :attr:`work`.
    """

    def __init__(self, patience: float, strikes: int = 2, clock: Clock = SYSTEM_CLOCK) -> None:
        self._patience = patience
        self._owed = self._asked = 0
        self.starts = 0
        """How often a worker was started."""
        self.work: Work | None = None
        """What the requests belong to; None: each is a work of its own."""
        self.worker = Supervised(
            "pocketsphinx", lambda: Worker.start(WORKER_MODULE), self._greet, purpose="hears", clock=clock,
            at_work=self._at_work, policy=SupervisionPolicy(START, strikes=strikes),
        )  # fmt: skip

    @property
    def pid(self) -> int | None:
        """The worker's process id, None while there is none."""
        return self.worker.pid

    async def start(self) -> None:
        """Start the worker unless it runs; after failures in a row first wait, longer each time.

        Raises :class:`~duologue.workers.LostError` when it does not come up, :class:`~duologue.errors.ClosedError`
        after :meth:`close`.
        """
        await self.worker.running()

    async def ask(self, request: SphinxRequest) -> SphinxAnswer:
        """The answer to a request.

        Raises what the worker said was wrong with the request (it goes on), and
        :class:`~duologue.workers.LostError` when it died or hung: then it is gone, what it had heard is lost, and the
        next call starts another (see :attr:`starts`).
        """
        worker = await self.worker.running()
        self._owed += 1
        self._asked += 1
        worker.put(request)
        answer: object = None
        while self._owed:
            answer = await self.worker.receive(worker, self._patience)
            self._owed -= 1
        self.worker.well()
        assert isinstance(answer, SphinxAnswer)
        if isinstance(answer, RequestFailed):
            raise answer.error
        return answer

    async def close(self) -> None:
        """Ask the worker to leave; who waits for an answer gets :class:`~duologue.errors.ClosedError`. Idempotent."""
        await self.worker.close()

    async def _greet(self, worker: Worker) -> None:
        assert isinstance(await worker.receive(), SphinxReady)
        self.starts += 1
        self._owed = 0

    def _at_work(self) -> tuple[Work, ...]:
        if self.worker.worker is None:  # one that comes up was not asked for anything yet
            return ()
        if self.work is not None:
            return (self.work,)
        return (Work(self._asked, "a request"),) if self._owed else ()
