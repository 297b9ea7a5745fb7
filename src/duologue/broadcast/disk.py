"""A file on the disk that grows by whole pieces: what the disk did not take wholly is taken back."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from pathlib import Path

PASSING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EPIPE})
"""What a disk says that may do better later, and a pipe that nobody reads; anything else is about the name, and stays.
"""


class DiskFile:
    """An open file, or a device or a pipe, of which nothing can be taken back. Raises :class:`OSError` as the disk
    does. ``durable``: each piece outlives even a power cut.
    """

    def __init__(self, path: Path, descriptor: int, *, durable: bool) -> None:
        self.path = path
        self.size = 0
        self.regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
        self._durable = durable and self.regular
        self._descriptor = descriptor

    def append(self, data: bytes) -> None:
        """Write ``data``: all of it, or (to a file) nothing. After :meth:`close` it is refused (``EBADF``)."""
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(self._descriptor, view) :]
            if self._durable:
                os.fdatasync(self._descriptor)
        except OSError:
            with contextlib.suppress(OSError):  # the half stays at the end then, where players leave it out
                os.ftruncate(self._descriptor, self.size)
                os.lseek(self._descriptor, self.size, os.SEEK_SET)
            raise
        self.size += len(data)

    def close(self) -> None:
        """Let go of it; a file that holds nothing is removed. A second time is refused (``EBADF``)."""
        with contextlib.suppress(OSError):  # an empty one stays then
            if self.regular and not self.size and self._descriptor >= 0:  # later its name may be another's
                self.path.unlink()
        descriptor, self._descriptor = self._descriptor, -1  # its number is another file's from now on
        os.close(descriptor)


def claim(path: Path) -> DiskFile | None:
    """Make ``path`` (or take it when it is empty, a device or a pipe) for this writer alone; None when it is taken.

    Raises :class:`OSError` when it cannot be written; a pipe that nobody reads is not waited for (``EPIPE``).
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o644)
    except OSError as error:
        if error.errno == errno.ENXIO and path.is_fifo():
            raise OSError(errno.EPIPE, "nobody reads this pipe", str(path)) from error
        raise
    try:
        os.set_blocking(descriptor, True)
        file = DiskFile(path, descriptor, durable=True)
        if not file.regular or (lock(descriptor) and not os.fstat(descriptor).st_size):
            return file
    except OSError:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def claimed(path: Path) -> bool:
    """Whether somebody writes to the file now."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return not lock(descriptor)
    finally:
        os.close(descriptor)


def lock(descriptor: int) -> bool:
    """Whether the file is this writer's alone, until it is closed."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks
    return True
