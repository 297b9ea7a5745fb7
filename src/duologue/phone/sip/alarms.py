"""When many things want to be woken, and who is first: a heap that forgets lazily."""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from typing import Generic, TypeVar

KeyT = TypeVar("KeyT", bound=Hashable)


class Alarms(Generic[KeyT]):
    """At most one alarm for each key. Setting, dropping and finding the first cost O(log n) on the average, however
    often an alarm is set anew.
    """

    def __init__(self) -> None:
        self._at: dict[KeyT, int] = {}
        self._heap: list[tuple[int, int, KeyT]] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._at)

    @property
    def first(self) -> int | None:
        """When the next one rings (ns)."""
        self._forget()
        return self._heap[0][0] if self._heap else None

    def set(self, key: KeyT, at: int | None) -> None:
        """Wake ``key`` at ``at`` (ns) and at no other time; None: not at all."""
        if at is None:
            self._at.pop(key, None)
        elif self._at.get(key) != at:
            self._at[key] = at
            self._count += 1
            heapq.heappush(self._heap, (at, self._count, key))
            if len(self._heap) > 64 + 4 * len(self._at):
                self._sweep()

    def due(self, now: int) -> list[KeyT]:
        """Whose time has come, the earliest first; each alarm rings once."""
        found: list[KeyT] = []
        while (at := self.first) is not None and at <= now:
            key = heapq.heappop(self._heap)[2]
            del self._at[key]
            found.append(key)
        return found

    def _forget(self) -> None:
        while self._heap and self._at.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)

    def _sweep(self) -> None:
        """Only what still stands; keys need not compare, so each entry has a number of its own."""
        self._heap = [(at, number, key) for number, (key, at) in enumerate(self._at.items())]
        heapq.heapify(self._heap)
        self._count = len(self._heap)
