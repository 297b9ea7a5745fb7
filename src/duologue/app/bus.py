"""Events to whoever reads, by topic: one log of the newest, and for each reader a place in it.

A reader names the topics that it wants. It begins with the state of these, one event of bounded size, and goes on with
what happened since; or, with the id of the last event that it has, with what came after that. Nobody is waited for. Who
is so slow that the log has left it behind is told so and gets the state anew: it is current then, whatever it missed.
So does who asked for a topic of which all is different now: each reader the state of all that it asked for, for no
part can say that of the others.

Topics are ``show:NAME``, ``talk`` and ``talk:ID``, ``line``, ``engines`` and ``machine``. Who asks for ``talk`` gets
``talk:ID`` as well. What has no topic concerns everybody.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Self

from duologue.app.models import Event, Notice, NoticeEvent, StateEvent

CAPACITY = 256
"""Events that are kept; the oldest are forgotten. Some three minutes of a show, whose turns take 10 kB and its pulses
4 kB: who was away for longer is sent the state, which is no more to send."""
TOO_SLOW = Notice(
    level="warning",
    text="This connection is too slow for the events; some were skipped.",
    remedy="What is shown now is current.",
)

Topics = frozenset[str]


def concerns(topics: Topics, topic: str) -> bool:
    """Whether a reader of ``topics`` is told of ``topic``."""
    return not topic or topic in topics or topic.partition(":")[0] in topics


@dataclass(frozen=True, slots=True)
class Published:
    """An event and its id; the id is empty for a word to one reader alone, after which nobody can go on."""

    id: str
    event: Event
    topic: str = ""


@dataclass(frozen=True, slots=True)
class _Renewal:
    """A place in the log at which readers of a topic are given their state."""

    id: str
    topic: str


class Bus:
    """Publish from the event loop, subscribe from anywhere on it.

    ``state`` gives the state of topics. ``name`` sets its ids apart from those of every other bus. ``overruns`` counts
    the times that the log left a reader behind.
    """

    def __init__(self, state: Callable[[Topics], StateEvent], name: str, capacity: int = CAPACITY) -> None:
        self._state = state
        self._name = name
        self._log: deque[Published | _Renewal] = deque(maxlen=capacity)
        self._count = 0
        self._news = asyncio.Event()
        self._closed = False
        self.overruns = 0

    def publish(self, event: Event, topic: str = "") -> None:
        """Add ``event`` to the log; never waits."""
        self._count += 1
        self._log.append(Published(self._id(self._count), event, topic))
        self._wake()

    def renew(self, topic: str) -> None:
        """All of ``topic`` is different now: who reads of it gets the state anew, of whatever it reads."""
        self._count += 1
        self._log.append(_Renewal(self._id(self._count), topic))
        self._wake()

    def topic(self, name: str) -> BusTopic:
        """The bus, for whoever speaks of one topic."""
        return BusTopic(self, name)

    def close(self) -> None:
        """End every subscription, when it has read what is there."""
        self._closed = True
        self._wake()

    def subscribe(self, topics: Topics, after: str = "") -> Subscription:
        """A reader from now on; ``after`` is the id of the last event that it has, if it has any."""
        seen = self._place(after)
        first = [self._now(topics)] if seen is None else []
        return Subscription(self, topics, self._count if seen is None else seen, first)

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def _place(self, after: str) -> int | None:
        """How many events a reader has seen; None when that is not known, or the log does not reach back to it."""
        name, _, number = after.rpartition("-")
        if name != self._name or not (number.isascii() and number.isdigit() and len(number) < 16):
            return None
        seen = int(number)
        return seen if self._count - len(self._log) <= seen <= self._count else None

    async def read(self, topics: Topics, seen: int) -> tuple[int, list[Published]] | None:
        """What a reader who has seen ``seen`` events gets next, maybe nothing, and how many it has seen then; waits for
        an event of whatever topic. None at the end. A cancelled call takes nothing.
        """
        while True:
            news = self._news
            if seen < self._count - len(self._log):
                self.overruns += 1
                return self._count, [Published("", NoticeEvent(notice=TOO_SLOW)), self._now(topics)]
            if seen < self._count:
                new = list(self._log)[seen - self._count :]
                return self._count, [self._told(each, topics) for each in new if concerns(topics, each.topic)]
            if self._closed:
                return None
            await news.wait()

    def _told(self, each: Published | _Renewal, topics: Topics) -> Published:
        """To a reader of ``topics``. A state newer than its place does no harm: what follows is whole each time."""
        return each if isinstance(each, Published) else Published(each.id, self._state(topics))

    def _now(self, topics: Topics) -> Published:
        return Published(self._id(self._count), self._state(topics))

    def _id(self, count: int) -> str:
        return f"{self._name}-{count}"


@dataclass(frozen=True, slots=True)
class BusTopic:
    """A bus, for whoever speaks of one topic."""

    bus: Bus
    name: str

    def publish(self, event: Event) -> None:
        """Tell its readers."""
        self.bus.publish(event, self.name)

    def renew(self) -> None:
        """All of it is different now: its readers get the state anew."""
        self.bus.renew(self.name)

    def notice(self, notice: Notice) -> None:
        """A word to the people at the pages."""
        self.publish(NoticeEvent(notice=notice))

    def subscribe(self, after: str = "") -> Subscription:
        """A reader of this topic alone."""
        return self.bus.subscribe(frozenset({self.name}), after)


class Subscription(AsyncIterator[Event]):
    """A reader's place in a bus's log, and the state with which it begins. It may be dropped at any time."""

    def __init__(self, bus: Bus, topics: Topics, seen: int, first: list[Published]) -> None:
        self._bus = bus
        self._topics = topics
        self._seen = seen
        self._first = first
        self._taken: deque[Published] = deque()

    async def take(self) -> list[Published]:
        """All that is new, at least one event; none at the end. May be cancelled without loss."""
        if self._first:
            first, self._first = self._first, []
            return first
        while (read := await self._bus.read(self._topics, self._seen)) is not None:
            self._seen, published = read
            if published:
                return published
        return []

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        """The next event."""
        if not self._taken:
            self._taken.extend(await self.take())
        if not self._taken:
            raise StopAsyncIteration
        return self._taken.popleft().event
