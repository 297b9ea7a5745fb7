"""The server: a bound socket, the application, and a studio that lives as long as it does."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Generator, Sequence

import uvicorn
from fastapi import FastAPI

from duologue.app.cast import CastMember
from duologue.app.studio import open_studio
from duologue.errors import InputError
from duologue.memory import settle
from duologue.settings import Settings
from duologue.web.application import create_app
from duologue.web.options import WebOptions

GRACE = 3
"""Seconds that open connections get when the server leaves."""


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. Raises :class:`InputError` for an address that cannot be had, before anything is started."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(128)  # whoever comes early waits for the application instead of being refused
    except OSError as error:
        sock.close()
        raise InputError(
            f"{host}:{port} cannot be listened on: {error.strerror or error}",
            where="web.host, web.port",
            remedy="End the program that holds it, or choose another with --port (0 takes a free one).",
        ) from error
    return sock


def address(sock: socket.socket) -> str:
    """The page's address."""
    host, port = sock.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


class _Server(uvicorn.Server):
    """Ends the event streams before it waits for connections to close, and leaves signals to :func:`serve`."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield  # uvicorn would raise the signal again, and end the process before the studio

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.leaving.set()
        await super().shutdown(sockets)


async def serve(settings: Settings, sock: socket.socket, cast: Sequence[CastMember] = ()) -> None:
    """Open a studio (see :func:`open_studio`) and serve it on ``sock`` until its programme is over or the process is
    told to stop.
    """
    settle()
    async with open_studio(settings, cast) as studio:
        web = settings.web
        options = WebOptions(
            host=web.host,
            token=web.token.get_secret_value() if web.token is not None else "",
            hosts=web.hosts,
            page=not settings.show.headless,
        )
        app = create_app(studio, options)
        config = uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=GRACE, loop="none"
        )
        server = _Server(config, app)

        def leave() -> None:
            server.should_exit = True

        for order in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(order, leave)
        async with asyncio.TaskGroup() as group:
            on_air = group.create_task(studio.run())
            on_air.add_done_callback(lambda _: leave())
            await server.serve([sock])
            on_air.cancel()
