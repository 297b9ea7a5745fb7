"""Two small ASGI layers: no body larger than it may be, and players of other sites may play the stream."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from duologue.web.problems import problem


class BodyLimit:
    """Refuses a body over ``limit`` bytes: by its announced length at once, else while it is being read.

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
        limit = self._larger.get(scope["path"].rstrip("/"), self._limit)
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdigit() and int(announced) > limit:
            await _refusal(scope["path"], limit)(scope, receive, send)
            return
        await self._app(scope, _counting(receive, limit), send)


def _refusal(path: str, limit: int) -> Response:
    headers = {"Connection": "close"}  # the rest of the body is not worth reading
    remedy = f"Send at most {limit // 1024} kB."
    return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _complaint(limit), where=path, remedy=remedy, headers=headers)


def _complaint(limit: int) -> str:
    return f"The request's body is longer than {limit} bytes"


def _counting(receive: Receive, limit: int) -> Receive:
    taken = 0

    async def counted() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > limit:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _complaint(limit), {"Connection": "close"})
        return message

    return counted


class StreamCors:
    """Cross-origin reading (Fetch standard, section 3.2) of what is under /stream/, and of nothing else.

    It stands before the gate, because a browser's preflight carries no credentials.
    """

    PREFIX = "/stream/"

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI call."""
        if scope["type"] != "http" or not scope["path"].startswith(self.PREFIX):
            await self._app(scope, receive, send)
            return
        if scope["method"] == "OPTIONS":
            await Response(status_code=HTTPStatus.NO_CONTENT, headers=_PREFLIGHT)(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_READABLE)
            await send(message)

        await self._app(scope, receive, answer)


_READABLE = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Date, Retry-After"}
_PREFLIGHT = {
    **_READABLE,
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Range",
    "Access-Control-Max-Age": "86400",
}
