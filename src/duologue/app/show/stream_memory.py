"""How far a programme's stream had come, on the disk: a program that is started again goes on from there.

To a viewer's player media sequence and discontinuity sequence must never step back (RFC 8216, 6.2.2), whatever ended
and whatever the machine's clock says afterwards, and times in the stream should not. So all three are written, second
by second, by a thread of its own: the show waits for no disk.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from dataclasses import asdict, fields
from pathlib import Path

from duologue.broadcast.hls import Position
from duologue.strict_json import members
from duologue.telemetry.log import get_logger

_SIZE = 100
"""Bytes of a record; it is written over the one before it, in one piece."""
_MOST = 1 << 53
"""No number of ours comes near it, and every player reads numbers so large."""
PATIENCE = 3.0
"""Seconds to wait for the disk at the end."""

log = get_logger(__name__)


class StreamMemory:
    """The position in one file, which is this object's alone while it is open; without a ``path`` none is kept.

    Nothing is raised: without a file (it cannot be written, or another program has it) a stream begins its numbers
    with the wall clock, which only a restart with the clock set back can tell.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._latest: Position | None = None
        self._changed = threading.Condition()
        self._closing = False
        self._thread: threading.Thread | None = None
        self.before: Position | None = None
        """Where the run before this one ended."""
        try:
            if path is not None:
                self._open(path)
        except OSError as error:
            reason = "another show holds it" if isinstance(error, BlockingIOError) else error.strerror
            log.warning("stream.memory_unusable", file=str(path), reason=reason)

    def _open(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.before = _position(os.pread(descriptor, _SIZE, 0))
        except OSError:
            os.close(descriptor)
            raise
        self._thread = threading.Thread(target=self._run, args=[descriptor], name="stream memory", daemon=True)
        self._thread.start()

    def keep(self, position: Position) -> None:
        """Write it as soon as the disk takes it; returns at once."""
        with self._changed:
            self._latest = position
            self._changed.notify()

    def close(self) -> None:
        """Write what was kept last and let go of the file; blocks for a moment (:data:`PATIENCE` at most)."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(PATIENCE)

    def _run(self, descriptor: int) -> None:
        failed = False
        while (position := self._next()) is not None:
            record = json.dumps(asdict(position))
            try:
                os.pwrite(descriptor, record.ljust(_SIZE).encode(), 0)
                os.fdatasync(descriptor)
                failed = False
            except OSError as error:
                if not failed:
                    log.warning("stream.memory_unusable", file=str(self._path), reason=error.strerror)
                failed = True
        os.close(descriptor)

    def _next(self) -> Position | None:
        """The newest position that is not written yet; None at the end."""
        with self._changed:
            while self._latest is None and not self._closing:
                self._changed.wait()
            position, self._latest = self._latest, None
            return position


def _position(record: bytes) -> Position | None:
    """What a record says; None for an empty or a damaged one."""
    try:
        found: object = json.loads(record) if record.strip() else {}
    except ValueError:
        found = {}
    known = members(found)
    numbers = [known.get(field.name) for field in fields(Position)]
    sane = [number for number in numbers if isinstance(number, int) and 0 <= number < _MOST]
    return Position(*sane) if len(sane) == len(numbers) else None
