"""Arrays in a file, mapped read-only: processes that open the same file share its memory, and nothing is copied.

A file is a head (magic, length and SHA-256 of the index), the index (JSON: what the caller says of the arrays, where
each begins, the length and CRC-32 of the data), and from the next page on the data. It is written once, under another
name, and never changed. Whoever opens it checks all of that first, so what was cut short, or zeroed by a power cut, is
found before a pixel of it is used. (Checking reads the file through, so that its pages are in memory when they are
first asked for: 40 ms for the 135 MB of a cast of two.)
"""

from __future__ import annotations

import json
import math
import mmap
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Bytes: TypeAlias = NDArray[np.uint8]
"""An array of any shape."""

_MAGIC = b"duoarr01"
_HEAD = struct.Struct("<8sQ32s")
_LINE = 64
"""Arrays begin at whole cache lines."""
_CHUNK = 1024 * 1024
_LONGEST_INDEX = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Mapped:
    """An open file. The arrays cannot be written to; they and their views keep the mapping."""

    meta: Any
    """What the writer said of the arrays, as JSON gives it back."""
    arrays: tuple[Bytes, ...]


def write_mapped(stream: BinaryIO, meta: object, arrays: Sequence[Bytes], usual: int) -> None:
    """Write a file from its beginning. The first ``usual`` arrays are those that are always needed.

    ``meta`` is anything JSON can say. Raises :class:`OSError`, as of a full disk.
    """
    places: list[tuple[int, ...]] = []
    size = often = checksum = 0
    for number, array in enumerate(arrays):
        start = _up(size, _LINE)
        checksum = crc32(np.ascontiguousarray(array).data, crc32(bytes(start - size), checksum))
        places.append((start, *array.shape))
        size = start + array.nbytes
        often = size if number < usual else often
    told = {"meta": meta, "arrays": places, "size": size, "often": often, "crc": checksum}
    index = json.dumps(told, separators=(",", ":")).encode()
    written = stream.write(_HEAD.pack(_MAGIC, len(index), sha256(index).digest()) + index)
    first = _up(written, mmap.PAGESIZE)
    for (start, *_), array in zip(places, arrays, strict=True):
        stream.write(bytes(first + start - written))
        stream.write(np.ascontiguousarray(array).data)
        written = first + start + array.nbytes


def open_mapped(file: Path) -> Mapped:
    """Check a file and map it. Raises :class:`ValueError` when it is not whole, :class:`OSError` as ``open`` does."""
    with file.open("rb") as stream:
        head = stream.read(_HEAD.size)
        magic, length, digest = _HEAD.unpack(head) if len(head) == _HEAD.size else (b"", 0, b"")
        if magic != _MAGIC or length > _LONGEST_INDEX:
            raise ValueError(f"{file} does not begin as it should")
        index = stream.read(length)
        if sha256(index).digest() != digest:
            raise ValueError(f"the index of {file} is damaged")
        told = json.loads(index)
        first, size = _up(_HEAD.size + length, mmap.PAGESIZE), int(told["size"])
        if os.fstat(stream.fileno()).st_size != first + size or _checksum(stream, first) != told["crc"]:
            raise ValueError(f"{file} is damaged")
        mapping = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    data = np.frombuffer(mapping, np.uint8, size, first)
    data[: told["often"] : mmap.PAGESIZE].sum()  # has these pages mapped, so that no frame waits for them
    arrays = (data[start : start + math.prod(shape)].reshape(shape) for start, *shape in told["arrays"])
    return Mapped(told["meta"], tuple(arrays))


def _checksum(stream: BufferedReader, start: int) -> int:
    """Of what follows ``start``. Read, not mapped: a broken disk is an error here, and a dead process there."""
    stream.seek(start)
    chunk, checksum = bytearray(_CHUNK), 0
    while count := stream.readinto(chunk):
        checksum = crc32(memoryview(chunk)[:count], checksum)
    return checksum


def _up(size: int, step: int) -> int:
    return -(-size // step) * step
