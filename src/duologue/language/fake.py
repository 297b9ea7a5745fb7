"""A scripted engine for tests and simulations: replies, latencies and failures as given, on a clock."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from dataclasses import dataclass

from duologue.clock import SECOND, SYSTEM_CLOCK, Clock
from duologue.errors import ClosedError, PeerError
from duologue.language.engine import LanguageCapabilities, LanguageModel, Prompt


@dataclass(frozen=True, slots=True)
class ScriptedReply:
    """One scripted answer. Delays are seconds.

    ``text`` None stands for the fake's usual line. ``first`` passes before the first piece and ``between`` before each
    other one. With ``failure`` the stream breaks after ``pieces`` pieces (None: after the last). ``hang`` never
    answers.
    """

    text: str | None = None
    first: float = 0.0
    between: float = 0.0
    failure: str = ""
    pieces: int | None = None
    hang: bool = False


class FakeLanguage:
    """Answers with the script's replies in order, then with lines of its own that name speaker and turn.

    ``script`` holds those that are left, ``prompts`` what was asked; ``cancelled`` counts the streams that were closed
    before their end.
    """

    name = "fake"

    def __init__(
        self, script: Iterable[ScriptedReply] = (), clock: Clock = SYSTEM_CLOCK, usual: ScriptedReply | None = None
    ) -> None:
        self.script = list(script)
        self._clock = clock
        self._usual = usual
        self._closed = False
        self.prompts: list[Prompt] = []
        self.cancelled = 0

    @property
    def capabilities(self) -> LanguageCapabilities:
        """Streams; equal scripts give equal replies."""
        return LanguageCapabilities(streaming=True, deterministic=True)

    async def warm_up(self) -> None:
        """Nothing to load."""

    async def write(self, prompt: Prompt) -> AsyncGenerator[str]:
        """Give the next reply of the script."""
        if self._closed:
            raise ClosedError("the fake language engine is closed")
        self.prompts.append(prompt)
        reply = self.script.pop(0) if self.script else self._usual or ScriptedReply()
        text = _line(prompt) if reply.text is None else reply.text
        finished = False
        try:
            async for piece in self._stream(reply, text):
                yield piece
            finished = True
        except PeerError:
            finished = True
            raise
        finally:
            self.cancelled += not finished

    async def _stream(self, reply: ScriptedReply, text: str) -> AsyncIterator[str]:
        await self._pass(reply.first)
        while reply.hang:
            await self._pass(3600.0)
        for number, piece in enumerate(text.split(" ")):
            if reply.failure and number == reply.pieces:
                break
            if number:
                await self._pass(reply.between)
            yield piece if number == 0 else f" {piece}"
        if reply.failure:
            raise PeerError(reply.failure, where="fake", remedy="This failure was scripted.")

    async def _pass(self, seconds: float) -> None:
        await self._clock.wait_until(self._clock.now() + round(seconds * SECOND))

    async def close(self) -> None:
        """Refuse from now on."""
        self._closed = True


def engine(settings: None = None) -> LanguageModel:
    """Make the fake with its usual lines."""
    return FakeLanguage()


def _line(prompt: Prompt) -> str:
    return f"This is {prompt.speaker.title} with line number {prompt.turn} about {prompt.topic}."
