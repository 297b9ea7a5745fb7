"""The live playlist and its segments, in memory (RFC 8216, protocol version 7: fragmented MP4).

A viewer that follows the playlist starts three segments behind its end. Its numbers go on where those of the run before
ended (:class:`Position`), so that to every client a program that was started anew is a discontinuity and no more. Where
nothing is known of a run before, the first media sequence number is the wall time in seconds, and segments are named
after the wall time of their first frame too: nothing a browser or a proxy kept from an earlier show is ever mistaken
for this one's.

Times in the segments do not step back either, though the format allows it at a discontinuity: FFmpeg (and what is built
on it) reads on over one as if there were none, and discards the whole fragment whose times lie before the last ones.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from duologue.broadcast.boxes import moved, runs
from duologue.broadcast.fmp4 import AUDIO_TRACK, VIDEO_TIMESCALE, VIDEO_TRACK, Segment
from duologue.broadcast.packets import StreamFormat
from duologue.clock import MILLISECOND, SECOND
from duologue.errors import InternalError

PLAYLIST = "index.m3u8"
"""The playlist's name beside its segments."""
TARGET_DURATION = 1
"""Seconds; every segment's length rounds to no more (RFC 8216, 4.3.3.1)."""
PLAYLIST_TYPE = "application/vnd.apple.mpegurl"
SEGMENT_TYPE = "video/mp4"


@dataclass(frozen=True, slots=True)
class Resource:
    """What an HTTP server answers: the body and its two headers."""

    data: bytes
    content_type: str
    cache_control: str


@dataclass(frozen=True, slots=True)
class Position:
    """How far a programme's numbers have come: the media sequence number and the discontinuity sequence number of its
    newest segment, and the time in the stream at which its picture and its sound have ended (ms, rounded up).
    """

    sequence: int
    discontinuity: int
    end: int


@dataclass(frozen=True, slots=True)
class _Listed:
    at: Position
    name: str
    init: str
    duration: float
    wall_ns: int
    discontinuity: bool


class HlsStore:
    """One programme. Everything is immediate and in memory; use it from one thread.

    ``window`` segments are listed; as many again, and two, stay fetchable after they left the list (RFC 8216, 6.2.2).
    ``before`` is where an earlier run of the same programme ended: this one goes on from there, with a discontinuity.
    """

    def __init__(self, window: int = 10, before: Position | None = None) -> None:
        self._window = window
        self._kept = 2 * window + 2
        self._segments: deque[_Listed] = deque()
        self._files: dict[str, bytes] = {}
        self._init = ""
        self.position = before
        """How far the numbers have come, which a later run has to go on from; None before the first segment of all."""
        self._broken = False
        self._sample_rate = 0
        self._placing = True
        """Whether the next segment is the first one of its run."""
        self._late = 0
        """By how much times are moved (ms), so that they go on after those of the run before."""

    def begin(self, format: StreamFormat, init: bytes) -> None:
        """A run of segments begins. A second call is a discontinuity, and its initialisation segment a new one."""
        self._broken = self.position is not None
        self._sample_rate = format.sample_rate
        self._placing = True
        self._init = f"init-{format.width}x{format.height}-{sha256(init).hexdigest()[:12]}.mp4"
        self._files[self._init] = init

    def push(self, segment: Segment, wall_ns: int) -> None:
        """List a segment; ``wall_ns`` is the Unix time at which its first frame is due (ns)."""
        if not self._init:
            raise InternalError("a segment was pushed before the programme began")
        if round(segment.duration) > TARGET_DURATION:
            raise InternalError(f"a segment of {segment.duration:.2f} s breaks the target of {TARGET_DURATION} s")
        before = self.position or Position(wall_ns // SECOND - 1, 0, 0)
        data, end = self._placed(segment.data, before.end)
        newest = Position(before.sequence + 1, before.discontinuity + self._broken, end)
        name = f"{wall_ns // MILLISECOND}-{newest.sequence}.m4s"
        self._files[name] = data
        self._segments.append(_Listed(newest, name, self._init, segment.duration, wall_ns, self._broken))
        self.position = newest
        self._broken = False
        self._forget()

    def playlist(self) -> str:
        """The media playlist as of now."""
        listed = list(self._segments)[-self._window :]
        first = listed[0].at if listed else Position(0, 0, 0)
        passed = first.discontinuity - listed[0].discontinuity if listed else 0
        lines = [
            "#EXTM3U",
            "#EXT-X-VERSION:7",
            f"#EXT-X-TARGETDURATION:{TARGET_DURATION}",
            f"#EXT-X-MEDIA-SEQUENCE:{first.sequence}",
            f"#EXT-X-DISCONTINUITY-SEQUENCE:{passed}",
            "#EXT-X-INDEPENDENT-SEGMENTS",
        ]
        init = ""
        for segment in listed:
            lines += _entry(segment, init)
            init = segment.init
        return "\n".join(lines) + "\n"

    def get(self, name: str) -> Resource | None:
        """The playlist, an initialisation segment or a segment by its name.

        None for what is not (or no longer) there.
        """
        if name == PLAYLIST:
            return Resource(self.playlist().encode(), PLAYLIST_TYPE, "no-cache")
        data = self._files.get(name)
        return None if data is None else Resource(data, SEGMENT_TYPE, "public, max-age=3600, immutable")

    def _placed(self, data: bytes, before: int) -> tuple[bytes, int]:
        """A segment moved to where its run lies in the stream, and its end there (ms); the run ``before`` it ended at
        that.

        Both tracks move by the same time, so their sync is kept; a millisecond is a whole number of ticks in both.
        """
        ticks = {VIDEO_TRACK: VIDEO_TIMESCALE // 1000, AUDIO_TRACK: self._sample_rate // 1000}
        found = runs(data)
        if self._placing:
            self._late = max(self._late, before - min(run.time // ticks[run.track] for run in found))
            self._placing = False
        end = max(-(-(run.time + run.duration) // ticks[run.track]) for run in found)
        if self._late:
            data = moved(data, {track: self._late * each for track, each in ticks.items()})
        return data, end + self._late

    def _forget(self) -> None:
        while len(self._segments) > self._kept:
            old = self._segments.popleft()
            del self._files[old.name]
        used = {self._init, *(segment.init for segment in self._segments)}
        for name in [name for name in self._files if name.startswith("init-") and name not in used]:
            del self._files[name]


def _entry(segment: _Listed, init: str) -> list[str]:
    """A segment's lines; ``init`` is the initialisation segment in force before it."""
    lines = ["#EXT-X-DISCONTINUITY"] if segment.discontinuity else []
    if segment.init != init:  # an equal one stays in force (4.3.2.5); FFmpeg complains when it is named again
        lines.append(f'#EXT-X-MAP:URI="{segment.init}"')
    stamp = datetime.fromtimestamp(segment.wall_ns // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    milliseconds = segment.wall_ns % SECOND // MILLISECOND
    lines += [
        f"#EXT-X-PROGRAM-DATE-TIME:{stamp}.{milliseconds:03d}Z",
        f"#EXTINF:{segment.duration:.5f},",
        segment.name,
    ]
    return lines
