"""The protocols of engines that hear: words (speech to text) and voices (voice activity)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from duologue.audio.pcm import Samples
from duologue.speech.utterance import Mark

EAR_RATE = 16_000
"""Samples per second of all sound that is listened to (Hz), mono float32."""
VAD_FRAME = 512
"""Samples of one voice activity frame: 32 ms at :data:`EAR_RATE`."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was understood so far of one stretch of speech.

    ``stable`` is how many characters of ``text`` will not change any more. ``words`` are in samples at
    :data:`EAR_RATE` from the start of the stretch, where the engine gives them. ``confidence`` is 0…1, or -1.
    ``language`` (ISO 639-1) is what was spoken, where the engine tells languages apart; empty: it does not.
    ``alternatives`` are other texts of the whole that it holds nearly as likely (of its n-best list).
    """

    text: str
    final: bool = False
    stable: int = 0
    words: tuple[Mark, ...] = ()
    confidence: float = -1.0
    language: str = ""
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HearingCapabilities:
    """``partials``: transcripts come while the speech goes on. ``punctuation``, ``words``: the text has them.
    ``guesses_ends``: it sets a full stop at almost every pause, so that one says little of whether more will come.
    ``at_once``: how many people it hears at a time (None: no limit is known); one more would wait unheard.
    ``translates``: it can give what is said in English, whatever is spoken.
    """

    partials: bool = False
    punctuation: bool = False
    words: bool = False
    at_once: int | None = None
    guesses_ends: bool = False
    translates: bool = False


@dataclass(frozen=True, slots=True)
class Expected:
    """What is likely to be said: helps engines that can use it.

    ``phrases`` are sentences of the character's own domain; ``grammar`` is a JSGF grammar for drills (empty:
    dictation). ``telephone``: the sound comes by one, and has nothing above 3.4 kHz. ``language`` may be empty where it
    is to be found out, by an engine that can. ``translated``: the text is wanted in English.
    """

    phrases: tuple[str, ...] = ()
    grammar: str = ""
    language: str = "en"
    telephone: bool = False
    translated: bool = False


@runtime_checkable
class Selective(Protocol):
    """An engine that cannot hear everything says so; any other hears whatever is asked of it."""

    def hears(self, expected: Expected) -> bool:
        """Whether it understands enough of that to be asked. Valid before it is warm."""
        ...


class VoicePresence(Protocol):
    """What voice activity tells of a stretch while it is heard, so that no engine needs one of its own."""

    @property
    def ended(self) -> int | None:
        """The sample of the stretch at which the voice went, as long as it stays away; None: it speaks, or nothing is
        known.
        """
        ...


class SpeechToText(Protocol):
    """An engine that turns one stretch of speech into text.

    ``listen`` takes blocks of any length at :data:`EAR_RATE` until the iterator ends, and yields transcripts: partial
    ones as they come, and exactly one final one last (its text empty when nothing was said). ``voice`` is looked at
    with each block, where there is one. Closing the iterator cancels, honoured within one block. Errors:
    :class:`duologue.errors.PeerError` when the engine fails.
    """

    @property
    def name(self) -> str:
        """As in settings, e.g. ``"pocketsphinx"``."""
        ...

    @property
    def capabilities(self) -> HearingCapabilities:
        """Valid after :meth:`warm_up`."""
        ...

    async def warm_up(self) -> None:
        """Load what is slow to load."""
        ...

    def listen(
        self, sound: AsyncIterator[Samples], expected: Expected | None = None, voice: VoicePresence | None = None
    ) -> AsyncGenerator[Transcript, None]:
        """Transcribe one stretch of speech."""
        ...

    async def close(self) -> None:
        """Release everything. Idempotent."""
        ...


class VoiceActivity(Protocol):
    """Tells speech from the rest, frame by frame, for many streams in one batch. Synchronous: a batch is well under 5
    ms.

    A stream is opened with :meth:`open` and has its own memory until :meth:`forget`.
    """

    def open(self) -> int:
        """A new stream's id."""
        ...

    def step(self, frames: Mapping[int, Samples]) -> Mapping[int, float]:
        """The probability of speech (0…1) of the next frame (:data:`VAD_FRAME` samples) of each stream given."""
        ...

    def forget(self, stream: int) -> None:
        """The stream has ended."""
        ...


class TurnEnd(Protocol):
    """Tells by the sound of a turn, at a pause, whether it is over."""

    async def ended(self, sound: Samples) -> float:
        """The probability (0…1) that who spoke ``sound``, at :data:`EAR_RATE` and up to now, is finished.

        Raises :class:`duologue.errors.PeerError`.
        """
        ...
