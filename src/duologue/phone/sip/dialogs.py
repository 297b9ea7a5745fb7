"""Dialogs (RFC 3261, section 12): what two ends keep of each other between the requests of a call."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sipmessage import URI, Request, Response

from duologue.errors import InputError
from duologue.phone.sip import message as sip
from duologue.phone.sip.header_fields import NameAddress, default_port, is_address, listed, uri_of
from duologue.phone.sip.message import Message
from duologue.phone.sip.transactions import Flow

MOST_FORKS = 16
"""Telephones that answer one call of ours."""


def flow_to(uri: URI) -> Flow:
    """Where a request to ``uri`` goes (RFC 3263, section 4.1, without its look-ups: the host may be a name, and
    the port 0 then, where none is said).
    """
    named = uri.parameters.get("transport")
    transport = named.upper() if named else "TLS" if uri.scheme == "sips" else "UDP"
    if uri.scheme == "sips":
        transport = "TLS"
    host = (uri.parameters.get("maddr") or uri.host).strip("[]")
    return Flow(transport, host, uri.port or (default_port(transport) if is_address(host) else 0))


def flow_back(request: Request, source: Flow) -> Flow:
    """Where the responses to ``request`` go (section 18.2.2; with ``rport`` RFC 3581, section 4): on a stream and with
    ``rport`` where it came from, else to the port that its Via names.
    """
    via = sip.top_via(request)
    if source.reliable or "rport" in via.parameters:
        return source
    return Flow(source.transport, source.host, via.port or default_port(source.transport))


def noted(request: Request, source: Flow) -> None:
    """Write into its Via where ``request`` came from (section 18.2.1, RFC 3581, section 4)."""
    via, (host, port) = sip.top_via(request), source.source
    extra: dict[str, str | None] = {}
    if "rport" in via.parameters:
        extra["rport"] = str(port)
    if extra or via.host.strip("[]") != host:
        extra["received"] = host
    if extra:
        sip.with_top_via(request, extra)


@dataclass(slots=True)
class Dialog:
    """One. ``local`` and ``remote`` have their tags; ``target`` is where the other end is reached now (its Contact),
    ``route`` the proxies on the way, nearest first. ``behind`` is the flow that is used instead of the target's
    address, and of that of a proxy at its far end: the other end is behind a NAT, or on a connection that is open.
    """

    call_id: str
    local: NameAddress
    remote: NameAddress
    target: str
    route: tuple[str, ...]
    local_number: int
    remote_number: int = -1
    behind: Flow | None = None

    @classmethod
    def called(cls, invite: Request, tag: str, source: Flow) -> Dialog:
        """Of a call that came in (section 12.1.1); without a Contact, as RFC 2543 allowed, who calls is reached where
        it says that it is.

        Raises :class:`InputError` for an INVITE without a usable address or route.
        """
        contact = _contact(invite) if invite.headers.get("Contact") else _address(sip.sender(invite))
        via = sip.top_via(invite)
        translated = "rport" in via.parameters and via.host.strip("[]") != source.source[0]
        return cls(
            invite.call_id, sip.recipient(invite).tagged(tag), sip.sender(invite), contact,
            _route(invite), 0, invite.cseq.sequence,
            behind=source if source.reliable or translated else None,
        )  # fmt: skip

    @classmethod
    def calling(cls, invite: Request, response: Response, behind: Flow | None = None) -> Dialog:
        """Of a response to our INVITE (section 12.1.2): the route is recorded the other way round.

        Raises :class:`InputError` for one without a usable Contact or route.
        """
        contact = _contact(response) if response.code >= 200 or response.headers.get("Contact") else str(invite.uri)
        route = _route(response)[::-1]
        return cls(
            invite.call_id, sip.sender(invite), sip.recipient(response), contact, route, invite.cseq.sequence,
            behind=behind,
        )  # fmt: skip

    @classmethod
    def accepted(cls, invite: Request, response: Response, behind: Flow | None = None) -> tuple[Dialog, bool]:
        """Of a 2xx to our INVITE, whatever it says: it must be acknowledged. Without a Contact, as RFC 2543 allowed,
        the other end is reached where we called it; with one that cannot be, or a route that cannot, so is it, and not
        for long: the second value is then false.
        """
        try:
            return cls.calling(invite, response, behind), True
        except InputError:
            made = cls(
                invite.call_id, sip.sender(invite), sip.recipient(response), str(invite.uri),
                tuple(listed(invite.headers.getlist("Route"))), invite.cseq.sequence, behind=behind,
            )  # fmt: skip
            return made, not response.headers.get("Contact") and not response.headers.get("Record-Route")

    def matches(self, request: Request) -> bool:
        """Whether ``request`` of the other end belongs here (section 12.2.2)."""
        return (request.call_id, sip.recipient(request).tag, sip.sender(request).tag) == (
            self.call_id, self.local.tag, self.remote.tag,
        )  # fmt: skip

    def counts(self, request: Request) -> bool:
        """Whether the number of ``request`` is a new one, which it is from now on (section 12.2.2)."""
        number = request.cseq.sequence
        if number <= self.remote_number:
            return False
        self.remote_number = number
        return True

    def refresh(self, message: Message) -> None:
        """The other end may have moved: re-INVITEs and their 2xx say where to (sections 12.2.1.2 and 12.2.2)."""
        if message.headers.get("Contact"):
            try:
                self.target = _contact(message)
            except InputError:
                return  # the place that we know stays the best

    def request(
        self, method: str, headers: Iterable[tuple[str, str]] = (), body: bytes = b"", number: int | None = None
    ) -> tuple[Request, Flow]:
        """A request in the dialog, and where it goes first (section 12.2.1.1); its Via is for whoever sends it.
        ``number`` is that of the INVITE for an ACK; else it is the next one.
        """
        if number is None:
            self.local_number += 1
            number = self.local_number
        uri, route, hop = uri_of(self.target.partition("?")[0]), list(self.route), None
        if route:
            first = NameAddress.parse(route[0]).target
            hop = flow_to(first)
            if "lr" not in first.parameters:  # a strict router of RFC 2543 takes itself for the target
                uri, route = first, [*route[1:], f"<{self.target}>"]
        made = sip.request(
            method,
            uri,
            [
                ("Via", ""), ("Max-Forwards", "70"), *(("Route", one) for one in route), ("From", str(self.local)),
                ("To", str(self.remote)), ("Call-ID", self.call_id), ("CSeq", f"{number} {method}"), *headers,
            ],
            body,
        )  # fmt: skip
        return made, self.behind if self.behind and (hop is None or self._leads(hop)) else hop or flow_to(uri)

    def _leads(self, hop: Flow) -> bool:
        """Whether the connection that is there leads to ``hop``: a proxy names itself by its address in the route, for
        which it has no certificate; the connection was opened to a name of its, or by itself.
        """
        there = self.behind
        return there is not None and there.reliable and (hop.transport, hop.host) == (there.transport, there.source[0])


class EarlyDialogs:
    """Of a call of ours that is not accepted yet, one for each telephone that it rings at (section 13.2.2.4)."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Dialog, int]] = {}  # by their tags; the number of the newest reliable response

    @property
    def number(self) -> int:
        """Of the newest request in any of them."""
        return max((dialog.local_number for dialog, _ in self._known.values()), default=0)

    def of(self, request: Request) -> Dialog | None:
        """To which ``request`` of the other end belongs."""
        return next((dialog for dialog, _ in self._known.values() if dialog.matches(request)), None)

    def towards(self, request: Request) -> Dialog | None:
        """In which ``request`` of ours went out."""
        return self._known.get(sip.recipient(request).tag, (None, 0))[0]

    def note(
        self, invite: Request, response: Response, tag: str, behind: Flow | None
    ) -> tuple[tuple[Request, Flow], ...] | None:
        """A provisional response came: the PRACK that acknowledges a reliable one (RFC 3262, section 4), if it is one.
        None: it is nothing new, or cannot be.
        """
        if tag not in self._known:
            if len(self._known) >= MOST_FORKS:
                return None
            try:
                self._known[tag] = Dialog.calling(invite, response, behind), 0
            except InputError:
                return None
        dialog, last = self._known[tag]
        number = response.headers.get("RSeq")
        if number is None or not sip.has_tag(response, "Require", "100rel"):
            return ()
        if last and int(number) != last + 1:
            return None
        self._known[tag] = dialog, int(number)
        return (dialog.request("PRACK", [("RAck", f"{int(number)} {response.headers['CSeq']}")]),)


def _route(message: Message) -> tuple[str, ...]:
    values = listed(message.headers.getlist("Record-Route"))
    for value in values:
        if NameAddress.parse(value).target.scheme == "tel":
            raise InputError("a route by a telephone number", where="sip")
    return tuple(values)


def _contact(message: Message) -> str:
    contacts = sip.addresses(message, "Contact")
    if len(contacts) != 1:
        raise InputError(f"{len(contacts)} contacts where one is wanted", where="sip")
    return _address(contacts[0])


def _address(one: NameAddress) -> str:
    if one.target.scheme == "tel":
        raise InputError("a contact that is no SIP address", where="sip")
    return one.uri
