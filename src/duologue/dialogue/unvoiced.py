"""Words that an engine heard where nobody spoke: in noise PocketSphinx ends many a sentence with "the" or "if". Pure.

Where each word lies is known by its mark, where a voice was by voice activity. A word that begins more than
:data:`AFTER_MS` after the voice went, and is over more than :data:`BEFORE_MS` before it comes back, is nobody's. It
would lead to a long wait for what should follow it, and stand in the context.
"""

from __future__ import annotations

from collections import deque

from duologue.speech.hearing import EAR_RATE, Transcript

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

    def silent(self, start: int, end: int) -> bool:
        """Nobody spoke from ``start`` to ``end``, as far as is known: without a change before it nothing is."""
        before = next((place for place in reversed(range(len(self._changes))) if self._changes[place][0] <= start), -1)
        if before < 0 or self._changes[before][1] or start - self._changes[before][0] <= _AFTER:
            return False
        return before + 1 == len(self._changes) or end < self._changes[before + 1][0] - _BEFORE


def voiced_text(given: Transcript, track: VoiceTrack, begin: int) -> str:
    """The text without the words that lie where nobody spoke; ``begin`` is the stretch's first sample on the track.

    A word goes with the punctuation after it. What has no mark stays.
    """
    text = given.text
    marks = sorted((mark for mark in given.words if 0 <= mark.offset < len(text)), key=lambda mark: mark.offset)
    kept, at = "", 0
    for place, mark in enumerate(marks, 1):
        if track.silent(begin + mark.start, begin + mark.end):
            kept += text[at : mark.offset]
            at = marks[place].offset if place < len(marks) else len(text)
    return (kept + text[at:]).strip() if at else text
