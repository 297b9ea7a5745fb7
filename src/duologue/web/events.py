"""Events to the browser: server-sent events (WHATWG HTML, section 9.2), with a bounded backlog for every client.

The studio's subscription begins with the full state, so a client that reconnects needs no ``Last-Event-ID``. A client
that is slower than the show does not hold events back: its backlog is thrown away and it is subscribed anew, which
gives it the newest state, and a notice says what happened.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from http import HTTPStatus

from fastapi import APIRouter
from pydantic import RootModel
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from duologue.app.models import Event, Notice, NoticeEvent
from duologue.web import paths
from duologue.web.access import Leaving, TheOptions, TheStudio
from duologue.web.options import WebOptions
from duologue.web.studio import Studio

router = APIRouter(prefix=paths.API, tags=["events"])
RETRY = b"retry: 2000\n\n"
"""Tells the browser how long to wait before it connects again (ms)."""
KEEP_ALIVE = b": still here\n\n"
"""A comment, so that proxies do not take silence for death."""
TOO_SLOW = Notice(
    level="warning",
    text="This connection is too slow for the events; some were skipped.",
    remedy="What is shown now is current.",
)


class StreamedEvent(RootModel[Event]):
    """The JSON of one event; the ``event:`` field repeats its ``type``."""


class Backlog:
    """Events that wait for one client. ``put`` never waits; past ``capacity`` it refuses and the backlog is overrun."""

    def __init__(self, capacity: int) -> None:
        self._events: deque[Event] = deque()
        self._capacity = capacity
        self._changed = asyncio.Event()
        self._closed = False
        self.overrun = False

    def put(self, event: Event) -> bool:
        """Add an event; False when the client has fallen too far behind."""
        self.overrun = self.overrun or len(self._events) >= self._capacity
        if not self.overrun:
            self._events.append(event)
        self._changed.set()
        return not self.overrun

    def close(self) -> None:
        """No more events will come."""
        self._closed = True
        self._changed.set()

    async def take(self) -> list[Event] | None:
        """All that waits, at least one event; None at the end or when overrun."""
        while not self._events and not self._closed and not self.overrun:
            self._changed.clear()
            await self._changed.wait()
        if self.overrun or not self._events:
            return None
        taken = list(self._events)
        self._events.clear()
        return taken


def encode(event: Event) -> bytes:
    """One event on the wire. JSON has no raw line breaks, so one ``data:`` line holds it."""
    return f"event: {event.type}\ndata: {event.model_dump_json()}\n\n".encode()


async def _pump(events: AsyncIterator[Event], backlog: Backlog) -> None:
    async for event in events:
        if not backlog.put(event):
            return
    backlog.close()


class EventStream(Response):
    """Sends a studio's events until its subscription ends, the client goes, or the server does (``leaving``)."""

    media_type = "text/event-stream"

    def __init__(self, studio: Studio, options: WebOptions, leaving: asyncio.Event) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._studio = studio
        self._options = options
        self._leaving = leaving

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI call."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with asyncio.TaskGroup() as tasks:
            running = [
                tasks.create_task(self._write(send)),
                tasks.create_task(_disconnected(receive)),
                tasks.create_task(_wait(self._leaving)),
            ]
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in running:
                task.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _write(self, send: Send) -> None:
        await _send(send, RETRY)
        while await self._write_subscription(send):
            await _send(send, encode(NoticeEvent(notice=TOO_SLOW)))

    async def _write_subscription(self, send: Send) -> bool:
        """Send one subscription; True when the client fell too far behind and needs a new one."""
        backlog = Backlog(self._options.backlog)
        async with self._studio.subscribe() as events, asyncio.TaskGroup() as tasks:
            pump = tasks.create_task(_pump(events, backlog))
            while (waiting := await self._next(backlog)) is not None:
                await _send(send, waiting)
            pump.cancel()
        return backlog.overrun

    async def _next(self, backlog: Backlog) -> bytes | None:
        try:
            async with asyncio.timeout(self._options.keep_alive):
                events = await backlog.take()
        except TimeoutError:
            return KEEP_ALIVE
        return None if events is None else b"".join(encode(event) for event in events)


async def _send(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


@router.get(
    "/events",
    operation_id="events",
    status_code=HTTPStatus.OK,
    response_class=EventStream,
    responses={200: {"model": StreamedEvent, "description": "Server-sent events; the full state comes first."}},
)
async def events(studio: TheStudio, options: TheOptions, leaving: Leaving) -> EventStream:
    """Everything that happens, as it happens."""
    return EventStream(studio, options, leaving)
