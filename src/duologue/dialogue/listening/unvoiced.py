"""Words that an engine heard where nobody spoke. Pure.

In noise PocketSphinx takes what follows the voice for one more word, "if" or "thigh" most often, from the voice's last
100 ms to the end of the sound. It would lead to a long wait for what should follow, and stand in the context. Where
each word lies is known by its mark, where a voice was by voice activity. A word is nobody's that has less than
:data:`LEAST_SHARE` of its length before the voice went, ends more than :data:`AFTER_MS` after that, and is over more
than :data:`BEFORE_MS` before a voice comes back. Noise also stretches what was said: two thirds of a last "stop" may
lie after the voice, but in 60 sentences in pink noise 20 and 15 dB below the voice no word that was understood aright
had less than a third within it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from duologue.speech.hearing import EAR_RATE, Transcript

LEAST_SHARE = 0.25
"""Of a word, that lies within a voice."""
AFTER_MS = 100
"""The soft end of a word outlasts what voice activity is sure of, and marks are not exact."""
BEFORE_MS = 240
"""A voice that begins with an s is noticed so late."""
_AFTER, _BEFORE = AFTER_MS * EAR_RATE // 1000, BEFORE_MS * EAR_RATE // 1000


class VoiceTrack:
    """When a voice came and went: the newest ``most`` changes, in samples at the ears' rate from any beginning."""

    def __init__(self, most: int = 400) -> None:
        self._changes: deque[tuple[int, bool]] = deque(maxlen=most)

    def change(self, at: int, speaking: bool) -> None:
        """A voice came, or went."""
        self._changes.append((at, speaking))

    def forget(self) -> None:
        """Of what was until now nothing is known."""
        self._changes.clear()

    @property
    def ended(self) -> int | None:
        """Where the voice went that has not come back; None: there is one, or nothing is known."""
        at, speaking = self._changes[-1] if self._changes else (0, True)
        return None if speaking else at

    def silent(self, start: int, end: int) -> bool:
        """Nobody spoke from ``start`` to ``end``, or hardly: as the module says. Without a change before it, nothing is
        known.
        """
        counted = start + LEAST_SHARE * (end - start)
        before = next((n for n in reversed(range(len(self._changes))) if self._changes[n][0] <= counted), -1)
        if before < 0 or self._changes[before][1] or end - self._changes[before][0] <= _AFTER:
            return False
        return before + 1 == len(self._changes) or end < self._changes[before + 1][0] - _BEFORE


def text_without(given: Transcript, nobodys: Callable[[int, int], bool]) -> str:
    """The text without the words of which ``nobodys`` says, by their first and last sample in the stretch, that they
    are not the person's. A word goes with the punctuation after it. What has no mark stays.
    """
    text = given.text
    marks = sorted((mark for mark in given.words if 0 <= mark.offset < len(text)), key=lambda mark: mark.offset)
    kept, at = "", 0
    for place, mark in enumerate(marks, 1):
        if nobodys(mark.start, mark.end):
            kept += text[at : mark.offset]
            at = marks[place].offset if place < len(marks) else len(text)
    return (kept + text[at:]).strip() if at else text
