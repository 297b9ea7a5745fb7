"""The sound of one call, both ways, by what its two ends agreed upon. No I/O, no clock.

A datagram passes SRTP, the :class:`Latch` and :class:`IncomingCall` (jitter buffer, concealment, 16 kHz) to become what
was heard and pressed; messages pass :class:`Outgoing` (playout, packets, digits) and SRTP to become datagrams;
:class:`Reports` (RTCP) measure the way both ways.
"""

from __future__ import annotations

import random
from typing import Protocol

from duologue.audio.pcm import Samples
from duologue.clock import MILLISECOND, SECOND
from duologue.errors import InputError
from duologue.phone.leg import Held, LegEvent, Quality
from duologue.phone.media.incoming import IncomingCall
from duologue.phone.media.latch import Address, Latch
from duologue.phone.media.negotiation import Agreed
from duologue.phone.media.outgoing import Outgoing
from duologue.phone.media.reports import Reports
from duologue.phone.media.rtcp import Rtcp
from duologue.phone.media.rtp import RtpPacket, is_rtcp
from duologue.phone.media.srtp import Protection

HELD_UP = SECOND
"""Who looks so much later than it wanted to was not run meanwhile: what has come is still to be read (ns)."""
_NOWHERE = ("0.0.0.0", "::")


class LegOwner(Protocol):
    """What a leg needs of whoever has its sockets."""

    def send(self, data: bytes, address: Address, due: int, *, control: bool) -> None:
        """Send a packet that was due at ``due`` (ns); ``control``: from the port of reports."""
        ...

    def heard(self, at: int, samples: Samples) -> None:
        """Sound came: 16 kHz mono, from sample ``at`` of its source's clock on."""
        ...

    def tell(self, event: LegEvent) -> None:
        """Something happened."""
        ...

    def seems_gone(self) -> None:
        """Nothing has come for half of that: ask for a sign of life, of which :meth:`Leg.present` is told."""
        ...

    def fell_silent(self) -> None:
        """Nothing has come for so long that nobody is there any more."""
        ...


class Leg:
    """See the module. ``hosts`` are further addresses that the far end may send from; ``silent`` is how long nothing
    may come (ns). Methods take ``now`` (ns) and, where stamps are made, ``wall`` (Unix ns).
    """

    def __init__(
        self, agreed: Agreed, hosts: frozenset[str], owner: LegOwner, chance: random.Random, name: str, silent: int,
        now: int,
    ) -> None:  # fmt: skip
        self.strange = 0
        """Packets that cannot be read, or are not authentic."""
        self._agreed, self._hosts, self._owner = agreed, hosts, owner
        self._silent, self._chance = silent, chance
        ssrc = chance.getrandbits(32)
        form = agreed.format
        self.outgoing = Outgoing(
            form, agreed.send_type, agreed.send_events, ssrc, chance.getrandbits(15), chance.getrandbits(32),
            self._send, owner.tell, agreed.ptime, agreed.events_clock,
        )  # fmt: skip
        self.incoming = IncomingCall(
            form, agreed.receive_type, agreed.receive_events, self._heard, owner.tell, ssrc,
            events_clock=agreed.events_clock, others=agreed.others,
        )  # fmt: skip
        self._reports = Reports(ssrc, name, chance, now)
        self._latch = Latch((agreed.host, agreed.port), hosts)
        self._protection = _protection(agreed)
        self._sign = now
        """When the newest sign of life came (ns)."""
        self._asked = False
        """For another one, since then."""
        self._held = False
        self._running = self._gone = False
        self._early = False
        """Nobody has answered the call yet."""
        self._waits = False
        """For a sign that the caller listens."""

    @property
    def ignored(self) -> int:
        """Packets that somebody else sent."""
        return self._latch.ignored

    @property
    def deadline(self) -> int | None:
        """When :meth:`tick` is wanted."""
        if not self._running:
            return self.incoming.deadline
        due = self._reports.deadline
        if self._expects:
            due = min(due, self._sign + (self._silent if self._asked else self._silent // 2))
        for other in (self.outgoing.deadline, self.incoming.deadline):
            if other is not None and other < due:
                due = other
        return due

    @property
    def _expects(self) -> bool:
        """Something must come, sooner or later, if only an answer: who says nothing need not send sound (RFC 3389, or
        Opus that stops), nor reports. Who only listens (RFC 3264, section 5.1) is not asked, nor is a gateway whose
        telephone rings and which may leave it at having promised some.
        """
        return not (self._held or self._gone or self._early) and self._agreed.direction.receives

    def start(self, now: int, *, early: bool = False) -> None:
        """The call stands (or has ``early`` sound, until :meth:`stands`): what waits leaves, and reports begin."""
        self._running, self._early = True, early
        self.present(now)
        self._hold(now)
        self.outgoing.start(now)

    def stands(self, now: int, *, listens: bool = True) -> None:
        """It was answered. By us: whether who calls ``listens`` already is not known before they have our answer, which
        may take another way than the sound, and a longer one. What is said waits for a sign of that.
        """
        self._early = False
        self.present(now)
        if not listens:
            self._waits = True
            self.outgoing.hold("answer", now)

    def listens(self, now: int) -> None:
        """They do: their acknowledgement came, or sound of theirs."""
        if self._waits:
            self._waits = False
            self.outgoing.release("answer", now)

    def change(self, agreed: Agreed, now: int) -> None:
        """Something else was agreed upon: another format, address or key, hold or resume. What is being said goes on
        with its next packet, and what is under way to us as it was agreed before is heard as well.
        """
        anew = agreed.ours != self._agreed.ours  # with a new key as another source: see Protection
        self._agreed = agreed
        if agreed.host not in _NOWHERE:
            self._latch.move((agreed.host, agreed.port), now)
        if self._protection is None or agreed.ours is None or agreed.theirs is None:
            self._protection = _protection(agreed)
        else:
            self._protection.change(agreed.ours, agreed.theirs)
        form, ssrc = agreed.format, self._chance.getrandbits(32)
        self.outgoing.change(
            form, agreed.send_type, agreed.send_events, ssrc, agreed.ptime, now, agreed.events_clock, anew=anew
        )  # fmt: skip
        self._reports.ssrc = self.outgoing.ssrc
        self.incoming.change(
            form, agreed.receive_type, agreed.receive_events, events_clock=agreed.events_clock, others=agreed.others
        )  # fmt: skip
        self.present(now)
        self._hold(now)

    def present(self, now: int) -> None:
        """The far end is there."""
        self._sign, self._asked = now, False

    def receive(self, data: bytes, source: Address, now: int, *, control: bool = False) -> None:
        """A datagram came; ``control``: to the port of reports."""
        control = control or is_rtcp(data)
        if self._protection is not None:
            try:
                data = self._protection.unprotect(data, control=control)
            except InputError:
                self.strange += 1
                return
        if control:
            self._report(data, source, now)
            return
        for packet in self._latch.take(data, source, now, proved=self._protection is not None):
            try:
                read = RtpPacket.parse(packet)
            except InputError:
                self.strange += 1
                continue
            self.present(now)
            self.listens(now)
            self.incoming.receive(read, now)

    def tick(self, now: int, wall: int) -> None:
        """What is due."""
        self.outgoing.tick(now)
        self.incoming.tick(now)
        if not self._running:
            return
        if now >= self._reports.deadline:
            self._make_report(now, wall)
        if self._expects:
            self._look_after(now)

    def _look_after(self, now: int) -> None:
        """Whether the far end is still there: who has not been heard for half of the time is asked, and has the other
        half to answer.
        """
        wait = self._silent if self._asked else self._silent // 2
        late = now - self._sign - wait
        if late >= HELD_UP:
            self._sign = now - wait + HELD_UP
        elif late >= 0 and not self._asked:
            self._asked = True
            self._owner.seems_gone()
        elif late >= 0:
            self._gone = True
            self._owner.fell_silent()

    def end(self, now: int, wall: int) -> None:
        """Say good-bye by RTCP. The last word, once: what is still said or heard is lost."""
        try:
            if self._running:
                self._running = False
                self._make_report(now, wall, goodbye=True)
        finally:
            self.outgoing.end()
            self.incoming.end()

    def _hold(self, now: int) -> None:
        held = not self._agreed.direction.sends or self._agreed.host in _NOWHERE
        if held != self._held:
            self._held = held
            (self.outgoing.hold if held else self.outgoing.release)("peer", now)
            self._owner.tell(Held(held))

    def _heard(self, at: int, samples: Samples) -> None:
        """Who holds has music played to us, or nobody knows what: it is nothing that the caller says."""
        if not self._held:
            self._owner.heard(at, samples)

    def _send(self, packet: RtpPacket, due: int) -> None:
        data = packet.encode()
        if self._protection is not None:
            data = self._protection.protect(data, control=False)
        self._owner.send(data, self._latch.target, due, control=False)

    def _report(self, data: bytes, source: Address, now: int) -> None:
        believed = self._protection is not None or source[0] in (*self._hosts, self._latch.target[0])
        try:
            packet = Rtcp.parse(data) if believed else None
        except InputError:
            packet = None
        if packet is None:
            self.strange += 1
            return
        self.present(now)
        self._reports.receive(packet, now)
        self.outgoing.way = round(self._reports.round_trip_ms * MILLISECOND / 2)

    def _make_report(self, now: int, wall: int, *, goodbye: bool = False) -> None:
        outgoing, heard = self.outgoing, self.incoming.report
        sent = outgoing.packets, outgoing.octets, outgoing.timestamp(now)
        data = self._reports.make(now, wall, sent, heard, goodbye=goodbye)
        if self._protection is not None:
            data = self._protection.protect(data, control=True)
        host, port = self._latch.target
        if not self._agreed.rtcp_mux:
            agreed = (self._agreed.host, self._agreed.port) == (host, port)
            port = self._agreed.rtcp_port if agreed else port + 1
        if 0 < port < 1 << 16 and self._agreed.host not in _NOWHERE:  # RFC 3264, section 8.4: not even reports
            self._owner.send(data, (host, port), now, control=not self._agreed.rtcp_mux)
        loss = heard.fraction / 256 if heard is not None else 0.0
        reports = self._reports
        self._owner.tell(Quality(loss, self.incoming.jitter_ms, reports.round_trip_ms, reports.loss_there))


def _protection(agreed: Agreed) -> Protection | None:
    if agreed.ours is None or agreed.theirs is None:
        return None
    return Protection(agreed.ours, agreed.theirs)
