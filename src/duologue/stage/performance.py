"""The performance: cues in, one frame's picture and sound out. Nothing here waits or reads a clock.

It joins what the other files of this room decide: the playout lays speech on the sample clock, motion turns the timeline
into poses, the compositor turns poses into a picture, and the mixer adds the TV under the voices. Frame ``n`` always comes
with the samples ``n * 48000 / fps`` and onwards, so picture and sound are one clock for any length of time.

A live stage and an offline render run this same class; only who calls it, and when, differs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from duologue.audio.mixing import Ducker, limit, pan_gains
from duologue.audio.pcm import RATE, Samples
from duologue.audio.playout import Block, Playout
from duologue.audio.playout import Ended as ItemEnded
from duologue.audio.playout import Started as ItemStarted
from duologue.broadcast.testcard import TestCard
from duologue.clock import MILLISECOND
from duologue.speech.utterance import Utterance
from duologue.stage.captions import caption_at
from duologue.stage.messages import (
    Announce,
    Clear,
    Cue,
    Ended,
    Report,
    Say,
    SetLights,
    ShowTv,
    StagePlan,
    Started,
    Withdraw,
    Withdrawn,
)
from duologue.stage.motion import Motion
from duologue.stage.planes import Plane
from duologue.stage.pose import CaptionState, CaptionWord, FrameState, Lights
from duologue.stage.scenery import Scenery
from duologue.stage.timeline import SceneTimeline, Spoken
from duologue.telemetry.ledger import Cause


@dataclass(frozen=True, slots=True)
class Drawn:
    """One frame: its picture (I420), its sound (stereo), and what happened in it. ``damage_px`` is the area redrawn."""

    picture: Plane
    samples: Samples
    damage_px: int
    reports: tuple[Report, ...]
    cause: Cause = Cause.NONE


class Performance:
    """A show in progress. ``patient`` (offline) waits for TV pictures and new light instead of going on without them.

    Call :meth:`begin` once, then :meth:`draw` (or :meth:`repeat`) for each frame number in turn.
    """

    def __init__(self, plan: StagePlan, *, patient: bool) -> None:
        self._plan = plan
        self._spf = RATE // plan.fps
        self._seats = {seated.name: seat for seat, seated in enumerate(plan.cast)}
        self._gains = [pan_gains(seated.pan) for seated in plan.cast]
        self._scenery = Scenery(plan, patient=patient)
        self._motion = Motion(plan.seed, seats=len(plan.cast))
        self._timeline = SceneTimeline()
        self._ducker = Ducker()
        self._card = TestCard(plan.width, plan.height, plan.fps) if plan.test_card else None
        self._utterances: dict[str, Utterance] = {}
        self._upcoming: Spoken | None = None
        self._announcement = CaptionState()

    def begin(self, first_frame: int) -> None:
        """Set the sample clock to the first frame."""
        self._playout = Playout(position=first_frame * self._spf)

    def close(self) -> None:
        """End the threads of the TV and of baking."""
        self._scenery.close()

    @property
    def idle(self) -> bool:
        """Whether nothing is being said or queued."""
        return not self._utterances

    def apply(self, cue: Cue) -> list[Report]:
        """Take a cue at a frame boundary."""
        match cue:
            case Say(utterance, gap):
                self._utterances[utterance.id] = utterance
                self._motion.plan(utterance)
                self._playout.enqueue(utterance.id, utterance.samples, gap)
            case Withdraw(utterance_id):
                return [Withdrawn(utterance_id, self._withdraw(utterance_id))]
            case Clear():
                return self._clear()
            case ShowTv(path):
                self._scenery.show_tv(path)
            case SetLights(lights):
                self._scenery.set_lights(lights)
            case Announce(text):
                self._announcement = CaptionState(words=tuple(CaptionWord(word, lit=True) for word in text.split()))
            case _:
                pass  # Shutdown is the shell's business
        return []

    def draw(self, number: int) -> Drawn:
        """Draw frame ``number`` and take its samples."""
        at = number * self._spf
        self._foresee()
        block = self._playout.read(self._spf)
        reports = self._note(block)
        shown = self._scenery.picture(
            FrameState(
                number,
                self._motion.poses(at, self._timeline, tv_on=self._scenery.tv_on),
                Lights(),
                -1,
                self._caption(at),
            )
        )
        if self._card is not None:
            self._card.draw(shown.picture, number, self._wall_ms(number))
        self._timeline.prune(at - 10 * RATE)
        return Drawn(
            shown.picture, self._mix(number, block), shown.damage_px, (*reports, *shown.reports), shown.cause
        )

    def repeat(self, number: int) -> Drawn:
        """Send the last picture again; the sound goes on."""
        block = self._playout.read(self._spf)
        reports = self._note(block)
        return Drawn(self._scenery.last, self._mix(number, block), 0, reports)

    def _foresee(self) -> None:
        """Tell motion of the next utterance as soon as its start is certain: lips close before the sound."""
        if self._upcoming is None and (following := self._playout.next_start()) is not None:
            utterance_id, start = following
            utterance = self._utterances[utterance_id]
            self._upcoming = Spoken(utterance, self._seats[utterance.speaker], start)
            self._timeline.add(self._upcoming)

    def _note(self, block: Block) -> tuple[Report, ...]:
        reports: list[Report] = []
        for event in block.events:
            match event:
                case ItemStarted(utterance_id, at):
                    if self._upcoming is None or self._upcoming.utterance.id != utterance_id:
                        utterance = self._utterances[utterance_id]
                        self._timeline.add(Spoken(utterance, self._seats[utterance.speaker], at))
                    self._upcoming = None
                    reports.append(Started(utterance_id, at))
                case ItemEnded(utterance_id, at, played):
                    self._utterances.pop(utterance_id, None)
                    reports.append(Ended(utterance_id, at, played))
        return tuple(reports)

    def _withdraw(self, utterance_id: str) -> bool:
        if not self._playout.withdraw(utterance_id):
            return False
        self._forget_upcoming()
        self._utterances.pop(utterance_id, None)
        return True

    def _clear(self) -> list[Report]:
        self._forget_upcoming()
        events = self._playout.clear()
        self._timeline.cut(self._playout.position)
        ended = [Ended(event.id, event.at, event.played) for event in events]
        for report in ended:
            self._utterances.pop(report.utterance_id, None)
        return list(ended)

    def _forget_upcoming(self) -> None:
        if self._upcoming is not None:
            self._timeline.cut(self._upcoming.start)
            self._upcoming = None

    def _caption(self, at: int) -> CaptionState:
        if not self._plan.captions:
            return CaptionState()
        for spoken in self._timeline.recent(at):
            caption = caption_at(spoken.utterance, spoken.start, at)
            if caption.words:
                return caption
        return self._announcement

    def _mix(self, number: int, block: Block) -> Samples:
        stereo = np.zeros((self._spf, 2), np.float32)
        speaking = np.zeros(self._spf, np.float32)
        for piece in block.pieces:
            utterance = self._utterances.get(piece.id)
            seat = self._seats[utterance.speaker] if utterance is not None else 0
            span = slice(piece.offset, piece.offset + len(piece.samples))
            stereo[span] += piece.samples[:, None] * self._gains[seat]
            speaking[span] = 1.0
        bed = self._scenery.tv_sound(number * self._spf, self._spf)
        stereo += self._ducker.process(bed, speaking)
        if self._card is not None:
            stereo += self._card.beep(number * self._spf, self._spf)[:, None]
        return limit(stereo)

    def _wall_ms(self, number: int) -> int:
        return self._plan.wall_origin // MILLISECOND + number * 1000 // self._plan.fps
