"""A small programme with a test card, whole or broken on purpose, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from duologue.audio.pcm import Samples
from duologue.broadcast.encoder import AudioEncoder, Picture, VideoEncoder
from duologue.broadcast.fmp4 import Segment, Segmenter, init_segment
from duologue.broadcast.hls import HlsStore
from duologue.broadcast.packets import Packet, StreamFormat
from duologue.broadcast.testcard import TestCard
from duologue.clock import SECOND

WIDTH, HEIGHT, FPS = 640, 360, 30
SPAN = 48_000 // FPS
EPOCH_MS = 1_700_000_000_000


def picture(number: int, height: int = HEIGHT, width: int = WIDTH) -> Picture:
    """A room with something that moves."""
    frame = np.full((height * 3 // 2, width), 128, np.uint8)
    frame[:height] = np.linspace(40, 200, width, dtype=np.uint8)
    left = 100 + number * 3 % (width // 2)
    frame[height // 2 : height // 2 + 60, left : left + 80] = 220
    return frame


def babble(start: int, count: int) -> Samples:
    """Something like speech: a buzz with a hiss in syllables of 4 Hz.

    Its hiss is louder than speech's about the pilot.
    """
    at = np.arange(start, start + count)
    noise = np.random.default_rng(start).standard_normal(count) * 0.02
    voice = sum(np.sin(2 * np.pi * 120 * k * at / 48_000) / k for k in range(1, 30)) * 0.12
    return ((voice + noise) * (np.sin(2 * np.pi * 4 * at / 48_000) > 0)).astype(np.float32)


def sound(start: int, count: int) -> Samples:
    """The card's sound alone."""
    return TestCard(WIDTH, HEIGHT, FPS).beep(start, count)


def sound_under_speech(start: int, count: int) -> Samples:
    """The card's sound under something like speech."""
    return sound(start, count) + babble(start, count)


@dataclass
class Programme:
    """Encodes frames ``(number in the stream, number on the card)`` and sound, and keeps what comes out.

    ``size`` is the encoded picture's; frames of ``halved`` numbers are made at half the picture rate: the even ones, as
    packets that last two periods.
    """

    first: int = 0
    size: tuple[int, int] = (WIDTH, HEIGHT)
    halved: range = range(0)
    packets: list[Packet] = field(default_factory=list[Packet])
    format: StreamFormat = field(default_factory=lambda: StreamFormat(0, 0, 0, b"", b""))

    def encode(
        self,
        frames: Sequence[tuple[int, int]],
        sounding: Callable[[int, int], Samples] = sound,
        change: Callable[[Samples], Samples] = lambda samples: samples,
    ) -> Programme:
        """Encode; ``change`` may spoil the whole sound before it is encoded.

        Sound runs from the first frame's start.
        """
        width, height = self.size
        video, audio = VideoEncoder(width, height, FPS), AudioEncoder()
        self.format = StreamFormat(width, height, FPS, video.extradata, audio.extradata)
        card = TestCard(width, height, FPS)
        self.first = frames[0][0]
        count = (frames[-1][0] + 1 - self.first) * SPAN
        track = change(sounding(self.first * SPAN, count))
        stereo = np.repeat(track[:, None], 2, 1)
        given = 0
        for number, shown in frames:
            periods = 2 if number in self.halved else 1
            if periods == 1 or number % 2 == 0:
                drawn = picture(number, height, width)
                card.draw(drawn, shown, EPOCH_MS + shown * 1000 // FPS, periods)
                self.packets += self._lasting(video.encode(drawn, number))
            upto = (number + 1 - self.first) * SPAN
            self.packets += audio.encode(stereo[given:upto], self.first * SPAN + given)
            given = upto
        self.packets += [*self._lasting(video.flush()), *audio.flush()]
        return self

    def _lasting(self, packets: Iterable[Packet]) -> list[Packet]:
        return [replace(packet, duration=2 if packet.pts in self.halved else 1) for packet in packets]

    def segments(self) -> list[Segment]:
        """Everything, cut."""
        segmenter = Segmenter(self.format)
        cut = [segment for packet in self.packets for segment in segmenter.add(packet)]
        return cut + segmenter.flush()

    def file(self) -> bytes:
        """Everything as a fragmented file."""
        return init_segment(self.format) + b"".join(segment.data for segment in self.segments())


def whole(count: int, first: int = 0) -> list[tuple[int, int]]:
    """``count`` frames in order, each with its own number on its card."""
    return [(number, number) for number in range(first, first + count)]


def wall(start: int) -> int:
    """Unix ns of frame ``start``."""
    return EPOCH_MS * 1_000_000 + start * SECOND // FPS


def stored(runs: Iterable[Programme], window: int = 100) -> HlsStore:
    """A store that was given all of each run."""
    store = HlsStore(window)
    for run in runs:
        store.begin(run.format, init_segment(run.format))
        for segment in run.segments():
            store.push(segment, wall(segment.start))
    return store
