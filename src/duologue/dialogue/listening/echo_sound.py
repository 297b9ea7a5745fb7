"""Sound of ours that comes back through the person's microphone: known by what is played, before any word is. Pure.

What was heard is laid beside what was played up to :data:`LATEST_MS` earlier. Where the two match best (their cross
correlation, every pitch of the same weight) a short filter makes of the one as much of the other as it can: a line's
echo whole, a room's for the greater part, of another voice next to nothing. If most of the power of what was heard is
made so, nobody but us is in it. Who speaks into an echo adds power that no filter makes of ours.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from duologue.audio.pcm import Samples
from duologue.clock import MILLISECOND, SECOND
from duologue.speech.hearing import EAR_RATE

WINDOW = EAR_RATE * 320 // 1000
"""Of the newest sound, that is compared (samples)…"""
LEAST = EAR_RATE * 120 // 1000
"""… and the least, after an onset."""
HOP = EAR_RATE * 160 // 1000
"""Voice between two comparisons."""
OURS = 0.5
"""Of the power: with as much, nobody else is in it."""
SOFT = 0.002
"""Root mean square of what is as good as silence (full scale is 1): a line's own noise, and a soft echo's pauses."""
LATEST_MS, EARLIEST_MS = 600, 40
"""How much later than it was played sound can come back; and earlier, where the report of playing is not exact."""
MOST = 16
"""Utterances that are remembered…"""
KEPT_NS = 10 * SECOND
"""… and for how long after their end: what is heard may be looked at late."""
_RATE = EAR_RATE // 2
_TAPS, _AHEAD = 32, 8
"""Of the filter: 4 ms at 8 kHz, so many of them before the best match."""
_EMPHASIS = 0.7
"""Of the high pitches, in which voices differ most."""
_LATEST, _EARLIEST = LATEST_MS * _RATE // 1000, EARLIEST_MS * _RATE // 1000


@dataclass(slots=True)
class _Played:
    """``samples`` are at half the ears' rate: all that is compared, and 32 kB a second instead of 200."""

    samples: Samples
    begin: int
    until: int


class EchoReference:
    """Knows what was played lately, and when (ns). What is over for :data:`KEPT_NS` goes when the next is played; of
    what it is given it keeps nothing but what it makes of it.
    """

    def __init__(self) -> None:
        self._played: deque[_Played] = deque(maxlen=MOST)
        self._place: int | None = None  # where ours was found last: an end that fades tells little of how late it is

    def play(self, samples: Samples, rate: int, at: int) -> None:
        """``samples`` are played from ``at`` on, instead of all that was to be played after it."""
        self.silence(at)
        while self._played and self._played[0].until < at - KEPT_NS:
            self._played.popleft()
        self._played.append(_Played(_thinned(samples, rate), at, at + len(samples) * SECOND // rate))

    def silence(self, now: int) -> None:
        """Nothing more is played from ``now`` on."""
        for each in self._played:
            each.until = min(each.until, now)
        while self._played and self._played[-1].until <= self._played[-1].begin:
            self._played.pop()

    def forget(self) -> None:
        """Nothing of it comes back any more."""
        self._played.clear()

    def sounded(self, now: int) -> bool:
        """Something was played so lately that it may come back at ``now``."""
        since = now - LATEST_MS * MILLISECOND
        return any(each.begin <= now and each.until >= since for each in self._played)

    def share(self, heard: Samples, end: int) -> float:
        """Of the power of ``heard``, which is at :data:`EAR_RATE` and ended at ``end`` (ns), what is made of what was
        played: 0…1.
        """
        near = _shaped(_thinned(heard, EAR_RATE).astype(np.float64))
        power = float(near @ near)
        count = len(near)
        if count <= _TAPS or power <= 0.0 or _places(near) <= _TAPS:
            return 0.0
        begin = end - count * SECOND // _RATE
        far = _shaped(self._between(begin - LATEST_MS * MILLISECOND, count + _LATEST + _EARLIEST + 1))
        if not far.any():
            return 0.0
        place = min(max(0, _match(near, far) + _AHEAD - _TAPS), _LATEST + _EARLIEST - _TAPS + 1)
        share = _made(near, far, place) / power
        if share < OURS and self._place not in (None, place):
            known = _made(near, far, self._place or 0) / power
            share, place = max((share, place), (known, self._place or 0))
        if share >= OURS:
            self._place = place
        return float(np.clip(share, 0.0, 1.0))

    def _between(self, begin: int, count: int) -> NDArray[np.float64]:
        """What was played from ``begin`` (ns) on, ``count`` samples at half the ears' rate."""
        found = np.zeros(count)
        for each in self._played:
            first = max(0, -(-(each.begin - begin) * _RATE // SECOND))
            last = min(count, (each.until - begin) * _RATE // SECOND)
            if first >= last:
                continue
            at = max(0, round((begin + first * SECOND // _RATE - each.begin) * _RATE / SECOND))
            part = each.samples[at : at + last - first]
            found[first : first + len(part)] = part
        return found


def _thinned(samples: Samples, rate: int) -> Samples:
    """At half the ears' rate."""
    if rate % _RATE == 0:
        step = rate // _RATE
        whole = samples[: len(samples) // step * step]
        found = whole[::step].copy()
        for place in range(1, step):  # a tenth of what a mean over short rows takes
            found += whole[place::step]
        return found / np.float32(step)
    at = np.arange(len(samples) * _RATE // rate) * (rate / _RATE)
    return np.interp(at, np.arange(len(samples)), samples).astype(np.float32)


def _made(near: NDArray[np.float64], far: NDArray[np.float64], place: int) -> float:
    """How much of the power of ``near`` the filter makes of ``far`` from ``place`` on."""
    far = far[place : place + len(near) + _TAPS - 1]
    gram, made = _gram(far, len(near)), np.correlate(far, near, "valid")
    gram += np.eye(_TAPS) * max(1e-9, 1e-4 * float(np.trace(gram)) / _TAPS)
    return float(made @ np.linalg.solve(gram, made))


def _gram(far: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """The products of ``far`` with itself, each of its first :data:`_TAPS` places against each, over ``count`` samples:
    along a diagonal each is the one before without its first sample and with one more.
    """
    row = np.correlate(far, far[:count], "valid")
    first, last = far[: _TAPS - 1], far[count:]
    steps = np.outer(last, last) - np.outer(first, first)
    found = np.empty((_TAPS, _TAPS))
    for distance in range(_TAPS):
        at = np.arange(_TAPS - distance)
        values = row[distance] + np.concatenate([[0.0], np.cumsum(np.diagonal(steps, distance))])
        found[at, at + distance] = found[at + distance, at] = values[: _TAPS - distance]
    return found


def _shaped(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    shaped = samples[1:] - _EMPHASIS * samples[:-1]
    return shaped - shaped.mean() if len(shaped) else shaped


def _places(samples: NDArray[np.float64]) -> float:
    """In how many places what changes in a sound lies (the participation ratio of its steps' power). What lies in no
    more than the filter has taps, a click or a switch, is made of any sound that has one.
    """
    steps = np.square(np.diff(samples))
    fourth = float(steps @ steps)
    return float(steps.sum()) ** 2 / fourth if fourth > 0 else 0.0


def _match(near: NDArray[np.float64], far: NDArray[np.float64]) -> int:
    """The first sample of ``far`` from which on it is most like ``near``."""
    size = 1 << (len(near) + len(far)).bit_length()
    cross = np.conj(np.fft.rfft(near, size)) * np.fft.rfft(far, size)
    weight = np.abs(cross)
    alike = np.fft.irfft(cross / (weight + 1e-3 * float(weight.max()) + 1e-30), size)
    return int(np.argmax(np.abs(alike[: len(far) - len(near) + 1])))


class EchoTrack:
    """Which of the sound that was heard was ours: the newest ``most`` parts of it, in samples from any beginning."""

    def __init__(self, most: int = 400) -> None:
        self._parts: deque[tuple[int, int, bool]] = deque(maxlen=most)

    def note(self, begin: int, end: int, ours: bool) -> None:
        """From ``begin`` to ``end`` it was ours, or somebody else's as well."""
        self._parts.append((begin, end, ours))

    def only_ours(self, begin: int, end: int) -> bool:
        """Somebody else is in less than half of what is known of it; False where nothing is known."""
        known = ours = 0
        for first, last, mine in self._parts:
            both = min(last, end) - max(first, begin)
            if both > 0:
                known += both
                ours += both * mine
        return 2 * ours > known

    def all_ours(self, begin: int, end: int) -> bool:
        """Nobody else is in any part of what is known of it; False where nothing is known."""
        parts = [mine for first, last, mine in self._parts if min(last, end) > max(first, begin)]
        return bool(parts) and all(parts)
