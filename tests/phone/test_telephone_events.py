"""Digits as named events, both ways."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.errors import InputError
from duologue.phone.telephone_events import DIGITS, ENDS, PACKET, PAUSE, TONE, EventReader, digits_of, duration, press

SOME = st.text(DIGITS, min_size=1, max_size=12)


@given(SOME)
def test_what_is_pressed_is_read(digits: str) -> None:
    reader = EventReader()
    assert "".join(reader.read(packet.timestamp, packet.payload) for packet in press(digits)) == digits


@given(SOME, st.integers(0, 2**32))
def test_a_digit_is_read_once_whichever_of_its_packets_come(digits: str, seed: int) -> None:
    chance = random.Random(seed)
    reader, told = EventReader(), ""
    for _, group in itertools.groupby(press(digits), lambda packet: packet.timestamp):
        packets = list(group)
        for packet in sorted(chance.sample(packets, chance.randint(1, len(packets))), key=lambda one: one.after):
            told += reader.read(packet.timestamp, packet.payload)
            told += reader.read(packet.timestamp, packet.payload)
    assert told == digits


def test_a_key_goes_out_as_the_rfc_has_it() -> None:
    packets = list(press("5#"))
    first = [packet for packet in packets if packet.timestamp == 0]
    assert [packet.marker for packet in first] == [True] + [False] * (len(first) - 1)
    assert [int.from_bytes(packet.payload[2:], "big") for packet in first][:3] == [PACKET, 2 * PACKET, 3 * PACKET]
    assert [packet.payload for packet in first[-ENDS:]] == [bytes((5, 0x8A)) + TONE.to_bytes(2, "big")] * ENDS
    assert not any(packet.payload[1] & 0x80 for packet in first[:-ENDS])
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
    assert reader.read(0, bytes((16, 10, 0, 160))) == ""  # a flash
    with pytest.raises(InputError, match="3 bytes"):
        reader.read(0, b"\0\0\0")
