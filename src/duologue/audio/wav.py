"""WAV files (16 bit) as sound comes."""

from __future__ import annotations

import os
import stat
import wave
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self

from duologue.audio.pcm import RATE, Samples, silence, to_int16
from duologue.errors import PeerError


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


class Takes(Protocol):
    """A file, or whatever takes sound piece by piece."""

    def write(self, samples: Samples) -> None:
        """The next piece."""
        ...


class VoiceWriter:
    """One voice on ``writer``, without the silence before its first and after its last sound."""

    def __init__(self, writer: Takes) -> None:
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
