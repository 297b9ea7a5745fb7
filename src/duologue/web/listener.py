"""What listens: uvicorn with the application of a house. Importing it takes a quarter of a second."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Generator

import uvicorn
from fastapi import FastAPI

from duologue.settings import Settings
from duologue.web.application import create_app
from duologue.web.options import WebOptions
from duologue.web.studio import House

GRACE = 3
"""Seconds that open connections get when the server leaves."""


class Listener(uvicorn.Server):
    """Ends the event streams before it waits for connections to close, and leaves signals to its owner.

    Set ``should_exit`` to end :meth:`serve`, at any time.
    """

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Uvicorn would raise the signal again, and end the process before the studio."""
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn."""
        self._app.state.leaving.set()
        await super().shutdown(sockets)


def make_listener(house: House, settings: Settings) -> Listener:
    """The application of ``house`` as the settings want it, not listening yet."""
    web = settings.web
    options = WebOptions(
        host=web.host,
        token=web.token.get_secret_value() if web.token is not None else "",
        hosts=web.hosts,
        cors_origins=web.cors_origins,
    )
    app = create_app(house, options)
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=GRACE, loop="none"
    )
    return Listener(config, app)
