"""Packets in order: nothing waits but for a hole, and a hole no longer than it must."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from duologue.clock import MILLISECOND
from duologue.phone.media.jitter_buffer import (
    LEAST_MS,
    MAX_HELD,
    MOST_MS,
    Arrived,
    JitterBuffer,
    Lost,
    Paused,
    Piece,
    Restarted,
)
from duologue.phone.media.rtp import RtpPacket

SAMPLES = 160


def _packet(number: int, *, ssrc: int = 7, timestamp: int | None = None) -> RtpPacket:
    at = number * SAMPLES if timestamp is None else timestamp
    return RtpPacket(0, number & 0xFFFF, at & 0xFFFFFFFF, ssrc, number.to_bytes(4, "big", signed=True))


def _numbers(pieces: list[Piece]) -> list[int]:
    return [int.from_bytes(piece.packet.payload, "big", signed=True) for piece in pieces if isinstance(piece, Arrived)]


class _Call:
    def __init__(self) -> None:
        self.buffer = JitterBuffer(8000)
        self.pieces: list[Piece] = []

    def put(
        self, number: int, ms: float, *, samples: int = SAMPLES, ssrc: int = 7, timestamp: int | None = None
    ) -> None:
        at = round(ms * MILLISECOND)
        self.tick(ms)
        self.pieces += self.buffer.put(_packet(number, ssrc=ssrc, timestamp=timestamp), samples, at)

    def tick(self, ms: float) -> None:
        self.pieces += self.buffer.tick(round(ms * MILLISECOND))


def test_what_comes_in_turn_waits_for_nothing_however_late() -> None:
    call = _Call()
    for number in range(50):
        before = len(call.pieces)
        call.put(number, number * 20 + (150 if number % 7 == 0 else 0))
        assert len(call.pieces) == before + 1 and call.buffer.deadline is None


def test_swapped_packets_come_out_in_order() -> None:
    call = _Call()
    for number, ms in ((0, 0), (2, 40), (1, 45), (3, 60)):
        call.put(number, ms)
    assert _numbers(call.pieces) == [0, 1, 2, 3] and call.buffer.lost == 0


def test_a_hole_is_told_after_the_patience_for_it() -> None:
    call = _Call()
    call.put(0, 0)
    call.put(2, 40)
    call.tick(40 + LEAST_MS - 1)
    assert len(call.pieces) == 1 and call.buffer.deadline == (40 + LEAST_MS) * MILLISECOND
    call.tick(40 + LEAST_MS)
    assert call.pieces[1] == Lost(SAMPLES, SAMPLES) and _numbers(call.pieces) == [0, 2]
    assert call.buffer.lost == 1 and call.buffer.deadline is None


def test_who_is_late_once_is_waited_for_longer_and_not_for_ever() -> None:
    call = _Call()
    call.put(0, 0)
    call.put(2, 40)
    call.tick(90)
    call.put(1, 140)  # 100 ms after it was missed
    assert (call.buffer.late, call.buffer.lost) == (1, 0)
    assert 100 < call.buffer.patience_ms <= MOST_MS
    for number in range(3, 1000):
        call.put(number, number * 20)
    assert call.buffer.patience_ms == LEAST_MS


def test_silence_of_the_source_is_no_loss() -> None:
    call = _Call()
    call.put(0, 0)
    call.put(1, 2000, timestamp=100 * SAMPLES)
    assert call.pieces[1] == Paused(SAMPLES, 99 * SAMPLES) and _numbers(call.pieces) == [0, 1]


def test_a_clock_that_leaps_begins_anew() -> None:
    call = _Call()
    call.put(0, 0)
    call.put(1, 20, timestamp=3_000_000_000)
    assert isinstance(call.pieces[1], Restarted) and _numbers(call.pieces) == [0, 1]
    call.put(2, 40, timestamp=3_000_000_000 + SAMPLES)
    assert len(call.pieces) == 4


def test_a_key_or_comfort_noise_after_a_long_silence_is_no_leap_of_the_clock() -> None:
    """What comes next is as far from the last sound as its clock says, however near the packet before it is."""
    call = _Call()
    call.put(0, 0)
    for number in range(1, 21):
        call.put(number, 200 * number, samples=0, timestamp=1600 * number)
    call.put(21, 4020, timestamp=4020 * 8)
    call.put(23, 9020, timestamp=9020 * 8)  # the first one after another silence is lost
    call.tick(9020 + LEAST_MS)
    assert Restarted() not in call.pieces and _numbers(call.pieces) == [*range(22), 23]


def test_a_source_that_counts_lower_from_now_on_begins_anew() -> None:  # RFC 3550, A.1: MAX_MISORDER
    call = _Call()
    for number in range(1000, 1010):
        call.put(number, number * 20)
    for number in range(500, 510):  # its stream began again, as after a transfer within a PBX
        call.put(number, (number + 520) * 20, timestamp=number * SAMPLES)
    assert Restarted() in call.pieces and _numbers(call.pieces)[-10:] == [*range(500, 510)]
    call.put(505, 1030 * 20)
    assert call.buffer.duplicates == 1 and call.buffer.restarts == 1, "what is a little behind is late or doubled"


def test_another_source_is_believed_at_its_second_packet() -> None:
    call = _Call()
    for number in range(3):
        call.put(number, number * 20)
    call.put(9000, 60, ssrc=99)
    call.put(3, 61)
    assert _numbers(call.pieces) == [0, 1, 2, 3]  # one stray packet, from whomever
    call.put(9001, 80, ssrc=99)
    call.put(9002, 100, ssrc=99)
    assert isinstance(call.pieces[4], Restarted) and _numbers(call.pieces)[4:] == [9000, 9001, 9002]
    assert call.buffer.restarts == 1


def test_a_digit_between_sounds_takes_no_time() -> None:
    call = _Call()
    call.put(0, 0)
    call.put(1, 20, samples=0, timestamp=SAMPLES)
    call.put(2, 40, samples=0, timestamp=SAMPLES)
    call.put(3, 60, timestamp=3 * SAMPLES)
    assert [type(piece) for piece in call.pieces] == [Arrived, Arrived, Arrived, Paused, Arrived]
    assert call.pieces[3] == Paused(SAMPLES, 2 * SAMPLES)


def test_duplicates_are_heard_once() -> None:
    call = _Call()
    for number in (0, 0, 1, 1, 3, 3, 2):
        call.put(number, number * 20)
    assert _numbers(call.pieces) == [0, 1, 2, 3] and call.buffer.duplicates == 3


@given(st.integers(0, 2**32), st.integers(0, 0xFFFF), st.floats(0, 0.3), st.floats(0, 120))
def test_whatever_the_network_does_time_is_whole_and_in_order(
    seed: int, first: int, loss: float, jitter_ms: float
) -> None:
    chance = random.Random(seed)
    sent = [first + number for number in range(200) if number == 0 or chance.random() >= loss]
    arrivals = sorted(
        ((number - first) * 20 + chance.random() * jitter_ms * (number > first), number) for number in sent
    )
    call = _Call()
    for ms, number in arrivals:
        call.put(number, ms)
        if chance.random() < 0.1:
            call.put(number, ms)
    call.tick(100_000)
    numbers = _numbers(call.pieces)
    assert numbers == sorted(set(numbers))
    position = first * SAMPLES
    for piece in call.pieces:
        assert not isinstance(piece, Restarted | Paused)
        assert piece.at == position
        position += SAMPLES if isinstance(piece, Arrived) else piece.count
    assert len(numbers) + call.buffer.late == len(sent)


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF), st.integers(0, 2)), max_size=300))
def test_nonsense_is_bounded(packets: list[tuple[int, int, int]]) -> None:
    buffer = JitterBuffer(8000)
    for index, (sequence, timestamp, ssrc) in enumerate(packets):
        buffer.put(RtpPacket(0, sequence, timestamp, ssrc, b""), SAMPLES, index * MILLISECOND)
        assert len(buffer._held) <= MAX_HELD and len(buffer._missed) <= MAX_HELD  # pyright: ignore[reportPrivateUsage]
