"""What the characters mutter while an engine is late, voiced before it is needed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

from duologue.dialogue.replies import Voicing
from duologue.language.persona import Persona
from duologue.speech.utterance import Utterance


@dataclass(frozen=True, slots=True)
class Unvoiced:
    """A filler that there will not be, and why."""

    speaker: str
    text: str
    failure: str


class Fillers:
    """Each character's fillers, taken in turn."""

    def __init__(self, voicing: Voicing, personas: Sequence[Persona]) -> None:
        self._voicing = voicing
        self._personas = personas
        self._voiced: dict[str, list[Utterance]] = {persona.name: [] for persona in personas}
        self._attempted = False

    async def prepare(self) -> AsyncIterator[Unvoiced]:
        """Voice them all, once; gives what could not be voiced (a show without that filler is still a show)."""
        if self._attempted:
            return
        self._attempted = True
        for persona in self._personas:
            for number, text in enumerate(persona.fillers):
                attempt = await self._voicing.voice(text, persona.name, f"filler-{persona.name}-{number}")
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
