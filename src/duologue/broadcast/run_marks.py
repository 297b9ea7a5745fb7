"""Where a run begins in the middle of a recording: what lies between it and the run before was never on air.

A playlist tells that as a discontinuity. In a file, where the run follows at once, it is an event message before its
first fragment (``emsg``, ISO/IEC 23009-1, 5.10.3.3), which players pass over; so whoever proves the recording can tell
what the show left out from what the recording lost.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from duologue.broadcast.fmp4 import VIDEO_TIMESCALE, full_box

SCHEME = b"urn:duologue:run\0"
"""Says whose message it is; ours has no more to it than its time."""
_HEADER = struct.Struct(">4xIQII")
"""Version and flags, timescale, presentation time, event duration, id (version 1)."""


def run_mark(at: int) -> bytes:
    """The mark of a run whose first picture is at ``at`` (90 kHz ticks of the file)."""
    no_duration = number = 0
    return full_box("emsg", 1, 0, struct.pack(">IQII", VIDEO_TIMESCALE, at, no_duration, number), SCHEME, b"\0")


def marked_runs(path: Path) -> list[float]:
    """When the marked runs of a file begin (seconds), in its order; of a file that is no MP4 none.

    Only boxes' headers are read. Raises :class:`OSError` as the disk does.
    """
    found: list[float] = []
    with path.open("rb") as file:
        while box := _next_box(file):
            kind, body = box
            if kind == b"emsg" and len(body) >= _HEADER.size and body[_HEADER.size :].startswith(SCHEME):
                timescale, at, _, _ = _HEADER.unpack_from(body)
                found.append(at / timescale)
    return found


def _next_box(file: BinaryIO) -> tuple[bytes, bytes] | None:
    """A top-level box's kind and, of an event message, its contents; None at the end, or where there is no box."""
    header = file.read(8)
    if len(header) < 8:
        return None
    size, kind = struct.unpack(">I4s", header)
    read = 8
    if size == 1:  # a size of 64 bits follows
        large = file.read(8)
        if len(large) < 8:
            return None
        (size,) = struct.unpack(">Q", large)
        read = 16
    if size < read:
        return None
    ours = kind == b"emsg" and size <= 1024
    body = file.read(size - read) if ours else b""
    if not ours:
        file.seek(size - read, 1)
    return kind, body
