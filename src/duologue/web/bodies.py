"""Routes whose JSON is read strictly: what cannot be written down again is the client's mistake, said at once."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from duologue.strict_json import read_json


class _JsonRequest(Request):
    async def json(self) -> Any:
        """See :func:`read_json`."""
        return read_json(await self.body())


class _JsonRoute(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Of the same route, with bodies read strictly."""
        handle = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            return await handle(_JsonRequest(request.scope, request.receive))

        return strictly


class Router(APIRouter):
    """Of routes whose JSON is read by :func:`read_json`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(route_class=_JsonRoute, **options)
