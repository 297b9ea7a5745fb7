"""Files as lines of bytes, whatever wrote them: UTF-16 as Windows' shells write it, NUL bytes, any end of line."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from duologue.errors import InputError

BLOCK = 1 << 20
MOST_LINE = 64 * 1024
"""Bytes; the rest of a longer line is left out (a dump without an end of line is no log)."""
_MARKS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


def lines_of(path: Path) -> Iterator[list[bytes]]:
    """The lines of a file, some thousands at a time, without their ends. Raises :class:`InputError` if it cannot be
    read.
    """
    try:
        with path.open("rb") as file:
            yield from _lines(file)
    except OSError as error:
        raise InputError(
            f"the log cannot be read: {error.strerror}", where=str(path), remedy="Check the name."
        ) from error


def _lines(file: BinaryIO) -> Iterator[list[bytes]]:
    rest = b""
    decoder: codecs.IncrementalDecoder | None = None
    first = True
    while block := file.read(BLOCK):
        if first:
            decoder, block, first = _decoder(block), block.removeprefix(codecs.BOM_UTF8), False
        if decoder is not None:
            block = decoder.decode(block).encode("utf-8", "replace").removeprefix(codecs.BOM_UTF8)
        if b"\0" in block:
            block = block.replace(b"\0", b"")
        if b"\r" in block:
            block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        some = (rest + block).split(b"\n")
        rest = some.pop()[:MOST_LINE]
        if some:
            yield some
    if rest:
        yield [rest]


def _decoder(block: bytes) -> codecs.IncrementalDecoder | None:
    encoding = _MARKS.get(block[:2])
    return codecs.getincrementaldecoder(encoding)("replace") if encoding else None
