from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from av.codec.context import CodecContext
from av.packet import Packet as AvPacket
from hypothesis import given
from hypothesis import strategies as st

from duologue.broadcast.encoder import VideoEncoder
from duologue.broadcast.testcard import MAX_PERIODS, Card, TestCard, read_card
from duologue.errors import InputError, InternalError
from programme import picture


@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**44 - 1),
    st.integers(1, MAX_PERIODS),
    st.sampled_from([(320, 180), (640, 360), (1280, 720), (1920, 1080)]),
)
def test_what_is_drawn_is_read(number: int, wall_ms: int, periods: int, size: tuple[int, int]) -> None:
    width, height = size
    frame = np.full((height * 3 // 2, width), 90, np.uint8)
    TestCard(width, height, 30).draw(frame, number, wall_ms, periods)
    assert read_card(frame[:height]) == Card(number, wall_ms, number % 30 < 2, periods)


def test_a_time_fits_until_the_year_2527() -> None:
    frame = np.full((540, 640), 90, np.uint8)
    late = 2**44 - 1
    TestCard(640, 360, 30).draw(frame, 1, late, 2)
    card = read_card(frame[:360])
    assert card is not None and (card.wall_ms, card.periods) == (late, 2)


@pytest.mark.parametrize("periods", [0, MAX_PERIODS + 1, -1])
def test_a_picture_that_stands_for_no_period_or_too_many_is_refused(periods: int) -> None:
    with pytest.raises(InternalError, match="frame periods"):
        TestCard(640, 360, 30).draw(picture(0), 0, 0, periods)


@pytest.mark.parametrize(("width", "height"), [(320, 180), (640, 360), (1920, 1080)])
def test_only_the_rectangle_is_touched_and_it_is_grey(width: int, height: int) -> None:
    card = TestCard(width, height, 30)
    frame = np.full((height * 3 // 2, width), 77, np.uint8)
    card.draw(frame, 1, 2)
    x, y, w, h = card.rect
    assert all(side % 2 == 0 for side in card.rect)
    luma = frame[:height].copy()
    luma[y : y + h, x : x + w] = 77
    assert (luma == 77).all()
    chroma = frame[height:].reshape(2, height // 2, width // 2).copy()
    inside = chroma[:, y // 2 : (y + h) // 2, x // 2 : (x + w) // 2]
    assert (inside == 128).all()
    inside[:] = 77
    assert (chroma == 77).all()


def test_it_survives_the_encoder_at_a_low_rate() -> None:
    width, height = 640, 360
    encoder = VideoEncoder(width, height, 30, bitrate=300_000)
    card = TestCard(width, height, 30)
    decoder: Any = CodecContext.create("h264", "r")
    decoder.extradata = encoder.extradata
    noise = np.random.default_rng(0).integers(0, 30, (height * 3 // 2, width), np.uint8)
    read: list[Card | None] = []
    for number in range(60):
        frame = picture(number) + np.roll(noise, number * 7, 1)
        card.draw(frame, number, 10**12 + number)
        for packet in encoder.encode(frame, number):
            for decoded in decoder.decode(AvPacket(packet.data)):
                read.append(read_card(decoded.to_ndarray()[:height]))
    assert read == [Card(number, 10**12 + number, number % 30 < 2) for number in range(len(read))]
    assert len(read) >= 58


def test_a_picture_without_a_card_has_none() -> None:
    assert read_card(picture(0)[:360]) is None
    assert read_card(np.full((360, 640), 16, np.uint8)) is None
    assert read_card(np.zeros((10, 10), np.uint8)) is None
    frame = picture(3)
    card = TestCard(640, 360, 30)
    card.draw(frame, 3, 4)
    frame[16:24, 16:24] = 251 - frame[16:24, 16:24]  # one cell turned
    assert read_card(frame[:360]) is None


def test_a_picture_too_small_for_it_is_refused() -> None:
    with pytest.raises(InputError, match="too small"):
        TestCard(160, 90, 30)


def test_flash_and_beep_begin_together_and_last_two_frames() -> None:
    card = TestCard(640, 360, 25)
    assert [number for number in range(60) if card.flash(number)] == [0, 1, 25, 26, 50, 51]
    sound = card.beep(0, 96_000)
    loud = np.flatnonzero(np.abs(sound) > 0.1)
    for second in (0, 1):
        inside = loud[(loud >= second * 48_000) & (loud < (second + 1) * 48_000)] - second * 48_000
        assert 0 <= inside[0] < 4 and 3_800 < inside[-1] < 3_840


@given(st.lists(st.integers(1, 3_000), min_size=1, max_size=8), st.integers(0, 10**10))
def test_the_sound_does_not_depend_on_how_it_is_asked_for(sizes: list[int], start: int) -> None:
    card = TestCard(640, 360, 30)
    whole = card.beep(start, sum(sizes))
    at = start
    for size in sizes:
        assert np.array_equal(card.beep(at, size), whole[at - start : at - start + size])
        at += size


def test_after_a_year_the_tones_are_as_pure_as_at_the_beginning() -> None:
    card = TestCard(640, 360, 30)
    year = 365 * 24 * 3600 * 48_000
    assert np.array_equal(card.beep(year, 4_800), card.beep(0, 4_800))
