"""The encoders' threads: what they give, how they end, and that whoever waits for them is never left waiting."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from duologue.broadcast.encoder import AudioEncoder, VideoEncoder
from duologue.broadcast.fmp4 import fragment, init_segment
from duologue.broadcast.packets import Packet, StreamFormat, Track
from duologue.broadcast.testcard import TestCard, read_card
from duologue.clock import SYSTEM_CLOCK
from duologue.errors import PeerError
from duologue.prover.viewer import DecodedPicture, RunDecoder
from duologue.stage.encoding import DEPTH, Encoders, Job
from duologue.telemetry.ledger import FrameRecord

WIDTH, HEIGHT, FPS = 640, 360, 30
SPF = 1600


def grey(level: int = 128) -> Any:
    picture = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
    picture[:HEIGHT] = level
    return picture


def job(number: int, periods: int = 1) -> Job:
    return Job(number, grey(), 0, 0, 1.0, 0, periods=periods, wall_ms=1_700_000_000_000 + number)


class Taken:
    """A sink that keeps what it gets, may fail, and may be held."""

    def __init__(self) -> None:
        self.packets: list[Packet] = []
        self.records: list[FrameRecord] = []
        self.fail: BaseException | None = None
        self.free = threading.Event()
        self.free.set()

    def __call__(self, packets: list[Packet], record: FrameRecord | None) -> None:
        self.free.wait()
        if self.fail is not None:
            raise self.fail
        self.packets += packets
        if record is not None:
            self.records.append(record)

    def of(self, track: Track) -> list[Packet]:
        return [packet for packet in self.packets if packet.track is track]


def encoders(sink: Taken, card: TestCard | None = None) -> Encoders:
    made = Encoders(VideoEncoder(WIDTH, HEIGHT, FPS), AudioEncoder(), sink, SYSTEM_CLOCK, card)
    made.start()
    return made


def test_all_that_was_put_comes_out_in_order_with_its_records() -> None:
    sink = Taken()
    threads = encoders(sink)
    for number in range(45):
        threads.put_sound(np.zeros((SPF, 2), np.float32), number * SPF)
        threads.put(job(number))
    threads.finish()
    assert [packet.pts for packet in sink.of(Track.VIDEO)] == list(range(45))
    assert [packet.pts for packet in sink.of(Track.AUDIO)] == list(range(0, 45 * SPF, 1024))
    assert [record.number for record in sink.records] == list(range(45))


def test_a_picture_for_two_periods_may_cost_two() -> None:
    sink = Taken()
    threads = encoders(sink)
    threads.put(job(0, periods=2))
    threads.finish()
    assert (sink.records[0].periods, sink.packets[0].duration) == (2, 2)


def test_what_fails_in_a_thread_is_raised_to_whoever_comes_next_and_never_waited_for() -> None:
    sink = Taken()
    sink.fail = OSError(28, "No space left on device")
    threads = encoders(sink)
    threads.put(job(0))
    with pytest.raises(OSError, match="No space left"):
        for number in range(1, 20):
            threads.put(job(number))
    with pytest.raises(OSError, match="No space left"):
        threads.finish(5.0)


def test_a_sound_that_cannot_be_encoded_ends_it_too() -> None:
    threads = encoders(Taken())
    threads.put_sound(np.zeros((SPF, 1), np.float32), 0)
    with pytest.raises(Exception, match="encoder of 2 channels"):
        threads.finish(5.0)


def test_a_sink_that_hangs_is_named_and_not_waited_for_for_ever() -> None:
    sink = Taken()
    sink.free.clear()
    threads = encoders(sink)
    for number in range(DEPTH):
        threads.put(job(number))
    try:
        with pytest.raises(PeerError, match="encoder did not come to its end"):
            threads.finish(0.2)
    finally:
        sink.free.set()


def test_other_encoders_take_over_in_order_at_another_size_with_the_card_at_theirs() -> None:
    sink = Taken()
    card = TestCard(WIDTH, HEIGHT, FPS)
    threads = encoders(sink, card)
    for number in range(10):
        threads.put_sound(np.zeros((SPF, 2), np.float32), number * SPF)
        threads.put(job(number))
    threads.change(VideoEncoder(426, 240, FPS), AudioEncoder(), TestCard(426, 240, FPS))
    before = len(sink.packets)
    assert len(sink.of(Track.VIDEO)) == 10
    for number in range(100, 110):
        threads.put_sound(np.zeros((SPF, 2), np.float32), number * SPF)
        threads.put(job(number))
    threads.finish()
    after = sink.packets[before:]
    video = [packet for packet in after if packet.track is Track.VIDEO]
    assert [packet.pts for packet in video] == list(range(100, 110))
    assert video[0].key
    assert min(packet.pts for packet in after if packet.track is Track.AUDIO) == 100 * SPF
    (picture,) = _decoded(video[:1])
    assert picture.luma.shape == (240, 426)
    found = read_card(picture.luma)
    assert found is not None and found.number == 100
    assert abs(float(picture.luma[200:].mean()) - 128) < 3


def test_nothing_that_was_never_started_is_waited_for() -> None:
    threads = Encoders(VideoEncoder(WIDTH, HEIGHT, FPS), AudioEncoder(), Taken(), SYSTEM_CLOCK)
    threads.finish(0.1)


def _decoded(packets: list[Packet]) -> list[DecodedPicture]:
    encoder = VideoEncoder(426, 240, FPS)
    format = StreamFormat(426, 240, FPS, encoder.extradata, AudioEncoder().extradata)
    decoder = RunDecoder()
    data = init_segment(format) + fragment(format, 1, packets)
    found = [*decoder.decode(data), *decoder.finish()]
    return [item for item in found if isinstance(item, DecodedPicture)]
