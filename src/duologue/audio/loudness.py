"""Loudness after ITU-R BS.1770-4 and EBU R128, and bringing a sound to it without clipping.

The K-weighting filters are those of BS.1770-4, Annex 1, tables 1 and 2, which hold for 48 kHz, so everything here takes
mono sound at 48 kHz. A recursive filter is slow in Python, so its impulse response (below -150 dB after 4,096 samples)
is applied by FFT.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from duologue.audio.pcm import RATE, Samples

TARGET_LUFS = -16.0
"""What speech is brought to (the common target for streamed speech; EBU Tech 3343 practice)."""
CEILING_DBTP = -1.0
"""The highest true peak that speech may have (EBU R128: -1 dBTP)."""
_CLOSE_ENOUGH = 0.1
_PASSES = 5
_OVERSHOOT = 1.5
"""Of what is missing after limiting: part of what is added is limited away again."""
_ROOM_DB = 3.0
"""By so much more gain than the first pass's the peaks that are known still serve."""
_NOTHING = 1e-6
_ABSOLUTE_GATE = -70.0
_RELATIVE_GATE = -10.0
_BLOCK = RATE * 400 // 1000
_HOP = _BLOCK // 4
_OFFSET = -0.691
_LOOK_AHEAD = RATE * 5 // 1000
_RELEASE = RATE * 60 // 1000
_OVERSAMPLING = 4
_HALF = 12
"""Taps on each side of an interpolator."""
_PEAK_BLOCK = 32
_PEAK_ROWS = 32
"""Samples to a row (a power of two), and rows to a product: 0.17 million multiplications."""
_RESPONSE = 4096
_FFTS = tuple(_RESPONSE * each for each in (2, 3, 4, 6, 8))
"""Lengths of a transform: the longest for as much as there is, the shortest that suffices for the rest."""

# BS.1770-4 Annex 1: (b0, b1, b2), (a1, a2) of the shelving filter (the head) and of the high-pass (RLB).
_SHELF = ((1.53512485958697, -2.69169618940638, 1.19839281085285), (-1.69065929318241, 0.73248077421585))
_HIGH_PASS = ((1.0, -2.0, 1.0), (-1.99004745483398, 0.99007225036621))


def decibels(amplitude: float) -> float:
    """20 log10, with -inf for nothing."""
    return 20.0 * float(np.log10(amplitude)) if amplitude > 0 else float("-inf")


def _amplitude(db: float) -> float:
    return float(10 ** (db / 20))


def integrated_loudness(samples: Samples) -> float:
    """Gated loudness in LUFS of mono sound at 48 kHz (as one channel). Under 400 ms: ungated. Silence: -inf."""
    if len(samples) == 0:
        return float("-inf")
    energy = np.square(_k_weighted(samples))
    if len(samples) < _BLOCK:
        return _lufs(float(energy.mean(dtype=np.float64)))
    hops = energy[: len(energy) // _HOP * _HOP].reshape(-1, _HOP).sum(axis=1, dtype=np.float64)
    power = np.lib.stride_tricks.sliding_window_view(hops, _BLOCK // _HOP).sum(axis=1) / _BLOCK
    power = power[power > _power(_ABSOLUTE_GATE)]
    if len(power) == 0:
        return float("-inf")
    return _lufs(float(power[power > float(power.mean()) * 10 ** (_RELATIVE_GATE / 10)].mean()))


def true_peak(samples: Samples) -> float:
    """The highest amplitude between the samples too, by four-fold oversampling (after BS.1770-4, Annex 2)."""
    return float(np.max(_peaks(samples, 0.0), initial=0.0))


def normalise(samples: Samples, target: float = TARGET_LUFS, ceiling: float = CEILING_DBTP) -> Samples:
    """Bring mono sound at 48 kHz to ``target`` LUFS with true peaks of at most ``ceiling`` dBTP. Silence stays as it
    is.
    """
    return levelled(samples, target, ceiling)[0]


def levelled(samples: Samples, target: float = TARGET_LUFS, ceiling: float = CEILING_DBTP) -> tuple[Samples, float]:
    """As :func:`normalise` -> the sound, and the gain (dB) that it was given before its peaks were lowered.

    Peaks above the ceiling are lowered as by :func:`limit`, which takes a little loudness with it; the gain before it
    is raised until the loudness is within 0.1 LU, or five passes are done (sound that is nothing but peaks cannot be
    loud).
    """
    highest = float(np.abs(samples).max(initial=0.0))
    if highest < _NOTHING:
        return samples, 0.0
    sound = samples / np.float32(highest)  # or the absolute gate would take a faint voice for silence
    top, gain_db = _amplitude(ceiling), target - integrated_loudness(sound)
    if not np.isfinite(gain_db):
        return samples, 0.0  # a click in the last tenth of a second, where no block of the measure reaches
    peaks, known_db = np.zeros(0, np.float32), float("-inf")
    result = sound
    for _ in range(_PASSES):
        if gain_db > known_db:
            known_db = gain_db + _ROOM_DB
            peaks = _peaks(sound, top / _amplitude(known_db))
        gain = np.float32(_amplitude(gain_db))
        result = sound * gain
        if float(peaks.max()) * gain <= top:
            return result, gain_db - decibels(highest)
        result = _limited(result, peaks * gain, top)
        missing = target - integrated_loudness(result)
        if not np.isfinite(missing) or abs(missing) < _CLOSE_ENOUGH:
            break
        gain_db += missing * _OVERSHOOT
    return _below(result, top), gain_db - decibels(highest)


def limit(samples: Samples, ceiling: float = CEILING_DBTP) -> Samples:
    """Lower what exceeds ``ceiling`` dBTP by a gain that moves smoothly: 5 ms ahead of a peak, 60 ms after it."""
    top = _amplitude(ceiling)
    peaks = _peaks(samples, top)
    if float(peaks.max(initial=0.0)) <= top:
        return samples
    return _below(_limited(samples, peaks, top), top)


def _limited(samples: Samples, peaks: Samples, top: float) -> Samples:
    return (samples * _smooth(_hold(np.minimum(1.0, top / np.maximum(peaks, 1e-9))))).astype(np.float32)


def _below(samples: Samples, top: float) -> Samples:
    """The moving gain itself may have raised a peak between samples by a hair: take that off everywhere."""
    worst = float(_peaks(samples, top).max(initial=0.0))
    return samples if worst <= top else samples * np.float32(top / worst)


def fade_edges(samples: Samples, count: int = RATE * 5 // 1000) -> Samples:
    """Raised-cosine fades of ``count`` samples at both ends (less for a sound shorter than both)."""
    count = min(count, len(samples) // 2)
    if count == 0:
        return samples
    ramp = (0.5 - 0.5 * np.cos(np.pi * (np.arange(count) + 0.5) / count)).astype(np.float32)
    faded = samples.copy()
    faded[:count] *= ramp
    faded[-count:] *= ramp[::-1]
    return faded


def _lufs(power: float) -> float:
    return _OFFSET + 10 * float(np.log10(power)) if power > 0 else float("-inf")


def _power(lufs: float) -> float:
    return float(10 ** ((lufs - _OFFSET) / 10))


@cache
def _k_response() -> Samples:
    """Impulse response of both K-weighting stages in series, ``_RESPONSE`` samples."""
    signal = [1.0] + [0.0] * (_RESPONSE - 1)
    for (b0, b1, b2), (a1, a2) in (_SHELF, _HIGH_PASS):
        x1 = x2 = y1 = y2 = 0.0
        for index, x in enumerate(signal):
            y = b0 * x + b1 * x1 + b2 * x2 - a1 * y1 - a2 * y2
            signal[index] = y
            x1, x2, y1, y2 = x, x1, y, y1
    return np.array(signal, np.float32)


@cache
def _k_spectrum(length: int) -> NDArray[np.complexfloating[Any]]:
    return np.fft.rfft(_k_response(), length)


def _k_weighted(samples: Samples) -> Samples:
    """Convolution with the response by overlap-save: blocks that stay in the cache, whatever the length."""
    count, done = len(samples), 0
    padded = np.concatenate([np.zeros(_RESPONSE, np.float32), samples])
    weighted = np.empty(count, np.float32)
    while done < count:
        length = next((each for each in _FFTS if each - _RESPONSE >= count - done), _FFTS[-1])
        spectrum = np.fft.rfft(padded[done : done + length], length) * _k_spectrum(length)
        block = np.fft.irfft(spectrum, length)[_RESPONSE:]
        weighted[done : done + len(block)] = block[: count - done]
        done += len(block)
    return weighted


def _peaks(samples: Samples, above: float) -> Samples:
    """For each sample, the highest amplitude from it to the next; where that cannot exceed ``above``, its own.

    What lies between samples is a weighted sum of those around, so it exceeds the largest of them by no more than the
    weights allow: of speech hardly a tenth is looked into. The three convolutions are products of matrices: a fifth of
    what `np.convolve` takes. They are kept so small that the library which multiplies does not share them among
    threads, which costs more than it gains.
    """
    count = len(samples)
    if count == 0:
        return samples
    rows = -(-count // _PEAK_BLOCK)
    padded = np.zeros(rows * _PEAK_BLOCK + 2 * _HALF - 1, np.float32)
    padded[_HALF : _HALF + count] = samples
    windows = np.lib.stride_tricks.sliding_window_view(padded, _PEAK_BLOCK + 2 * _HALF - 1)[::_PEAK_BLOCK]
    highest = np.zeros((rows, _PEAK_BLOCK), np.float32)
    loud = np.flatnonzero(_loudest(padded, rows) * _most_between() > above)
    for first in range(0, len(loud), _PEAK_ROWS):
        some = loud[first : first + _PEAK_ROWS]
        between = np.abs(windows[some] @ _interpolators())
        highest[some] = between.reshape(-1, _OVERSAMPLING - 1, _PEAK_BLOCK).max(axis=1)
    return np.maximum(np.abs(samples), highest.reshape(-1)[:count])


def _loudest(padded: Samples, rows: int) -> Samples:
    """The largest amplitude in the window of each row, or in a little more than that."""
    blocks = np.zeros((rows + 1) * _PEAK_BLOCK, np.float32)
    blocks[: len(padded)] = padded
    blocks = np.abs(blocks)
    for _ in range(_PEAK_BLOCK.bit_length() - 1):  # pair by pair: a sixth of what a maximum over short rows takes
        blocks = np.maximum(blocks[::2], blocks[1::2])
    return np.maximum(blocks[:-1], blocks[1:])


@cache
def _most_between() -> float:
    """How much larger than the samples around it a value between them can be."""
    return float(np.abs(_interpolators()).sum(axis=0).max()) * 1.0001  # and what float32 rounds away


@cache
def _interpolators() -> Samples:
    """The matrix that takes a window of samples to the values between them, a quarter after the other: each column is
    a windowed sinc.
    """
    places = np.arange(1 - _HALF, _HALF + 1)
    found = np.zeros((_PEAK_BLOCK + 2 * _HALF - 1, (_OVERSAMPLING - 1) * _PEAK_BLOCK), np.float32)
    for quarter in range(1, _OVERSAMPLING):
        distance = places - quarter / _OVERSAMPLING
        taps = np.sinc(distance) * np.cos(np.pi * distance / (2 * _HALF + 1)) ** 2
        for place in range(_PEAK_BLOCK):
            found[place : place + 2 * _HALF, (quarter - 1) * _PEAK_BLOCK + place] = taps / taps.sum()
    return found


def _hold(wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    """The least wanted gain from a look-ahead before each sample to a release after it."""
    before, after = _RELEASE, _LOOK_AHEAD
    padded = np.concatenate([np.ones(before), wanted, np.ones(after)])
    held = padded
    width, reach = 1, before + after + 1
    while width < reach:  # a sliding minimum in log2(reach) steps
        step = min(width, reach - width)
        held = np.minimum(held[: len(held) - step], held[step:])
        width += step
    return held


def _smooth(held: NDArray[np.float64]) -> NDArray[np.float64]:
    """A mean over the look-ahead, centred so that it reaches the held value by the time of the peak, and never passes
    it.

    The hold spans the mean's whole window around each peak, so the mean there is the wanted gain or less.
    """
    width = 2 * (_LOOK_AHEAD // 2) + 1
    padded = np.pad(held, width // 2, mode="edge")
    total = np.concatenate([[0.0], np.cumsum(padded)])
    return (total[width:] - total[:-width]) / width
