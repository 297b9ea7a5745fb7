"""Mixing to stereo: placing speakers, ducking what plays beside them, and a limiter for the sum.

Everything here gives the same samples whatever the sizes of the blocks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from duologue.audio.pcm import RATE, Samples
from duologue.errors import InputError

_MS = RATE // 1000
_KNEE = 0.8
"""Amplitude up to which :func:`limit` changes nothing (-1.9 dB)."""


def pan_gains(pan: float) -> Samples:
    """Left and right gain of constant power, shape ``(2,)``; ``pan`` -1 (left) … 1 (right), 0 gives -3 dB on both."""
    angle = (min(1.0, max(-1.0, pan)) + 1.0) * math.pi / 4
    return np.array([math.cos(angle), math.sin(angle)], np.float32)


def add_panned(stereo: Samples, offset: int, mono: Samples, gains: Samples) -> None:
    """Add ``mono`` to ``stereo`` (shape ``(n, 2)``) from ``offset`` on, in place, with :func:`pan_gains`."""
    stereo[offset : offset + len(mono)] += mono[:, None] * gains


def limit(samples: Samples) -> Samples:
    """Keep a sum within -1…1: untouched up to 0.8, bent smoothly beyond. Has no memory, so no latency and no
    pumping.
    """
    peak = max(float(samples.max(initial=0.0)), -float(samples.min(initial=0.0)))
    if peak <= float(np.float32(_KNEE)):
        return samples
    over = np.maximum(np.abs(samples) - np.float32(_KNEE), 0)
    bent = np.float32(1 - _KNEE) * np.tanh(over / np.float32(1 - _KNEE))
    return np.copysign(np.minimum(np.abs(samples), np.float32(_KNEE)) + bent, samples)


class Ducker:
    """The gain of music or a TV beside speech: down by ``depth_db`` before a word is said, up again after the last.

    It looks ahead: speech that is known is met fully ducked, and a pause shorter than ``hold_ms`` with known speech
    behind it does not let the music up. Speech that comes without notice is met with the same attack, begun at once.
    The level moves in whole steps of an integer, so it is exact at any block size.
    """

    def __init__(self, depth_db: float = 14.0, attack_ms: int = 80, release_ms: int = 400, hold_ms: int = 800) -> None:
        if attack_ms < 1 or release_ms < 1 or hold_ms < attack_ms:
            raise InputError(f"a ducker cannot have attack {attack_ms}, release {release_ms}, hold {hold_ms} ms")
        self._depth = depth_db
        self._attack, self._release, self._hold = attack_ms * _MS, release_ms * _MS, hold_ms * _MS
        self._full = self._attack * self._release
        self._level = 0

    def process(self, bed: Samples, at: int, spans: Sequence[tuple[int, int]]) -> Samples:
        """``bed`` (mono or stereo, from sample ``at`` on) with :meth:`gains` applied. Take ``spans`` before reading
        on.
        """
        gains = self.gains(at, len(bed), spans)
        return bed * (gains[:, None] if bed.ndim == 2 else gains)

    def gains(self, at: int, count: int, spans: Sequence[tuple[int, int]]) -> Samples:
        """Gains for samples ``at`` … ``at + count``, given where speech is and will be.

        ``spans`` are (start, end) in order, in samples of the same clock; those past may be left out. Shape
        ``(count,)``.
        """
        levels = np.empty(count, np.int64)
        now, end = at, at + count
        while now < end:
            rising, until = self._direction(now, spans)
            run = min(end, until) - now
            step = self._release if rising else -self._attack
            ramp = np.clip(self._level + step * np.arange(1, run + 1, dtype=np.int64), 0, self._full)
            levels[now - at : now - at + run] = ramp
            self._level = int(ramp[-1])
            now += run
        if count == 0 or int(levels.max()) == 0:
            return np.ones(count, np.float32)
        depth = levels / self._full
        smooth = depth * depth * (3 - 2 * depth)
        return np.power(10.0, smooth * (-self._depth / 20)).astype(np.float32)

    def _direction(self, now: int, spans: Sequence[tuple[int, int]]) -> tuple[bool, int]:
        """Whether the music goes down (or stays down) at ``now``, and the sample until which that holds at least."""
        full = self._level == self._full
        rising, until = False, now + (1 << 40)
        for start, end in spans:
            begin = start - (self._hold if full else self._attack)
            if begin <= now < end:
                rising, until = True, max(until, end) if rising else end
            elif now < begin and not rising:
                until = min(until, begin)
        if rising and not full:  # once it is down, the hold may see further: decide again there
            until = min(until, now + -(-(self._full - self._level) // self._release))
        return rising, until
