"""An engine that speaks, in front of another: what is kept of it, how long it is waited for, how it is asked."""

from __future__ import annotations

from duologue.speech.engine import SpeechCapabilities, TextToSpeech


class SpeechLayer:
    """Owns the ``engine``, whose name, abilities, start and end are its own. What is left to it is ``speak``."""

    def __init__(self, engine: TextToSpeech) -> None:
        self.engine = engine

    @property
    def name(self) -> str:
        """The engine's."""
        return self.engine.name

    @property
    def capabilities(self) -> SpeechCapabilities:
        """The engine's."""
        return self.engine.capabilities

    async def warm_up(self) -> None:
        """Start the engine."""
        await self.engine.warm_up()

    async def close(self) -> None:
        """Close the engine. Idempotent."""
        await self.engine.close()
