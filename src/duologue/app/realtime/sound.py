"""Sound as clients of the Realtime API send and want it, and the pace at which it is listened to. Pure, but for
:meth:`PacedSound.run`.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections import deque
from collections.abc import Callable

import numpy as np

from duologue.app.realtime.messages import AudioFormat, EventError
from duologue.audio import g711
from duologue.audio.pcm import RATE, Samples, from_int16, silence, to_int16
from duologue.audio.resample import StreamResampler
from duologue.clock import MILLISECOND, SECOND, Clock
from duologue.speech.hearing import EAR_RATE

PCM_RATE = 24_000
LAW_RATE = 8_000
_LAWS: dict[str, g711.Law] = {"audio/pcmu": "mu", "audio/pcma": "a"}
MOST_SECONDS = 60
"""Of sound that waits to be listened to."""
BLOCK = EAR_RATE // 50
"""Samples that are listened to at once, where sound came faster than time passes."""
USUAL_NS = 250 * MILLISECOND
"""A longer block is no microphone's: it is listened to from its beginning, not as if it had just ended."""
LATE_NS = 300 * MILLISECOND
"""Sound that comes so much later than it was due follows a pause, in which nothing was sent."""
SLACK_NS = 100 * MILLISECOND
SLACK_PER_SECOND = 10 * MILLISECOND
"""A client's clock may be so much ahead of ours, and run so much faster."""


def rate_of(form: AudioFormat) -> int:
    """Samples a second."""
    return PCM_RATE if form.type == "audio/pcm" else LAW_RATE


class SoundReader:
    """A client's sound for the ears."""

    def __init__(self, form: AudioFormat) -> None:
        self._law: g711.Law | None = _LAWS.get(form.type)
        self._resampler = StreamResampler(rate_of(form), EAR_RATE)

    def feed(self, text: str) -> Samples:
        """The next block, base64 -> 16 kHz. Raises :class:`EventError`."""
        try:
            data = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise EventError("'audio' is not base64.", param="audio") from error
        if self._law is None and len(data) % 2:
            raise EventError("'audio' ends in the middle of a sample of 16 bits.", param="audio")
        sound = g711.decode(data, self._law) if self._law else from_int16(np.frombuffer(data, "<i2").astype(np.int16))
        return self._resampler.push(sound)


class DeltaWriter:
    """Our sound for a client: of one utterance, as it comes."""

    def __init__(self, form: AudioFormat) -> None:
        self._law: g711.Law | None = _LAWS.get(form.type)
        self._resampler = StreamResampler(RATE, rate_of(form))

    def feed(self, samples: Samples, *, last: bool) -> bytes:
        """The next piece (48 kHz), and with the ``last`` one what was under way."""
        made = self._resampler.push(samples)
        if last:
            made = np.concatenate([made, self._resampler.finish()])
        return self._bytes(made)

    def pause(self, samples: int) -> bytes:
        """Silence of so many samples at 48 kHz."""
        return self._bytes(silence(samples * (LAW_RATE if self._law else PCM_RATE) // RATE))

    def _bytes(self, samples: Samples) -> bytes:
        if self._law is not None:
            return g711.encode(samples, self._law)
        return to_int16(samples).astype("<i2").tobytes()


class PacedSound:
    """What a client appends, listened to at the pace of time: a file may be sent at once, and turns are taken by when
    something is said. What comes as time passes is listened to at once.

    ``total`` counts the samples (16 kHz) that were given on, which is where the client thinks that it is.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock.now()
        self._blocks: deque[Samples] = deque()
        self._news = asyncio.Event()
        self._waiting = self._epoch = 0
        self.total = 0
        self._base: int | None = None  # when the first sample of all would have been said (ns)
        self._slack, self._slack_at = SLACK_NS, self._began

    def push(self, samples: Samples) -> bool:
        """The next block. False: too much waits, and it is not taken."""
        if not len(samples):
            return True
        if self._waiting + len(samples) > MOST_SECONDS * EAR_RATE:
            return False
        if not self._waiting:
            self._place(len(samples))
        self._blocks.append(samples)
        self._waiting += len(samples)
        self._news.set()
        return True

    def clear(self) -> None:
        """What waits is not listened to."""
        self._blocks.clear()
        self._waiting = 0
        self._epoch += 1

    def milliseconds(self, at: int) -> int:
        """Where in all that was appended a moment (ns) lies."""
        place = (at - (self._base if self._base is not None else at)) // MILLISECOND
        return max(0, min(place, self.total * 1000 // EAR_RATE))

    async def run(self, hear: Callable[[Samples, int], None]) -> None:
        """Give ``hear`` what is due, with the number of its first sample on a clock that never stands still."""
        while True:
            while self._blocks:
                block, epoch = self._take(), self._epoch
                await self._clock.wait_until(self._due(len(block)))
                if epoch != self._epoch:
                    continue
                assert self._base is not None
                self._waiting -= len(block)
                at = (self._base - self._began) * EAR_RATE // SECOND + self.total
                self.total += len(block)
                hear(block, at)
            self._news.clear()
            await self._news.wait()

    def _take(self) -> Samples:
        """As much as may be listened to now, or a little."""
        block = self._blocks.popleft()
        if len(block) > BLOCK and self._due(len(block)) > self._clock.now():
            block, rest = block[:BLOCK], block[BLOCK:]
            self._blocks.appendleft(rest)
        return block

    def _due(self, count: int) -> int:
        """When the next ``count`` samples have been said."""
        assert self._base is not None
        return self._base + (self.total + count) * SECOND // EAR_RATE

    def _place(self, count: int) -> None:
        """A block came when nothing waited: it has just been said, unless it is too long, or comes too fast."""
        now = self._clock.now()
        self._slack = min(SLACK_NS, self._slack + (now - self._slack_at) * SLACK_PER_SECOND // SECOND)
        self._slack_at = now
        length = count * SECOND // EAR_RATE
        just = now - self.total * SECOND // EAR_RATE - (length if length <= USUAL_NS else 0)
        if self._base is None or just - self._base > LATE_NS:
            self._base = just
        elif just < self._base:
            early = min(self._base - just, self._slack)
            self._slack -= early
            self._base -= early
