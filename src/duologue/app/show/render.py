"""A show to a file, as fast as the machine can: the director and the stage's own classes, and no clock between them.

The director writes the script ahead, on a floor that takes every utterance as played at once; the reel draws and
encodes it in a thread. A frame is drawn only when the utterance after the one that plays is known (or none will
follow), so nobody's pace shows in the film: equal seeds and options give equal frames.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from duologue.app.engines.engines import open_engines
from duologue.app.engines.languages import refuse_strangers
from duologue.app.engines.spare_voices import known_voices
from duologue.app.engines.voices import CastVoices
from duologue.app.show.cast import CastMember, load_cast
from duologue.app.show.stage_set import find_film, house_moderator, stage_plan, topics
from duologue.audio.pcm import RATE
from duologue.broadcast.encoder import AudioEncoder, VideoEncoder, choose_encoder
from duologue.broadcast.mp4file import Mp4Writer
from duologue.broadcast.packets import Packet, StreamFormat
from duologue.broadcast.testcard import TestCard
from duologue.clock import SECOND, SYSTEM_CLOCK, Clock, milliseconds
from duologue.dialogue.on_air.director import Brief, Director, Player
from duologue.dialogue.ports import PlayEnded, PlayEvent, PlayStarted
from duologue.errors import ClosedError, InternalError
from duologue.language.moderation import Subject
from duologue.metering import Customer, charged_to
from duologue.settings import Settings
from duologue.speech.utterance import Utterance
from duologue.stage.encoding import Encoders, Job, wall_ms_of
from duologue.stage.messages import SayUtterance, ShowTv, StagePlan, StageReport, Trouble, UtteranceEnded
from duologue.stage.performance import Performance
from duologue.telemetry.ledger import FrameRecord

OPENING_SECONDS, CLOSING_SECONDS = 0.5, 1.5
"""Quiet before the first word and after the last."""
DEFAULT_SEED = 1
WRITTEN_AHEAD = 4
"""Utterances that may wait for the reel."""


Framed = Callable[[FrameRecord], None]


@dataclass(frozen=True, slots=True)
class RenderProgress:
    """How far a render is: turns played of those planned, and seconds of film so far."""

    turns: int
    planned: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Film:
    """What was rendered.

    ``seconds`` is its length, ``took`` what all of it took, ``drawing`` drawing and encoding alone (s). ``spoken``
    are the turns' first sample and the one after their last (48 kHz). ``notes`` is what did not go as asked.
    """

    path: Path
    topic: str
    turns: int
    frames: int
    seconds: float
    took: float
    drawing: float
    spoken: tuple[tuple[int, int], ...]
    notes: tuple[str, ...]


class _Script:
    """The director's floor: everything handed to it counts as played at once, and goes to the reel in that order."""

    def __init__(self, says: queue.Queue[SayUtterance | None]) -> None:
        self._says = says
        self._end = 0
        self.tell: Callable[[PlayEvent], None] = _nobody

    async def play(self, utterance: Utterance, gap_ms: int) -> None:
        """Take it as played; waits while the reel is behind."""
        start = self._end + gap_ms * RATE // 1000
        self._end = start + len(utterance.samples)
        await asyncio.to_thread(self._says.put, SayUtterance(utterance, gap_ms * RATE // 1000))
        self.tell(PlayStarted(utterance.id, start * SECOND // RATE))
        self.tell(PlayEnded(utterance.id, self._end * SECOND // RATE, len(utterance.samples)))

    async def withdraw(self, utterance_id: str) -> bool:
        """What is in the script has been played."""
        return False

    async def clear(self) -> None:
        """There is nothing to silence."""

    async def ponder(self, speaker: str) -> None:
        """Nobody waits in a script."""


def _nobody(event: PlayEvent) -> None:
    pass


def _unseen(record: FrameRecord) -> None:
    pass


class Reel(threading.Thread):
    """Draws and encodes a script: ``says`` in order, None at its end. ``framed`` is told of each frame, in a thread."""

    def __init__(
        self, plan: StagePlan, says: queue.Queue[SayUtterance | None], path: Path, clock: Clock, tv: Path | None = None,
        framed: Framed = _unseen,
    ) -> None:  # fmt: skip
        super().__init__(name="reel", daemon=True)
        self._framed = framed
        self._plan = plan
        self._says = says
        self._tv = tv
        self._clock = clock
        self._spf = RATE // plan.fps
        encoder, note = choose_encoder(plan.encoder)
        self.notes: list[str] = [note] if note else []
        self.frames = 0
        self.drawing = 0.0
        self.spoken: list[tuple[int, int]] = []
        self.failure: BaseException | None = None
        self.leaving = threading.Event()
        self.scripted = False
        """The script's end was taken."""
        video = VideoEncoder(plan.width, plan.height, plan.fps, encoder, plan.bitrate)
        audio = AudioEncoder()
        self._writer = Mp4Writer(
            path, StreamFormat(plan.width, plan.height, plan.fps, video.extradata, audio.extradata)
        )
        card = TestCard(plan.width, plan.height, plan.fps) if plan.test_card else None
        self._encoders = Encoders(video, audio, self._packaged, clock, card)

    @property
    def turns(self) -> int:
        """How many were played."""
        return len(self.spoken)

    @property
    def seconds(self) -> float:
        """The film's length so far."""
        return self.frames / self._plan.fps

    def run(self) -> None:
        """Draw until the script ends; a failure is kept in :attr:`failure`. Takes all of ``says``, whatever happens."""
        try:
            with self._writer:
                self._encoders.start()
                performance = Performance(self._plan, self._clock, patient=True)
                try:
                    began = self._clock.now()
                    self._perform(performance)
                finally:
                    performance.close()
                self._encoders.finish()
                self.drawing = (self._clock.now() - began) / SECOND
        except BaseException as error:
            self.failure = error
            while not self.scripted:
                self._next()  # the director may wait for room in the queue

    def _perform(self, performance: Performance) -> None:
        performance.begin(0)
        if self._tv is not None:
            performance.apply(ShowTv(self._tv))
        self._idle(performance, OPENING_SECONDS)
        if (say := self._next()) is not None:
            self._hand(performance, say)
        while say is not None:
            say = self._next()  # the one after: lips and eyes know what comes
            if say is not None:
                self._hand(performance, say)
            turns = self.turns
            while self.turns == turns:
                self._frame(performance)
        self._idle(performance, CLOSING_SECONDS)

    def _next(self) -> SayUtterance | None:
        say = self._says.get()
        self.scripted = say is None
        return say

    def _hand(self, performance: Performance, say: SayUtterance) -> None:
        performance.prepare(say.utterance)
        performance.apply(say)

    def _idle(self, performance: Performance, seconds: float) -> None:
        for _ in range(round(seconds * self._plan.fps)):
            self._frame(performance)

    def _frame(self, performance: Performance) -> None:
        if self.leaving.is_set():
            raise ClosedError("the render was stopped")
        begun = self._clock.now()
        drawn = performance.draw(self.frames)
        self._note(drawn.reports)
        compose_ms = milliseconds(self._clock.now() - begun)
        self._encoders.put_sound(drawn.samples, self.frames * self._spf)
        if drawn.picture is not None:
            self._encoders.put(
                Job(
                    self.frames, drawn.picture, begun, begun, compose_ms, drawn.damage_px, drawn.cause,
                    wall_ms=wall_ms_of(self.frames, self._plan.fps, self._plan.wall_origin),
                )
            )  # fmt: skip
        self.frames += 1

    def _note(self, reports: tuple[StageReport, ...]) -> None:
        for report in reports:
            if isinstance(report, UtteranceEnded):
                self.spoken.append((report.at - report.played, report.at))
            elif isinstance(report, Trouble):
                self.notes.append(f"{report.what} ({report.where}). {report.remedy}")

    def _packaged(self, packets: list[Packet], record: FrameRecord | None) -> None:
        self._writer.add(packets)
        if record is not None:
            self._framed(record)


async def render(
    settings: Settings,
    path: Path,
    *,
    on_progress: Callable[[RenderProgress], None],
    cast: Sequence[CastMember] = (),
    clock: Clock = SYSTEM_CLOCK,
    framed: Framed = _unseen,
) -> Film:
    """Render one conversation to ``path``, with the ``cast`` given or the one that is set. ``framed`` is told of each
    frame, in a thread.

    Raises :class:`InputError` for what of the settings cannot be, and what engines, stage and disk raise; the film so
    far is then left beside ``path`` as ``NAME.part``.
    """
    began = clock.now()
    show = settings.show
    seed = show.seed if show.seed is not None else DEFAULT_SEED
    cast = cast or load_cast(show.cast, settings.engines.tts, known_voices(settings))
    moderator = house_moderator(settings)
    topic = await moderator.admit(
        show.topic if show.topic is not None else topics()[seed % len(topics())], Subject.TOPIC
    )
    tv = find_film(show.tv.film) if show.tv.film is not None else None
    says: queue.Queue[SayUtterance | None] = queue.Queue(WRITTEN_AHEAD)
    reel = Reel(stage_plan(settings, cast, seed), says, path, clock, tv, framed)
    script = _Script(says)
    async with open_engines(settings) as engines:
        refuse_strangers((member.persona for member in cast), engines.llm)
        await engines.warm_up()
        director = Director(
            [Player(member.persona, engines.llm) for member in cast],
            CastVoices(engines.tts, cast),
            script,
            moderator,
            clock=clock,
            patient=True,
        )
        script.tell = director.notify
        async with _filming(reel, says, show.turns, on_progress):
            with charged_to(Customer("render")):
                await director.run(Brief("render", topic, show.turns, seed))
    on_progress(RenderProgress(reel.turns, show.turns, reel.seconds))
    took = (clock.now() - began) / SECOND
    return Film(
        path, topic, reel.turns, reel.frames, reel.seconds, took, reel.drawing, tuple(reel.spoken), tuple(reel.notes)
    )


@contextlib.asynccontextmanager
async def _filming(
    reel: Reel, says: queue.Queue[SayUtterance | None], planned: int, on_progress: Callable[[RenderProgress], None]
) -> AsyncGenerator[None]:
    """The reel runs while its script is written, and has drawn all of it at the end. Raises what it failed of."""
    reel.start()
    try:
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(_watch(reel, planned, on_progress))
            yield
            await asyncio.to_thread(says.put, None)
            await asyncio.to_thread(reel.join)
            watch.cancel()
    except BaseException:
        failure = reel.failure
        reel.leaving.set()
        await asyncio.to_thread(_see_off, reel, says)
        if failure is not None:
            raise failure from None
        raise
    if reel.failure is not None:
        raise reel.failure


def _see_off(reel: Reel, says: queue.Queue[SayUtterance | None]) -> None:
    """Let the reel end whose script will not be written to its end, and the thread that still hands it a line."""
    while reel.is_alive():
        with contextlib.suppress(queue.Full):
            says.put(None, timeout=0.1)
        reel.join(0.1)
    with contextlib.suppress(queue.Empty):
        while True:
            says.get_nowait()


async def _watch(reel: Reel, planned: int, on_progress: Callable[[RenderProgress], None]) -> None:
    while reel.is_alive() and reel.failure is None:
        on_progress(RenderProgress(reel.turns, planned, reel.seconds))
        await asyncio.sleep(0.1)
    if reel.failure is None and not reel.scripted:
        reel.failure = InternalError("the reel ended before its script did", remedy="This is a bug; report it.")
    if reel.failure is not None:
        raise reel.failure
