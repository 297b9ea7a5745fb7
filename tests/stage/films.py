# PyAV's stubs leave the type of a muxed stream open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Films made by rule, good ones and odd ones, for tests of the TV."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from duologue.audio.pcm import RATE
from duologue.stage.baking.art import Quad

FPS = 30
QUAD: Quad = ((101.3, 50.2), (220.8, 55.1), (219.4, 120.7), (102.9, 124.6))
GREYS = 12


def grey_of(number: int, step: int = 17) -> int:
    """The grey of a film's frame: twelve of them in turn, or more in smaller steps."""
    return 20 + number * step % (GREYS * 17)


def write_film(
    path: Path,
    *,
    frames: int = GREYS,
    fps: int = 15,
    sound: bool = True,
    size: tuple[int, int] = (160, 90),
    step: int = 17,
    keys: int = 250,
) -> Path:
    """Frame ``n`` is all of one grey, ``grey_of(n, step)``; the sound is a ramp that repeats every 6000 samples."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=fps, options={"crf": "1", "preset": "ultrafast", "g": str(keys)})
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        audio = (
            container.add_stream("aac" if path.suffix == ".mp4" else "pcm_s16le", rate=RATE, layout="stereo")
            if sound
            else None
        )
        for number in range(frames):
            grey = np.full((size[1], size[0], 3), grey_of(number, step), np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None:
            ramp = (np.arange(frames * RATE // fps) % 6000).astype(np.int16)
            block = av.AudioFrame.from_ndarray(np.repeat(ramp, 2).reshape(1, -1), format="s16", layout="stereo")
            block.sample_rate, block.pts = RATE, 0
            container.mux(audio.encode(block))
            container.mux(audio.encode(None))
    return path


def write_halves(
    path: Path, *, turn: int = 0, size: tuple[int, int] = (160, 90), pixel: Fraction = Fraction(1)
) -> Path:
    """Half a second whose left half is white and whose right half is black, to be turned by players (degrees
    counter-clockwise), of pixels ``pixel`` times as wide as high.
    """
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=FPS, options={"crf": "1", "preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        video.codec_context.sample_aspect_ratio = pixel
        if turn:
            video.set_display_rotation(turn)
        picture = np.zeros((size[1], size[0], 3), np.uint8)
        picture[:, : size[0] // 2] = 255
        for number in range(FPS // 2):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
    return path


def write_click(path: Path, late: int, hole: tuple[int, int] | None = None) -> Path:
    """Four seconds of grey, and a click at each whole second but the first; the sound track begins ``late`` ms after
    the picture (before it, where that is below 0) and has no packets in the ``hole`` (ms).
    """
    codec = "pcm_s16le" if path.suffix == ".mkv" else "mp2"
    origin, block = 2, 1152  # the picture begins at 2 s of the file's time
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=15, options={"preset": "ultrafast", "bf": "0"})
        video.width, video.height, video.pix_fmt = 160, 90, "yuv420p"
        audio = container.add_stream(codec, rate=RATE, layout="stereo")
        packets: list[tuple[Fraction, Any]] = []
        for number in range(60):
            frame = av.VideoFrame.from_ndarray(np.full((90, 160, 3), 100, np.uint8), format="rgb24")
            frame.pts, frame.time_base = number + 15 * origin, Fraction(1, 15)
            packets += _timed(video.encode(frame))
        for begin in range(late * RATE // 1000, 4 * RATE - block, block):
            at = np.arange(begin, begin + block)
            wave = np.where((at >= RATE) & (at % RATE < 20), 20_000, 0).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(np.repeat(wave, 2).reshape(1, -1), format="s16", layout="stereo")
            frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), begin + RATE * origin
            if hole is None or not hole[0] <= 1000 * begin / RATE < hole[1]:
                packets += _timed(audio.encode(frame))
        packets += _timed([*video.encode(None), *audio.encode(None)])
        for _, packet in sorted(packets, key=lambda each: each[0]):
            container.mux(packet)
    return path


def _timed(packets: Iterable[Any]) -> list[tuple[Fraction, Any]]:
    return [(packet.dts * packet.time_base, packet) for packet in packets]


def png(path: Path) -> Path:
    rows = b"".join(b"\0" + b"\x20\x80\xe0" * 32 for _ in range(18))
    body = b"\x89PNG\r\n\x1a\n"
    for kind, data in (
        (b"IHDR", struct.pack(">IIBBBBB", 32, 18, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ):
        body += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    path.write_bytes(body)
    return path


def mp2_packets(rate: int, channels: int, tone: float) -> list[tuple[bytes, Fraction]]:
    """A second of a tone as MPEG audio, which says in each frame what it is: packets and when they begin (seconds)."""
    codec = av.CodecContext.create("mp2", "w")
    codec.sample_rate, codec.layout, codec.format = rate, "stereo" if channels == 2 else "mono", "s16"
    codec.bit_rate, codec.time_base = 128_000, Fraction(1, rate)
    size = 1152
    packets: list[tuple[bytes, Fraction]] = []
    for begin in range(0, rate // size * size, size):
        wave = (8000 * np.sin(2 * np.pi * tone * np.arange(begin, begin + size) / rate)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(np.repeat(wave, channels).reshape(1, -1), "s16", codec.layout.name)
        frame.sample_rate, frame.pts = rate, begin
        packets += [(bytes(packet), Fraction(begin, rate)) for packet in codec.encode(frame)]
    return packets


def write_changing_sound(path: Path) -> Path:
    """Two seconds of grey; the sound is 440 Hz in stereo at 48 kHz, then 880 Hz in mono at 32 kHz."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=15, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 160, 90, "yuv420p"
        audio = container.add_stream("mp2", rate=RATE, layout="stereo")
        audio.time_base = Fraction(1, RATE)
        for number in range(30):
            frame = av.VideoFrame.from_ndarray(np.full((90, 160, 3), 100, np.uint8), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 15)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        for second, (rate, channels, tone) in enumerate(((RATE, 2, 440.0), (32_000, 1, 880.0))):
            for data, begin in mp2_packets(rate, channels, tone):
                packet = av.Packet(data)
                packet.stream, packet.time_base = audio, Fraction(1, RATE)
                packet.pts = packet.dts = round((second + begin) * RATE)
                container.mux(packet)
    return path


def write_gif(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        video = container.add_stream("gif", rate=10)
        video.width, video.height, video.pix_fmt = 64, 36, "rgb8"
        for number in range(8):
            picture = np.full((36, 64, 3), 30 * number, np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="rgb8")))
        container.mux(video.encode(None))
    return path


def write_webm(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        video = container.add_stream("libvpx", rate=15, options={"deadline": "realtime", "cpu-used": "8"})
        video.width, video.height, video.pix_fmt = 64, 36, "yuv420p"
        audio = container.add_stream("libopus", rate=48_000, layout="stereo")
        for number in range(8):
            picture = np.full((36, 64, 3), 30 * number, np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        block = av.AudioFrame.from_ndarray(np.zeros((1, 2 * 960), np.int16), format="s16", layout="stereo")
        block.sample_rate = 48_000
        container.mux(audio.encode(block))
        container.mux([*video.encode(None), *audio.encode(None)])
    return path
