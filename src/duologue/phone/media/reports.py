"""The RTCP of one call: when a report of ours goes out, what theirs tell (RFC 3550, section 6). No I/O, no clock."""

from __future__ import annotations

import random
from collections import deque

from duologue.clock import SECOND
from duologue.phone.media.reception import ReceptionReport
from duologue.phone.media.rtcp import ReportBlock, Rtcp, SenderInfo, middle, ntp, round_trip_ms

INTERVAL = 5 * SECOND
"""Between two reports on the average: half of that to one and a half, by chance (section 6.2)."""
KEPT = 8
"""Reports of ours that may still be answered: of some 40 seconds."""


class Reports:
    """Times are monotonic ns, ``wall`` is Unix ns."""

    def __init__(self, ssrc: int, name: str, chance: random.Random, now: int) -> None:
        self.deadline = now + INTERVAL // 2
        self.round_trip_ms = 0.0
        """0: not measured."""
        self.loss_there = 0.0
        """Of what we sent lately (0…1), as they say."""
        self.ssrc = ssrc
        """Ours."""
        self._name, self._chance = name, chance
        self._heard: tuple[int, int, int] | None = None
        """The newest sender report: of which source, the middle of its stamp, and when it came."""
        self._stamped: deque[tuple[int, int]] = deque(maxlen=KEPT)
        """Of ours: the middle of the stamp, and when it was made. The wall's clock may be set in between, and what
        somebody else stamped measures nothing.
        """

    def make(
        self, now: int, wall: int, sent: tuple[int, int, int] | None, heard: ReceptionReport | None,
        *, goodbye: bool = False,
    ) -> bytes:  # fmt: skip
        """A report of what was ``sent`` (packets, octets, RTP timestamp of now; None: nothing) and ``heard``."""
        self.deadline = now + round(INTERVAL * self._chance.uniform(0.5, 1.5))
        sender = SenderInfo(ntp(wall), sent[2], sent[0], sent[1]) if sent is not None and sent[0] else None
        if sender is not None:
            self._stamped.append((middle(sender.stamp), now))
        blocks: tuple[ReportBlock, ...] = ()
        if heard is not None:
            last, delay = 0, 0
            if self._heard is not None and self._heard[0] == heard.ssrc:  # section 6.4.1: of the source reported on
                last, delay = self._heard[1], (now - self._heard[2]) * 65_536 // SECOND
            blocks = (ReportBlock(heard, last, min(delay, 0xFFFFFFFF)),)
        return Rtcp(self.ssrc, sender, blocks, self._name, goodbye).encode()

    def receive(self, packet: Rtcp, now: int) -> None:
        """One of theirs came."""
        if packet.sender is not None:
            self._heard = packet.ssrc, middle(packet.sender.stamp), now
        for block in packet.blocks:
            if block.report.ssrc == self.ssrc:
                self.loss_there = block.report.fraction / 256
                made = next((at for stamp, at in self._stamped if stamp == block.last_report), None)
                measured = None if made is None else round_trip_ms(block, now - made)
                if measured is not None:
                    self.round_trip_ms = measured
