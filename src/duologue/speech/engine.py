"""The protocol of an engine that speaks."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

from duologue.errors import InputError
from duologue.speech.utterance import SpeechChunk


@dataclass(frozen=True, slots=True)
class SpeechCapabilities:
    """What an engine can do: ``rate`` of its PCM (Hz), which marks it gives, and how many conversations it carries
    ``at_once`` (None: no limit is known).
    """

    rate: int
    word_marks: bool = False
    phoneme_marks: bool = False
    alphabet: str = ""
    voices: tuple[str, ...] = ()
    at_once: int | None = None


@dataclass(frozen=True, slots=True)
class SpeechOutlook:
    """What is to be expected of a line: its first sound, and each piece after a silence, in so many ``seconds``; and in
    how many ``pieces`` it is asked for.
    """

    seconds: float = 0.0
    pieces: int = 1


class TextToSpeech(Protocol):
    """An engine that turns text into PCM and marks.

    ``speak`` streams; closing the iterator cancels, honoured within one chunk. Text that holds nothing to say gives no
    chunk. Errors: :class:`duologue.errors.InputError` for an unknown voice, :class:`duologue.errors.PeerError` when the
    engine fails (a dead worker is restarted and the line repeated before that is raised).
    """

    @property
    def name(self) -> str:
        """As in settings, e.g. ``"espeak"``."""
        ...

    @property
    def capabilities(self) -> SpeechCapabilities:
        """Valid after :meth:`warm_up`."""
        ...

    async def warm_up(self) -> None:
        """Load what is slow to load. Call once before the first :meth:`speak`."""
        ...

    def speak(self, text: str, voice: str) -> AsyncGenerator[SpeechChunk, None]:
        """Speak ``text`` with ``voice`` (an engine's own voice name)."""
        ...

    async def close(self) -> None:
        """Release everything. Idempotent."""
        ...


def refuse_long(text: str, most: int) -> None:
    """Raise :class:`InputError` for a line of more than ``most`` characters."""
    if len(text) > most:
        what = f"a line of {len(text)} characters is too long to speak at once"
        raise InputError(what, where="text", remedy=f"Cut it into lines of at most {most}.")
