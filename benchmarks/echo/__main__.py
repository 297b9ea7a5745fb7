"""Echo cancelling in a synthetic room: echo return loss enhancement, and what of a person comes through in double talk.

Run ``python -m benchmarks.echo``; it wants the packages ``livekit`` (``duologue[echo]``) and Debian's ``flite``.
"""

from __future__ import annotations

import numpy as np

from benchmarks.echo.room import Room, hold
from benchmarks.table import Row, row, show
from duologue.audio.pcm import RATE, Samples
from duologue.audio.resample import resample
from duologue.simulation.spoken import speak
from duologue.speech.hearing import EAR_RATE

TEXT = (
    "The tower is next to the harbour, behind the fish market, and the old clock on it is nearly always late. People "
    "set their watches by the bell of the ferry instead, which leaves at nine, at noon, and again when the captain has "
    "had his coffee."
)
STOP = "Stop please, I would like to ask you something else before you go on with your story about the tower."
SETTLED, DOUBLE = 8.0, 32.0
ROOMS = (
    *(Room(delay) for delay in (20, 50, 80, 120, 200)),
    *(Room(80, loss_db=loss) for loss in (0, 12, 20)),
    *(Room(delay, told_ms=100) for delay in (20, 200)),
)


def level(samples: Samples) -> Samples:
    """At 0.1 RMS."""
    return (0.1 * samples / np.sqrt(np.mean(samples.astype(np.float64) ** 2))).astype(np.float32)


def rows() -> list[Row]:
    """For each room; the cost is of all of them."""
    said = level(np.tile(np.concatenate([speak(TEXT, "flite:slt"), np.zeros(EAR_RATE // 4, np.float32)]), 3))
    far, near = resample(said[: 40 * EAR_RATE], EAR_RATE, RATE), level(speak(STOP, "flite:rms"))
    quiet = far.copy()
    quiet[round(DOUBLE * RATE) :] = 0
    found: list[Row] = []
    costs: list[float] = []
    for room in ROOMS:
        told = "" if room.told_ms is None else f", told {room.told_ms}"
        name = f"echo {room.delay_ms:g} ms late{told}, {room.loss_db:g} dB down"
        both, alone = hold(room, far, near, SETTLED, DOUBLE), hold(room, quiet, near, SETTLED, DOUBLE)
        costs += [both.cpu_ms, alone.cpu_ms]
        found.append(row(f"{name}: ERLE", both.erle_db, "dB", "0 without"))
        found.append(row(f"{name}: the person over the character", both.near_db, "dB", f"alone {alone.near_db:.1f} dB"))
    found.append(row("CPU of a second of sound", float(np.median(costs)), "ms"))
    return found


if __name__ == "__main__":
    show("echo", rows())
