"""A call's sound between two legs of ours: encryption, reports, hold, silence, and who is not listened to."""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
import pytest

from duologue.audio.far_playout import MessageKind
from duologue.audio.pcm import RATE, Samples
from duologue.clock import MILLISECOND, SECOND
from duologue.phone.leg import Held, LegEvent, Played, Quality
from duologue.phone.line.legs import Leg
from duologue.phone.media.latch import Address
from duologue.phone.media.negotiation import Agreed, Local, accept, answer, offer
from duologue.phone.media.rtp import RtpPacket
from duologue.phone.media.sdp import Direction

E = TypeVar("E")
BEGIN = 100 * SECOND
WALL = 1_700_000_000 * SECOND
ONE, OTHER = ("192.0.2.1", 4000), ("192.0.2.2", 6000)


def agreed(*, secure: bool = False, mux: bool = True) -> tuple[Agreed, Agreed]:
    """As both ends have it: who offered, who answered."""
    offered = offer(Local(*ONE, secure=secure, rtcp_mux=mux))
    answered, theirs = answer(offered, Local(*OTHER, secure=secure, rtcp_mux=mux))
    return accept(offered, answered), theirs


@dataclass
class End:
    """An owner of a leg on a wire of ``way`` ns."""

    wire: Wire
    address: Address
    told: list[LegEvent] = field(default_factory=list[LegEvent])
    blocks: list[Samples] = field(default_factory=list[Samples])
    sent: list[bytes] = field(default_factory=list[bytes])
    asked: int = 0
    silent: bool = False

    def send(self, data: bytes, address: Address, due: int, *, control: bool) -> None:
        self.sent.append(data)
        host, port = self.address
        self.wire.post(data, (host, port + control), address)

    def heard(self, at: int, samples: Samples) -> None:
        self.blocks.append(samples)

    def tell(self, event: LegEvent) -> None:
        self.told.append(event)

    def seems_gone(self) -> None:
        self.asked += 1

    def fell_silent(self) -> None:
        self.silent = True

    def events(self, kind: type[E]) -> list[E]:
        return [event for event in self.told if isinstance(event, kind)]


class Wire:
    """Two legs, and ``way`` ns between them, on virtual time."""

    def __init__(self, *, secure: bool = False, mux: bool = True, way: int = 40 * MILLISECOND) -> None:
        self.now, self.wall, self.way = BEGIN, WALL, way
        self._posted: list[tuple[int, int, bytes, Address, Address]] = []
        first, second = agreed(secure=secure, mux=mux)
        self.one, self.other = End(self, ONE), End(self, OTHER)
        self.legs = {
            ONE: Leg(first, frozenset(), self.one, random.Random(1), "one", 30 * SECOND, BEGIN),
            OTHER: Leg(second, frozenset(), self.other, random.Random(2), "other", 30 * SECOND, BEGIN),
        }
        for leg in self.legs.values():
            leg.start(self.now)

    def post(self, data: bytes, source: Address, target: Address) -> None:
        heapq.heappush(self._posted, (self.now + self.way, len(self._posted), data, source, target))

    def until(self, when: int) -> None:
        while True:
            times = [self._posted[0][0]] if self._posted else []
            times += [due for leg in self.legs.values() if (due := leg.deadline) is not None]
            first = min(times, default=when + 1)
            if first > when:
                break
            self.now = max(self.now, first)
            if self._posted and self._posted[0][0] <= self.now:
                _, _, data, source, target = heapq.heappop(self._posted)
                for address, leg in self.legs.items():
                    if target in (address, (address[0], address[1] + 1)):
                        leg.receive(data, source, self.now, control=target != address)
            for leg in self.legs.values():
                leg.tick(self.now, self.wall + self.now)
        self.now = when

    def say(self, ms: int) -> None:
        tone = (0.4 * np.sin(np.arange(RATE * ms // 1000) * 0.04)).astype(np.float32)
        self.legs[ONE].outgoing.say(MessageKind.PLAY, f"u{self.now}", 0, tone, 0, self.now, more=False)


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("mux", [False, True])
def test_what_one_says_the_other_hears(secure: bool, mux: bool) -> None:
    wire = Wire(secure=secure, mux=mux)
    wire.until(BEGIN + SECOND)
    wire.say(1000)
    wire.until(BEGIN + 4 * SECOND)
    heard = np.concatenate(wire.other.blocks)
    loud = heard[np.abs(heard) > 0.05]
    assert 12_000 < len(loud) < 16_500 and not wire.legs[OTHER].strange
    if secure:
        plain = [RtpPacket.parse(data) for data in wire.one.sent]
        assert all(len(packet.payload) > 12 for packet in plain), "each is signed"


def test_the_round_trip_is_measured_and_positions_are_what_was_heard() -> None:
    wire = Wire(way=60 * MILLISECOND)
    for second in range(20):
        wire.say(900)
        wire.until(BEGIN + (second + 1) * SECOND)
    measured = wire.one.events(Quality)[-1]
    assert 115 < measured.round_trip_ms < 125 and measured.loss_there == 0
    last = wire.one.events(Played)[-1]
    assert last.at is not None
    wire.say(100)
    begun = wire.now
    wire.until(begun + 2 * SECOND)
    end = wire.one.events(Played)[-1]
    assert end.samples == 4800 and end.at is not None
    assert abs(end.at - begun - 160 * MILLISECOND) < 5 * MILLISECOND


@pytest.mark.parametrize("seconds", [40, -40, 90_000])
def test_a_clock_of_the_wall_that_is_set_measures_nothing(seconds: int) -> None:
    """By NTP, or by hand: what was heard is told as it was before."""
    wire = Wire(way=60 * MILLISECOND)
    for _ in range(15):
        wire.say(900)
        wire.until(wire.now + SECOND)
    wire.wall += seconds * SECOND
    for _ in range(15):
        wire.say(900)
        wire.until(wire.now + SECOND)
    assert all(event.round_trip_ms == 0 or 115 < event.round_trip_ms < 125 for event in wire.one.events(Quality))
    assert [event.samples for event in wire.one.events(Played)][-1] == RATE * 900 // 1000


def test_packets_of_a_stranger_are_ignored() -> None:
    wire = Wire()
    wire.say(500)
    wire.until(BEGIN + SECOND)
    before = len(wire.other.blocks)
    for number in range(50):
        forged = RtpPacket(96, 9000 + number, number * 960, 666, b"\xfc\xff\xfe")
        wire.legs[OTHER].receive(forged.encode(), ("203.0.113.9", 4000), wire.now)
    assert len(wire.other.blocks) == before and wire.legs[OTHER].ignored == 50


def test_without_the_key_nothing_is_heard_even_from_the_right_place() -> None:
    wire = Wire(secure=True)
    wire.until(BEGIN + SECOND)
    before = len(wire.other.blocks)
    wire.legs[OTHER].receive(RtpPacket(96, 1, 1, 666, b"\xfc\xff\xfe" * 9).encode(), ONE, wire.now)
    replayed = wire.one.sent[0]
    wire.legs[OTHER].receive(replayed, ONE, wire.now)
    assert len(wire.other.blocks) == before and wire.legs[OTHER].strange == 2


def test_a_caller_who_is_gone_without_a_word_is_noticed_once() -> None:
    wire = Wire()
    wire.until(BEGIN + 29 * SECOND)
    del wire.legs[OTHER]
    wire.until(BEGIN + 55 * SECOND)
    assert not wire.one.silent and wire.one.asked == 1, "its reports had come until then"
    wire.until(BEGIN + 70 * SECOND)
    assert wire.one.silent and wire.one.asked == 1


def test_who_answers_when_asked_may_be_silent_for_as_long_as_it_likes() -> None:
    """A telephone that leaves out silence (RFC 3389, or Opus that stops), and sends no reports either."""
    wire = Wire()
    del wire.legs[OTHER]
    for asked in range(1, 7):
        wire.until(BEGIN + asked * 16 * SECOND)
        assert wire.one.asked == asked
        wire.legs[ONE].present(wire.now)
    assert not wire.one.silent
    wire.until(wire.now + 31 * SECOND)
    assert wire.one.silent and wire.one.asked == 7


def test_who_only_listens_is_not_taken_for_gone() -> None:  # RFC 3264, section 5.1: a=recvonly
    wire = Wire()
    first, _ = agreed()
    del wire.legs[OTHER]
    wire.legs[ONE].change(replace(first, direction=Direction.SENDONLY), wire.now)
    wire.until(BEGIN + 70 * SECOND)
    assert not wire.one.silent and not wire.one.asked and not wire.one.events(Held)
    wire.legs[ONE].change(first, wire.now)
    wire.until(BEGIN + 140 * SECOND)
    assert wire.one.silent


def test_there_is_no_port_of_reports_above_the_last_one() -> None:
    """A NAT may have the far end send from port 65535; what is sent to the one after it is a fault of ours."""
    first, _ = agreed(mux=False)
    targets: list[Address] = []

    class Owner(End):
        def send(self, data: bytes, address: Address, due: int, *, control: bool) -> None:
            targets.append(address)

    wire = Wire(mux=False)
    leg = Leg(first, frozenset(), Owner(wire, ONE), random.Random(1), "one", 30 * SECOND, BEGIN)
    leg.start(BEGIN)
    for number in range(3):
        packet = RtpPacket(first.receive_type, number, number * 960, 7, b"\0")
        leg.receive(packet.encode(), (OTHER[0], 65_535), BEGIN)
    leg.tick(BEGIN + 16 * SECOND, WALL)
    leg.end(BEGIN + 16 * SECOND, WALL)
    assert {port for _, port in targets} == {OTHER[1], 65_535}


def test_who_was_not_run_for_a_while_takes_nobody_for_gone() -> None:
    """What came meanwhile is still to be read; only a second later it is known that nothing did, and who is asked then
    has as long to answer as ever.
    """
    wire = Wire()
    wire.until(BEGIN + SECOND)
    leg, end = wire.legs[OTHER], wire.other
    late = BEGIN + 45 * SECOND
    leg.tick(late, WALL + late)
    assert not end.silent
    leg.tick(late + SECOND - 1, WALL + late)
    assert not end.asked
    leg.tick(late + SECOND, WALL + late)
    assert end.asked and not end.silent
    later = late + 60 * SECOND
    for at, silent in ((later, False), (later + SECOND - 1, False), (later + SECOND, True)):
        leg.tick(at, WALL + at)
        assert end.silent == silent


def test_hold_is_told_and_nothing_is_sent_meanwhile() -> None:
    wire = Wire()
    first, _ = agreed()
    wire.until(BEGIN + SECOND)
    wire.legs[ONE].change(replace(first, direction=Direction.RECVONLY), wire.now)
    wire.say(200)
    wire.until(BEGIN + 40 * SECOND)
    assert wire.one.events(Held) == [Held(True)] and not wire.one.silent
    wire.legs[ONE].change(first, wire.now)
    wire.until(wire.now + SECOND)
    assert wire.one.events(Held) == [Held(True), Held(False)]
    assert wire.one.events(Played)[-1].samples == 200 * 48


def test_a_re_invite_keeps_the_count_of_an_encrypted_stream() -> None:
    wire = Wire(secure=True)
    wire.say(3000)
    wire.until(BEGIN + SECOND)
    leg = wire.legs[OTHER]
    leg.change(leg._agreed, wire.now)  # pyright: ignore[reportPrivateUsage]
    wire.until(BEGIN + 5 * SECOND)
    assert not leg.strange and sum(map(len, wire.other.blocks)) > 45_000


def test_the_end_is_told_by_rtcp() -> None:
    wire = Wire()
    wire.until(BEGIN + SECOND)
    wire.legs[ONE].end(wire.now, WALL + wire.now)
    assert wire.one.sent[-1][1] in (200, 201) and b"\xcb" in wire.one.sent[-1]
