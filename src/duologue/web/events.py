"""Events to the browser: server-sent events (WHATWG HTML, section 9.2).

A client names topics, or gets those of the place where it asks. It begins with their state, or (``Last-Event-ID``)
where it left off. One that is slower than the house is sent the state again (:mod:`duologue.app.bus`); what waits for
it is what its socket holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated

from fastapi import Header, Query
from pydantic import RootModel
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from duologue.app.bus import Published, Subscription, Topics
from duologue.app.models import Event
from duologue.errors import InputError
from duologue.tokens import Scope as Scoped
from duologue.web import paths
from duologue.web.access import PROBLEMS, Here, Leaving, TheHouse, TheOptions
from duologue.web.bodies import Router
from duologue.web.discretion import event_for
from duologue.web.options import EVERYTHING, Grant
from duologue.web.problems import Refusal
from duologue.web.scopes import TheGrant, reading
from duologue.web.studio import ShowPort

router = Router(prefix=paths.API, tags=["events"])
RETRY = b"retry: 2000\n\n"
"""Tells the browser how long to wait before it connects again (ms)."""
LINE = "line"
SHARED: Topics = frozenset({"talk", LINE, "engines", "machine"})
"""Topics that are no show's."""
TOPICS = "With commas between them: show:NAME, talk, talk:ID, line, engines, machine; by default all but other shows'."
KEEP_ALIVE = b": still here\n\n"
"""A comment, so that proxies do not take silence for death."""


class StreamedEvent(RootModel[Event]):
    """The JSON of one event; the ``event:`` field repeats its ``type``."""


def encode(published: Published) -> bytes:
    """One event on the wire. JSON has no raw line breaks, so one ``data:`` line holds it."""
    event, name = published.event, f"id: {published.id}\n" if published.id else ""
    return f"{name}event: {event.type}\ndata: {event.model_dump_json()}\n\n".encode()


class ServerEvents(Response):
    """Sends what :meth:`write` does until that ends, the client goes, or the server does (``leaving``).

    A silence on it lasts ``keep_alive`` seconds at most.
    """

    media_type = "text/event-stream"

    def __init__(self, keep_alive: float, leaving: asyncio.Event) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self.keep_alive = keep_alive
        self._leaving = leaving

    async def write(self, send: Send) -> None:
        """Send the events, :data:`RETRY` first."""
        raise NotImplementedError

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI call."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with asyncio.TaskGroup() as tasks:
            running = [
                tasks.create_task(self.write(send)),
                tasks.create_task(_disconnected(receive)),
                tasks.create_task(_wait(self._leaving)),
            ]
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in running:
                task.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class EventStream(ServerEvents):
    """Sends a subscription's events until it ends, as far as a ``grant`` may know them."""

    def __init__(
        self, events: Subscription, keep_alive: float, leaving: asyncio.Event, grant: Grant = EVERYTHING
    ) -> None:
        super().__init__(keep_alive, leaving)
        self._events = events
        self._grant = grant

    async def write(self, send: Send) -> None:
        """See :class:`ServerEvents`."""
        await send_piece(send, RETRY)
        while (body := await self._next()) is not None:
            await send_piece(send, body)

    async def _next(self) -> bytes | None:
        try:
            async with asyncio.timeout(self.keep_alive):
                published = await self._events.take()
        except TimeoutError:
            return KEEP_ALIVE
        return b"".join(map(self._told, published)) if published else None

    def _told(self, published: Published) -> bytes:
        event = event_for(self._grant, published.event)
        return b"" if event is None else encode(replace(published, event=event))


async def send_piece(send: Send, body: bytes) -> None:
    """A part of a body that goes on."""
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
        200: {"model": StreamedEvent, "description": "Server-sent events; the state comes first."},
    },
)
async def events(
    house: TheHouse,
    here: Here,
    options: TheOptions,
    leaving: Leaving,
    grant: TheGrant,
    topics: Annotated[str, Query(max_length=400, description=TOPICS)] = "",
    last_event_id: Annotated[str, Header(description="Of the last event that is known: go on after it.")] = "",
) -> EventStream:
    """Everything that happens, as it happens: the state of what was asked for, then what changes."""
    asked = permitted(wanted(topics, house.shows, here), grant, named="line" in topics)
    return EventStream(house.bus.subscribe(asked, last_event_id), options.keep_alive, leaving, grant)


def permitted(asked: Topics, grant: Grant, *, named: bool) -> Topics:
    """What callers say is told to those who may use the line. Raises :class:`Refusal` to others who ask by name."""
    if LINE not in asked or Scoped.LINE in grant.scopes:
        return asked
    if named:
        raise Refusal(
            HTTPStatus.FORBIDDEN, f"This token may not follow calls: it lacks the scope {Scoped.LINE.value!r}",
            where="topics", remedy="Use a token that has it, or leave that topic out.",
        )  # fmt: skip
    return asked - {LINE}


def wanted(topics: str, shows: Sequence[ShowPort], here: ShowPort | None) -> Topics:
    """The topics of a list with commas; by default all but other shows'. Raises :class:`InputError`."""
    named = frozenset(part.strip() for part in topics.split(",") if part.strip())
    if not named:
        return SHARED if here is None else SHARED | {here.topic}
    of_shows = {show.topic for show in shows}
    unknown = sorted(name for name in named - SHARED - of_shows if not name.startswith("talk:"))
    if unknown:
        raise InputError(
            f"there is no topic {unknown[0]!r}",
            where="topics",
            remedy=f"Choose of {', '.join(sorted(SHARED | of_shows))}.",
        )
    if len(named & of_shows) > 1:
        raise InputError("two shows were asked for at once", where="topics", remedy="Open a stream for each.")
    return named
