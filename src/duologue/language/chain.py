"""A chain of engines that think, itself one: the first that begins in time writes the line.

One engine alone is a chain too: nobody can stand in for it, but it is known how it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

from duologue.chains import Chain, ChainPolicy, EngineHealth, Listener, fewest
from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.language.engine import LanguageCapabilities, LanguageModel, Prompt, ReadsAhead
from duologue.language.languages import knows


class LanguageChain:
    """See :mod:`duologue.chains`. It owns its engines. ``name`` is that of the first."""

    def __init__(
        self,
        engines: Sequence[LanguageModel],
        *,
        policy: ChainPolicy | None = None,
        clock: Clock = SYSTEM_CLOCK,
        listener: Listener | None = None,
        group: asyncio.TaskGroup | None = None,
    ) -> None:
        self._chain = Chain(engines, _start, policy=policy, clock=clock, listener=listener, group=group)

    @property
    def name(self) -> str:
        """As in settings."""
        return self._chain.engines[0].name

    @property
    def capabilities(self) -> LanguageCapabilities:
        """Nothing is promised that one of them might not keep."""
        alone = len(self.engines) == 1
        return self.engines[0].capabilities if alone else LanguageCapabilities(at_once=self.at_once)

    @property
    def engines(self) -> tuple[LanguageModel, ...]:
        """In order of preference."""
        return self._chain.engines

    @property
    def at_once(self) -> int | None:
        """How many conversations each that came up carries at once; None: no limit is known."""
        return fewest(engine.capabilities.at_once for engine in self._chain.ready)

    def health(self, now: int) -> tuple[EngineHealth, ...]:
        """Of each engine, at ``now`` (monotonic ns)."""
        return self._chain.health(now)

    async def warm_up(self) -> None:
        """Start every engine (see :meth:`Chain.warm_up`); raises when none comes up."""
        await self._chain.warm_up()

    async def write(self, prompt: Prompt) -> AsyncIterator[str]:
        """Stream the line, by an engine that knows the language. A failure after the first word ends it; the next line
        goes to the next engine.
        """
        tag = prompt.speaker.language.tag
        told = self._chain.stream(lambda engine: engine.write(prompt), fit=lambda engine: knows(engine, tag))
        async with aclosing(told) as pieces:
            async for _, piece in pieces:
                yield piece

    async def read_ahead(self, prompt: Prompt) -> None:
        """See :class:`~duologue.language.engine.ReadsAhead`: done by the engine that would be asked, if it can."""
        tag = prompt.speaker.language.tag
        engine = next((each for each in self._chain.ready if knows(each, tag)), None)
        if isinstance(engine, ReadsAhead):
            await engine.read_ahead(prompt)

    async def close(self) -> None:
        """Close all. Idempotent."""
        await self._chain.close()
        for engine in self._chain.engines:
            await engine.close()


async def _start(engine: LanguageModel) -> None:
    await engine.warm_up()
