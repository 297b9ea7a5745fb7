"""Errors as clients of OpenAI's API know them: which status, type and code each of ours has there (:data:`FAULTS`).

A client raises by the status, and asks again by itself (429 and from 500 on, unless ``X-Should-Retry`` says that this
is of no use). So what a server says to the house's own keys must not look like what the house says to the caller's:
only who is asked for a key of *this* house gets a 401.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from starlette.responses import Response

from duologue.app.admission import PlaceTaken
from duologue.errors import ClosedError, DuologueError, InputError, PeerError
from duologue.hosted import ServerError
from duologue.metering import SpentError

RETRY_SECONDS = 2
"""What ``Retry-After`` says while something is starting, leaving or full."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What a client is told: status, ``type`` and ``code`` of the error, and whether it may ask ``again``."""

    status: int
    kind: str
    code: str | None = None
    again: bool = False


FAULTS: dict[str, Fault] = {
    "the key is wrong, old or missing": Fault(401, "authentication_error", "invalid_api_key"),
    "the key may not do that": Fault(403, "permission_error", "insufficient_permissions"),
    "it asks for what cannot be, or is not supported": Fault(400, "invalid_request_error"),
    "there is no such model": Fault(404, "invalid_request_error", "model_not_found"),
    "there is nothing at that address": Fault(404, "invalid_request_error", "unknown_url"),
    "the key has asked too often": Fault(429, "rate_limit_error", "rate_limit_exceeded", again=True),
    "a cap of the day is reached, or the quota of a server that an engine asks": Fault(
        429, "insufficient_quota", "insufficient_quota"
    ),
    "no place is left": Fault(503, "server_error", "no_place", again=True),
    "the engines are being warmed up, or the house closes": Fault(503, "server_error", "unavailable", again=True),
    "a server that an engine asks is busy": Fault(503, "server_error", "engine_overloaded", again=True),
    "a server that an engine asks refuses the house's key": Fault(502, "server_error", "engine_key_refused"),
    "a server that an engine asks is late": Fault(504, "server_error", "engine_timeout", again=True),
    "an engine failed otherwise": Fault(502, "server_error", "engine_failed", again=True),
    "it is our own fault": Fault(500, "server_error", "internal_error", again=True),
}
"""By what happened; docs/compatible.md shows them."""

_BY_STATUS = {
    401: "the key is wrong, old or missing",
    403: "the key may not do that",
    404: "there is nothing at that address",
    422: "it asks for what cannot be, or is not supported",
    429: "the key has asked too often",
    500: "it is our own fault",
    503: "the engines are being warmed up, or the house closes",
}


def happened(error: DuologueError) -> str:
    """What one of our errors means to a client: a key of :data:`FAULTS`."""
    match error:
        case InputError():
            model = error.where == "model"
            return "there is no such model" if model else "it asks for what cannot be, or is not supported"
        case SpentError() | ServerError(spent=True):
            return "a cap of the day is reached, or the quota of a server that an engine asks"
        case ServerError(status=401 | 403):
            return "a server that an engine asks refuses the house's key"
        case ServerError(status=429 | 503):
            return "a server that an engine asks is busy"
        case ServerError(status=504):
            return "a server that an engine asks is late"
        case PeerError():
            return "an engine failed otherwise"
        case PlaceTaken():
            return "no place is left"
        case ClosedError():
            return "the engines are being warmed up, or the house closes"
        case _:
            return "it is our own fault"


def fault_of(error: DuologueError) -> Fault:
    """What a client is told of it."""
    return FAULTS[happened(error)]


def fault_of_status(status: int) -> Fault:
    """The same of a refusal that is no error of ours."""
    known = _BY_STATUS.get(status)
    return FAULTS[known] if known else Fault(status, "server_error" if status >= 500 else "invalid_request_error")


def document(fault: Fault, what: str, where: str = "", remedy: str = "") -> dict[str, object]:
    """``{"error": {"message", "type", "param", "code"}}``; the message ends with the next step. ``param`` is ``where``,
    of what is wrong with a request: other places are the house's own affair.
    """
    message = f"{what.rstrip('.')}. {remedy}".strip()
    param = where if fault.status < HTTPStatus.TOO_MANY_REQUESTS else ""
    return {"error": {"message": message, "type": fault.kind, "param": param or None, "code": fault.code}}


def event(error: DuologueError) -> bytes:
    """What ends a stream of events that cannot go on; clients raise it."""
    return f"data: {json.dumps(document(fault_of(error), error.what, error.where, error.remedy))}\n\n".encode()


def answer(
    fault: Fault, what: str, where: str = "", remedy: str = "", headers: Mapping[str, str] | None = None
) -> Response:
    """The whole answer."""
    told = dict(headers or {})
    if fault.again:
        told.setdefault("Retry-After", str(RETRY_SECONDS))
    elif fault.status == HTTPStatus.TOO_MANY_REQUESTS or fault.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        told["X-Should-Retry"] = "false"
    return Response(json.dumps(document(fault, what, where, remedy)), fault.status, told, "application/json")
