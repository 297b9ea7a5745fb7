"""The encoder's own thread: pictures and samples in, packets and frame records out.

x264 takes 5–8 ms of a frame's 33 and 35 ms on a key frame; in a thread of its own (the encoders release the GIL) that
never holds the picture. The queue is bounded: when the encoder falls behind, drawing waits for it, and the lead
shrinks.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

from duologue.audio.pcm import Samples
from duologue.broadcast.encoder import AudioEncoder, VideoEncoder
from duologue.broadcast.packets import Packet
from duologue.clock import Clock, milliseconds
from duologue.stage.frames import Plane
from duologue.telemetry.ledger import Cause, FrameRecord

DEPTH = 3
"""Frames that may wait for the encoder; a ring of pictures must hold two more (one drawn, one encoded)."""


@dataclass(frozen=True, slots=True)
class Job:
    """A frame to encode: its picture (I420, valid until ``DEPTH`` more are queued), its sound, and how it was made.

    ``due`` and ``begun`` are monotonic ns.
    """

    number: int
    picture: Plane
    samples: Samples
    due: int
    begun: int
    compose_ms: float
    damage_px: int
    repeated: bool
    cause: Cause


Sink = Callable[[list[Packet], FrameRecord], None]
"""Called in the encoder's thread after each frame."""


class EncoderThread:
    """Owns both encoders of a show.

    Raise nothing to the caller: a failure is kept in :attr:`failure` and ends the thread.
    """

    def __init__(self, video: VideoEncoder, audio: AudioEncoder, sink: Sink, clock: Clock) -> None:
        self._video = video
        self._audio = audio
        self._sink = sink
        self._clock = clock
        self._jobs: queue.Queue[Job | None] = queue.Queue(DEPTH)
        self._thread = threading.Thread(target=self._run, name="encoder", daemon=True)
        self.failure: BaseException | None = None

    def start(self) -> None:
        """Begin; call once."""
        self._thread.start()

    def put(self, job: Job) -> None:
        """Queue a frame; waits while ``DEPTH`` are queued. Raises what ended the thread, if it has ended."""
        while True:
            if self.failure is not None:
                raise self.failure
            try:
                self._jobs.put(job, timeout=0.5)
                return
            except queue.Full:
                continue  # look whether the encoder died meanwhile

    def finish(self) -> list[Packet]:
        """Encode what is queued, flush both encoders and give their last packets."""
        self._jobs.put(None)
        self._thread.join()
        if self.failure is not None:
            raise self.failure
        return [*self._video.flush(), *self._audio.flush()]

    def _run(self) -> None:
        try:
            while (job := self._jobs.get()) is not None:
                self._encode(job)
        except BaseException as error:
            self.failure = error

    def _encode(self, job: Job) -> None:
        began, cpu = self._clock.now(), self._clock.cpu()
        packets = self._video.encode(job.picture, job.number)
        packets += self._audio.encode(job.samples, job.number * len(job.samples))
        ended = self._clock.now()
        encode_ms = milliseconds(ended - began)
        cause = job.cause
        period_ms = milliseconds(self._clock_period(job))
        if not cause and job.compose_ms + encode_ms > period_ms:
            starved = self._clock.cpu() - cpu < (ended - began) // 2
            cause = Cause.STALL if starved else Cause.ENCODE if encode_ms > job.compose_ms else Cause.COMPOSE
        record = FrameRecord(
            job.number, job.due, job.begun, job.compose_ms, encode_ms, job.damage_px, ended,
            milliseconds(ended - job.due), job.repeated, cause,
        )  # fmt: skip
        self._sink(packets, record)

    def _clock_period(self, job: Job) -> int:
        return 1_000_000_000 * len(job.samples) // 48_000
