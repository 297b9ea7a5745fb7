"""The performance: cues in, one frame's picture and sound out. Nothing here waits or reads a clock.

It joins what the other files of this room decide: the playout lays speech on the sample clock, motion turns the
timeline into poses, the compositor turns poses into a picture, and the mixer adds the TV under the voices. Frame
``n`` always comes with the samples ``n * 48000 / fps`` and onwards, so picture and sound are one clock for any length
of time.

A live stage and an offline render run this same class; only who calls it, and when, differs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from duologue.audio.mixing import Ducker, add_panned, limit, pan_gains
from duologue.audio.pcm import RATE, Samples
from duologue.audio.playout import Block, ItemStarted, Playout
from duologue.broadcast.testcard import TestCard
from duologue.clock import Clock
from duologue.errors import InputError
from duologue.speech.utterance import Utterance
from duologue.stage.captions.captions import caption_at
from duologue.stage.frames import Plane
from duologue.stage.messages import (
    Announce,
    Cue,
    Cut,
    Ponder,
    SayUtterance,
    SetLights,
    ShowTv,
    StagePlan,
    StageReport,
    UtteranceEnded,
    UtteranceStarted,
    UtteranceWithdrawn,
    WithdrawUtterance,
)
from duologue.stage.motion.gaze import geometries
from duologue.stage.motion.motion import Motion
from duologue.stage.motion.pose import CaptionState, CaptionWord, FrameState
from duologue.stage.scenery import Scenery
from duologue.stage.timeline import SceneTimeline, TimelineUtterance
from duologue.telemetry.ledger import Cause


@dataclass(frozen=True, slots=True)
class Drawn:
    """One frame: its picture (I420), its sound (stereo), and what happened in it. ``damage_px`` is the area redrawn.

    ``picture`` is None where none was asked for.
    """

    picture: Plane | None
    samples: Samples
    damage_px: int
    reports: tuple[StageReport, ...]
    cause: Cause = Cause.NONE
    work: str = ""
    """As in :class:`~duologue.telemetry.ledger.FrameRecord`."""


class Performance:
    """A show in progress. ``patient`` (offline) waits for TV pictures and new light instead of going on without them.

    Call :meth:`begin` once, then :meth:`draw` for each frame number in turn; :meth:`skip` leaves some out.
    """

    def __init__(self, plan: StagePlan, clock: Clock, *, patient: bool) -> None:
        self._plan = plan
        self._spf = RATE // plan.fps
        self._seats = {seated.name: seat for seat, seated in enumerate(plan.cast)}
        self._gains = [pan_gains(seated.pan) for seated in plan.cast]
        self._scenery = Scenery(plan, clock, patient=patient)
        geometry = geometries(self._scenery.stage)
        self._motion = Motion(plan.seed, seats=len(plan.cast), geometry=geometry)
        self._timeline = SceneTimeline()
        self._playout = Playout()
        self._base = 0
        self._ducker = Ducker()
        self._card_sound = TestCard(plan.width, plan.height, plan.fps) if plan.test_card else None
        self._utterances: dict[str, Utterance] = {}
        self._upcoming: TimelineUtterance | None = None
        self._speech: tuple[tuple[int, int], ...] = ()
        self._over: list[str] = []
        self._announcement = CaptionState()

    def begin(self, first_frame: int) -> None:
        """Set the sample clock to the first frame."""
        self._base = first_frame * self._spf

    def skip(self, frames: int) -> None:
        """Leave out the next ``frames`` frames: what is said, and the TV's film, go on after them."""
        self._base += frames * self._spf
        self._forget_upcoming()
        self._timeline.shift(frames * self._spf)
        self._scenery.skip(frames)

    def plainer_tv(self, every: int) -> None:
        """Let the TV's picture change in every ``every``-th frame only."""
        self._scenery.tv_every(every)

    def close(self) -> None:
        """End the threads of the TV and of baking."""
        self._scenery.close()

    @property
    def idle(self) -> bool:
        """Whether nothing is being said or queued."""
        return self._playout.current is None and not self._playout.queued

    def prepare(self, utterance: Utterance) -> None:
        """Plan an utterance's lips, face and captions. Call it off the frame path, before the cue that plays it.

        Raises :class:`InputError` for a speaker who is not on the stage, and for sound that is none.
        """
        if utterance.speaker not in self._seats:
            raise InputError(f"{utterance.speaker} is not on the stage", where="utterance.speaker")
        if utterance.rate != RATE or utterance.samples.ndim != 1 or not np.isfinite(utterance.samples).all():
            raise InputError(f"the sound is not {RATE} Hz mono, or holds what is no number", where="utterance.samples")
        self._motion.plan(utterance)
        if self._plan.captions:
            self._scenery.prepare(utterance)

    def apply(self, cue: Cue) -> list[StageReport]:
        """Take a cue at a frame boundary."""
        match cue:
            case SayUtterance(utterance, gap):
                self._playout.enqueue(utterance.id, utterance.samples, gap)  # may refuse it: then nothing is kept
                self._utterances[utterance.id] = utterance
            case WithdrawUtterance(utterance_id):
                return [UtteranceWithdrawn(utterance_id, self._withdraw(utterance_id))]
            case Cut(utterance_ids):
                self._cut(utterance_ids)
            case Ponder(speaker) if speaker in self._seats:
                self._timeline.ponder(self._seats[speaker], self._base + self._playout.position)
            case ShowTv(path):
                self._scenery.show_tv(path)
            case SetLights(lights):
                self._scenery.set_lights(lights)
            case Announce(text):
                self._announcement = CaptionState(words=tuple(CaptionWord(word, lit=True) for word in text.split()))
            case _:
                pass  # Shutdown is the shell's business
        return []

    def draw(self, number: int, *, pictured: bool = True) -> Drawn:
        """Take the samples of frame ``number``, and draw it if it is ``pictured``."""
        at = number * self._spf
        self._foresee()
        block = self._read()
        reports = self._note(block)
        if not pictured:
            return Drawn(None, self._mix(number, block), 0, reports)
        shown = self._scenery.picture(
            FrameState(
                number,
                self._motion.poses(at, self._timeline, tv_on=self._scenery.tv_on),
                self._caption(at),
            )
        )
        self._timeline.prune(at - 10 * RATE)
        heard = "speech" if self._playout.current is not None else ""
        return Drawn(
            shown.picture, self._mix(number, block), shown.damage_px, (*reports, *shown.reports), shown.cause,
            "+".join(filter(None, (heard, shown.work))),
        )  # fmt: skip

    def _read(self) -> Block:
        self._speech = self._playout.spans()  # before the read: the ducker looks at what is about to be said
        return self._playout.read(self._spf)

    def _foresee(self) -> None:
        """Tell motion of the next utterance as soon as its start is known: lips close before the sound."""
        if self._upcoming is None and (following := self._playout.next_start()) is not None:
            utterance_id, start = following
            self._upcoming = self._spoken(utterance_id, self._base + start)
            self._timeline.add(self._upcoming)

    def _spoken(self, utterance_id: str, start: int) -> TimelineUtterance:
        utterance = self._utterances[utterance_id]
        return TimelineUtterance(utterance, self._seats[utterance.speaker], start)

    def _note(self, block: Block) -> tuple[StageReport, ...]:
        """Bring the timeline up to what the playout did, and report it in show samples."""
        reports: list[StageReport] = []
        for event in block.events:
            at = self._base + event.at
            if isinstance(event, ItemStarted):
                if self._upcoming is None or self._upcoming.utterance.id != event.id or self._upcoming.start != at:
                    self._forget_upcoming()
                    self._timeline.add(self._spoken(event.id, at))
                self._upcoming = None
                reports.append(UtteranceStarted(event.id, at))
            else:
                self._over.append(event.id)
                reports.append(UtteranceEnded(event.id, at, event.played))
        return tuple(reports)

    def _withdraw(self, utterance_id: str) -> bool:
        if not self._playout.withdraw(utterance_id):
            return False
        if self._upcoming is not None and self._upcoming.utterance.id == utterance_id:
            self._forget_upcoming()
        del self._utterances[utterance_id]
        return True

    def _cut(self, utterance_ids: tuple[str, ...]) -> None:
        for utterance_id in utterance_ids:
            self._withdraw(utterance_id)
        if self._playout.current in utterance_ids:
            self._forget_upcoming()
            self._playout.cut()
            self._timeline.cut(self._base + self._playout.position)

    def _forget_upcoming(self) -> None:
        if self._upcoming is not None:
            self._timeline.cut(self._upcoming.start)
            self._upcoming = None

    def _caption(self, at: int) -> CaptionState:
        if not self._plan.captions:
            return CaptionState()
        for spoken in self._timeline.recent(at):
            if spoken.interrupted and at >= spoken.end:
                break  # what was cut off is not captioned on
            caption = caption_at(spoken.utterance, spoken.start, at)
            if caption.words:
                return caption
        return self._announcement

    def _mix(self, number: int, block: Block) -> Samples:
        at = number * self._spf
        stereo = self._scenery.tv_sound(at, self._spf)
        if self._scenery.tv_on:
            speech = [(self._base + start, self._base + end) for start, end in self._speech]
            stereo = self._ducker.process(stereo, at, speech)
        for piece in block.pieces:
            add_panned(
                stereo, piece.offset, piece.samples, self._gains[self._seats[self._utterances[piece.id].speaker]]
            )
        for utterance_id in self._over:
            del self._utterances[utterance_id]
        self._over.clear()
        if self._card_sound is not None:
            stereo += self._card_sound.beep(at, self._spf)[:, None]
        return limit(stereo)
