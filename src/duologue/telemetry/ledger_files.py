"""The ledger's files: one after the other, each of a limited size, the oldest removed. Calls block: for one thread.

``ledger.jsonl`` goes on in ``ledger.2.jsonl`` when it is full, and so on. The next run goes on in the newest of them,
and never in one that another program has open.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class FileLimits:
    """A new file begins before one would have more than ``file_bytes``; the oldest go when there are more than
    ``keep_files`` of them, or more than ``keep_bytes`` in all.
    """

    file_bytes: int = 64 * MEGABYTE
    keep_files: int = 20
    keep_bytes: int = 1000 * MEGABYTE


@dataclass(frozen=True, slots=True)
class LedgerFile:
    """One of a ledger's files: number 1 is called as the ledger is."""

    number: int
    path: Path


def members(path: Path) -> list[LedgerFile]:
    """The files there are of the ledger ``path``, oldest first. Raises :class:`OSError` for a folder that cannot be
    read; one that is not there has none.
    """
    pattern = re.compile(rf"{re.escape(path.stem)}(?:\.([2-9]|[1-9]\d{{1,8}}))?{re.escape(path.suffix)}")
    try:
        names = os.listdir(path.parent)  # noqa: PTH208 (the disk of the tests fails at calls of os)
    except FileNotFoundError:
        return []
    found = [(match, name) for name in names if (match := pattern.fullmatch(name))]
    return sorted(
        (LedgerFile(int(match[1] or 1), path.parent / name) for match, name in found), key=lambda each: each.number
    )


def member(path: Path, number: int) -> Path:
    """What file ``number`` of the ledger ``path`` is called."""
    return path if number == 1 else path.with_name(f"{path.stem}.{number}{path.suffix}")


class LedgerFiles:
    """Appends lines to the newest file of ``path``. ``head`` gives the lines that a file begins with.

    Every call may raise :class:`OSError`; what was asked is not done then, and no half of a line is left behind that a
    reader would take for one. The next call tries everything anew.
    """

    def __init__(self, path: Path, limits: FileLimits, head: Callable[[], bytes]) -> None:
        self._path = path
        self._limits = limits
        self._head = head
        self._descriptor = -1
        self._size = 0
        self._number = 0
        self._torn = False
        """Half a line may stand at the end."""
        self._regular = True
        self._unsafe = False
        """Something was written that a power cut may still take."""
        self._least = 0
        """The size of a file that holds no more than its head."""
        self.unremoved: OSError | None = None
        """Why an old file could not be removed."""

    @property
    def path(self) -> Path:
        """The file that is written now."""
        return member(self._path, max(self._number, 1))

    def append(self, lines: Sequence[bytes]) -> None:
        """Write whole lines, each with its end: all of them, or (an error) none that counts."""
        if self._descriptor >= 0 and not os.fstat(self._descriptor).st_nlink:  # it was removed: nobody would read this
            self.close()
        data = b"".join(lines)
        if self._descriptor < 0:
            self._open(self._newest())
        if self._regular and self._size + len(data) > self._limits.file_bytes and self._size > self._least:
            self.close()
            self._open(self._number + 1)
        self._write(data)

    def sync(self) -> None:
        """What was written outlives a power cut from now on; a file that was moved is let go."""
        if self._unsafe and self._descriptor >= 0 and self._regular:
            os.fdatasync(self._descriptor)
        self._unsafe = False
        if self._descriptor >= 0 and self._moved():
            self.close()

    def close(self) -> None:
        """Idempotent; the next line opens a file again."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _moved(self) -> bool:
        """Whether the file is not where it is looked for, or another one is."""
        try:
            there = os.stat(self.path)  # noqa: PTH116
        except FileNotFoundError:
            return True
        here = os.fstat(self._descriptor)
        return (there.st_ino, there.st_dev) != (here.st_ino, here.st_dev)

    def _newest(self) -> int:
        there = members(self._path)
        return max(there[-1].number if there else 1, self._number)

    def _open(self, number: int) -> None:
        while True:
            descriptor = _opened(member(self._path, number))
            try:
                status = os.fstat(descriptor)
                regular = stat.S_ISREG(status.st_mode)
                if not regular or (status.st_size < self._limits.file_bytes and _locked(descriptor)):
                    break
            except OSError:
                os.close(descriptor)
                raise
            os.close(descriptor)
            number += 1
        self._descriptor, self._number, self._size, self._regular = descriptor, number, status.st_size, regular
        self._torn = regular and self._size > 0
        head = self._head()
        self._least = len(head)
        try:
            self._write(head)
        except OSError:
            self.close()
            raise
        if regular:
            self._remove_oldest()

    def _write(self, data: bytes) -> None:
        if self._torn and os.pread(self._descriptor, 1, self._size - 1) != b"\n":
            data = b"\n" + data
        self._torn = False
        self._unsafe = True
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError:
            self._take_back()
            raise
        self._size += len(data)

    def _take_back(self) -> None:
        """Half of it may have been written."""
        if not self._regular:
            return
        try:
            os.ftruncate(self._descriptor, self._size)
        except OSError:
            self._size = os.fstat(self._descriptor).st_size
            self._torn = self._size > 0

    def _remove_oldest(self) -> None:
        """No line is worth losing over an old file that stays."""
        try:
            self._keep_few()
        except OSError as error:
            self.unremoved = error

    def _keep_few(self) -> None:
        older = [each for each in members(self._path) if each.number < self._number]
        sizes = {each: os.stat(each.path).st_size for each in older}  # noqa: PTH116
        room = self._limits.keep_bytes - self._limits.file_bytes
        while older and (len(older) >= self._limits.keep_files or sum(sizes[each] for each in older) > room):
            os.unlink(older.pop(0).path)  # noqa: PTH108


def _opened(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOCTTY
    try:
        return os.open(path, flags, 0o644)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, flags, 0o644)


def _locked(descriptor: int) -> bool:
    """Make it ours, unless it is another program's."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
