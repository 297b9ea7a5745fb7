"""What a session orders of its sink: in order, one at a time, and nobody waits for it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from duologue.clock import Clock
from duologue.dialogue.ports import PlayEnded, Sink
from duologue.dialogue.turns.vocabulary import EngineFailed, Event, Stage
from duologue.speech.utterance import Utterance

SINK_SECONDS = 1.0
"""For a sink to accept an order."""
MAX_ORDERS = 32
"""That may wait; a sink that is further behind is given no more."""


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class _Order:
    """``give`` hands it to the sink, ``taken`` is called when that has taken it; ``plays`` or ``extends`` an id."""

    give: Callable[[], Awaitable[None]]
    taken: Callable[[], None] = _nothing
    plays: str = ""
    extends: str = ""


class SinkOrders:
    """Call :meth:`run` beside the session; the other methods return at once. ``post`` takes what comes of it.

    An order that is not taken within :data:`SINK_SECONDS` is named and given up: it is not believed to have been taken.
    """

    def __init__(self, sink: Sink, clock: Clock, post: Callable[[Event], None]) -> None:
        self._sink = sink
        self._clock = clock
        self._post = post
        self._waiting: deque[_Order] = deque()
        self._news = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def play(self, utterance: Utterance, gap_ms: int) -> None:
        """See :class:`~duologue.dialogue.ports.Floor`."""
        self._put(_Order(lambda: self._sink.play(utterance, gap_ms), plays=utterance.id))

    def extend(self, utterance: Utterance) -> None:
        """See :class:`~duologue.dialogue.ports.Sink`. What waits is replaced: this is all of it."""
        order = _Order(lambda: self._sink.extend(utterance), extends=utterance.id)
        for number, waiting in enumerate(self._waiting):
            if waiting.extends == utterance.id:
                self._waiting[number] = order
                return
        self._put(order)

    def withdraw(self, utterance_id: str) -> None:
        """See :class:`~duologue.dialogue.ports.Floor`. Whether it was taken back shows in how its end is reported."""

        async def take_back() -> None:
            if await self._sink.withdraw(utterance_id):
                self._post(PlayEnded(utterance_id, self._clock.now(), 0))

        self._put(_Order(take_back))

    def attach(self, sink: Sink) -> None:
        """From here on ``sink`` is given everything; what the one before was not given yet it never will be."""
        self._waiting.clear()
        self._sink = sink

    def pause(self, taken: Callable[[], None]) -> None:
        """See :class:`~duologue.dialogue.ports.Sink`; ``taken`` is called once it holds."""
        self._put(_Order(self._sink.pause, taken))

    def resume(self, taken: Callable[[], None]) -> None:
        """The same, once it goes on."""
        self._put(_Order(self._sink.resume, taken))

    def clear(self, taken: Callable[[], None]) -> None:
        """The same, once it is silent. What was ordered before and not given yet never will be."""
        dropped = [order.plays for order in self._waiting if order.plays]
        self._waiting.clear()
        for utterance_id in dropped:
            self._post(PlayEnded(utterance_id, self._clock.now(), 0))
        self._put(_Order(self._sink.clear, taken))

    async def run(self) -> None:
        """Give them until cancelled. Raises what the sink raises."""
        while True:
            while not self._waiting:
                self._idle.set()
                self._news.clear()
                await self._news.wait()
            await self._give(self._waiting.popleft())

    async def drain(self) -> None:
        """Until all are given, or given up."""
        await self._idle.wait()

    def _put(self, order: _Order) -> None:
        if len(self._waiting) >= MAX_ORDERS:
            self._post(EngineFailed(Stage.PLAYING, f"{MAX_ORDERS} orders wait for the sink: it is given no more"))
            return
        self._waiting.append(order)
        self._idle.clear()
        self._news.set()

    async def _give(self, order: _Order) -> None:
        timer = asyncio.timeout(SINK_SECONDS)
        try:
            async with timer:
                await order.give()
        except TimeoutError:
            if not timer.expired():
                raise
            self._post(EngineFailed(Stage.PLAYING, f"the sink took no order in {SINK_SECONDS:g} s"))
        else:
            order.taken()
