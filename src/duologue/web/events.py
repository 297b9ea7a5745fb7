"""Events to the browser: server-sent events (WHATWG HTML, section 9.2), with a bounded backlog for every client.

The studio's subscription begins with the full state, so a client that reconnects needs no ``Last-Event-ID``. A client
that is slower than the show does not hold events back: its backlog is thrown away and it is subscribed anew, which
gives it the newest state, and a notice says what happened.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from http import HTTPStatus

from fastapi import APIRouter
from pydantic import RootModel
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from duologue.app.models import Event, Notice, NoticeEvent
from duologue.web.access import TheOptions, TheStudio
from duologue.web.studio import Studio

router = APIRouter(prefix="/api", tags=["events"])
KEEP_ALIVE = b": still here\n\n"


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


async def stream(studio: Studio, capacity: int, keep_alive: float) -> AsyncGenerator[bytes]:
    """The body of an event stream: it ends with the studio's subscription. ``keep_alive`` in seconds."""
    yield b"retry: 2000\n\n"
    while True:
        backlog = Backlog(capacity)
        async with studio.subscribe() as events, asyncio.TaskGroup() as tasks:
            pump = tasks.create_task(_pump(events, backlog))
            try:
                async for piece in _drain(backlog, keep_alive):
                    yield piece
            finally:
                pump.cancel()
        if not backlog.overrun:
            return
        notice = Notice(
            level="warning", text="This connection is too slow for the events; some were skipped.",
            remedy="What is shown now is current.",
        )  # fmt: skip
        yield encode(NoticeEvent(notice=notice))


async def _pump(events: AsyncIterator[Event], backlog: Backlog) -> None:
    async for event in events:
        if not backlog.put(event):
            return
    backlog.close()


async def _drain(backlog: Backlog, keep_alive: float) -> AsyncGenerator[bytes]:
    while True:
        try:
            async with asyncio.timeout(keep_alive):
                events = await backlog.take()
        except TimeoutError:
            yield KEEP_ALIVE
            continue
        if events is None:
            return
        yield b"".join(encode(event) for event in events)


class EventStream(Response):
    """Streams a body until it ends, the client leaves, or the server shuts down (``leaving``)."""

    media_type = "text/event-stream"

    def __init__(self, body: AsyncGenerator[bytes] | None = None, leaving: asyncio.Event | None = None) -> None:
        self._body = body
        self._leaving = leaving or asyncio.Event()
        self.status_code = 200
        self.background = None
        self.init_headers({"Cache-Control": "no-store", "X-Accel-Buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI call."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with asyncio.TaskGroup() as tasks:
            sender = tasks.create_task(self._send(send))
            watchers = [tasks.create_task(_disconnected(receive)), tasks.create_task(_wait(self._leaving))]
            await asyncio.wait([sender, *watchers], return_when=asyncio.FIRST_COMPLETED)
            for task in (sender, *watchers):
                task.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send(self, send: Send) -> None:
        assert self._body is not None
        try:
            async for piece in self._body:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        finally:
            await self._body.aclose()


async def _disconnected(receive: Receive) -> None:
    message: Message = {"type": ""}
    while message["type"] != "http.disconnect":
        message = await receive()


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


@router.get(
    "/events",
    operation_id="events",
    status_code=HTTPStatus.OK,
    response_class=EventStream,
    responses={200: {"model": StreamedEvent, "description": "Server-sent events; the full state comes first."}},
)
async def events(studio: TheStudio, options: TheOptions) -> EventStream:
    """Everything that happens, as it happens."""
    return EventStream(stream(studio, options.backlog, options.keep_alive))
