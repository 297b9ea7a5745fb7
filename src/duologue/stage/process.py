"""The stage process: scene, compositor and encoder, apart from every engine's GIL and garbage.

``python -m duologue.stage.process FD`` takes a :class:`~duologue.stage.messages.StagePlan`, then cues, and gives
reports. It leaves when told to, or when the main process is gone. Everything that decides a picture is in
:class:`~duologue.stage.performance.Performance`; here are only time, threads and the channel.
"""

from __future__ import annotations

import contextlib
import gc
import os
import queue
import threading
from collections.abc import Sequence

import cv2

from duologue.broadcast.encoder import AudioEncoder, VideoEncoder, choose_encoder
from duologue.broadcast.packets import Packet, StreamFormat
from duologue.clock import MILLISECOND, SECOND, SYSTEM_CLOCK, Clock, milliseconds
from duologue.errors import ClosedError, InternalError
from duologue.memory import settle
from duologue.stage.encoding import EncoderThread, Job
from duologue.stage.messages import Cue, Encoded, Frames, Ready, Report, Say, Shutdown, StagePlan, Trouble
from duologue.stage.pace import Pace, Step
from duologue.stage.performance import Performance
from duologue.telemetry.ledger import Cause, FrameRecord
from duologue.workers import Channel

PRIORITY = -10
"""The nice value asked for; refused without a word where the process may not (it is a wish, not a need)."""


HEAD_START = 250 * MILLISECOND
"""From ready to the due time of frame 0: the lead is filled faster than real time, so the first segment comes soon."""


class StageProcess:
    """The shell around a performance. ``channel`` is the line to the main process."""

    def __init__(self, channel: Channel, plan: StagePlan, clock: Clock = SYSTEM_CLOCK) -> None:
        self._channel = channel
        self._plan = plan
        self._clock = clock
        self._cues: queue.SimpleQueue[Cue] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._records: list[FrameRecord] = []

    def run(self) -> None:
        """Perform until :class:`Shutdown` or the end of the channel."""
        started = self._clock.now()
        video, audio, encoder = self._open_encoders()
        performance = Performance(self._plan, self._clock, patient=False)
        pace = self._grid()
        first = pace.resume(self._plan.first_frame, self._clock.now())
        wall_origin = self._wall_origin(pace)
        performance.begin(first, wall_origin)
        self._channel.send(
            Ready(
                StreamFormat(
                    self._plan.width, self._plan.height, self._plan.fps, video.extradata, audio.extradata,
                ),
                (self._clock.now() - started) / SECOND, pace.origin, wall_origin, first,
            )
        )  # fmt: skip
        threading.Thread(target=self._listen, args=[performance], name="cues", daemon=True).start()
        encoder.start()
        gc.collect()
        gc.freeze()  # a full collection of all that was loaded took 43–119 ms; from here on it is not looked at again
        try:
            self._perform(performance, pace, first, encoder)
            packets = encoder.finish()
            self._send(Encoded(tuple(packets)), Frames(tuple(self._records)))
        finally:
            performance.close()

    def _open_encoders(self) -> tuple[VideoEncoder, AudioEncoder, EncoderThread]:
        plan = self._plan
        name, note = choose_encoder(plan.encoder)
        if note:
            self._channel.send(Trouble(note, f"encoder {plan.encoder}", f"The show goes on with {name}."))
        video = VideoEncoder(plan.width, plan.height, plan.fps, name, plan.bitrate)
        audio = AudioEncoder()
        return video, audio, EncoderThread(video, audio, self._packaged, self._clock)

    def _grid(self) -> Pace:
        lead = int(self._plan.lead * SECOND)
        return Pace(self._plan.origin or self._clock.now() + HEAD_START, self._plan.fps, lead)

    def _wall_origin(self, pace: Pace) -> int:
        return self._plan.wall_origin or self._clock.wall() + pace.origin - self._clock.now()

    def _perform(self, performance: Performance, pace: Pace, number: int, encoder: EncoderThread) -> None:
        while not self._closing.is_set():
            self._clock.sleep_until(pace.begin(number))
            begun = self._clock.now()
            for cue in self._waiting_cues():
                self._send(*performance.apply(cue))
            step = pace.step(number, begun)
            drawn = performance.draw(number) if step is Step.DRAW else performance.repeat(number)
            compose_ms = milliseconds(self._clock.now() - begun)
            repeated = step is Step.REPEAT
            cause = Cause.STALL if repeated else drawn.cause
            encoder.put(
                Job(
                    number, drawn.picture, drawn.samples, pace.due(number), begun,
                    compose_ms, drawn.damage_px, repeated, cause,
                )
            )  # fmt: skip
            self._send(*drawn.reports)
            number += 1

    def _waiting_cues(self) -> Sequence[Cue]:
        cues: list[Cue] = []
        with contextlib.suppress(queue.Empty):
            while True:
                cues.append(self._cues.get_nowait())
        return cues

    def _listen(self, performance: Performance) -> None:
        for message in self._channel:
            if isinstance(message, Shutdown):
                break
            if isinstance(message, Say):
                performance.prepare(message.utterance)
            if isinstance(message, Cue):  # our own main process sends nothing else
                self._cues.put(message)
        self._closing.set()

    def _packaged(self, packets: list[Packet], record: FrameRecord) -> None:
        self._records.append(record)
        reports: list[Report] = [Encoded(tuple(packets))] if packets else []
        if len(self._records) >= self._plan.fps:
            reports.append(Frames(tuple(self._records)))
            self._records.clear()
        self._send(*reports)

    def _send(self, *reports: Report) -> None:
        try:
            for report in reports:
                self._channel.send(report)
        except ClosedError:
            self._closing.set()  # the main process is gone: leave


def main() -> None:
    """The process's entry point."""
    settle()
    cv2.setNumThreads(1)  # its pool would fight the encoder for two cores
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
    channel = Channel.inherited()
    with contextlib.suppress(ClosedError):  # the main process left before we were ready: so do we
        plan = channel.receive()
        if not isinstance(plan, StagePlan):
            raise InternalError(f"the stage process was sent a {type(plan).__name__} before its plan")
        StageProcess(channel, plan).run()


if __name__ == "__main__":
    main()
