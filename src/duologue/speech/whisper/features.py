"""What Whisper sees of a sound, made as the sound comes: its log-mel spectrogram, one frame for 10 ms.

Each frame is computed once, when the 25 ms that it is of are there; only the last two of a pass look at silence beyond
the end. What a pass gets is cut 8 decades below its own peak, so frames are kept as plain logarithms. A test holds a
whole equal to faster-whisper's.
"""

from __future__ import annotations

import numpy as np

from duologue.audio.pcm import Samples
from duologue.speech.smart_turn import mel_filters

BANDS = 80
HOP = 160
"""Samples from one frame to the next."""
_WINDOW = 400
_HALF = _WINDOW // 2
_LEAST = -10.0
"""The logarithm of no sound at all."""


class LogMel:
    """The spectrogram of one stretch. It keeps what was not forgotten; frames count from the stretch's start."""

    def __init__(self) -> None:
        self._filters = mel_filters().astype(np.float32)
        self._shape = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
        self._tail: Samples = np.zeros(0, np.float32)  # samples from the first that the next frame needs
        self._mirrored = False
        self._made: list[Samples] = []  # (frames, BANDS) each
        self._first = self._count = 0
        self.samples = 0
        """How many came."""

    def push(self, samples: Samples) -> None:
        """The next samples."""
        self.samples += len(samples)
        self._tail = np.concatenate([self._tail, samples])
        if not self._mirrored:
            if len(self._tail) <= _HALF:
                return
            self._tail = np.concatenate([self._tail[_HALF:0:-1], self._tail])  # as if it had been mirrored before
            self._mirrored = True
        whole = (len(self._tail) - _WINDOW) // HOP + 1
        if whole > 0:
            self._made.append(self._frames(self._tail, whole))
            self._count += whole
            self._tail = self._tail[whole * HOP :]

    def window(self, begin: int, end: int, least: int) -> Samples:
        """The frames from sample ``begin`` to ``end``, as Whisper takes them: (:data:`BANDS`, n), with silence behind
        up to ``least`` frames.
        """
        missing = -(-end // HOP) - self._count
        made = self._made
        if missing > 0 and self._mirrored:
            made = [*made, self._frames(np.pad(self._tail, (0, _WINDOW + missing * HOP)), missing)]
        rows = np.concatenate(made) if made else np.zeros((0, BANDS), np.float32)
        rows = rows[max(0, begin // HOP - self._first) : max(0, -(-end // HOP) - self._first)]
        floor = (rows.max() if len(rows) else _LEAST) - 8.0
        padded = np.full((BANDS, max(least, len(rows))), floor, np.float32)
        padded[:, : len(rows)] = np.maximum(rows, floor).T
        return (padded + 4.0) / 4.0

    def forget(self, until: int) -> None:
        """What lies before the sample ``until`` is not asked for again."""
        while self._made and (self._first + len(self._made[0])) * HOP <= until:
            self._first += len(self._made.pop(0))

    def _frames(self, samples: Samples, count: int) -> Samples:
        windows = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::HOP][:count]
        power = np.abs(np.fft.rfft(windows * self._shape)) ** 2
        return np.log10(np.maximum(power.astype(np.float32) @ self._filters.T, 10**_LEAST)).astype(np.float32)
