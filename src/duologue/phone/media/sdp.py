"""Session descriptions (RFC 8866), as far as a call's sound needs them. Plain data in and out.

Reading is generous with what does not concern us, and with one format or key of several (it is kept out), and strict
with what all depends on: an address, a port, a payload type that cannot be are named, and the offer is refused.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from duologue.errors import InputError

MAX_LENGTH = 16_384
"""Characters; a description of one call's sound takes some hundreds."""
MAX_MEDIA, MAX_FORMATS = 16, 64
"""Streams of a description, and formats of a stream."""


class Direction(StrEnum):
    """Who sends (RFC 3264, section 6.1); seen from whose description it is."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def reversed(self) -> Direction:
        """The same, seen from the other end."""
        return _REVERSED.get(self, self)

    @property
    def sends(self) -> bool:
        """Whether the end whose description it is sends."""
        return self in (Direction.SENDRECV, Direction.SENDONLY)

    @property
    def receives(self) -> bool:
        """Whether it listens."""
        return self in (Direction.SENDRECV, Direction.RECVONLY)


_REVERSED = {Direction.SENDONLY: Direction.RECVONLY, Direction.RECVONLY: Direction.SENDONLY}

STATIC = {0: ("PCMU", 8000, 1), 8: ("PCMA", 8000, 1), 9: ("G722", 8000, 1), 13: ("CN", 8000, 1)}
"""Payload types that need no ``rtpmap`` (RFC 3551, table 4), as far as we know them."""
_RTPMAP = re.compile(r"([^/\s]+)/([0-9]{1,6})(?:/([0-9]{1,2}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class PayloadFormat:
    """One format that is offered or taken: its payload type (0…127), name, clock rate (Hz), channels, ``fmtp``."""

    payload_type: int
    name: str
    clock: int
    channels: int = 1
    parameters: str = ""

    @property
    def is_event(self) -> bool:
        """It is of digits (RFC 4733)."""
        return self.name.lower() == "telephone-event"


@dataclass(frozen=True, slots=True)
class Crypto:
    """A key offered by SDES (RFC 4568): ``parameters`` is what follows the suite, the key with its ``inline:``. It is
    shown nowhere but in the description itself.
    """

    tag: int
    suite: str
    parameters: str = field(repr=False)

    @property
    def key(self) -> bytes:
        """Master key and salt, in one. Raises :class:`InputError` for what is none."""
        try:
            return base64.b64decode(self._parts[0], validate=True)
        except ValueError as error:
            raise _wrong("a key that is no base64") from error

    @property
    def options(self) -> list[str]:
        """What follows the key: its lifetime (``2^20``), the number and length of its index (``1:4``)."""
        return self._parts[1:]

    @property
    def session(self) -> list[str]:
        """Parameters of the session (RFC 4568, section 6.3): ``UNENCRYPTED_SRTP`` and the like."""
        return self.parameters.split(" ")[1:]

    @property
    def _parts(self) -> list[str]:
        return self.parameters.removeprefix("inline:").split(" ")[0].split("|")

    @property
    def line(self) -> str:
        """The attribute's value."""
        return f"{self.tag} {self.suite} {self.parameters}"


@dataclass(frozen=True, slots=True)
class Media:
    """One stream. ``port`` 0: refused, or not wanted any more. ``rtcp`` is the port of its reports (0: none of their
    own). ``ptime`` is the wished length of a packet in ms (0: not said). ``names`` are the formats as its line has
    them, also of a kind that is no sound's.
    """

    kind: str
    port: int
    protocol: str
    host: str = ""
    formats: tuple[PayloadFormat, ...] = ()
    direction: Direction = Direction.SENDRECV
    ptime: int = 0
    rtcp: int = 0
    rtcp_mux: bool = False
    cryptos: tuple[Crypto, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def secure(self) -> bool:
        """It is encrypted (SRTP)."""
        return self.protocol in ("RTP/SAVP", "RTP/SAVPF")

    @property
    def held(self) -> bool:
        """The other end wants no sound of us: by direction, or by the address 0.0.0.0 as of old (RFC 3264, 8.4)."""
        return not self.direction.receives or self.host in ("0.0.0.0", "::")


@dataclass(frozen=True, slots=True)
class Description:
    """What one end says. ``version`` grows with each change (section 5.2)."""

    session: int
    version: int
    host: str
    media: tuple[Media, ...] = field(default_factory=tuple)
    name: str = "-"

    def encode(self) -> str:
        """As it stands in a message: lines that end with CRLF."""
        lines = [
            "v=0",
            f"o=- {self.session} {self.version} IN {_address(self.host)}",
            f"s={self.name}",
            f"c=IN {_address(self.host)}",
            "t=0 0",
        ]
        for media in self.media:
            lines += _media_lines(media)
        return "".join(f"{line}\r\n" for line in lines)

    @classmethod
    def parse(cls, text: str) -> Description:
        """Raises :class:`InputError` for what is no description of a session."""
        if len(text) > MAX_LENGTH:
            raise _wrong(f"{len(text)} characters; at most {MAX_LENGTH} are read")
        general, *sections = _sections(text)
        if not any(kind == "v" for kind, _ in general) or not any(kind == "o" for kind, _ in general):
            raise _wrong("it has no version or no origin")
        if len(sections) > MAX_MEDIA:
            raise _wrong(f"{len(sections)} streams; at most {MAX_MEDIA} are read")
        values = dict(general)
        origin = values["o"].split()
        if len(origin) != 6:
            raise _wrong(f"o={values['o']!r} has not six parts")
        host = _host(values["c"]) if "c" in values else ""
        direction = _direction(_attributes(general), Direction.SENDRECV)
        return cls(
            _number(origin[1], "o=", 1 << 64),
            _number(origin[2], "o=", 1 << 64),
            host,
            tuple(_media(section, host, direction) for section in sections),
            values.get("s", "-"),
        )


_Lines = list[tuple[str, str]]


def _sections(text: str) -> list[_Lines]:
    """The lines before the first stream, and those of each."""
    found: list[_Lines] = [[]]
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if not line:
            continue
        kind, equals, value = line.partition("=")
        if not equals or len(kind) != 1:
            raise _wrong(f"line {number} is {line[:40]!r}")
        if kind == "m":
            found.append([])
        found[-1].append((kind, value.strip()))
    return found


def _media(lines: _Lines, host: str, direction: Direction) -> Media:
    parts = lines[0][1].split()
    if len(parts) < 4:
        raise _wrong(f"m={lines[0][1]!r} has not four parts")
    kind, port, protocol, *names = parts
    attributes = _attributes(lines)
    host = next((_host(value) for key, value in lines if key == "c"), host)
    number = _number(port.partition("/")[0], "m=", 1 << 16)
    if number and kind == "audio" and not host:
        raise _wrong("there is no address (c=)")
    sound = kind == "audio" and protocol.startswith("RTP/")
    ptime = attributes.get("ptime", [""])[0].partition(".")[0]
    return Media(
        kind, number, protocol, host,
        _formats(names, attributes) if sound else (),
        _direction(attributes, direction),
        int(ptime) if ptime.isascii() and ptime.isdigit() and len(ptime) < 4 else 0,
        _rtcp(attributes, number),
        "rtcp-mux" in attributes,
        tuple(found for value in attributes.get("crypto", []) if (found := _crypto(value)) is not None),
        tuple(names),
    )  # fmt: skip


def _attributes(lines: _Lines) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for kind, value in lines:
        if kind == "a":
            name, _, rest = value.partition(":")
            found.setdefault(name, []).append(rest)
    return found


def _direction(attributes: Mapping[str, Sequence[str]], default: Direction) -> Direction:
    return next((direction for direction in Direction if direction in attributes), default)


def _formats(names: Sequence[str], attributes: Mapping[str, Sequence[str]]) -> tuple[PayloadFormat, ...]:
    if len(names) > MAX_FORMATS:
        raise _wrong(f"{len(names)} formats; at most {MAX_FORMATS} are read")
    maps = dict(_split(value) for value in attributes.get("rtpmap", []))
    parameters = dict(_split(value) for value in attributes.get("fmtp", []))
    found: list[PayloadFormat] = []
    for each in names:
        number = _number(each, "m=", 128)
        described = _mapped(maps.get(each, "")) or STATIC.get(number)
        if described is not None:
            found.append(PayloadFormat(number, *described, parameters.get(each, "")))
    return tuple(found)


def _mapped(value: str) -> tuple[str, int, int] | None:
    """Name, clock and channels of an ``rtpmap`` (RFC 8866, section 6.6). None for what is none: another may do."""
    found = _RTPMAP.fullmatch(value)
    if found is None:
        return None
    name, clock, channels = found.groups()
    return name, int(clock), int(channels or "1")


def _split(value: str) -> tuple[str, str]:
    head, _, rest = value.partition(" ")
    return head, rest.strip()


def _rtcp(attributes: Mapping[str, Sequence[str]], port: int) -> int:
    """The port after the sound's, unless another is named (RFC 3605)."""
    if "rtcp" in attributes:
        return _number(attributes["rtcp"][0].split(" ")[0], "rtcp", 1 << 16)
    return min(port + 1, 65_535) if port else 0


def _crypto(value: str) -> Crypto | None:
    """None for what is none: another one of the list may do."""
    tag, _, rest = value.partition(" ")
    suite, _, parameters = rest.partition(" ")
    if not (tag.isascii() and tag.isdigit() and len(tag) < 10 and suite and parameters.startswith("inline:")):
        return None
    return Crypto(int(tag), suite, parameters)


def _host(connection: str) -> str:
    """The address of a ``c=``, written as those are that packets come from (RFC 5952), or the name."""
    parts = connection.split()
    if len(parts) != 3 or parts[0] != "IN" or parts[1] not in ("IP4", "IP6"):
        raise _wrong(f"c={connection!r} is no address")
    host = parts[2].partition("/")[0]
    if not host or any(not (character.isalnum() or character in ".:-") for character in host):
        raise _wrong(f"c={connection!r} is no address")
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host


def _number(text: str, where: str, limit: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 20) or int(text) >= limit:
        raise _wrong(f"{text[:24]!r} is no number below {limit} ({where})")
    return int(text)


def _media_lines(media: Media) -> list[str]:
    names = [str(one.payload_type) for one in media.formats] or list(media.names) or ["0"]
    lines = [f"m={media.kind} {media.port} {media.protocol} {' '.join(names)}"]
    if not media.port:
        return lines
    if media.host:
        lines.append(f"c=IN {_address(media.host)}")
    for one in media.formats:
        channels = f"/{one.channels}" if one.channels > 1 else ""
        lines.append(f"a=rtpmap:{one.payload_type} {one.name}/{one.clock}{channels}")
        if one.parameters:
            lines.append(f"a=fmtp:{one.payload_type} {one.parameters}")
    lines += [f"a=ptime:{media.ptime}"] if media.ptime else []
    lines += [f"a=crypto:{crypto.line}" for crypto in media.cryptos]
    if media.rtcp_mux:
        lines.append("a=rtcp-mux")
    elif media.rtcp not in (0, media.port + 1):
        lines.append(f"a=rtcp:{media.rtcp}")
    lines.append(f"a={media.direction}")
    return lines


def _address(host: str) -> str:
    try:
        return f"IP{ipaddress.ip_address(host).version} {host}"
    except ValueError:
        return f"IP4 {host}"


def _wrong(what: str) -> InputError:
    return InputError(f"no session description: {what}", where="sdp")
