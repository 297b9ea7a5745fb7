"""A recording of both sides of a conversation, read back: the person left, the character right. Blocking."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from duologue.audio.pcm import RATE, Samples
from duologue.audio.resample import FrameResampler
from duologue.errors import InputError
from duologue.places import for_ffmpeg

Sides = NDArray[np.float32]


def read_recording(path: Path) -> tuple[Samples, Samples]:
    """The two sides at :data:`~duologue.audio.pcm.RATE`, from the recording's first sample on.

    A file that a crash cut off is read as far as it goes. Raises :class:`InputError` for one that is not there, is no
    sound, or has not two sides.
    """
    pieces: list[Sides] = []
    try:
        with av.open(for_ffmpeg(path), "r", metadata_errors="ignore") as container:
            stream = container.streams.audio[0]
            if stream.codec_context.channels != 2:
                raise _unreadable(path, "it has not two sides")
            resampler = FrameResampler(RATE, layout="stereo")
            try:
                for frame in container.decode(stream):
                    pieces += [np.asarray(made.to_ndarray(), np.float32) for made in resampler.push(frame)]
            except FFmpegError:
                if not pieces:
                    raise
            pieces += [np.asarray(made.to_ndarray(), np.float32) for made in resampler.push(None)]
    except FileNotFoundError as error:
        remedy = "It was moved or removed; without it only the report is left: duologue report."
        raise InputError("the recording is gone", where=str(path), remedy=remedy) from error
    except (FFmpegError, OSError, IndexError) as error:
        raise _unreadable(path, str(error)) from error
    both = np.concatenate([np.zeros((2, 0), np.float32), *pieces], axis=1)
    return np.ascontiguousarray(both[0]), np.ascontiguousarray(both[1])


def _unreadable(path: Path, why: str) -> InputError:
    return InputError(
        f"this is no recording of a conversation: {why}", where=str(path), remedy="Give a run whose sound was kept."
    )
