"""WAV files (16 bit) as sound comes: one track, or two that arrive apart."""

from __future__ import annotations

import os
import stat
import wave
from collections import deque
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np

from duologue.audio.pcm import RATE, Samples, silence, to_int16
from duologue.errors import PeerError

MAX_APART = 5 * RATE
"""Samples that one track of a :class:`PairWriter` may be ahead of the other; beyond that the other is filled up."""


class WavWriter:
    """A file of ``channels`` tracks at :data:`~duologue.audio.pcm.RATE`; close it, or use it as a context.

    Until the first sound a file that was there stays as it was; without any sound none is left that was not there.
    Raises :class:`PeerError` when the file cannot be made, or the disk is full.
    """

    def __init__(self, path: Path, channels: int = 1) -> None:
        self._path = path
        self._channels = channels
        self._count = 0
        self._open = ExitStack()
        self._new = not path.exists()
        self._wave: wave.Wave_write | None = None
        try:
            self._file = self._open.enter_context(_opened(path))
        except OSError as error:
            raise self._failed(error) from error

    @property
    def seconds(self) -> float:
        """What was written so far."""
        return self._count / RATE

    def write(self, samples: Samples) -> None:
        """Append ``(n,)``, or ``(n, channels)``."""
        if not len(samples):
            return
        try:
            self._wave = self._wave or self._begun()
            self._wave.writeframesraw(to_int16(samples).tobytes())
        except OSError as error:
            raise self._failed(error) from error
        self._count += len(samples)

    def close(self) -> None:
        """Write the header's lengths. Idempotent."""
        try:
            self._open.close()
            if self._wave is None and self._new:
                self._path.unlink(missing_ok=True)
        except OSError as error:
            raise self._failed(error) from error

    def _begun(self) -> wave.Wave_write:
        if stat.S_ISREG(os.fstat(self._file.fileno()).st_mode):
            self._file.truncate()
        writer = wave.Wave_write(self._file)
        self._open.callback(writer.close)
        writer.setparams((self._channels, 2, RATE, 0, "NONE", "not compressed"))
        return writer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _failed(self, error: OSError) -> PeerError:
        return PeerError(
            f"the file cannot be written: {error.strerror}",
            where=str(self._path),
            remedy="Check the path and the disk.",
        )


def _opened(path: Path) -> BinaryIO:
    """For writing; what is in the file stays until something is written."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666), "wb")


class VoiceWriter:
    """One voice on ``writer``, without the silence before its first and after its last sound."""

    def __init__(self, writer: WavWriter) -> None:
        self._writer = writer
        self._held = 0
        """Samples of silence that are written when sound follows."""
        self._begun = False

    def write(self, samples: Samples) -> None:
        """The next block."""
        if not samples.any():
            self._held += len(samples)
            return
        if self._begun:
            self._fill()
        self._begun, self._held = True, 0
        self._writer.write(samples)

    def _fill(self) -> None:
        while self._held:
            count = min(self._held, RATE)
            self._writer.write(silence(count))
            self._held -= count


class PairWriter:
    """Two voices left and right of ``writer``, a file of two channels: what one has and the other has not yet waits."""

    def __init__(self, writer: WavWriter) -> None:
        self._writer = writer
        self._tracks = (_Track(), _Track())

    def left(self, samples: Samples) -> None:
        """The next block of the left voice."""
        self._take(0, samples)

    def right(self, samples: Samples) -> None:
        """The next block of the right voice."""
        self._take(1, samples)

    def close(self) -> None:
        """Write what waits; the shorter track ends in silence. The file itself stays open."""
        self._write(max(track.count for track in self._tracks))

    def _take(self, number: int, samples: Samples) -> None:
        track, other = self._tracks[number], self._tracks[1 - number]
        track.push(samples)
        self._write(max(min(track.count, other.count), track.count - MAX_APART))

    def _write(self, count: int) -> None:
        if count > 0:
            self._writer.write(np.stack([track.take(count) for track in self._tracks], axis=1))


class _Track:
    def __init__(self) -> None:
        self._blocks: deque[Samples] = deque()
        self.count = 0

    def push(self, samples: Samples) -> None:
        self._blocks.append(samples)
        self.count += len(samples)

    def take(self, count: int) -> Samples:
        """The first ``count`` samples, silence for those that are not there."""
        joined = np.concatenate([*self._blocks, silence(max(0, count - self.count))])
        rest = joined[count:]
        self._blocks, self.count = deque([rest]), len(rest)
        return joined[:count]
