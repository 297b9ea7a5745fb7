"""Asterisk's AudioSocket: its frames, and what they tell. Pure.

A frame is a type (1 byte), a length (2 bytes, big endian) and so much payload. Asterisk begins with the UUID that its
dialplan gave, then sends signed 16-bit sound (little endian) as it comes, keys, at the end a hang-up, or just closes.
The type of sound tells its rate; what we send has the rate of what came last (8 kHz before anything came). Of frames
from us Asterisk knows sound and the hang-up alone, and ends the call for any other.
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID

import numpy as np

from duologue.audio.pcm import Samples, from_int16, to_int16
from duologue.clock import SECOND
from duologue.errors import PeerError
from duologue.phone.leg import HEARD_RATE, KEYS, Digit, LegEnded, LegEvent, Sound
from duologue.phone.leg_limits import ahead
from duologue.phone.media.doubling import to_ears


class Kind(IntEnum):
    """Of a frame; sound has those of :data:`RATES`."""

    HANG_UP = 0x00
    IDENTITY = 0x01
    KEY = 0x03
    ERROR = 0xFF


RATES = {
    0x10: 8_000, 0x11: 12_000, 0x12: 16_000, 0x13: 24_000, 0x14: 32_000, 0x15: 44_100, 0x16: 48_000, 0x17: 96_000,
    0x18: 192_000,
}  # fmt: skip
"""Of the types of sound (Hz)."""
PLAIN = 0x10
"""What every Asterisk knows."""
AHEAD_MS = 5_000
"""Sound may come so much faster than time passes; more is dropped."""
PAUSE_MS = 300
"""Nothing for so long: the caller's side was silent, and what comes then is not late."""
_KEPT = HEARD_RATE * 2 // 1000
"""Samples that are always under way to the rate of ears."""
_HEAD = struct.Struct(">BH")
_FAULTS = {1: "the other side hung up", 2: "a frame could not be forwarded", 4: "no memory"}


@dataclass(frozen=True, slots=True)
class Frame:
    """One of them."""

    kind: int
    payload: bytes


def write_frame(kind: int, payload: bytes = b"") -> bytes:
    """A frame as it is sent."""
    return _HEAD.pack(kind, len(payload)) + payload


def write_sound(kind: int, samples: Samples) -> bytes:
    """Sound as it is sent, of the rate that ``kind`` tells."""
    return write_frame(kind, to_int16(samples).astype("<i2").tobytes())


class FrameReader:
    """Frames out of a stream of bytes, however it is cut. It holds less than one frame (64 KiB)."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._begun = False

    @property
    def within(self) -> bool:
        """A frame has begun and is not whole."""
        return bool(self._rest)

    def feed(self, data: bytes) -> list[Frame]:
        """What is whole now. Raises :class:`PeerError` when the first frame is no UUID: then it is another protocol."""
        self._rest += data
        frames: list[Frame] = []
        while len(self._rest) >= _HEAD.size:
            kind, length = _HEAD.unpack_from(self._rest)
            if not self._begun and (kind, length) != (Kind.IDENTITY, 16):
                raise PeerError("what does not begin with a UUID is no AudioSocket", where="audiosocket")
            if len(self._rest) < _HEAD.size + length:
                break
            self._begun = True
            frames.append(Frame(kind, bytes(self._rest[_HEAD.size : _HEAD.size + length])))
            del self._rest[: _HEAD.size + length]
        return frames


class AudioSocketStream:
    """What the frames of one call tell."""

    def __init__(self) -> None:
        self.identity: UUID | None = None
        """What the dialplan gave; None before."""
        self.kind = PLAIN
        """The type of sound to send."""
        self.counts: Counter[str] = Counter()
        """Of what came: ``unknown`` types, ``odd`` sound (half a sample is dropped), ``fast``, ``keys`` that are none,
        ``twice`` a UUID, ``pauses``.
        """
        self._reader = FrameReader()
        self._began = 0
        self._place = 0
        self._came = 0
        """When the newest sound came, by our clock, from the beginning (at the rate of ears)."""
        self._ear = to_ears(RATES[PLAIN])

    def receive(self, data: bytes, now: int) -> list[LegEvent]:
        """What came at ``now`` (ns). Raises :class:`PeerError` for what is no AudioSocket."""
        told: list[LegEvent] = []
        for frame in self._reader.feed(data):
            told += self._event(frame, now)
        return told

    def closed(self) -> LegEnded:
        """The connection was closed by the other end."""
        if self._reader.within:
            return LegEnded("the connection broke within a frame", failed=True)
        return LegEnded("the caller hung up")

    def _event(self, frame: Frame, now: int) -> list[LegEvent]:
        if frame.kind in RATES:
            return self._sound(frame, now)
        match frame.kind:
            case Kind.HANG_UP:
                return [LegEnded("the caller hung up")]
            case Kind.IDENTITY:
                self.counts["twice"] += self.identity is not None
                if self.identity is None and len(frame.payload) == 16:
                    self.identity, self._began = UUID(bytes=frame.payload), now
                return []
            case Kind.KEY:
                key = frame.payload.decode("ascii", "replace").upper()
                if key not in KEYS:
                    self.counts["keys"] += 1
                    return []
                return [Digit(key)]
            case Kind.ERROR:
                code = frame.payload[0] if frame.payload else 0
                return [LegEnded(f"Asterisk reports an error: {_FAULTS.get(code, f'code {code}')}", failed=True)]
            case _:
                self.counts["unknown"] += 1
                return []

    def _sound(self, frame: Frame, now: int) -> list[LegEvent]:
        self.counts["odd"] += len(frame.payload) % 2
        samples = from_int16(np.frombuffer(frame.payload[: len(frame.payload) & ~1], "<i2").astype(np.int16))
        if not len(samples):
            return []
        if frame.kind != self.kind:
            self.kind, self._ear = frame.kind, to_ears(RATES[frame.kind])
        passed = (now - self._began) * HEARD_RATE // SECOND
        length = len(samples) * HEARD_RATE // RATES[frame.kind]
        fast = ahead(passed)
        pause, self._came = passed - self._came, passed
        if pause - length > PAUSE_MS * HEARD_RATE // 1000:
            place = passed - length + self._off(passed - pause, fast)
            if place > self._place:
                self.counts["pauses"] += 1
                self._place, self._ear = place, to_ears(RATES[frame.kind])
        if self._place + length - passed > fast + AHEAD_MS * HEARD_RATE // 1000:
            self.counts["fast"] += 1
            return []
        heard = self._ear.push(samples)
        at, self._place = self._place, self._place + len(heard)
        return [Sound(at, heard)] if len(heard) else []

    def _off(self, came: int, most: int) -> int:
        """By how much the source's clock was ahead of ours when the newest sound ``came``, or behind; ``most`` are its
        clock's own, what is beyond is a stall that was made up for, and :data:`_KEPT` are still in the filter.
        """
        ahead_by = self._place - came
        return min(ahead_by, most) if ahead_by > 0 else max(min(ahead_by + _KEPT, 0), -most)
