"""Sound as the bytes of a file, piece by piece, as it is made: for whoever plays or stores it while it grows."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol, cast

import av
import numpy as np
from av.audio.stream import AudioStream

from duologue.audio.frame_encoder import FrameEncoder
from duologue.audio.pcm import RATE, Samples, to_int16
from duologue.audio.resample import StreamResampler
from duologue.errors import InputError

PLAIN_RATE = 24_000
"""Of ``pcm`` and ``wav`` (Hz): what clients of the speech API take raw samples to be."""
_OPEN_END = 0xFFFFFFFF
"""The sizes of a WAV whose end is not known yet."""


@dataclass(frozen=True, slots=True)
class SoundFormat:
    """A name, and what it is on the way: its media type, FFmpeg's container and codec, bits a second (0: as it is)."""

    name: str
    media_type: str
    container: str = ""
    codec: str = ""
    bit_rate: int = 0


FORMATS = {
    each.name: each
    for each in (
        SoundFormat("mp3", "audio/mpeg", "mp3", "libmp3lame", 96_000),
        SoundFormat("opus", "audio/ogg; codecs=opus", "ogg", "libopus", 48_000),
        SoundFormat("aac", "audio/aac", "adts", "aac", 96_000),
        SoundFormat("flac", "audio/flac", "flac", "flac"),
        SoundFormat("wav", "audio/wav"),
        SoundFormat("pcm", "audio/pcm"),
    )
}
"""By name."""


class SoundEncoder(Protocol):
    """Takes sound, mono float32 at :data:`~duologue.audio.pcm.RATE`, and gives the bytes that are ready."""

    def feed(self, samples: Samples) -> bytes:
        """Some more sound."""
        ...

    def finish(self) -> bytes:
        """That was all; call it once."""
        ...


def encoder(name: str) -> SoundEncoder:
    """One for the format of that name. Raises :class:`InputError` for another."""
    chosen = FORMATS.get(name)
    if chosen is None:
        raise InputError(
            f"there is no format {name!r}", where="response_format", remedy=f"Name one of {', '.join(FORMATS)}."
        )
    return _Coded(chosen) if chosen.codec else _Plain(header=chosen.name == "wav")


class _Plain:
    """16-bit samples, little endian, at :data:`PLAIN_RATE`; with the header of a WAV without end (RIFF, 1991)."""

    def __init__(self, *, header: bool) -> None:
        self._resampler = StreamResampler(RATE, PLAIN_RATE)
        self._header = _wav_header() if header else b""

    def feed(self, samples: Samples) -> bytes:
        return self._with_header(to_int16(self._resampler.push(samples)).astype("<i2").tobytes())

    def finish(self) -> bytes:
        return self._with_header(to_int16(self._resampler.finish()).astype("<i2").tobytes())

    def _with_header(self, made: bytes) -> bytes:
        header, self._header = self._header, b""
        return header + made


def _wav_header() -> bytes:
    def chunk(name: bytes, size: int) -> bytes:
        return name + size.to_bytes(4, "little")

    form = b"".join(
        value.to_bytes(size, "little")
        for value, size in ((1, 2), (1, 2), (PLAIN_RATE, 4), (PLAIN_RATE * 2, 4), (2, 2), (16, 2))
    )
    return chunk(b"RIFF", _OPEN_END) + b"WAVE" + chunk(b"fmt ", len(form)) + form + chunk(b"data", _OPEN_END)


class _Coded:
    """A codec of FFmpeg's in a container that needs no seeking."""

    def __init__(self, chosen: SoundFormat) -> None:
        self._made = _Growing()
        self._container = av.open(cast("io.BytesIO", self._made), "w", format=chosen.container)
        add = cast("Callable[..., AudioStream]", self._container.add_stream)  # pyright: ignore[reportUnknownMemberType]
        stream = add(chosen.codec, rate=RATE, layout="mono")
        if chosen.bit_rate:
            stream.bit_rate = chosen.bit_rate
        self._encoder = FrameEncoder(stream)
        self._at = 0

    def feed(self, samples: Samples) -> bytes:
        if len(samples):
            frame = av.AudioFrame.from_ndarray(samples[np.newaxis].astype(np.float32), "fltp", "mono")
            frame.sample_rate = RATE
            frame.pts, frame.time_base = self._at, Fraction(1, RATE)
            self._at += len(samples)
            self._mux(frame)
        return self._made.take()

    def finish(self) -> bytes:
        self._mux(None)
        self._container.close()
        return self._made.take()

    def _mux(self, frame: av.AudioFrame | None) -> None:
        self._container.mux(self._encoder.encode(frame))  # pyright: ignore[reportUnknownMemberType]


class _Growing:
    """What FFmpeg has written and nobody has taken yet. It has no ``seek``: so nothing is written twice."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        made = b"".join(self._pieces)
        self._pieces.clear()
        return made
