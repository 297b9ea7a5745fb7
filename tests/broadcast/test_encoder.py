from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest
from av.codec.context import CodecContext
from av.packet import Packet as AvPacket

from duologue.broadcast.encoder import (
    ENCODERS,
    AudioEncoder,
    EncoderProbe,
    VideoEncoder,
    choose_encoder,
    probe_encoders,
)
from duologue.broadcast.h264 import IDR_SLICE, PPS, SLICE, SPS, avc_configuration, nal_units, unit_type
from duologue.broadcast.packets import Packet
from duologue.errors import InputError, InternalError
from programme import FPS, HEIGHT, WIDTH, picture

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute


def encoded(numbers: range) -> list[Packet]:
    encoder = VideoEncoder(WIDTH, HEIGHT, FPS)
    packets = [packet for number in numbers for packet in encoder.encode(picture(number), number)]
    return packets + encoder.flush()


def test_each_frame_gives_its_packet_at_once() -> None:
    encoder = VideoEncoder(WIDTH, HEIGHT, FPS)
    for number in range(5):
        (packet,) = encoder.encode(picture(number), number)
        assert (packet.pts, packet.duration) == (number, 1)
    assert encoder.flush() == []


def test_key_frames_stand_on_the_second_and_nowhere_else() -> None:
    assert [packet.pts for packet in encoded(range(95)) if packet.key] == [0, 30, 60, 90]


def test_a_cut_of_the_scene_makes_no_key_frame() -> None:
    encoder = VideoEncoder(WIDTH, HEIGHT, FPS)
    noise = np.random.default_rng(0).integers(0, 255, (20, HEIGHT * 3 // 2, WIDTH), np.uint8)
    packets = [packet for number in range(20) for packet in encoder.encode(noise[number], number)]
    assert [packet.pts for packet in packets if packet.key] == [0]


def test_a_stage_that_begins_in_mid_show_keeps_the_grid_of_key_frames() -> None:
    assert [packet.pts for packet in encoded(range(100, 155)) if packet.key] == [100, 120, 150]


def test_an_opening_has_a_key_frame_at_each_third_of_its_first_second() -> None:
    encoder = VideoEncoder(WIDTH, HEIGHT, FPS, opening=True)
    packets = [packet for number in range(95) for packet in encoder.encode(picture(number), number)]
    assert [packet.pts for packet in packets if packet.key] == [0, 10, 20, 30, 60, 90]


def test_at_half_the_rate_key_frames_stay_on_the_second_and_a_picture_lasts_two_frames() -> None:
    encoder = VideoEncoder(WIDTH, HEIGHT, FPS)
    packets = [packet for number in range(0, 96, 2) for packet in encoder.encode(picture(number), number, periods=2)]
    assert [packet.pts for packet in packets if packet.key] == [0, 30, 60, 90]
    assert {packet.duration for packet in packets} == {2}


@pytest.mark.parametrize("size", [(320, 180), (640, 360), (1280, 720), (1920, 1080), (1080, 1920)])
@pytest.mark.parametrize("fps", [15, 25, 30, 50])
def test_less_analysis_has_the_same_parameter_sets_to_the_byte(size: tuple[int, int], fps: int) -> None:
    encoder = VideoEncoder(*size, fps)
    assert encoder.can_lighten
    full = encoder.extradata
    black = np.full((size[1] * 3 // 2, size[0]), 16, np.uint8)
    encoder.encode(black, 0)
    encoder.encode(black, fps, light=True)
    assert encoder.extradata == full
    encoder.encode(black, 2 * fps)
    assert encoder.extradata == full


def test_less_analysis_begins_and_ends_at_a_key_frame_and_decodes_as_one_stream() -> None:
    encoder = VideoEncoder(WIDTH, HEIGHT, FPS)
    packets: list[Packet] = []
    for number in range(150):
        packets += encoder.encode(picture(number), number, light=40 <= number < 100)
    assert [packet.pts for packet in packets] == list(range(150))
    assert [packet.pts for packet in packets if packet.key] == [0, 30, 60, 90, 120]
    always = encoded(range(150))
    differing = [mine.pts for mine, theirs in zip(packets, always, strict=True) if mine.data != theirs.data]
    assert differing[0] == 60
    decoder: Any = CodecContext.create("h264", "r")
    decoder.extradata = encoder.extradata
    frames = [frame for packet in packets for frame in decoder.decode(AvPacket(packet.data))]
    frames += decoder.decode(None)
    assert len(frames) == 150
    for number in (0, 59, 60, 75, 119, 149):
        luma = frames[number].to_ndarray()[:HEIGHT].astype(int)
        assert np.abs(luma - picture(number)[:HEIGHT]).mean() < 4


def test_equal_input_gives_equal_bytes() -> None:
    first, second = (hashlib.sha256(b"".join(p.data for p in encoded(range(40)))).digest() for _ in range(2))
    assert first == second


def test_the_stream_is_high_profile_annex_b_with_its_parameter_sets_outside() -> None:
    encoder = VideoEncoder(WIDTH, HEIGHT, FPS)
    assert encoder.format == (WIDTH, HEIGHT, FPS)
    assert [unit_type(unit) for unit in nal_units(encoder.extradata)][:2] == [SPS, PPS]
    assert avc_configuration(encoder.extradata)[1] == 100  # High
    key, inter = (encoder.encode(picture(number), number)[0] for number in range(2))
    assert IDR_SLICE in {unit_type(unit) for unit in nal_units(key.data)}
    assert {unit_type(unit) for unit in nal_units(inter.data)} == {SLICE}


def test_a_configuration_record_is_kept_and_parameter_sets_are_needed() -> None:
    record = avc_configuration(VideoEncoder(WIDTH, HEIGHT, FPS).extradata)
    assert avc_configuration(record) == record
    with pytest.raises(InternalError, match="parameter sets"):
        avc_configuration(b"\0\0\0\1\x09\xf0")


def test_what_cannot_be_encoded_is_refused() -> None:
    with pytest.raises(InputError, match="641x360"):
        VideoEncoder(641, 360, FPS)
    with pytest.raises(InputError, match="no encoder 'x265'"):
        VideoEncoder(640, 360, FPS, "x265")
    encoder = VideoEncoder(WIDTH, HEIGHT, FPS)
    with pytest.raises(InternalError, match="shape"):
        encoder.encode(np.zeros((HEIGHT, WIDTH), np.uint8), 0)
    encoder.encode(picture(0), 7)
    with pytest.raises(InternalError, match="frame 7"):
        encoder.encode(picture(0), 7)


def decoded_sound(packets: list[Packet], extradata: bytes) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    decoder: Any = CodecContext.create("aac", "r")
    decoder.extradata = extradata
    decoder.sample_rate, decoder.layout = 48_000, "stereo"
    frames = [frame.to_ndarray()[0] for packet in packets for frame in decoder.decode(AvPacket(packet.data))]
    return np.concatenate(frames).astype(np.float32)


def test_sound_lies_exactly_where_it_was_put() -> None:
    sound = np.zeros((48_000, 2), np.float32)
    click = 23_456
    sound[click : click + 200] = 0.7 * np.hanning(200)[:, None]
    encoder = AudioEncoder()
    packets = [packet for at in range(0, 48_000, 1600) for packet in encoder.encode(sound[at : at + 1600])]
    packets += encoder.flush()
    assert [packet.pts for packet in packets] == [1024 * index for index in range(47)]
    heard = decoded_sound(packets, encoder.extradata)
    lag = int(np.correlate(heard[: len(sound)], sound[click : click + 200, 0], "valid").argmax())
    assert lag == click


@pytest.mark.parametrize("size", [1, 480, 1024, 1600, 5000])
def test_the_size_of_the_pieces_does_not_matter(size: int) -> None:
    sound = np.random.default_rng(1).uniform(-0.5, 0.5, (9_600, 2)).astype(np.float32)
    encoder = AudioEncoder()
    packets = [packet for at in range(0, len(sound), size) for packet in encoder.encode(sound[at : at + size])]
    whole = AudioEncoder()
    assert packets + encoder.flush() == whole.encode(sound) + whole.flush()


def test_sound_that_begins_in_mid_show_is_placed_there_and_must_follow_on() -> None:
    encoder = AudioEncoder()
    piece = np.zeros((4_096, 2), np.float32)
    assert encoder.encode(piece, 160_000)[0].pts == 160_000
    encoder.encode(piece, 164_096)
    with pytest.raises(InternalError, match="168192 was due"):
        encoder.encode(piece, 170_000)
    with pytest.raises(InternalError, match="channels"):
        encoder.encode(np.zeros((10, 1), np.float32))


def test_probes_try_every_encoder_and_say_why_one_does_not_work() -> None:
    probes = probe_encoders()
    assert tuple(probe.name for probe in probes) == ENCODERS
    assert probes[0] == EncoderProbe("libx264", True)
    assert all(probe.works or probe.why_not for probe in probes)


def test_an_encoder_that_does_not_work_here_is_replaced_with_a_word() -> None:
    assert choose_encoder("libx264") == ("libx264", None)
    for probe in probe_encoders():
        name, note = choose_encoder(probe.name)
        assert (name, note is None) == ((probe.name, True) if probe.works else ("libx264", False))
    with pytest.raises(InputError, match="libx264, h264_nvenc"):
        choose_encoder("h266")
