"""From the times of characters to word marks: a pure, incremental core.

Words are the text's own (:mod:`duologue.speech.words`). A word lasts from the start of its first timed character to the
end of its last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from duologue.speech.utterance import Mark, MarkKind
from duologue.speech.words import spoken_words

_REACH = 24
"""How far ahead in the text a character is looked for when the engine left something out."""


@dataclass(frozen=True, slots=True)
class TimedCharacter:
    """A character as the engine spelt it, with its time in samples from the start of the line."""

    character: str
    start: int
    end: int


class CharacterMarks:
    """Feed characters in order; a word's mark comes with the first character behind it, the last with finish."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._words = spoken_words(text)
        self._next = 0
        self._cursor = 0
        self._span: tuple[int, int] | None = None
        self._time = 0

    def feed(self, characters: Sequence[TimedCharacter]) -> tuple[Mark, ...]:
        """The words that are complete now."""
        marks: list[Mark] = []
        for timed in characters:
            place = self._place(timed.character)
            if place is None:
                continue
            self._cursor = place + 1
            marks += self._passed(place)
            if self._next < len(self._words) and self._words[self._next].offset <= place:
                start = timed.start if self._span is None else self._span[0]
                self._span = (start, max(timed.end, start))
        return tuple(marks)

    def finish(self, samples: int) -> tuple[Mark, ...]:
        """The words that are left, none beyond ``samples``. A word without any time gets an empty span."""
        marks = self._passed(len(self._text) + 1)
        return tuple(
            Mark(mark.kind, mark.text, min(mark.start, samples), min(mark.end, samples), offset=mark.offset)
            for mark in marks
        )

    def _place(self, character: str) -> int | None:
        """Where in the text the engine's character is, from the cursor on; None for one that it made up."""
        if not character or character.isspace():
            return None
        found = self._text.find(character, self._cursor, self._cursor + _REACH)
        return found if found >= 0 else None

    def _passed(self, place: int) -> list[Mark]:
        """The marks of all words that end at or before ``place``."""
        marks: list[Mark] = []
        while self._next < len(self._words) and self._words[self._next].end <= place:
            word = self._words[self._next]
            start, end = self._span or (self._time, self._time)
            start = max(start, self._time)
            end = max(end, start)
            marks.append(Mark(MarkKind.WORD, word.text, start, end, offset=word.offset))
            self._time, self._span = end, None
            self._next += 1
        return marks
