"""Reading back fragments of our own kind: where each track's run lies in time, and moving it."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from duologue.errors import InputError

_CONTAINERS = ("moov", "trak", "mdia", "minf", "stbl", "mvex", "moof", "traf")


@dataclass(frozen=True, slots=True)
class Box:
    """A box: its kind, and where its contents begin and end in the data it was found in."""

    kind: str
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class TrackRun:
    """One track's samples in a fragment: decode time and duration in the track's ticks.

    And where the time is stored.
    """

    track: int
    time: int
    duration: int
    samples: int
    time_at: int


def boxes(data: bytes, begin: int = 0, end: int | None = None) -> Iterator[Box]:
    """Every box in ``data``, containers before their contents. Raises :class:`InputError` for what is no box."""
    end = len(data) if end is None else end
    while begin < end:
        if end - begin < 8:
            raise InputError("a box is cut short", where=f"byte {begin}")
        size, kind = struct.unpack_from(">I4s", data, begin)
        if size < 8 or begin + size > end:
            raise InputError(f"a box of {size} bytes does not fit", where=f"byte {begin}")
        found = Box(kind.decode("latin-1"), begin + 8, begin + size)
        yield found
        if found.kind in _CONTAINERS:
            yield from boxes(data, found.begin, found.end)
        begin = found.end


def runs(data: bytes) -> list[TrackRun]:
    """The runs of a media segment that :mod:`duologue.broadcast.fmp4` made (``tfdt`` of 64 bits.

    A duration per sample).
    """
    found: list[TrackRun] = []
    track = time = time_at = 0
    for box in boxes(data):
        if box.kind == "tfhd":
            (track,) = struct.unpack_from(">I", data, box.begin + 4)
        elif box.kind == "tfdt":
            time_at = box.begin + 4
            (time,) = struct.unpack_from(">Q", data, time_at)
        elif box.kind == "trun":
            (count,) = struct.unpack_from(">I", data, box.begin + 4)
            entries = struct.iter_unpack(">3I", data[box.begin + 12 : box.begin + 12 + 12 * count])
            found.append(TrackRun(track, time, sum(entry[0] for entry in entries), count, time_at))
    return found


def moved(data: bytes, ticks: Mapping[int, int]) -> bytes:
    """The same segment, each track's decode time moved by ``ticks[track]``."""
    copy = bytearray(data)
    for run in runs(data):
        struct.pack_into(">Q", copy, run.time_at, run.time + ticks.get(run.track, 0))
    return bytes(copy)
