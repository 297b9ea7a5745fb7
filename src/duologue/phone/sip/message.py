"""SIP messages as they go over the wire (RFC 3261, sections 7, 8.1.1, 18.3 and 20): strict where a mistake would be
answered, matched or believed; indifferent to what we do not use.

What is read here has each header that the layers above rely on, once and well-formed, so that they need not ask. What
has not is a :class:`MalformedError` with the status that a polite server answers (RFC 4475 has the cases).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sipmessage import URI, CSeq, Request, Response
from sipmessage.message import COMPACT_FORMS

from duologue.errors import InputError
from duologue.phone.sip.header_fields import TOKEN, NameAddress, Via, listed, number, parameters, split, uri_of

Message = Request | Response

MAX_HEAD, MAX_BODY = 16_384, 49_152
"""Bytes of start line and headers, and of a body; together they fit into a datagram."""
MAX_HEADERS = 256
MAX_PARTS = 8
"""Of a body: in more of them nothing is looked for."""
MAX_VIAS = 70
"""As many as ``Max-Forwards`` begins with (section 8.1.1.6)."""
_ONCE = ("Call-ID", "From", "To", "Max-Forwards", "Content-Length", "Content-Type", "Expires", "RSeq", "RAck")
_NEEDED = ("Via", "From", "To", "Call-ID", "CSeq")
_SCALARS = {"Max-Forwards": 256, "Expires": 1 << 32, "Content-Length": 1 << 31, "RSeq": 1 << 32}
_NUMBER = re.compile(r"\+?[0-9*#.()-]+")
KEEP_ALIVE, KEEP_ALIVE_ANSWER = b"\r\n\r\n", b"\r\n"
"""RFC 5626, section 3.5.1, on streams; many send the first in datagrams too."""

PHRASES = {
    100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 182: "Queued", 183: "Session Progress", 200: "OK",
    202: "Accepted", 302: "Moved Temporarily", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
    404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable", 407: "Proxy Authentication Required",
    408: "Request Timeout", 413: "Request Entity Too Large", 415: "Unsupported Media Type",
    416: "Unsupported URI Scheme", 420: "Bad Extension", 421: "Extension Required",
    422: "Session Interval Too Small", 423: "Interval Too Brief", 480: "Temporarily Unavailable",
    469: "Bad Info Package", 481: "Call/Transaction Does Not Exist", 482: "Loop Detected", 483: "Too Many Hops",
    486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here", 489: "Bad Event", 491: "Request Pending",
    500: "Server Internal Error", 501: "Not Implemented", 503: "Service Unavailable", 504: "Server Time-out",
    505: "Version Not Supported", 600: "Busy Everywhere", 603: "Decline", 604: "Does Not Exist Anywhere",
    606: "Not Acceptable",
}  # fmt: skip


class MalformedError(InputError):
    """No SIP message, or one that says what cannot be.

    ``status`` is what a server answers; ``request`` has the headers of it, where they suffice for an answer (section
    8.2.6.2).
    """

    def __init__(self, what: str, *, status: int = 400, request: Request | None = None) -> None:
        super().__init__(f"no SIP message: {what}", where="sip")
        self.status, self.request = status, request


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """A sign of life on a stream; it is answered with :data:`KEEP_ALIVE_ANSWER`."""


@dataclass(frozen=True, slots=True)
class KeepAliveAnswer:
    """The answer to ours."""


def is_keep_alive(datagram: bytes) -> bool:
    """Whether a datagram is there to keep a NAT open, and no message."""
    return not datagram.strip(b"\r\n\0 \t")


def read(datagram: bytes) -> Message:
    """The message of a datagram. What is longer than its Content-Length says is cut off (section 18.3).

    Raises :class:`MalformedError`.
    """
    head, blank, rest = datagram.lstrip(b"\r\n").partition(b"\r\n\r\n")
    if not blank:
        raise MalformedError("its headers have no end")
    if len(head) > MAX_HEAD or len(rest) > MAX_BODY + MAX_HEAD:
        raise MalformedError(f"{len(datagram)} bytes are too many", status=413)
    message = _read_head(head)
    length = content_length(message)
    if length is not None and length > len(rest):
        raise _refused(message, f"its body has {len(rest)} bytes of {length}")
    message.body = rest[:length]
    return message


def content_length(message: Message) -> int | None:
    """The length of its body that it claims, if it does."""
    text = message.headers.get("Content-Length")
    return None if text is None else int(text)


def write(message: Message) -> bytes:
    """As it goes over the wire; its Content-Length is what its body has."""
    message.headers.set("Content-Length", str(len(message.body)))
    return bytes(message)


class StreamReader:
    """Messages out of a stream (TCP, TLS), however it is chopped. After a :class:`MalformedError` the place of the next
    message is lost: close the connection. Who opened the stream (``ours``) sends signs of life, and reads answers.
    """

    def __init__(self, *, ours: bool = False) -> None:
        self._ours = ours
        self._data = bytearray()
        self._head: Message | None = None
        self._length = 0

    def feed(self, data: bytes) -> list[Message | KeepAlive | KeepAliveAnswer]:
        """What is complete with ``data``. At most one message's limits are kept back.

        Raises :class:`MalformedError`; then what came before it in the same ``data`` is lost with the connection.
        """
        self._data += data
        found: list[Message | KeepAlive | KeepAliveAnswer] = []
        while (one := self._next()) is not None:
            found.append(one)
        return found

    def _next(self) -> Message | KeepAlive | KeepAliveAnswer | None:
        if self._head is None:
            if self._ours and self._data.startswith(KEEP_ALIVE_ANSWER):
                del self._data[:2]
                return KeepAliveAnswer()
            if self._data.startswith(KEEP_ALIVE):
                del self._data[:4]
                return KeepAlive()
            while self._data.startswith(b"\r\n") and len(self._data) > 2 and not self._data.startswith(b"\r\n\r"):
                del self._data[:2]  # an answer to our own keep-alive, or RFC 3261, 7.5
            end = self._data.find(b"\r\n\r\n")
            if end < 0 and len(self._data) <= MAX_HEAD:
                return None
            if not 0 <= end <= MAX_HEAD:
                raise MalformedError(f"its headers have more than {MAX_HEAD} bytes", status=413)
            head = _read_head(bytes(self._data[:end]))
            length = content_length(head)
            if length is None:  # section 20.14: it must be there on a stream
                raise _refused(head, "it has no Content-Length")
            if length > MAX_BODY:
                raise _refused(head, f"a body of {length} bytes", 413)
            del self._data[: end + 4]
            self._head, self._length = head, length
        if len(self._data) < self._length:
            return None
        message, self._head = self._head, None
        message.body = bytes(self._data[: self._length])
        del self._data[: self._length]
        return message


def request(method: str, uri: URI, headers: Iterable[tuple[str, str]], body: bytes = b"") -> Request:
    """A request with ``headers`` in that order."""
    made = Request(method, uri, body)
    for name, value in headers:
        made.headers.add(name, value)
    return made


def respond(
    asked: Request, status: int, headers: Iterable[tuple[str, str]] = (), body: bytes = b"", *, tag: str = ""
) -> Response:
    """The response to ``asked`` (section 8.2.6): Via, From, To, Call-ID and CSeq are the request's; ``tag`` is put to a
    To without one.
    """
    made = Response(status, PHRASES.get(status, "Unknown"), body)
    for name in ("Via", "From", "To", "Call-ID", "CSeq", *(("Timestamp",) if status == 100 else ())):
        values = asked.headers.getlist(name)
        for value in values if name == "Via" else values[:1]:  # what came twice is answered as well (RFC 4475, 3.3.8)
            made.headers.add(name, value)
    to = recipient(asked)
    if tag and not to.tag and status > 100:
        made.headers.set("To", str(to.tagged(tag)))
    if status != 100:  # section 16.7, 12.1.1: the route of a dialog
        for value in asked.headers.getlist("Record-Route"):
            made.headers.add("Record-Route", value)
    for name, value in headers:
        made.headers.add(name, value)
    return made


def sender(message: Message) -> NameAddress:
    """``From``."""
    return NameAddress.parse(message.headers["From"])


def is_private(request: Request) -> bool:
    """Whether who calls would not be known (RFC 3323, section 4.2; RFC 3325, section 9.3)."""
    wanted = re.split("[;,]", ";".join(request.headers.getlist("Privacy")).lower())
    return not {each.strip() for each in wanted}.isdisjoint(("id", "user", "header", "full"))


def recipient(message: Message) -> NameAddress:
    """``To``."""
    return NameAddress.parse(message.headers["To"])


def is_call(request: Request) -> bool:
    """Whether it would begin a call: an INVITE that belongs to none."""
    return request.method == "INVITE" and not recipient(request).tag


def top_via(message: Message) -> Via:
    """The hop that it comes from, or goes back to."""
    return Via.parse(listed(message.headers.getlist("Via"))[0])


def addresses(message: Message, name: str) -> list[NameAddress]:
    """The addresses of a header that may have several. Raises :class:`InputError`."""
    return [NameAddress.parse(value) for value in listed(message.headers.getlist(name))]


def has_tag(message: Message, name: str, tag: str) -> bool:
    """Whether the list header ``name`` has the option ``tag``."""
    return tag.lower() in (one.lower() for one in listed(message.headers.getlist(name)))


def media_type(message: Message) -> str:
    """The body's, without parameters, in lower case; empty where it has none."""
    return (message.headers.get("Content-Type") or "").partition(";")[0].strip().lower()


def part(message: Message, kind: str) -> bytes | None:
    """Its body of the type ``kind``: all of it, or the first such part where it has several (RFC 5621: a carrier puts
    the place of the caller, or what its own network wants, beside the description); None: there is none.

    Raises :class:`InputError` for several parts without a boundary between them.
    """
    if not message.body or media_type(message) == kind:
        return message.body or None
    if not media_type(message).startswith("multipart/"):
        return None
    boundary = parameters(split(message.headers["Content-Type"], ";")[1:]).get("boundary")
    if not boundary:
        raise InputError("a body of several parts without a boundary", where="sip")
    for piece in (b"\r\n" + message.body).split(f"\r\n--{boundary}".encode())[1 : MAX_PARTS + 1]:
        head, _, content = piece.partition(b"\r\n\r\n")
        if piece.startswith(b"--"):  # what follows the last one is none
            return None
        if _type_of_part(head) == kind:
            return content
    return None


def _type_of_part(head: bytes) -> str:
    for line in head.decode("latin-1").splitlines():
        name, _, value = line.partition(":")
        if name.strip().lower() in ("content-type", "c"):
            return value.partition(";")[0].strip().lower()
    return ""


def extension(request: Request) -> str:
    """Whom it calls: the user of its address. Of a number without what switches of carriers note beside it
    (``;npdi;rn=…``: RFC 4694), which is none of the number.
    """
    user = request.uri.user or ""
    number_of, _, _ = user.partition(";")
    return number_of if _NUMBER.fullmatch(number_of) else user


def with_top_via(message: Message, extra: Mapping[str, str | None]) -> None:
    """Put parameters into its uppermost Via (``received``, ``rport``: section 18.2.1, RFC 3581)."""
    first, *others = listed(message.headers.getlist("Via"))
    via = Via.parse(first)
    shown = Via(via.transport, via.host, via.port, {**via.parameters, **extra})
    message.headers.setlist("Via", [str(shown), *others])


def _read_head(head: bytes) -> Message:
    start, *lines = _unfolded("\r\n".join(_decoded(line) for line in head.split(b"\r\n")))
    first = start.split(" ")
    if first[0].upper() == "SIP/2.0":
        message = _status_line(start)
    elif first[0].upper().startswith("SIP/"):
        raise MalformedError(f"{start[:40]!r} is no status line of version 2.0", status=505)
    else:
        message = Request(first[0], URI("sip", "invalid"))
    if len(lines) > MAX_HEADERS:
        raise MalformedError(f"{len(lines)} headers", status=413)
    for line in lines:
        name, colon, value = line.partition(":")
        name = name.rstrip(" \t")
        if not colon or not TOKEN.fullmatch(name):
            raise MalformedError(f"{line[:40]!r} is no header")
        message.headers.add(COMPACT_FORMS.get(name.lower(), name), value.strip())
    _check_fields(message)
    if isinstance(message, Request):
        _request_line(message, start)
    return message


def _decoded(line: bytes) -> str:
    """As UTF-8 (section 7.3.1), or as the Latin-1 that older telephones write names in."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _unfolded(text: str) -> list[str]:
    """Lines; one that begins with white space goes on with the line before (section 7.3.1)."""
    lines: list[str] = []
    for line in text.split("\r\n"):
        if "\r" in line or "\n" in line:
            raise MalformedError("a line ends without CRLF")
        if line[:1] in (" ", "\t") and line[:1]:
            if len(lines) < 2:
                raise MalformedError("its first header begins with white space")
            lines[-1] = f"{lines[-1].rstrip()} {line.strip()}"
        else:
            lines.append(line)
    return lines


def _status_line(start: str) -> Response:
    parts = start.split(" ", 2)
    if len(parts) < 2 or len(parts[1]) != 3 or not (parts[1].isascii() and parts[1].isdigit()):
        raise MalformedError(f"{start[:40]!r} is no status line")
    status = int(parts[1])
    if not 100 <= status <= 699:
        raise MalformedError(f"a status of {status}")
    return Response(status, parts[2] if len(parts) > 2 else "")


def _request_line(message: Request, start: str) -> None:
    """Section 7.1: exactly three parts. It is looked at last, so that a mistake in it can be answered."""
    parts = start.split(" ")
    if len(parts) != 3 or not all(parts) or not TOKEN.fullmatch(parts[0]):
        raise _refused(message, f"{start[:60]!r} is no request line")
    if parts[2].upper() != "SIP/2.0":
        raise _refused(message, f"its version is {parts[2][:20]!r}", 505)
    scheme, _, rest = parts[1].partition(":")
    if not rest or not TOKEN.fullmatch(scheme):
        raise _refused(message, f"{parts[1][:60]!r} is no address")
    if scheme.lower() not in ("sip", "sips", "tel"):
        raise _refused(message, f"addresses of the scheme {scheme[:20]!r}", 416)
    if "?" in rest.rpartition("@")[2]:  # section 19.1.1: not in a Request-URI
        raise _refused(message, "its address has headers")
    try:
        message.uri = uri_of(parts[1])
    except InputError as error:
        raise _refused(message, error.what) from error
    _, _, method = message.headers["CSeq"].rpartition(" ")
    if method != message.method:  # section 8.1.1.5
        raise _refused(message, f"its CSeq is of {method[:20]}")


def _check_fields(message: Message) -> None:
    headers = message.headers
    for name in _NEEDED:
        if not headers.get(name):
            raise MalformedError(f"it has no {name}")
    asked = message if isinstance(message, Request) else None
    try:
        vias = listed(headers.getlist("Via"))
        if len(vias) > MAX_VIAS:
            raise MalformedError(f"{len(vias)} hops", status=483)
        for via in vias:
            Via.parse(via)
        sequences = list(headers.getlist("CSeq"))
        headers.set("CSeq", " ".join(headers["CSeq"].split()))
        sequence = CSeq.parse(headers["CSeq"])
        number(headers["CSeq"].split(" ")[0], 1 << 31)  # section 8.1.1.5
        headers.set("CSeq", str(sequence))
        for name in ("From", "To"):
            NameAddress.parse(headers[name])
    except (InputError, ValueError) as error:
        if isinstance(error, MalformedError):
            raise
        raise MalformedError(str(error)) from error
    if len(sequences) > 1:
        raise _refused(message, "it has CSeq more than once")
    # From here on it can be answered.
    if asked and not TOKEN.fullmatch(asked.method):
        raise MalformedError(f"{asked.method[:20]!r} is no method", request=asked)
    _check_scalars(message)


def _check_scalars(message: Message) -> None:
    headers = message.headers
    for name in _ONCE:
        if len(headers.getlist(name)) > 1:  # RFC 4475, 3.3.8 and 3.3.9
            raise _refused(message, f"it has {name} more than once")
    if any(character.isspace() for character in headers["Call-ID"]):
        raise _refused(message, "its Call-ID has spaces")
    try:
        for name, limit in _SCALARS.items():
            if headers.get(name) is not None:
                number(headers[name], limit)
        for name in ("Contact", "Route", "Record-Route"):
            for value in listed(headers.getlist(name)):
                if not (name == "Contact" and value == "*"):
                    NameAddress.parse(value)
        for name in ("Require", "Supported", "Proxy-Require", "Accept"):
            listed(headers.getlist(name))
    except InputError as error:
        raise _refused(message, error.what) from error


def _refused(message: Message, what: str, status: int = 400) -> MalformedError:
    return MalformedError(what, status=status, request=message if isinstance(message, Request) else None)
