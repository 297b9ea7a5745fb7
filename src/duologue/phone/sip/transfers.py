"""Handing a call over (REFER, RFC 3515): what is asked for, how it goes, and what the next one is told.

What was said so far travels twice, short: as headers of the REFER itself, for a PBX that reads them, and as headers in
its ``Refer-To`` (RFC 3261, section 19.1.1), which whoever calls the target puts into that INVITE.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from sipmessage import Request

from duologue.errors import InputError
from duologue.phone.sip import message as sip
from duologue.phone.sip.agent import Headers
from duologue.phone.sip.header_fields import TOKEN, NameAddress, listed, uri_of
from duologue.tracing import STATE_HEADER

MOST_SAID = 400
"""Bytes of all values together: a REFER fits into one datagram."""
MOST_HEADERS, LONGEST_VALUE = 16, 512
MISREAD = (400, 416, 420, 500, 501)
"""What they say who make nothing of headers in an address (baresip 1.0: 500): they are asked again without."""
SIPFRAG = "message/sipfrag"
_OURS = re.compile(r"(?:x-[a-z0-9-]+|subject|user-to-user|call-info)", re.IGNORECASE)
_THEIRS = re.compile(
    r"(?:x-.*|subject|user-to-user|referred-by|diversion|history-info|call-info|traceparent|tracestate)",
    re.IGNORECASE,
)
_CONTROL = re.compile(r"[\x00-\x20\x7f]+")


@dataclass(frozen=True, slots=True)
class Referral:
    """Where the other end would have the call go: ``target`` is an address without headers, ``by`` who asks."""

    target: str
    by: str
    headers: Mapping[str, str]


def request_headers(target: str, who: str, said: Mapping[str, str], *, plain: bool = False) -> Headers:
    """Of a REFER to ``target`` by ``who``; ``said`` are headers (``X-…``, ``Subject``, ``User-to-User``) for whoever
    answers there: cut to :data:`MOST_SAID` bytes, the last one first. ``plain``: they stand beside the address alone.

    Raises :class:`InputError` for an address that is none and for a header that is not theirs to have.
    """
    uri_of(target)
    if "?" in target or any(character in target for character in '<>"'):
        raise InputError(f"no address to hand a call over to: {target[:80]!r}", where="sip")
    told = _shortened(said)
    escaped = "&".join(f"{name}={quote(value, safe='')}" for name, value in told)
    refer_to = f"<{target}?{escaped}>" if escaped and not plain else f"<{target}>"
    return [("Refer-To", refer_to), ("Referred-By", f"<{who}>"), *told]


def progress(notify: Request) -> tuple[int, bool] | None:
    """Status of the call to the target, and whether that is the last word (section 2.4.5); None: it says nothing."""
    state = (notify.headers.get("Subscription-State") or "").partition(";")[0].strip().lower()
    last = state == "terminated"
    parts = notify.body.split(b"\r\n")[0].split(b" ")
    if len(parts) > 1 and parts[0].upper() == b"SIP/2.0" and len(parts[1]) == 3 and parts[1].isdigit():
        status = int(parts[1])
        return (status, last or status >= 200) if 100 <= status < 700 else None
    return (408, True) if last else None


def fragment(status: int) -> bytes:
    """The body of a NOTIFY that tells it."""
    return f"SIP/2.0 {status} {sip.PHRASES.get(status, 'Unknown')}\r\n".encode()


def subscription(status: int) -> Headers:
    """Its headers."""
    state = "active;expires=180" if status < 200 else "terminated;reason=noresource"
    return [("Event", "refer"), ("Subscription-State", state), ("Content-Type", f"{SIPFRAG};version=2.0")]


def referral(refer: Request) -> Referral:
    """What a REFER wants. Raises :class:`InputError` for one that wants what cannot be."""
    (target,) = _one(listed(refer.headers.getlist("Refer-To")))
    wanted = NameAddress.parse(target)
    address, _, escaped = wanted.uri.partition("?")
    uri = uri_of(address)
    if uri.scheme not in ("sip", "sips") or (uri.parameters.get("method") or "INVITE").upper() != "INVITE":
        raise InputError(f"{address[:80]!r} is nobody to call", where="sip")
    if re.search(r"(?i)(^|&)replaces=", escaped):
        raise InputError("a transfer that was announced to its target (Replaces)", where="sip")
    by = refer.headers.get("Referred-By") or ""
    return Referral(address, by, handed_over(refer))


def handed_over(request: Request) -> dict[str, str]:
    """What a caller brings along that is neither address nor route (names in lower case): whoever hands it over, or its
    PBX, wrote it. Bounded; nothing of it is to be believed.
    """
    found: dict[str, str] = {}
    names = request.headers.keys()  # what is asked for its names is no mapping
    for name in names:
        if len(found) < MOST_HEADERS and len(name) <= 64 and _THEIRS.fullmatch(name):
            said = _CONTROL.sub(" ", request.headers[name])
            if len(said) <= LONGEST_VALUE or name.lower() != STATE_HEADER:  # a member cut in two says something else
                found[name.lower()] = said[:LONGEST_VALUE]
    return found


def _shortened(said: Mapping[str, str]) -> list[tuple[str, str]]:
    told: list[tuple[str, str]] = []
    left = MOST_SAID
    for name, value in said.items():
        if not TOKEN.fullmatch(name) or not _OURS.fullmatch(name):
            raise InputError(f"a call is not handed over with the header {name[:40]!r}", where="sip")
        plain = _CONTROL.sub(" ", value).strip().encode()
        cut = plain[:left].decode(errors="ignore").strip()
        left -= len(cut.encode())
        if cut:
            told.append((name, cut))
    return told


def _one(values: list[str]) -> list[str]:
    if len(values) != 1:
        raise InputError(f"{len(values)} targets of a transfer", where="sip")
    return values
