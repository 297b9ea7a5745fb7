"""Packets in order, and for each stretch of time either what came or that it was lost. No clock, no I/O.

A person who listens needs sound at a steady pace, so the usual buffer holds every packet for as long as the worst one
takes. Ears of ours need order, and to know what is missing; the sound carries its own time. So a packet that comes in
its turn goes through at once, whatever the jitter, and only a hole is waited for: as long as late packets of this call
have lately been late, and a bit.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from duologue.clock import MILLISECOND, SECOND
from duologue.phone.media.rtp import RtpPacket, Unwrapped

LEAST_MS, MOST_MS = 40, 200
"""How long a hole is waited for."""
SLACK = 1.25
"""The patience for a hole, in how late packets were."""
DECAY = 0.998
"""What is left of the patience after each packet that came in its turn: half in seven seconds."""
MAX_DROPOUT = 3000
"""A larger jump of the sequence numbers is a new beginning (RFC 3550, A.1), once a second packet confirms it."""
MAX_MISORDER = 100
"""So far behind what is expected a packet is late; farther it is a new beginning as well: one that counts lower."""
MAX_HELD = 100
MAX_JUMP = 2
"""Seconds by which a source's clock may run ahead of ours between two sounds before it is taken for another clock."""
MAX_HOLE_MS = 1000
"""A longer hole is told as one of this length: the source's clock went on without us."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A payload, whose first sample is number ``at`` on the source's clock (unwrapped)."""

    at: int
    packet: RtpPacket


@dataclass(frozen=True, slots=True)
class Lost:
    """``count`` samples from number ``at`` on did not come in time."""

    at: int
    count: int


@dataclass(frozen=True, slots=True)
class Paused:
    """The source was silent, and sent nothing, for ``count`` samples from number ``at`` on."""

    at: int
    count: int


@dataclass(frozen=True, slots=True)
class Restarted:
    """What follows is from a new source, or on a clock that jumped: its samples are counted anew."""


Piece = Arrived | Lost | Paused | Restarted


@dataclass(frozen=True, slots=True)
class _Held:
    packet: RtpPacket
    at: int
    samples: int
    came: int


@dataclass(frozen=True, slots=True)
class _Stray:
    """A packet of nobody who is known yet."""

    packet: RtpPacket
    samples: int
    came: int

    def precedes(self, packet: RtpPacket) -> bool:
        return (self.packet.ssrc, self.packet.sequence + 1 & 0xFFFF) == (packet.ssrc, packet.sequence)


class JitterBuffer:
    """Of one call, whose format's clock runs at ``rate`` Hz. :meth:`put` and :meth:`tick` give what is settled."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._ssrc: int | None = None
        self._sequence, self._clock = Unwrapped(16), Unwrapped(32)
        self._next = self._at = self._sounded = 0
        """The sequence number that is expected; the sample after the last settled one, and when that came (ns)."""
        self._held: dict[int, _Held] = {}
        self._missed: OrderedDict[int, int] = OrderedDict()
        """Numbers that were given up, and when it was noticed that they were missing."""
        self._hole = False
        """Numbers were given up, and it is not known yet for how many samples they stood."""
        self._stray: _Stray | None = None
        self._late_ms = 0.0
        self._last_came = 0
        self.late = self.duplicates = self.lost = self.restarts = 0
        """Packets that came after they were given up, came twice, never came; times that the source began anew."""

    @property
    def patience_ms(self) -> float:
        """How long a hole is waited for now."""
        return min(MOST_MS, max(LEAST_MS, self._late_ms * SLACK))

    @property
    def deadline(self) -> int | None:
        """When :meth:`tick` is to be called (monotonic ns), None while nothing is missing."""
        return self._noticed + round(self.patience_ms * MILLISECOND) if self._held else None

    def put(self, packet: RtpPacket, samples: int, at: int) -> tuple[Piece, ...]:
        """A packet came at ``at`` (monotonic ns) whose payload stands for ``samples`` samples: none, if it is no
        sound.
        """
        pieces: list[Piece] = []
        if self._ssrc is None:
            self._begin(packet, at)
        elif not self._continues(packet):
            before, self._stray = self._stray, _Stray(packet, samples, at)
            if before is None or not before.precedes(packet):  # one changes nothing; a second one in its sequence does
                return ()
            pieces += [*self._give_up_all(), Restarted()]
            self.restarts += 1
            self._begin(before.packet, before.came)
            pieces += self.put(before.packet, before.samples, before.came)
        number = self._sequence(packet.sequence)
        if number < self._next:
            self._too_late(number, at)
        elif number in self._held:
            self.duplicates += 1
        else:
            if self._held and number < max(self._held):
                self._late_ms = max(self._late_ms, (at - self._noticed) / MILLISECOND)
            stamp = self._clock(packet.timestamp, self._passed(at))
            self._held[number] = _Held(packet, stamp, samples, at)
            pieces += self._ready()
            if len(self._held) > MAX_HELD:
                pieces += self._give_up()
        self._last_came = at
        return tuple(pieces)

    def tick(self, now: int) -> tuple[Piece, ...]:
        """What is settled because its time is over."""
        pieces: list[Piece] = []
        while (deadline := self.deadline) is not None and now >= deadline:
            pieces += self._give_up()
        return tuple(pieces)

    def finish(self) -> tuple[Piece, ...]:
        """What is settled because nothing more will come."""
        return tuple(self._give_up_all())

    # How it is done

    @property
    def _noticed(self) -> int:
        """When the first packet after the hole came."""
        return min(held.came for held in self._held.values())

    def _begin(self, packet: RtpPacket, at: int) -> None:
        self._ssrc, self._sounded = packet.ssrc, at
        self._sequence, self._clock = Unwrapped(16), Unwrapped(32)
        self._next, self._at = self._sequence(packet.sequence), self._clock(packet.timestamp)
        self._held.clear()
        self._missed.clear()
        self._hole, self._stray = False, None

    def _continues(self, packet: RtpPacket) -> bool:
        """Whether it belongs to what is heard."""
        ahead = self._sequence.peek(packet.sequence) - self._next
        return packet.ssrc == self._ssrc and -MAX_MISORDER <= ahead <= MAX_DROPOUT

    def _too_late(self, number: int, at: int) -> None:
        noticed = self._missed.pop(number, None)
        if noticed is None:
            self.duplicates += 1
            return
        self.late += 1
        self.lost -= 1
        self._late_ms = max(self._late_ms, (at - noticed) / MILLISECOND)

    def _ready(self) -> Iterator[Piece]:
        """Whatever follows without a hole."""
        while (held := self._held.pop(self._next, None)) is not None:
            self._next += 1
            self._late_ms *= DECAY
            if held.samples:
                yield from self._gap(held)
                self._at, self._sounded = held.at + held.samples, held.came
            yield Arrived(held.at, held.packet)

    def _passed(self, at: int) -> int:
        """Since the newest packet, by the source's clock."""
        return (at - self._last_came) * self._rate // SECOND if self._last_came else 0

    def _gap(self, held: _Held) -> Iterator[Piece]:
        """What lies between the last sample and this packet."""
        gap = held.at - self._at
        since = (held.came - self._sounded) * self._rate // SECOND
        if gap < -self._rate or gap > since + MAX_JUMP * self._rate:  # a clock that leaps, with the numbers in order
            self.restarts += 1
            yield Restarted()
        elif gap > 0:
            missing = min(gap, MAX_HOLE_MS * self._rate // 1000) if self._hole else 0
            if missing:
                yield Lost(self._at, missing)
            if gap > missing:
                yield Paused(self._at + missing, gap - missing)
        self._hole = False

    def _give_up(self) -> Iterator[Piece]:
        """What is missing first will not be waited for any longer."""
        noticed, following = self._noticed, min(self._held)
        for number in range(max(self._next, following - MAX_HELD), following):
            self._missed[number] = noticed
        while len(self._missed) > MAX_HELD:
            self._missed.popitem(last=False)
        self.lost += following - self._next
        self._next, self._hole = following, True
        yield from self._ready()

    def _give_up_all(self) -> Iterator[Piece]:
        while self._held:
            yield from self._give_up()
