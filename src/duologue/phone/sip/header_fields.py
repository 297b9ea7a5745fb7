"""Values of header fields (RFC 3261, sections 20 and 25.1): lists, parameters, addresses, Via.

A scanner that knows quotes, because an attacker does: in ``sipmessage`` a quoted string runs on to the last quote of
the line (so a parameter of an address may stand in for its URI), ``;self=`` is no parameter but a crash, and a bare
IPv6 address in ``received`` is an error. Its :class:`~sipmessage.URI` reads URIs, strictly; they are written as they
were read (:class:`WrittenURI`).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sipmessage import URI
from sipmessage import Parameters as UriParameters

from duologue.errors import InputError

TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*")
_VIA = re.compile(
    r"SIP ?/ ?2\.0 ?/ ?([A-Za-z0-9\-.!%*_+`'~]+) +(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.\-_]+)(?: ?: ?([0-9]{1,5}))?"
)
_HOST = re.compile(r"\[[0-9A-Fa-f:.]+\]|[0-9A-Fa-f:.]+|[A-Za-z0-9.\-_]+")
_PLAIN_NAME = re.compile(r"[^\"<>,]*")
"""Without quotes section 25.1 wants tokens; many write more (``John (Sales)``), and it is clear where that ends."""
MAX_DIGITS = 10

Parameters = Mapping[str, str | None]
"""Names in lower case (they compare so, section 7.3.1); None for a parameter without a value."""


def malformed(what: str) -> InputError:
    """The error of a value that is none."""
    return InputError(f"no SIP header value: {what[:80]!r}", where="sip")


def split(value: str, separator: str) -> list[str]:
    """``value`` at each ``separator`` that stands neither in quotes nor in angle brackets; parts are stripped.

    Raises :class:`InputError` where quotes or brackets are not closed (RFC 4475, 3.1.2.6).
    """
    parts: list[str] = []
    begin, place, bracket = 0, 0, False
    while place < len(value):
        character = value[place]
        if character == '"':
            place = _after_quoted(value, place)
            continue
        if character in "<>":
            if (character == "<") == bracket:
                raise malformed(value)
            bracket = not bracket
        elif character == separator and not bracket:
            parts.append(value[begin:place].strip())
            begin = place + 1
        place += 1
    if bracket:
        raise malformed(value)
    parts.append(value[begin:].strip())
    return parts


def listed(values: Iterable[str]) -> list[str]:
    """All members of a header that may stand in several lines, each with several members (section 7.3.1).

    Raises :class:`InputError` for an empty member between commas.
    """
    found = [part for value in values if value.strip() for part in split(value, ",")]
    if not all(found):
        raise malformed(", ".join(values))
    return found


def tokens(values: Iterable[str]) -> frozenset[str]:
    """The option tags or methods of a list header, as they stand."""
    return frozenset(part for part in listed(values) if part)


def number(text: str, limit: int = 1 << 32) -> int:
    """Digits below ``limit`` (RFC 4475, 3.1.2.4: scalars that are too large are errors)."""
    if not (text.isascii() and text.isdigit() and len(text.lstrip("0")) <= MAX_DIGITS) or int(text) >= limit:
        raise malformed(text)
    return int(text)


def unquoted(text: str) -> str:
    """What a quoted string says (section 25.1, quoted-pair); another text as it stands."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)


def quoted(text: str) -> str:
    """``text`` as a quoted string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def parameters(parts: Iterable[str]) -> dict[str, str | None]:
    """Of ``name``, ``name=value`` and ``name="value"``. A second of a name is an error, and so is an empty one."""
    found: dict[str, str | None] = {}
    for part in parts:
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not TOKEN.fullmatch(name) or name.lower() in found or (equals and not value):
            raise malformed(part)
        if not value.startswith('"') and not re.fullmatch(r"[^\s\"<>,;=]*", value):
            raise malformed(part)
        found[name.lower()] = unquoted(value) if equals else None
    return found


def as_text(values: Parameters) -> str:
    """Parameters as they follow a value, quoted where they must be."""
    return "".join(f";{name}" if value is None else f";{name}={_shown(value)}" for name, value in values.items())


@dataclass(frozen=True, slots=True)
class NameAddress:
    """An address of ``From``, ``To``, ``Contact``, ``Route``, ``Refer-To``: ``uri`` as it stood, of any scheme."""

    uri: str
    name: str = ""
    parameters: Parameters = field(default_factory=dict[str, "str | None"])

    @classmethod
    def parse(cls, value: str) -> NameAddress:
        """Raises :class:`InputError`."""
        first, *rest = split(value, ";")
        name, bracket, uri = _bracketed(first)
        if not bracket and any(character in first for character in '?," \t'):
            raise malformed(value)  # section 20: an address with any of these stands in brackets
        uri = uri.strip()
        scheme, colon, after = uri.partition(":")
        if not colon or not after or not _SCHEME.fullmatch(scheme) or any(c.isspace() for c in uri):
            raise malformed(value)
        return cls(uri, name, parameters(rest))

    @property
    def tag(self) -> str:
        """The tag, or nothing (RFC 2543 knew none)."""
        return self.parameters.get("tag") or ""

    @property
    def target(self) -> URI:
        """Its URI, read; raises :class:`InputError` for what is no SIP URI. Header parts of it are passed over."""
        return uri_of(self.uri.partition("?")[0])

    def tagged(self, tag: str) -> NameAddress:
        """The same with ``tag``; without one where it is empty."""
        others = {name: value for name, value in self.parameters.items() if name != "tag"}
        return NameAddress(self.uri, self.name, {**others, "tag": tag} if tag else others)

    def __str__(self) -> str:
        shown = f"{quoted(self.name)} " if self.name else ""
        return f"{shown}<{self.uri}>{as_text(self.parameters)}"


@dataclass(frozen=True, slots=True)
class Via:
    """One hop. ``port`` None: not said."""

    transport: str
    host: str
    port: int | None = None
    parameters: Parameters = field(default_factory=dict[str, "str | None"])

    @classmethod
    def parse(cls, value: str) -> Via:
        """Raises :class:`InputError`."""
        first, *rest = split(value, ";")
        found = _VIA.fullmatch(re.sub(r"\s+", " ", first))
        if not found:
            raise malformed(value)
        port = number(found[3], 1 << 16) if found[3] else None
        return cls(found[1].upper(), found[2].lower(), port, parameters(rest))

    @property
    def branch(self) -> str:
        """The branch, or nothing."""
        return self.parameters.get("branch") or ""

    @property
    def sent_by(self) -> str:
        """Host and port as section 18.1.1 compares them: the port of the transport, where none is said."""
        return f"{self.host}:{self.port or default_port(self.transport)}"

    def __str__(self) -> str:
        port = "" if self.port is None else f":{self.port}"
        return f"SIP/2.0/{self.transport} {self.host}{port}{as_text(self.parameters)}"


def default_port(transport: str) -> int:
    """Section 19.1.2: 5061 for TLS, else 5060."""
    return 5061 if transport.upper() == "TLS" else 5060


def is_address(host: str) -> bool:
    """Whether it is an address, and no name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class WrittenURI(URI):
    """A URI with the names of its parameters in lower case (they compare so, section 19.1.4), and as it was written:
    whether a character of it is escaped is a part of it, and whoever gave it (``;gr=urn:uuid:…`` of RFC 5627) knows it
    by its text. ``sipmessage`` would escape it anew.
    """

    text: str = field(default="", compare=False)

    def __str__(self) -> str:
        return self.text


def uri_of(text: str) -> WrittenURI:
    """A SIP, SIPS or TEL URI; its scheme in any case (section 19.1.4).

    What a request to it is sent by must be what the grammar has (section 25.1): a port of 16 bits, a transport that is
    a token, a host in ``maddr``. The parser of URIs lets others pass, and no socket takes them.

    Raises :class:`InputError`.
    """
    scheme, colon, rest = text.partition(":")
    written = f"{scheme.lower()}{colon}{rest}"
    try:
        if any(character.isspace() for character in written):
            raise ValueError("white space")
        read = URI.parse(written)
        named = UriParameters(**{name.lower(): value for name, value in read.parameters.items()})
    except (ValueError, TypeError) as error:  # TypeError: a parameter named `self`
        raise InputError(f"no SIP address: {text[:80]!r}", where="sip") from error
    uri = WrittenURI(read.scheme, read.host, read.user, read.password, read.port, named, written)
    transport, elsewhere = uri.parameters.get("transport"), uri.parameters.get("maddr")
    there = (uri.port or 0) < 1 << 16 and (elsewhere is None or _HOST.fullmatch(elsewhere))
    if not there or not (transport is None or TOKEN.fullmatch(transport)):
        raise InputError(f"nothing can be sent to {text[:80]!r}", where="sip")
    return uri


def _after_quoted(value: str, place: int) -> int:
    """The place behind the quoted string that begins at ``place``."""
    place += 1
    while place < len(value):
        if value[place] == "\\":
            place += 2
        elif value[place] == '"':
            return place + 1
        else:
            place += 1
    raise malformed(value)


def _bracketed(first: str) -> tuple[str, bool, str]:
    """Display name, whether there are brackets, and what is in them."""
    if first.startswith('"'):
        end = _after_quoted(first, 0)
        name, rest = unquoted(first[:end]), first[end:].strip()
        if not rest.startswith("<"):
            raise malformed(first)
    else:
        begin = first.find("<")
        if begin < 0:
            return "", False, first
        name, rest = " ".join(first[:begin].split()), first[begin:]
        if not _PLAIN_NAME.fullmatch(name):  # RFC 4475, 3.1.2.15: a comma belongs into quotes
            raise malformed(first)
    if not rest.endswith(">"):
        raise malformed(first)
    return name, True, rest[1:-1]


def _shown(value: str) -> str:
    return value if value and re.fullmatch(r"[A-Za-z0-9\-.!%*_+`'~:\[\]]+", value) else quoted(value)
