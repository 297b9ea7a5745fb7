"""WAV files (16 bit) as sound comes."""

from __future__ import annotations

import os
import stat
import struct
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self

from duologue.audio.pcm import RATE, Samples, silence, to_int16
from duologue.errors import PeerError

_LARGEST = 0xFFFF_FFFF
"""Bytes that a WAV can count: 12 hours of one track, 6 of two."""
_OPEN_END = 0xFFFF_FFFF
"""A size that is not known yet: it goes on to the end of the file."""
_SIZES = struct.Struct("<QQQI")
"""Of the chunk that has the sizes of an RF64: of the file, of the sound, its samples, and no table."""


class WavWriter:
    """A file of ``channels`` tracks at :data:`~duologue.audio.pcm.RATE`; close it, or use it as a context. One that
    outgrows what a WAV can count becomes an RF64 (EBU Tech 3306), which has room for its sizes from the beginning.

    Until the first sound a file that was there stays as it was; without any sound none is left that was not there.
    Raises :class:`PeerError` when the file cannot be made, or the disk is full.
    """

    def __init__(self, path: Path, channels: int = 1) -> None:
        self._path = path
        self._channels = channels
        self._count = 0
        self._new = not path.exists()
        try:
            self._file = _opened(path)
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
            if not self._count:
                if self._is_regular():
                    self._file.truncate()
                self._file.write(_header(self._channels, None))
            self._file.write(to_int16(samples).astype("<i2").tobytes())
        except OSError as error:
            raise self._failed(error) from error
        self._count += len(samples)

    def close(self) -> None:
        """Write the header's lengths. Idempotent."""
        if self._file.closed:
            return
        try:
            with self._file:
                if self._count and self._is_regular():
                    self._file.seek(0)
                    self._file.write(_header(self._channels, self._count))
            if not self._count and self._new:
                self._path.unlink(missing_ok=True)
        except OSError as error:
            raise self._failed(error) from error

    def _is_regular(self) -> bool:
        """It has a beginning to go back to, which a pipe has not."""
        return stat.S_ISREG(os.fstat(self._file.fileno()).st_mode)

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


def _header(channels: int, count: int | None) -> bytes:
    """Of a file with ``count`` samples in each of its tracks (None: not known yet)."""
    frame = 2 * channels
    form = struct.pack("<HHIIHH", 1, channels, RATE, RATE * frame, frame, 16)
    rest = b"fmt " + struct.pack("<I", len(form)) + form + b"data"
    sound = 0 if count is None else count * frame
    whole = 4 + 8 + _SIZES.size + len(rest) + 4 + sound
    name, chunk, sizes = b"RIFF", b"JUNK", bytes(_SIZES.size)
    if count is None:
        whole = sound = _OPEN_END
    elif whole > _LARGEST:
        name, chunk, sizes = b"RF64", b"ds64", _SIZES.pack(whole, sound, count, 0)
        whole = sound = _OPEN_END
    room = chunk + struct.pack("<I", _SIZES.size) + sizes
    return name + struct.pack("<I", whole) + b"WAVE" + room + rest + struct.pack("<I", sound)


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
