"""The encoders' own threads: pictures and samples in, packets and frame records out.

x264 takes 5–8 ms of a frame's 33 and 16 ms on a key frame; in a thread of its own (the encoders release the GIL) that
never holds the picture, and the sound's 0.6 ms a frame, in a third, never hold x264. The queues are bounded: when an
encoder falls behind, drawing waits for it, and the lead shrinks.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import cv2
import numpy as np

from duologue.audio.pcm import Samples
from duologue.broadcast.encoder import AudioEncoder, VideoEncoder
from duologue.broadcast.packets import Packet
from duologue.broadcast.testcard import TestCard
from duologue.clock import SECOND, Clock, milliseconds
from duologue.errors import PeerError
from duologue.stage.frames import Plane, split_planes
from duologue.telemetry.core_time import core_time
from duologue.telemetry.ledger import Cause, FrameRecord

DEPTH = 3
"""Frames that may wait for the encoder; a ring of pictures must hold two more (one drawn, one encoded)."""
PATIENCE = 10.0
"""Seconds that the end of a queue is waited for."""

Item = TypeVar("Item")
Sink = Callable[[list[Packet], FrameRecord | None], None]
"""Called in the encoders' threads, never by both at once: what was encoded, and the record of a picture."""


@dataclass(frozen=True, slots=True)
class Job:
    """A frame to encode: its picture (I420, valid until ``DEPTH`` more are queued), and how it was made.

    It stands for ``periods`` frames. ``due`` and ``begun`` are monotonic ns, ``wall_ms`` is when it is due (Unix ms).
    ``light`` asks the encoder to look for less; ``work`` as in :class:`FrameRecord`; ``waited`` is how long the thread
    that drew it was ready and no core ran it, since the frame before, and ``blocked`` how long it stood still (ns).
    """

    number: int
    picture: Plane
    due: int
    begun: int
    compose_ms: float
    damage_px: int
    cause: Cause = Cause.NONE
    periods: int = 1
    wall_ms: int = 0
    light: bool = False
    work: str = ""
    waited: int = 0
    blocked: int = 0


class _Line(Generic[Item]):
    """A thread that works off a bounded queue. A failure of ``work`` ends it, and is raised to whoever comes next."""

    def __init__(self, name: str, depth: int, work: Callable[[Item], None]) -> None:
        self._items: queue.Queue[Item | None] = queue.Queue(depth)
        self._work = work
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._failure: BaseException | None = None

    def start(self) -> None:
        self._thread.start()

    def put(self, item: Item) -> None:
        """Queue it; waits while ``depth`` are queued."""
        while not self._try(item, 0.5):
            pass  # look whether the thread died meanwhile

    def drain(self, patience: float) -> None:
        """Wait until all that is queued is done."""
        idle = self._items.all_tasks_done
        with idle:
            done = idle.wait_for(lambda: self._failure is not None or not self._items.unfinished_tasks, patience)
        self._check()
        if not done:
            raise self._stuck(patience)

    def end(self, patience: float) -> None:
        """Do what is queued and end the thread."""
        self._check()
        if self._thread.ident is None:
            return
        if not self._try(None, patience):
            raise self._stuck(patience)
        self._thread.join(patience)
        self._check()
        if self._thread.is_alive():
            raise self._stuck(patience)

    def _try(self, item: Item | None, patience: float) -> bool:
        self._check()
        try:
            self._items.put(item, timeout=patience)
        except queue.Full:
            self._check()
            return False
        return True

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _stuck(self, patience: float) -> PeerError:
        return PeerError(
            f"the thread {self._thread.name} did not come to its end in {patience:g} s",
            remedy="Does the disk answer? What was written until then is kept.",
        )

    def _run(self) -> None:
        try:
            while (item := self._items.get()) is not None:
                self._work(item)
                self._items.task_done()
        except BaseException as error:
            self._failure = error
            with self._items.all_tasks_done:
                self._items.all_tasks_done.notify_all()  # whoever drains need not wait for what will not be done


class Encoders:
    """Both encoders of a show. Their failures are raised by the next call of any method but :meth:`start`.

    ``card`` draws the test card into each picture before it is encoded, at the encoded size.
    """

    def __init__(
        self, video: VideoEncoder, audio: AudioEncoder, sink: Sink, clock: Clock, card: TestCard | None = None
    ) -> None:
        self._video = video
        self._audio = audio
        self._card = card
        self._sink = sink
        self._clock = clock
        self._turn = threading.Lock()
        self._small: Plane | None = None
        self._pictures = _Line[Job]("encoder", DEPTH, self._encode)
        self._sounds = _Line[tuple[Samples, int]]("sound", 2 * DEPTH, self._encode_sound)

    def start(self) -> None:
        """Begin; call once."""
        self._pictures.start()
        self._sounds.start()

    def put(self, job: Job) -> None:
        """Queue a picture; waits while ``DEPTH`` are queued."""
        self._pictures.put(job)

    def put_sound(self, samples: Samples, at: int) -> None:
        """Queue the show's samples from sample ``at`` on; waits while twice ``DEPTH`` blocks are queued."""
        self._sounds.put((samples, at))

    def change(self, video: VideoEncoder, audio: AudioEncoder, card: TestCard | None = None) -> None:
        """Go on with other encoders once all that is queued is encoded and the old ones have given all they held.

        Pictures of another size than ``video`` takes are scaled to it.
        """
        self._pictures.drain(PATIENCE)
        self._sounds.drain(PATIENCE)
        self._flush()
        width, height, _ = video.format
        self._small = np.empty((height * 3 // 2, width), np.uint8)
        self._video, self._audio, self._card = video, audio, card

    def finish(self, patience: float = PATIENCE) -> None:
        """Encode what is queued and give out all that the encoders hold. Raises :class:`PeerError` when that takes
        longer than ``patience`` seconds.
        """
        self._pictures.end(patience)
        self._sounds.end(patience)
        self._flush()

    def _flush(self) -> None:
        packets = [*self._video.flush(), *self._audio.flush()]
        if packets:
            self._give(packets, None)

    def _give(self, packets: list[Packet], record: FrameRecord | None) -> None:
        with self._turn:
            self._sink(packets, record)

    def _encode(self, job: Job) -> None:
        began, cpu, had = self._clock.now(), self._clock.cpu(), core_time()
        picture = job.picture
        if self._small is not None and self._small.shape != picture.shape:
            picture = _scaled(picture, self._small)
        if self._card is not None:
            self._card.draw(picture, job.number, job.wall_ms, job.periods)
        packets = self._video.encode(picture, job.number, periods=job.periods, light=job.light)
        ended = self._clock.now()
        encode_ms = milliseconds(ended - began)
        cause = job.cause
        if not cause and job.compose_ms + encode_ms > 1000 * job.periods / self._video.fps:
            starved = self._clock.cpu() - cpu < (ended - began) // 2
            cause = Cause.STALL if starved else Cause.ENCODE if encode_ms > job.compose_ms else Cause.COMPOSE
        has = core_time()
        waited, blocked = job.waited + has.waited - had.waited, job.blocked + has.idle(had, ended - began)
        record = FrameRecord(
            job.number, job.due, job.begun, job.compose_ms, encode_ms, job.damage_px, ended,
            milliseconds(ended - job.due), cause, job.periods, job.work, round(milliseconds(waited), 2),
            round(max(0.0, milliseconds(blocked)), 2),
        )  # fmt: skip
        self._give(packets, record)

    def _encode_sound(self, block: tuple[Samples, int]) -> None:
        packets = self._audio.encode(*block)
        if packets:
            self._give(packets, None)


def _scaled(picture: Plane, target: Plane) -> Plane:
    """An I420 picture at the size of ``target``, into which it is drawn."""
    sides = ((plane.shape[1], plane.shape[0] * 2 // 3) for plane in (picture, target))
    source, scaled = (
        split_planes(plane, width, height) for plane, (width, height) in zip((picture, target), sides, strict=True)
    )
    for plane, small in zip(source, scaled, strict=True):
        cv2.resize(plane, (small.shape[1], small.shape[0]), small, interpolation=cv2.INTER_AREA)
    return target


def wall_ms_of(number: int, fps: int, wall_origin: int) -> int:
    """When frame ``number`` is due (Unix ms) in a show whose frame 0 is due at ``wall_origin`` (Unix ns)."""
    return (wall_origin + number * SECOND // fps) // 1_000_000
