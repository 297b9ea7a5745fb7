"""Digits on the telephone as named events (RFC 4733), both ways, as cores: payloads in, digits out, and back; and as
they are told by INFO.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from duologue.clock import MILLISECOND, SECOND
from duologue.errors import InputError

DIGITS = "0123456789*#ABCD"
"""Event codes 0 to 15 (section 3.2)."""
_EVENTS = frozenset(str(code) for code in range(10, len(DIGITS)))
CLOCK = 8000
"""Of most formats (Hz); events are on the clock of the sound beside them (section 2.1)."""
PACKET = CLOCK * 20 // 1000
"""Timestamp units between two packets of an event, at that rate."""
TONE, PAUSE = CLOCK * 100 // 1000, CLOCK * 100 // 1000
"""How long a digit lasts and what lies between two: any exchange understands 40 ms each (ITU-T Q.24)."""
ENDS = 3
"""The last packet goes out so many times, at the pace of the others (section 2.5.1.4)."""
VOLUME = 10
"""Power in -dBm0."""
LONGEST = 0xFFFF
"""Timestamp units of a segment: a key that is down for longer goes on in the next one (section 2.5.1.3)."""
SILENCE = 200 * MILLISECOND
"""So long after its newest packet a key is taken to be up (ns): its end was lost, all three times."""
TWICE = 2 * SECOND
"""By how much the two ways by which one press may be told are apart at the most (ns)."""
MOST_SINGLE = 16
"""Keys that were told one way, and may come by the other."""
INFO_TYPES = ("application/dtmf-relay", "application/dtmf")
"""Of bodies of INFO that tell a key (:func:`key_of`)."""
_PAYLOAD = struct.Struct("!BBH")


class KeyWay(Enum):
    """By what a key is told."""

    RTP = auto()
    INFO = auto()


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


def key_of(body: bytes) -> tuple[str, int] | None:
    """A key by INFO, and for how many milliseconds it was down (0: not said): the only character of the body, or
    ``Signal=`` and ``Duration=`` with spaces or without (Cisco's have some), by its character or the number of its
    event. None: it is none.
    """
    text = body.decode("utf-8", "replace").strip()
    lines = (line.partition("=") for line in text.splitlines())
    fields = {name.strip().lower(): value.strip() for name, _, value in lines}
    key, lasted = fields.get("signal", text).upper(), fields.get("duration", "")
    if key in _EVENTS:
        key = DIGITS[int(key)]
    if len(key) != 1 or key not in DIGITS:
        return None
    return key, int(lasted) if lasted.isascii() and lasted.isdigit() and len(lasted) < 6 else 0


class KeysOnce:
    """The keys of one call, each once: many telephones can be set to tell a key by RFC 4733 and by INFO at the same
    time. What comes the other way within :data:`TWICE` of it (beside how long the key was down) is the same press.
    """

    def __init__(self) -> None:
        self._single: deque[tuple[str, KeyWay, int]] = deque(maxlen=MOST_SINGLE)

    def takes(self, key: str, milliseconds: int, way: KeyWay, now: int) -> bool:
        """Whether a key that is up ``now`` (ns) is one that was not told yet."""
        oldest = now - milliseconds * MILLISECOND - TWICE
        for one in self._single:
            if one[0] == key and one[1] is not way and one[2] >= oldest:
                self._single.remove(one)
                return False
        self._single.append((key, way, now))
        return True


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
        for again in range(ENDS):  # one burst of loss does not take them all
            yield EventPacket(begin + tone + (again - 1) * packet, begin, last, marker=False)
        begin += tone + pause


def duration(digits: str, clock: int = CLOCK) -> int:
    """Timestamp units that :func:`press` takes for them."""
    return len(digits_of(digits)) * (TONE + PAUSE) * (clock // CLOCK)


@dataclass(frozen=True, slots=True)
class KeyPress:
    """A key that was pressed and let go, after so many ``ticks`` of its clock, as far as its packets came."""

    key: str
    ticks: int


@dataclass(slots=True)
class _Down:
    """A key that is down: ``before`` are the ticks of its segments before the one that began at ``start``."""

    key: str
    start: int
    before: int = 0
    ticks: int = 0
    seen: int = 0

    @property
    def pressed(self) -> KeyPress:
        return KeyPress(self.key, self.before + self.ticks)


class EventReader:
    """Digits from the payloads of one source: each once, when its key is up, however often its packets come, whichever
    are lost. A key is up when a packet says so, when the next one is down, or after :data:`SILENCE`.

    Methods take ``now`` (ns); :attr:`deadline` is when :meth:`tick` is wanted.
    """

    def __init__(self) -> None:
        self._down: _Down | None = None
        self._told: int | None = None  # where the newest segment of a key began that was told

    @property
    def deadline(self) -> int | None:
        """When :meth:`tick` is wanted."""
        return self._down.seen + SILENCE if self._down is not None else None

    def read(self, timestamp: int, payload: bytes, now: int, *, marker: bool = False) -> tuple[KeyPress, ...]:
        """The keys that are up by this packet (unwrapped timestamp; ``marker``: an event begins with it).

        Raises :class:`InputError` for a payload that is too short.
        """
        if len(payload) < _PAYLOAD.size:
            raise InputError(f"a telephone event of {len(payload)} bytes", where="rtp")
        code, flags, ticks = _PAYLOAD.unpack_from(payload)
        if code >= len(DIGITS) or (self._told is not None and timestamp <= self._told):
            return ()
        key, up, down = DIGITS[code], (), self._down
        if down is None:
            down = _Down(key, timestamp)
        elif timestamp < down.start:
            return ()  # of a segment before: what it says is known
        elif timestamp > down.start:
            if key == down.key and not marker and timestamp - down.start in (down.ticks, LONGEST):
                down = _Down(key, timestamp, down.before + timestamp - down.start)
            else:
                up, down = (down.pressed,), _Down(key, timestamp)
        down.ticks, down.seen, self._down = max(down.ticks, ticks), now, down
        return (*up, *self.release()) if flags & 0x80 else up

    def tick(self, now: int) -> tuple[KeyPress, ...]:
        """The key whose packets have stopped coming."""
        due = self.deadline
        return self.release() if due is not None and now >= due else ()

    def release(self) -> tuple[KeyPress, ...]:
        """What is down is up, whatever follows."""
        down, self._down = self._down, None
        if down is None:
            return ()
        self._told = down.start
        return (down.pressed,)
