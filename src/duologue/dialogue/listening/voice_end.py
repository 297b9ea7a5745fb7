"""Where a voice ended, to two milliseconds: by its level, where voice activity knows it by frames of 32. Pure.

Turn-taking goes by voice activity, which knows a voice from a noise; this is for the record, whose stages are held
against what can be heard. In noise that is hardly softer than the voice nothing is claimed.
"""

from __future__ import annotations

import numpy as np

from duologue.audio.pcm import Samples
from duologue.speech.hearing import EAR_RATE

STEP = EAR_RATE * 2 // 1000
"""Samples whose level is one figure."""
LOUD_MS, NEAR_MS = 240, 64
"""How far before the offset its loudness is looked for, and how far from it the end may lie."""
CLEAR = 0.1
"""What is left after the voice must be softer than this share of it (−20 dB)."""
FADED, ABOVE = 0.03, 3.0
"""The voice is over where it is softer than this share of itself (−30 dB), or than so many times what is left."""


def voice_end_ms(sound: Samples, after: int) -> float:
    """How long after its offset by voice activity a voice could last be heard (ms; before it: negative); 0 where that
    is not clear. ``sound`` is at :data:`~duologue.speech.hearing.EAR_RATE`, and its last ``after`` samples came after
    the offset.
    """
    offset = len(sound) - after
    near = NEAR_MS * EAR_RATE // 1000
    if after < near // 2 or offset < near:
        return 0.0
    begin = offset - min(offset, LOUD_MS * EAR_RATE // 1000) // STEP * STEP
    steps = sound[begin : begin + (len(sound) - begin) // STEP * STEP].reshape(-1, STEP)
    levels = np.sqrt(np.mean(np.square(steps, dtype=np.float64), 1))  # whatever a source gives: no square is too large
    turn = (offset - begin) // STEP
    loud, left = float(levels[:turn].max()), float(levels[turn + (len(levels) - turn) // 2 :].max(initial=0.0))
    if not loud or left > CLEAR * loud:
        return 0.0
    over = np.flatnonzero(levels > max(FADED * loud, ABOVE * left))
    end = begin + (int(over[-1]) + 1) * STEP - offset
    return 1000 * end / EAR_RATE if abs(end) <= near else 0.0
