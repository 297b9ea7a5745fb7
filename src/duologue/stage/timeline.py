"""Who speaks when: utterances laid on the show's sample clock. All motion is read off this."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from duologue.audio.pcm import RATE
from duologue.speech.utterance import Utterance

MEMORY = 6 * RATE
"""How long an utterance that is over may still show in a pose (samples): prune nothing younger."""
CAPACITY = 64
"""Utterances held at most; a timeline that nobody prunes forgets the oldest."""


@dataclass(frozen=True, slots=True)
class TimelineUtterance:
    """An utterance by the character in ``seat``, its first sample being sample ``start`` of the show (48 kHz).

    ``cut`` is the show sample at which it was interrupted, -1 if it was not.
    """

    utterance: Utterance
    seat: int
    start: int
    cut: int = -1

    @property
    def length(self) -> int:
        """Show samples of the whole utterance, interrupted or not."""
        return len(self.utterance.samples) * RATE // self.utterance.rate

    @property
    def end(self) -> int:
        """The show sample after the last one that is heard."""
        full = self.start + self.length
        return full if self.cut < 0 else min(full, self.cut)

    @property
    def interrupted(self) -> bool:
        """Whether it ended before its time."""
        return 0 <= self.cut < self.start + self.length


LONGEST_THOUGHT = 12 * RATE
"""After so long a character that nobody let speak does not think on (samples)."""
MOST_THOUGHTS = 8


@dataclass(frozen=True, slots=True)
class Thought:
    """The character in ``seat`` thinks what to say, from sample ``start`` of the show to ``end``."""

    seat: int
    start: int
    end: int


class SceneTimeline:
    """Utterances in order of their start. Plain data with no clock: everything takes show samples (48 kHz).

    Of a stream of any length it holds at most :data:`CAPACITY` utterances.
    """

    def __init__(self) -> None:
        self._spoken: list[TimelineUtterance] = []
        self._pondered: list[tuple[int, int]] = []

    def __iter__(self) -> Iterator[TimelineUtterance]:
        """In order of start."""
        return iter(self._spoken)

    def add(self, spoken: TimelineUtterance) -> None:
        """Lay an utterance on the timeline. A pose before its start shows nothing of it but lips that close early."""
        self._spoken.append(spoken)
        self._spoken.sort(key=_start)
        del self._spoken[:-CAPACITY]

    def cut(self, at: int) -> None:
        """Interrupt: nothing is heard from sample ``at`` on, and what has not begun by then never will."""
        self._spoken = [
            replace(spoken, cut=at) if spoken.end > at else spoken for spoken in self._spoken if spoken.start < at
        ]

    def ponder(self, seat: int, at: int) -> None:
        """From sample ``at`` on, or when who speaks then has ended, the character in ``seat`` thinks, until somebody
        speaks, but no longer than :data:`LONGEST_THOUGHT`.
        """
        self._pondered = [*self._pondered[1 - MOST_THOUGHTS :], (seat, at)]

    def thoughts(self, at: int) -> tuple[Thought, ...]:
        """Those that have begun by sample ``at``, in order of their start."""
        found = (self._thought(seat, since) for seat, since in self._pondered)
        return tuple(thought for thought in found if thought.start < thought.end and thought.start <= at)

    def _thought(self, seat: int, since: int) -> Thought:
        start = max((spoken.end for spoken in self._spoken if spoken.start <= since), default=since)
        start = max(start, since)
        end = min((spoken.start for spoken in self._spoken if spoken.start > since), default=start + LONGEST_THOUGHT)
        return Thought(seat, start, min(end, start + LONGEST_THOUGHT))

    def shift(self, samples: int) -> None:
        """The show leaves out so many samples: all that was laid keeps its distance from what comes next.

        What is being said goes on where it stopped, what is to come begins that much later, and of what is over the
        traces fade as they would have.
        """
        self._pondered = [(seat, since + samples) for seat, since in self._pondered]
        self._spoken = [
            replace(spoken, start=spoken.start + samples, cut=spoken.cut if spoken.cut < 0 else spoken.cut + samples)
            for spoken in self._spoken
        ]

    def prune(self, before: int) -> None:
        """Forget what ended before sample ``before``; leave :data:`MEMORY` between that and the next pose."""
        self._pondered = [each for each in self._pondered if self._thought(*each).end >= before]
        if self._spoken and self._spoken[0].end < before:
            over = [spoken for spoken in self._spoken if spoken.end < before]
            self._spoken = [spoken for spoken in self._spoken if spoken.end >= before]
            self._pondered = [  # a thought begins where it did, though the line before it is forgotten
                (seat, max((spoken.end for spoken in over if spoken.start <= since < spoken.end), default=since))
                for seat, since in self._pondered
            ]

    def recent(self, at: int) -> tuple[TimelineUtterance, ...]:
        """What has begun by sample ``at``, the newest first."""
        return tuple(spoken for spoken in reversed(self._spoken) if spoken.start <= at)


def _start(spoken: TimelineUtterance) -> int:
    return spoken.start
