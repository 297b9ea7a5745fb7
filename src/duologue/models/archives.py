"""Members of a package's archive (a wheel, which is a zip, or npm's .tgz), read and never unpacked.

Nothing is written where an archive says: a member is asked for by its name, and whoever reads it decides where it goes.
"""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from duologue.errors import PeerError

_BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, NotImplementedError, RuntimeError)
"""What the readers raise for an archive that is none, is cut or needs what we lack (a password, a method)."""


_REPORT = "Whoever publishes it changed it: please report this."


@contextmanager
def opened(archive: Path) -> Generator[Callable[[str], IO[bytes]]]:
    """Gives what opens a member by its whole name; those of a .tgz are cheapest in their order.

    Raises :class:`PeerError` when the archive cannot be read, or has no such plain file.
    """
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as box:
                yield box.open
        else:
            with tarfile.open(archive, "r:*") as tape:
                yield lambda name: _plain(tape, name)
    except KeyError as error:
        raise PeerError(f"{archive.name} lacks a file: {error.args[0]}", remedy=_REPORT) from error
    except _BROKEN as error:
        raise PeerError(f"{archive.name} cannot be read: {error}", remedy="Fetch it again.") from error


def _plain(tape: tarfile.TarFile, name: str) -> IO[bytes]:
    """Links are not followed."""
    found = tape.getmember(name)
    stream = tape.extractfile(found) if found.isreg() else None
    if stream is None:
        raise KeyError(f"{name} is no plain file")
    return stream
