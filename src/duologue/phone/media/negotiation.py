"""Offer and answer (RFC 3264): what two ends agree upon. Values in, values out.

We take the first stream of sound that we can speak, in the format of it that we like best (ears understand a wide band
better), and refuse all others by their port. Who answers us with several formats is spoken to in the first of them, and
heard in each (section 7). Digits are on the clock of the sound, or where only others are offered on one of those: many
telephones and older Asterisks have 8000 Hz alone, beside Opus too.
"""

from __future__ import annotations

import base64
import ipaddress
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

from duologue.errors import InputError
from duologue.phone.media.codecs import FORMATS, PACKET_MS, Format
from duologue.phone.media.sdp import Crypto, Description, Direction, Media, PayloadFormat
from duologue.phone.media.telephone_events import CLOCK

SUITES = {"AES_CM_128_HMAC_SHA1_80": 30, "AES_CM_128_HMAC_SHA1_32": 30}
"""Of SDES (RFC 4568, section 6.2), with the bytes of master key and salt."""
PROTOCOLS = ("RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF")
"""What we answer; with feedback (F, RFC 4585) we give none, which its section 6.3.2.3 allows."""
DYNAMIC = 96
DIGITS = "0-15"


class NotAcceptableError(InputError):
    """There is nothing that both ends can speak (SIP: 488 Not Acceptable Here)."""


@dataclass(frozen=True, slots=True)
class Local:
    """What we bring: our address, the ports of a stream, the formats in our order, whether we insist on encryption."""

    host: str
    port: int
    formats: tuple[Format, ...] = FORMATS
    session: int = 1
    version: int = 1
    secure: bool = False
    rtcp_mux: bool = True


@dataclass(frozen=True, slots=True)
class Agreed:
    """A stream that both ends can speak.

    We send to ``host`` and ``port`` packets of ``send_type`` (the payload type that the other end gave to ``format``),
    and get ``receive_type``, or ``others`` of what it may speak as well; ``send_events`` and ``receive_events`` are
    those of digits, None where there are none, ``events_clock`` is that of how long they last (Hz). ``direction`` is
    ours. ``ours`` and ``theirs`` are the keys of an encrypted stream.
    """

    format: Format
    host: str
    port: int
    rtcp_port: int
    send_type: int
    receive_type: int
    direction: Direction
    send_events: int | None = None
    receive_events: int | None = None
    rtcp_mux: bool = False
    ptime: int = PACKET_MS
    ours: Crypto | None = None
    theirs: Crypto | None = None
    events_clock: int = 0
    others: tuple[tuple[int, Format], ...] = ()


def offer(local: Local, direction: Direction = Direction.SENDRECV) -> Description:
    """Our offer."""
    formats: list[PayloadFormat] = []
    number = DYNAMIC
    for form in local.formats:
        kind = form.payload_type
        if kind is None:
            kind, number = number, number + 1
        formats.append(PayloadFormat(kind, form.name, form.clock, form.channels, form.parameters))
    for clock in sorted({form.clock for form in local.formats}):
        formats.append(PayloadFormat(number, "telephone-event", clock, 1, DIGITS))
        number += 1
    cryptos = tuple(Crypto(tag, suite, _key(suite)) for tag, suite in enumerate(SUITES, 1)) if local.secure else ()
    media = Media(
        "audio", local.port, _protocol(local.secure), local.host, tuple(formats), direction, PACKET_MS,
        local.port + 1, local.rtcp_mux, cryptos,
    )  # fmt: skip
    return Description(local.session, local.version, local.host, (media,))


def offer_again(local: Local, ours: Description, agreed: Agreed) -> Description:
    """Our offer in mid-call, where the other end asks for one: the session as it is (``ours``, of which ``agreed``
    came), its keys and the numbers of its formats (RFC 3264, section 8.3.2), and what else we speak.
    """
    fresh = offer(replace(local, secure=False)).media[0]
    kept = {one.payload_type: one for media in ours.media if media.port for one in media.formats}
    formats, free = list(kept.values()), iter(number for number in range(DYNAMIC, 128) if number not in kept)
    for one in fresh.formats:
        if not any((one.name.lower(), one.clock) == (known.name.lower(), known.clock) for known in kept.values()):
            formats.append(one if one.payload_type < DYNAMIC else replace(one, payload_type=next(free)))
    first = [one for one in formats if _same(one, agreed.format)]
    formats = [*first, *(one for one in formats if one not in first)]
    media = tuple(
        replace(
            fresh, protocol=one.protocol, formats=tuple(formats), cryptos=(agreed.ours,) if agreed.ours else (),
            rtcp_mux=agreed.rtcp_mux,
        ) if one.port else one
        for one in ours.media
    )  # fmt: skip
    return Description(local.session, local.version, local.host, media)


def answer(offered: Description, local: Local, wanted: Direction = Direction.SENDRECV) -> tuple[Description, Agreed]:
    """Our answer to an offer, and what was agreed upon; ``wanted`` is the direction that we would have.

    Raises :class:`NotAcceptableError`.
    """
    reasons: list[str] = []
    for place, media in enumerate(offered.media):
        if media.kind != "audio" or not media.port:
            continue
        try:
            ours, agreed = _answer(media, local, wanted)
        except NotAcceptableError as error:
            reasons.append(error.what)
            continue
        refused = [replace(other, port=0, formats=(), cryptos=(), host="") for other in offered.media]
        streams = (*refused[:place], ours, *refused[place + 1 :])
        return Description(local.session, local.version, local.host, streams), agreed
    raise NotAcceptableError(
        "; ".join(reasons) or "no stream of sound is offered", where="sdp", remedy=f"Offer one of {_names(local)}."
    )


def accept(offered: Description, answered: Description) -> Agreed:
    """What was agreed upon, from our offer and the answer to it.

    Raises :class:`NotAcceptableError` for an answer that does not answer it.
    """
    if len(answered.media) != len(offered.media):
        raise NotAcceptableError(f"{len(answered.media)} streams answer {len(offered.media)}", where="sdp")
    place = next((place for place, media in enumerate(offered.media) if media.kind == "audio" and media.port), 0)
    ours, theirs = offered.media[place], answered.media[place]
    if not theirs.port:
        raise NotAcceptableError("the stream was refused", where="sdp")
    if theirs.protocol != ours.protocol:
        raise NotAcceptableError(f"{theirs.protocol} answers {ours.protocol}", where="sdp")
    _check_address(theirs, ours.host or offered.host)
    (form, spoken, number), *rest = _spoken_back(ours.formats, theirs.formats)
    key = theirs.cryptos[0] if len(theirs.cryptos) == 1 and _is_key(theirs.cryptos[0]) else None
    own = next((one for one in ours.cryptos if key is not None and one.tag == key.tag), None)
    if ours.cryptos and (key is None or own is None or own.suite != key.suite):
        raise NotAcceptableError("the answer has no key to our offer", where="sdp")
    direction = theirs.direction.reversed
    send_events, receive_events, clock = _digits_back(ours.formats, theirs.formats, form)
    return Agreed(
        form, theirs.host, theirs.port, theirs.rtcp, spoken.payload_type, number, direction,
        send_events, receive_events, ours.rtcp_mux and theirs.rtcp_mux,
        theirs.ptime or PACKET_MS, own, key if own else None, clock, tuple((other, one) for one, _, other in rest),
    )  # fmt: skip


def _answer(media: Media, local: Local, wanted: Direction) -> tuple[Media, Agreed]:
    if media.protocol not in PROTOCOLS:
        raise NotAcceptableError(f"{media.protocol} is offered", where="sdp")
    _check_address(media, local.host)
    if local.secure and not media.secure:
        raise NotAcceptableError("the stream is not encrypted", where="sdp")
    form, spoken = _first_spoken(media.formats, local.formats)
    theirs = next((one for one in media.cryptos if _is_key(one)), None)
    if media.secure and theirs is None:
        raise NotAcceptableError("no key of a kind that we have is offered", where="sdp")
    ours = Crypto(theirs.tag, theirs.suite, _key(theirs.suite)) if theirs and media.secure else None
    direction = _both(media.direction.reversed, wanted)
    events = _events(media.formats, form)
    formats = [replace(spoken, parameters=form.parameters)]
    if events is not None:  # RFC 3264, 6.1: the numbers of the offer serve both ways
        formats.append(PayloadFormat(events.payload_type, "telephone-event", events.clock, 1, DIGITS))
    mux = media.rtcp_mux and local.rtcp_mux
    described = Media(
        "audio", local.port, media.protocol, local.host, tuple(formats), direction, PACKET_MS, local.port + 1, mux,
        (ours,) if ours else (),
    )  # fmt: skip
    digits = None if events is None else events.payload_type
    agreed = Agreed(
        form, media.host, media.port, media.rtcp, spoken.payload_type, spoken.payload_type, direction, digits, digits,
        mux, media.ptime or PACKET_MS, ours, theirs if media.secure else None, 0 if events is None else events.clock,
    )  # fmt: skip
    return described, agreed


def _check_address(media: Media, ours: str) -> None:
    """Sound goes to an address that ours can reach. A name (RFC 8866, section 5.7) would be looked up for each packet,
    and all calls wait for that. What is held may stand at the unspecified address of either kind.
    """
    try:
        address = ipaddress.ip_address(media.host)
    except ValueError as error:
        raise NotAcceptableError(f"the stream is at a name ({media.host}), not at an address", where="sdp") from error
    kind = 6 if ":" in ours else 4
    if address.version != kind and not address.is_unspecified:
        raise NotAcceptableError(f"the stream is at {media.host}, and we speak IPv{kind} here", where="sdp")


def _first_spoken(offered: Sequence[PayloadFormat], ours: Sequence[Format]) -> tuple[Format, PayloadFormat]:
    """Of what both speak, what we like best: our order is by what ears understand."""
    for form in ours:
        for one in offered:
            if _same(one, form):
                return form, one
    raise _nothing_common(offered)


def _spoken_back(
    offered: Sequence[PayloadFormat], answered: Sequence[PayloadFormat]
) -> list[tuple[Format, PayloadFormat, int]]:
    """Of an answer to ``offered``: each format, as they have it, and our number of it; theirs comes first."""
    found: dict[str, tuple[Format, PayloadFormat, int]] = {}
    for one in answered:
        for form in FORMATS:
            mine = next((each for each in offered if _same(each, form)), None)
            if mine is not None and _same(one, form):
                found.setdefault(form.name, (form, one, mine.payload_type))
    if not found:
        raise _nothing_common(answered)
    return list(found.values())


def _digits_back(
    offered: Sequence[PayloadFormat], answered: Sequence[PayloadFormat], form: Format
) -> tuple[int | None, int | None, int]:
    """Of an answer to ``offered``: their number of digits, ours, and the clock."""
    theirs = _events(answered, form)
    clock = 0 if theirs is None else theirs.clock
    ours = next((one.payload_type for one in offered if one.is_event and one.clock == clock), None)
    return (None, None, 0) if theirs is None or ours is None else (theirs.payload_type, ours, clock)


def _nothing_common(offered: Sequence[PayloadFormat]) -> NotAcceptableError:
    spoken = ", ".join(one.name for one in offered if not one.is_event) or "nothing"
    return NotAcceptableError(f"{spoken} is offered", where="sdp")


def _same(offered: PayloadFormat, form: Format) -> bool:
    named = (offered.name.lower(), offered.clock) == (form.name.lower(), form.clock)
    return named and (offered.channels == form.channels or form.channels == 1 == offered.channels)


def _events(formats: Sequence[PayloadFormat], form: Format) -> PayloadFormat | None:
    """Digits, on the format's clock (RFC 4733, section 2.1: one clock for a stream) if there are any on it, else on the
    one that most have.
    """
    events = [one for one in formats if one.is_event and one.clock and one.clock % CLOCK == 0]
    return min(events, key=lambda one: (one.clock != form.clock, one.clock), default=None)


def _both(one: Direction, other: Direction) -> Direction:
    sends, receives = one.sends and other.sends, one.receives and other.receives
    if sends and receives:
        return Direction.SENDRECV
    return Direction.SENDONLY if sends else Direction.RECVONLY if receives else Direction.INACTIVE


def _protocol(secure: bool) -> str:
    return "RTP/SAVP" if secure else "RTP/AVP"


def _key(suite: str) -> str:
    return f"inline:{base64.b64encode(secrets.token_bytes(SUITES[suite])).decode()}"


def _is_key(crypto: Crypto) -> bool:
    """Whether we can use it: its suite's length, no key index (RFC 4568, section 6.1), and nothing that switches off
    what it is for or that we would have to understand (section 6.3: ``UNENCRYPTED_SRTP``; a window size is a hint).
    """
    try:
        whole = crypto.suite in SUITES and len(crypto.key) == SUITES[crypto.suite]
    except InputError:
        return False
    understood = all(one.startswith(("-", "WSH=")) for one in crypto.session if one)
    return whole and understood and not any(":" in option for option in crypto.options)


def _names(local: Local) -> str:
    return ", ".join(form.name for form in local.formats)
