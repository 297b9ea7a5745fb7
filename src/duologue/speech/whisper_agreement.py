"""What several passes over a growing sound agree on: the core of streaming with a model that cannot stream.

Each pass transcribes the sound from :attr:`Agreement.cut` on, anew. The words that two passes in a row begin with alike
are agreed: they stay, whatever later passes say ("local agreement", Liu et al. 2020, Macháček et al. 2023). Agreed
words whose sound is dropped, to keep passes short, stay in the text. Pure: words in, transcripts out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from duologue.speech.hearing import Transcript
from duologue.speech.utterance import Mark, MarkKind


@dataclass(frozen=True, slots=True)
class Said:
    """A word of one pass as the model wrote it (with its leading blank), in samples from the start of the stretch."""

    text: str
    start: int
    end: int
    probability: float = 1.0


class Agreement:
    """The words of one stretch of speech, pass by pass."""

    def __init__(self) -> None:
        self._agreed: list[Said] = []
        self._last: list[Said] = []
        self.cut = 0
        """Samples of the stretch that need not be passed over again."""

    def take(self, words: list[Said]) -> Transcript:
        """A pass over the sound from :attr:`cut` on; gives a partial transcript."""
        fresh = self._beyond(words)
        before = self._beyond(self._last)
        count = 0
        while count < min(len(fresh), len(before)) and _same(fresh[count], before[count]):
            count += 1
        self._agreed += fresh[:count]
        self._last = words
        return _transcript([*self._agreed, *fresh[count:]], len(self._agreed))

    def finish(self, words: list[Said]) -> Transcript:
        """The last pass; gives the final transcript. What was agreed stays."""
        said = [*self._agreed, *self._beyond(words)]
        return _transcript(said, len(said), final=True)

    def shorten(self, length: int, force: bool) -> None:
        """Move :attr:`cut` to the end of what is agreed. ``length`` is how many samples the stretch has.

        With ``force`` all that the last pass said is agreed first, and the cut is at ``length`` if it said nothing.
        """
        if force:
            fresh = self._beyond(self._last)
            self._agreed += fresh
            end = fresh[-1].end if fresh else length
        else:
            end = self._agreed[-1].end if self._agreed else self.cut
        self.cut = max(self.cut, min(end, length))

    def _beyond(self, words: list[Said]) -> list[Said]:
        """The words that lie, by their middle, after the agreed ones, in order and without overlap."""
        end = self._agreed[-1].end if self._agreed else 0
        found: list[Said] = []
        for word in words:
            if word.text.strip() and (word.start + word.end) / 2 >= end:
                start = max(word.start, found[-1].end if found else end)
                found.append(Said(word.text, start, max(word.end, start), word.probability))
        return found


def _same(one: Said, other: Said) -> bool:
    """Alike but for case and the marks around a word: a pass that ends there writes a full stop."""
    return one.text.strip(" .,!?…").casefold() == other.text.strip(" .,!?…").casefold()


def _transcript(said: list[Said], agreed: int, final: bool = False) -> Transcript:
    text, stable = "", 0
    marks: list[Mark] = []
    for number, word in enumerate(said):
        blank = " " if text and word.text[:1].isspace() else ""
        written = word.text.strip()
        marks.append(Mark(MarkKind.WORD, written, word.start, word.end, offset=len(text) + len(blank)))
        text += blank + written
        if number < agreed:
            stable = len(text)
    sure = float(np.clip(np.mean([word.probability for word in said]), 0.0, 1.0)) if said else -1.0
    return Transcript(text, final, stable, tuple(marks), sure)
