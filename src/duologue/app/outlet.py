"""Where encoded packets go: cut into segments once, then to the live playlist and the recording.

It lives in the main process, so that the stage may die while the stream goes on: a new stage begins here again, which
the playlist tells its viewers as a discontinuity.
"""

from __future__ import annotations

from collections.abc import Iterable

from duologue.broadcast.fmp4 import Segment, Segmenter, init_segment
from duologue.broadcast.hls import HlsStore
from duologue.broadcast.packets import Packet, StreamFormat, Track
from duologue.broadcast.recorder import Recorder
from duologue.clock import SECOND


class Outlet:
    """One programme's way out. ``segments`` counts what was cut, ``next_frame`` is the one after the last that came."""

    def __init__(self, hls: HlsStore, recorder: Recorder | None = None) -> None:
        self.hls = hls
        self.recorder = recorder
        self.segments = 0
        self.next_frame = 0
        self._segmenter: Segmenter | None = None
        self._wall_origin = 0
        self._fps = 30

    @property
    def on_air(self) -> bool:
        """Whether a viewer finds something to play."""
        return self.segments > 0

    def begin(self, format: StreamFormat, wall_origin: int) -> None:
        """A stage begins (again). ``wall_origin`` is the Unix time of frame 0 (ns)."""
        self.finish()  # what a stage that died had got out is still worth showing
        init = init_segment(format)
        self._segmenter = Segmenter(format)
        self._wall_origin = wall_origin
        self._fps = format.fps
        self.hls.begin(format, init)
        if self.recorder is not None:
            self.recorder.begin(format, init)

    def feed(self, packets: Iterable[Packet]) -> None:
        """Take packets in decode order."""
        if self._segmenter is None:
            return  # the last packets of a stage that was given up
        for packet in packets:
            if packet.track is Track.VIDEO:
                self.next_frame = packet.pts + 1
            for segment in self._segmenter.add(packet):
                self._publish(segment)

    def finish(self) -> None:
        """No more packets come from this stage: give out what is not yet cut."""
        if self._segmenter is not None:
            for segment in self._segmenter.flush():
                self._publish(segment)
            self._segmenter = None

    def _publish(self, segment: Segment) -> None:
        self.segments += 1
        self.hls.push(segment, self._wall_origin + segment.start * SECOND // self._fps)
        if self.recorder is not None:
            self.recorder.write(segment.data)
