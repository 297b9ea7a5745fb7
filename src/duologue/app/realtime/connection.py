"""One socket of the Realtime API: events in, events out, both bounded.

Events leave in the order in which they were told, one after another: nothing replaces anything, for a client puts an
answer together from all of them. Sound waits until all that was told has left (:meth:`RealtimeConnection.room`): so the
first of it is on its way before the next is made, and a client that reads slowly holds up its own sound only. One that
takes nothing for :data:`SEND_SECONDS`, or is told more than
:data:`MOST_WAITING` things meanwhile, is dropped.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter, deque

from duologue.app.realtime.messages import MAX_EVENT, ClientEvent, EventError, parse_event
from duologue.app.talk.connection import NORMAL, POLICY, TRY_LATER, SocketGone, TalkSocket
from duologue.clock import Clock
from duologue.phone.leg_limits import Allowance

SEND_SECONDS = 10.0
"""For a client to take an event."""
MOST_WAITING = 2_000
"""Events that a client was not told yet."""
EVENTS_PER_SECOND, EVENT_BURST = 200, 1_000
"""Of a client: 50 blocks of sound a second are many; a minute of a file may come at once."""
MOST_GARBAGE = 50
"""Events that cannot be followed, before the socket is closed."""
__all__ = ["NORMAL", "POLICY", "TRY_LATER", "RealtimeConnection", "RealtimeParted"]


class RealtimeParted(Exception):
    """The socket is to be closed with ``code``, after this last error (None: none)."""

    def __init__(self, error: EventError | None, code: int = POLICY) -> None:
        super().__init__(str(error or ""))
        self.error = error
        self.code = code


class RealtimeConnection:
    """See the module. Call :meth:`run` beside whatever reads; it ends by raising :class:`SocketGone` or
    :class:`RealtimeParted`.
    """

    def __init__(self, socket: TalkSocket, clock: Clock) -> None:
        self.counts: Counter[str] = Counter()
        """Of what came: ``garbage``."""
        self._socket = socket
        self._clock = clock
        self._waiting: deque[dict[str, object]] = deque()
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._sending = asyncio.Lock()
        self._last: RealtimeParted | None = None
        self.allowance = Allowance(EVENTS_PER_SECOND, EVENT_BURST)
        self._told = 0

    # From the client

    async def read(self) -> ClientEvent:
        """The next event that is one. Raises :class:`SocketGone`, and :class:`RealtimeParted` for a client that floods
        or does not speak the protocol.
        """
        while True:
            data = await self._socket.receive()
            if not self.allowance.take(1, self._clock.now()):
                flood = EventError(
                    "More events than a conversation has. Append sound in blocks of 20 ms or more.",
                    code="rate_limit_exceeded", kind="rate_limit_error",
                )  # fmt: skip
                raise RealtimeParted(flood)
            try:
                if len(data) > MAX_EVENT:
                    raise EventError(f"An event of {len(data)} characters; at most {MAX_EVENT}.", code="event_too_long")
                return parse_event(data)
            except EventError as error:
                self.refuse(error)

    def refuse(self, error: EventError, event_id: str | None = None) -> None:
        """An event cannot be followed. Raises :class:`RealtimeParted` for one too many."""
        self.counts["garbage"] += 1
        if self.counts["garbage"] > MOST_GARBAGE:
            raise RealtimeParted(error)
        self.error(error, event_id)

    # To the client

    def error(self, error: EventError, event_id: str | None = None) -> None:
        """Tell it what is wrong; the session goes on."""
        self.tell("error", error={**error.error, "event_id": error.error["event_id"] or event_id})

    def tell(self, kind: str, **fields: object) -> None:
        """Say it after all that was told before."""
        self._told += 1
        self._waiting.append({"type": kind, "event_id": f"event_{self._told}", **fields})
        self._room.clear()
        if len(self._waiting) > MOST_WAITING:
            self._waiting.clear()
            self.end(RealtimeParted(None))
        self._news.set()

    async def room(self) -> None:
        """Until the client has been told all that there was to tell."""
        await self._room.wait()

    def end(self, parted: RealtimeParted) -> None:
        """Say what waits, and close."""
        self._last = self._last or parted
        self._news.set()

    async def run(self) -> None:
        """Say what is told, one after another."""
        while True:
            while self._waiting:
                await self._send(json.dumps(self._waiting.popleft()))
            self._room.set()
            if self._last is not None:
                raise self._last
            self._news.clear()
            await self._news.wait()

    async def _send(self, text: str) -> None:
        try:
            async with asyncio.timeout(SEND_SECONDS), self._sending:
                await self._socket.send(text)
        except TimeoutError:
            raise RealtimeParted(None) from None

    async def close(self, parted: RealtimeParted) -> None:
        """The last word, if it can still be said, and the end."""
        if parted.error is not None:
            event = {"type": "error", "event_id": f"event_{self._told + 1}", "error": parted.error.error}
            try:
                async with asyncio.timeout(1.0), self._sending:
                    await self._socket.send(json.dumps(event))
            except (TimeoutError, SocketGone):
                pass
        await self._socket.close(parted.code, str(parted))
