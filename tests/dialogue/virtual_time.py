"""A virtual-time event loop: it jumps to the next timer when nothing else is to be done, so an hour takes no time."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

from duologue.clock import SECOND

T = TypeVar("T")


class _JumpingSelector(selectors.DefaultSelector):
    """Never blocks: what the loop would have slept is added to ``elapsed``."""

    elapsed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise AssertionError("deadlock: every task waits and no timer is set")
        self.elapsed += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.elapsed


class LoopClock:
    """A clock that reads the virtual loop."""

    def now(self) -> int:
        return round(asyncio.get_running_loop().time() * SECOND)

    def wall(self) -> int:
        return self.now()

    def cpu(self) -> int:
        return 0

    def sleep_until(self, deadline: int) -> None:
        raise AssertionError("nothing may block the loop")

    async def wait_until(self, deadline: int) -> None:
        await asyncio.sleep(max(0, deadline - self.now()) / SECOND)


def simulate(main: Coroutine[Any, Any, T], limit: float = 7200.0) -> T:
    """Run ``main`` in virtual time; more than ``limit`` virtual seconds is a failure."""

    async def limited() -> T:
        async with asyncio.timeout(limit):
            return await main

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(limited())
