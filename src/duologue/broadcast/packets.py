"""What an encoder gives out and a packager takes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Track(StrEnum):
    """The two elementary streams of a programme."""

    VIDEO = "video"
    AUDIO = "audio"


@dataclass(frozen=True, slots=True)
class StreamFormat:
    """Everything a packager must know about the encoded streams.

    ``video_extradata`` is an ``avcC`` payload or Annex B SPS/PPS as the encoder gives it; ``audio_extradata`` the
    AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1). ``fps`` divides 48,000.
    """

    width: int
    height: int
    fps: int
    video_extradata: bytes
    audio_extradata: bytes
    sample_rate: int = 48_000
    channels: int = 2


@dataclass(frozen=True, slots=True)
class Packet:
    """One access unit. ``pts`` and ``duration`` are ticks of the track's timescale: frames (video), samples (audio).

    Video: Annex B H.264 without B-frames (``dts == pts``), ``pts`` is the frame number of the show (at half the picture
    rate every second number, of ``duration`` 2); audio: one raw AAC frame.
    """

    track: Track
    pts: int
    duration: int
    key: bool
    data: bytes
