"""Parts of the house that do what a test tells them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from duologue.clock import SECOND
from duologue.simulation.virtual_time import LoopClock


class PartDouble:
    """Run ``n`` goes as ``script[n]`` says, later ones serve for ever. ``began`` are the times of each run (s)."""

    def __init__(self, name: str, *script: Callable[[], Awaitable[None]], clock: LoopClock) -> None:
        self.name = name
        self.topic = name
        self.began: list[float] = []
        self.up = False
        self._script = script
        self._clock = clock

    def ready(self) -> Sequence[str]:
        return () if self.up else ("it is being set up",)

    async def run(self) -> None:
        turn = len(self.began)
        self.began.append(self._clock.now() / SECOND)
        self.up = True
        try:
            await (self._script[turn]() if turn < len(self._script) else asyncio.Event().wait())
        finally:
            self.up = False


def raising(error: BaseException, after: float = 0.0) -> Callable[[], Awaitable[None]]:
    """Serve for so many seconds, then raise."""

    async def run() -> None:
        await asyncio.sleep(after)
        raise error

    return run


async def over() -> None:
    """Come to an end."""
