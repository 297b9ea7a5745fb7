"""Where a line sounds, and where its marks lie then. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from duologue.audio.pcm import RATE, Samples
from duologue.audio.resample import rescale
from duologue.speech.utterance import Mark, MarkKind

_SILENCE_DB = -50.0
"""Below the loudest window: what is quieter at the ends is silence."""
_WINDOW = RATE * 5 // 1000
_FLOOR = 1e-8
"""Power (-80 dBFS) of what is silence whatever follows: a line may open so softly that its voice's noise is not 50 dB
below.
"""
_LEAD, TAIL = RATE * 5 // 1000, RATE * 10 // 1000
"""Kept before the first sound, as much as a fade needs (whoever waits for an answer waits for this too), and after the
last (samples).
"""


def sounding(samples: Samples) -> tuple[int, int]:
    """From where to where something is to be heard, with a margin; (0, 0) for silence."""
    windows = -(-len(samples) // _WINDOW)
    padded = np.zeros(windows * _WINDOW, np.float32)
    padded[: len(samples)] = samples
    power = (padded.reshape(windows, _WINDOW) ** 2).mean(axis=1)
    loudest = float(power.max(initial=0.0))
    if loudest < 1e-9:  # -90 dBFS
        return 0, 0
    silent = max(loudest * 10 ** (_SILENCE_DB / 10), min(_FLOOR, loudest / 10))
    loud = np.flatnonzero(power > silent)
    return max(0, int(loud[0]) * _WINDOW - _LEAD), min(len(samples), (int(loud[-1]) + 1) * _WINDOW + TAIL)


def place(marks: Iterable[Mark], rate: int, begin: int, end: int) -> tuple[Mark, ...]:
    """Rescale, shift and clip marks; a phoneme of which nothing is left is dropped, a word is kept for its text."""
    placed: list[Mark] = []
    for mark in marks:
        start, stop = (min(max(rescale(at, rate), begin), end) - begin for at in (mark.start, mark.end))
        if stop > start or mark.kind is MarkKind.WORD:
            placed.append(replace(mark, start=start, end=stop))
    return tuple(sorted(placed, key=lambda mark: (mark.start, mark.kind is MarkKind.PHONEME)))
