"""G.711: companded telephone sound, by tables (ITU-T G.711, tables 1a to 2b).

Decoding follows the tables exactly. Encoders of different makers disagree on some hundreds of the 65,536 inputs, where
a value lies half-way between two steps; ours takes the nearest step, the smaller one of two that are equally near.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from duologue.audio.pcm import Samples, to_int16

Law = Literal["mu", "a"]
SILENCE: dict[Law, int] = {"mu": 0xFF, "a": 0xD5}
"""The code of zero, for packets that hold nothing."""


def decode(data: bytes, law: Law) -> Samples:
    """One byte a sample -> float32 in -1…1."""
    return _DECODED[law][np.frombuffer(data, np.uint8)]


def encode(samples: Samples, law: Law) -> bytes:
    """Float32 in -1…1 (clipped) -> one byte a sample."""
    return _ENCODED[law][to_int16(samples).view(np.uint16)].tobytes()


def _mu_values() -> NDArray[np.int32]:
    """The value of each µ-law code on the 16-bit scale: all bits inverted; sign, segment, step (table 2a)."""
    code = ~np.arange(256, dtype=np.uint8)
    segment, step = (code >> 4) & 7, (code & 15).astype(np.int32)
    size = (((step << 3) + 0x84) << segment.astype(np.int32)) - 0x84
    return np.where(code & 0x80, -size, size).astype(np.int32)


def _a_values() -> NDArray[np.int32]:
    """The value of each A-law code on the 16-bit scale: even bits inverted (table 1a)."""
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    segment, step = ((code >> 4) & 7).astype(np.int32), (code & 15).astype(np.int32)
    size = np.where(segment == 0, (step << 4) + 8, ((step << 4) + 0x108) << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, size, -size).astype(np.int32)


def _nearest(values: NDArray[np.int32]) -> NDArray[np.uint8]:
    """For each 16-bit sample, by its bits as unsigned, the code whose value is nearest."""
    order = np.argsort(values, kind="stable")
    sorted_values = values[order]
    samples = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    after = np.clip(np.searchsorted(sorted_values, samples), 1, len(values) - 1)
    below, above = sorted_values[after - 1], sorted_values[after]
    to_below, to_above = samples - below, above - samples
    smaller = np.abs(below) < np.abs(above)
    take_below = (to_below < to_above) | ((to_below == to_above) & smaller)
    return order[np.where(take_below, after - 1, after)].astype(np.uint8)


_VALUES: dict[Law, NDArray[np.int32]] = {"mu": _mu_values(), "a": _a_values()}
_DECODED: dict[Law, Samples] = {law: (value / 32768).astype(np.float32) for law, value in _VALUES.items()}
_ENCODED: dict[Law, NDArray[np.uint8]] = {law: _nearest(value) for law, value in _VALUES.items()}
_ENCODED["mu"][0] = SILENCE["mu"]  # zero has two codes; the positive one is sent
