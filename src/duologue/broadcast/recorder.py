"""A recording that plays at any moment: the initialisation segment, then fragments as they come.

Nothing has to be written at the end, so a process that was killed leaves a file that lacks its last second at most. A
thread of its own writes; when the disk is full or gone that is reported, the show goes on, and so does the recording,
in a new file, as soon as the disk takes it again. So it is with a pipe (``mkfifo``) and who reads it, who is given the
beginning each time.
"""

from __future__ import annotations

import contextlib
import math
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from duologue.broadcast.boxes import moved, runs
from duologue.broadcast.disk import PASSING, DiskFile
from duologue.broadcast.fmp4 import AUDIO_TRACK, VIDEO_TIMESCALE, VIDEO_TRACK
from duologue.broadcast.packets import StreamFormat
from duologue.broadcast.recording_files import RecordingFiles
from duologue.broadcast.run_marks import run_mark
from duologue.errors import DuologueError, InputError, PeerError, in_words

QUEUE = 30
"""Segments that may wait for the disk (about as many seconds); more are left out, and counted."""
RETRY = 10
"""Segments after which a disk that failed is tried again."""


@dataclass(frozen=True, slots=True)
class RecordingLimits:
    """When a new file begins, and how much is kept: seconds and bytes of a file, bytes of all; 0 is no limit.

    With ``keep`` a file has no more than half of it, so that there is always an older one to remove.
    """

    seconds: float = 3600.0
    size: int = 0
    keep: int = 0

    def full(self, seconds: float, size: int) -> bool:
        """Whether a file of this length would be too long."""
        sizes = [limit for limit in (self.size, self.keep // 2) if limit]
        return bool(self.seconds and seconds >= self.seconds) or any(size > limit for limit in sizes)


class Why(StrEnum):
    """Why a file was begun."""

    START = "start"
    FULL = "full"
    FORMAT = "format"
    RESUMED = "resumed"


@dataclass(frozen=True, slots=True)
class RecordingContinued:
    """The recording goes on in ``path``. ``lost`` segments were left out before it."""

    path: Path
    why: Why
    lost: int = 0


@dataclass(frozen=True, slots=True)
class RecordingRemoved:
    """The oldest file of the recording is gone, as asked."""

    path: Path


@dataclass(frozen=True, slots=True)
class RecordingTrouble:
    """The recording stopped for now, lags behind, or cannot be kept within its bound."""

    error: PeerError


RecorderEvent: TypeAlias = RecordingContinued | RecordingRemoved | RecordingTrouble


@dataclass(frozen=True, slots=True)
class _Beginning:
    """How a run begins. ``lossless``: all of the run before it was taken."""

    format: StreamFormat
    init: bytes
    lossless: bool = True


_Entry: TypeAlias = tuple[_Beginning | None, bytes] | None


@dataclass(frozen=True, slots=True)
class RecorderState:
    """How the recording stands: ``segments`` written, ``written`` bytes of the newest file.

    ``dropped`` segments found the queue full or the disk failing; ``failure`` is why nothing is written at present.
    """

    files: tuple[Path, ...]
    segments: int
    written: int
    dropped: int
    waiting: int
    failure: PeerError | None


class ProgrammeRecorder:
    """Writes one programme to ``path``, or where that holds something to ``NAME.2.mp4`` and so on.

    But for :meth:`finish` the methods return at once, and none of them raises what the disk does. Each file begins at
    time 0. A new run of the same format goes on in the same file, moved in time to the end of what is written; one of
    another format in the next. ``listener`` is told, in the recorder's thread or its caller's. Raises
    :class:`InputError` when ``path`` can never be written (its folder is missing, or is not ours to write to).
    """

    def __init__(
        self,
        path: Path,
        limits: RecordingLimits | None = None,
        listener: Callable[[RecorderEvent], None] = lambda event: None,
    ) -> None:
        self._path = path
        self._piped = False
        self._limits = limits or RecordingLimits()
        self._tell = listener
        self._names = RecordingFiles(path, self._limits.keep)
        self._files: list[Path] = []
        self._file: DiskFile | None = None
        self._queue: queue.Queue[_Entry] = queue.Queue(QUEUE)
        self._beginning: _Beginning | None = None
        self._current: _Beginning | None = None
        self._run_of: _Beginning | None = None
        self._format: StreamFormat | None = None
        self._ends: dict[int, int] = {}
        self._shift: dict[int, int] | None = None
        self._segments = self._written = self._dropped = self._lost = self._pause = 0
        self._late = False
        self._failure: PeerError | None = None
        try:
            self._piped = path.is_fifo()
            self._next_file(Why.START)
        except OSError as error:
            if error.errno not in PASSING:
                raise InputError(
                    f"the recording cannot be written: {error.strerror}", where=str(path), remedy="Choose another file."
                ) from error
            self._stop(error)
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    @property
    def state(self) -> RecorderState:
        """As of now."""
        waiting = self._queue.qsize()
        return RecorderState(
            tuple(self._files), self._segments, self._written, self._dropped, waiting, self._failure
        )  # fmt: skip

    def begin(self, format: StreamFormat, init: bytes) -> None:
        """A run begins, the first one or another after a discontinuity."""
        self._current = _Beginning(format, init, lossless=not self._late)
        self._beginning = self._current  # travels with its first segment: no full queue loses it

    def write(self, data: bytes) -> None:
        """Append a media segment."""
        try:
            self._queue.put_nowait((self._beginning, data))
            self._beginning = None
            self._late = False
        except queue.Full:
            self._dropped += 1
            if self._current is not None:  # what follows the hole is a run of its own
                self._beginning = replace(self._current, lossless=False)
            if not self._late:
                self._tell(RecordingTrouble(self._error("the disk does not keep up with the recording")))
            self._late = True

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
            self._failure = self._error(f"the disk did not take the recording's last segments in {patience:g} s")
            self._tell(RecordingTrouble(self._failure))
        return self.state

    # The recorder's thread

    def _run(self) -> None:
        while (entry := self._queue.get()) is not None:
            beginning, data = entry
            if beginning is not None:
                self._run_of, self._shift = beginning, None
            try:
                self._record(data)
            except (OSError, DuologueError) as error:
                self._leave_out()
                self._stop(error)
        self._close()

    def _record(self, data: bytes) -> None:
        if self._run_of is None:
            return  # nothing plays without its beginning
        if self._file is None:
            self._pause -= 1
            if self._pause > 0:
                self._leave_out()
                return
            self._next_file(Why.RESUMED)
        elif self._format is not None and self._format != self._run_of.format:
            self._next_file(Why.FORMAT)
        elif self._file.regular and self._ends and self._limits.full(self._seconds(), self._file.size + len(data)):
            self._next_file(Why.FULL)
        self._append(data, self._run_of)

    def _append(self, data: bytes, run: _Beginning) -> None:
        assert self._file is not None
        begins, self._shift = self._shift is None, self._shift or self._placing(data, run.format.sample_rate)
        data = moved(data, self._shift)
        piece = data if self._format is not None else run.init + data
        if begins and self._format is not None and run.lossless:  # a hole of ours is not passed off as the show's
            piece = run_mark(runs(data)[0].time) + data
        self._trim(self._file.size + len(piece))
        self._file.append(piece)
        self._format = run.format
        self._segments += 1
        self._written = self._file.size
        self._ends |= {each.track: each.time + each.duration for each in runs(data)}
        if self._failure is not None:
            self._tell(RecordingContinued(self._file.path, Why.RESUMED, self._lost))
            self._failure, self._lost = None, 0

    def _placing(self, data: bytes, sample_rate: int) -> dict[int, int]:
        """How far a run must be moved to follow what is written, in ticks of each track.

        Both tracks move by the same time, so their sync is kept; it is a multiple of the finest grid on which both have
        whole ticks. One of them may be left a hole of less than an access unit.
        """
        scales = {VIDEO_TRACK: VIDEO_TIMESCALE, AUDIO_TRACK: sample_rate}
        grid = math.gcd(*scales.values())
        steps = [-((run.time - self._ends.get(run.track, 0)) * grid // scales[run.track]) for run in runs(data)]
        late = max(steps, default=0)
        return {track: late * scale // grid for track, scale in scales.items()}

    def _seconds(self) -> float:
        return self._ends.get(VIDEO_TRACK, 0) / VIDEO_TIMESCALE

    def _next_file(self, why: Why) -> None:
        following = self._names.open()
        self._close()
        self._file = following
        self._format, self._ends, self._shift, self._written = None, {}, None, 0
        self._files.append(following.path)
        if why is not Why.RESUMED:  # that is told when the disk has taken something
            self._tell(RecordingContinued(following.path, why))

    def _close(self) -> None:
        file, self._file = self._file, None
        with contextlib.suppress(OSError):  # all of it is on the disk already, or was reported
            if file is not None:
                file.close()

    def _trim(self, newest: int) -> None:
        try:
            for path in self._names.trim(newest):
                self._tell(RecordingRemoved(path))
        except OSError as error:
            self._tell(RecordingTrouble(self._error(f"an old file of the recording stays: {error.strerror}")))

    def _leave_out(self) -> None:
        self._dropped += 1
        self._lost += 1

    def _stop(self, error: OSError | DuologueError) -> None:
        """Leave the file as far as it is whole, and try another later."""
        words = error.strerror if isinstance(error, OSError) else in_words(error)
        failure = self._error(f"the recording stopped: {words}")
        if self._file is not None and self._format is None:  # nothing was written to it
            self._files.remove(self._file.path)
        self._close()
        self._pause = RETRY
        if self._failure is None:  # else it is told already
            self._failure = failure
            self._tell(RecordingTrouble(failure))

    def _error(self, what: str) -> PeerError:
        where = str(self._files[-1] if self._files else self._path)
        mend = "See to who reads the pipe" if self._piped else "Free some space"
        return PeerError(what, where=where, remedy=f"{mend}: it goes on by itself, as the show does.")
