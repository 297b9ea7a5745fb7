"""RTP packets, and counters that wrap (RFC 3550, sections 5.1 and A.1)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from duologue.errors import InputError

VERSION = 2
HEADER = struct.Struct("!BBHII")
MOST_SOURCES = 15


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One packet. ``timestamp`` counts samples of the payload format's clock; contributing sources and header
    extensions are passed over.
    """

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False

    def encode(self) -> bytes:
        """As it goes over the wire."""
        second = self.marker << 7 | self.payload_type
        return HEADER.pack(VERSION << 6, second, self.sequence, self.timestamp, self.ssrc) + self.payload

    @classmethod
    def parse(cls, data: bytes) -> RtpPacket:
        """Raises :class:`InputError` for what is no RTP packet of version 2."""
        if len(data) < HEADER.size:
            raise _malformed(f"{len(data)} bytes are too few")
        first, second, sequence, timestamp, ssrc = HEADER.unpack_from(data)
        if first >> 6 != VERSION:
            raise _malformed(f"version {first >> 6}")
        begin = HEADER.size + 4 * (first & 15)
        if first & 0x10:
            if len(data) < begin + 4:
                raise _malformed("its header extension is cut off")
            begin += 4 + 4 * int.from_bytes(data[begin + 2 : begin + 4], "big")
        end = len(data)
        if first & 0x20:
            padding = data[-1]
            if not padding:
                raise _malformed("its padding has no length")
            end -= padding
        if end < begin:
            raise _malformed("its header is longer than the packet")
        return cls(second & 0x7F, sequence, timestamp, ssrc, data[begin:end], bool(second & 0x80))


def is_rtcp(data: bytes) -> bool:
    """Whether a packet on a port that both share is one of RTCP (RFC 5761, section 4)."""
    return len(data) > 1 and 192 <= data[1] <= 223


class Unwrapped:
    """A counter of ``bits`` bits that wraps, as a number that does not: each value is taken as the one nearest to the
    value before, or to where a clock stands that has ``passed`` so many units since then: a call that is held for
    thirteen hours comes back on the other half of a clock of 48 kHz.
    """

    def __init__(self, bits: int) -> None:
        self._span = 1 << bits
        self.newest: int | None = None

    def __call__(self, value: int, passed: int = 0) -> int:
        """The number that ``value`` stands for; remembers the largest so far."""
        number = self.peek(value, passed)
        if self.newest is None or number > self.newest:
            self.newest = number
        return number

    def peek(self, value: int, passed: int = 0) -> int:
        """The same, without remembering it. It is negative for what lies before a first value near zero."""
        if self.newest is None:
            return value
        half, near = self._span // 2, self.newest + passed
        return near + (value - near + half) % self._span - half


def _malformed(why: str) -> InputError:
    return InputError(f"no RTP packet: {why}", where="rtp")
