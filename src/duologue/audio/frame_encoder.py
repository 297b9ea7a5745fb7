"""PyAV's encoders without threads of their own."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

import av
from av.packet import Packet


class FrameEncoder:
    """Frames of sound to packets, by ``codec``: a context or a stream of PyAV's, opened as it is to be.

    Before its first frame goes in PyAV makes a filter graph that cuts sound to the codec's frames, and takes no word on
    its threads (:class:`~duologue.audio.resample.FrameResampler` has why that matters): one for each core that FFmpeg
    counts, for as long as the encoder lives. It counts those that the calling thread may run on.
    """

    def __init__(self, codec: Any) -> None:
        self._codec = codec
        self._begun = False

    def encode(self, frame: av.AudioFrame | None) -> list[Packet[Any]]:
        """What is ready; None: what was under way, and nothing can follow. Raises ``FFmpegError``."""
        if self._begun:
            return cast("list[Packet[Any]]", self._codec.encode(frame))
        with _on_one_core():
            made = cast("list[Packet[Any]]", self._codec.encode(frame))
        self._begun = True
        return made


@contextmanager
def _on_one_core() -> Generator[None]:
    """This thread stays on the core where it is; where the system knows nothing of that, or forbids it (a service's
    ``SystemCallFilter=``), there are threads.
    """
    try:
        allowed, core = os.sched_getaffinity(0), _sched_getcpu()
        os.sched_setaffinity(0, {core})
    except (AttributeError, OSError):
        yield
        return
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def _sched_getcpu() -> int:
    return int(ctypes.CDLL(None).sched_getcpu())
