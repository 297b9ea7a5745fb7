"""What comes of a caller's packets: every sample once, in its place, whatever the way does to them."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duologue.audio.pcm import Samples
from duologue.clock import MILLISECOND, SECOND
from duologue.dialogue.listening.source_clock import SourceClock
from duologue.phone.leg import Digit
from duologue.phone.media.codecs import FORMATS, OPUS, PCMU, Format
from duologue.phone.media.incoming import IncomingCall
from duologue.phone.media.rtp import RtpPacket
from duologue.phone.media.telephone_events import press

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

BEGIN = 7 * SECOND
TICK = 20 * MILLISECOND


@dataclass
class Ear:
    """Gives packets in the order of their arrival, and keeps what was heard."""

    form: Format = PCMU
    blocks: list[tuple[int, int, Samples]] = field(default_factory=list[tuple[int, int, Samples]])
    pressed: list[Digit] = field(default_factory=list[Digit])
    now: int = BEGIN

    def __post_init__(self) -> None:
        self.core = IncomingCall(self.form, 0, 101, self._heard, self.pressed.append)

    def give(self, arrivals: list[tuple[int, RtpPacket]]) -> None:
        for at, packet in sorted(arrivals, key=lambda one: one[0]):
            self.until(at)
            self.core.receive(packet, at)
        self.until(self.now + SECOND)

    def until(self, when: int) -> None:
        while (due := self.core.deadline) is not None and due <= when:
            self.core.tick(due)
        self.now = when

    @property
    def sound(self) -> Samples:
        """All of it, laid where it belongs."""
        end = max(at + len(block) for _, at, block in self.blocks)
        laid = np.zeros(end, np.float32)
        for _, at, block in self.blocks:
            laid[at : at + len(block)] = block
        return laid

    def _heard(self, at: int, samples: Samples) -> None:
        self.blocks.append((self.now, at, samples))

    @property
    def keys(self) -> str:
        return "".join(each.key for each in self.pressed)


def spoken(form: Format, count: int, first: int = 65_000, stamp: int = 4_294_960_000, ssrc: int = 5) -> list[RtpPacket]:
    """A sine of 300 Hz, numbered across the wraps of both counters."""
    encoder = form.encoder(20)
    wave = (0.4 * np.sin(np.arange(count * form.packet) * 2 * np.pi * 300 / form.rate)).astype(np.float32)
    return [
        RtpPacket(
            0, first + number & 0xFFFF, stamp + number * form.ticks & 0xFFFFFFFF, ssrc,
            encoder.encode(wave[number * form.packet : (number + 1) * form.packet]), number == 0,
        )
        for number in range(count)
    ]  # fmt: skip


def paced(packets: list[RtpPacket], begin: int = BEGIN, every: int = TICK) -> list[tuple[int, RtpPacket]]:
    return [(begin + number * every, packet) for number, packet in enumerate(packets)]


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_in_order_every_packet_is_heard_when_it_comes(form: Format) -> None:
    ear = Ear(form)
    ear.give(paced(spoken(form, 100)))
    assert [at for at, _, _ in ear.blocks[:3]] == [BEGIN, BEGIN + TICK, BEGIN + 2 * TICK], "nothing is held back"
    ends = [at + len(block) for _, at, block in ear.blocks]
    assert [at for _, at, _ in ear.blocks[1:]] == ends[:-1], "one stream without a hole"
    assert 32_000 - 400 <= ends[-1] <= 32_000
    middle = ear.sound[8_000:24_000]
    assert 0.24 < np.sqrt(np.mean(middle**2)) < 0.32, "a sine of 0.4"


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**9), st.integers(0, 20), st.integers(0, 100))
def test_whatever_the_way_does_places_stay_true(seed: int, loss: int, jitter_ms: int) -> None:
    """Lost, late, twice, out of order: what came in time is in its place, and no place is told twice."""
    chance = random.Random(seed)
    arrivals: list[tuple[int, RtpPacket]] = []
    for at, packet in paced(spoken(PCMU, 120)):
        if packet.marker or chance.random() * 100 >= loss:
            arrivals.append((at + chance.randrange(jitter_ms * MILLISECOND + 1), packet))
            if chance.random() < 0.1:
                arrivals.append((at + chance.randrange(200 * MILLISECOND), packet))
    first = min(arrivals, key=lambda one: one[0])[1]
    ear = Ear()
    ear.give(arrivals)
    told = 0
    for _, at, block in ear.blocks:
        assert at >= told, "no sample twice"
        told = at + len(block)
    skipped = (first.sequence - 65_000) % 65_536
    came = [(packet.sequence - 65_000) % 65_536 for _, packet in arrivals]
    assert told <= (max(came) + 1 - skipped) * 320


@pytest.mark.parametrize("loss", [1, 5, 20])
def test_the_ends_of_an_utterance_survive_loss(loss: int) -> None:
    """Two seconds of speech amid silence: its first and last 100 ms are sound, lost packets made up."""
    chance = random.Random(loss)
    quiet = PCMU.encoder(20).encode(np.zeros(160, np.float32))
    packets = [
        packet if 50 <= number < 150 else RtpPacket(0, packet.sequence, packet.timestamp, 5, quiet)
        for number, packet in enumerate(spoken(PCMU, 200))
    ]
    arrivals = [one for one in paced(packets) if chance.random() * 100 >= loss]
    ear = Ear()
    ear.give(arrivals)
    first = (arrivals[0][1].sequence - 65_000) % 65_536
    begin = (50 - first) * 320
    for at in (begin, begin + 95 * 320):
        edge = ear.sound[at : at + 1600]
        assert np.sqrt(np.mean(edge**2)) > 0.1, f"the 100 ms at {at} are gone"


def test_a_burst_of_jitter_delays_and_loses_nothing() -> None:
    arrivals = paced(spoken(PCMU, 150))
    held = [(BEGIN + 1_100 * MILLISECOND if BEGIN + SECOND <= at < BEGIN + 1_100 * MILLISECOND else at, packet)
            for at, packet in arrivals]  # fmt: skip
    ear, plain = Ear(), Ear()
    ear.give(held)
    plain.give(arrivals)
    assert np.array_equal(ear.sound, plain.sound)


@pytest.mark.parametrize("form", [PCMU, OPUS], ids=lambda form: form.name)
def test_a_new_source_goes_on_where_time_is(form: Format) -> None:
    ear = Ear(form)
    again = paced(spoken(form, 50, first=9, stamp=17, ssrc=6), BEGIN + 2 * SECOND)
    ear.give([*paced(spoken(form, 50)), *again])
    after = [at for when, at, _ in ear.blocks if when >= BEGIN + 2 * SECOND]
    assert abs(after[0] - 2 * 16_000) <= 16_000 * 60 // 1000, "a second after the end of the first"
    assert ear.core.buffer.restarts == 1


def test_one_packet_of_another_source_is_not_believed() -> None:
    ear = Ear()
    (stray,) = spoken(PCMU, 1, first=3, stamp=99, ssrc=0xBAD)
    ear.give([*paced(spoken(PCMU, 50)), (BEGIN + 500 * MILLISECOND + 1, stray)])
    assert ear.core.ssrc == 5 and len(ear.blocks) == 50
    assert (report := ear.core.report) is not None and report.lost == 0


@pytest.mark.parametrize("ppm", [-500, -100, 100, 500])
def test_a_source_whose_clock_drifts_loses_nothing_and_keeps_its_place(ppm: int) -> None:
    """Ten minutes: it is placed on our clock as it speaks, so nothing is ever stretched within speech."""
    clock, every = SourceClock(), TICK * (1_000_000 + ppm) // 1_000_000
    ear = Ear()
    payload = PCMU.encoder(20).encode(np.zeros(160, np.float32))
    worst = 0
    for number in range(600 * 50):
        at = BEGIN + number * every
        ear.until(at)
        ear.core.receive(RtpPacket(0, number & 0xFFFF, number * 160 & 0xFFFFFFFF, 5, payload), at)
        _, place, block = ear.blocks.pop()
        assert not ear.blocks
        placed = clock.place(place, len(block), at)
        assert not (placed.skip or placed.gap or placed.back)
        worst = max(worst, abs(at - placed.end))
    assert worst <= 6 * MILLISECOND


def test_keys_are_told_once_whatever_is_lost_or_comes_twice() -> None:
    chance = random.Random(3)
    arrivals: list[tuple[int, RtpPacket]] = []
    for number, packet in enumerate(press("159#")):
        read = RtpPacket(101, number, 1000 + packet.timestamp, 5, packet.payload, packet.marker)
        at = BEGIN + packet.after * SECOND // 8000
        arrivals += [(at, read)] * chance.choice([0, 1, 1, 2])
    ear = Ear()
    ear.give(arrivals)
    assert ear.keys == "159#" and not ear.blocks
    assert all(20 <= each.milliseconds <= 100 for each in ear.pressed)


def test_a_key_after_a_long_silence_is_told_once_though_sound_goes_on_between_its_last_packets() -> None:
    before, silent = spoken(PCMU, 50), 50 + 150
    ear, number, arrivals = Ear(), 65_050, paced(before)
    start = 4_294_960_000 + silent * 160
    for packet in press("5"):
        at = BEGIN + silent * TICK + packet.after * SECOND // 8000
        event = RtpPacket(101, number & 0xFFFF, start & 0xFFFFFFFF, 5, packet.payload, packet.marker)
        arrivals, number = [*arrivals, (at, event)], number + 1
        if packet.payload[1] & 0x80:
            stamp = start + packet.after & 0xFFFFFFFF
            arrivals.append((at + 1, replace(before[0], sequence=number & 0xFFFF, timestamp=stamp, marker=False)))
            number += 1
    ear.give(arrivals)
    assert ear.keys == "5"


def test_of_a_flood_of_keys_most_are_left_out() -> None:
    """200 a second, each down and up in one packet, for ten: nobody presses them so."""
    payload = bytes([5, 0x80 | 10, 0, 20])
    packets = [RtpPacket(101, number, 1000 + number * 40, 5, payload, marker=True) for number in range(2_000)]
    ear = Ear()
    ear.give(paced(packets, every=5 * MILLISECOND))
    assert 200 <= len(ear.keys) <= 270 and ear.core.strange == 2_000 - len(ear.keys)


def test_a_pause_with_comfort_noise_is_filled_with_it() -> None:
    before, after = spoken(PCMU, 10), spoken(PCMU, 20, first=65_011, stamp=4_294_960_000 + 50 * 160)
    noise = RtpPacket(13, 65_010, (4_294_960_000 + 1600) & 0xFFFFFFFF, 5, bytes((40,)))
    ear = Ear()
    ear.give([*paced(before), (BEGIN + 10 * TICK, noise), *paced(after, BEGIN + 50 * TICK)])
    pause = ear.sound[12 * 320 : 48 * 320]
    assert 0.005 < np.sqrt(np.mean(pause**2)) < 0.02, "40 dB below full scale"


def test_what_was_not_agreed_upon_is_counted_and_passed_over() -> None:
    ear = Ear()
    ear.give([(BEGIN, RtpPacket(77, 1, 1, 5, b"x" * 50)), (BEGIN, RtpPacket(101, 2, 1, 5, b""))])
    assert ear.core.strange == 2 and not ear.blocks and not ear.keys


@given(st.binary(max_size=80))
def test_any_payload_is_taken(payload: bytes) -> None:
    for form in FORMATS:
        ear = Ear(form)
        ear.give([(BEGIN, RtpPacket(0, 1, 1, 5, payload)), (BEGIN + TICK, RtpPacket(0, 2, 1 + form.ticks, 5, payload))])


def typed(packets: list[RtpPacket], kind: int) -> list[RtpPacket]:
    return [replace(packet, payload_type=kind) for packet in packets]


@pytest.mark.parametrize("before", FORMATS, ids=lambda form: form.name)
@pytest.mark.parametrize("after", FORMATS, ids=lambda form: form.name)
@pytest.mark.parametrize("source", [5, 6], ids=["same source", "another"])
def test_another_format_in_mid_call_loses_no_sound(before: Format, after: Format, source: int) -> None:
    """It is agreed upon 60 ms before the first packet in it comes: what is under way is heard as well."""
    first, second = spoken(before, 50), typed(spoken(after, 50, 65_050, 4_294_960_000 + 50 * after.ticks, source), 5)
    ear = Ear(before)
    for at, packet in paced([*first, *second]):
        if at == BEGIN + 47 * TICK:
            ear.core.change(after, 5, 101)
        ear.until(at)
        ear.core.receive(packet, at)
    ear.until(ear.now + SECOND)
    assert not ear.core.strange
    told = 0
    for _, at, block in ear.blocks:
        assert told <= at <= told + (720 if source == 6 else 400), "no sample twice, and no hole to speak of"
        told = at + len(block)
    assert abs(told - 100 * 320) <= 800
    assert sum(len(block) for _, _, block in ear.blocks) > 100 * 320 - 900, "all hundred packets"
    level = [float(np.sqrt(np.mean(ear.sound[at : at + 480] ** 2))) for at in range(3200, 28_000, 160)]
    assert min(level) > 0.15 or source == 6, f"{min(level):.2f}"


def test_a_packet_of_the_format_before_that_is_overtaken_by_another_clock_is_left_out() -> None:
    ear = Ear(PCMU)
    first, second = spoken(PCMU, 20), typed(spoken(OPUS, 20, 65_020, 77), 5)
    ear.core.change(OPUS, 5, None)
    ear.give([*paced(first[:19]), *paced(second, BEGIN + 20 * TICK), (BEGIN + 20 * TICK + 1, first[19])])
    assert ear.core.strange == 1 and len(ear.blocks) >= 38


def test_a_key_tells_how_long_it_was_down_by_the_clock_of_its_format() -> None:
    for form, clock in ((PCMU, 8000), (OPUS, 48_000)):
        ear = Ear(form)
        ear.give([
            (BEGIN + packet.after * SECOND // clock,
             RtpPacket(101, number, 1000 + packet.timestamp, 5, packet.payload, packet.marker))
            for number, packet in enumerate(press("1", clock))
        ])  # fmt: skip
        assert ear.pressed == [Digit("1", 100)]
