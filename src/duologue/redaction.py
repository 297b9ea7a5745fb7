"""The secrets that this process knows, and text without them.

Errors are freed of secrets when they are made (:mod:`duologue.errors`), so whatever shows one, a page, a ledger, a log,
a console, shows none. A secret is made known by whoever reads it: the settings, and the clients of hosted engines.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from urllib.parse import quote, unquote

REDACTED = "***"
SHORTEST = 6
"""A secret shorter than this (characters) is not searched for: it would blot out ordinary text."""
_USERINFO = re.compile(r"(?<=://)[^/?#\s\"'<>]*@")
_known: set[str] = set()
_pattern: re.Pattern[str] | None = None


def hide(*secrets: str) -> None:
    """Make secrets known: from now on they are left out, also as JSON, an address or base64 write them."""
    global _pattern
    found = {form for secret in secrets for form in _forms(secret) if len(form) >= SHORTEST}
    if not found <= _known:
        _known.update(found)
        _pattern = pattern(_known)


def forget() -> None:
    """Know none any more: for tests."""
    global _pattern
    _known.clear()
    _pattern = None


def pattern(secrets: set[str]) -> re.Pattern[str] | None:
    """What finds any of ``secrets``, the longest first; None for none."""
    longest_first = sorted(secrets, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))) if secrets else None


def redacted(text: str) -> str:
    """``text`` without what is known to be secret, and without what stands before the ``@`` of an address."""
    if "://" in text and "@" in text:
        text = _USERINFO.sub(f"{REDACTED}@", text)
    return _pattern.sub(REDACTED, text) if _pattern is not None else text


def userinfo(address: str) -> tuple[str, ...]:
    """What of an address is secret: all that stands before its ``@``, and the password alone, as they are meant."""
    found = _USERINFO.search(address)
    if found is None:
        return ()
    written = found[0][:-1]
    password = written.partition(":")[2]
    return tuple(dict.fromkeys(unquote(part) for part in (written, password) if part))


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield repr(secret)[1:-1]
    yield quote(secret)
    yield quote(secret, safe="")
    encoded = base64.b64encode(secret.encode("utf-8", "surrogatepass")).decode()
    yield encoded.rstrip("=")
