"""How fast a voice makes its sound, and what follows for who has to be in time with it. Values in, values out.

A voice at *pace* 0.5 needs half a second for each second of its sound. One that is fast is never waited for: its lines
are made whole, one ahead. One that is :data:`SLOW` is heard while the rest is being made, so a line may begin when
all that is known to come will be there when its turn comes (:func:`lacking` is not above 0). One that is slower than
its own speech (:data:`LAGGING`) cannot keep that up for ever: what it lacks is given to it in small stretches of the
chosen silences, before it stands still (:class:`PacedStretch`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from duologue.language.text import estimate_seconds

SLOW = 0.35
"""From this pace on a line is heard in parts, and more than one line is made ahead."""
LAGGING = 0.95
"""From this pace on the silences are stretched: the chosen ones alone may not be enough to keep up."""
REMEMBERED = 10
"""Parts of which a voice's pace is taken."""
SHORTEST_S = 0.3
"""What sounds less long tells nothing of a pace (s)."""
LONG_PART_S = 7.0
"""The sound of the part that is assumed to follow what is known, while few were heard (s)."""
MOST_STRETCH_S = 1.0
"""No silence is stretched by more."""
SHARE = 0.08
"""Of what is heard, for stretching silences."""


class VoicePace:
    """What is known of one voice. ``figure``: what was measured of it before, None: nothing."""

    def __init__(self, figure: float | None = None) -> None:
        self._taken: deque[float] = deque([figure] if figure is not None else [], REMEMBERED)
        self._per_second: float | None = None
        self._longest: deque[float] = deque(maxlen=REMEMBERED)

    def learn(self, text: str, took: float, sound: float) -> None:
        """``text`` took ``took`` seconds and lasts ``sound``."""
        if sound < SHORTEST_S:
            return
        self._taken.append(took / sound)
        self._longest.append(sound)
        ratio = sound / max(estimate_seconds(text), 0.1)
        self._per_second = ratio if self._per_second is None else 0.7 * self._per_second + 0.3 * ratio

    @property
    def factor(self) -> float:
        """Seconds for a second of sound, so that nearly every part keeps within it: the second largest of the newest
        (one line that met a busy moment says little), of few the largest. 0: unknown.
        """
        taken = sorted(self._taken)
        return taken[-2] if len(taken) > 3 else taken[-1] if taken else 0.0

    @property
    def middle(self) -> float:
        """The same, for most parts: what is told to people."""
        taken = sorted(self._taken)
        return taken[len(taken) // 2] if taken else 0.0

    def sound(self, text: str) -> float:
        """How long ``text`` will last (s)."""
        return estimate_seconds(text) * (self._per_second or 1.0)

    @property
    def longest(self) -> float:
        """The longest part to be expected (s)."""
        few = len(self._longest) < REMEMBERED
        return max((*self._longest, LONG_PART_S) if few else self._longest)


class Paces:
    """The paces of all voices of a cast, learnt while they speak; shared by all conversations of a show."""

    def __init__(self, figure: float | None = None) -> None:
        self._figure = figure
        self._known: dict[str, VoicePace] = {}

    def of(self, speaker: str) -> VoicePace:
        """The pace of ``speaker``'s voice."""
        return self._known.setdefault(speaker, VoicePace(self._figure))

    @property
    def slowest(self) -> VoicePace:
        """Of those known: they share one engine."""
        return max(self._known.values(), key=lambda each: each.factor, default=VoicePace(self._figure))


@dataclass(frozen=True, slots=True)
class Coming:
    """A part on its way: the chosen silence before it, how long it sounds, and what the voice still has to do for it
    alone (s; 0: it is there).
    """

    gap: float
    sound: float
    work: float


def lacking(parts: Iterable[Coming], free: float) -> float:
    """By how much (s) the first of ``parts`` must begin later than it could, so that each is there when its turn
    comes; the floor is free in ``free`` seconds, and the voice makes them in this order. Not above 0: it may begin.
    """
    begin, ready, most = free, 0.0, float("-inf")
    for part in parts:
        ready += part.work
        begin += part.gap
        most = max(most, ready - begin)
        begin += part.sound
    return most


class PacedStretch:
    """By how much silences are stretched for a voice that lags: a share of what was heard, never much at once."""

    def __init__(self) -> None:
        self._saved = MOST_STRETCH_S / 2

    def heard(self, seconds: float) -> None:
        """So much was heard."""
        self._saved = min(MOST_STRETCH_S, self._saved + SHARE * seconds)

    def take(self, wanted: float) -> float:
        """As much of ``wanted`` seconds as may be."""
        taken = max(0.0, min(wanted, self._saved))
        self._saved -= taken
        return taken
