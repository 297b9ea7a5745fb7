"""Events to the browser: server-sent events (WHATWG HTML, section 9.2).

A client begins with the state, or (``Last-Event-ID``) where it left off. One that is slower than the show is sent the
state again (:mod:`duologue.app.bus`); what waits for it is what its socket holds.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header
from pydantic import RootModel
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from duologue.app.bus import Published, Subscription
from duologue.app.models import Event
from duologue.web import paths
from duologue.web.access import PROBLEMS, Leaving, TheOptions, TheStudio
from duologue.web.scopes import reading

router = APIRouter(prefix=paths.API, tags=["events"])
RETRY = b"retry: 2000\n\n"
"""Tells the browser how long to wait before it connects again (ms)."""
KEEP_ALIVE = b": still here\n\n"
"""A comment, so that proxies do not take silence for death."""


class StreamedEvent(RootModel[Event]):
    """The JSON of one event; the ``event:`` field repeats its ``type``."""


def encode(published: Published) -> bytes:
    """One event on the wire. JSON has no raw line breaks, so one ``data:`` line holds it."""
    event, name = published.event, f"id: {published.id}\n" if published.id else ""
    return f"{name}event: {event.type}\ndata: {event.model_dump_json()}\n\n".encode()


class EventStream(Response):
    """Sends a subscription's events until it ends, the client goes, or the server does (``leaving``).

    A silence on it lasts ``keep_alive`` seconds at most.
    """

    media_type = "text/event-stream"

    def __init__(self, events: Subscription, keep_alive: float, leaving: asyncio.Event) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._events = events
        self._keep_alive = keep_alive
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
        while (body := await self._next()) is not None:
            await _send(send, body)

    async def _next(self) -> bytes | None:
        try:
            async with asyncio.timeout(self._keep_alive):
                published = await self._events.take()
        except TimeoutError:
            return KEEP_ALIVE
        return b"".join(map(encode, published)) if published else None


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
    dependencies=[reading()],
    status_code=HTTPStatus.OK,
    response_class=EventStream,
    responses={
        **PROBLEMS,
        200: {"model": StreamedEvent, "description": "Server-sent events; the full state comes first."},
    },
)
async def events(
    studio: TheStudio,
    options: TheOptions,
    leaving: Leaving,
    last_event_id: Annotated[str, Header(description="Of the last event that is known: go on after it.")] = "",
) -> EventStream:
    """Everything that happens, as it happens."""
    return EventStream(studio.subscribe(last_event_id), options.keep_alive, leaving)
