from __future__ import annotations

import io
from fractions import Fraction
from typing import Any

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.broadcast.boxes import boxes, moved, runs
from duologue.broadcast.fmp4 import AUDIO_TRACK, VIDEO_TRACK, Segmenter, fragment, init_segment, video_ticks
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
