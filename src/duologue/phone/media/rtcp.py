"""RTCP: what we send and understand of it (RFC 3550, section 6): reports, the source's name, good-bye."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from duologue.clock import SECOND
from duologue.errors import InputError
from duologue.phone.media.reception import ReceptionReport

SENDER, RECEIVER, DESCRIPTION, GOODBYE = 200, 201, 202, 203
NTP_UNIX = 2_208_988_800
"""Seconds from 1900 to 1970."""
_BLOCK = struct.Struct("!IIIIII")


@dataclass(frozen=True, slots=True)
class SenderInfo:
    """What a sender says of itself: ``stamp`` (of 64 bits, see :func:`ntp`) is when RTP ``timestamp`` was, ``packets``
    and ``octets`` (of payload) sent so far.
    """

    stamp: int
    timestamp: int
    packets: int
    octets: int


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """What a receiver says of a source. ``last_report`` is the middle of the NTP time of the last sender report that it
    got of it (0: none), ``delay`` how long ago that was (1/65,536 s).
    """

    report: ReceptionReport
    last_report: int = 0
    delay: int = 0


@dataclass(frozen=True, slots=True)
class Rtcp:
    """A compound packet from source ``ssrc``."""

    ssrc: int
    sender: SenderInfo | None = None
    blocks: tuple[ReportBlock, ...] = ()
    name: str = ""
    goodbye: bool = False

    def encode(self) -> bytes:
        """A report first, the name after it (section 6.1)."""
        body = struct.pack("!I", self.ssrc)
        if self.sender is not None:
            info = self.sender
            body += struct.pack("!QIII", info.stamp, info.timestamp, info.packets & _WORD, info.octets & _WORD)
        for block in self.blocks:
            report = block.report
            lost = report.fraction << 24 | report.lost & 0xFFFFFF
            body += _BLOCK.pack(
                report.ssrc, lost, report.highest, report.jitter & _WORD, block.last_report, block.delay
            )
        made = _packet(SENDER if self.sender is not None else RECEIVER, len(self.blocks), body)
        if self.name:
            item = bytes((1, len(self.name.encode()))) + self.name.encode()
            chunk = struct.pack("!I", self.ssrc) + item + b"\0"
            made += _packet(DESCRIPTION, 1, chunk + bytes(-len(chunk) % 4))
        if self.goodbye:
            made += _packet(GOODBYE, 1, struct.pack("!I", self.ssrc))
        return made

    @classmethod
    def parse(cls, data: bytes) -> Rtcp:
        """Raises :class:`InputError` for what is no compound packet; unknown kinds of packet are passed over."""
        ssrc, sender, blocks, name, goodbye = 0, None, list[ReportBlock](), "", False
        at, first = 0, True
        while at < len(data):
            kind, count, body, at = _next(data, at)
            if first and kind not in (SENDER, RECEIVER):
                raise _malformed("it does not begin with a report")
            if kind in (SENDER, RECEIVER):
                ssrc, info, found = _report(kind, count, body)
                sender = info or sender
                blocks += found
            elif kind == DESCRIPTION and count:
                name = _name(body) or name
            elif kind == GOODBYE:
                goodbye = True
            first = False
        if first:
            raise _malformed("it is empty")
        return cls(ssrc, sender, tuple(blocks), name, goodbye)


def ntp(wall: int) -> int:
    """Unix ns as an NTP timestamp of 64 bits (section 4)."""
    seconds, rest = divmod(wall, SECOND)
    return (seconds + NTP_UNIX & _WORD) << 32 | (rest << 32) // SECOND


def middle(stamp: int) -> int:
    """The middle 32 bits of an NTP timestamp."""
    return stamp >> 16 & _WORD


def round_trip_ms(block: ReportBlock, since: int) -> float | None:
    """The round trip that a report block tells of, which came ``since`` (ns) after the report that it answers; None if
    it says that it waited for longer than that.
    """
    units = since * 65_536 // SECOND - block.delay
    return units * 1000 / 65_536 if units >= 0 else None


_WORD = 0xFFFFFFFF


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


def _next(data: bytes, at: int) -> tuple[int, int, bytes, int]:
    if len(data) - at < 4:
        raise _malformed("it is cut off")
    first, kind, words = struct.unpack_from("!BBH", data, at)
    end = at + 4 + 4 * words
    if first >> 6 != 2:
        raise _malformed(f"version {first >> 6}")
    if end > len(data):
        raise _malformed("it is cut off")
    stop = end
    if first & 0x20:
        padding = data[end - 1] if words else 0
        if not padding or padding > 4 * words:
            raise _malformed("its padding has no length")
        stop = end - padding
    return kind, first & 31, data[at + 4 : stop], end


def _report(kind: int, count: int, body: bytes) -> tuple[int, SenderInfo | None, list[ReportBlock]]:
    head = 24 if kind == SENDER else 4
    if len(body) < head + _BLOCK.size * count:
        raise _malformed("a report is cut off")
    (ssrc,) = struct.unpack_from("!I", body)
    info = None
    if kind == SENDER:
        stamp, timestamp, packets, octets = struct.unpack_from("!QIII", body, 4)
        info = SenderInfo(stamp, timestamp, packets, octets)
    blocks: list[ReportBlock] = []
    for number in range(count):
        source, loss, highest, jitter, last, delay = _BLOCK.unpack_from(body, head + _BLOCK.size * number)
        lost = (loss & 0xFFFFFF) - (1 << 24 if loss & 0x800000 else 0)
        blocks.append(ReportBlock(ReceptionReport(source, loss >> 24, lost, highest, jitter), last, delay))
    return ssrc, info, blocks


def _name(body: bytes) -> str:
    """The CNAME of the first chunk."""
    at = 4
    while at + 1 < len(body) and body[at]:
        kind, length = body[at], body[at + 1]
        if kind == 1:
            return body[at + 2 : at + 2 + length].decode("utf-8", "replace")
        at += 2 + length
    return ""


def _malformed(why: str) -> InputError:
    return InputError(f"no RTCP packet: {why}", where="rtcp")
