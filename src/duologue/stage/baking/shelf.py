"""What was drawn or baked once, kept on disk for the next start, the next light and the other stages of the house.

A file per thing, named by a hash of all that decides its content, so that nothing on a shelf is ever out of date. A
shelf may be missing, full or read-only: then things stay in the memory of the process that made them, and that is
said once. Files used longest ago go first when there are too many; what is mapped stays mapped when its name goes.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from duologue.stage.baking.mapped import Bytes, Mapped, open_mapped, write_mapped
from duologue.stage.messages import Trouble

MOST_BYTES = 2 * 1024**3
"""What a shelf may hold: a cast of two in a dozen lights and sizes."""
ABANDONED = 3600 * 1_000_000_000
"""Age (ns) after which an unfinished file is nobody's."""
_ENDING = ".arrays"


class BakeShelf:
    """A folder of mapped files; None keeps nothing. Safe to use from several threads and processes."""

    def __init__(self, folder: Path | None, most: int = MOST_BYTES) -> None:
        self._folder = folder
        self._most = most
        self._lock = threading.Lock()
        self._troubles: list[Trouble] = []
        self._readable = self._writable = folder is not None

    def troubles(self) -> list[Trouble]:
        """What went wrong since the last call, for somebody to read."""
        with self._lock:
            troubles, self._troubles = self._troubles, []
        return troubles

    def find(self, key: str) -> Mapped | None:
        """What is kept under a key. A damaged file is removed, for the thing to be made anew."""
        if self._folder is None or not self._readable:
            return None
        file = self._file(self._folder, key)
        try:
            found = open_mapped(file)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._readable = False
            self._unusable(error)
            return None
        except ValueError as error:
            with contextlib.suppress(OSError):
                file.unlink(missing_ok=True)
            self._say(f"a picture kept on disk is damaged: {error}", "Nothing: it is made anew. Look after the disk.")
            return None
        with contextlib.suppress(OSError):  # on a read-only disk nothing is pruned either
            os.utime(file)
        return found

    def keep(self, key: str, meta: object, arrays: Sequence[Bytes], usual: int = 0) -> None:
        """Put something on the shelf; see :func:`~duologue.stage.baking.mapped.write_mapped`. Failing once is
        enough.
        """
        folder = self._folder
        if folder is None or not self._writable:
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=folder, suffix=".part")
            part = Path(name)
            try:
                with os.fdopen(descriptor, "wb") as stream:
                    write_mapped(stream, meta, arrays, usual)
                _publish(part, self._file(folder, key))
            finally:
                part.unlink(missing_ok=True)
            self._prune(folder, key)
        except OSError as error:
            self._unusable(error)

    @staticmethod
    def _file(folder: Path, key: str) -> Path:
        return folder / f"{key}{_ENDING}"

    def _unusable(self, error: OSError) -> None:
        """The disk, not a file, is at fault: nothing more is written to it."""
        with self._lock:
            first, self._writable = self._writable, False
        if first:
            self._say(
                f"pictures cannot be kept on disk: {error.strerror or error}",
                "Free some space there, or set XDG_CACHE_HOME; until the next start they take memory of their own.",
            )

    def _say(self, what: str, remedy: str) -> None:
        with self._lock:
            self._troubles.append(Trouble(what, str(self._folder), remedy))

    def _prune(self, folder: Path, newest: str) -> None:
        """Make room, oldest first; the one just made stays, however large."""
        files = [(stat.st_mtime_ns, stat.st_size, file) for file in folder.iterdir() if (stat := _stat(file))]
        files.sort(reverse=True)
        room = self._most
        for changed, size, file in files:
            if file.suffix == _ENDING:
                room -= size
                gone = room < 0 and file != self._file(folder, newest)
            else:  # its process was killed while it wrote
                gone = file.suffix == ".part" and files[0][0] - changed > ABANDONED
            if gone:
                file.unlink(missing_ok=True)


def _publish(part: Path, file: Path) -> None:
    """Give a whole file its name. Of two processes that made the same thing the first wins: both map its file."""
    try:
        file.hardlink_to(part)
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        part.replace(file)


def _stat(file: Path) -> os.stat_result | None:
    with contextlib.suppress(OSError):  # another process was pruning too
        return file.stat()
    return None
