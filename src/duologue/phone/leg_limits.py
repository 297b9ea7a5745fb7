"""What a leg allows a stranger: so much at a time, and so much that waits. Pure, but for the waiting of one reader."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator

from duologue.clock import SECOND
from duologue.phone.leg import HEARD_RATE, LegEnded, LegEvent, Sound

MOST_SOUND = 10 * HEARD_RATE
"""Samples that wait for a reader; then the oldest go."""
MOST_EVENTS = 1000
"""Other events that wait; then nobody reads, and the call is over."""


FAST = 1000
"""One part in so many: by that a source's clock may run faster than ours. Crystals are off by 20 to 100 ppm, bad sound
cards by some hundred: in a day they are ahead by ten seconds and more.
"""


def ahead(passed: int) -> int:
    """By how much a source that began ``passed`` ago may be ahead for its clock alone, in the same unit."""
    return max(0, passed) // FAST


class Allowance:
    """A bucket of tokens: ``per_second`` on the average, ``burst`` at once."""

    def __init__(self, per_second: float, burst: float) -> None:
        self._per_second = per_second
        self._burst = self._left = burst
        self._at = 0

    @property
    def left(self) -> float:
        """What could be had when it was asked last."""
        return self._left

    def take(self, count: float, now: int) -> bool:
        """Whether so many may be had now (ns)."""
        self._left = min(self._burst, self._left + (now - self._at) / SECOND * self._per_second)
        self._at = now
        if self._left < count:
            return False
        self._left -= count
        return True


class LegEvents:
    """What a leg tells, for one reader: nothing is told after :class:`~duologue.phone.leg.LegEnded`."""

    def __init__(self) -> None:
        self.dropped: Counter[str] = Counter()
        """``sound``: blocks that nobody read in time."""
        self.ended = asyncio.Event()
        """The end was told; the reader may not have come to it yet."""
        self.end: LegEnded | None = None
        self._waiting: deque[LegEvent] = deque()
        self._sound = 0
        self._news = asyncio.Event()

    def put(self, *events: LegEvent) -> None:
        """Tell them."""
        for event in events:
            if self.ended.is_set():
                return
            if isinstance(event, Sound):
                self._sound += len(event.samples)
                self._waiting.append(event)
                self._make_room()
            elif len(self._waiting) > MOST_EVENTS and not isinstance(event, LegEnded):
                self._end(LegEnded("nobody takes what the caller sends", failed=True))
            elif isinstance(event, LegEnded):
                self._end(event)
            else:
                self._waiting.append(event)
        self._news.set()

    def _make_room(self) -> None:
        while self._sound > MOST_SOUND:
            oldest = next(event for event in self._waiting if isinstance(event, Sound))
            self._waiting.remove(oldest)
            self._sound -= len(oldest.samples)
            self.dropped["sound"] += 1

    def _end(self, event: LegEnded) -> None:
        self._waiting.append(event)
        self.end = event
        self.ended.set()
        self._news.set()

    async def read(self) -> AsyncIterator[LegEvent]:
        """Up to and with the end."""
        while True:
            while self._waiting:
                event = self._waiting.popleft()
                self._sound -= len(event.samples) if isinstance(event, Sound) else 0
                yield event
                if isinstance(event, LegEnded):
                    return
            self._news.clear()
            await self._news.wait()
