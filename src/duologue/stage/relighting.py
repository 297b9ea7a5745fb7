"""A change of light, prepared beside the frame path and swapped in whole between two frames.

The newest order counts: one that is under way is given up at its next checkpoint when another one comes, and one that
has not begun is never begun. A live stage also refines itself here, once, when it had to begin with a coarse bake.
``patient`` (offline) waits for what was ordered, so that equal cues give equal frames.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from duologue.clock import Clock, milliseconds
from duologue.errors import DuologueError, in_words
from duologue.memory import trim
from duologue.priority import lower_this_thread
from duologue.stage.baking.bake import AbandonedError, BakedStage
from duologue.stage.baking.bakery import Bakery
from duologue.stage.messages import Baked, LightsKept, StagePlan, StageReport, Trouble
from duologue.stage.motion.pose import Lights

REFINE_AFTER = 4
"""Seconds of show after which the fine bake begins: by then the lead is there, and players have what they want."""


TIDY_AFTER = 10
"""Seconds of show after a change of light: by then all that baking it used is free, and goes back."""


@dataclass(frozen=True, slots=True)
class _Order:
    number: int
    lights: Lights
    future: Future[tuple[BakedStage, float]]

    def __str__(self) -> str:
        return f"lights {self.lights.daylight}{' lamp' * self.lights.lamp}"


class Relighting:
    """Owns the thread that bakes. Makes the first stage on construction; use it from the frame's thread."""

    def __init__(self, plan: StagePlan, clock: Clock, *, patient: bool) -> None:
        self._clock = clock
        self._patient = patient
        self._bakery = Bakery(plan)
        first = self._bakery.first_stage(plan.lights, coarse=not patient)
        self.stage: BakedStage = first.stage
        """What is to be drawn with."""
        self._fine = first.fine
        self._refine_in = 0 if first.fine else REFINE_AFTER * plan.fps
        self._tidy_after, self._tidy_in = TIDY_AFTER * plan.fps, 0
        self._newest = 0
        self._orders: deque[_Order] = deque()
        self._retired: list[BakedStage] = []
        self._reports: list[StageReport] = []
        # Baking yields to the frame: the threads that it starts inherit this one's place.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="relighting", initializer=lower_this_thread)

    def want(self, lights: Lights) -> None:
        """Change the light as soon as it can be; what was wanted before is forgotten."""
        self._newest += 1
        for order in self._orders:
            order.future.cancel()
        if lights != self.stage.lights or not self._fine:
            future = self._thread.submit(self._bake, lights, self._newest)
            self._orders.append(_Order(self._newest, lights, future))
        else:  # whoever asked must hear of an end: the order before this one has none any more
            self._reports.append(LightsKept(lights))

    def frame(self) -> bool:
        """Call once a frame: True when :attr:`stage` is another one from this frame on."""
        self._release()
        self._refine()
        changed = False
        while self._orders and (self._patient or self._orders[0].future.done()):
            changed |= self._take(self._orders.popleft())
        return changed

    def reports(self) -> tuple[StageReport, ...]:
        """What there is to say since the last call."""
        reports = (*self._reports, *self._bakery.shelf.troubles())
        self._reports.clear()
        return reports

    def close(self) -> None:
        """End the thread; a bake under way is given up."""
        self._newest += 1
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _bake(self, lights: Lights, number: int) -> tuple[BakedStage, float]:
        def checkpoint() -> None:
            if number != self._newest:
                raise AbandonedError

        began = self._clock.now()
        return self._bakery.stage(lights, checkpoint), milliseconds(self._clock.now() - began)

    def _take(self, order: _Order) -> bool:
        if order.number != self._newest:
            return False  # whatever became of it
        error = order.future.exception()
        if error is not None:  # the light stays what it is, and the show goes on
            self._reports += [_trouble(error, str(order)), LightsKept(self.stage.lights)]
            return False
        baked, spent = order.future.result()
        self._reports.append(Baked(str(order), spent))
        self._retired.append(self.stage)
        self.stage, self._fine = baked, True
        return True

    def _refine(self) -> None:
        if self._refine_in > 0:
            self._refine_in -= 1
            if self._refine_in == 0 and not self._fine and not self._orders:
                self.want(self.stage.lights)

    def _release(self) -> None:
        """Let go of the stage before the last change in the other thread: there are thousands of arrays in it."""
        if self._retired:
            self._thread.submit(_let_go, self._retired)
            self._retired, self._tidy_in = [], self._tidy_after
        elif self._tidy_in > 0:
            self._tidy_in -= 1
            if self._tidy_in == 0:
                self._thread.submit(trim)


def _let_go(stages: list[BakedStage]) -> None:
    stages.clear()
    trim()


def _trouble(error: BaseException, where: str) -> Trouble:
    if isinstance(error, DuologueError):
        return Trouble(error.what, error.where, error.remedy)
    return Trouble(in_words(error), where, "The light stays what it was. This is a bug; report it.")
