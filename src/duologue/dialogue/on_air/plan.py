"""Who speaks next, about whose question, after which silence. Values in, values out."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from enum import StrEnum

from duologue.errors import InputError
from duologue.language.engine import Moment

MAX_WAITING = 20
"""Messages of people that may wait for an answer at one time."""
GAP_MS = (150, 450)
"""The range of the chosen silence between turns (ms)."""
QUICK_GAP_MS = (150, 260)
"""The same after a question or an interjection, which people answer faster."""
USUAL_GAP_MS = (240, 450)


class StepKind(StrEnum):
    """The kinds of entries in the turn ledger."""

    TURN = "turn"
    ANSWER = "answer"
    PERSON = "person"
    FILLER = "filler"


@dataclass(frozen=True, slots=True)
class Question:
    """What a person said to the character ``to``; ``turn_id`` is reserved for the answer."""

    turn_id: str
    author: str
    text: str
    to: str


@dataclass(frozen=True, slots=True)
class Step:
    """The next thing to be said: the ``number``-th turn (from 0), or the answer to ``question`` before that turn."""

    id: str
    number: int
    speaker: str
    kind: StepKind
    moment: Moment
    question: Question | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """How far a conversation has come. ``turns`` 0: without end. Only what has begun counts as ``taken``."""

    cast: tuple[str, ...]
    turns: int
    taken: int = 0
    last_speaker: str = ""
    waiting: tuple[Question, ...] = ()

    def next(self, turn_id: str) -> Step | None:
        """The next step, None at the end. A waiting question comes before the next turn; ``turn_id`` names a turn."""
        if self.waiting:
            question = self.waiting[0]
            return Step(question.turn_id, self.taken, question.to, StepKind.ANSWER, Moment.ANSWER, question)
        if self.turns and self.taken >= self.turns:
            return None
        return Step(turn_id, self.taken, self._next_speaker(), StepKind.TURN, self._moment())

    def begun(self, step: Step) -> Plan:
        """After ``step`` went on air (or was given up for good)."""
        waiting = tuple(question for question in self.waiting if question.turn_id != step.id)
        taken = self.taken + (step.kind is StepKind.TURN)
        return replace(self, taken=taken, last_speaker=step.speaker, waiting=waiting)

    def asked(self, question: Question) -> Plan:
        """After a person asked. Raises :class:`InputError` when too many wait already."""
        if len(self.waiting) >= MAX_WAITING:
            raise too_many_waiting()
        return replace(self, waiting=(*self.waiting, question))

    def _next_speaker(self) -> str:
        if not self.last_speaker:
            return self.cast[0]
        return self.cast[(self.cast.index(self.last_speaker) + 1) % len(self.cast)]

    def _moment(self) -> Moment:
        if self.turns and self.taken == self.turns - 1:
            return Moment.ENDING
        return Moment.OPENING if self.taken == 0 else Moment.MIDDLE


def too_many_waiting() -> InputError:
    """The answer to the person whose message finds the queue full."""
    return InputError(
        f"{MAX_WAITING} messages wait for an answer already", where="chat", remedy="Try again in a minute."
    )


def choose_gap(seed: int, step: Step, said_before: str) -> int:
    """The silence before ``step`` (ms): by seed, shorter after a question or an interjection."""
    quick = said_before.rstrip().endswith(("?", "!")) or 0 < len(said_before.split()) <= 3
    low, high = QUICK_GAP_MS if quick else USUAL_GAP_MS
    return random.Random(f"gap {seed} {step.number} {step.kind}").randint(low, high)
