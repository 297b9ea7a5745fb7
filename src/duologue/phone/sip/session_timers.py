"""Session timers (RFC 4028): a call whose other end is gone without a word ends all the same."""

from __future__ import annotations

from dataclasses import dataclass

from sipmessage import Request, Response

from duologue.clock import SECOND
from duologue.errors import InputError
from duologue.phone.sip import message as sip
from duologue.phone.sip.header_fields import number, split
from duologue.phone.sip.header_fields import parameters as read_parameters
from duologue.phone.sip.message import Message

LEAST = 90
"""Seconds; nobody may ask for less (section 5)."""


@dataclass(frozen=True, slots=True)
class SessionTimer:
    """What was agreed upon: the call ends ``interval`` seconds after its last refresh; who refreshes it."""

    interval: int
    ours: bool

    def refresh_at(self, now: int) -> int:
        """When we refresh (section 10: at half of it), ns."""
        return now + self.interval * SECOND // 2

    def ends_at(self, now: int) -> int:
        """When we give the call up (section 10), ns: in time for the other end to hear of it."""
        return now + (self.interval - min(32, self.interval // 3)) * SECOND


def asked(message: Message) -> tuple[int, str] | None:
    """Interval (s) and refresher (``uac``, ``uas`` or nothing) of a ``Session-Expires``. Raises :class:`InputError`."""
    value = message.headers.get("Session-Expires")
    if value is None:
        return None
    first, *rest = split(value, ";")
    refresher = (read_parameters(rest).get("refresher") or "").lower()
    if refresher not in ("", "uac", "uas"):
        raise InputError(f"no refresher: {refresher[:20]!r}", where="sip")
    return number(first), refresher


def wish(interval: int, refresher: str = "") -> list[tuple[str, str]]:
    """Headers of our INVITE (section 7.1)."""
    who = f";refresher={refresher}" if refresher else ""
    return [("Session-Expires", f"{interval}{who}"), ("Min-SE", str(LEAST))]


def too_short(request: Request) -> bool:
    """Whether it is answered with 422 (section 9). Raises :class:`InputError`, also for a ``Min-SE`` that is none."""
    wanted, _ = asked(request), _least(request)
    return wanted is not None and wanted[0] < LEAST and sip.has_tag(request, "Supported", "timer")


def answered(request: Request, interval: int) -> tuple[SessionTimer, list[tuple[str, str]]]:
    """What we, the server, make of the wish of ``request`` (section 9), and the headers of our 2xx.

    ``interval`` is ours where the other end has none; of both the shorter one is taken, but none below what the request
    says is the least for whoever stands on its way. Raises :class:`InputError`.
    """
    supported = sip.has_tag(request, "Supported", "timer")
    wanted = asked(request)
    taken = max(min(wanted[0], interval) if wanted else interval, LEAST, _least(request))
    refresher = (wanted[1] if wanted else "") or "uac" if supported else "uas"
    headers = [("Session-Expires", f"{taken};refresher={refresher}")]
    if refresher == "uac":
        headers.append(("Require", "timer"))
    return SessionTimer(taken, ours=refresher == "uas"), headers


def agreed(response: Response) -> SessionTimer | None:
    """What the server's 2xx to our wish says (section 7.2): without a word of it there is no timer."""
    try:
        wanted = asked(response)
    except InputError:
        return None
    return SessionTimer(max(wanted[0], LEAST), ours=wanted[1] != "uas") if wanted else None


def _least(request: Request) -> int:
    """Its ``Min-SE`` (s, section 5)."""
    value = request.headers.get("Min-SE")
    return LEAST if value is None else number(split(value, ";")[0])
