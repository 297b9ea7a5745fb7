"""Getting one line written and voiced, whatever the engines do: time limits, a second try, an answer in character."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass

from duologue.clock import Clock
from duologue.dialogue.ports import Voice, Voiced
from duologue.errors import DuologueError, PeerError
from duologue.language.engine import LanguageModel, Prompt
from duologue.language.moderation import Moderator, Subject
from duologue.language.text import cap, clean, word_count
from duologue.telemetry.ledger import TurnRecord

Changed = Callable[[TurnRecord], None]
"""Called with the record each time that it changed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long an engine may take for one line (seconds), and how often it is asked."""

    write_seconds: float = 20.0
    voice_seconds: float = 20.0
    tries: int = 2


class Writer:
    """Writes and voices lines, and tells of each step through ``changed``."""

    def __init__(
        self,
        models: Mapping[str, LanguageModel],
        voice: Voice,
        moderator: Moderator,
        clock: Clock,
        changed: Changed,
        limits: Limits,
    ) -> None:
        self._models = models
        self._voice = voice
        self._moderator = moderator
        self._clock = clock
        self._changed = changed
        self._limits = limits

    async def write(self, prompt: Prompt, record: TurnRecord) -> str:
        """The text of the turn, fit to be voiced; never raises for an engine's failure.

        A line that moderation refuses, and a line that the engine fails to give in all tries, is replaced by one of the
        persona's deflections; ``record`` says so.
        """
        record.asked = self._clock.now()
        self._changed(record)
        text = await self._try_write(prompt, record)
        if text:
            verdict = await self._moderator.judge(text, Subject.LINE)
            if not verdict.allowed:
                record.refused += 1
                text = ""
        record.text = text or _deflection(prompt)
        record.text_complete = self._clock.now()
        record.state = "voicing"
        self._changed(record)
        return record.text

    async def voice(self, record: TurnRecord) -> Voiced | None:
        """The turn's sound; None, with ``record.failure``, when the voice fails in all tries."""
        for _ in range(self._limits.tries):
            try:
                async with asyncio.timeout(self._limits.voice_seconds):
                    voiced = await self._voice.voice(record.text, record.speaker, record.id)
            except Exception as error:  # an engine may come from a stranger's package: it must not end the show
                _note(record, "voice", error, self._limits.voice_seconds)
                continue
            record.first_audio = voiced.first_audio
            record.voiced = self._clock.now()
            return voiced
        return None

    async def _try_write(self, prompt: Prompt, record: TurnRecord) -> str:
        for _ in range(self._limits.tries):
            try:
                async with asyncio.timeout(self._limits.write_seconds):
                    return await self._write_once(prompt, record)
            except Exception as error:  # as above
                _note(record, "language", error, self._limits.write_seconds)
        return ""

    async def _write_once(self, prompt: Prompt, record: TurnRecord) -> str:
        """Read the stream up to the cap; raises :class:`PeerError` when nothing speakable came."""
        raw = ""
        stream = self._models[prompt.speaker.name].write(prompt)
        try:
            async for piece in stream:
                if piece and not raw:
                    record.first_token = self._clock.now()
                raw += piece
                if word_count(raw) > 2 * prompt.max_words + 20:
                    break  # far beyond the cap, even if half of it is markup
        finally:
            if isinstance(stream, AsyncGenerator):
                await stream.aclose()
        names = [persona for who in (prompt.speaker, *prompt.others) for persona in (who.name, who.title)]
        text = cap(clean(raw, names), prompt.max_words, prompt.speaker.max_seconds)
        if not text:
            raise PeerError("it answered nothing that can be spoken")
        return text


def _note(record: TurnRecord, part: str, error: Exception, limit: float) -> None:
    """Add a failure to the record."""
    if isinstance(error, TimeoutError):
        what = f"no answer in {limit:g} s"
    else:
        what = str(error) if isinstance(error, DuologueError) else f"{type(error).__name__}: {error}"
    record.failure = "; ".join(filter(None, (record.failure, f"{part}: {what}")))


def _deflection(prompt: Prompt) -> str:
    """A line in character instead of the missing one; not one that was heard already, while there are others."""
    said = {line.text for line in prompt.lines}
    fresh = [line for line in prompt.speaker.deflections if line not in said] or list(prompt.speaker.deflections)
    return random.Random(f"deflection {prompt.seed} {prompt.turn} {prompt.moment}").choice(fresh)
