"""Reading a clip: any file that PyAV opens, its pictures in order and its sound whole."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from numpy.typing import NDArray

from duologue.audio.pcm import RATE
from duologue.errors import InputError, PeerError

LONGEST = 600
"""A clip is looped after this many seconds at the latest, which bounds what its sound takes in memory (115 MB)."""


@dataclass(frozen=True, slots=True)
class ClipFrame:
    """A decoded picture and when it begins (samples at 48 kHz)."""

    at: int
    frame: av.VideoFrame


def _refused(path: Path, why: str) -> InputError:
    return InputError(
        f"The TV cannot play this file: {why}",
        where=str(path),
        remedy="Choose a video file that ffprobe reads, such as an MP4, WebM, MOV or GIF.",
    )


def open_clip(path: Path) -> InputContainer:
    """Open a file with a picture in it. Raises :class:`InputError` if there is none."""
    if not path.is_file():
        raise _refused(path, "there is no such file")
    try:
        container = av.open(str(path), "r")
    except (FFmpegError, OSError, ValueError) as error:
        raise _refused(path, str(error) or type(error).__name__) from error
    if not container.streams.video:
        container.close()
        raise _refused(path, "it has no picture")
    return container


def clip_length(path: Path) -> int:
    """The length of the picture that the file claims (samples at 48 kHz), 0 if it does not say."""
    with open_clip(path) as container:
        stream = container.streams.video[0]
        seconds = 0.0
        if stream.duration is not None and stream.time_base is not None:
            seconds = float(stream.duration * stream.time_base)
        elif container.duration is not None:
            seconds = container.duration / 1_000_000
        return min(round(seconds * RATE), LONGEST * RATE)


def clip_frames(path: Path) -> Generator[ClipFrame]:
    """The pictures of a clip, first at 0. Raises :class:`PeerError` where the file breaks."""
    with open_clip(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"  # decoding threads would fight the encoder's for two cores
        first: float | None = None
        try:
            for index, frame in enumerate(container.decode(stream)):
                time = index / 25 if frame.pts is None else frame.time
                first = time if first is None else first
                yield ClipFrame(round((time - first) * RATE), frame)
        except FFmpegError as error:
            raise PeerError(
                f"The TV's clip broke off: {error}", where=str(path), remedy="Repair or replace the file."
            ) from error


def clip_sound(path: Path) -> NDArray[np.int16]:
    """All sound of a clip: 48 kHz stereo, shape ``(samples, 2)``; empty without any; up to where the file breaks."""
    blocks: list[NDArray[np.int16]] = []
    left = LONGEST * RATE
    with open_clip(path) as container:
        if container.streams.audio:
            resampler = av.AudioResampler(format="s16", layout="stereo", rate=RATE)
            try:
                for frame in container.decode(container.streams.audio[0]):
                    for part in resampler.resample(frame):
                        blocks.append(_stereo(part))
                        left -= len(blocks[-1])
                    if left <= 0:
                        break
                blocks.extend(_stereo(part) for part in resampler.resample(None))
            except FFmpegError:
                pass  # the picture's reader meets the same damage and reports it
    return np.concatenate(blocks) if blocks else np.zeros((0, 2), np.int16)


def _stereo(frame: av.AudioFrame) -> NDArray[np.int16]:
    return frame.to_ndarray().reshape(-1, 2).astype(np.int16, copy=False)
