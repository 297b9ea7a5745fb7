"""What is said on a Twilio media stream, one JSON text for each message: read and written. Pure.

A stream is opened by Twilio when it comes to ``<Connect><Stream>``: it says ``connected``, ``start``, then ``media``
(20 ms of µ-law at 8 kHz, in base64) as the caller speaks, ``dtmf``, ``mark`` when all that we had sent before a mark of
ours was played (or thrown away), and ``stop``. We say ``media``, ``mark`` and ``clear``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from duologue.errors import InputError

MAX_TEXT = 64 * 1024
"""A longer message (characters) is none: Twilio's have about 400."""
MAX_PARAMETERS = 64
_WHERE = "twilio stream"


@dataclass(frozen=True, slots=True)
class Connected:
    """The first message."""

    protocol: str
    version: str


@dataclass(frozen=True, slots=True)
class Start:
    """What the stream is: the ids of itself, its call and their account, and the parameters that the TwiML gave it."""

    stream: str
    call: str
    account: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TwilioMedia:
    """Sound of a track: µ-law, 8 kHz; its first sample lies ``timestamp`` ms after the start (None: not said)."""

    stream: str
    inbound: bool
    sequence: int | None
    timestamp: int | None
    payload: bytes


@dataclass(frozen=True, slots=True)
class Pressed:
    """A key."""

    stream: str
    sequence: int | None
    key: str


@dataclass(frozen=True, slots=True)
class TwilioMark:
    """A mark of ours came back."""

    stream: str
    name: str


@dataclass(frozen=True, slots=True)
class Stop:
    """The stream is over."""

    stream: str


TwilioMessage: TypeAlias = Connected | Start | TwilioMedia | Pressed | TwilioMark | Stop


def parse(text: str) -> TwilioMessage | None:
    """One message; None for an event that is not known (there may be new ones). Raises :class:`InputError`."""
    if len(text) > MAX_TEXT:
        raise InputError(f"a message of {len(text)} characters", where=_WHERE, remedy=f"At most {MAX_TEXT}.")
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError("a message that is no JSON", where=_WHERE) from error
    if not isinstance(value, dict):
        raise InputError("a message that is no JSON object", where=_WHERE)
    document = cast("dict[str, Any]", value)
    match _text(document, "event"):
        case "connected":
            return Connected(_text(document, "protocol", ""), _text(document, "version", ""))
        case "start":
            return _start(document)
        case "media":
            return _media(document)
        case "dtmf":
            return Pressed(
                _stream(document), _number(document, "sequenceNumber"), _text(_part(document, "dtmf"), "digit")
            )
        case "mark":
            return TwilioMark(_stream(document), _text(_part(document, "mark"), "name"))
        case "stop":
            return Stop(_stream(document))
        case _:
            return None


def media(stream: str, payload: bytes) -> str:
    """Sound to be played after what it was sent before: µ-law, 8 kHz."""
    return _said("media", stream, media={"payload": base64.b64encode(payload).decode("ascii")})


def mark(stream: str, name: str) -> str:
    """To be said back when all before it has been played, or was thrown away."""
    return _said("mark", stream, mark={"name": name})


def clear(stream: str) -> str:
    """Throw away what was not played."""
    return _said("clear", stream)


def _said(event: str, stream: str, **rest: object) -> str:
    return json.dumps({"event": event, "streamSid": stream, **rest})


def _start(document: dict[str, Any]) -> Start:
    start = _part(document, "start")
    form = _part(start, "mediaFormat")
    encoding, rate, channels = _text(form, "encoding"), _number(form, "sampleRate"), _number(form, "channels")
    if (encoding, rate, channels) != ("audio/x-mulaw", 8000, 1):
        raise InputError(f"a stream of {encoding}, {rate} Hz, {channels} channels", where=_WHERE, remedy="Send µ-law.")
    given = _part(start, "customParameters") if start.get("customParameters") else dict[str, Any]()
    if len(given) > MAX_PARAMETERS:
        raise InputError(f"a stream of {len(given)} parameters", where=_WHERE, remedy=f"At most {MAX_PARAMETERS}.")
    parameters = {name: value for name, value in given.items() if isinstance(value, str)}
    stream = _text(start, "streamSid", "") or _stream(document)
    return Start(stream, _text(start, "callSid"), _text(start, "accountSid", ""), parameters)


def _media(document: dict[str, Any]) -> TwilioMedia:
    sound = _part(document, "media")
    try:
        payload = base64.b64decode(_text(sound, "payload"), validate=True)
    except ValueError as error:
        raise InputError("sound that is no base64", where=_WHERE) from error
    inbound = _text(sound, "track", "inbound") in ("inbound", "inbound_track")
    return TwilioMedia(
        _stream(document), inbound, _number(document, "sequenceNumber"), _number(sound, "timestamp"), payload
    )  # fmt: skip


def _stream(document: dict[str, Any]) -> str:
    return _text(document, "streamSid")


def _part(document: dict[str, Any], name: str) -> dict[str, Any]:
    value = document.get(name)
    if not isinstance(value, dict):
        raise InputError(f"a message without {name!r}", where=_WHERE)
    return cast("dict[str, Any]", value)


def _text(document: dict[str, Any], name: str, default: str | None = None) -> str:
    value = document.get(name, default)
    if not isinstance(value, str):
        raise InputError(f"a message whose {name!r} is no text", where=_WHERE)
    return value


def _number(document: dict[str, Any], name: str) -> int | None:
    """Twilio writes numbers as text, those of a media format excepted; None where there is none."""
    value = document.get(name)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53):
        return value
    if isinstance(value, str) and len(value) <= 15 and value.isascii() and value.isdecimal():
        return int(value)
    raise InputError(f"a message whose {name!r} is no number", where=_WHERE)
