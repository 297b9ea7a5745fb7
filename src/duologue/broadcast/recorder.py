"""A recording that plays at any moment: the initialisation segment, then fragments as they come.

Nothing has to be written at the end, so a process that was killed leaves a file that lacks its last second at most. A
thread of its own writes; when the disk is full or gone the recording ends with an error that is reported, and the show
goes on.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from duologue.broadcast.boxes import moved, runs
from duologue.broadcast.fmp4 import AUDIO_TRACK, VIDEO_TIMESCALE, VIDEO_TRACK
from duologue.broadcast.packets import StreamFormat
from duologue.errors import InputError, PeerError

QUEUE = 30
"""Segments that may wait for the disk (about as many seconds); more are left out, and counted."""

_Beginning: TypeAlias = tuple[StreamFormat, bytes]
_Entry: TypeAlias = tuple[_Beginning | None, bytes] | None


@dataclass(frozen=True, slots=True)
class RecorderState:
    """How the recording stands: ``segments`` written, ``written`` bytes of the newest file.

    ``dropped`` segments found the queue full or the recording ended; ``failure`` ended it.
    """

    files: tuple[Path, ...]
    segments: int
    written: int
    dropped: int
    waiting: int
    failure: PeerError | None


class Recorder:
    """Writes one programme to ``path``.

    But for :meth:`finish` the methods return at once, and none of them raises what the disk does. A new run of the same
    format goes on in the same file, moved in time where it overlaps what is written; one of another format in
    ``NAME.2.mp4``, and so on. ``on_failure`` is called in the recorder's thread. Raises :class:`InputError` when
    ``path`` cannot be opened or holds something already.
    """

    def __init__(self, path: Path, on_failure: Callable[[PeerError], None] | None = None) -> None:
        self._path = path
        self._on_failure = on_failure
        self._files = [path]
        self._descriptor = _create(path)
        self._queue: queue.Queue[_Entry] = queue.Queue(QUEUE)
        self._regular = path.is_file()
        self._beginning: _Beginning | None = None
        self._format: StreamFormat | None = None
        self._ends: dict[int, int] = {}
        self._shift: dict[int, int] | None = {}
        self._good = self._segments = self._dropped = 0
        self._failure: PeerError | None = None
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    @property
    def state(self) -> RecorderState:
        """As of now."""
        waiting = self._queue.qsize()
        return RecorderState(
            tuple(self._files), self._segments, self._good, self._dropped, waiting, self._failure
        )  # fmt: skip

    def begin(self, format: StreamFormat, init: bytes) -> None:
        """A run begins, the first one or another after a discontinuity."""
        self._beginning = (format, init)  # travels with its first segment, so that no full queue loses it

    def write(self, data: bytes) -> None:
        """Append a media segment."""
        try:
            self._queue.put_nowait((self._beginning, data))
            self._beginning = None
        except queue.Full:
            self._dropped += 1

    def finish(self, patience: float = 10.0) -> RecorderState:
        """Write what waits and close the file; waits ``patience`` seconds for the disk.

        Nothing can be written after it.
        """
        try:
            self._queue.put(None, timeout=patience)
            self._thread.join(patience)
        except queue.Full:
            pass  # the thread is stuck in a write, as the next line finds
        if self._thread.is_alive():
            self._report(f"the disk did not take the recording's last segments in {patience:g} s")
        return self.state

    def _run(self) -> None:
        while (entry := self._queue.get()) is not None:
            if self._failure is not None:
                self._dropped += 1
                continue
            beginning, data = entry
            try:
                if beginning is not None:
                    self._change(*beginning)
                self._append(data)
            except OSError as error:
                self._dropped += 1
                self._take_back()
                self._report(f"the recording stopped: {error.strerror}")
        os.close(self._descriptor)

    def _change(self, format: StreamFormat, init: bytes) -> None:
        """Another run: on in this file where its format is the same, else in the next."""
        before, self._format = self._format, format
        if format == before:
            self._shift = None
            return
        if before is not None:
            following = self._free_name()
            descriptor = os.open(following, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            os.close(self._descriptor)
            self._descriptor = descriptor
            self._files.append(following)
            self._good = 0
        self._ends, self._shift = {}, {}
        self._put(init)

    def _append(self, data: bytes) -> None:
        if self._shift is None:
            self._shift = self._overlap(data)
        if self._shift:
            data = moved(data, self._shift)
        self._put(data)
        if self._regular:
            os.fdatasync(self._descriptor)  # a second of film outlives even a power cut
        self._segments += 1
        self._ends |= {run.track: run.time + run.duration for run in runs(data)}

    def _overlap(self, data: bytes) -> dict[int, int]:
        """How far a new run must move so that it begins after the one before, in ticks of each track.

        Both tracks move by the same time, a multiple of 1/750 s: the finest grid on which both have whole ticks.
        """
        rate = self._format.sample_rate if self._format else VIDEO_TIMESCALE
        scales = {VIDEO_TRACK: VIDEO_TIMESCALE, AUDIO_TRACK: rate}
        grid = 750
        late = 0
        for run in runs(data):
            overlap = self._ends.get(run.track, 0) - run.time
            late = max(late, -(-overlap * grid // scales[run.track]))
        return {track: late * scale // grid for track, scale in scales.items()} if late else {}

    def _put(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]
        self._good += len(data)

    def _free_name(self) -> Path:
        number = len(self._files) + 1
        while (path := self._path.with_name(f"{self._path.stem}.{number}{self._path.suffix}")).exists():
            number += 1
        return path

    def _take_back(self) -> None:
        """Remove the half of a fragment from the end."""
        try:
            os.ftruncate(self._descriptor, self._good)
        except OSError:
            pass  # a device; what was written stays

    def _report(self, what: str) -> None:
        self._failure = PeerError(
            what, where=str(self._files[-1]), remedy="Free some space and start a new recording; the show goes on."
        )
        if self._on_failure is not None:
            self._on_failure(self._failure)


def _create(path: Path) -> int:
    try:
        if path.is_file() and path.stat().st_size:
            raise InputError("the recording's file exists", where=str(path), remedy="Remove it or choose another name.")
        return os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
    except OSError as error:
        raise InputError(
            f"the recording cannot be written: {error.strerror}", where=str(path), remedy="Choose another file."
        ) from error
