"""A recording as a file, WAV or Opus by its name, written by a thread of its own: no disk holds a conversation up.

A disk that is full, fails, or does not keep up ends the recording, not the conversation: the failure is logged, and
kept in :attr:`RecordingFile.failure`. What was written until then is a whole file.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol, Self

import av
import numpy as np
from av.error import FFmpegError

from duologue.audio.frame_encoder import FrameEncoder
from duologue.audio.pcm import RATE, Samples
from duologue.audio.wav import WavWriter
from duologue.errors import DuologueError, PeerError
from duologue.places import for_ffmpeg
from duologue.telemetry.log import get_logger

OPUS = (".opus", ".ogg")
MOST_WAITING = 3_000
"""Pieces that may wait for the disk; they are of 20 ms as a rule (a minute, 23 MB)."""
CLOSING_SECONDS = 10.0
OPUS_BITS = 64_000
"""Bits per second, of both voices together."""

_log = get_logger("duologue.recording")


class SoundWriter(Protocol):
    """A file that takes pieces ``(n,)`` or ``(n, channels)``. Raises :class:`PeerError`."""

    def write(self, samples: Samples) -> None:
        """The next piece."""
        ...

    def close(self) -> None:
        """Make it whole. Idempotent."""
        ...


class OpusWriter:
    """Opus in Ogg. Until the first sound a file that was there stays as it was."""

    def __init__(self, path: Path, channels: int = 2) -> None:
        self._path = path
        self._open: tuple[Any, FrameEncoder] | None = None  # a container of PyAV's, whose types are vague
        self._layout = "stereo" if channels == 2 else "mono"
        self._count = 0
        if not path.parent.is_dir() or path.is_dir():
            raise self._failed("there is no such folder" if not path.is_dir() else "it is a folder")

    def write(self, samples: Samples) -> None:
        """See :class:`SoundWriter`."""
        try:
            container, encoder = self._open = self._open or self._begun()
            packed = np.ascontiguousarray(samples.reshape(1, -1), np.float32)
            frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=self._layout)
            frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), self._count
            self._count += len(samples)
            container.mux(encoder.encode(frame))
        except (OSError, FFmpegError) as error:
            raise self._failed(error.strerror or str(error)) from error

    def close(self) -> None:
        """See :class:`SoundWriter`."""
        if self._open is None:
            return
        (container, encoder), self._open = self._open, None
        try:
            container.mux(encoder.encode(None))
            container.close()
        except (OSError, FFmpegError) as error:
            raise self._failed(error.strerror or str(error)) from error

    def _begun(self) -> tuple[Any, FrameEncoder]:
        # each page as it is whole: who is killed leaves all but the last second of a call, not all but its last 32 KB
        container: Any = av.open(for_ffmpeg(self._path), "w", format="ogg", options={"flush_packets": "1"})
        stream = container.add_stream("libopus", rate=RATE)
        stream.layout = self._layout
        stream.bit_rate = OPUS_BITS
        return container, FrameEncoder(stream)

    def _failed(self, why: str) -> PeerError:
        return PeerError(
            f"the file cannot be written: {why}", where=str(self._path), remedy="Check the path and the disk."
        )


def sound_writer(path: Path, channels: int) -> SoundWriter:
    """By the name of the file. Raises :class:`PeerError` when it cannot be made."""
    return OpusWriter(path, channels) if path.suffix.lower() in OPUS else WavWriter(path, channels)


class RecordingFile:
    """See the module. ``told`` is given the failure as well, once, on the thread that writes. Raises
    :class:`PeerError` for a file that cannot be made; but of one ``later``, the thread makes it, and its folder.
    """

    def __init__(
        self, path: Path, channels: int = 2, *, later: bool = False,
        told: Callable[[DuologueError], None] = lambda failure: None,
    ) -> None:  # fmt: skip
        self._path, self._channels = path, channels
        self._writer = None if later else sound_writer(path, channels)
        self._told = told
        self._waiting: queue.Queue[Samples | None] = queue.Queue(MOST_WAITING)
        self.failure: DuologueError | None = None
        self._thread = threading.Thread(target=self._run, name="recording", daemon=True)
        self._thread.start()

    def write(self, samples: Samples) -> None:
        """Never waits, and never raises; after a failure it does nothing."""
        if self.failure is not None:
            return
        try:
            self._waiting.put_nowait(samples)
        except queue.Full:
            self._fail(PeerError("the disk does not keep up", where=str(self._path), remedy="Record to another disk."))

    def close(self) -> None:
        """Wait until all is written, but no longer than :data:`CLOSING_SECONDS`. Raises nothing."""
        try:
            self._waiting.put(None, timeout=CLOSING_SECONDS)
        except queue.Full:
            return  # told already: the disk hangs, and the thread with it
        self._thread.join(CLOSING_SECONDS)
        if self._thread.is_alive():
            self._fail(PeerError("the disk hangs", where=str(self._path), remedy="What is there may be broken."))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _run(self) -> None:
        if self._writer is None:
            self._try(self._make)
        writer = self._writer
        while (samples := self._waiting.get()) is not None:
            if self.failure is None and writer is not None:
                self._try(lambda given=samples: writer.write(given))
        if writer is not None:
            self._try(writer.close)

    def _make(self) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._writer = sound_writer(self._path, self._channels)

    def _try(self, work: Callable[[], None]) -> None:
        try:
            work()
        except DuologueError as error:
            self._fail(error)
        except Exception as error:  # whatever it is, it ends the recording only
            self._fail(PeerError(f"the recording failed: {type(error).__name__}: {error}", where=str(self._path)))

    def _fail(self, failure: DuologueError) -> None:
        if self.failure is None:
            self.failure = failure
            _log.error("the recording ends here", file=str(self._path), cause=str(failure))
            self._told(failure)
