"""By what the other end of a call is known again: its number as E.164 has it, or its SIP address. No I/O.

Nobody has proved it: it is what the carrier says, and as good as the carrier.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

LONGEST = 100
"""Characters of an address; a longer one is nobody's."""
_NUMBER = re.compile(r"\+[0-9]{7,15}")
_SEPARATORS = re.compile(r"[-.() ]")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")
_PLAIN = "-_.!~*'()&=+$,/"
"""What a user may have as it stands (RFC 3261, section 25.1)."""
_NAMELESS = frozenset(
    ("anonymous", "asterisk", "blocked", "private", "restricted", "unavailable", "unidentified", "unknown", "withheld")
)
"""What PBXs write for who would not say."""
_HIDDEN = frozenset(("+2562533", "+266696687", "+7378742833", "+8656696", "+86282452253"))
"""What Twilio writes for the same, as the keys of a telephone have it: BLOCKED, ANONYMOUS, RESTRICTED, UNKNOWN and
UNAVAILABLE.
"""


def known_address(uri: str) -> str:
    """``+4930123456`` or ``sip:16@pbx.example`` of a SIP, SIPS or TEL address; empty for who is not to be known (an
    anonymous caller, a number without its country, what is no address).
    """
    scheme, _, rest = uri.strip().partition(":")
    user, at, place = rest.partition("?")[0].rpartition("@")
    user = unquote((user if at else rest).partition(";")[0].partition(":")[0])
    number = _SEPARATORS.sub("", user)
    if number in _HIDDEN:
        return ""
    if scheme.lower() in ("sip", "sips", "tel") and _NUMBER.fullmatch(number):
        return number
    host = _HOST.fullmatch(place.partition(";")[0])
    if scheme.lower() not in ("sip", "sips") or not at or host is None or not _is_name(user):
        return ""
    name = host[1].lower().rstrip(".")
    found = f"sip:{quote(user, safe=_PLAIN)}@{name}"
    return "" if not name or name.endswith(".invalid") or len(found) > LONGEST else found


def _is_name(user: str) -> bool:
    return bool(user) and user.isprintable() and not any(c.isspace() for c in user) and user.lower() not in _NAMELESS
