"""What a show does without while the machine or its voice is slow, in the words of its page."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from duologue.app.models import PaceView, StepName, StepView
from duologue.clock import MILLISECOND, Clock
from duologue.telemetry.ledger import GovernorStep

if TYPE_CHECKING:
    from duologue.dialogue.on_air.delivery import PaceState

MOST_STEPS = 20
"""Steps of the governor that are remembered for the page."""
STEPS = {
    GovernorStep.FULL: (StepName.FULL, "All there is to see."),
    GovernorStep.TV: (StepName.TV, "The TV's picture moves half as often."),
    GovernorStep.ANALYSIS: (
        StepName.ANALYSIS,
        "The TV's picture moves half as often, and the whole picture is a little softer.",
    ),
    GovernorStep.RATE: (StepName.RATE, "Every second picture is left out, evenly."),
    GovernorStep.SIZE: (StepName.SIZE, "Every second picture is left out, evenly, and the picture is smaller."),
}
"""Each step's name, and what a viewer sees of it."""
GATHERING = "The voice is slow: the first words wait until what follows will be in time."
LAGGING = "The voice is slower than its speech: the silences are longer."


def name_of(step: GovernorStep) -> str:
    """As logs and pages call it."""
    return STEPS[step][0].value


class Shortage:
    """Begins with none. It is told what changes, and when that was is the ``clock``'s."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.quality = self._step(GovernorStep.FULL)
        """How plain the picture is now."""
        self.pace = PaceView(words="")
        """How the voice keeps up."""
        self._steps: deque[StepView] = deque(maxlen=MOST_STEPS)

    @property
    def steps(self) -> Sequence[StepView]:
        """The newest first."""
        return tuple(self._steps)

    def stepped(self, step: GovernorStep, why: str) -> None:
        """The picture is plainer now, or has more to see."""
        self.quality = self._step(step, why)
        self._steps.appendleft(self.quality)

    def renewed(self) -> None:
        """A new stage begins with all there is."""
        if self.quality.step is not StepName.FULL:
            self.stepped(GovernorStep.FULL, "a new stage")

    def paced(self, state: PaceState) -> None:
        """The voice keeps up otherwise than before."""
        words = GATHERING if state.gathering else LAGGING if state.lagging else ""
        self.pace = PaceView(words=words, factor=state.factor, since=self._now())

    def _step(self, step: GovernorStep, why: str = "") -> StepView:
        name, words = STEPS[step]
        return StepView(step=name, words=words, since=self._now(), why=why)

    def _now(self) -> float:
        return self._clock.wall() / MILLISECOND
