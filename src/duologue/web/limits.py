"""Two small ASGI layers: no body larger than it may be, and what pages of other sites may read."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from duologue.web import paths
from duologue.web.problems import problem

BODY_SECONDS = 90.0
"""For a body to arrive; routes that take files have less."""


class BodyLimit:
    """Refuses a body over ``limit`` bytes: by its announced length at once, else while it is being read; and one that
    has not arrived within :data:`BODY_SECONDS`.

    ``larger`` are the paths with a limit of their own.
    """

    def __init__(self, app: ASGIApp, limit: int, larger: Mapping[str, int] | None = None) -> None:
        self._app = app
        self._limit = limit
        self._larger = larger or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._larger.get(paths.route(scope).rstrip("/"), self._limit)
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdigit() and int(announced) > limit:
            await _refusal(scope["path"], limit)(scope, receive, send)
            return
        await self._app(scope, _counting(receive, limit), send)


def _refusal(path: str, limit: int) -> Response:
    headers = {"Connection": "close"}  # the rest of the body is not worth reading
    remedy = f"Send at most {limit // 1024} kB."
    return problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _complaint(limit), where=path, remedy=remedy, headers=headers, path=path
    )


def _complaint(limit: int) -> str:
    return f"The request's body is longer than {limit} bytes"


def _counting(receive: Receive, limit: int) -> Receive:
    taken, more = 0, True
    until = asyncio.get_running_loop().time() + BODY_SECONDS

    async def counted() -> Message:
        nonlocal taken, more
        try:
            async with asyncio.timeout_at(until if more else None):
                message = await receive()
        except TimeoutError as error:
            what = f"The request's body did not arrive within {BODY_SECONDS:g} s"
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, what, {"Connection": "close"}) from error
        more = message["type"] == "http.request" and message.get("more_body", False)
        taken += len(message.get("body", b""))
        if taken > limit:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _complaint(limit), {"Connection": "close"})
        return message

    return counted


class Sharing:
    """What pages of other sites may read (Fetch standard, sections 3.2 and 3.7): the stream, by those named; nothing
    else.

    ``origins`` are theirs (``https://example.org``); ``*`` is every one. It stands before the gate, because a browser's
    preflight carries no credentials. A page that is not named cannot even show the stream (``same-origin``).
    """

    def __init__(self, app: ASGIApp, origins: Collection[str] = ()) -> None:
        self._app = app
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        shared = bool(self._origins) and paths.within(paths.route(scope), paths.STREAM)
        said = self._said(Headers(scope=scope).get("origin", "")) if shared else _SAME_ORIGIN
        if scope["method"] == "OPTIONS" and _ALLOWED in said:
            await Response(status_code=HTTPStatus.NO_CONTENT, headers=said | _PREFLIGHT)(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(said)
                if shared and "*" not in self._origins:
                    headers.add_vary_header("Origin")
            await send(message)

        await self._app(scope, receive, answer)

    def _said(self, origin: str) -> dict[str, str]:
        if "*" in self._origins:
            return {"Cross-Origin-Resource-Policy": "cross-origin", _ALLOWED: "*", **_EXPOSED}
        return _SAME_ORIGIN | ({_ALLOWED: origin, **_EXPOSED} if origin in self._origins else {})


_ALLOWED = "Access-Control-Allow-Origin"
_SAME_ORIGIN = {"Cross-Origin-Resource-Policy": "same-origin"}
_EXPOSED = {"Access-Control-Expose-Headers": "Date, Retry-After"}
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Range",
    "Access-Control-Max-Age": "86400",
}
