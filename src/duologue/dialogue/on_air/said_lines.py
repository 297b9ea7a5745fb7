"""What was said on air: the lines that the next one is thought from. No I/O."""

from __future__ import annotations

from collections.abc import Iterable

from duologue.dialogue.on_air.plan import Step
from duologue.language.engine import Line, newest
from duologue.telemetry.ledger import TurnRecord


class SaidLines:
    """The lines of one conversation, the newest of them, as far as they were heard."""

    def __init__(self) -> None:
        self.lines: tuple[Line, ...] = ()
        self.last = ""
        """The newest, whole."""

    def began(self, step: Step, text: str) -> None:
        """It will be heard, unless :meth:`ended` says otherwise."""
        self.lines = newest((*self.lines, *lines_of(step, text)))
        self.last = text

    def ended(self, record: TurnRecord) -> None:
        """Of the last line, which began, what was heard is kept: it may have been cut, or a part of it has no sound."""
        *before, last = self.lines
        heard = [Line(last.speaker, record.heard)] if record.heard else []
        self.lines = (*before, *heard)


def asked_in(step: Step) -> list[Line]:
    """The question that a step answers, if it answers one."""
    return [Line(step.question.author, step.question.text)] if step.question else []


def lines_of(step: Step, text: str) -> Iterable[Line]:
    """A step with its words: what it answers, and they."""
    return (*asked_in(step), Line(step.speaker, text))
