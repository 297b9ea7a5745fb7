"""Digits as named events, both ways."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.clock import MILLISECOND, SECOND
from duologue.errors import InputError
from duologue.phone.media.telephone_events import (
    CLOCK,
    DIGITS,
    ENDS,
    LONGEST,
    PACKET,
    PAUSE,
    SILENCE,
    TONE,
    EventPacket,
    EventReader,
    KeyPress,
    digits_of,
    duration,
    key_of,
    press,
)

SOME = st.text(DIGITS, min_size=1, max_size=12)


@given(SOME)
def test_what_is_pressed_is_read(digits: str) -> None:
    assert read(press(digits)) == [KeyPress(key, TONE) for key in digits]


@given(SOME, st.integers(0, 2**32))
def test_a_digit_is_read_once_whichever_of_its_packets_come(digits: str, seed: int) -> None:
    chance = random.Random(seed)
    came: list[EventPacket] = []
    for _, group in itertools.groupby(press(digits), lambda packet: packet.timestamp):
        packets = list(group)
        for packet in sorted(chance.sample(packets, chance.randint(1, len(packets))), key=lambda one: one.after):
            came += [packet, packet]
    told = read(came)
    assert "".join(each.key for each in told) == digits
    assert all(PACKET <= each.ticks <= TONE for each in told)


def held(key: str, ticks: int, start: int = 0, end: bool = True) -> list[EventPacket]:
    """A key that is down for so long, in segments (section 2.5.1.3)."""
    code, packets = DIGITS.index(key), list[EventPacket]()
    begin = 0
    for at in [*range(PACKET, ticks, PACKET), ticks]:
        if at - begin > LONGEST:
            begin += LONGEST
        up = at == ticks and end
        payload = bytes((code, 0x80 * up | 10)) + (at - begin).to_bytes(2, "big")
        packets += [EventPacket(start + at - PACKET, start + begin, payload, at == PACKET)] * (ENDS if up else 1)
    return packets


@pytest.mark.parametrize("milliseconds", [40, 333, 5_000, 8_180, 8_200, 20_000, 60_000])
def test_a_key_tells_how_long_it_was_down(milliseconds: int) -> None:
    ticks = milliseconds * 8
    assert read(held("5", ticks)) == [KeyPress("5", ticks)]
    packets = held("5", ticks)
    middle = packets[min(3, len(packets) - ENDS) : -2]
    assert read(middle) == [KeyPress("5", ticks)], "without its first packets, with one end"


def test_without_its_end_a_key_is_up_after_a_while_and_tells_what_is_known() -> None:
    reader = EventReader()
    for packet in held("5", 4000, end=False):
        assert reader.read(packet.timestamp, packet.payload, SECOND + packet.after * SECOND // CLOCK) == ()
    last = SECOND + (4000 - PACKET) * SECOND // CLOCK
    assert reader.deadline == last + SILENCE and reader.tick(last + SILENCE - 1) == ()
    assert reader.tick(last + SILENCE) == (KeyPress("5", 4000),) and reader.deadline is None
    late = held("5", 4000)[-1]
    assert reader.read(late.timestamp, late.payload, last + SECOND) == (), "its end after all: told already"


def test_the_next_key_ends_one_whose_end_was_lost() -> None:
    second = [EventPacket(2000 + one.after, 2000 + one.timestamp, one.payload, one.marker) for one in held("7", 800)]
    assert read([*held("5", 800, end=False), *second]) == [KeyPress("5", 800), KeyPress("7", 800)]


@pytest.mark.parametrize("lost", [frozenset[int](), frozenset({0}), frozenset({0, 1, 2}), frozenset({5, 6, 7})])
def test_one_key_twice_is_two_presses(lost: frozenset[int]) -> None:
    first = [packet for number, packet in enumerate(held("5", 800)) if number not in lost]
    second = [packet for number, packet in enumerate(held("5", 960, 1400)) if number not in lost]
    assert [each.key for each in read([*first, *second])] == ["5", "5"]


def read(packets: Iterable[EventPacket]) -> list[KeyPress]:
    """All keys, with the silence that follows."""
    reader, told, now = EventReader(), list[KeyPress](), SECOND
    for packet in packets:
        now = SECOND + packet.after * SECOND // CLOCK
        told += reader.tick(now)
        told += reader.read(packet.timestamp, packet.payload, now, marker=packet.marker)
    return [*told, *reader.tick(now + SECOND)]


def test_a_key_goes_out_as_the_rfc_has_it() -> None:
    packets = list(press("5#"))
    first = [packet for packet in packets if packet.timestamp == 0]
    assert [packet.marker for packet in first] == [True] + [False] * (len(first) - 1)
    assert [int.from_bytes(packet.payload[2:], "big") for packet in first][:3] == [PACKET, 2 * PACKET, 3 * PACKET]
    assert [packet.payload for packet in first[-ENDS:]] == [bytes((5, 0x8A)) + TONE.to_bytes(2, "big")] * ENDS
    assert not any(packet.payload[1] & 0x80 for packet in first[:-ENDS])
    afters = [packet.after for packet in first]
    assert {b - a for a, b in itertools.pairwise(afters)} == {PACKET}, "paced, the ends as well"
    assert afters[-1] < TONE + PAUSE - PACKET, "and over before the next key"
    assert {packet.timestamp for packet in packets} == {0, TONE + PAUSE} and duration("5#") == 2 * (TONE + PAUSE)


def test_packets_go_out_on_the_grid_of_the_sound() -> None:
    afters = sorted({packet.after for packet in press("123")})
    assert all(after % PACKET == 0 for after in afters)


def test_what_is_no_key_is_named() -> None:
    assert digits_of("0 30 #a") == "030#A"
    with pytest.raises(InputError, match="key 'X'"):
        digits_of("12X")


def test_other_events_and_short_payloads() -> None:
    reader = EventReader()
    assert reader.read(0, bytes((16, 10, 0, 160)), MILLISECOND) == () and reader.deadline is None  # a flash
    with pytest.raises(InputError, match="3 bytes"):
        reader.read(0, b"\0\0\0", MILLISECOND)


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ("Signal=5\r\nDuration=160\r\n", ("5", 160)),
        ("Signal= 1\r\nDuration= 250\r\n", ("1", 250)),  # as Cisco has it
        ("signal = #\nduration = x\n", ("#", 0)),
        ("Signal=11\r\nDuration=100\r\n", ("#", 100)),  # by the number of its event
        ("Signal=10", ("*", 0)),
        ("d", ("D", 0)),
        ("0\r\n", ("0", 0)),
        ("Signal=16", None),
        ("Signal=!", None),  # a flash
        ("Signal=12 34", None),
        ("", None),
        ("\xff\x00", None),
    ],
)
def test_a_key_by_info(body: str, key: tuple[str, int] | None) -> None:
    assert key_of(body.encode("latin-1")) == key
