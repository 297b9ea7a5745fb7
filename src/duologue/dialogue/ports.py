"""What the director and the session need of the world, and what they are told: protocols and events of the floor."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from duologue.audio.pcm import Samples
from duologue.speech.engine import SpeechOutlook
from duologue.speech.utterance import Utterance


@dataclass(frozen=True, slots=True, eq=False)
class Captured:
    """A block of the person's sound (16 kHz mono float32), and the number of its first sample on its own clock.

    The clock runs while the source is silent, so that a block that is late, or that follows a pause in which nothing
    was sent, keeps its place. Where it begins does not matter.
    """

    samples: Samples
    at: int


@dataclass(frozen=True, slots=True)
class PlayStarted:
    """An utterance began; its first sample is heard at ``at_ns`` (monotonic; it may lie ahead, a stage runs ahead).

    ``estimated``, here and below: nobody acknowledged it; it is what was sent, and how long ago.
    """

    utterance_id: str
    at_ns: int
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class PlayEnded:
    """An utterance is over at ``at_ns``; ``played_samples`` of it were played (all, unless it was cleared).
    ``failure``: why the floor could not say it; empty where it could.
    """

    utterance_id: str
    at_ns: int
    played_samples: int
    estimated: bool = False
    failure: str = ""


PlayEvent = PlayStarted | PlayEnded
"""What a floor reports through :meth:`duologue.dialogue.on_air.director.Director.notify`, in order, once each."""


@dataclass(frozen=True, slots=True)
class PlayProgress:
    """At ``at_ns`` the first ``played_samples`` of an utterance had been played; the newest word of it counts."""

    utterance_id: str
    at_ns: int
    played_samples: int
    estimated: bool = False


class Floor(Protocol):
    """Where utterances are played one after another, with sample-exact gaps between them.

    Errors of the floor (:class:`duologue.errors.DuologueError`) end the conversation.
    """

    async def play(self, utterance: Utterance, gap_ms: int) -> None:
        """Accept ``utterance``, to be played ``gap_ms`` after the end of the one before (at once if that is past).

        Returns when it is accepted, not when it is played.
        """
        ...

    async def withdraw(self, utterance_id: str) -> bool:
        """Take back what was accepted: True if it had not begun and is gone, False if it plays on."""
        ...

    async def clear(self) -> None:
        """Silence at once and forget everything; what was playing is reported as ended with what was played of it."""
        ...


class StageFloor(Floor, Protocol):
    """A floor with bodies on it: a show's."""

    async def ponder(self, speaker: str) -> None:
        """The next words are ``speaker``'s, and are not there yet: it acts as one who thinks, until somebody speaks."""
        ...


class Sink(Floor, Protocol):
    """A floor that a person may interrupt: the session's.

    It reports :class:`PlayStarted`, :class:`PlayProgress` (at least every 500 ms while something plays and at once
    after a pause) and exactly one :class:`PlayEnded` for each utterance that it accepted, also for those that
    :meth:`clear` dropped before they began (``played_samples`` 0).
    """

    async def extend(self, utterance: Utterance) -> None:
        """An utterance that was accepted open has grown, or is closed: all of it so far. While one that is open has
        nothing left to play there is silence, and it does not end. Of one that is over already nothing more plays.
        """
        ...

    async def pause(self) -> None:
        """Hold what plays where it is; what comes meanwhile is queued. Idempotent."""
        ...

    async def resume(self) -> None:
        """Go on from there. :meth:`clear` ends a pause as well. Idempotent."""
        ...


@dataclass(frozen=True, slots=True)
class Voiced:
    """A voiced line and when the engine gave its first sound (monotonic ns, 0 if unknown).

    An open utterance is only its beginning: ``more`` gives it again each time that it has grown, at last closed.
    """

    utterance: Utterance
    first_audio: int = 0
    more: AsyncIterator[Utterance] | None = None


@runtime_checkable
class PacedVoice(Protocol):
    """A voice that knows how quick it is."""

    def outlook(self, text: str) -> SpeechOutlook:
        """What is to be expected of a line."""
        ...


def outlook_of(voice: Voice, text: str) -> SpeechOutlook:
    """What is to be expected of a line of ``voice``; of one that does not say so, nothing."""
    return voice.outlook(text) if isinstance(voice, PacedVoice) else SpeechOutlook()


class Voice(Protocol):
    """Speaks for every character of the cast, each with its own voice."""

    async def voice(self, text: str, speaker: str, utterance_id: str) -> Voiced:
        """Voice ``text``. Raises :class:`duologue.errors.PeerError` when the engine fails."""
        ...
