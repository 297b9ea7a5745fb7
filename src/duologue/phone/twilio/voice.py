"""How a call of Twilio's comes to us: a signed request for instructions, and a signed stream that they lead to. Pure.

Twilio asks ``POST …/phone/twilio/voice`` what to do with a call; the answer (TwiML) is to open a stream at an address
that is made for this call alone: it holds for a minute, for one connection. So neither request is worth anything to who
has seen it. Both are signed with the account's token (``X-Twilio-Signature``): HMAC-SHA1 over the address as Twilio
knows it and the fields of the form, sorted.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape, quoteattr

from duologue.clock import SECOND, milliseconds
from duologue.errors import InputError
from duologue.phone.turned_away import AwayReason

VOICE = "/phone/twilio/voice"
STREAM = "/phone/twilio/stream"
TICKET_NS = 60 * SECOND
"""So long an address of a stream holds."""
MOST_TICKETS = 1000
MAX_FIELDS = 100
_PORT = re.compile(r":\d*$")
_PORTS = {"https": 443, "wss": 443, "http": 80, "ws": 80}
_SOCKETS = {"https": "wss", "http": "ws"}


class ForgedError(InputError):
    """It does not come from Twilio, or not for the first time."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """A call that Twilio asked about. ``call`` is its id there."""

    call: str
    caller: str
    called: str
    display: str = ""


def signature(token: str, url: str, fields: Mapping[str, Sequence[str]]) -> str:
    """What Twilio's header holds for a request to ``url`` with a form of these fields (none for a WebSocket's)."""
    parts = [url, *(name + value for name in sorted(fields) for value in sorted(set(fields[name])))]
    return base64.b64encode(hmac.digest(token.encode(), "".join(parts).encode(), "sha1")).decode("ascii")


def is_signed(token: str, urls: Sequence[str], fields: Mapping[str, Sequence[str]], given: str) -> bool:
    """Whether ``given`` is the signature for one of these spellings of an address. All are compared."""
    found = [hmac.compare_digest(given.encode(), signature(token, url, fields).encode()) for url in urls]
    return any(found)


def spellings(url: str) -> tuple[str, ...]:
    """Twilio's back ends sign an address with its port or without it, and the rest of it as it was written."""
    parts = urlsplit(url)
    host = _PORT.sub("", parts.netloc)
    with_port = parts._replace(netloc=f"{host}:{parts.port or _PORTS[parts.scheme]}").geturl()
    return tuple(dict.fromkeys((url, parts._replace(netloc=host).geturl(), with_port)))


def connect(url: str) -> str:
    """The instructions: open a stream both ways. When we close it there is nothing more to do, and Twilio hangs up."""
    return _response(f"<Connect><Stream url={quoteattr(url)}/></Connect>")


def reject() -> str:
    """The instructions: busy."""
    return _response('<Reject reason="busy"/>')


def dial(target: str) -> str:
    """The instructions: another number, or a SIP address, takes our place."""
    sip = target.lower().startswith(("sip:", "sips:"))
    return _response(f"<Dial><Sip>{escape(target)}</Sip></Dial>" if sip else f"<Dial>{escape(target)}</Dial>")


def _response(inner: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{inner}</Response>'


class TwilioDoor:
    """Decides about both requests. ``public_url`` is where Twilio reaches us (``https://example.org``), ``account`` the
    only one whose calls are taken (empty: any that knows the token). ``address`` makes what nobody guesses.
    """

    def __init__(
        self, token: str, public_url: str, account: str = "", address: Callable[[], str] = lambda: secrets.token_hex(16)
    ) -> None:
        self._token = token
        self._url = public_url.rstrip("/")
        self._account = account
        self._address = address
        self._tickets: OrderedDict[str, tuple[Invitation, int]] = OrderedDict()
        self.refused: Counter[AwayReason] = Counter()
        """What came and was turned away: unsigned (``PASSWORD``), of another account (``SOURCE``), or none that leads
        to a call (``REQUEST``).
        """

    def ask(self, query: str, body: bytes, given: str) -> Invitation:
        """The call that a request for instructions is about. Raises :class:`ForgedError`."""
        try:
            text = body.decode()
            pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
        except ValueError as error:
            raise self._forged(AwayReason.REQUEST, "the request is no form", "Twilio sends forms.") from error
        fields: dict[str, list[str]] = {}
        for name, value in pairs:
            fields.setdefault(name, []).append(value)
        url = f"{self._url}{VOICE}" + (f"?{query}" if query else "")
        if not is_signed(self._token, spellings(url), fields, given):
            raise self._unsigned(url)
        said = {name: values[0] for name, values in fields.items()}
        if self._account and said.get("AccountSid") != self._account:
            what, remedy = "the call is of another account", "Check phone.twilio.account_sid."
            raise self._forged(AwayReason.SOURCE, what, remedy)
        if not said.get("CallSid"):
            raise self._forged(AwayReason.REQUEST, "the request names no call", "This address is for calls alone.")
        return Invitation(said["CallSid"], said.get("From", ""), said.get("To", ""), said.get("CallerName", ""))

    def admit(self, invitation: Invitation, now: int) -> str:
        """The instructions that lead the call to us; an earlier address for it holds no more."""
        for ticket, (other, _) in list(self._tickets.items()):
            if other.call == invitation.call:
                del self._tickets[ticket]
        ticket = self._address()
        self._tickets[ticket] = (invitation, now + TICKET_NS)
        if len(self._tickets) > MOST_TICKETS:
            self._tickets.popitem(last=False)
        return connect(self._socket(ticket))

    def enter(self, ticket: str, given: str, now: int) -> Invitation:
        """The call whose stream comes to ``ticket``: once. Raises :class:`ForgedError`."""
        invitation, until = self._tickets.get(ticket, (None, 0))
        if invitation is None or now > until:
            self._tickets.pop(ticket, None)
            remedy = f"An address holds once, {milliseconds(TICKET_NS) / 1000:.0f} s."
            raise self._forged(AwayReason.REQUEST, "no call leads to this stream (any more)", remedy)
        url = self._socket(ticket)
        if not is_signed(self._token, [*spellings(url), *spellings(f"{url}/")], {}, given):
            raise self._unsigned(url)
        del self._tickets[ticket]
        return invitation

    def _socket(self, ticket: str) -> str:
        scheme, _, rest = self._url.partition("://")
        return f"{_SOCKETS[scheme]}://{rest}{STREAM}/{ticket}"

    def _unsigned(self, url: str) -> ForgedError:
        public = url.partition("?")[0].partition(STREAM)[0]
        remedy = "See that phone.twilio.auth_token is the account's, and public_url what Twilio calls."
        return self._forged(AwayReason.PASSWORD, f"the request is not signed for {public}", remedy)

    def _forged(self, reason: AwayReason, what: str, remedy: str) -> ForgedError:
        self.refused[reason] += 1
        return ForgedError(what, where="phone.twilio", remedy=remedy)
