"""The ASGI application: routes by concept, errors as problem details, a gate in front."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import FastAPI

from duologue import __version__
from duologue.web import conversations, events, health, problems, stage, stream
from duologue.web.gate import Gate
from duologue.web.limits import BodyLimit, StreamCors
from duologue.web.options import WebOptions
from duologue.web.page import Page
from duologue.web.studio import Studio

DESCRIPTION = "Start, watch and stop conversations; switch the stage; follow what happens; play the stream."


def create_app(studio: Studio, options: WebOptions | None = None) -> FastAPI:
    """The application in front of a running ``studio``.

    Before the server waits for its connections to close, set ``app.state.leaving``: it ends the event streams.
    """
    options = options or WebOptions()
    app = _routes()
    app.state.studio = studio
    app.state.options = options
    app.state.leaving = asyncio.Event()
    if options.page:
        app.router.default = Page(options.static)
    # the last one added is the outermost
    app.add_middleware(BodyLimit, limit=options.max_body)
    app.add_middleware(Gate, options=options)
    app.add_middleware(StreamCors)
    return app


def openapi_schema() -> dict[str, Any]:
    """The API's schema, from which the page's types are generated; needs no studio."""
    schema = _routes().openapi()
    body = schema["paths"]["/api/events"]["get"]["responses"]["200"]["content"]["text/event-stream"]["schema"]
    body.pop("type")  # the framework's guess ("string") would contradict the model beside it
    return schema


def _routes() -> FastAPI:
    app = FastAPI(title="Duologue", version=__version__, description=DESCRIPTION)
    problems.install(app)
    for room in (conversations, stage, events, stream, health):
        app.include_router(room.router)
    return app
