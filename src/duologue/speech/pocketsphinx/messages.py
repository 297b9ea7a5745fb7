"""What crosses the line between PocketSphinx's users and its worker process. Small frozen values.

One worker hears one stretch of speech at a time. Every request gets exactly one answer, in order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from duologue.errors import DuologueError
from duologue.speech.hearing import Expected
from duologue.speech.pronunciation.goodness import SoundScore

FRAME = 160
"""Samples of one of PocketSphinx's frames at the ears' rate: it counts in hundredths of a second."""


@dataclass(frozen=True, slots=True)
class Begin:
    """A new stretch; one that was being heard is forgotten. Answered by :class:`SaidSoFar` without words."""

    expected: Expected


@dataclass(frozen=True, slots=True)
class Hear:
    """The next piece of the stretch: 16-bit signed mono PCM in the machine's byte order, at the ears' rate."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class End:
    """The stretch is over: answered by its final words."""


@dataclass(frozen=True, slots=True)
class Align:
    """Place ``words`` (as in the dictionary) in a whole sound: answered by :class:`Aligned`."""

    pcm: bytes
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScoreWords:
    """Say how well each of ``words`` (as in the dictionary) was said in a whole sound: answered by :class:`Scored`."""

    pcm: bytes
    words: tuple[str, ...]


SphinxRequest: TypeAlias = Begin | Hear | End | Align | ScoreWords


@dataclass(frozen=True, slots=True)
class PlacedWord:
    """A word or phone and its place in frames of :data:`FRAME` samples, ``start`` included, ``end`` not."""

    name: str
    start: int
    end: int
    phones: tuple[PlacedWord, ...] = ()


@dataclass(frozen=True, slots=True)
class SphinxReady:
    """The models are loaded."""


@dataclass(frozen=True, slots=True)
class SaidSoFar:
    """What was said so far. ``settled`` words of it will not change. ``confidence`` is 0…1, or -1."""

    words: tuple[PlacedWord, ...] = ()
    settled: int = 0
    confidence: float = -1.0


@dataclass(frozen=True, slots=True)
class Aligned:
    """The words asked for, in order, with their phones; fewer than were asked when the sound does not hold them."""

    words: tuple[PlacedWord, ...]


@dataclass(frozen=True, slots=True)
class Scored:
    """The words asked for, in order; none when the sound does not hold them."""

    words: tuple[SoundScore, ...]


@dataclass(frozen=True, slots=True)
class RequestFailed:
    """The request could not be served; the worker goes on."""

    error: DuologueError


SphinxAnswer: TypeAlias = SphinxReady | SaidSoFar | Aligned | Scored | RequestFailed
