"""The ASGI application: routes by concept, errors as problem details, a gate in front."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from duologue.app.talk import messages as talk_messages
from duologue.version import __version__
from duologue.web import (
    conversations,
    engines,
    events,
    evidence,
    faces,
    health,
    line,
    parts,
    paths,
    people,
    problems,
    runs,
    session,
    shows,
    stage,
    stream,
    talk,
    twilio,
    usage,
    utterances,
    workers,
)
from duologue.web.client_secrets import ClientSecrets
from duologue.web.gate import Gate
from duologue.web.limits import BodyLimit, Sharing
from duologue.web.options import WebOptions
from duologue.web.page import Page
from duologue.web.reference import render
from duologue.web.scopes import reading
from duologue.web.security import OWN_STYLE, POLICY, SecurityHeaders
from duologue.web.shows import ByShow
from duologue.web.studio import HousePort
from duologue.web.trace_context import JoinTraces
from duologue.web.v1 import chat, models, realtime, speech, transcriptions

MAX_CHAT = 1024 * 1024
"""Bytes of a conversation that a client brings."""
DESCRIPTION = "Start, watch and stop conversations; switch the stage; follow what happens; play the stream."


class _Application(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """The schema, without the type that the framework guesses for the event stream's body beside its model, and
        with what is said on the socket of a talk, which it has no place for. Errors are called what they are sent as.
        """
        schema = super().openapi()
        for path in schema["paths"].values():
            for operation in path.values():
                for answer in operation["responses"].values():
                    _name_problem(answer.get("content", {}))
        schema["components"]["schemas"].update(talk_messages.schemas())
        events = schema["paths"][paths.EVENTS]["get"]["responses"]["200"]["content"]["text/event-stream"]
        events["schema"].pop("type", None)
        return schema


def _name_problem(content: dict[str, Any]) -> None:
    """The framework gives each model of a route the media type of its answer."""
    for kind, described in list(content.items()):
        if described.get("schema", {}).get("$ref", "").endswith("/Problem"):
            content[problems.MEDIA_TYPE] = content.pop(kind)


async def _reference(request: Request) -> HTMLResponse:
    return HTMLResponse(render(request.app.openapi()), headers={POLICY: OWN_STYLE})


def create_app(house: HousePort, options: WebOptions | None = None) -> FastAPI:
    """The application in front of a ``house``, with or without shows.

    Before the server waits for its connections to close, set ``app.state.leaving``: it ends the event streams.
    """
    options = options or WebOptions()
    app = _routes()
    app.state.house = house
    app.state.options = options
    app.state.leaving = asyncio.Event()
    app.state.secrets = secrets = ClientSecrets()
    app.state.uploads = asyncio.Semaphore(utterances.MAX_UPLOADS)
    app.router.default = Page(options.static)
    # the last one added is the outermost
    app.add_middleware(JoinTraces, house=house)
    app.add_middleware(BodyLimit, limit=options.max_body, larger=_larger(options))
    app.add_middleware(Gate, options=options, secrets=secrets)
    app.add_middleware(Sharing, origins=options.cors_origins)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(ByShow, shows=house.shows)
    return app


def _larger(options: WebOptions) -> dict[str, int]:
    """The addresses whose bodies may be longer, and by how much."""
    files = (utterances.PATH, transcriptions.PATH, transcriptions.TRANSLATIONS)
    return {**dict.fromkeys(files, options.max_upload), chat.PATH: MAX_CHAT}


def openapi_schema() -> dict[str, Any]:
    """The API's schema, from which the page's types are generated; needs no house."""
    return _routes().openapi()


def _routes() -> FastAPI:
    app = _Application(
        title="Duologue", version=__version__, description=DESCRIPTION, docs_url=None, redoc_url=None,
        servers=[{"url": "."}], root_path_in_servers=False,  # what is asked for lies beside the schema, in every show
    )  # fmt: skip
    app.add_api_route(
        "/docs", _reference, include_in_schema=False, response_class=HTMLResponse, dependencies=[reading()]
    )
    problems.install(app)
    for room in (
        session,
        shows,
        conversations,
        stage,
        utterances,
        events,
        evidence,
        runs,
        stream,
        health,
        workers,
        parts,
        engines,
        usage,
        faces,
        line,
        models,
        speech,
        transcriptions,
        chat,
        realtime,
        twilio,
        talk,
        people,
    ):
        app.include_router(room.router)
    return app
