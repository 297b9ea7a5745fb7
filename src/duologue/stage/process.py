"""The stage process: scene, compositor and encoder, apart from every engine's GIL and garbage.

``python -m duologue.stage.process FD`` takes a :class:`~duologue.stage.messages.StagePlan`, then cues, and gives
reports. It leaves when told to, or when the main process is gone. Everything that decides a picture is in
:class:`~duologue.stage.performance.Performance`; here are only time, threads and the channel.

Four threads: this one draws; two encode (:mod:`duologue.stage.encoding`); one takes cues and prepares what they need;
one posts the reports, so that a main process that is not run for a while holds no frame.
"""

from __future__ import annotations

import contextlib
import gc
import queue
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

import cv2

from duologue.broadcast.encoder import AudioEncoder, VideoEncoder, choose_encoder
from duologue.broadcast.packets import Packet, StreamFormat
from duologue.broadcast.testcard import TestCard
from duologue.child import Channel
from duologue.clock import MILLISECOND, SECOND, SYSTEM_CLOCK, Clock, milliseconds
from duologue.errors import ClosedError, DuologueError, InputError, InternalError
from duologue.memory import settle, start_trimming
from duologue.priority import raise_this_process
from duologue.stage.encoding import Encoders, Job, wall_ms_of
from duologue.stage.frames import Plane
from duologue.stage.governor import Governor
from duologue.stage.messages import (
    Cue,
    Dropped,
    Encoded,
    Frames,
    Handled,
    Handling,
    SayUtterance,
    Shutdown,
    StageFailed,
    StagePlan,
    StageReady,
    StageReport,
    StreamRun,
    Trouble,
)
from duologue.stage.pace import CatchUpRule, Pace
from duologue.stage.performance import Drawn, Performance
from duologue.telemetry.core_time import core_time
from duologue.telemetry.garbage import GarbageWatch
from duologue.telemetry.ledger import FrameRecord, GovernorStep, SkipRecord, StepRecord

HEAD_START = 250 * MILLISECOND
"""From ready to the due time of frame 0: the lead is filled faster than real time, so the first segment comes soon."""
MOST_UNSENT = 1000
"""Reports that may wait for the main process, some ten seconds of them; then the encoders wait."""
SMALLEST = 640, 360
"""No smaller picture is encoded, however short of CPU the machine is."""


class _Post:
    """Sends reports from a thread of its own, in the order in which they came."""

    def __init__(self, channel: Channel, gone: threading.Event) -> None:
        self._channel = channel
        self._gone = gone
        self._reports: queue.Queue[StageReport | None] = queue.Queue(MOST_UNSENT)
        self._thread = threading.Thread(target=self._run, name="post", daemon=True)
        self._thread.start()

    def send(self, *reports: StageReport) -> None:
        """Queue reports; waits while too many are unsent."""
        for report in reports:
            self._reports.put(report)

    def finish(self) -> None:
        """Send what is queued."""
        self._reports.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (report := self._reports.get()) is not None:
            try:
                self._channel.send(report)
            except ClosedError:
                self._gone.set()  # the main process is gone: leave


class StageProcess:
    """The shell around a performance.

    ``channel`` is the line to the main process, ``granted`` what the scheduler gave of what was asked.
    """

    def __init__(self, channel: Channel, plan: StagePlan, clock: Clock = SYSTEM_CLOCK, granted: str = "") -> None:
        self._channel = channel
        self._plan = plan
        self._clock = clock
        self._granted = granted
        self._cues: queue.SimpleQueue[Cue] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._post = _Post(channel, self._closing)
        self._records: list[FrameRecord] = []
        self._made: deque[FrameRecord] = deque(maxlen=1000)
        self._small = False
        self._garbage = GarbageWatch("stage")

    def run(self) -> None:
        """Perform until :class:`Shutdown` or the end of the channel.

        What ends it otherwise is reported, and raised if it is no error of ours.
        """
        try:
            self._run()
        except Exception as error:
            self._post.send(_failed(error))
            if isinstance(error, DuologueError):
                raise SystemExit(1) from error  # the report has said it all
            raise
        finally:
            self._post.finish()

    def _run(self) -> None:
        started = self._clock.now()
        self._name = self._choose_encoder()
        video, audio = self._video(), AudioEncoder()
        performance = Performance(self._plan, self._clock, patient=False)
        pace = Pace(self._plan.origin or self._clock.now() + HEAD_START, self._plan.fps, int(self._plan.lead * SECOND))
        now, missed = self._clock.now(), self._plan.first_frame
        first = CatchUpRule(pace).following(missed, now)
        self._wall_origin = self._plan.wall_origin or self._clock.wall() + pace.origin - self._clock.now()
        performance.begin(first)
        steps = self._steps(video)
        governor = Governor(pace.lead, SECOND // self._plan.fps, steps)
        encoders = Encoders(video, audio, self._packaged, self._clock, self._card(video))
        seconds = (self._clock.now() - started) / SECOND
        self._post.send(
            StageReady(seconds, pace.origin, self._wall_origin, first, self._granted, steps),
            *([SkipRecord(now, missed, first, milliseconds(now - pace.due(missed)))] if first > missed else []),
            StreamRun(self._format(video, audio), first),
        )
        threading.Thread(target=self._listen, args=[performance], name="cues", daemon=True).start()
        encoders.start()
        gc.collect()
        gc.freeze()  # a full collection of all that was loaded took 43–119 ms; from here on it is not looked at again
        self._garbage.install()
        try:
            self._perform(performance, pace, governor, first, encoders)
            encoders.finish()
            self._post.send(Frames(tuple(self._records)))
        finally:
            self._garbage.remove()
            performance.close()

    # Encoders

    def _choose_encoder(self) -> str:
        name, note = choose_encoder(self._plan.encoder)
        if note:
            self._post.send(Trouble(note, f"encoder {self._plan.encoder}", f"The show goes on with {name}."))
        return name

    def _video(self) -> VideoEncoder:
        plan = self._plan
        width, height = smaller(plan.width, plan.height) if self._small else (plan.width, plan.height)
        return VideoEncoder(width, height, plan.fps, self._name, plan.bitrate, opening=True)

    def _card(self, video: VideoEncoder) -> TestCard | None:
        return TestCard(*video.format) if self._plan.test_card else None

    def _format(self, video: VideoEncoder, audio: AudioEncoder) -> StreamFormat:
        return StreamFormat(*video.format, video.extradata, audio.extradata)

    def _steps(self, video: VideoEncoder) -> tuple[GovernorStep, ...]:
        plan = self._plan
        width, height = smaller(plan.width, plan.height)
        small = plan.resizable and width >= SMALLEST[0] and height >= SMALLEST[1]
        return (
            GovernorStep.TV, *((GovernorStep.ANALYSIS,) if video.can_lighten else ()), GovernorStep.RATE,
            *((GovernorStep.SIZE,) if small else ()),
        )  # fmt: skip

    def _another_run(self, encoders: Encoders, number: int) -> None:
        """Packets from frame ``number`` on do not continue those before."""
        video, audio = self._video(), AudioEncoder()
        encoders.change(video, audio, self._card(video))
        self._post.send(StreamRun(self._format(video, audio), number))

    # The frames

    def _perform(
        self, performance: Performance, pace: Pace, governor: Governor, number: int, encoders: Encoders
    ) -> None:
        step, patience, had = GovernorStep.FULL, CatchUpRule(pace), core_time()
        while not self._closing.is_set():
            self._clock.sleep_until(pace.begin(number))
            following = patience.following(number, self._clock.now())
            if following > number:
                following += following % _periods(step)  # a run begins with a picture
                self._skip(performance, pace, governor, encoders, number, following)
                number = following
            if number % 2 == 0:  # at half the rate an odd number belongs to the picture before it
                before, step = step, self._govern(governor, number)
                if step is not before:
                    self._take(step, before, performance, encoders, number)
            begun, has = self._clock.now(), core_time()
            for cue in self._waiting_cues():
                self._apply(performance, cue)
            periods = _periods(step)
            pictured = number % periods == 0
            drawn = performance.draw(number, pictured=pictured)
            encoders.put_sound(drawn.samples, number * len(drawn.samples))
            self._post.send(*drawn.reports, *self._garbage.take())
            if drawn.picture is not None:
                job = self._job(number, drawn, drawn.picture, pace, begun, periods, step)
                before_it, had = had, core_time()
                blocked = had.idle(has, self._clock.now() - begun)
                encoders.put(replace(job, waited=had.waited - before_it.waited, blocked=blocked))
            number += 1

    def _job(
        self, number: int, drawn: Drawn, picture: Plane, pace: Pace, begun: int, periods: int, step: GovernorStep
    ) -> Job:
        return Job(
            number, picture, pace.due(number), begun, milliseconds(self._clock.now() - begun), drawn.damage_px,
            drawn.cause, periods, wall_ms_of(number, self._plan.fps, self._wall_origin), step >= GovernorStep.ANALYSIS,
            drawn.work,
        )  # fmt: skip

    def _skip(
        self, performance: Performance, pace: Pace, governor: Governor, encoders: Encoders, number: int, following: int
    ) -> None:
        now = self._clock.now()
        performance.skip(following - number)
        self._another_run(encoders, following)
        governor.restart(self._clock.now())
        self._post.send(SkipRecord(now, number, following, milliseconds(now - pace.due(number))))

    def _govern(self, governor: Governor, number: int) -> GovernorStep:
        while self._made:
            record = self._made.popleft()
            cost = int((record.compose_ms + record.encode_ms) * MILLISECOND)
            governor.made(record.packaged, record.due, cost, record.periods)
        before, step = governor.step, governor.decide(self._clock.now())
        if step is not before:
            self._post.send(StepRecord(self._clock.now(), number, step, before, governor.lead_ms, governor.why))
        return step

    def _take(
        self, step: GovernorStep, before: GovernorStep, performance: Performance, encoders: Encoders, number: int
    ) -> None:
        performance.plainer_tv(2 if step >= GovernorStep.TV else 1)
        if (step >= GovernorStep.SIZE) is not (before >= GovernorStep.SIZE):
            self._small = step >= GovernorStep.SIZE
            self._another_run(encoders, number)

    # Cues

    def _waiting_cues(self) -> Sequence[Cue]:
        cues: list[Cue] = []
        with contextlib.suppress(queue.Empty):
            while True:
                cues.append(self._cues.get_nowait())
        return cues

    def _apply(self, performance: Performance, cue: Cue) -> None:
        try:
            self._post.send(*performance.apply(cue))
        except Exception as error:  # one cue that cannot be taken is no reason for the show to end
            self._refuse(cue, error)

    def _listen(self, performance: Performance) -> None:
        for message in self._channel:
            if isinstance(message, Shutdown):
                break
            if isinstance(message, SayUtterance) and not self._prepare(performance, message):
                continue
            if isinstance(message, Cue):  # our own main process sends nothing else
                self._cues.put(message)
        self._closing.set()

    def _prepare(self, performance: Performance, say: SayUtterance) -> bool:
        """Prepare a line. Whatever that meets in it, the stage goes on hearing."""
        self._post.send(Handling(say.utterance.id))
        try:
            performance.prepare(say.utterance)
        except Exception as error:
            self._refuse(say, error)
            return False
        self._post.send(Handled(say.utterance.id))
        return True

    def _refuse(self, cue: Cue, error: Exception) -> None:
        if isinstance(cue, SayUtterance):
            self._post.send(Dropped(cue.utterance.id, _words(error)))
        else:
            self._post.send(Trouble(_words(error), type(cue).__name__, "It is left out; the show goes on."))

    # What goes out

    def _packaged(self, packets: list[Packet], record: FrameRecord | None) -> None:
        """Called in the encoders' threads, one at a time."""
        if packets:
            self._post.send(Encoded(tuple(packets)))
        if record is None:
            return
        self._made.append(record)
        self._records.append(record)
        if len(self._records) >= self._plan.fps:
            records, self._records = self._records, []
            self._post.send(Frames(tuple(records)))


def _periods(step: GovernorStep) -> int:
    """For how many frames a picture stands; it has a number that this divides."""
    return 2 if step >= GovernorStep.RATE else 1


def smaller(width: int, height: int) -> tuple[int, int]:
    """The size of the plainest step: two thirds of each side, even."""
    return width * 2 // 3 // 2 * 2, height * 2 // 3 // 2 * 2


def _words(error: Exception) -> str:
    return error.what if isinstance(error, DuologueError) else f"{type(error).__name__}: {error}"


def _failed(error: Exception) -> StageFailed:
    if isinstance(error, DuologueError):
        return StageFailed(error.what, error.where, error.remedy, isinstance(error, InputError))
    return StageFailed(f"{type(error).__name__}: {error}", "the stage", "This is a bug; report it.", refused=False)


def main() -> None:
    """The process's entry point."""
    settle()
    start_trimming(SYSTEM_CLOCK)
    cv2.setNumThreads(1)  # its pool would fight the encoder for two cores
    granted = raise_this_process()
    channel = Channel.inherited()
    with contextlib.suppress(ClosedError):  # the main process left before we were ready: so do we
        plan = channel.receive()
        if not isinstance(plan, StagePlan):
            raise InternalError(f"the stage process was sent a {type(plan).__name__} before its plan")
        StageProcess(channel, plan, granted=granted).run()


if __name__ == "__main__":
    main()
