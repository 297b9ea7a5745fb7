"""Playing a delivered stream as a viewer would: follow the live playlist, fetch every segment.

Decode across discontinuities.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias, cast
from urllib.parse import urljoin

import av
import httpx
import numpy as np
from av.audio.frame import AudioFrame
from av.codec.context import CodecContext, ThreadType
from av.error import FFmpegError
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from duologue.audio.pcm import Samples
from duologue.clock import MILLISECOND, SECOND, Clock
from duologue.errors import InputError
from duologue.places import for_ffmpeg
from duologue.prover.playlist import ListedSegment, Playlist, parse_playlist, playlist_faults, variant

POLL = 250 * MILLISECOND
"""Time between two loads of a live playlist (ns)."""
HOLD_BACK = 3
"""Target durations that a viewer stays behind the end of the list (RFC 8216, 6.3.3)."""
STALL = 3 * SECOND
"""A live playlist that gains nothing for longer is stalled (ns)."""


LOAD = 60 * SECOND
"""An answer that is not there as a whole by then is none (ns): each piece of it has a limit of its own, but a piece may
be a byte.
"""
MAX_FAULTS = 50
LARGEST = 256 * 1024 * 1024
"""No segment is larger (bytes)."""
LONGEST_LIST = 16 * 1024 * 1024
"""No playlist is longer (bytes): a day of segments has half of it."""


@dataclass(frozen=True, slots=True)
class FetchedSegment:
    """A fetched segment with its initialisation segment before it.

    ``run`` counts discontinuities; ``fetched`` and ``listed`` are Unix ns: when it was here, and when its entry was
    first seen (None: it stood there before, among others); ``ends`` is the programme time of its end (Unix ns) or None.
    """

    data: bytes
    run: int
    duration: float
    fetched: int
    listed: int | None
    ends: int | None


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a server gave: the body, and its content type in small letters."""

    content: bytes
    kind: str

    @property
    def text(self) -> str:
        """A playlist is UTF-8 (RFC 8216, 4.1)."""
        return self.content.decode("utf-8", "replace")


@dataclass(slots=True)
class Delivery:
    """What was noticed about the delivery itself."""

    faults: list[str] = field(default_factory=list[str])
    polls: int = 0
    segments: int = 0
    bytes: int = 0
    target: int = 0
    live: bool = False

    def note(self, fault: str) -> None:
        """Keep a fault once; of very many the first, and that there were more."""
        if fault not in self.faults and len(self.faults) <= MAX_FAULTS:
            self.faults.append(fault if len(self.faults) < MAX_FAULTS else "there were more faults than these")


class HlsViewer:
    """Follows one playlist. Blocking: run it in a thread of its own."""

    def __init__(self, url: str, clock: Clock, client: httpx.Client) -> None:
        self.delivery = Delivery()
        self._url = url
        self._clock = clock
        self._client = client
        self._last: Playlist | None = None
        self._played: int | None = None
        self._run = 0
        self._maps: dict[str, bytes] = {}

    def start(self) -> Playlist:
        """Load the playlist for the first time. Raises :class:`InputError` when the address gives none."""
        playlist = self._first()
        self.delivery.live = not playlist.ended
        self.delivery.target = playlist.target
        return playlist

    def pieces(self, playlist: Playlist, seconds: float | None) -> Iterator[FetchedSegment]:
        """Segments in order until ``seconds`` of them were played (None: until the list ends).

        Begins three target durations before the end of a live list, at the beginning of one that has ended.
        """
        begun = grown = self._clock.now()
        left = float("inf") if seconds is None else seconds
        tick = 0
        while left > 0:
            fresh = self._fresh(playlist)
            if fresh:
                grown = self._clock.now()
            elif self._clock.now() - grown > STALL:
                self.delivery.note(f"the playlist gained nothing for more than {STALL // SECOND} s")
            listed = self._clock.wall()
            for entry in fresh:
                fresh_now = self.delivery.polls > 0 or entry is fresh[-1]
                if left > 0 and (piece := self._fetch(entry, listed if fresh_now else None)):
                    left -= piece.duration
                    yield piece
            if playlist.ended or self._clock.now() - grown > 5 * STALL:
                return
            tick = max(tick + 1, (self._clock.now() - begun) // POLL)
            self._clock.sleep_until(begun + tick * POLL)
            playlist = self._poll() or playlist

    def _fresh(self, playlist: Playlist) -> list[ListedSegment]:
        if self._played is not None:
            return [entry for entry in playlist.entries if entry.sequence > self._played]
        return list(playlist.entries if playlist.ended else playlist.entries[-HOLD_BACK:])

    def _first(self, nested: bool = False) -> Playlist:
        answer = self._get(self._url, listing=True)
        if isinstance(answer, str):
            raise InputError(answer, where=self._url, remedy="Is the show on air, and the address right?")
        if not nested and (uri := variant(answer.text)):
            self._url = urljoin(self._url, uri)
            return self._first(nested=True)
        self._last = parse_playlist(answer.text, self._url)
        for fault in playlist_faults(None, self._last):
            self.delivery.note(fault)
        if "mpegurl" not in answer.kind:
            self.delivery.note("the playlist's content type is not application/vnd.apple.mpegurl")
        return self._last

    def _poll(self) -> Playlist | None:
        self.delivery.polls += 1
        answer = self._get(self._url, listing=True)
        if isinstance(answer, str):
            self.delivery.note(f"the playlist could not be loaded: {answer}")
            return None
        try:
            playlist = parse_playlist(answer.text, self._url)
        except InputError as error:
            self.delivery.note(str(error))
            return None
        for fault in playlist_faults(self._last, playlist):
            self.delivery.note(fault)
        self._last = playlist
        return playlist

    def _fetch(self, entry: ListedSegment, listed: int | None) -> FetchedSegment | None:
        if self._played is not None and entry.sequence > self._played + 1:
            self.delivery.note(
                f"segments {self._played + 1} to {entry.sequence - 1} left the playlist before they were seen"
            )
        self._played = entry.sequence
        self._run += entry.discontinuity
        head = self._map(entry.map) if entry.map else b""
        answer = self._get(urljoin(self._url, entry.uri))
        if isinstance(answer, str) or head is None:
            self.delivery.note(
                f"segment {entry.sequence} could not be loaded: {answer if isinstance(answer, str) else entry.map}"
            )
            return None
        self.delivery.segments += 1
        self.delivery.bytes += len(answer.content)
        ends = None if entry.wall_ns is None else entry.wall_ns + round(entry.duration * SECOND)
        return FetchedSegment(head + answer.content, self._run, entry.duration, self._clock.wall(), listed, ends)

    def _map(self, uri: str) -> bytes | None:
        if uri not in self._maps:
            answer = self._get(urljoin(self._url, uri))
            if isinstance(answer, str):
                return None
            self._maps = {uri: answer.content}
        return self._maps[uri]

    def _get(self, url: str, *, listing: bool = False) -> _Answer | str:
        """The answer, or what went wrong, in words. What never ends (a radio's stream, a camera's) is none."""
        most, until = LONGEST_LIST if listing else LARGEST, self._clock.now() + LOAD
        try:
            with self._client.stream("GET", url) as answer:
                if not answer.is_success:
                    return f"{url} answers {answer.status_code}"
                kind = answer.headers.get("content-type", "").lower()
                if listing and kind.startswith(("audio/", "video/", "image/", "multipart/")) and "mpegurl" not in kind:
                    return f"{url} is no playlist: it gives {kind}"
                body = bytearray()
                for piece in answer.iter_bytes():
                    body += piece
                    if len(body) > most:
                        return f"{url} gives more than {most >> 20} MiB"
                    if self._clock.now() > until:
                        return f"{url} has not given all of its answer in {LOAD // SECOND} s"
                return _Answer(bytes(body), kind)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return f"{url} does not answer ({type(error).__name__}: {error})"


# Decoding


@dataclass(frozen=True, slots=True)
class DecodedPicture:
    """A decoded frame: presentation time (seconds of its run) and luma."""

    at: float
    luma: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class DecodedSound:
    """Decoded sound: time of its first sample (seconds of its run), and the mean of the channels."""

    at: float
    rate: int
    samples: Samples


Decoded: TypeAlias = "DecodedPicture | DecodedSound"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the stream says it is. Rates in Hz and frames per second; 0 or empty where a track is missing."""

    video_codec: str = ""
    profile: str = ""
    width: int = 0
    height: int = 0
    fps: float = 0.0
    audio_codec: str = ""
    sample_rate: int = 0
    channels: int = 0


class RunDecoder:
    """Decodes the pieces of one run with decoders that live as long as the run, as a player's do."""

    def __init__(self) -> None:
        self.facts = Facts()
        self._decoders: dict[str, Any] = {}
        self._time_bases: dict[str, Fraction] = {}

    def decode(self, source: bytes | Path) -> Iterator[Decoded]:
        """Decode a piece, or a whole file. Raises :class:`InputError` when it cannot be demuxed or decoded."""
        where = str(source) if isinstance(source, Path) else "a segment"
        try:
            opened = av.open(for_ffmpeg(source) if isinstance(source, Path) else io.BytesIO(source))
            with opened:
                yield from self._demux(opened)
        except (FFmpegError, OSError, ValueError) as error:
            why = error.strerror if isinstance(error, (FFmpegError, OSError)) else str(error)
            raise InputError(f"it does not decode: {why}", where=where, remedy="Give a film that plays.") from error

    def finish(self) -> Iterator[Decoded]:
        """What the decoders still hold."""
        for kind, decoder in self._decoders.items():
            try:
                yield from _frames(decoder.decode(None), self._time_bases[kind])
            except FFmpegError:
                continue  # the end was reached already

    def _demux(self, container: Any) -> Iterator[Decoded]:  # Any: PyAV's types are generic over what it cannot know
        streams = [*container.streams.video[:1], *container.streams.audio[:1]]
        if not streams:
            raise ValueError("no picture and no sound")
        self.facts = _facts(streams)
        for packet in container.demux(*streams):
            if packet.dts is not None:
                decoder = self._decoder(packet.stream)
                yield from _frames(decoder.decode(packet), self._time_bases[packet.stream.type])

    def _decoder(self, stream: Any) -> Any:
        kind: str = stream.type
        self._time_bases[kind] = stream.time_base
        if kind not in self._decoders:
            context: Any = cast(Any, CodecContext).create(stream.codec_context.name, "r")
            context.extradata = stream.codec_context.extradata
            if kind == "audio":
                context.sample_rate = stream.codec_context.sample_rate
                context.layout = stream.codec_context.layout
            else:
                context.thread_count, context.thread_type = 2, ThreadType.SLICE  # frame threads would hold one back
            self._decoders[kind] = context
        return self._decoders[kind]


def _frames(frames: list[Any], time_base: Fraction) -> Iterator[Decoded]:
    """``time_base`` is their packets': a frame that was held back for one to come (B-frames) has none at the end."""
    for frame in frames:
        if frame.pts is None:
            continue
        at = float(frame.pts * time_base)
        if isinstance(frame, VideoFrame):
            yield DecodedPicture(at, _luma(frame))
        elif isinstance(frame, AudioFrame):
            planes = frame.to_ndarray().astype(np.float32, copy=False)
            yield DecodedSound(at, frame.sample_rate, planes.mean(0) if frame.format.is_planar else planes.reshape(-1))


def _luma(frame: VideoFrame) -> NDArray[np.uint8]:
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(cast(Any, plane)), np.uint8).reshape(-1, plane.line_size)
    return rows[: frame.height, : frame.width]


def _facts(streams: list[Any]) -> Facts:
    values: dict[str, Any] = {}
    for stream in streams:
        context = stream.codec_context
        if stream.type == "video":
            values |= {"video_codec": context.name, "profile": context.profile or "", "width": context.width}
            values |= {"height": context.height, "fps": float(stream.base_rate or stream.guessed_rate or 0)}
        else:
            values |= {"audio_codec": context.name, "sample_rate": context.sample_rate, "channels": context.channels}
    return Facts(**values)
