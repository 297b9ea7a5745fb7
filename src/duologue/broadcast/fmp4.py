"""Fragmented MP4 by hand: an initialisation segment and media segments of exactly the frames we choose.

Boxes are those of ISO/IEC 14496-12 (the base format), -14 (AAC: ``mp4a``, ``esds``) and -15 (H.264: ``avc1``,
``avcC``). Muxers cut where they like, on the longer of the two tracks; written by hand, a segment begins at its key
frame and a part (for low latency) can hold exactly ten frames. Both tracks travel in one file, so that they arrive and
are lost together.

Video runs at 90,000 ticks per second and audio at its sample rate. Decode times count from frame 0 and sample 0 of the
show, so a segment can be placed without its neighbours, and no edit list is needed: nothing precedes sample 0.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from duologue.broadcast.h264 import avc_configuration, length_prefixed
from duologue.broadcast.packets import Packet, StreamFormat, Track
from duologue.errors import InternalError

VIDEO_TIMESCALE = 90_000
"""Ticks per second of the video track."""
VIDEO_TRACK, AUDIO_TRACK = 1, 2

_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_SYNC, _NOT_SYNC = 0x02000000, 0x01010000
"""Sample flags (8.8.3.1): depends on no other; depends on others and is no sync sample."""


def box(kind: str, *contents: bytes) -> bytes:
    """A box: its size, its four-letter kind, its contents."""
    body = b"".join(contents)
    return struct.pack(">I4s", 8 + len(body), kind.encode("ascii")) + body


def full_box(kind: str, version: int, flags: int, *contents: bytes) -> bytes:
    """A box that begins with a version and 24 bits of flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *contents)


def video_ticks(number: int, fps: int) -> int:
    """The decode and presentation time of frame ``number`` (90 kHz ticks). Computed from 0: nothing adds up."""
    return number * VIDEO_TIMESCALE // fps


# The initialisation segment

FILE_TYPE = box("ftyp", b"iso6", struct.pack(">I", 0), b"iso6", b"mp41", b"avc1")
"""What each of our files begins with."""


def init_segment(format: StreamFormat) -> bytes:
    """``ftyp`` and ``moov``: all a player must know before the first media segment."""
    mvhd = full_box(
        "mvhd", 0, 0, struct.pack(">4I", 0, 0, 1000, 0), struct.pack(">IHHII", 0x10000, 0x0100, 0, 0, 0),
        _MATRIX, bytes(24), struct.pack(">I", AUDIO_TRACK + 1),
    )  # fmt: skip
    mvex = box("mvex", *(full_box("trex", 0, 0, struct.pack(">5I", track, 1, 0, 0, 0)) for track in (1, 2)))
    return FILE_TYPE + box("moov", mvhd, _video_track(format), _audio_track(format), mvex)


def _video_track(format: StreamFormat) -> bytes:
    header = full_box("vmhd", 0, 1, bytes(8))
    handler = _handler(b"vide", "Picture")
    media = _media(VIDEO_TIMESCALE, handler, header, _avc1(format))
    return box("trak", _track_header(VIDEO_TRACK, 0, format.width, format.height), media)


def _audio_track(format: StreamFormat) -> bytes:
    header = full_box("smhd", 0, 0, bytes(4))
    handler = _handler(b"soun", "Sound")
    media = _media(format.sample_rate, handler, header, _mp4a(format))
    return box("trak", _track_header(AUDIO_TRACK, 0x0100, 0, 0), media)


def _track_header(track: int, volume: int, width: int, height: int) -> bytes:
    enabled_in_movie_and_preview = 7
    return full_box(
        "tkhd", 0, enabled_in_movie_and_preview, struct.pack(">5I", 0, 0, track, 0, 0), bytes(8),
        struct.pack(">4H", 0, 0, volume, 0), _MATRIX, struct.pack(">2I", width << 16, height << 16),
    )  # fmt: skip


def _handler(kind: bytes, name: str) -> bytes:
    return full_box("hdlr", 0, 0, bytes(4), kind, bytes(12), name.encode() + b"\0")


def _media(timescale: int, handler: bytes, header: bytes, entry: bytes) -> bytes:
    undetermined_language = 0x55C4
    mdhd = full_box("mdhd", 0, 0, struct.pack(">4IHH", 0, 0, timescale, 0, undetermined_language, 0))
    here = full_box("url ", 0, 1)
    dinf = box("dinf", full_box("dref", 0, 0, struct.pack(">I", 1), here))
    stbl = box(
        "stbl", full_box("stsd", 0, 0, struct.pack(">I", 1), entry), full_box("stts", 0, 0, bytes(4)),
        full_box("stsc", 0, 0, bytes(4)), full_box("stsz", 0, 0, bytes(8)), full_box("stco", 0, 0, bytes(4)),
    )  # fmt: skip
    return box("mdia", mdhd, handler, box("minf", header, dinf, stbl))


def _avc1(format: StreamFormat) -> bytes:
    resolution_72_dpi = 0x00480000
    sample_entry = struct.pack(">6xH", 1)
    visual = struct.pack(
        ">16xHHIIIH32sHh", format.width, format.height, resolution_72_dpi, resolution_72_dpi, 0, 1, bytes(32), 24, -1
    )
    colour = box("colr", b"nclx", struct.pack(">3HB", 1, 1, 1, 0))  # BT.709, limited range
    square_pixels = box("pasp", struct.pack(">2I", 1, 1))
    return box(
        "avc1", sample_entry, visual, box("avcC", avc_configuration(format.video_extradata)), colour, square_pixels
    )


def _mp4a(format: StreamFormat) -> bytes:
    sample_entry = struct.pack(">6xH", 1)
    sound = struct.pack(">8x4HI", format.channels, 16, 0, 0, format.sample_rate << 16)
    return box("mp4a", sample_entry, sound, full_box("esds", 0, 0, _es_descriptor(format.audio_extradata)))


def _es_descriptor(specific: bytes) -> bytes:
    """ES_Descriptor (ISO/IEC 14496-1, 7.2.6.5) of an AAC stream."""
    aac, audio_stream = 0x40, 0x15
    config = struct.pack(">BB3xII", aac, audio_stream, 0, 0) + _descriptor(5, specific)
    return _descriptor(3, struct.pack(">HB", AUDIO_TRACK, 0) + _descriptor(4, config) + _descriptor(6, b"\x02"))


def _descriptor(tag: int, body: bytes) -> bytes:
    return struct.pack(">BB", tag, len(body)) + body


# Media segments


def fragment(format: StreamFormat, sequence: int, packets: Iterable[Packet]) -> bytes:
    """``moof`` and ``mdat`` of any run of packets (each track's in order): a segment's or a part's whole
    media.

    ``sequence`` grows from fragment to fragment (``mfhd``).
    """
    video, audio = _by_track(packets)
    video_data = [length_prefixed(packet.data) for packet in video]
    audio_data = [packet.data for packet in audio]
    empty = _moof(format, sequence, video, video_data, audio, 0)
    moof = _moof(format, sequence, video, video_data, audio, len(empty) + 8)
    return moof + box("mdat", *video_data, *audio_data)


def segment_bytes(format: StreamFormat, sequence: int, packets: Iterable[Packet]) -> bytes:
    """A media segment (RFC 8216, 3.3): ``styp`` and one fragment."""
    styp = box("styp", b"msdh", struct.pack(">I", 0), b"msdh", b"iso6")
    return styp + fragment(format, sequence, packets)


def _by_track(packets: Iterable[Packet]) -> tuple[list[Packet], list[Packet]]:
    every = list(packets)
    return [p for p in every if p.track is Track.VIDEO], [p for p in every if p.track is Track.AUDIO]


def _moof(
    format: StreamFormat,
    sequence: int,
    video: Sequence[Packet],
    video_data: Sequence[bytes],
    audio: Sequence[Packet],
    data_offset: int,
) -> bytes:
    tracks: list[bytes] = []
    if video:
        tracks.append(_video_run(format, video, video_data, data_offset))
    if audio:
        tracks.append(_audio_run(audio, data_offset + sum(map(len, video_data))))
    return box("moof", full_box("mfhd", 0, 0, struct.pack(">I", sequence)), *tracks)


def _track_fragment(track: int, time: int, run: bytes) -> bytes:
    default_base_is_moof = 0x020000
    header = full_box("tfhd", 0, default_base_is_moof, struct.pack(">I", track))
    return box("traf", header, full_box("tfdt", 1, 0, struct.pack(">Q", time)), run)


def _video_run(format: StreamFormat, packets: Sequence[Packet], data: Sequence[bytes], offset: int) -> bytes:
    edges = [video_ticks(edge, format.fps) for edge in _edges(packets)]
    return _run(VIDEO_TRACK, edges, packets, data, offset)


def _audio_run(packets: Sequence[Packet], offset: int) -> bytes:
    return _run(AUDIO_TRACK, _edges(packets), packets, [packet.data for packet in packets], offset)


def _edges(packets: Sequence[Packet]) -> list[int]:
    """When each packet begins, and when the last one ends: a gap lengthens what is before it and shifts nothing."""
    return [*(packet.pts for packet in packets), packets[-1].pts + packets[-1].duration]


def _run(track: int, edges: Sequence[int], packets: Sequence[Packet], data: Sequence[bytes], offset: int) -> bytes:
    offset_duration_size_flags = 0x701
    samples = b"".join(
        struct.pack(">3I", end - begin, len(body), _SYNC if packet.key else _NOT_SYNC)
        for (begin, end), packet, body in zip(pairwise(edges), packets, data, strict=True)
    )
    run = full_box("trun", 0, offset_duration_size_flags, struct.pack(">Ii", len(packets), offset), samples)
    return _track_fragment(track, edges[0], run)


# Cutting

MOST_APART = 2
"""Seconds from a key frame to the next; a picture that comes later belongs to no segment."""
MOST_LAG = 1
"""Seconds by which the sound of a segment may come later than the picture that ends it."""
MOST_LEAD = 10
"""Seconds of sound that wait for their picture."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A media segment: self-contained, beginning with a key frame.

    ``number`` counts from 0 within one run of a stage, ``start`` is its first frame's number in the show, ``frames``
    how many it holds, ``duration`` seconds.
    """

    number: int
    start: int
    duration: float
    data: bytes
    frames: int


class Segmenter:
    """Cuts a run of packets at each key frame, the sound at the same time.

    A segment is given out when its sound is complete, about two frames after the next key frame. An access unit of
    sound belongs to the segment in which it begins. Pictures may leave numbers out (half the rate is every second
    number); the last one of a segment lasts until the next key frame.
    """

    def __init__(self, format: StreamFormat) -> None:
        self._format = format
        self._number = 0
        self._video: list[Packet] = []
        self._audio: list[Packet] = []
        self._keys: list[int] = []
        self._newest = {Track.VIDEO: -1, Track.AUDIO: -1}

    def add(self, packet: Packet) -> list[Segment]:
        """Take the next packet (each track's in order) and give out the segments it completes.

        Raises :class:`InternalError` for a packet out of order, and when the two tracks are not of one clock: then
        what was taken is lost, and only another segmenter can go on.
        """
        self._check(packet)
        if packet.track is Track.AUDIO:
            self._audio.append(packet)
        elif packet.key or self._keys:  # nothing can be decoded before the first key frame
            if packet.key:
                self._keys.append(packet.pts)
            self._video.append(packet)
        segments: list[Segment] = []
        while len(self._keys) > 1 and self._heard_to() >= self._samples(self._keys[1]):
            segments.append(self._cut(self._keys[1]))
        self._compare()
        return segments

    def flush(self) -> list[Segment]:
        """The last segments, as far as their packets came; call once at the end of a run."""
        segments: list[Segment] = []
        while self._keys:
            last = self._video[-1]
            segments.append(self._cut(self._keys[1] if len(self._keys) > 1 else last.pts + last.duration))
        return segments

    def _check(self, packet: Packet) -> None:
        """That it is one, and begins after the one before it."""
        before = self._newest[packet.track]
        if packet.pts <= before or packet.duration < 1 or not packet.data:
            raise InternalError(
                f"a packet of {packet.track} at {packet.pts}, of {packet.duration} and {len(packet.data)} bytes,"
                f" follows one at {before}"
            )
        if packet.track is Track.VIDEO and self._keys and packet.pts - self._keys[-1] > MOST_APART * self._format.fps:
            raise InternalError(f"the picture is at frame {packet.pts}, its last key frame was {self._keys[-1]}")
        self._newest[packet.track] = packet.pts

    def _compare(self) -> None:
        """That the tracks are of one clock."""
        fps, rate = self._format.fps, self._format.sample_rate
        if len(self._keys) > 1 and self._video[-1].pts - self._keys[1] >= MOST_LAG * fps:
            at = f"the picture is at frame {self._video[-1].pts}"
        elif self._audio and self._heard_to() - self._audio[0].pts > MOST_LEAD * rate:
            at = f"the picture is {MOST_LEAD} s behind or has no key frame"
        else:
            return
        raise InternalError(f"the sound ends at sample {self._heard_to()}, {at}")

    def _heard_to(self) -> int:
        return self._audio[-1].pts + self._audio[-1].duration if self._audio else 0

    def _samples(self, frame: int) -> int:
        return frame * self._format.sample_rate // self._format.fps

    def _cut(self, end: int) -> Segment:
        """Make a segment of the frames before ``end`` and the sound that begins before it."""
        start = self._keys.pop(0)
        begins, silent_from = self._samples(start), self._samples(end)
        video = [packet for packet in self._video if packet.pts < end]
        audio = [packet for packet in self._audio if begins <= packet.pts < silent_from]
        self._video = self._video[len(video) :]
        self._audio = [packet for packet in self._audio if packet.pts >= silent_from]
        video[-1] = replace(video[-1], duration=end - video[-1].pts)
        data = segment_bytes(self._format, self._number + 1, [*video, *audio])
        segment = Segment(self._number, start, (end - start) / self._format.fps, data, len(video))
        self._number += 1
        return segment
