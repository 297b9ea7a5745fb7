"""What the characters mutter while an engine is late, voiced before it is needed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from duologue.dialogue.ports import Voiced
from duologue.dialogue.replies.replies import Attempt, SentenceVoicing
from duologue.language.persona import Persona
from duologue.speech.utterance import Utterance


@dataclass(frozen=True, slots=True)
class Unvoiced:
    """A filler that there will not be, and why."""

    speaker: str
    text: str
    failure: str


class Stock:
    """What is voiced once and kept, for all conversations with the same voices."""

    def __init__(self) -> None:
        self._voiced: dict[tuple[str, str], Utterance] = {}
        self._locks: dict[tuple[str, str], asyncio.Lock] = {}

    async def voice(self, voicing: SentenceVoicing, text: str, speaker: str, utterance_id: str) -> Attempt:
        """The sound of ``text``: what is there, or made now. What fails is tried again by the next one who asks."""
        key = speaker, text
        async with self._locks.setdefault(key, asyncio.Lock()):
            if known := self._voiced.get(key):
                return Attempt(Voiced(replace(known, id=utterance_id)))
            attempt = await voicing.voice(text, speaker, utterance_id)
            if attempt.voiced is not None:
                self._voiced[key] = attempt.voiced.utterance
            return attempt


async def _at_once() -> None:
    pass


class Fillers:
    """Each character's fillers, taken in turn. They are kept in ``stock``, for others as well."""

    def __init__(self, voicing: SentenceVoicing, personas: Sequence[Persona], stock: Stock | None = None) -> None:
        self._voicing = voicing
        self._stock = stock or Stock()
        self._personas = personas
        self._voiced: dict[str, list[Utterance]] = {persona.name: [] for persona in personas}
        self._attempted = False

    async def prepare(self, turn: Callable[[], Awaitable[None]] = _at_once) -> AsyncIterator[Unvoiced]:
        """Voice them all, once, each after ``turn``; gives what could not be (a show without it is still a show)."""
        if self._attempted:
            return
        self._attempted = True
        for persona in self._personas:
            for number, text in enumerate(persona.fillers):
                await turn()
                name = f"filler-{persona.name}-{number}"
                attempt = await self._stock.voice(self._voicing, text, persona.name, name)
                if attempt.voiced is None:
                    yield Unvoiced(persona.name, text, "; ".join(attempt.failures))
                else:
                    self._voiced[persona.name].append(attempt.voiced.utterance)

    def take(self, speaker: str, utterance_id: str) -> Utterance | None:
        """The next filler of ``speaker`` under a fresh id; None while there is none."""
        mine = self._voiced[speaker]
        if not mine:
            return None
        mine.append(mine.pop(0))
        return replace(mine[-1], id=utterance_id)
