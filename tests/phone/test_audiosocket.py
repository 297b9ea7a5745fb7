"""AudioSocket's frames, however they are cut, and what they tell."""

from __future__ import annotations

import struct
from itertools import pairwise
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.clock import MILLISECOND, SECOND
from duologue.errors import PeerError
from duologue.phone.audiosocket.frames import (
    RATES,
    AudioSocketStream,
    Frame,
    FrameReader,
    Kind,
    write_frame,
    write_sound,
)
from duologue.phone.leg import Digit, LegEnded, LegEvent, Sound

ID = UUID("40325ec2-5efd-4bd3-805f-53576e581d13")
HELLO = write_frame(Kind.IDENTITY, ID.bytes)
MS = MILLISECOND


def packet(kind: int = 0x10, milliseconds: int = 20, level: float = 0.5) -> bytes:
    return write_sound(kind, np.full(RATES[kind] * milliseconds // 1000, level, np.float32))


def test_frames_are_written_as_asterisk_reads_them() -> None:
    assert write_frame(Kind.HANG_UP) == b"\x00\x00\x00"
    assert b"\x01\x00\x10" + ID.bytes == HELLO
    assert write_sound(0x10, np.array([0.5, -0.5], np.float32)) == b"\x10\x00\x04" + struct.pack("<hh", 16384, -16384)


@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=400)), max_size=6), st.lists(st.integers(1, 300)))
def test_frames_are_the_same_however_the_stream_is_cut(frames: list[tuple[int, bytes]], cuts: list[int]) -> None:
    data = HELLO + b"".join(write_frame(kind, payload) for kind, payload in frames)
    reader, found = FrameReader(), list[Frame]()
    for cut in cuts:
        found += reader.feed(data[:cut])
        data = data[cut:]
    found += reader.feed(data)
    assert found == [Frame(Kind.IDENTITY, ID.bytes), *(Frame(kind, payload) for kind, payload in frames)]
    assert not reader.within


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n", b"\x10\x01\x40" + b"\0" * 320, b"\x01\x00\x11" + b"\0" * 17])
def test_what_does_not_begin_with_a_uuid_is_another_protocol(data: bytes) -> None:
    with pytest.raises(PeerError, match="no AudioSocket"):
        AudioSocketStream().receive(data, 0)


@given(st.lists(st.binary(max_size=100), max_size=10))
def test_garbage_is_an_error_in_words_or_silence(parts: list[bytes]) -> None:
    stream = AudioSocketStream()
    stream.receive(HELLO, 0)
    for number, part in enumerate(parts):
        for event in stream.receive(part, number * MS):
            assert isinstance(event, LegEvent)
    assert isinstance(stream.closed(), LegEnded)


@given(st.binary(max_size=60))
def test_garbage_at_the_start_is_an_error_in_words_or_silence(data: bytes) -> None:
    try:
        AudioSocketStream().receive(data, 0)
    except PeerError:
        pass


@pytest.mark.parametrize("kind", RATES)
def test_sound_of_every_rate_is_heard(kind: int) -> None:
    stream = AudioSocketStream()
    stream.receive(HELLO, 0)
    told = [event for n in range(50) for event in stream.receive(packet(kind), (n + 1) * 20 * MS)]
    sound = [event for event in told if isinstance(event, Sound)]
    assert 15_800 <= sum(len(event.samples) for event in sound) <= 16_000 and stream.kind == kind
    assert all(a.at + len(a.samples) == b.at for a, b in pairwise(sound))
    assert abs(float(sound[-1].samples.mean()) - 0.5) < 0.01


def test_a_pause_in_what_comes_is_a_hole_and_a_stall_is_none() -> None:
    stream = AudioSocketStream()
    stream.receive(HELLO, 0)
    first = stream.receive(packet(), 20 * MS)[0]
    after = stream.receive(packet(), 2_020 * MS)[0]
    assert isinstance(first, Sound) and isinstance(after, Sound)
    assert (first.at, after.at) == (0, 32_000) and stream.counts["pauses"] == 1
    late = stream.receive(packet() * 10, 2_240 * MS)  # all at once, 200 ms late
    assert isinstance(late[0], Sound) and late[0].at == after.at + len(after.samples)


def test_a_flood_is_dropped_and_counted() -> None:
    stream = AudioSocketStream()
    stream.receive(HELLO, 0)
    told = stream.receive(packet(milliseconds=1000) * 60, SECOND)
    assert sum(len(event.samples) for event in told if isinstance(event, Sound)) <= 6 * 16_000
    assert stream.counts["fast"] == 54


def test_giants_odd_sound_and_strange_frames() -> None:
    stream = AudioSocketStream()
    stream.receive(HELLO, 0)
    told = stream.receive(write_frame(0x10, b"\0" * 65_535), 5 * SECOND)
    assert len(told) == 1 and stream.counts["odd"] == 1
    strange = write_frame(0x42, b"?") + HELLO + write_frame(Kind.KEY, b"") + write_frame(Kind.KEY, b"x")
    assert stream.receive(strange + write_frame(0x10), 0) == []
    assert stream.identity == ID
    assert {name: stream.counts[name] for name in ("unknown", "twice", "keys")} == {"unknown": 1, "twice": 1, "keys": 2}


def test_keys_and_ends() -> None:
    stream = AudioSocketStream()
    stream.receive(HELLO, 0)
    assert stream.receive(write_frame(Kind.KEY, b"5") + write_frame(Kind.KEY, b"a"), 0) == [Digit("5"), Digit("A")]
    assert stream.receive(b"\x00\x00\x00", 0) == [LegEnded("the caller hung up")]
    [error] = stream.receive(b"\xff\x00\x01\x02", 0)
    assert isinstance(error, LegEnded) and error.failed and "forwarded" in error.reason
    assert stream.closed() == LegEnded("the caller hung up")
    stream.receive(b"\x10\x01", 0)
    assert stream.closed().failed
