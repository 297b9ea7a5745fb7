"""When the next part of a show goes to the floor, for a voice that is slower than it wants to be. No I/O.

A turn begins when all of it will surely be there in time; the first one also when what is known to follow it will. From
then on a voice that keeps up is never waited for. One that lags is given its time in small stretches of the silences
between turns and between their parts, as long as what lies ready is less than the longest part to be expected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from duologue.clock import MILLISECOND, SECOND
from duologue.dialogue.on_air.voice_pace import LAGGING, SLOW, Coming, PacedStretch, Paces, lacking

MOST_AHEAD = 4
"""Turns that are written and voiced ahead of a voice at its own pace."""
OPENING_PATIENCE = 8 * SECOND
"""For no longer a first turn that could begin is held back for those that follow it (ns)."""
BREATH_STRETCH_S = 0.4
"""Inside a turn a silence is stretched by no more: there one waits with half a thought."""
CUSHION_S = 3.0
"""What a voice that lags has ready beyond what is known to be needed when its first turn begins (s)."""
LOOK_AGAIN = 100 * MILLISECOND
_LEAST_S = 0.02


@dataclass(frozen=True, slots=True)
class PaceState:
    """What people are told of the voices' pace: ``factor`` seconds for a second of speech; ``gathering``: the first
    turn waits until enough lies ready; ``lagging``: the silences are longer than they were chosen.
    """

    factor: float = 0.0
    gathering: bool = False
    lagging: bool = False


@dataclass(frozen=True, slots=True)
class Go:
    """Hand it over, its silence longer by ``stretch_ms``."""

    stretch_ms: int = 0


@dataclass(frozen=True, slots=True)
class DeliveryHold:
    """Not yet; ask again by ``until`` (ns)."""

    until: int


class LineDelivery:
    """One conversation's. ``patient`` (offline): the floor waits, so every voice is fast."""

    def __init__(self, paces: Paces, *, patient: bool) -> None:
        self._paces = paces
        self._patient = patient
        self._stretch = PacedStretch()
        self._free_at = 0
        self._opened = False
        self._held_since = 0
        self._gathering = False

    @property
    def slow(self) -> bool:
        """Whether turns are said in parts."""
        return not self._patient and self._paces.slowest.factor >= SLOW

    @property
    def depth(self) -> int:
        """How many turns are to be prepared at one time."""
        return min(MOST_AHEAD, 1 + ceil((self._paces.slowest.factor - SLOW) / 0.2)) if self.slow else 1

    @property
    def free_at(self) -> int:
        """When what was handed over will have been heard (ns; 0: nothing has been)."""
        return self._free_at

    @property
    def state(self) -> PaceState:
        """What people are told; a factor that changes a little is no news."""
        slowest = self._paces.slowest
        lagging = self.slow and self._lagging
        told = self._gathering or lagging
        return PaceState(round(slowest.middle, 1) if told else 0.0, self._gathering, lagging)

    def began(self, sound: float, now: int) -> None:
        """A part of ``sound`` seconds began, and nothing was handed over after it."""
        self._free_at = now + round(sound * SECOND)
        self._opened, self._gathering = True, False

    def ended(self, sound: float, now: int) -> None:
        """One is over after ``sound`` seconds."""
        self._free_at = min(self._free_at, now)
        self._stretch.heard(sound)

    def turn(self, own: Sequence[Coming], known: Sequence[Coming], now: int) -> Go | DeliveryHold:
        """May a turn begin, whose first part lies ready? ``own`` are its parts, ``known`` these and all known to
        follow.
        """
        free = self._free(now)
        lack = lacking(own, free)
        if not self._opened:
            self._held_since = self._held_since or now
            if now - self._held_since < OPENING_PATIENCE:
                lack = max(lack, lacking(known, free) + (CUSHION_S if self._lagging else 0.0))
            self._gathering = lack > _LEAST_S
        if lack > _LEAST_S:
            return DeliveryHold(now + max(LOOK_AGAIN, min(round(lack * SECOND), SECOND)))
        return self._go(known, free, 1.0) if self._opened else Go()

    def part(self, known: Sequence[Coming], now: int) -> Go:
        """A further part of the turn on air lies ready: hand it over."""
        return self._go(known, self._free(now), BREATH_STRETCH_S)

    @property
    def _lagging(self) -> bool:
        return self._paces.slowest.factor >= LAGGING

    def _free(self, now: int) -> float:
        return max(0, self._free_at - now) / SECOND

    def _go(self, known: Sequence[Coming], free: float, most: float) -> Go:
        if not self._lagging:
            return Go()
        lack = min(lacking(known, free), most)
        return Go(round(self._stretch.take(lack) * 1000)) if lack > _LEAST_S else Go()
