"""Where encoded packets go: cut into segments once, then to the live playlist and the recording.

It lives in the main process, so that the stage may die while the stream goes on: a new stage begins here again, which
the playlist tells its viewers as a discontinuity.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from duologue.broadcast.fmp4 import Segment, Segmenter, init_segment
from duologue.broadcast.hls import HlsStore, Position
from duologue.broadcast.packets import Packet, StreamFormat, Track
from duologue.broadcast.recorder import ProgrammeRecorder
from duologue.clock import SECOND
from duologue.errors import InternalError, in_words
from duologue.telemetry.log import get_logger

NEWEST = 10
"""Segments, a second each, that rates are told of."""
log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OutletRate:
    """What goes out in a second, of the newest segments."""

    bits: float
    frames: float


class Outlet:
    """One programme's way out. ``segments`` counts what was cut, ``next_frame`` is the one after the last that came,
    ``breaks`` the runs that went on after another; ``failure`` is what was wrong with packets last.

    ``remember`` is told the stream's position before a viewer can see it (:mod:`duologue.app.show.stream_memory`).
    """

    def __init__(
        self,
        hls: HlsStore,
        recorder: ProgrammeRecorder | None = None,
        remember: Callable[[Position], None] = lambda position: None,
    ) -> None:
        self.hls = hls
        self.recorder = recorder
        self.segments = 0
        self.next_frame = 0
        self.breaks = 0
        self.failure = ""
        self._newest: deque[Segment] = deque(maxlen=NEWEST)
        self._broken = False
        self._remember = remember
        self._segmenter: Segmenter | None = None
        self._wall_origin = 0
        self._fps = 30

    @property
    def on_air(self) -> bool:
        """Whether a viewer finds something to play."""
        return self.segments > 0

    @property
    def rate(self) -> OutletRate | None:
        """None before the first segment."""
        seconds = sum(each.duration for each in self._newest)
        if not seconds:
            return None
        size, frames = sum(len(each.data) for each in self._newest), sum(each.frames for each in self._newest)
        return OutletRate(8 * size / seconds, frames / seconds)

    def begin(self, format: StreamFormat, wall_origin: int) -> None:
        """A run of packets begins (again): a new stage, a jump ahead in time, or another format.

        ``wall_origin`` is the Unix time of frame 0 (ns). Raises :class:`InternalError` for a format that is none;
        whatever went wrong before is forgotten.
        """
        self.finish()  # what a stage that died had got out is still worth showing
        init = init_segment(format)
        self._segmenter = Segmenter(format)
        self._wall_origin = wall_origin
        self._fps = format.fps
        self._broken = self.on_air
        self.hls.begin(format, init)
        if self.recorder is not None:
            self.recorder.begin(format, init)

    def feed(self, packets: Iterable[Packet]) -> None:
        """Take packets in decode order.

        Raises :class:`InternalError` for packets that make no stream; nothing is taken then until the next
        :meth:`begin`.
        """
        if self._segmenter is None:
            return  # the last packets of a stage that was given up
        try:
            for packet in packets:
                for segment in self._segmenter.add(packet):
                    self._publish(segment)
                if packet.track is Track.VIDEO:
                    self.next_frame = packet.pts + packet.duration
        except InternalError as error:
            self._segmenter, self.failure = None, in_words(error)
            raise

    def finish(self) -> None:
        """No more packets come from this stage: give out what is not yet cut, as far as it can be shown."""
        segmenter, self._segmenter = self._segmenter, None
        try:
            for segment in segmenter.flush() if segmenter is not None else ():
                self._publish(segment)
        except InternalError as error:
            self.failure = in_words(error)
            log.error("outlet.rest_lost", error=str(error))

    def _publish(self, segment: Segment) -> None:
        self.hls.push(segment, self._wall_origin + segment.start * SECOND // self._fps)
        if (position := self.hls.position) is not None:
            self._remember(position)
        self.segments += 1
        self._newest.append(segment)
        self.breaks += self._broken
        self._broken = False
        if self.recorder is not None:
            self.recorder.write(segment.data)
