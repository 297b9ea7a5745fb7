"""What lies where: the one list of addresses. Each is relative to its show's place, ``/`` or ``/shows/NAME``."""

from __future__ import annotations

from starlette.types import Scope

API = "/api"
STREAM = "/stream"
SHOWS = "/shows"
PLAYLIST = f"{STREAM}/index.m3u8"
EVENTS = f"{API}/events"
TALK = f"{API}/talk"
"""Conversations with people, and the socket on which they are held."""
PEOPLE = f"{API}/people/me"
"""Whoever asks, as their client calls them."""
METRICS = "/metrics"
SCHEMA = "/openapi.json"
COMPATIBLE = "/v1"
"""What clients of OpenAI's API ask for; errors have its shape there."""
REALTIME = f"{COMPATIBLE}/realtime"
"""Their conversations, and the socket on which they are held."""
HEALTH = frozenset({"/healthz", "/readyz"})
"""They say nothing but yes or no, and need no token."""
TWILIO = "/phone/twilio"
"""What comes here is signed, and needs no token either."""

_MACHINES = (API, STREAM, SHOWS, METRICS, SCHEMA, COMPATIBLE, TWILIO)


def within(path: str, place: str) -> bool:
    """Whether ``path`` is ``place`` or lies below it."""
    return path == place or path.startswith(f"{place}/")


def is_talk(path: str) -> bool:
    """Whether a socket there speaks the protocol of a talk (docs/talk-protocol.md)."""
    return path == TALK or (within(path, f"{API}/line/calls") and path.endswith("/talk"))


def for_machines(path: str) -> bool:
    """Whether programs ask for this, not people: it is never the page, nor a place within it."""
    return any(within(path, place) for place in _MACHINES)


def place_of(show: str) -> str:
    """Where a show's own addresses begin."""
    return f"{SHOWS}/{show}"


def show_of(path: str) -> str:
    """The name of the show in whose place ``path`` lies; empty for none."""
    name = path.removeprefix(f"{SHOWS}/").partition("/")[0]
    return name if within(path, place_of(name)) else ""


def route(scope: Scope) -> str:
    """The path of a request within its show's place (the ASGI specification's ``root_path``)."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))
