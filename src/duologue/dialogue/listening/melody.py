"""How a voice sounded before it paused: its pitch, frame by frame, and where in this speaker's range it ended. Pure.

Who has finished lets the voice fall to the bottom of its range; who will go on holds it up, or breaks off in the
middle. Pitch is the lag at which a frame is most like itself (autocorrelation, divided by the window's own).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from duologue.audio.pcm import Samples
from duologue.speech.hearing import EAR_RATE

SECONDS = 1.0
"""Of the newest sound, in which pitch is looked for at a pause."""
_HALVED = EAR_RATE // 2
_FRAME, _HOP = _HALVED * 40 // 1000, _HALVED * 16 // 1000
_SIZE = 512
_LAGS = slice(_HALVED // 400, _HALVED // 65 + 1)
_WINDOW = np.hanning(_FRAME).astype(np.float32)
_QUIET = 1e-3
"""RMS below which nothing is a voice."""
_SOFT = 0.06
"""Of the loudest frame: softer ones have no pitch to go by."""
_ALIKE = 0.55
"""How much a frame is like itself a period later, at least, to have a pitch."""
_LEAP = 4.0
"""Semitones from the neighbours' middle: an octave taken wrong."""
_LEAST = 6
"""Frames with a pitch, without which nothing is said of a melody."""


def _spectrum_of_itself() -> NDArray[np.float64]:
    alike = np.fft.irfft(np.square(np.abs(np.fft.rfft(_WINDOW, _SIZE))))[: _LAGS.stop + 1]
    return alike / alike[0]


_OWN = _spectrum_of_itself()


@dataclass(frozen=True, slots=True)
class Contour:
    """How a voice ended: ``level`` is how far above the bottom of this speaker's range (semitones)."""

    level: float


class Melody:
    """One speaker's. Keeps the pitch of the newest twenty seconds of their voice, for the range."""

    def __init__(self) -> None:
        self._known: deque[float] = deque(maxlen=1_250)

    def ended(self, sound: Samples) -> Contour | None:
        """Of a voice that ends with ``sound`` (at :data:`EAR_RATE`, :data:`SECONDS` are enough). None: there is too
        little pitch in it, as in a whisper, a cough or noise.
        """
        pitch = pitches(np.clip(np.nan_to_num(sound), -1.0, 1.0))
        heights = pitch[~np.isnan(pitch)]
        if len(heights) < _LEAST:
            return None
        self._known.extend(float(each) for each in heights)
        return Contour(float(np.median(heights[-4:])) - float(np.quantile(self._known, 0.1)))


def pitches(sound: Samples) -> NDArray[np.float64]:
    """The pitch of frames every 16 ms, the last of which ends with the sound, in semitones over 55 Hz (NaN: none)."""
    halved = sound[: len(sound) // 2 * 2].reshape(-1, 2).mean(axis=1)
    if len(halved) < _FRAME:
        return np.zeros(0)
    frames = np.lib.stride_tricks.sliding_window_view(halved, _FRAME)[::-_HOP][::-1]
    frames = (frames - frames.mean(axis=1, keepdims=True)) * _WINDOW
    loud = np.sqrt(np.mean(np.square(frames), axis=1)).astype(np.float64)
    power = np.square(np.abs(np.fft.rfft(frames, _SIZE)))
    alike = np.fft.irfft(power)[:, : _LAGS.stop + 1]
    alike = alike / np.maximum(alike[:, :1], 1e-12) / np.maximum(_OWN, 0.05)
    peaks = (alike[:, 1:-1] > alike[:, :-2]) & (alike[:, 1:-1] >= alike[:, 2:])
    lags: NDArray[np.int64] = np.arange(1, _LAGS.stop)
    inside: NDArray[np.bool_] = peaks & (lags >= _LAGS.start) & (lags < _LAGS.stop)
    worth = np.where(inside, alike[:, 1:-1] - 0.02 * np.log2(lags / _LAGS.start), 0.0)  # of two octaves the higher
    best = worth.argmax(axis=1)
    sure = alike[np.arange(len(best)), best + 1]
    pitch = 12 * np.log2(_HALVED / (best + 1) / 55)
    pitch[(sure < _ALIKE) | (loud < max(_QUIET, _SOFT * float(loud.max()))) | (worth.max(axis=1) <= 0)] = np.nan
    return _without_leaps(pitch)


def _without_leaps(pitch: NDArray[np.float64]) -> NDArray[np.float64]:
    voiced = np.flatnonzero(~np.isnan(pitch))
    heights: list[float] = pitch[voiced].tolist()
    for place, number in enumerate(voiced):
        if abs(heights[place] - median(heights[max(0, place - 3) : place + 4])) > _LEAP:
            pitch[number] = np.nan
    return pitch
