"""What stands on the stage: the baked room and cast, the light, the TV; state in, picture out.

New light is prepared in a thread of its own, as a film for the TV is in another, and swapped in whole between two
frames, so that a frame never waits for them. ``patient`` (offline) does wait, so that equal cues give equal frames.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from duologue.audio.pcm import Samples
from duologue.clock import Clock, milliseconds
from duologue.errors import InputError
from duologue.memory import trim
from duologue.speech.utterance import Utterance
from duologue.stage.art import CharacterArt, RoomArt
from duologue.stage.bake import RIM_STEP, BakedStage, bake_stage
from duologue.stage.captions import track_of
from duologue.stage.captions_press import CaptionPress
from duologue.stage.captions_type import SpeakerLook
from duologue.stage.compositor import Compositor
from duologue.stage.encoding import DEPTH
from duologue.stage.frames import FrameRing, Plane
from duologue.stage.messages import Baked, Report, StagePlan, Trouble
from duologue.stage.packs.loading import load_character, load_room
from duologue.stage.pose import FrameState, Lights
from duologue.stage.television import Television
from duologue.telemetry.ledger import Cause

Result = TypeVar("Result")
REFINE_AFTER = 4
"""Seconds of show after which the fine bake begins: by then the lead is there, and players have what they want."""
COARSE = 3.0
"""How far a head's rim moves from one of the first, coarse angles to the next (pixels at 1080p)."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture (I420) and what happened on the way to it."""

    picture: Plane
    damage_px: int
    reports: tuple[Report, ...]
    cause: Cause


class _Workshop:
    """Prepares things beside the frame path, one at a time; ``patient`` waits for each."""

    def __init__(self, patient: bool) -> None:
        self._patient = patient
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="workshop")
        self._jobs: list[tuple[Callable[[], bool], Callable[[], None]]] = []

    def order(self, make: Callable[[], Result], use: Callable[[Future[Result]], None]) -> None:
        """Have ``make`` done; ``use`` is called with the result in :meth:`deliver`, on the frame's thread."""
        future = self._pool.submit(make)
        self._jobs.append((future.done, lambda: use(future)))

    def deliver(self) -> None:
        """Hand over what is done, in the order of the orders."""
        while self._jobs and (self._patient or self._jobs[0][0]()):
            _, finish = self._jobs.pop(0)
            finish()  # asks for the future's result, and so waits for it

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


class Scenery:
    """Loads and bakes on construction (raises :class:`InputError` for a bad pack); then draws."""

    def __init__(self, plan: StagePlan, clock: Clock, *, patient: bool) -> None:
        self._plan = plan
        self._clock = clock
        self._patient = patient
        self.room, self.cast = load_art(plan)
        self._lights = plan.lights
        self._reports: list[Report] = []
        # A live stage begins with coarse turns of the heads, a fifth of the work, and bakes the fine ones once on air.
        baked = self._bake(plan.lights) if patient else self._bake(plan.lights, COARSE)
        looks = {seated.name: SpeakerLook(seated.title, seated.colour) for seated in plan.cast}
        self._captions = CaptionPress(plan.width, plan.height, looks, patient=patient)
        self._compositor = Compositor(baked, plan.fps, captions=self._captions)
        self._ring = FrameRing(self._compositor.canvas, DEPTH + 2)
        self._workshop = _Workshop(patient)
        self._tv = Television(self.room.screen, self.room.name, fps=plan.fps, clock=clock, patient=patient)
        self._relit = False
        self.last: Plane = self._ring.buffers[0]
        self._refine_in = 0 if patient else REFINE_AFTER * plan.fps

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
        self._lights = lights
        self._workshop.order(lambda: self._timed_bake(lights), self._bake_done)

    def picture(self, state: FrameState) -> Shown:
        """Draw a frame, in the light and with the TV's picture of the moment."""
        self._refine()
        self._workshop.deliver()
        tv = self._tv.frame(state.number)
        cause = Cause.LIGHTS if self._relit else Cause.TV if tv.missed else Cause.NONE
        self._relit = False
        damage = self._compositor.compose(state, tv.picture)
        self.last = self._ring.buffers[self._ring.publish(damage)]
        if (failure := self._captions.failure()) is not None:
            self._reports.append(Trouble(failure.what, failure.where, failure.remedy))
        reports, self._reports = (*self._reports, *tv.reports), []
        return Shown(self.last, damage.pixels, reports, cause)

    def _refine(self) -> None:
        if self._refine_in > 0:
            self._refine_in -= 1
            if self._refine_in == 0:
                self.set_lights(self._lights)

    def tv_sound(self, start: int, count: int) -> Samples:
        """The TV's sound for ``count`` samples of the show from ``start``: stereo, silence when it is off."""
        return self._tv.sound(start, count)

    def close(self) -> None:
        """End the threads."""
        self._tv.close()
        self._workshop.close()
        self._captions.close()

    def _bake(self, lights: Lights, rim_step: float = RIM_STEP) -> BakedStage:
        return bake_stage(self.room, self.cast, lights, rim_step=rim_step)

    def _timed_bake(self, lights: Lights) -> tuple[BakedStage, float]:
        began = self._clock.now()
        return self._bake(lights), milliseconds(self._clock.now() - began)

    def _bake_done(self, future: Future[tuple[BakedStage, float]]) -> None:
        baked, spent = future.result()
        if baked.lights == self._lights:  # else a newer order follows
            self._compositor.relight(baked)
            self._relit = True
            self._workshop.order(trim, _nothing_more)  # the bake before, and what this one took to make
        self._reports.append(Baked(f"lights {baked.lights.daylight}{' lamp' * baked.lights.lamp}", spent))


def _nothing_more(future: Future[None]) -> None:
    future.result()


def load_art(plan: StagePlan) -> tuple[RoomArt, list[CharacterArt]]:
    """Load a plan's room and its cast, each at the scale and facing of its seat."""
    room = load_room(plan.room, plan.width, plan.height, cache=plan.cache)
    if len(plan.cast) > len(room.seats):
        raise InputError(
            f"{len(plan.cast)} characters do not fit on the {len(room.seats)} seats of {room.name}",
            where="cast",
            remedy="Choose fewer characters, or a room with more seats.",
        )
    cast = [
        load_character(seated.pack, scale=seat.scale, mirror=seat.mirror, cache=plan.cache)
        for seated, seat in zip(plan.cast, room.seats, strict=False)
    ]
    return room, cast
