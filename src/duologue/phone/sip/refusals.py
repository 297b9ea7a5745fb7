"""Which calls are none for us, and what they are told (RFC 3261, sections 8.2 and 13.3.1), in the order of the RFC; and
why others take none of ours, in words.
"""

from __future__ import annotations

from sipmessage import Request, Response

from duologue.errors import InputError
from duologue.phone.sip import message as sip
from duologue.phone.sip import session_timers
from duologue.phone.sip.agent import SDP, Headers, described
from duologue.phone.sip.digest import Authority, fields
from duologue.phone.sip.header_fields import NameAddress, listed, uri_of
from duologue.phone.sip.screening import LineOptions

Refusal = tuple[int, Headers]
"""Status and headers."""
LONGEST_PHRASE = 100


def proved(invite: Request, options: LineOptions, authority: Authority, now: int) -> tuple[str, Refusal | None]:
    """Who calls ("": nobody in particular, where no password is wanted), or the challenge."""
    if not options.passwords:
        return "", None
    user, stale = authority.check(*_credentials(invite), now)
    if user:
        return user, None
    return "", (401, [("WWW-Authenticate", one) for one in authority.challenges(now, stale=stale)])


def refusal(invite: Request, options: LineOptions) -> Refusal | None:
    """Why a call cannot be taken, whoever calls; None: it can."""
    if options.extensions and sip.extension(invite) not in options.extensions:
        return 404, ()
    try:
        if invite.body and sip.part(invite, SDP) is None:  # section 8.2.3
            return 415, [("Accept", SDP)]
    except InputError:
        return 400, ()
    accepted = [one.partition(";")[0].strip().lower() for one in listed(invite.headers.getlist("Accept"))]
    if accepted and not {SDP, "application/*", "*/*"} & set(accepted):
        return 406, [("Accept", SDP)]
    try:
        if session_timers.too_short(invite):
            return 422, [("Min-SE", str(session_timers.LEAST))]
    except InputError:
        return 400, ()
    try:
        described(invite)
    except InputError:
        return 488, ()
    return None


def in_words(response: Response) -> str:
    """Why a call of ours came to nothing, for a person: what they say of it, without whatever would do something to a
    terminal; where they are to be found now, and when they may be tried again.
    """
    phrase = "".join(character for character in response.phrase or "" if character.isprintable()).strip()
    said = phrase[:LONGEST_PHRASE] or sip.PHRASES.get(response.code, "refused")
    if 300 <= response.code < 400 and (moved := _moved(response)):
        return f"{said}: they are to be called at {moved}"
    seconds = (response.headers.get("Retry-After") or "").partition(";")[0].partition("(")[0].strip()
    return f"{said}, for {seconds} s" if seconds.isascii() and seconds.isdigit() and len(seconds) < 6 else said


def _moved(response: Response) -> str:
    """The addresses of a 3xx (section 8.1.3.4); ``*`` is none (20.10)."""
    values = [value for value in listed(response.headers.getlist("Contact")) if value != "*"]
    found = [NameAddress.parse(value).uri for value in values[:3]]
    return " or ".join(uri for uri in found if uri.isprintable() and len(uri) <= LONGEST_PHRASE)


def _credentials(request: Request) -> tuple[list[str], str, str]:
    """Values of ``Authorization``, the method, and the address as they write it (there are several ways)."""
    values = request.headers.getlist("Authorization")
    for value in values:
        try:
            uri = fields(value)[1].get("uri", "")
            if uri_of(uri) == request.uri:
                return values, request.method, uri
        except InputError:
            continue
    return values, request.method, str(request.uri)
