"""Pictures and samples to access units: H.264 by libx264 or a graphics card, AAC-LC by FFmpeg's own encoder, through
PyAV.

What the packagers rely on: a key frame at the first frame and at every multiple of ``fps`` and nowhere else (but for
the first second of an opening, see :class:`VideoEncoder`), no B-frames (decode order is presentation order), closed
GOPs, parameter sets out of band (:attr:`VideoEncoder.extradata`), Annex B packets, and with libx264 the same bytes for
the same input. Both encoders release the GIL while they work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol, TypeAlias, cast

import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.codec.codec import codecs_available
from av.codec.context import CodecContext, Flags
from av.codec.hwaccel import HWAccel
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from numpy.typing import NDArray

from duologue.audio.frame_encoder import FrameEncoder
from duologue.audio.pcm import RATE, Samples
from duologue.broadcast.packets import Packet, Track
from duologue.errors import InputError, InternalError, PeerError

Picture: TypeAlias = NDArray[np.uint8]
"""I420, C-contiguous, shape ``(height * 3 // 2, width)``: the luma rows, then both chroma planes."""

DEFAULT_ENCODER = "libx264"
DEFAULT_BITRATE = 6_000_000
"""Ceiling of the picture's rate (bits per second): a still cartoon needs a fraction of it."""
AAC_FRAME = 1024
"""Samples in one AAC access unit (ISO/IEC 14496-3)."""

_BT709, _LIMITED = 1, 1
_NEVER = 1 << 20
"""A GOP length no run of frames reaches: key frames come only where they are forced."""


@dataclass(frozen=True, slots=True)
class _Backend:
    """How one encoder is opened: its options for a bit rate, the pixel format it eats, and its kind of device.

    ``light`` are the options that differ when it is to look for less; with them its parameter sets must stay the same
    bytes, since a stream is not told of them twice.
    """

    options: Callable[[int], Mapping[str, str]]
    pixel_format: str = "yuv420p"
    device: str = ""
    light: Mapping[str, str] | None = None


# CAVLC: in CABAC a tenth of the bits costs a tenth of the CPU, and a third of a key frame's, which is a frame's dearest
# moment. Weighted prediction is for fades, which the stage has none of. "stitchable" keeps what x264 would note in the
# parameter sets of the quality it aims at out of them, so that light and full analysis have the same.
_X264 = "scenecut=0:open-gop=0:cabac=0:weightp=0:stitchable=1"

_BACKENDS: Mapping[str, _Backend] = {
    # Measured on cartoon frames (docs/broadcast.md): superfast is the knee of the curve; zerolatency cuts each frame
    # into slices, so that several threads may work on one, and holds none back; a quality ceiling with a capped rate
    # spends bits only where something moves.
    "libx264": _Backend(
        lambda rate: {
            "preset": "superfast",
            "tune": "zerolatency",
            "profile": "high",
            "crf": "23",
            "maxrate": str(rate),
            "bufsize": str(rate),
            "forced-idr": "1",
            "x264-params": _X264,
        },
        light={"preset": "ultrafast", "crf": "27", "x264-params": f"{_X264}:8x8dct=1"},
    ),
    "h264_nvenc": _Backend(
        lambda rate: {
            "preset": "p4",
            "tune": "ull",
            "profile": "high",
            "rc": "vbr",
            "cq": "23",
            "b": str(rate // 2),
            "maxrate": str(rate),
            "bufsize": str(rate),
            "forced-idr": "1",
            "no-scenecut": "1",
            "delay": "0",
            "zerolatency": "1",
        }
    ),
    "h264_vaapi": _Backend(
        lambda rate: {
            "profile": "high",
            "rc_mode": "VBR",
            "b": str(rate // 2),
            "maxrate": str(rate),
            "bufsize": str(rate),
            "async_depth": "1",
        },
        pixel_format="nv12",
        device="vaapi",
    ),
    "h264_qsv": _Backend(
        lambda rate: {
            "preset": "faster",
            "profile": "high",
            "b": str(rate // 2),
            "maxrate": str(rate),
            "bufsize": str(rate),
            "forced_idr": "1",
            "async_depth": "1",
            "low_delay_brc": "1",
        },
        pixel_format="nv12",
    ),
}

ENCODERS: tuple[str, ...] = tuple(_BACKENDS)
"""The names a setting may hold, the default first."""


def encoder_threads(width: int, height: int, fps: int) -> int:
    """How many threads x264 gets: one up to 1080p30, two beyond.

    One encodes 1080p four times faster than real time, and leaves the second core to whoever draws: the show as a whole
    was faster so (118 frames/s) than with two that wait for each other at each frame's end (111, docs/broadcast.md).
    """
    return 1 if width * height * fps <= 1920 * 1080 * 30 else 2


class VideoEncoder:
    """One H.264 stream. Not for use by several threads at once.

    ``width`` and ``height`` are even, ``bitrate`` is the ceiling in bits per second, ``threads`` is for libx264 only
    (its output depends on it; None: see :func:`encoder_threads`). Raises :class:`InputError` for an unknown name or
    size and :class:`PeerError` when the encoder does not open here. With ``opening`` the first second has a key frame
    at each third, so that the first segment is there sooner.
    """

    def __init__(
        self,
        width: int,
        height: int,
        fps: int,
        encoder: str = DEFAULT_ENCODER,
        bitrate: int = DEFAULT_BITRATE,
        threads: int | None = None,
        *,
        opening: bool = False,
    ) -> None:
        if width % 2 or height % 2 or width < 16 or height < 16:
            raise InputError(
                f"a picture of {width}x{height} cannot be encoded", remedy="Choose an even width and height."
            )
        self.name = encoder
        self.fps = fps
        self._shape = (height * 3 // 2, width)
        self._backend = _backend(encoder)
        self._time_base = Fraction(1, fps)
        self._first = self._last = -1
        self._opening = opening
        self._bitrate = bitrate
        self._threads = threads or encoder_threads(width, height, fps)
        self._light = False
        self._context = self._open()

    @property
    def format(self) -> tuple[int, int, int]:
        """Width and height in pixels, frames per second."""
        return self._shape[1], self._shape[0] * 2 // 3, self.fps

    @property
    def extradata(self) -> bytes:
        """SPS and PPS, as the encoder gives them (Annex B or ``avcC``); there before the first frame."""
        return self._context.extradata or b""

    @property
    def can_lighten(self) -> bool:
        """Whether ``light`` makes a difference to :meth:`encode`."""
        return self._backend.light is not None

    def encode(
        self, picture: Picture, number: int, *, periods: int = 1, light: bool = False, key: bool = False
    ) -> list[Packet]:
        """Encode one frame; ``number`` is its place in the show and grows from call to call.

        The picture is read during the call only. It stands for ``periods`` frames; a gap in the numbers beyond them is
        a gap in the stream. ``light`` asks for less analysis from the next key frame on (or for all of it again);
        ``key`` makes this a key frame. Raises :class:`InternalError` for a picture of the wrong shape or a number that
        does not grow, :class:`PeerError` when the encoder fails.
        """
        if picture.shape != self._shape or not picture.flags.c_contiguous:
            raise InternalError(f"a picture of shape {picture.shape} was given to an encoder of {self._shape}")
        if number <= self._last:
            raise InternalError(f"frame {number} was given to the encoder after frame {self._last}")
        key = key or self._is_key(number)
        packets: list[Packet] = []
        if key and self._last >= 0 and light != self._light and self.can_lighten:
            packets = self.flush()
            self._light = light
            self._context = self._open()
        frame = VideoFrame.from_numpy_buffer(picture, "yuv420p")
        if self._backend.pixel_format != "yuv420p":
            frame = frame.reformat(format=self._backend.pixel_format)
        frame.pts = number
        frame.time_base = self._time_base
        if key:
            frame.pict_type = PictureType.I
        self._last = number
        return packets + self._packets(frame, periods)

    def _is_key(self, number: int) -> bool:
        if self._last < 0:
            self._first = number
            return True
        third = self.fps // 3
        if self._opening and number - self._first < self.fps and (number - self._first) % third == 0:
            return True
        return number // self.fps > self._last // self.fps

    def flush(self) -> list[Packet]:
        """The packets still inside; call once, after which nothing can be encoded."""
        return self._packets(None)

    def _packets(self, frame: VideoFrame | None, periods: int = 1) -> list[Packet]:
        try:
            packets = _coded(self._context, frame)
        except FFmpegError as error:
            raise PeerError(f"the encoder {self.name} failed: {error.strerror}", remedy="Choose libx264.") from error
        return [
            Packet(Track.VIDEO, packet.pts, periods, packet.is_keyframe, bytes(packet))
            for packet in packets
            if packet.pts is not None
        ]

    def _open(self) -> VideoCodecContext:
        backend, (width, height, _) = self._backend, self.format
        options = dict(backend.options(self._bitrate))
        if self._light and backend.light is not None:
            options |= backend.light
        try:
            hardware = HWAccel(backend.device) if backend.device else None
            context = CodecContext.create(self.name, "w", hardware)
            if not isinstance(context, VideoCodecContext):
                raise InternalError(f"{self.name} encodes no pictures")
            context.width, context.height, context.pix_fmt = width, height, backend.pixel_format
            context.time_base, context.framerate = self._time_base, Fraction(self.fps)
            context.gop_size, context.max_b_frames = _NEVER, 0
            context.color_primaries = context.color_trc = context.colorspace = _BT709
            context.color_range = _LIMITED
            context.thread_count = self._threads
            context.flags |= Flags.global_header | Flags.closed_gop
            context.options = options
            context.open()
        except (FFmpegError, ValueError, NotImplementedError, RuntimeError) as error:
            reason = error.strerror if isinstance(error, FFmpegError) else str(error)
            raise PeerError(
                f"the encoder {self.name} does not open: {reason}", where=f"{width}x{height}", remedy="Choose libx264."
            ) from error
        return context


class _Coded(Protocol):
    """What we read of PyAV's packet, whose own type is generic over streams we do not use."""

    @property
    def pts(self) -> int | None: ...

    @property
    def is_keyframe(self) -> bool: ...

    def __buffer__(self, flags: int, /) -> memoryview: ...


def _coded(context: CodecContext, frame: VideoFrame | None) -> list[_Coded]:
    return cast(Any, context).encode(frame)


def _backend(name: str) -> _Backend:
    if name not in _BACKENDS:
        raise InputError(f"there is no encoder {name!r}", remedy=f"Choose one of {', '.join(ENCODERS)}.")
    return _BACKENDS[name]


class AudioEncoder:
    """One AAC-LC stream at 48 kHz, continuous, whatever the sizes of the pieces it is fed in.

    ``bitrate`` is bits per second. The encoder's priming (one access unit before the first sample, ISO/IEC 14496-3
    4.5.3) is dropped, so the packet with ``pts`` p holds the samples from p on, exactly.
    """

    def __init__(self, channels: int = 2, bitrate: int = 160_000) -> None:
        self.channels = channels
        self._layout = "stereo" if channels == 2 else "mono"
        self._origin: int | None = None
        self._taken = 0
        self._rest: Samples = np.zeros((0, channels), np.float32)
        self._context = self._open(bitrate)
        self._encoder = FrameEncoder(self._context)

    @property
    def extradata(self) -> bytes:
        """The AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1); there before the first sample."""
        return self._context.extradata or b""

    def encode(self, samples: Samples, start: int | None = None) -> list[Packet]:
        """Encode ``samples``, float32 of shape ``(n, channels)`` in -1…1, which follow those of the call before.

        ``start`` is the place of the first one in the show (samples): a stage that takes up the grid in mid-show gives
        it, at least with its first call; it is 0 otherwise. Raises :class:`InternalError` for another shape or when
        ``start`` is not where the call before ended.
        """
        if samples.ndim != 2 or samples.shape[1] != self.channels:
            raise InternalError(
                f"samples of shape {samples.shape} were given to an encoder of {self.channels} channels"
            )
        expected = self._taken + len(self._rest) + (self._origin or 0)
        if self._origin is None:
            self._origin = start or 0
        elif start is not None and start != expected:
            raise InternalError(f"sample {start} was given to the encoder where {expected} was due")
        self._rest = np.concatenate((self._rest, samples))
        packets: list[Packet] = []
        while len(self._rest) >= AAC_FRAME:
            packets += self._unit(self._rest[:AAC_FRAME])
            self._rest = self._rest[AAC_FRAME:]
        return packets

    def flush(self) -> list[Packet]:
        """The last packets, the final one filled up with silence; call once, after which nothing can be encoded."""
        packets: list[Packet] = []
        if len(self._rest):
            missing = AAC_FRAME - len(self._rest)
            packets = self._unit(np.concatenate((self._rest, np.zeros((missing, self.channels), np.float32))))
        return packets + self._packets(None)

    def _unit(self, samples: Samples) -> list[Packet]:
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples.T), format="fltp", layout=self._layout)
        frame.sample_rate = RATE
        frame.pts = self._taken
        frame.time_base = Fraction(1, RATE)
        self._taken += AAC_FRAME
        return self._packets(frame)

    def _packets(self, frame: AudioFrame | None) -> list[Packet]:
        origin = self._origin or 0
        return [
            Packet(Track.AUDIO, origin + packet.pts, AAC_FRAME, True, bytes(packet))
            for packet in self._encoder.encode(frame)
            if packet.pts is not None and packet.pts >= 0
        ]

    def _open(self, bitrate: int) -> AudioCodecContext:
        context = CodecContext.create("aac", "w")
        context.sample_rate, context.layout, context.format = RATE, self._layout, "fltp"
        context.bit_rate = bitrate
        context.time_base = Fraction(1, RATE)
        context.flags |= Flags.global_header
        context.options = {"aac_coder": "fast"}  # at this rate half the work of "twoloop", and closer to the original
        context.open()
        return context


@dataclass(frozen=True, slots=True)
class EncoderProbe:
    """Whether an encoder works on this machine, and why not."""

    name: str
    works: bool
    why_not: str = ""


def probe_encoder(name: str) -> EncoderProbe:
    """Open ``name`` and encode three frames with it, as the show would; InputError for an unknown name."""
    _backend(name)
    if name not in codecs_available:
        return EncoderProbe(name, False, f"this build of PyAV has no {name}")
    try:
        encoder = VideoEncoder(320, 192, 2, name)
        picture = np.full((288, 320), 128, np.uint8)
        packets = [packet for number in range(3) for packet in encoder.encode(picture, number)] + encoder.flush()
    except PeerError as error:
        return EncoderProbe(name, False, error.what)
    if [(packet.pts, packet.key) for packet in packets] != [(0, True), (1, False), (2, True)]:
        return EncoderProbe(name, False, "it does not put key frames where they are asked for")
    return EncoderProbe(name, True)


def probe_encoders() -> list[EncoderProbe]:
    """All encoders we know, tried (about 0.1 s)."""
    return [probe_encoder(name) for name in ENCODERS]


def choose_encoder(wanted: str) -> tuple[str, str | None]:
    """The encoder to use and, where that is not ``wanted``, a sentence that says why.

    Raises :class:`InputError` for a name we do not know.
    """
    probe = probe_encoder(wanted)
    if probe.works:
        return wanted, None
    return DEFAULT_ENCODER, f"{wanted} does not work here ({probe.why_not}); {DEFAULT_ENCODER} encodes instead"
