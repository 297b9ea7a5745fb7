"""What a receiver knows of its source: loss and jitter (RFC 3550, sections 6.4.1, A.3 and A.8). No clock, no I/O."""

from __future__ import annotations

from dataclasses import dataclass

from duologue.clock import SECOND


@dataclass(frozen=True, slots=True)
class ReceptionReport:
    """A report block on one source. ``fraction`` of 256 were lost since the report before; ``lost`` in all;
    ``highest`` is the extended sequence number; ``jitter`` is in the format's clock units.
    """

    ssrc: int
    fraction: int
    lost: int
    highest: int
    jitter: int


class Reception:
    """Counts what arrives of one source, whose format's clock runs at ``rate`` Hz."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self.received = 0
        self._first = self._highest = 0
        self._transit: float | None = None
        self._jitter = 0.0
        self._expected_before = self._received_before = 0

    def arrived(self, sequence: int, timestamp: int, at: int) -> None:
        """Count a packet: its unwrapped sequence number and timestamp, and when it came (monotonic ns)."""
        if not self.received:
            self._first = self._highest = sequence
        self.received += 1
        self._highest = max(self._highest, sequence)
        self._first = min(self._first, sequence)
        transit = at * self._rate / SECOND - timestamp
        if self._transit is not None:
            self._jitter += (abs(transit - self._transit) - self._jitter) / 16
        self._transit = transit

    @property
    def expected(self) -> int:
        """How many were sent, as the sequence numbers tell."""
        return self._highest - self._first + 1 if self.received else 0

    @property
    def lost(self) -> int:
        """How many of them did not come; negative where duplicates came."""
        return self.expected - self.received

    @property
    def jitter_ms(self) -> float:
        """Interarrival jitter."""
        return self._jitter * 1000 / self._rate

    def report(self, ssrc: int) -> ReceptionReport:
        """The next report block, on source ``ssrc``; its fraction is of what came since the last one."""
        expected, received = self.expected - self._expected_before, self.received - self._received_before
        self._expected_before, self._received_before = self.expected, self.received
        missing = expected - received
        fraction = min(255, missing * 256 // expected) if expected > 0 and missing > 0 else 0
        lost = max(-0x800000, min(0x7FFFFF, self.lost))
        return ReceptionReport(ssrc, fraction, lost, self._highest & 0xFFFFFFFF, round(self._jitter))
