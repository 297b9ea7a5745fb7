"""A person's text files: read whole, and refused in words that say what is wrong and what to do."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from duologue.errors import InputError

MOST = 1_000_000
"""Bytes of a table; the longest that ships has a twentieth of that."""


def read_text(path: Path, what: str) -> str:
    """A file in UTF-8, which is ``what`` to its person ("the list"). Raises :class:`InputError`."""
    return _decoded(_read(path, what), path, what)


def read_table(path: Path, what: str) -> dict[str, Any]:
    """The same of a file in TOML of at most :data:`MOST` bytes, as plain data. Raises :class:`InputError`."""
    content = _read(path, what, MOST + 1)
    if len(content) > MOST:
        raise InputError(f"{what} has more than {MOST} bytes", where=str(path), remedy="Keep it under 1 MB.")
    try:
        return tomllib.loads(_decoded(content, path, what))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{what} is not TOML: {error}", where=str(path), remedy="Mend that line.") from error
    except RecursionError as error:  # of tomllib, a thousand brackets deep
        raise InputError(f"{what} is nested too deeply", where=str(path), remedy="Use fewer brackets.") from error


def _read(path: Path, what: str, most: int = -1) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(most)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise InputError(f"{what} cannot be read: {reason}", where=str(path), remedy="Check the name.") from error


def _decoded(content: bytes, path: Path, what: str) -> str:
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise InputError(f"{what} is no text in UTF-8", where=str(path), remedy="Give a text file.") from error
