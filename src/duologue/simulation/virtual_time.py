"""A virtual-time event loop: it jumps to the next timer when nothing else is to be done, so an hour takes no time."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar, TypeVarTuple

from duologue.clock import SECOND
from duologue.errors import InternalError

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class _JumpingSelector(selectors.DefaultSelector):
    """Never blocks: what the loop would have slept is added to ``elapsed``."""

    elapsed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
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

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """Work for a thread is done at once and takes no time: a thread's end is no timer to jump to."""
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # as a thread's would: raised where it is awaited
            done.set_exception(error)
        return done


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


def simulate(main: Coroutine[Any, Any, T], limit: float | None = 7200.0) -> T:
    """Run ``main`` in virtual time; raises :class:`TimeoutError` after ``limit`` virtual seconds (None: no limit)."""

    async def limited() -> T:
        async with asyncio.timeout(limit):
            return await main

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(limited())
