"""A synthetic room with a loudspeaker and a microphone: what echo cancelling leaves of our voice, and of the person's.

Echo return loss enhancement (ERLE) is the power of the echo at the microphone over what is left of it, in dB, while
only the character speaks. In double talk the figure is how much of the person's own voice comes through.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from duologue.audio.echo_cancel import EchoCanceller
from duologue.audio.pcm import RATE, Samples
from duologue.audio.resample import resample
from duologue.clock import SYSTEM_CLOCK
from duologue.speech.hearing import EAR_RATE

BLOCK = EAR_RATE // 50
REVERBERATION = 0.3
"""Seconds in which an echo in the room falls by 60 dB."""
NOISE = 1e-4
"""RMS of the microphone's own noise."""


@dataclass(frozen=True, slots=True)
class Room:
    """The echo comes ``delay_ms`` late and ``loss_db`` weaker; the canceller is told ``told_ms`` (None: the truth)."""

    delay_ms: float
    loss_db: float = 6.0
    told_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """``erle_db`` from ``settled`` on. ``near_db``: the person's part of what is left in double talk, over what it was
    at the microphone. ``cpu_ms``: per second of sound.
    """

    erle_db: float
    near_db: float
    cpu_ms: float


def impulse(seed: int = 5) -> Samples:
    """Of unit energy: the direct sound and a dying tail."""
    at = np.arange(int(REVERBERATION * EAR_RATE)) / EAR_RATE
    tail = np.random.default_rng(seed).standard_normal(len(at)) * 10 ** (-3 * at / REVERBERATION)
    tail[0] = 8.0
    return (tail / np.sqrt(np.sum(tail**2))).astype(np.float32)


def hold(room: Room, far: Samples, near: Samples, settled: float, double: float) -> Result:
    """Play ``far`` (48 kHz); from ``double`` seconds on the person says ``near`` (16 kHz) as well. The echo is measured
    from ``settled`` to ``double``.
    """
    played = resample(far, RATE, EAR_RATE)
    late = np.zeros(round(room.delay_ms * EAR_RATE / 1000), np.float32)
    echo = np.concatenate([late, np.convolve(played, impulse())])[: len(played)] * 10 ** (-room.loss_db / 20)
    person = np.zeros(len(played), np.float32)
    begin = round(double * EAR_RATE)
    person[begin : begin + len(near)] = near[: len(played) - begin]
    noise = NOISE * np.random.default_rng(1).standard_normal(len(played))
    microphone = (echo + person + noise).astype(np.float32)
    told = round(room.delay_ms) if room.told_ms is None else room.told_ms
    canceller = EchoCanceller(told)
    left: list[Samples] = []
    began = SYSTEM_CLOCK.cpu()
    for at in range(0, len(microphone) - BLOCK + 1, BLOCK):
        canceller.played(far[3 * at : 3 * (at + BLOCK)])
        left.append(canceller.heard(microphone[at : at + BLOCK]))
    cpu_ms = (SYSTEM_CLOCK.cpu() - began) / 1e6 / (len(microphone) / EAR_RATE)
    out = np.concatenate(left)
    alone = slice(round(settled * EAR_RATE), begin)
    erle = _decibels(_power(echo[alone]) / _power(out[alone]))
    return Result(erle, _kept(person[begin : len(out)], out[begin:]), cpu_ms)


def _kept(person: Samples, out: Samples) -> float:
    """The level of what in ``out`` goes with ``person``, whatever phase it has got (dB); -inf without a person."""
    if not person.any():
        return -math.inf
    size = 1 << (2 * len(person)).bit_length()
    product = np.fft.irfft(np.fft.rfft(out, size) * np.conj(np.fft.rfft(person, size)), size)
    late = int(np.argmax(np.abs(product[: EAR_RATE // 10])))
    window = np.hanning(1024)
    places = range(0, len(person) - late - 1024, 256)
    given = np.fft.rfft([person[at : at + 1024] * window for at in places])
    got = np.fft.rfft([out[at + late : at + late + 1024] * window for at in places])
    power = np.sum(np.abs(given) ** 2, axis=0)
    both = np.abs(np.sum(got * np.conj(given), axis=0)) ** 2 / (power + 1e-12)
    return _decibels(float(np.sum(both)) / float(np.sum(power)) + 1e-12)


def _power(samples: Samples) -> float:
    return float(np.mean(samples.astype(np.float64) ** 2)) + 1e-12


def _decibels(ratio: float) -> float:
    return 10 * math.log10(ratio)
