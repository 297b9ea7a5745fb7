"""Errors as answers: problem details (after RFC 9457) that say what was wrong, where, and the next step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from duologue.app.idempotency import KeyReused
from duologue.app.models import Problem
from duologue.app.show.guests import QueueFull
from duologue.errors import ClosedError, DuologueError, InputError, PeerError
from duologue.telemetry.log import get_logger
from duologue.web import compatible, paths
from duologue.web.compatible import RETRY_SECONDS

MEDIA_TYPE = "application/problem+json"
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_LATER = (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS)

_log = get_logger(__name__)


class Refusal(HTTPException):
    """A request that a route turns away: what was wrong, where, and the next step."""

    def __init__(self, status: HTTPStatus, what: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(status, what)
        self.where = where
        self.remedy = remedy


class NotFound(Refusal):
    """The address names something that does not exist (any more)."""

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(HTTPStatus.NOT_FOUND, what, where=where, remedy=remedy)


def problem(
    status: int, title: str, *, where: str = "", remedy: str = "", headers: Mapping[str, str] | None = None,
    path: str = "",
) -> Response:  # fmt: skip
    """A problem details response; or, where clients of OpenAI's API ask (``path``), an error of its shape."""
    if paths.within(path, paths.COMPATIBLE):
        return compatible.answer(compatible.fault_of_status(status), title, where, remedy, headers)
    body = Problem(title=title, where=where, remedy=remedy, status=status).model_dump_json()
    return Response(body, status, dict(headers or {}), MEDIA_TYPE)


def status_of(error: DuologueError) -> int:
    """The HTTP status that says whose fault it was."""
    match error:
        case KeyReused():
            return HTTPStatus.CONFLICT
        case QueueFull():
            return HTTPStatus.TOO_MANY_REQUESTS
        case InputError():
            return HTTPStatus.UNPROCESSABLE_ENTITY
        case PeerError():
            return HTTPStatus.BAD_GATEWAY
        case ClosedError():
            return HTTPStatus.SERVICE_UNAVAILABLE
        case _:
            return HTTPStatus.INTERNAL_SERVER_ERROR


def install(app: FastAPI) -> None:
    """Make every error of ``app`` a problem details answer."""
    app.add_exception_handler(DuologueError, _house)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unforeseen)


def describe(errors: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Pydantic's findings as (what, where): every message once, every place as a dotted path."""
    places = [".".join(str(part) for part in error["loc"]) for error in errors]
    whats = [f"{place}: {error['msg']}" for place, error in zip(places, errors, strict=True)]
    return "; ".join(dict.fromkeys(whats)), ", ".join(dict.fromkeys(places))


async def _house(request: Request, error: Exception) -> Response:
    assert isinstance(error, DuologueError)
    status = status_of(error)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("request.failed", path=request.url.path, error=str(error), exc_info=error)
    if paths.within(_path(request), paths.COMPATIBLE):
        return compatible.answer(compatible.fault_of(error), error.what, error.where, error.remedy)
    headers = {"Retry-After": str(RETRY_SECONDS)} if status in _LATER else None
    return problem(status, error.what, where=error.where, remedy=error.remedy, headers=headers)


async def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    path = _path(request)
    found = [_within_body(each) if paths.within(path, paths.COMPATIBLE) else each for each in error.errors()]
    what, where = _no_json(error) or describe(found)
    return problem(
        HTTPStatus.UNPROCESSABLE_ENTITY, what, where=where, remedy="The expected fields are listed at /docs.", path=path
    )


def _within_body(error: Mapping[str, Any]) -> Mapping[str, Any]:
    """OpenAI's errors name a field as it stands in the body."""
    place = tuple(error["loc"])
    return {**error, "loc": place[1:] if place[0] == "body" and len(place) > 1 else place}


def _no_json(error: RequestValidationError) -> tuple[str, str] | None:
    """What is wrong with a body that cannot be read (what, where); None: it can."""
    found = next((each for each in error.errors() if each["type"] == "json_invalid"), None)
    return None if found is None else (f"the body is no JSON: {found['ctx']['error']}", "body")


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error, Refusal):
        return problem(
            error.status_code, error.detail, where=error.where, remedy=error.remedy, path=_path(request)
        )  # fmt: skip
    remedy, headers = "", error.headers
    if error.status_code == HTTPStatus.NOT_FOUND:
        remedy = "Every address is listed at /docs."
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = ", ".join(_methods(request))
        remedy, headers = f"Use {allowed}; see /docs.", {"Allow": allowed}
    return problem(
        error.status_code, error.detail, where=request.url.path, remedy=remedy, headers=headers, path=_path(request)
    )


def _methods(request: Request) -> list[str]:
    """What the address of a request takes (RFC 9110, section 15.5.6); each of its routes tells of its own alone."""

    def taken(method: str) -> bool:
        scope = {**request.scope, "method": method}
        return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)

    return [method for method in _METHODS if taken(method)]


async def _unforeseen(request: Request, error: Exception) -> Response:
    _log.error("request.failed", path=request.url.path, exc_info=error)
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong on our side",
        where=request.url.path, remedy="The log has the details; please report it.", path=_path(request),
    )  # fmt: skip


def _path(request: Request) -> str:
    return paths.route(request.scope)
