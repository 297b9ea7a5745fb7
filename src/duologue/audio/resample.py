"""From any rate to another, by FFmpeg's swresample."""

from __future__ import annotations

import av
import numpy as np
from av.audio.resampler import AudioResampler

from duologue.audio.pcm import RATE, Samples
from duologue.errors import InputError

MAX_RATE = 384_000
"""Hz; a higher one is taken for a mistake."""


def resample(samples: Samples, rate: int, to_rate: int = RATE) -> Samples:
    """The whole of a mono sound at another rate, ``ceil(n * to_rate / rate)`` samples, aligned (no delay to take off).

    Raises :class:`InputError` for a rate out of 1…384,000 Hz.
    """
    for value in (rate, to_rate):
        if not 1 <= value <= MAX_RATE:
            raise InputError(f"{value} Hz is no sample rate", remedy=f"Give 1 to {MAX_RATE}.")
    if rate == to_rate or len(samples) == 0:
        return samples
    wanted = -(-len(samples) * to_rate // rate)
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples, np.float32)[None, :], format="fltp", layout="mono")
    frame.sample_rate = rate
    resampler = AudioResampler(format="fltp", layout="mono", rate=to_rate)
    pieces = [piece.to_ndarray()[0] for piece in (*resampler.resample(frame), *resampler.resample(None))]
    made = np.concatenate(pieces).astype(np.float32, copy=False) if pieces else np.zeros(0, np.float32)
    if len(made) >= wanted:
        return made[:wanted]
    return np.concatenate([made, np.zeros(wanted - len(made), np.float32)])  # its filter's last, empty samples


def rescale(position: int, rate: int, to_rate: int = RATE) -> int:
    """A sample position at another rate, rounded half up; exact in integers, so long sounds do not drift."""
    return (2 * position * to_rate + rate) // (2 * rate)


class StreamResampler:
    """Sound from ``rate`` to ``to_rate`` as it comes, block by block; a millisecond or two is always under way."""

    def __init__(self, rate: int, to_rate: int = RATE) -> None:
        self._rate = rate
        self._resampler = AudioResampler(format="fltp", layout="mono", rate=to_rate)

    def push(self, samples: Samples) -> Samples:
        """The next block (mono) -> what is ready."""
        if not len(samples):  # FFmpeg takes a frame of nothing for a lack of memory
            return samples
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="fltp", layout="mono")
        frame.sample_rate = self._rate
        return self._joined(frame)

    def finish(self) -> Samples:
        """What was under way; nothing can follow."""
        return self._joined(None)

    def _joined(self, frame: av.AudioFrame | None) -> Samples:
        pieces = [piece.to_ndarray()[0] for piece in self._resampler.resample(frame)]
        return np.concatenate([np.zeros(0, np.float32), *pieces])
