"""The memory of a worker of the tests: given back when it has grown, and what is in it."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable

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


def kinds() -> Counter[str]:
    """How many objects of each type are held.

    They are counted one by one: ``Counter(iterable)`` asks every class of mappings that is loaded whether the iterable
    is one, and at the first time each keeps the answer, in objects that a second count would find as growth.
    """
    gc.collect()
    found = Counter[str]()
    for thing in gc.get_objects():
        found[type(thing).__name__] += 1
    return found


def left_to_the_collector(run: Callable[[], object], *kinds: type[object]) -> Counter[str]:
    """What ``run`` made of ``kinds`` and nobody has any more, but itself: it lies in a circle."""
    others = _all(kinds)
    gc.disable()
    try:
        run()
        known = set(map(id, others))
        return Counter(type(each).__name__ for each in _all(kinds) if id(each) not in known)
    finally:
        gc.enable()


def _all(kinds: tuple[type[object], ...]) -> list[object]:
    return [each for each in gc.get_objects() if type(each) in kinds]
