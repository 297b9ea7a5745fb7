"""Digits on the telephone as named events (RFC 4733), both ways, as cores: payloads in, digits out, and back."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from duologue.errors import InputError

DIGITS = "0123456789*#ABCD"
"""Event codes 0 to 15 (section 3.2)."""
CLOCK = 8000
"""Of most formats (Hz); events are on the clock of the sound beside them (section 2.1)."""
PACKET = CLOCK * 20 // 1000
"""Timestamp units between two packets of an event, at that rate."""
TONE, PAUSE = CLOCK * 100 // 1000, CLOCK * 100 // 1000
"""How long a digit lasts and what lies between two: any exchange understands 40 ms each (ITU-T Q.24)."""
ENDS = 3
"""The last packet goes out so many times (section 2.5.1.4)."""
VOLUME = 10
"""Power in -dBm0."""
_PAYLOAD = struct.Struct("!BBH")


@dataclass(frozen=True, slots=True)
class EventPacket:
    """A payload to be sent ``after`` timestamp units after the first, with the event's own ``timestamp`` (both relative
    to the beginning of the digits); ``marker`` on the first of an event.
    """

    after: int
    timestamp: int
    payload: bytes
    marker: bool


def digits_of(text: str) -> str:
    """Digits as they are dialled, upper case, without blanks. Raises :class:`InputError` for what no telephone has."""
    found = "".join(text.split()).upper()
    wrong = sorted({character for character in found if character not in DIGITS})
    if wrong:
        raise InputError(f"no telephone has the key {wrong[0]!r}", where="digits", remedy=f"Press one of {DIGITS}.")
    return found


def press(digits: str, clock: int = CLOCK) -> Iterator[EventPacket]:
    """The packets of some digits on a clock of ``clock`` Hz, one every 20 ms while a key is down (section 2.5.1)."""
    times = clock // CLOCK
    packet, tone, pause = PACKET * times, TONE * times, PAUSE * times
    begin = 0
    for digit in digits_of(digits):
        code = DIGITS.index(digit)
        for after in range(packet, tone, packet):
            yield EventPacket(begin + after - packet, begin, _PAYLOAD.pack(code, VOLUME, after), after == packet)
        last = _PAYLOAD.pack(code, 0x80 | VOLUME, tone)
        for _ in range(ENDS):  # they belong to one instant, and go out together
            yield EventPacket(begin + tone - packet, begin, last, marker=False)
        begin += tone + pause


def duration(digits: str, clock: int = CLOCK) -> int:
    """Timestamp units that :func:`press` takes for them."""
    return len(digits_of(digits)) * (TONE + PAUSE) * (clock // CLOCK)


class EventReader:
    """Digits from the payloads of one source: each once, however often its packets come, whichever are lost."""

    def __init__(self) -> None:
        self._last: int | None = None

    def read(self, timestamp: int, payload: bytes) -> str:
        """The digit that begins with this packet (unwrapped timestamp), or nothing: a key that was told already, an
        event that is no digit. Raises :class:`InputError` for a payload that is too short.
        """
        if len(payload) < _PAYLOAD.size:
            raise InputError(f"a telephone event of {len(payload)} bytes", where="rtp")
        code = payload[0]
        if code >= len(DIGITS) or (self._last is not None and timestamp <= self._last):
            return ""
        self._last = timestamp
        return DIGITS[code]
