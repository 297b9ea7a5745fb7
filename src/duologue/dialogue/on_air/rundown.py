"""What to do at each event of a conversation on air: the director's decisions as a table, without a loop and without
I/O.

At any time at most :attr:`Rundown.depth` steps are *being prepared* (written and voiced, in their order) or *ahead*
(handed to the floor, not begun: one at most), and at most one is *current* (begun). The rules:

- As soon as fewer are, the next step is prepared: so step k+1 is written and voiced while step k plays. With a depth
  above 1 the one after it follows when step k+1 is written, for who writes it must know what will be said before.
- A prepared step is handed to the floor; the floor keeps the silence before it.
- A person's question comes next. Turns in preparation are abandoned, a turn ahead is taken back; all are planned anew
  after the answer. An answer is never abandoned for another question.
- If a step ends and nothing is ahead, the engines are late: once the chosen silence has passed, a filler, and another
after
  each :data:`FILLER_EVERY` until the step is there.
- While somebody who is not of the conversation speaks on the same floor, nobody is late: silence counts from the end
  of that.
- A floor that does not report in :data:`OVERDUE` is taken to have lost the step; the show goes on with the next.
- ``patient`` (offline): the floor waits for us, so nobody is ever late: no fillers, no deadlines.

Every method takes ``now`` (monotonic ns), changes the rundown and returns the effects to execute, in order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from duologue.clock import MILLISECOND, SECOND
from duologue.dialogue.on_air.plan import Plan, Question, Step, StepKind

FILLER_EVERY = 3 * SECOND
"""From the end of a filler to the next (ns)."""
OVERDUE = 15 * SECOND
"""How long after the expected time a report of the floor is given up (ns)."""
STOOD = 2 * SECOND
"""Who is called so much later than they asked for did not run: what was reported meanwhile lies unread (ns)."""


@dataclass(frozen=True, slots=True)
class Prepare:
    """Write and voice ``step``."""

    step: Step


@dataclass(frozen=True, slots=True)
class AbandonStep:
    """Stop preparing ``step``."""

    step: Step


@dataclass(frozen=True, slots=True)
class Hand:
    """Hand the prepared ``step`` to the floor."""

    step: Step


@dataclass(frozen=True, slots=True)
class TakeBack:
    """Ask the floor to give ``step`` back, and tell :meth:`Rundown.taken_back`."""

    step: Step


@dataclass(frozen=True, slots=True)
class Fill:
    """Let ``speaker`` mutter something, as utterance ``id``."""

    id: str
    speaker: str


@dataclass(frozen=True, slots=True)
class StepUnreported:
    """The floor never reported ``step``; it counts as over."""

    step: Step


RundownEffect: TypeAlias = Prepare | AbandonStep | Hand | TakeBack | Fill | StepUnreported


class Rundown:
    """The state of one conversation on air. ``new_id`` gives a fresh turn id at each call."""

    def __init__(self, plan: Plan, new_id: Callable[[], str], *, patient: bool = False) -> None:
        self.plan = plan
        self._new_id = new_id
        self._patient = patient
        self.depth = 1
        """How many steps may be prepared or ahead at one time."""
        self.preparing: list[Step] = []
        self._unwritten: set[str] = set()
        self.ahead: Step | None = None
        self.current: Step | None = None
        self.filler = ""
        self._taking_back: Step | None = None
        self._fill_at = 0
        self._overdue_at = 0
        self._held_until = 0

    @property
    def done(self) -> bool:
        """Everything planned has been said."""
        busy = self.preparing or self.ahead or self.current or self.filler or self._taking_back
        return not busy and self.plan.next("") is None

    @property
    def deadline(self) -> int | None:
        """When :meth:`tick` wants to be called next (ns), None for never."""
        if self._patient:
            return None
        return min((at for at in (self._fill_at, self._overdue_at) if at), default=None)

    @property
    def upcoming(self) -> Step | None:
        """The first of those that are being prepared."""
        return self.preparing[0] if self.preparing else None

    def start(self, now: int) -> list[RundownEffect]:
        """Begin."""
        return self._prepare_next()

    def written(self, step: Step, now: int) -> list[RundownEffect]:
        """The words of ``step`` are there."""
        self._unwritten.discard(step.id)
        return self._prepare_next()

    def look_ahead(self) -> list[RundownEffect]:
        """The depth may have changed."""
        return self._prepare_next() if self.depth > 1 else []

    def goes_on(self, due: int) -> None:
        """The current step is said in parts: the floor owes its next report by ``due`` (ns), 0: nothing is owed until
        more is handed to it.
        """
        self._overdue_at = due + OVERDUE if due else 0

    def prepared(self, step: Step, now: int) -> list[RundownEffect]:
        """``step``, the next to be said, may begin. One that was abandoned meanwhile is ignored."""
        if step != self.upcoming or self.ahead:
            return []
        self._drop(step)
        self.ahead = step
        self._fill_at = 0
        if not self.current and not self.filler:
            self._overdue_at = self._free(now) + OVERDUE
        return [Hand(step)]

    def given_up(self, step: Step, now: int) -> list[RundownEffect]:
        """``step``, the next to be said, could not be voiced at all: it counts as said, and the next one follows."""
        if step != self.upcoming:
            return []
        self._drop(step)
        self.plan = self.plan.begun(step)
        return self._prepare_next()

    def began(self, utterance_id: str, duration: int, now: int) -> list[RundownEffect]:
        """The floor began an utterance of ``duration`` ns."""
        if self.ahead and self.ahead.id == utterance_id:
            self.plan = self.plan.begun(self.ahead)
            self.current, self.ahead = self.ahead, None
            self._fill_at = 0
        elif self.filler != utterance_id:
            return []
        self._overdue_at = now + duration + OVERDUE
        return self._prepare_next()

    def finished(self, utterance_id: str, gap_ms: int, now: int) -> list[RundownEffect]:
        """An utterance is over; ``gap_ms`` is the silence chosen before the next."""
        if self.ahead and self.ahead.id == utterance_id:  # the floor could not say it
            self.plan, self.ahead = self.plan.begun(self.ahead), None
            self._fill_at = now + gap_ms * MILLISECOND
        elif self.current and self.current.id == utterance_id:
            self.current = None
            self._fill_at = now + gap_ms * MILLISECOND
        elif self.filler and self.filler == utterance_id:
            self.filler = ""
            self._fill_at = now + FILLER_EVERY
        else:
            return []
        self._overdue_at = now + gap_ms * MILLISECOND + OVERDUE if self.ahead else 0
        if self.ahead or not self.preparing:
            self._fill_at = 0
        return self._prepare_next()

    def held(self, duration: int, gap_ms: int, now: int) -> list[RundownEffect]:
        """Somebody else has the floor for ``duration`` ns from now on (0: gives it back); ``gap_ms`` as for
        :meth:`finished`.
        """
        self._held_until = now + duration
        if self._fill_at:
            self._fill_at = self._held_until + gap_ms * MILLISECOND
        if self._overdue_at:
            self._overdue_at = self._held_until + gap_ms * MILLISECOND + OVERDUE
        return []

    def _free(self, now: int) -> int:
        """From when on the floor is the conversation's."""
        return max(now, self._held_until)

    def asked(self, question: Question, now: int) -> list[RundownEffect]:
        """A person asks. Raises :class:`InputError` when too many wait already."""
        self.plan = self.plan.asked(question)
        effects: list[RundownEffect] = []
        for step in [step for step in self.preparing if step.kind is StepKind.TURN]:
            effects.append(AbandonStep(step))
            self._drop(step)
        if self.ahead and self.ahead.kind is StepKind.TURN and not self._taking_back:
            self._taking_back = self.ahead
            effects.append(TakeBack(self.ahead))
        return effects + self._prepare_next()

    def taken_back(self, step: Step, done: bool, now: int) -> list[RundownEffect]:
        """The floor's answer to :class:`TakeBack`; it plays on if not ``done``."""
        self._taking_back = None
        if done and self.ahead == step:
            self.ahead = None
            if not self.current:  # the silence has begun already
                self._overdue_at = 0
                self._fill_at = now
        return self._prepare_next()

    def tick(self, now: int) -> list[RundownEffect]:
        """Time has passed; call it at :attr:`deadline`."""
        if self._overdue_at and now >= self._overdue_at:
            if now - self._overdue_at < STOOD:
                return self._lose()
            self._overdue_at = now + OVERDUE  # the turn may have been heard to its end
        if self._fill_at and now >= self._fill_at and self.preparing and not self.filler:
            self._fill_at = 0
            self.filler = self._new_id()
            self._overdue_at = self._free(now) + OVERDUE
            return [Fill(self.filler, self.preparing[0].speaker)]
        return []

    def _lose(self) -> list[RundownEffect]:
        """The floor owes a report for too long: forget what it was to report."""
        self._overdue_at = 0
        self.filler = ""
        lost = self.current or self.ahead
        if lost is None:
            return self._prepare_next()
        if lost == self.ahead:
            self.plan = self.plan.begun(lost)
            self.ahead = None
        self.current = None
        return [StepUnreported(lost), *self._prepare_next()]

    def _drop(self, step: Step) -> None:
        self.preparing.remove(step)
        self._unwritten.discard(step.id)

    def _prepare_next(self) -> list[RundownEffect]:
        if self._taking_back or self._unwritten or len(self.preparing) + (self.ahead is not None) >= self.depth:
            return []
        plan = self.plan
        for each in (*((self.ahead,) if self.ahead else ()), *self.preparing):
            plan = plan.begun(each)
        step = plan.next(self._new_id())
        if step is None:
            return []
        self.preparing.append(step)
        self._unwritten.add(step.id)
        return [Prepare(step)]
