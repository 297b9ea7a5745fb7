"""A chain of engines that think, itself one: the first that begins in time writes the line."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from functools import cached_property

from duologue.chains import EngineChain
from duologue.language.chat import messages
from duologue.language.counting import count_tokens
from duologue.language.engine import LanguageCapabilities, LanguageModel, Prompt, ReadsAhead
from duologue.language.languages import knows
from duologue.metering import NOTHING, Amount, RequestOutcome, Service, metered
from duologue.paces import EnginePace, PieceWatch


class LanguageChain(EngineChain[LanguageModel]):
    """See :mod:`duologue.chains`."""

    @cached_property
    def paces(self) -> dict[str, EnginePace]:
        """How quickly each writes."""
        return {engine.name: EnginePace() for engine in self.engines}

    @property
    def capabilities(self) -> LanguageCapabilities:
        """Nothing is promised that one of them might not keep; of tools and schemas it tells what any can."""
        if len(self.engines) == 1:
            return self.engines[0].capabilities
        each = [engine.capabilities for engine in self.engines]
        return LanguageCapabilities(
            at_once=self.at_once, tools=any(one.tools for one in each), schemas=any(one.schemas for one in each)
        )

    async def write(self, prompt: Prompt) -> AsyncIterator[str]:
        """Stream the line, by an engine that knows the language. A failure after the first word ends it; the next line
        goes to the next engine.
        """
        tag = prompt.speaker.language.tag
        told = self._chain.stream(lambda engine: self._written(engine, prompt), fit=lambda engine: knows(engine, tag))
        watch, first, count, writer = PieceWatch(self._clock), 0, 0, None
        async with aclosing(told) as pieces:
            while True:
                try:
                    writer, piece = await watch.next(pieces)
                except StopAsyncIteration:
                    break
                first = first or watch.took
                count += len(piece)
                yield piece
        if writer is not None:
            self.paces[writer.name].did(first, watch.took, count)

    async def _written(self, engine: LanguageModel, prompt: Prompt) -> AsyncGenerator[str]:
        """The line as ``engine`` writes it, which is counted. Raises :class:`~duologue.metering.SpentError`."""
        thinks = engine.capabilities.instructed
        call = self._meter.begin(Service.THINKS, engine.name, expected(prompt) if thinks else NOTHING)
        written: list[str] = []

        def settle(outcome: RequestOutcome) -> tuple[Amount, bool]:
            return (reckoned(prompt, "".join(written)), True) if thinks else (NOTHING, False)

        async with aclosing(metered(call, engine.write(prompt), settle)) as pieces:
            async for piece in pieces:
                written.append(piece)
                yield piece

    async def read_ahead(self, prompt: Prompt) -> None:
        """See :class:`~duologue.language.engine.ReadsAhead`: done by the engine that would be asked, if it can."""
        tag = prompt.speaker.language.tag
        engine = next((each for each in self._chain.ready if knows(each, tag)), None)
        if isinstance(engine, ReadsAhead):
            await engine.read_ahead(prompt)

    async def _start(self, engine: LanguageModel) -> None:
        began = self._clock.now()
        await super()._start(engine)
        self.paces[engine.name].started(self._clock.now() - began)


CHARACTERS_A_TOKEN = 4
"""Of English, with the usual vocabularies."""
TOKENS_A_WORD = 2
"""At most, of what is asked for; most words are one."""


def expected(prompt: Prompt) -> Amount:
    """About what ``prompt`` will come to, quickly: before it is asked."""
    speaker = prompt.speaker
    told = len(speaker.description) + sum(map(len, speaker.style)) + sum(line.size for line in prompt.lines)
    return Amount(prompt=told // CHARACTERS_A_TOKEN, completion=prompt.max_words * TOKENS_A_WORD)


def reckoned(prompt: Prompt, written: str) -> Amount:
    """What it came to, where the engine does not say: words and marks of what was told and ``written``."""
    told = sum(count_tokens(message["content"]) for message in messages(prompt))
    return Amount(prompt=told, completion=count_tokens(written))
