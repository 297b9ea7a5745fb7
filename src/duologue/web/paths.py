"""What lies where: the one list of addresses. Each is relative to its show's place, ``/`` or ``/shows/NAME``."""

from __future__ import annotations

from starlette.types import Scope

API = "/api"
STREAM = "/stream"
METRICS = "/metrics"
SCHEMA = "/openapi.json"
HEALTH = frozenset({"/healthz", "/readyz"})
"""They say nothing but yes or no, and need no token."""

_MACHINES = (API, STREAM, METRICS, SCHEMA)


def within(path: str, place: str) -> bool:
    """Whether ``path`` is ``place`` or lies below it."""
    return path == place or path.startswith(f"{place}/")


def for_machines(path: str) -> bool:
    """Whether programs ask for this, not people: it is never the page, nor a place within it."""
    return any(within(path, place) for place in _MACHINES)


def route(scope: Scope) -> str:
    """The path of a request within its show's place (the ASGI specification's ``root_path``)."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))
