from __future__ import annotations

import io
from dataclasses import replace
from fractions import Fraction
from typing import Any

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.broadcast.boxes import boxes, moved, runs
from duologue.broadcast.fmp4 import (
    AUDIO_TRACK,
    VIDEO_TIMESCALE,
    VIDEO_TRACK,
    Segment,
    Segmenter,
    fragment,
    init_segment,
    video_ticks,
)
from duologue.broadcast.packets import Packet, StreamFormat, Track
from duologue.errors import InputError, InternalError
from programme import FPS, HEIGHT, WIDTH, Programme, whole

FORMAT = StreamFormat(WIDTH, HEIGHT, FPS, b"\x01\x64\x00\x1f\xff\xe0\x00", b"\x11\x90")


def video(number: int, key: bool = False) -> Packet:
    return Packet(Track.VIDEO, number, 1, key, b"\0\0\0\1\x65" + bytes([number % 200 + 1]) * 20)


def audio(pts: int) -> Packet:
    return Packet(Track.AUDIO, pts, 1024, True, b"sound")


@pytest.fixture(name="programme", scope="module")
def programme_fixture() -> Programme:
    return Programme().encode(whole(95))


def test_the_boxes_are_those_of_the_standard(programme: Programme) -> None:
    init = [box.kind for box in boxes(init_segment(programme.format))]
    assert init[:2] == ["ftyp", "moov"]
    assert init.count("trak") == init.count("trex") == init.count("stsd") == 2
    segment = [box.kind for box in boxes(programme.segments()[0].data)]
    assert segment == ["styp", "moof", "mfhd", "traf", "tfhd", "tfdt", "trun", "traf", "tfhd", "tfdt", "trun", "mdat"]


def test_segments_are_cut_at_key_frames_and_hold_their_own_sound(programme: Programme) -> None:
    segments = programme.segments()
    assert [(s.number, s.start, s.frames) for s in segments] == [(0, 0, 30), (1, 30, 30), (2, 60, 30), (3, 90, 5)]
    assert [s.duration for s in segments] == pytest.approx([1, 1, 1, 5 / 30])
    ends = {VIDEO_TRACK: 0, AUDIO_TRACK: 0}
    for segment in segments:
        for run in runs(segment.data):
            assert run.time == ends[run.track]
            ends[run.track] = run.time + run.duration
        sound = next(run for run in runs(segment.data) if run.track == AUDIO_TRACK)
        assert 0 <= sound.time - segment.start * 1600 < 1024
    assert ends[VIDEO_TRACK] == video_ticks(95, FPS)


def test_another_reader_sees_every_time_as_it_was_meant(programme: Programme) -> None:
    reader: Any = av.open(io.BytesIO(programme.file()))
    with reader:
        times: dict[str, list[Fraction]] = {"video": [], "audio": []}
        for packet in reader.demux():
            if packet.pts is not None:
                times[packet.stream.type].append(packet.pts * packet.time_base)
    assert times["video"] == [Fraction(number, FPS) for number in range(95)]
    assert times["audio"] == [Fraction(1024 * index, 48_000) for index in range(len(times["audio"]))]


def test_a_gap_in_the_numbers_moves_nothing_that_follows() -> None:
    data = fragment(FORMAT, 1, [video(0, key=True), video(1), video(4), video(5)])
    (run,) = runs(data)
    assert (run.time, run.duration, run.samples) == (0, video_ticks(6, FPS), 4)


def test_a_part_of_ten_frames_is_a_fragment_of_its_own() -> None:
    data = fragment(FORMAT, 7, [video(number) for number in range(40, 50)])
    assert [(run.track, run.time, run.duration) for run in runs(data)] == [(VIDEO_TRACK, 120_000, 30_000)]


def test_a_segment_waits_for_its_sound() -> None:
    segmenter = Segmenter(FORMAT)
    for number in range(33):
        assert segmenter.add(video(number, key=number % 30 == 0)) == []
    pieces = [segment for pts in range(0, 60_000, 1024) for segment in segmenter.add(audio(pts))]
    (segment,) = pieces
    sound = runs(segment.data)[1]
    assert sound.time + sound.duration >= 48_000 > sound.time + sound.duration - 1024


def test_sound_of_another_clock_is_an_error_and_no_silence() -> None:
    segmenter = Segmenter(FORMAT)
    with pytest.raises(InternalError, match="the sound ends at sample"):
        for number in range(9_000, 9_100):
            segmenter.add(video(number, key=number % 30 == 0))
            segmenter.add(audio((number - 9_000) * 1024))


def half(number: int, key: bool = False) -> Packet:
    return replace(video(number, key), duration=2)


def cut(packets: list[Packet]) -> list[Segment]:
    segmenter = Segmenter(FORMAT)
    return [segment for packet in packets for segment in segmenter.add(packet)] + segmenter.flush()


def placed(segments: list[Segment]) -> None:
    """Each track's runs follow one another without a hole, the picture's on its grid."""
    ends: dict[int, int] = {}
    for segment in segments:
        for run in runs(segment.data):
            assert run.time == ends.get(run.track, run.time)
            ends[run.track] = run.time + run.duration
        picture = runs(segment.data)[0]
        assert picture.time == video_ticks(segment.start, FPS)
        assert picture.duration == segment.duration * VIDEO_TIMESCALE


def interleaved(pictures: list[Packet]) -> list[Packet]:
    """With sound beside them, a little late."""
    end = pictures[-1].pts + pictures[-1].duration
    sounds = [audio(pts) for pts in range(pictures[0].pts * 1600, end * 1600, 1024)]
    return sorted([*pictures, *sounds], key=lambda p: p.pts * (1600 if p.track is Track.VIDEO else 1))


def test_half_the_pictures_last_twice_as_long_and_nothing_drifts() -> None:
    """Whole rate, half of it from frame 40 on, whole again from 101 on; and an hour later it is on its grid."""
    for first in (0, 3600 * FPS):
        numbers = [*range(first, first + 40), *range(first + 40, first + 101, 2), *range(first + 101, first + 150)]
        pictures = [
            (half if 40 <= n - first < 101 else video)(n, key=n % FPS == 0) for n in numbers
        ]  # fmt: skip
        segments = cut(interleaved(pictures))
        assert [segment.start - first for segment in segments] == [0, 30, 60, 90, 120]
        assert [segment.frames for segment in segments] == [30, 20, 15, 25, 30]
        assert [segment.duration for segment in segments] == [1] * 5
        placed(segments)


@pytest.mark.parametrize("duration", [1, 2])
def test_at_an_odd_rate_the_last_of_half_the_pictures_ends_with_its_second(duration: int) -> None:
    """25 in a second: 0, 2, … 24, and the next second begins at 25, whatever the encoder says of the last one."""
    form = replace(FORMAT, fps=25)
    segmenter, numbers = Segmenter(form), [*range(0, 25, 2), *range(25, 50, 2), 50]
    pictures = [replace(video(n, key=n % 25 == 0), duration=duration) for n in numbers]
    sounds = [audio(pts) for pts in range(0, 51 * 1920, 1024)]
    first, second, *_ = [s for packet in [*pictures[:14], *sounds[:50], *pictures[14:], *sounds[50:]]
                         for s in segmenter.add(packet)] + segmenter.flush()  # fmt: skip
    assert (first.start, first.duration, second.start, second.duration) == (0, 1, 25, 1)
    assert [runs(each.data)[0].duration for each in (first, second)] == [VIDEO_TIMESCALE] * 2


def test_the_first_segments_may_be_short_and_their_sound_late() -> None:
    """Ten frames each, and the sound half a second behind the picture: three key frames wait for it."""
    pictures = [video(n, key=n in (0, 10, 20) or n % FPS == 0) for n in range(120)]
    sounds = [audio(pts) for pts in range(0, 120 * 1600, 1024)]
    late = sorted([*pictures, *sounds], key=lambda p: p.pts * 1600 if p.track is Track.VIDEO else p.pts + 24_000)
    segments = cut(late)
    assert [segment.start for segment in segments] == [0, 10, 20, 30, 60, 90]
    assert [segment.duration for segment in segments] == pytest.approx([1 / 3, 1 / 3, 1 / 3, 1, 1, 1])
    placed(segments)


def test_the_sound_of_the_last_segment_ends_with_its_picture() -> None:
    """A stage that died had a second of sound more than pictures: the next one speaks over nothing."""
    segmenter = Segmenter(FORMAT)
    for packet in [*(video(n, key=n == 0) for n in range(15)), *(audio(pts) for pts in range(0, 72_000, 1024))]:
        assert segmenter.add(packet) == []
    (last,) = segmenter.flush()
    picture, sound = runs(last.data)
    assert picture.duration == 45_000
    assert 24_000 <= sound.time + sound.duration < 24_000 + 1024


@pytest.mark.parametrize(
    "wrong",
    [
        video(5),
        video(4),
        audio(0),
        replace(video(6), duration=0),
        replace(video(6), duration=-3),
        replace(video(6), data=b""),
        replace(audio(1024), data=b""),
        video(-1, key=True),
    ],
)
def test_packets_out_of_order_are_an_error(wrong: Packet) -> None:
    segmenter = Segmenter(FORMAT)
    for packet in [video(0, key=True), *(video(n) for n in range(1, 6)), audio(0)]:
        segmenter.add(packet)
    with pytest.raises(InternalError, match="follows one at"):
        segmenter.add(wrong)


def test_sound_without_a_picture_is_not_kept_for_ever() -> None:
    segmenter = Segmenter(FORMAT)
    with pytest.raises(InternalError, match="no key frame"):
        for pts in range(0, 48_000 * 60, 1024):
            segmenter.add(audio(pts))
    assert len(segmenter._audio) * 1024 < 11 * 48_000  # pyright: ignore[reportPrivateUsage] (what waits is bounded)


def test_what_comes_before_the_first_key_frame_is_left_out() -> None:
    segmenter = Segmenter(FORMAT)
    for number in range(25, 35):
        segmenter.add(video(number, key=number == 30))
    assert [(segment.start, segment.frames) for segment in segmenter.flush()] == [(30, 5)]


@given(st.lists(st.integers(0, 3), max_size=60), st.integers(0, 400))
def test_how_the_tracks_interleave_does_not_matter(lags: list[int], first: int) -> None:
    pictures = [video(first + n, key=n == 0 or (first + n) % FPS == 0) for n in range(65)]
    sounds = [audio(first * 1600 + 1024 * n) for n in range(65 * 1600 // 1024)]
    reference = Segmenter(FORMAT)
    expected = [s for packet in [*sounds, *pictures] for s in reference.add(packet)] + reference.flush()
    segmenter = Segmenter(FORMAT)
    mixed, rest = list[Packet](), list(sounds)
    for index, packet in enumerate(pictures):
        mixed.append(packet)
        behind = 1600 * (index - (lags[index] if index < len(lags) else 0)) + first * 1600
        while rest and rest[0].pts <= behind:
            mixed.append(rest.pop(0))
    assert [s for packet in mixed + rest for s in segmenter.add(packet)] + segmenter.flush() == expected


def test_a_segment_can_be_moved_in_time(programme: Programme) -> None:
    data = programme.segments()[1].data
    later = moved(data, {VIDEO_TRACK: 90_000, AUDIO_TRACK: 48_000})
    assert [run.time for run in runs(later)] == [
        run.time + scale for run, scale in zip(runs(data), (90_000, 48_000), strict=True)
    ]
    assert moved(later, {VIDEO_TRACK: -90_000, AUDIO_TRACK: -48_000}) == data


@given(st.binary(max_size=200))
def test_any_bytes_are_boxes_or_the_readers_error(data: bytes) -> None:
    try:
        list(boxes(data))
    except InputError:
        pass
