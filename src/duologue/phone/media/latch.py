"""From whom sound is taken: symmetric RTP, without an open door. No I/O, no clock.

A far end behind NAT sends from another port than its description says, often from another address: the one that its
signalling comes from. So sound is taken from where it was agreed upon at once, and from another port of that address,
or of the signalling's, when three packets of one source have come in a row; then from there alone. Only when nothing
has come for a while may it move, or when it was agreed that it does: then what is on its way from where it was is still
taken, up to a moment after the first packet from the new place. Whoever has the key (SRTP) is believed wherever it is.
"""

from __future__ import annotations

from collections import deque

from duologue.clock import SECOND

IN_A_ROW = 3
QUIET = 2 * SECOND
"""After so long without a packet a source may have moved."""

Address = tuple[str, int]


class Latch:
    """Of one stream. ``hosts`` are the addresses that may be the far end's, ``agreed`` is where its description is."""

    def __init__(self, agreed: Address, hosts: frozenset[str]) -> None:
        self.source: Address | None = None
        self.ignored = 0
        """Packets that came from somebody else."""
        self._agreed, self._others, self._hosts = agreed, hosts, hosts | {agreed[0]}
        self._trying: Address | None = None
        self._ssrc = self._sequence = 0
        self._kept: deque[bytes] = deque(maxlen=IN_A_ROW)
        self._last = 0
        self._before: Address | None = None  # where it was before it was agreed that it moves
        self._moved = self._arrived = 0

    def move(self, agreed: Address, now: int) -> None:
        """It will come from elsewhere: ours goes there from now on. Where it has not gone after a while it stays."""
        if agreed == self._agreed:
            return
        self._before, self._moved, self.source = self.target, now, None
        self._agreed, self._hosts = agreed, self._others | {agreed[0]}
        self._trying = None

    @property
    def target(self) -> Address:
        """Where ours goes."""
        return self.source or self._agreed

    def take(self, data: bytes, source: Address, now: int, *, proved: bool = False) -> tuple[bytes, ...]:
        """The packets that may be heard, now that this one came: none, itself, or what made its source known."""
        if source == self.source:
            self._last = now
            return (data,)
        if source == self._before != self._agreed and now - (self._arrived if self.source else self._moved) < QUIET:
            return (data,)
        if self.source is not None and now - self._last < QUIET and not proved:
            self.ignored += 1
            return ()
        if proved or (source in (self._agreed, self._before) and self.source is None):
            return self._latched(source, now, (data,))
        if source[0] not in self._hosts or len(data) < 12:
            self.ignored += 1
            return ()
        return self._tried(data, source, now)

    def _tried(self, data: bytes, source: Address, now: int) -> tuple[bytes, ...]:
        sequence, ssrc = int.from_bytes(data[2:4], "big"), int.from_bytes(data[8:12], "big")
        if (source, ssrc, sequence) != (self._trying, self._ssrc, self._sequence + 1 & 0xFFFF):
            self._kept.clear()
        self._trying, self._ssrc, self._sequence = source, ssrc, sequence
        self._kept.append(data)
        if len(self._kept) < IN_A_ROW:
            return ()
        return self._latched(source, now, tuple(self._kept))

    def _latched(self, source: Address, now: int, packets: tuple[bytes, ...]) -> tuple[bytes, ...]:
        self.source, self._last, self._trying = source, now, None
        if self._before is not None and source != self._before:
            self._arrived = self._arrived if self._arrived > self._moved else now
        self._kept.clear()
        return packets
