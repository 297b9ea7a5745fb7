"""A virtual-time event loop: it jumps to the next timer when nothing else is to be done, so an hour takes no time.

A :class:`WorkingLoop` does so while nobody works for it: what real engines take counts.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any, TypeVar, TypeVarTuple

from duologue.clock import SECOND, SYSTEM_CLOCK, Clock
from duologue.errors import InternalError

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class _JumpingSelector(selectors.DefaultSelector):
    """Never blocks: what the loop would have slept is added to ``elapsed``; but ``patient`` it does."""

    elapsed = 0.0
    patient = False

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if self.patient:
            return super().select(timeout)
        if timeout is None:
            raise InternalError("deadlock: every task waits and no timer is set", where="virtual time")
        self.elapsed += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is the sum of what it would have slept. Equal programs run in equal order."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._jumping.elapsed

    def stand_still(self, seconds: float) -> None:
        """A machine that runs nobody for so long: every timer that was due meanwhile is late, and what came over a
        socket waits there.
        """
        self._jumping.elapsed += seconds

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """Work for a thread is done at once and takes no time: a thread's end is no timer to jump to."""
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # as a thread's would: raised where it is awaited
            done.set_exception(error)
        return done


class WorkingLoop(VirtualLoop):
    """A virtual loop on which real engines work: its time goes at the pace of ``clock`` while somebody is
    :meth:`at_work`, or a thread is, and leaps when nobody is. So what they take is what passes meanwhile, and what is
    due meanwhile happens when it is due.
    """

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self._machine = clock
        self._workers = 0
        self._since = 0
        self._worked = 0.0
        super().__init__()

    @property
    def worked(self) -> float:
        """How long somebody was at work so far (s)."""
        return self._worked + self._going

    def time(self) -> float:
        """See :class:`VirtualLoop`."""
        return super().time() + self._going

    @contextmanager
    def at_work(self) -> Generator[None]:
        """Somebody works for us inside, whom we wait for. Several may."""
        self._begin()
        try:
            yield
        finally:
            self._end()

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """In a thread, which is at work until it is done."""
        self._begin()  # before the thread does
        try:
            future = asyncio.SelectorEventLoop.run_in_executor(self, executor, func, *args)
        except BaseException:
            self._end()
            raise
        future.add_done_callback(lambda _: self._end())
        return future

    async def shutdown_default_executor(self) -> None:
        """A thread says when all are done."""
        with self.at_work():
            await super().shutdown_default_executor()

    @property
    def _going(self) -> float:
        return (self._machine.now() - self._since) / SECOND if self._workers else 0.0

    def _begin(self) -> None:
        if not self._workers:
            self._since = self._machine.now()
        self._workers += 1
        self._jumping.patient = True

    def _end(self) -> None:
        took = self._going
        self._workers -= 1
        if not self._workers:
            self._jumping.elapsed += took
            self._jumping.patient = False
            self._worked += took


class LoopClock:
    """A :class:`~duologue.clock.Clock` that reads the virtual loop, which began at ``start`` (ns)."""

    def __init__(self, start: int = 0) -> None:
        self._start = start

    def now(self) -> int:
        """Nanoseconds."""
        return self._start + round(asyncio.get_running_loop().time() * SECOND)

    def wall(self) -> int:
        """The same: a simulation has no calendar."""
        return self.now()

    def cpu(self) -> int:
        """Nothing costs anything here."""
        return 0

    def sleep_until(self, deadline: int) -> None:
        """Refused."""
        raise InternalError("nothing may block a virtual loop", where="virtual time")

    async def wait_until(self, deadline: int) -> None:
        """See :class:`~duologue.clock.Clock`."""
        await asyncio.sleep(max(0, deadline - self.now()) / SECOND)


def simulate(
    main: Coroutine[Any, Any, T],
    limit: float | None = 7200.0,
    loop: Callable[[], asyncio.AbstractEventLoop] = VirtualLoop,
) -> T:
    """Run ``main`` in virtual time; raises :class:`TimeoutError` after ``limit`` virtual seconds (None: no limit)."""

    async def limited() -> T:
        async with asyncio.timeout(limit):
            return await main

    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(limited())
