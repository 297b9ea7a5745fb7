"""When to pass over what of a stretch of speech, and what its text is then. Pure: samples and words in.

Whisper cannot stream, so what is not settled yet is passed over again:

- while somebody speaks, for a partial text, by a window that fits the speech; the longer that is, the more seldom;
- when the voice has been away for :data:`PAUSE`, by :data:`WINDOW`: if the turn ends there this is its text, and lies
  ready; until the voice comes back nothing is passed over again;
- when :data:`LONGEST` is unsettled, by the same window.

What is settled is not passed over any more: all that lies before a pause of :data:`BREAK`, once it is more than
:data:`ENOUGH`, and of speech without one what lies before its widest gap between two words. There the next pass begins
:data:`BEFORE` earlier, so that its first word is whole; yet it begins amid a sentence, and may mishear or leave out the
rest of that. So the words behind the cut stay as the pass before heard them, which knew what led to them, up to the
first that both have at the same place.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

from duologue.speech.hearing import EAR_RATE, Transcript
from duologue.speech.whisper.messages import Found
from duologue.speech.whisper.words import Heard, joined, transcript

WINDOW = 10 * EAR_RATE
"""Of the passes that count: shorter ones make the model repeat itself and mishear, a longer one costs more."""
MARGIN = EAR_RATE // 2
"""Of silence behind the speech, in the window of a partial."""
PAUSE = 150 * EAR_RATE // 1000
LONGEST = 10 * EAR_RATE
ENOUGH = 5 * EAR_RATE
BREAK = 300 * EAR_RATE // 1000
"""Voice activity drops out inside speech for up to 220 ms."""
BEFORE = 300 * EAR_RATE // 1000
"""Sound before a cut within speech that the next passes see."""
LEAD = EAR_RATE // 10
"""Silence before the first sound that passes see, where there was any: without 30 ms of it first words are misheard."""
LEAST = EAR_RATE // 10
"""Shorter sound holds no word."""
SLOWER = 4
"""A partial comes when a fourth of what is unsettled is new."""


class Reason(IntEnum):
    """Why a pass is made; the lower goes first where several wait."""

    FINAL = 0
    PAUSE = 1
    LENGTH = 2
    PARTIAL = 3


@dataclass(frozen=True, slots=True)
class Due:
    """A pass over the samples ``begin`` to ``end`` by a window of ``window`` samples at least; words are there up to
    ``voiced`` (0: a partial, of which more comes).
    """

    reason: Reason
    begin: int
    end: int
    window: int
    voiced: int = 0


class WhisperStretch:
    """One stretch of speech. Times are samples from its start. ``every`` lies between two partials at least."""

    def __init__(self, every: int) -> None:
        self._every = every
        self._settled: list[Heard] = []
        self._open: list[Heard] = []
        self._alternatives: tuple[str, ...] = ()  # to the words of the newest pass …
        self._before = 0  # … which are those from this one on
        self._followed: list[Heard] = []  # by the words behind the cut, as the pass heard them that was cut
        self._cut = 0
        self._overlap = LEAD
        self._passed = 0  # what the open words are of ends here
        self._covered: int | None = None  # the pause that was passed over
        self._loud = False
        self.heard = 0
        """How many came."""
        self.language = ""

    @property
    def needed(self) -> int:
        """What lies before this will not be passed over again."""
        return max(0, self._cut - self._overlap)

    def hear(self, count: int, silent: bool) -> None:
        """So many samples came. Those before the first that are not ``silent`` are no speech."""
        if silent and not self._loud and not self._open:
            self._cut = self._passed = self.heard + count
        self._loud = self._loud or not silent
        self.heard += count

    def due(self, ended: int | None) -> Due | None:
        """The pass to make now; ``ended`` is where the voice went that is away."""
        if not self._loud:
            return None
        if self.heard - self._cut >= LONGEST:
            end = self._cut + LONGEST
            return Due(Reason.LENGTH, self.needed, end, WINDOW, end if ended is None else min(ended, end))
        if ended is None:
            new = self.heard - max(self._passed, self._cut)
            if new >= max(self._every, (self.heard - self._cut) // SLOWER):
                return self._partial()
            return None
        if self._covered != ended and self.heard >= ended + PAUSE and ended > self._cut:
            return Due(Reason.PAUSE, self.needed, ended + PAUSE, WINDOW, ended)
        return None

    def last(self, ended: int | None) -> Due | None:
        """The pass to make when no more comes; None: the text is there already."""
        if not self._loud or self.heard - self._cut < LEAST:
            return None
        if ended is not None and (ended == self._covered or ended <= self._cut):
            return None
        return Due(Reason.FINAL, self.needed, self.heard, WINDOW, self.heard if ended is None else ended)

    def take(self, due: Due, given: Found, ended: int | None) -> None:
        """A pass found these words."""
        found: list[Heard] = []
        for word in given.words:
            start, end = (min(due.begin + round(at * EAR_RATE), due.end) for at in (word.start, word.end))
            found.append(Heard(word.text, start, end, word.probability))
        self._open = joined(self._followed, found)
        self._alternatives, self._before = given.alternatives, len(self._settled)
        self._passed = due.end
        if due.reason is Reason.LENGTH:
            self._settle_most(due.end)
        elif due.reason is Reason.PAUSE:
            self._covered = ended

    def settle(self, ended: int | None) -> bool:
        """The voice has been away so long that what was passed over there stays; whether it was any."""
        long = ended is not None and ended - self._cut >= ENOUGH and self.heard >= ended + BREAK
        if ended is None or not long or self._covered != ended:
            return False
        self._settle(len(self._open), ended + PAUSE)
        return True

    def transcript(self, final: bool = False) -> Transcript:
        """What was understood so far."""
        told = transcript([*self._settled, *self._open], len(self._settled), final, self.language)
        if not self._alternatives:
            return told
        before = told.text[: told.words[self._before].offset]
        return replace(told, alternatives=tuple(before + text for text in self._alternatives))

    def _partial(self) -> Due:
        return Due(Reason.PARTIAL, self.needed, self.heard, self.heard - self.needed + MARGIN)

    def _settle_most(self, end: int) -> None:
        """Up to the widest gap between two words in the second half; without words all was noise."""
        words, middle = self._open, (self._cut + end) // 2
        places = [n for n in range(1, len(words) - 1) if words[n].start >= middle]
        if not places:
            self._settle(len(words), end)
            return
        best = max(places, key=lambda n: (words[n].start - words[n - 1].end, n))
        self._settle(best, (words[best - 1].end + words[best].start) // 2, BEFORE)
        self._alternatives = ()

    def _settle(self, count: int, cut: int, overlap: int = 0) -> None:
        self._overlap = overlap
        self._settled += self._open[:count]
        self._open = self._open[count:]
        self._followed = self._open
        self._cut = cut
