"""The files of one recording: ``NAME.mp4``, then ``NAME.2.mp4`` and so on.

None that holds something is written over. Another program may record under the same name, and remove what is old.
"""

from __future__ import annotations

import contextlib
import re
from collections import deque
from pathlib import Path

from duologue.broadcast.disk import DiskFile, claim, claimed
from duologue.broadcast.fmp4 import FILE_TYPE


class RecordingFiles:
    """Opens one after the other, and removes the oldest beyond ``keep`` bytes (0: none).

    What earlier runs recorded under the same name is part of it, however their numbers came about; a file that is
    none of our recordings, or that another program is writing, is left alone. Raises :class:`OSError` as the disk does.
    """

    def __init__(self, path: Path, keep: int = 0) -> None:
        self._path = path
        self._keep = keep
        self._older: deque[tuple[Path, int]] = deque()
        self._kept = 0

    def open(self) -> DiskFile:
        """The next file: the asked name if nothing is recorded yet, else the number after the highest."""
        if self._path.exists() and not self._path.is_file():
            file = claim(self._path)  # a device or a pipe has no numbers
            assert file is not None
            return file
        ours = self._recorded()
        sizes = [(ours[each], _size(ours[each])) for each in sorted(ours)] if self._keep else []
        self._older, self._kept = deque(sizes), sum(size for _, size in sizes)
        number = max(ours, default=0) + 1
        while (file := claim(self._name(number))) is None:
            number += 1
        return file

    def trim(self, newest: int) -> list[Path]:
        """Remove the oldest until all, the newest with its ``newest`` bytes, is no more than is kept; what is gone."""
        gone: list[Path] = []
        while self._keep and self._older and self._kept + newest > self._keep:
            path, size = self._older.popleft()
            self._kept -= size
            with contextlib.suppress(FileNotFoundError):
                if not claimed(path):
                    path.unlink()
                    gone.append(path)
        return gone

    def _name(self, number: int) -> Path:
        return self._path if number == 1 else self._path.with_name(f"{self._path.stem}.{number}{self._path.suffix}")

    def _recorded(self) -> dict[int, Path]:
        """Recordings of ours that stand under the name, by number."""
        pattern = re.compile(rf"{re.escape(self._path.stem)}(?:\.([1-9]\d{{0,8}}))?{re.escape(self._path.suffix)}")
        found: dict[int, Path] = {}
        for path in self._path.parent.iterdir():
            if (match := pattern.fullmatch(path.name)) and _is_recording(path):
                found[int(match[1] or 1)] = path
        return found


def _is_recording(path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return file.read(len(FILE_TYPE)) == FILE_TYPE
    except (FileNotFoundError, PermissionError):
        return False  # it is gone, or another person's


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
