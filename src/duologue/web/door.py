"""Connections to the server: who opens one and asks nothing is not waited for, and takes nobody's place.

Uvicorn bounds neither. Here a connection has :data:`HEAD_SECONDS` for the head of a request, however it trickles; and
where too many are open the one that has been idle longest makes room for who comes. One that takes nothing of its
answer, or of what is said on its WebSocket, is let go after :data:`UNREAD_SECONDS`: what waits for it would keep it
open for good.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from duologue.telemetry.log import get_logger

HEAD_SECONDS = 20.0
"""For a request's head to arrive, from the connection's beginning or the answer before on."""
MOST_IDLE = 500
"""Connections without a request under way."""

UNREAD_SECONDS = 30.0
"""A connection that takes nothing of what waits for it for so long is let go."""

_log = get_logger(__name__)


class Door:
    """Those that ask nothing now, the longest idle first. ``turned_away``: how many had to make room."""

    def __init__(self) -> None:
        self._idle: OrderedDict[DoorProtocol, asyncio.TimerHandle] = OrderedDict()
        self.turned_away = 0

    @property
    def idle(self) -> int:
        """How many there are."""
        return len(self._idle)

    def enter(self, connection: DoorProtocol) -> None:
        """It asks nothing from now on."""
        self.leave(connection)
        late = asyncio.get_running_loop().call_later(HEAD_SECONDS, connection.turn_away)
        self._idle[connection] = late
        while len(self._idle) > MOST_IDLE:
            oldest = next(iter(self._idle))
            self.turned_away += 1
            if self.turned_away % MOST_IDLE == 1:  # a flood is not to fill the log, too
                _log.warning("web.crowded", idle=MOST_IDLE, turned_away=self.turned_away)
            oldest.turn_away()

    def leave(self, connection: DoorProtocol) -> None:
        """It has asked, or is gone."""
        timer = self._idle.pop(connection, None)
        if timer is not None:
            timer.cancel()


class _Minded(asyncio.Protocol):
    """Lets go of a connection that takes nothing of what waits for it. Stands before a class of uvicorn's."""

    transport: asyncio.Transport
    _unread: asyncio.TimerHandle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        """See uvicorn."""
        self._mind_no_more()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """See uvicorn; nothing more is written until it has taken enough of what waits."""
        super().pause_writing()
        self._mind()

    def resume_writing(self) -> None:
        """See uvicorn."""
        if not self.transport.is_closing():
            self._mind_no_more()
        super().resume_writing()

    def _mind(self, before: int = 0) -> None:
        """See that it takes some of what waits for it, ``before`` bytes when it was looked at last (0: it was not)."""
        self._mind_no_more()
        left = self.transport.get_write_buffer_size()
        if before and left >= before:
            self.transport.abort()
        elif left:
            self._unread = asyncio.get_running_loop().call_later(UNREAD_SECONDS, self._mind, left)

    def _mind_no_more(self) -> None:
        timer, self._unread = self._unread, None
        if timer is not None:
            timer.cancel()


class SocketProtocol(_Minded, WebSocketsSansIOProtocol):
    """Uvicorn's, of a WebSocket."""

    def keepalive_timeout(self) -> None:
        """See uvicorn. While we read nothing ourselves (engines come up, and what came before waits for them) its
        answer may have come.
        """
        if self.read_paused:
            self.pong_timer = None
            self.schedule_ping()
        else:
            super().keepalive_timeout()

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        """See uvicorn; it is open until all is taken that waits for it."""
        super().on_task_complete(task)
        self._mind()


class DoorProtocol(_Minded, H11Protocol):
    """Uvicorn's, with a :class:`Door`: make a class of it with :func:`behind`."""

    door: Door

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See uvicorn."""
        super().connection_made(transport)
        self.door.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """See uvicorn."""
        self.door.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See uvicorn."""
        super().data_received(data)
        if self._busy:
            self.door.leave(self)

    def on_response_complete(self) -> None:
        """See uvicorn."""
        if not self.transport.is_closing():
            self.door.enter(self)
        super().on_response_complete()
        if self._busy:  # the next one had come already
            self.door.leave(self)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """See uvicorn; from then on it is the socket's."""
        self.door.leave(self)
        self._mind_no_more()
        super().handle_websocket_upgrade(event)

    @property
    def _busy(self) -> bool:
        """A request is under way."""
        cycle: Any = self.cycle  # None before the first
        return cycle is not None and not cycle.response_complete

    def turn_away(self) -> None:
        """Nothing came, or too little of it."""
        self.door.leave(self)
        self.transport.close()
        self._mind()  # it is open until all is taken that waits for it


def behind(door: Door) -> type[DoorProtocol]:
    """Connections that go through ``door``."""
    members: dict[str, Any] = {"door": door}
    return type("DoorProtocol", (DoorProtocol,), members)
