"""RTP packets and wrapping counters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.errors import InputError
from duologue.phone.media.rtp import RtpPacket, Unwrapped, is_rtcp

PACKETS = st.builds(
    RtpPacket,
    st.integers(0, 127), st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF), st.integers(0, 0xFFFFFFFF),
    st.binary(max_size=200), st.booleans(),
)  # fmt: skip


@given(PACKETS)
def test_what_is_written_is_read(packet: RtpPacket) -> None:
    assert RtpPacket.parse(packet.encode()) == packet


@given(st.binary(max_size=80))
def test_no_bytes_do_more_than_be_refused(data: bytes) -> None:
    try:
        packet = RtpPacket.parse(data)
    except InputError:
        return
    assert len(packet.payload) <= len(data) - 12


@given(PACKETS, st.lists(st.integers(0, 0xFFFFFFFF), max_size=15), st.integers(0, 4), st.integers(0, 8))
def test_sources_extension_and_padding_are_passed_over(
    packet: RtpPacket, sources: list[int], words: int, padding: int
) -> None:
    data = bytearray(packet.encode())
    data[0] |= len(sources) | 0x10 | (0x20 if padding else 0)
    extension = b"\xbe\xde" + words.to_bytes(2, "big") + bytes(4 * words)
    data[12:12] = b"".join(source.to_bytes(4, "big") for source in sources) + extension
    data += bytes(padding - 1) + bytes([padding]) if padding else b""
    assert RtpPacket.parse(bytes(data)) == packet


@pytest.mark.parametrize("data", [b"", b"\x80" * 11, b"\x40" + bytes(11), b"\x9f" + bytes(11), b"\xa0" + bytes(11)])
def test_malformed_packets_are_named(data: bytes) -> None:
    with pytest.raises(InputError, match="no RTP packet"):
        RtpPacket.parse(data)


@given(st.integers(0, 0xFFFF), st.lists(st.integers(-30_000, 30_000), max_size=100))
def test_a_counter_that_wraps_counts_on(first: int, steps: list[int]) -> None:
    unwrapped = Unwrapped(16)
    number = newest = unwrapped(first)
    for step in steps:
        number = newest + step
        assert unwrapped(number & 0xFFFF) == number
        newest = max(newest, number)


def test_a_peek_is_not_remembered() -> None:
    unwrapped = Unwrapped(16)
    unwrapped(0xFFFF)
    assert unwrapped.peek(3) == 0x10003 and unwrapped.newest == 0xFFFF


def test_reports_are_told_from_sound() -> None:
    assert is_rtcp(b"\x80\xc8") and not is_rtcp(RtpPacket(0, 1, 2, 3, b"").encode()) and not is_rtcp(b"\x80")
