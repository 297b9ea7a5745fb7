"""What the characters mutter while an engine is late, voiced before it is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from duologue.dialogue.ports import Voice
from duologue.errors import DuologueError
from duologue.language.persona import Persona
from duologue.speech.utterance import Utterance


class Fillers:
    """Each character's fillers, taken in turn. ``failures`` says what could not be voiced, and why."""

    def __init__(self, voice: Voice, personas: Sequence[Persona]) -> None:
        self._voice = voice
        self._personas = personas
        self._voiced: dict[str, list[Utterance]] = {persona.name: [] for persona in personas}
        self._attempted = False
        self.failures: list[str] = []

    async def prepare(self) -> None:
        """Voice them all, once."""
        if self._attempted:
            return
        self._attempted = True
        for persona in self._personas:
            for number, text in enumerate(persona.fillers):
                await self._prepare_one(persona.name, text, f"filler-{persona.name}-{number}")

    async def _prepare_one(self, speaker: str, text: str, utterance_id: str) -> None:
        try:
            voiced = await self._voice.voice(text, speaker, utterance_id)
        except DuologueError as error:  # a show without this filler is still a show
            self.failures.append(f"{speaker}, {text!r}: {error}")
        else:
            self._voiced[speaker].append(voiced.utterance)

    def take(self, speaker: str, utterance_id: str) -> Utterance | None:
        """The next filler of ``speaker`` under a fresh id; None while there is none."""
        mine = self._voiced[speaker]
        if not mine:
            return None
        mine.append(mine.pop(0))
        return replace(mine[-1], id=utterance_id)
