"""The memory of a worker of the tests, given back when it has grown."""

from __future__ import annotations

import gc

import psutil

from duologue.memory import trim

STEP = 64 * 2**20
"""Bytes of growth that are worth a collection: it takes some tens of milliseconds."""


class Heap:
    """Of this process."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._least = self._resident()

    def settle(self) -> None:
        """Give back what nobody has any more, if it may be much."""
        if self._resident() - self._least < STEP:
            return
        gc.collect()
        trim()
        self._least = self._resident()

    def _resident(self) -> int:
        return int(self._process.memory_info().rss)


HEAP = Heap()
