"""Reading a film: any file that PyAV opens, its pictures in order and its sound whole.

The file is a stranger's: FFmpeg's errors are raised as ours here, and whoever reads is ready for anything else that a
decoder raises. The readers call ``tick`` for each packet, so that a disk that hangs can be told from a long film, and
so that a reader whose film is no longer wanted ends in good time: ``tick`` raises whatever should end it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream
from numpy.typing import NDArray

from duologue.audio.pcm import RATE
from duologue.audio.resample import FrameResampler
from duologue.errors import DuologueError, InputError, PeerError
from duologue.places import for_ffmpeg

LONGEST = 600
"""A film is looped after this many seconds at the latest, which bounds what its sound takes in memory (115 MB)."""

NEAR = RATE // 25
"""Sound that is no further than this off its time (samples) is left where it is: containers round, encoders pad."""

APART = 10.0
"""Seconds of picture that a file may hold ahead of the sound that belongs to them."""

Tick = Callable[[], None]
"""Called for each packet that was read; raises to end the reading."""


@dataclass(frozen=True, slots=True)
class FilmFrame:
    """A decoded picture: when it begins and for how long the file says it stays (samples at 48 kHz; 0: it says
    nothing), and how wide its pixels are for their height.
    """

    at: int
    frame: av.VideoFrame
    pixel: float = 1.0
    lasts: int = 0


def _refused(path: Path, why: str) -> InputError:
    return InputError(
        f"The TV cannot play this file: {why}",
        where=str(path),
        remedy="Choose a video file that ffprobe reads, such as an MP4, WebM, MOV or GIF.",
    )


def broken(path: Path, what: str, error: Exception) -> DuologueError:
    """The error of a film of which ``what`` cannot be played on, because of whatever its decoder raised."""
    said = error.strerror if isinstance(error, (FFmpegError, OSError)) else str(error)
    why = said or type(error).__name__
    return PeerError(f"The TV's {what} broke off: {why}", where=str(path), remedy="Repair or replace the file.")


def open_film(path: Path) -> InputContainer:
    """Open a file with a picture in it. Raises :class:`InputError` if there is none."""
    if not path.is_file():
        raise _refused(path, "there is no such file")
    try:
        container = av.open(for_ffmpeg(path), "r")
    except (FFmpegError, OSError) as error:
        raise _refused(path, error.strerror or type(error).__name__) from error
    except ValueError as error:
        raise _refused(path, str(error) or type(error).__name__) from error
    if not container.streams.video:
        container.close()
        raise _refused(path, "it has no picture")
    return container


def film_length(path: Path) -> int:
    """The length of the picture that the file claims (samples at 48 kHz), 0 if it does not say."""
    with open_film(path) as container:
        stream = container.streams.video[0]
        seconds = 0.0
        if stream.duration is not None and stream.time_base is not None:
            seconds = float(stream.duration * stream.time_base)
        elif container.duration is not None:
            seconds = container.duration / 1_000_000
        return min(max(round(seconds * RATE), 0), LONGEST * RATE)


def film_frames(path: Path, tick: Tick, late: Callable[[int], bool] = lambda at: False) -> Generator[FilmFrame]:
    """The pictures of a film, first at 0. Raises :class:`PeerError` where the file breaks.

    Where ``late`` says of a moment (samples) that it is long over, nothing is decoded before the next key picture.
    """
    with open_film(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"  # decoding threads would fight the encoder's for two cores
        pixel = float(stream.sample_aspect_ratio or 1)
        first: float | None = None
        index, leaping = 0, False
        try:
            for packet in container.demux():
                tick()
                if packet.stream is not stream:
                    continue
                if first is not None and packet.pts is not None and not packet.is_keyframe:
                    leaping = leaping or late(round((packet.pts * packet.time_base - first) * RATE))
                    if leaping:
                        continue
                if leaping and packet.is_keyframe:
                    stream.codec_context.flush_buffers()  # what follows refers to nothing before it
                    leaping = False
                for frame in cast("Packet[VideoStream]", packet).decode():
                    time = index / 25 if frame.pts is None else frame.time
                    first = time if first is None else first
                    index += 1
                    lasts = round(frame.duration * (frame.time_base or 0) * RATE)
                    yield FilmFrame(round((time - first) * RATE), frame, pixel, lasts)
        except FFmpegError as error:
            raise broken(path, "film", error) from error


def film_sound(path: Path, tick: Tick, origin: float | None = None) -> Generator[NDArray[np.int16]]:
    """The sound of a film in blocks: 48 kHz stereo, shape ``(samples, 2)``; nothing without any.

    It lies at its own times: ``origin`` is when the picture begins, in the file's time (seconds; None: with the sound).
    What was heard before that is left out, and where the file has no sound there is silence. A file may change its rate
    and its channels as it goes (a recording of a broadcast does): each stretch of one format has a resampler of its
    own. Raises :class:`PeerError` where it breaks.
    """
    left = LONGEST * RATE
    begun = origin
    with open_film(path) as container:
        if not container.streams.audio:
            return
        stream = container.streams.audio[0]
        sound = _Sound(origin)
        try:
            for packet in container.demux():
                tick()
                if packet.pts is not None:
                    at = float(packet.pts * packet.time_base)
                    begun = at if begun is None else begun
                    if at - begun > LONGEST + APART:
                        break  # the sound ended long before the film, which may have gigabytes more
                if packet.stream is not stream:
                    continue
                for frame in cast("Packet[AudioStream]", packet).decode():
                    for block in sound.blocks(frame):
                        left -= len(block)
                        yield block
                if left <= 0:
                    return
            yield from sound.rest()
        except (FFmpegError, ValueError) as error:  # a resampler refuses a layout that it does not know
            raise broken(path, "sound", error) from error


class _Sound:
    """Frames of any format in, blocks of ours out, each at its time."""

    def __init__(self, origin: float | None) -> None:
        self._origin = origin
        self._end: float | None = None  # where the newest frame ends (samples since the origin)
        self._early = 0  # samples to come that lie before the origin
        self._format: tuple[str, str, int] | None = None
        self._resampler: FrameResampler | None = None

    def blocks(self, frame: av.AudioFrame) -> Generator[NDArray[np.int16]]:
        """A frame's sound, and before it what was held back of another format, or the silence that leads to it."""
        kind, hole = (frame.format.name, frame.layout.name, frame.sample_rate), self._hole(frame)
        if kind != self._format or self._resampler is None or hole:
            yield from self.rest()
            self._format = kind
            self._resampler = FrameResampler(RATE, "s16", "stereo")
        if hole > 0:
            yield np.zeros((hole, 2), np.int16)
        self._early = max(self._early, -hole)
        for part in self._resampler.push(frame):
            yield self._stereo(part)

    def rest(self) -> Generator[NDArray[np.int16]]:
        """What the resampler holds back; it is done with."""
        if self._resampler is not None:
            for part in self._resampler.push(None):
                yield self._stereo(part)
            self._resampler = None

    def _hole(self, frame: av.AudioFrame) -> int:
        """How many samples lie between a frame and what came before it: above 0 none came, below 0 (of the first one)
        so many come before the picture does.
        """
        begun, end, time = self._end is not None, self._end or 0.0, frame.time
        hole = 0.0
        if time is not None:
            self._origin = time if self._origin is None else self._origin
            hole = min((time - self._origin) * RATE, LONGEST * RATE) - end
        if abs(hole) < NEAR or (begun and hole < 0):
            hole = 0.0
        self._end = end + hole + frame.samples * RATE / frame.sample_rate
        return round(hole)

    def _stereo(self, frame: av.AudioFrame) -> NDArray[np.int16]:
        block = frame.to_ndarray().reshape(-1, 2).astype(np.int16, copy=False)
        early = min(self._early, len(block))
        self._early -= early
        return block[early:]
