"""What is spoken: text, sound, and marks that tie one to the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from duologue.audio.pcm import RATE, Samples

CHARACTERS_A_SECOND = 15
"""Of speech, about."""


class MarkKind(StrEnum):
    """What a mark delimits."""

    WORD = "word"
    PHONEME = "phoneme"


@dataclass(frozen=True, slots=True)
class Mark:
    """A word or a phoneme with its place in the sound.

    ``start`` and ``end`` are samples from the start of the utterance at the utterance's rate, ``start <= end``.
    ``text`` of a word is the word as written; of a phoneme its name in the engine's alphabet, stress marks removed
    (``stressed`` keeps them). ``offset`` is the word's first character in :attr:`Utterance.text`, -1 where the engine
    does not know it.
    """

    kind: MarkKind
    text: str
    start: int
    end: int
    offset: int = -1
    stressed: bool = False


@dataclass(frozen=True, slots=True)
class Utterance:
    """One stretch of speech by one speaker, ready to be played.

    ``samples`` is mono float32 at ``rate`` Hz, trimmed of leading and trailing silence and brought to one loudness.
    While it is ``open`` more of it will come: sound and marks are the beginning of what they will be.
    ``alphabet`` names the phoneme set of the marks (``"espeak"``, ``"ipa"``, ``"arpabet"``) or is empty without
    phonemes.
    """

    id: str
    speaker: str
    text: str
    samples: Samples
    rate: int = RATE
    marks: tuple[Mark, ...] = ()
    alphabet: str = ""
    expression: str = ""
    engine: str = ""
    open: bool = False
    cached: bool = False
    """It was there: the speech cache had it."""

    def words(self) -> tuple[Mark, ...]:
        """The word marks, in order."""
        return tuple(mark for mark in self.marks if mark.kind is MarkKind.WORD)

    def phonemes(self) -> tuple[Mark, ...]:
        """The phoneme marks, in order."""
        return tuple(mark for mark in self.marks if mark.kind is MarkKind.PHONEME)

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.samples) / self.rate


@dataclass(frozen=True, slots=True)
class SpeechChunk:
    """A piece of an engine's answer: sound at the engine's own rate, and the marks known so far.

    Marks count from the start of the whole utterance, in samples at the engine's rate. One without samples says
    that the next may take its time.
    """

    samples: Samples = field(default_factory=lambda: np.zeros(0, np.float32))
    marks: tuple[Mark, ...] = ()
    cached: bool = False
    """It comes from the speech cache."""
