"""What sound is on the wire: the payload formats that we take and give (RFC 3551, RFC 7587), each as a small object.

G.711 is ours (tables); G.722 and Opus are FFmpeg's, by PyAV.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, Protocol, cast

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from duologue.audio import g711
from duologue.audio.frame_encoder import FrameEncoder
from duologue.audio.pcm import Samples, from_int16, to_int16
from duologue.errors import InputError, PeerError

PACKET_MS = 20
"""Of a packet, where the other end does not wish for another length."""
MOST_OPUS = 5760
"""Timestamp units of the longest packet: 120 ms."""


class Decoder(Protocol):
    """Payloads of one source, in order."""

    def decode(self, payload: bytes) -> Samples:
        """Mono, at the format's sample rate. Raises :class:`InputError` for what is none of this format's."""
        ...


class Encoder(Protocol):
    """Sound to one far end, in order."""

    def encode(self, samples: Samples) -> bytes:
        """Exactly one packet's, mono, at the format's sample rate."""
        ...


@dataclass(frozen=True, slots=True)
class Format:
    """A payload format. ``clock`` is the rate of its timestamps (Hz), ``rate`` that of its samples: they differ for
    G.722 only, by a mistake of 1990 that stays (RFC 3551, section 4.5.2). ``payload_type`` is the static one, None
    where it is dynamic. ``encoder`` is made for packets of so many ms, one of ``lengths``.
    """

    name: str
    clock: int
    rate: int
    channels: int
    payload_type: int | None
    decoder: Callable[[], Decoder]
    encoder: Callable[[int], Encoder]
    parameters: str = ""
    """Its ``fmtp``, as we offer it."""
    lengths: tuple[int, ...] = (20, 40, 60)

    def packet_ms(self, wished: int) -> int:
        """The length of our packets where the other end wishes for one (``ptime``; 0: it does not): the longest that we
        have within it.
        """
        return max((ms for ms in self.lengths if ms <= (wished or PACKET_MS)), default=self.lengths[0])

    @property
    def packet(self) -> int:
        """Samples of a packet of 20 ms."""
        return self.rate * PACKET_MS // 1000

    @property
    def ticks(self) -> int:
        """Timestamp units of a packet of 20 ms."""
        return self.clock * PACKET_MS // 1000

    def clock_ticks(self, samples: int) -> int:
        """Timestamp units that so many samples take."""
        return samples * self.clock // self.rate

    def duration(self, payload: bytes) -> int:
        """Timestamp units that a payload stands for: a byte each, but for Opus (RFC 6716, section 3.1)."""
        if self.name != "opus":
            return len(payload)
        if not payload:
            return 0
        config, code = payload[0] >> 3, payload[0] & 3
        if config < 12:
            frame = (480, 960, 1920, 2880)[config & 3]
        else:
            frame = (480, 960)[config & 1] if config < 16 else (120, 240, 480, 960)[config & 3]
        frames = (1, 2, 2, payload[1] & 63 if len(payload) > 1 else 0)[code]
        return min(frames * frame, MOST_OPUS)


class _G711:
    def __init__(self, law: Literal["mu", "a"]) -> None:
        self._law: Literal["mu", "a"] = law

    def decode(self, payload: bytes) -> Samples:
        return g711.decode(payload, self._law)

    def encode(self, samples: Samples) -> bytes:
        return g711.encode(samples, self._law)


class _AvDecoder:
    def __init__(self, name: str, rate: int) -> None:
        self._codec = _open(name, "r", rate)

    def decode(self, payload: bytes) -> Samples:
        if not payload:  # to FFmpeg the end of the stream, after which it takes nothing more
            return np.zeros(0, np.float32)
        try:
            frames = cast(list[av.AudioFrame], self._codec.decode(av.Packet(payload)))
        except FFmpegError as error:
            raise InputError(f"a payload that is no {self._codec.name}: {error}", where="rtp") from error
        return np.concatenate([np.zeros(0, np.float32), *(_mono(frame) for frame in frames)])


class _AvEncoder:
    def __init__(self, name: str, rate: int, packet_ms: int) -> None:
        self._name, self._rate = name, rate
        self._encoder = FrameEncoder(_open(name, "w", rate, packet_ms))
        self._at = 0

    def encode(self, samples: Samples) -> bytes:
        frame = av.AudioFrame.from_ndarray(to_int16(samples)[None, :], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = self._rate, self._at, Fraction(1, self._rate)
        self._at += len(samples)
        made = b"".join(bytes(packet) for packet in self._encoder.encode(frame))
        if not made:
            raise PeerError(f"{self._name} gave no packet for {len(samples)} samples", where="phone.codecs")
        return made


def _open(name: str, mode: Literal["r", "w"], rate: int, packet_ms: int = PACKET_MS) -> Any:
    codec: Any = cast(Any, av.CodecContext).create(name, mode)
    codec.sample_rate, codec.layout = rate, "mono"
    if mode == "w":
        codec.format, codec.time_base = "s16", Fraction(1, rate)
        if name == "libopus":
            codec.bit_rate = 24_000
            codec.options = {"application": "voip", "frame_duration": str(packet_ms)}
    codec.open()
    return codec


def _mono(frame: av.AudioFrame) -> Samples:
    samples: NDArray[Any] = frame.to_ndarray()
    channels = len(frame.layout.channels)
    if not frame.format.is_planar:
        samples = samples.reshape(-1, channels).T
    sound = from_int16(samples) if samples.dtype == np.int16 else samples.astype(np.float32)
    return np.ascontiguousarray(sound.mean(axis=0))


_EVERY_TEN = (10, 20, 30, 40, 50, 60)
PCMU = Format("PCMU", 8000, 8000, 1, 0, lambda: _G711("mu"), lambda ms: _G711("mu"), lengths=_EVERY_TEN)
PCMA = Format("PCMA", 8000, 8000, 1, 8, lambda: _G711("a"), lambda ms: _G711("a"), lengths=_EVERY_TEN)
G722 = Format("G722", 8000, 16000, 1, 9, lambda: _AvDecoder("g722", 16000), lambda ms: _AvEncoder("g722", 16000, ms))
OPUS = Format(
    "opus", 48000, 48000, 2, None, lambda: _AvDecoder("libopus", 48000), lambda ms: _AvEncoder("libopus", 48000, ms),
    "minptime=20; useinbandfec=0",
)  # fmt: skip
"""Always told as of two channels (RFC 7587, section 7), whatever a packet holds."""
FORMATS = (OPUS, G722, PCMU, PCMA)
"""In our order of preference: ears understand wide band better."""
