"""The life of a body that does nothing: breath, weight, sway, blinks. And the nods that speech adds.

All are pure functions of a key and a show sample (48 kHz). Lengths are stage pixels, angles degrees, as in
:class:`duologue.stage.motion.pose.Pose`.
"""

from __future__ import annotations

from functools import lru_cache
from math import exp, pi, sin

from duologue.audio.pcm import RATE
from duologue.stage.motion.noise import ease, held, key, unit, wave
from duologue.stage.motion.pose import Lids

BLOCK = 60 * RATE
"""Blinks are planned a block at a time (samples), each block from its own number, so that any can be planned alone."""
BLINK_DOWN = RATE * 50 // 1000
BLINK_SHUT = RATE * 35 // 1000
BLINK_UP = RATE * 100 // 1000
BLINK = BLINK_DOWN + BLINK_SHUT + BLINK_UP
DOUBLE = 0.15
"""How often a blink comes in two."""


class _Pace:
    """A seat's own time for one kind of motion, in steps of about ``seconds``: so nobody stirs when others do."""

    def __init__(self, source: int, seconds: float) -> None:
        self._period = seconds * (0.9 + 0.2 * unit(source, -1)) * RATE
        self._phase = 100.0 * unit(source, -2)

    def at(self, sample: int) -> float:
        """How many steps have passed at a show sample."""
        return sample / self._period + self._phase


class Life:
    """One character's idle motion. Characters of one seed move, breathe and blink at their own pace, never in step."""

    def __init__(self, seed: int, seat: int) -> None:
        self._breath = key(seed, seat, "breath")
        self._weight = key(seed, seat, "weight")
        self._sway = key(seed, seat, "sway")
        self._tilt = key(seed, seat, "tilt")
        self._brows = key(seed, seat, "brows")
        self._blinks = key(seed, seat, "blinks")
        self._weight_pace, self._sway_pace = _Pace(self._weight, 9.0), _Pace(self._sway, 2.3)
        self._tilt_pace, self._wander_pace = _Pace(self._tilt, 3.1), _Pace(self._breath, 9.0)
        self._brows_phase = round(5 * RATE * unit(self._brows, -1))
        self._blinks_phase = round(BLOCK * unit(self._blinks, -1))
        self._period = 3.3 + 0.8 * unit(self._breath, 0) + 0.35 * seat
        self._phase = pi * seat + unit(self._breath, 1)

    def breath(self, at: int) -> float:
        """-1 (out) … 1 (in); the pace wanders a little."""
        seconds = at / RATE
        return sin(2 * pi * seconds / self._period + self._phase + 0.5 * wave(self._breath, self._wander_pace.at(at)))

    def weight(self, at: int) -> float:
        """-1…1: which side the weight rests on; it changes sides every 9 s or so, within 1.5 s."""
        return held(self._weight, self._weight_pace.at(at), 1.5 / 9.0)

    def sway(self, at: int) -> float:
        """-1…1: the head's slow way from side to side."""
        return wave(self._sway, self._sway_pace.at(at))

    def brows_lift(self, at: int) -> bool:
        """Now and then, about every 25 s, the brows go up for a moment over nothing in particular."""
        cell, within = divmod(at + self._brows_phase, 5 * RATE)
        return within < RATE * 7 // 10 and unit(self._brows, cell) < 0.2

    def lids(self, at: int) -> Lids:
        """The lids by the plan of :func:`blink_times`."""
        return lids(self._blinks, at + self._blinks_phase)

    def tilt(self, at: int) -> float:
        """-1…1: the head's slow turning."""
        return wave(self._tilt, self._tilt_pace.at(at))


def nod(since: float, down: float = 0.17, up: float = 0.3) -> float:
    """A nod that began ``since`` seconds ago: 0 up to 1 within ``down`` and back within ``up`` seconds."""
    if since <= 0.0 or since >= down + up:
        return 0.0
    return ease(since / down) if since < down else 1.0 - ease((since - down) / up)


@lru_cache(maxsize=64)
def blink_times(source: int, block: int) -> tuple[int, ...]:
    """When lids begin to fall in block ``block``: intervals of 1 to 8 s, log-normal about 3.2 s; some come in two.

    The first is at the block's start; the last leaves a second to the next block's.
    """
    base = block << 20
    begin, end = block * BLOCK, (block + 1) * BLOCK - RATE
    times: list[int] = []
    at, index = begin, base
    while at < end:
        times.append(at)
        if unit(source, index) < DOUBLE:
            times.append(at + BLINK + RATE * 60 // 1000)
        at += round(RATE * _interval(source, index + 1))
        index += 6
    return tuple(times)


def _interval(source: int, index: int) -> float:
    # four uniform draws are near enough to a normal one
    normal = sum(unit(source, index + part) for part in range(4)) * 1.732 - 3.464
    return min(7.0, max(1.0, 3.2 * exp(0.55 * normal)))


def lids_since(since: int) -> Lids:
    """The lids ``since`` samples after they began to fall: half on the way, closed at the bottom."""
    if not 0 <= since < BLINK:
        return Lids.OPEN
    rising = max(0, since - BLINK_DOWN - BLINK_SHUT)
    down = since / BLINK_DOWN if since < BLINK_DOWN else 1.0 - rising / BLINK_UP
    return Lids.CLOSED if down >= 0.75 else Lids.HALF if down >= 0.2 else Lids.OPEN


def lids(source: int, at: int) -> Lids:
    """The lids at sample ``at`` of a seat's own time, by the plan of :func:`blink_times`."""
    for begun in blink_times(source, at // BLOCK):
        if begun <= at < begun + BLINK:
            return lids_since(at - begun)
    return Lids.OPEN
