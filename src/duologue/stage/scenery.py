"""What stands on the stage: the baked room and cast, the light, the TV, the captions; state in, picture out.

New light, a film for the TV and a caption's page are each prepared in a thread of its own and swapped in whole between
two frames, so that a frame never waits for them. ``patient`` (offline) does wait, so that equal cues give equal frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from duologue.audio.pcm import Samples
from duologue.clock import Clock
from duologue.speech.utterance import Utterance
from duologue.stage.baking.bake import BakedStage
from duologue.stage.captions.captions import track_of
from duologue.stage.captions.press import CaptionPress
from duologue.stage.captions.typesetting import SpeakerLook
from duologue.stage.compositor.compositor import Compositor
from duologue.stage.encoding import DEPTH
from duologue.stage.frames import FrameRing, Plane
from duologue.stage.messages import StagePlan, StageReport, Trouble
from duologue.stage.motion.pose import FrameState, Lights
from duologue.stage.relighting import Relighting
from duologue.stage.television.television import Television
from duologue.telemetry.ledger import Cause


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture (I420) and what happened on the way to it; ``work`` as in
    :class:`~duologue.telemetry.ledger.FrameRecord`, without speech.
    """

    picture: Plane
    damage_px: int
    reports: tuple[StageReport, ...]
    cause: Cause
    work: str = ""


class Scenery:
    """Loads and bakes on construction (raises :class:`InputError` for a bad pack); then draws."""

    def __init__(self, plan: StagePlan, clock: Clock, *, patient: bool) -> None:
        self._light = Relighting(plan, clock, patient=patient)
        looks = {seated.name: SpeakerLook(seated.title, seated.colour) for seated in plan.cast}
        self._captions = CaptionPress(plan.width, plan.height, looks, patient=patient)
        self._compositor = Compositor(self._light.stage, plan.fps, captions=self._captions)
        self._ring = FrameRing(self._compositor.canvas, DEPTH + 2)
        self._tv = Television(self.stage.screen, plan.room.name, fps=plan.fps, clock=clock, patient=patient)

    @property
    def stage(self) -> BakedStage:
        """The baked room and cast that are drawn with now."""
        return self._light.stage

    @property
    def tv_on(self) -> bool:
        """Whether the TV shows something."""
        return self._tv.on

    def prepare(self, utterance: Utterance) -> None:
        """Have an utterance's captions typeset; call it from any thread, ahead of need."""
        self._captions.prepare(*track_of(utterance).states())

    def show_tv(self, path: Path | None) -> None:
        """Play a film from its start as soon as it is open, or switch the TV off."""
        self._tv.show(path)

    def tv_every(self, frames: int) -> None:
        """Show a new picture on the TV only in every so many frames, its light likewise; 1 is all of them."""
        self._tv.every(frames)

    def skip(self, frames: int) -> None:
        """The show leaves out so many frames before the next one: the TV's film goes on where it stopped."""
        self._tv.skip(frames)

    def set_lights(self, lights: Lights) -> None:
        """Bake another light and swap it in when it is done."""
        self._light.want(lights)

    def picture(self, state: FrameState) -> Shown:
        """Draw a frame, in the light and with the TV's picture of the moment."""
        relit = self._light.frame()
        if relit:
            self._compositor.relight(self._light.stage)
        tv = self._tv.frame(state.number)
        damage = self._compositor.compose(state, tv.picture)
        picture = self._ring.buffers[self._ring.publish(damage)]
        reports = [*self._light.reports(), *tv.reports]
        if (failure := self._captions.failure()) is not None:
            reports.append(Trouble(failure.what, failure.where, failure.remedy))
        cause = Cause.LIGHTS if relit else Cause.TV if tv.missed else Cause.NONE
        work = "+".join(filter(None, (self._compositor.changed, "lights" if relit else "")))
        return Shown(picture, damage.pixels, tuple(reports), cause, work)

    def tv_sound(self, start: int, count: int) -> Samples:
        """The TV's sound for ``count`` samples of the show from ``start``: stereo, silence when it is off."""
        return self._tv.sound(start, count)

    def close(self) -> None:
        """End the threads."""
        self._tv.close()
        self._light.close()
        self._captions.close()
