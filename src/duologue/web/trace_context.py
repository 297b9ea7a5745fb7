"""The ASGI layer that joins a client's trace (W3C Trace Context), while the house exports its own.

A request over HTTP with a ``traceparent`` becomes a span of the client's trace, and all that is asked of others for it
lies below, with the client's ``tracestate``. A socket's conversation does so itself, for it may outlive the socket. A
header that is not as it should be is ignored.
"""

from __future__ import annotations

import secrets
from dataclasses import replace

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from duologue.clock import SYSTEM_CLOCK, milliseconds
from duologue.telemetry.ledger import RequestRecord
from duologue.tracing import HEADER, STATE_HEADER, TraceContext, is_exported, read_context, traced
from duologue.web.studio import HousePort


class JoinTraces:
    """See the module. It stands behind the gate: who is not let in is in nobody's trace."""

    def __init__(self, app: ASGIApp, house: HousePort) -> None:
        self._app = app
        self._house = house

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI call."""
        parent: TraceContext | None = None
        if scope["type"] in ("http", "websocket") and is_exported():
            headers = Headers(scope=scope)
            parent = read_context(headers.getlist(HEADER), headers.getlist(STATE_HEADER))
        if parent is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            with traced(parent):
                await self._app(scope, receive, send)
        else:
            await self._answer(parent, scope, receive, send)

    async def _answer(self, parent: TraceContext, scope: Scope, receive: Receive, send: Send) -> None:
        own = replace(parent, span=secrets.token_bytes(8))
        began, status = SYSTEM_CLOCK.now(), 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            with traced(own):
                await self._app(scope, receive, noted)
        finally:
            ended = SYSTEM_CLOCK.now()
            route = getattr(scope.get("route"), "path", "")
            took = milliseconds(ended - began)
            self._house.answered(
                RequestRecord(
                    ended, scope["method"], route, status, took, own.header, parent.header, parent.state,
                    scope["path"], scope.get("scheme", "http"),
                )
            )  # fmt: skip
