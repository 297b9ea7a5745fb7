"""Telephone sound for ears: 8 kHz to 16 kHz, by a half-band filter.

Every other sample of the result is one that came; between two of them stands what a band-limited sound has there, by
:data:`TAPS` of its neighbours. A general resampler does the same at seven times the cost: of what a call's packet takes
that was the greater part.

Up to 3.4 kHz, which is all that a telephone carries, the result is the sound within -67 dB of its level, and so is the
image of it above 4 kHz (G.711's own noise lies at -38 dB).
"""

from __future__ import annotations

import numpy as np

from duologue.audio.pcm import Samples
from duologue.audio.resample import StreamResampler
from duologue.phone.leg import HEARD_RATE

TAPS = 32
"""Of what came, around each new sample: half of them (2 ms at 8 kHz) are waited for."""
_BETA = 7.0
"""Of the Kaiser window: more is better where the filter passes, and worse in how high that goes."""


class Doubling:
    """Sound at twice its rate as it comes, block by block; 2 ms of 8 kHz are always under way."""

    def __init__(self) -> None:
        self._before = np.zeros(TAPS // 2 - 1, np.float32)

    def push(self, samples: Samples) -> Samples:
        """The next block (mono) -> what is ready, in -1…1; what is pushed stays aligned with what comes out."""
        whole = np.concatenate((self._before, samples))
        count = len(whole) - TAPS + 1
        if count <= 0:
            self._before = whole
            return whole[:0]
        made = np.empty(2 * count, np.float32)
        made[0::2] = whole[TAPS // 2 - 1 : TAPS // 2 - 1 + count]
        made[1::2] = np.correlate(whole, _HALFWAY, "valid")
        self._before = whole[count:]
        return made.clip(-1.0, 1.0, out=made)

    def finish(self) -> Samples:
        """What was under way; nothing can follow."""
        return self.push(np.zeros(TAPS // 2, np.float32))


def to_ears(rate: int) -> Doubling | StreamResampler:
    """From ``rate`` to that of :class:`~duologue.phone.leg.Sound`."""
    return Doubling() if 2 * rate == HEARD_RATE else StreamResampler(rate, HEARD_RATE)


def _halfway() -> Samples:
    """The filter: a windowed sinc, half-way between two samples; its sum is 1."""
    place = np.arange(TAPS) - (TAPS - 1) / 2
    taps = np.sinc(place) * np.kaiser(2 * TAPS + 1, _BETA)[1::2]
    return (taps / taps.sum()).astype(np.float32)


_HALFWAY = _halfway()
