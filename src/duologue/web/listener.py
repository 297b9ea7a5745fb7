"""What listens: uvicorn with the application of a house. Importing it takes a quarter of a second."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Generator
from typing import Any

import uvicorn
from fastapi import FastAPI

from duologue.certificates import ServedCertificate
from duologue.errors import InputError
from duologue.settings import Settings
from duologue.settings_parts import WebSettings
from duologue.telemetry.log import get_logger
from duologue.tokens import SHORTEST
from duologue.web.application import create_app
from duologue.web.certificate import certificate_of
from duologue.web.door import HEAD_SECONDS, Door, SocketProtocol, behind
from duologue.web.handshakes import Handshakes
from duologue.web.options import Grant, Key, WebOptions
from duologue.web.studio import HousePort

GRACE = 3
"""Seconds that open connections get when the server leaves."""
_log = get_logger(__name__)
MAX_SOCKET_MESSAGE = 256 * 1024
"""A longer message of a WebSocket (bytes) closes it."""


class Listener(uvicorn.Server):
    """Ends the event streams, and the calls, before it waits for connections to close, and leaves signals to its owner.

    Set ``should_exit`` to end :meth:`serve`, at any time.
    """

    def __init__(self, config: uvicorn.Config, app: FastAPI, shown: ServedCertificate | None = None) -> None:
        super().__init__(config)
        self._app = app
        self._shown = shown
        self._group: asyncio.TaskGroup | None = None
        self._taking: list[asyncio.Task[None]] = []

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn."""
        async with asyncio.TaskGroup() as self._group:
            await super().serve(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Uvicorn would raise the signal again, and end the process before the studio."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn, which bounds neither how many shake hands by HTTPS nor, below a minute, how long; until they
        have, no door knows of them.
        """
        await self.lifespan.startup()
        config = self.config

        def protocol() -> asyncio.Protocol:
            make: Any = config.http_protocol_class
            return make(config=config, server_state=self.server_state, app_state=self.lifespan.state)

        self.servers = []
        for sock in sockets or ():
            if self._shown is not None:
                assert self._group is not None
                handshakes = Handshakes(self._shown.context, protocol, HEAD_SECONDS)
                self._taking.append(self._group.create_task(handshakes.run(sock)))
            else:
                loop = asyncio.get_running_loop()
                self.servers.append(await loop.create_server(protocol, sock=sock, backlog=config.backlog))
        if self._shown is not None:
            self._shown.watch(_not_read)
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn."""
        for task in self._taking:
            task.cancel()
        if self._shown is not None:
            self._shown.leave()
        self._app.state.leaving.set()
        house: HousePort = self._app.state.house
        if house.twilio is not None:
            await house.twilio.leave()
        if house.talk is not None:
            await house.talk.sessions.leave()
        if house.endpoints is not None:
            await house.endpoints.realtime.leave()
        await super().shutdown(sockets)


def make_listener(house: HousePort, settings: Settings) -> Listener:
    """The application of ``house`` as the settings want it, not listening yet. Raises :class:`InputError` for a token
    or a certificate that cannot be.
    """
    web = settings.web
    options = WebOptions(
        host=web.host,
        token=web.token.get_secret_value() if web.token is not None else "",
        keys=keys_of(web),
        settings=tuple(settings.rows()),
        hosts=web.hosts,
        cors_origins=web.cors_origins,
        accounts=house.accounts,
    )
    app = create_app(house, options)
    certificate = certificate_of(web)
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=GRACE, loop="none",
        http=behind(Door()), ws=SocketProtocol, ws_max_size=MAX_SOCKET_MESSAGE, ws_per_message_deflate=False,
    )  # fmt: skip
    return Listener(config, app, ServedCertificate(certificate.chain, certificate.key) if certificate else None)


def _not_read(error: InputError) -> None:
    """The certificate's files changed, and cannot be used: the one of before is shown."""
    _log.error("web.certificate", what=error.what, where=error.where, remedy=error.remedy)


def keys_of(web: WebSettings) -> tuple[Key, ...]:
    """The tokens of ``[web.tokens]`` and what each grants.

    Raises :class:`InputError` for one that is not there, protects nothing, or is another one's too.
    """
    known = {web.token.get_secret_value(): "web.token"} if web.token is not None else {}
    for name, table in web.tokens.items():
        where = f"web.tokens.{name}"
        if len(table.secret) < SHORTEST:
            raise InputError(
                f"the environment variable {table.env} holds no token, or one too short to protect anything",
                where=where,
                remedy=f"Set it to at least {SHORTEST} characters, e.g. of a generator.",
            )
        if (other := known.setdefault(table.secret, where)) != where:
            raise InputError(
                f"this is the same token as {other}: which scopes hold?", where=where, remedy="Give it one of its own."
            )
    return tuple(Key(table.secret, Grant(name, frozenset(table.scopes))) for name, table in web.tokens.items())
