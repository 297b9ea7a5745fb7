"""What went wrong at an OpenAI-compatible server, in words, with the next step.

Errors are told by their status code and their package, so that importing this module does not import the client.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from duologue.clock import SECOND
from duologue.errors import PeerError

_SHOWN = 160
"""So much of a server's own words is repeated (characters)."""
_TRANSPORT = ("openai", "httpx", "httpcore", "h11", "anyio")
_SECRET = re.compile(r"\b(?:sk|key|pk)-[\w*.-]{4,}|Bearer\s+\S+", re.IGNORECASE)


def is_failure(error: Exception) -> bool:
    """True for what a server or the way to it can cause: the rest is a fault of ours and passes through."""
    of_client = type(error).__module__.startswith(_TRANSPORT)
    return of_client or isinstance(error, PeerError | OSError | TimeoutError | json.JSONDecodeError | EOFError)


def explain(error: Exception, where: str, model: str, key_remedy: str, given: str = "") -> PeerError:
    """The error to raise. ``given`` is what of the reply had come already."""
    if isinstance(error, PeerError):
        return error
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return _of_status(status, error, where, model, key_remedy)
    if given:
        tail = " ".join(given.split()[-6:])
        what = "stalled" if isinstance(error, TimeoutError) else "was cut"
        return PeerError(
            f"the reply {what} after {len(given.split())} words (“… {tail}”)", where=where, remedy="It is asked again."
        )
    if isinstance(error, TimeoutError) or "Timeout" in type(error).__name__:
        return PeerError(
            "the server gave no word in time", where=where,
            remedy="Use a smaller model, or raise engines.openai.first_token_seconds.",
        )  # fmt: skip
    if isinstance(error, json.JSONDecodeError):
        return PeerError(
            "the server sent something that is no event", where=where, remedy="Check engines.openai.base_url."
        )
    return PeerError(
        f"the server cannot be reached, or cut the connection: {_words(error)}", where=where,
        remedy="See that it runs, and check engines.openai.base_url.",
    )  # fmt: skip


def retry_after(error: Exception, wall: int) -> float | None:
    """How long (seconds) a busy server asks us to wait; None for any other error. ``wall`` is Unix time in ns.

    RFC 9110, 10.2.3: seconds or a date; ``retry-after-ms`` is a common extension. Without a header: one second.
    """
    if getattr(error, "status_code", None) not in (429, 503):
        return None
    headers: Mapping[str, str] = getattr(getattr(error, "response", None), "headers", {})
    try:
        if value := headers.get("retry-after-ms"):
            return max(0.0, float(value) / 1000)
        value = headers.get("retry-after")
        if not value:
            return 1.0 if getattr(error, "status_code", None) == 429 else None
        if value.strip().replace(".", "", 1).isdecimal():
            return float(value)
        return max(0.0, (parsedate_to_datetime(value) - datetime.fromtimestamp(wall / SECOND, UTC)).total_seconds())
    except (ValueError, TypeError):
        return 1.0


def _of_status(status: int, error: Exception, where: str, model: str, key_remedy: str) -> PeerError:
    words = _words(error)
    match status:
        case 401 | 403:
            return PeerError(f"the server refused the key (status {status})", where=where, remedy=key_remedy)
        case 404:
            return PeerError(
                f"the server does not know the model {model!r}, or has no chat completions here (status 404)",
                where=where, remedy="Check engines.openai.model, and that base_url ends in /v1.",
            )  # fmt: skip
        case 429:
            return PeerError(
                f"the server is busy or the quota is spent (status 429): {words}", where=where,
                remedy="Wait, or raise engines.openai.retry_after_seconds or your quota.",
            )  # fmt: skip
        case _ if status >= 500:
            return PeerError(
                f"the server failed (status {status}): {words}", where=where, remedy="It is asked again; see its log."
            )
        case _:
            return PeerError(
                f"the server refused the request (status {status}): {words}", where=where,
                remedy="See what this model and server accept.",
            )  # fmt: skip


def _words(error: Exception) -> str:
    """The server's own words, short and without anything that looks like a key."""
    text = _SECRET.sub("…", " ".join(str(error).split())) or type(error).__name__
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
