"""A disk that fails at chosen calls of :mod:`os`, on what lies in one folder."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CALLS = ("open", "write", "fdatasync", "fsync", "ftruncate", "lseek", "close", "unlink", "replace", "listdir", "stat")
PASSED = {"fdatasync": None, "fsync": None}  # nobody waits for a real disk here


class FailingDisk:
    """Counts the calls on paths and descriptors of ``folder``; those of which ``fails`` says so raise "no space".

    It is asked with the names of all calls so far, which are kept in ``names``. A write that fails has taken half of
    its data, a close that fails has closed.
    """

    def __init__(self, patch: pytest.MonkeyPatch, folder: Path, fails: Callable[[list[str]], bool]) -> None:
        self.folder = str(folder)
        self.fails = fails
        self.names: list[str] = []
        self._open: set[int] = set()
        self._real: dict[str, Callable[..., Any]] = {name: getattr(os, name) for name in CALLS}
        for name in CALLS:
            patch.setattr(os, name, self._call(name))

    def _call(self, name: str) -> Callable[..., Any]:
        real = self._real[name]

        def call(*arguments: Any, **named: Any) -> Any:
            if not self._concerns(arguments[0] if arguments else None):
                return real(*arguments, **named)
            self.names.append(name)
            failing = self.fails(self.names)
            if name == "close":
                self._open.discard(arguments[0])
                real(*arguments)
            if failing:
                if name == "write":
                    real(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
                raise OSError(errno.ENOSPC, "No space left on device")
            if name == "close" or name in PASSED:
                return None
            result = real(*arguments, **named)
            if name == "open":
                self._open.add(result)
            return result

        return call

    def _concerns(self, what: object) -> bool:
        if isinstance(what, int):
            return what in self._open
        return isinstance(what, str | Path) and str(what).startswith(self.folder)
