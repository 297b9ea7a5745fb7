"""The words of one pass of Whisper: where each lies, and which of them nobody said. Pure.

With a window that is little longer than the speech the model, when it has written all, writes it again to fill the
time. Its cross attention gives that copy away: alignment goes through the sound once, from left to right, so what was
said fills it, and the copy is squeezed in where nothing is left, dozens of letters within a few hundredths of a second.
Words that were said twice have their own sound each. So time decides, and equal text alone removes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from duologue.speech.hearing import Transcript
from duologue.speech.utterance import Mark, MarkKind

FASTEST = 30.0
"""Letters of a second that nobody speaks in; quick talkers reach 25."""
SLACK = 2
"""Letters for which alignment may leave no time at all: it counts in fiftieths of a second."""
INSTANT = 0.021
"""A word as short (s) may begin what was not said."""
LEAST_LETTERS = 3
"""A word counts as so many at least: digits are read out."""


@dataclass(frozen=True, slots=True)
class Said:
    """A word as the model wrote it, with its leading blank and its marks, in seconds from the start of the pass; with
    the number of its tokens.
    """

    text: str
    start: float
    end: float
    probability: float = 1.0
    tokens: int = 1


@dataclass(frozen=True, slots=True)
class Heard:
    """A word in samples from the start of the stretch."""

    text: str
    start: int
    end: int
    probability: float = 1.0


def unsaid_from(words: Sequence[Said]) -> int:
    """The number of the first word of the tail that nobody can have said; ``len(words)`` when all was."""
    letters = 0
    found = len(words)
    for number in range(len(words) - 1, -1, -1):
        word = words[number]
        letters += max(sum(map(str.isalnum, word.text)), LEAST_LETTERS)
        span = max(0.0, words[-1].end - word.start)
        if word.end - word.start <= INSTANT and letters > FASTEST * span + SLACK:
            found = number
    return found


def transcript(words: Sequence[Heard], settled: int, final: bool = False, language: str = "") -> Transcript:
    """The words as the protocol has them, in order and without overlap; ``settled`` of them will not change."""
    text, stable, end = "", 0, 0
    marks: list[Mark] = []
    for number, word in enumerate(words):
        blank = " " if text and word.text[:1].isspace() else ""
        written = word.text.strip()
        start = max(word.start, end)
        end = max(word.end, start)
        marks.append(Mark(MarkKind.WORD, written, start, end, offset=len(text) + len(blank)))
        text += blank + written
        if number < settled:
            stable = len(text)
    sure = float(np.clip(np.mean([word.probability for word in words]), 0.0, 1.0)) if words else -1.0
    return Transcript(text, final, len(text) if final else stable, tuple(marks), sure, language)


def with_marks(words: Sequence[Said]) -> list[Said]:
    """Marks go with the word before them, but not the time that alignment gives them: that is the pause."""
    joined: list[Said] = []
    for word in words:
        if any(map(str.isalnum, word.text)):
            joined.append(word)
        elif joined:
            last = joined[-1]
            joined[-1] = replace(last, text=last.text + word.text.strip(), tokens=last.tokens + word.tokens)
    return joined
