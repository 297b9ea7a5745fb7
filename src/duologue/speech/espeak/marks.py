"""From espeak-ng's events to marks: a pure, incremental core.

espeak-ng announces where a word or a phoneme begins, never where it ends, and its word lengths are wrong for quotes and
apostrophes (it reports 0 for the word in “cats” and splits 42 into two words). So words are the text's own, cut at
white space and dashes, and an event only says when its word begins. A phoneme ends where the next begins; a word with
the last phoneme in it that is not a pause.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from duologue.speech.espeak.messages import EventKind, SpeechEvent
from duologue.speech.utterance import Mark, MarkKind
from duologue.speech.words import written_words

_STRESS = "',%="


def is_pause(phoneme: str) -> bool:
    """Whether an espeak phoneme name stands for silence (``_``, ``_:``, ``_!``…)."""
    return phoneme.startswith("_")


class MarkBuilder:
    """Feed events in order and get marks as they become certain, words and phonemes each in order of time.

    ``places`` leads from a position in what was spoken to one in ``text``; without it they are the same.
    """

    def __init__(self, text: str, places: Sequence[int] = ()) -> None:
        self._places = places
        self._words = written_words(text)
        self._starts = [word.begin for word in self._words]
        self._word = -1
        self._word_start = 0
        self._voiced_end = 0
        self._phoneme: SpeechEvent | None = None
        self._latest = 0
        self.voiced = False
        """Whether anything but pauses was announced."""

    def feed(self, events: tuple[SpeechEvent, ...]) -> list[Mark]:
        """The marks that ``events`` complete."""
        marks: list[Mark] = []
        for event in events:
            self._latest = max(self._latest, event.sample)  # clauses meet within a few samples, now and then backwards
            if event.kind is EventKind.PHONEME:
                self._end_phoneme(self._latest, marks)
                self._phoneme = SpeechEvent(event.kind, event.position, self._latest, event.name)
                self.voiced = self.voiced or not is_pause(event.name)
            else:
                self._begin_word(event.position, marks)
        return marks

    def finish(self, total: int) -> list[Mark]:
        """The last marks, given the length of the line in samples."""
        marks: list[Mark] = []
        self._latest = max(self._latest, total)
        self._end_phoneme(self._latest, marks)
        self._end_words(len(self._words), marks)
        return marks

    def _begin_word(self, position: int, marks: list[Mark]) -> None:
        self._end_phoneme(self._latest, marks)
        if self._places:
            position = self._places[min(max(position, 0), len(self._places) - 1)]
        token = bisect_right(self._starts, max(position, 0)) - 1
        if token <= self._word:
            return  # a further part of the same written word: the "two" of 42
        self._end_words(token, marks)
        self._word, self._word_start, self._voiced_end = token, self._latest, self._latest

    def _end_phoneme(self, end: int, marks: list[Mark]) -> None:
        if self._phoneme is None:
            return
        name, start = self._phoneme.name, self._phoneme.sample
        self._phoneme = None
        plain = name.lstrip(_STRESS)
        if not is_pause(plain):
            self._voiced_end = end
        if plain and end > start:
            marks.append(Mark(MarkKind.PHONEME, plain, start, end, stressed=name.startswith("'")))

    def _end_words(self, following: int, marks: list[Mark]) -> None:
        """End the current word, and with it the words before ``following`` that espeak spoke in one breath with it."""
        if self._word < 0:
            return
        run = [self._words[self._word]]
        run += [token for token in self._words[self._word + 1 : following] if token.spoken]
        letters = sum(len(token.text) for token in run)
        start, length, before = self._word_start, max(self._voiced_end - self._word_start, 0), 0
        for token in run:
            after = before + len(token.text)
            marks.append(
                Mark(
                    MarkKind.WORD,
                    token.text,
                    start + length * before // letters,
                    start + length * after // letters,
                    offset=token.offset,
                )
            )
            before = after
        self._word = following - 1
