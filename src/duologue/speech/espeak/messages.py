"""What crosses the line between the engine `espeak` and its worker process. Small frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, TypeAlias

from duologue.errors import DuologueError


@dataclass(frozen=True, slots=True)
class VoiceSpec:
    """A voice and its parameters, in espeak-ng's own units.

    ``base`` is a language code, a name or an identifier (``en-us``), ``variant`` one of ``espeak-ng --voices=variant``
    or empty. ``rate`` is words a minute (80-450), ``pitch`` and ``pitch_range`` 0-99, ``volume`` 0-200 (100 is normal),
    ``gap`` the extra pause between words in 10 ms.
    """

    base: str
    variant: str
    rate: int
    pitch: int
    pitch_range: int
    volume: int
    gap: int


class EventKind(IntEnum):
    """The events that we read, with the numbers of ``espeak_EVENT_TYPE`` in speak_lib.h."""

    WORD = 1
    PHONEME = 7


class SpeechEvent(NamedTuple):
    """One event. ``position`` is the 0-based character of the text, ``sample`` counts from the start of the line. There
    are twenty in a second of sound: a tuple crosses the line in a fifth of the time that a dataclass takes.
    """

    kind: EventKind
    position: int
    sample: int
    name: str = ""


# Requests: engine -> worker


@dataclass(frozen=True, slots=True)
class SpeakLine:
    """Speak a line. Lines are spoken in the order they came in; ``line`` grows from one to the next."""

    line: int
    text: str
    voice: VoiceSpec


@dataclass(frozen=True, slots=True)
class CancelLine:
    """Stop a line, or do not begin it. It is answered by :class:`LineDone` all the same."""

    line: int


@dataclass(frozen=True, slots=True)
class SpellLine:
    """Tell the phonemes of a line and speak nothing. ``voice`` is a language code, a name or an identifier."""

    line: int
    text: str
    voice: str


# Answers: worker -> engine


@dataclass(frozen=True, slots=True)
class Opened:
    """The library is up: its rate (Hz), its version, and the languages and variants it can speak with."""

    rate: int
    version: str
    voices: tuple[str, ...]
    variants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LineChunk:
    """A piece of a line: 16-bit signed mono PCM in the machine's byte order, and the events that lie in it."""

    line: int
    pcm: bytes
    events: tuple[SpeechEvent, ...]


@dataclass(frozen=True, slots=True)
class LineDone:
    """A line is over after ``samples`` samples; ``cancelled`` when a :class:`CancelLine` ended it."""

    line: int
    samples: int
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class LineFailed:
    """A line could not be spoken (line -1: the library did not open)."""

    line: int
    error: DuologueError


@dataclass(frozen=True, slots=True)
class LineSpelt:
    """The clauses of a line: phonemes (IPA), and how many characters of the text had been read after each."""

    line: int
    clauses: tuple[tuple[str, int], ...]


EspeakAnswer: TypeAlias = Opened | LineChunk | LineDone | LineFailed | LineSpelt
