"""A learner's level, and which lesson comes next. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from duologue.tutor.lesson import LEVELS, Lesson
from duologue.tutor.progress import LessonDone

MASTERED = 0.8
"""Of the exercises of a lesson, answered at the first try: it need not come again."""


@dataclass(frozen=True, slots=True)
class PlannedLesson:
    """A lesson of the plan: how often it was gone through, the best share of exercises that were answered at once
    (0…1), and whether it is the one to do ``next``.
    """

    lesson: Lesson
    times: int = 0
    best: float = 0.0
    next: bool = False

    @property
    def mastered(self) -> bool:
        """It need not come again."""
        return self.best >= MASTERED


def plan_of(lessons: Sequence[Lesson], done: Iterable[LessonDone]) -> tuple[PlannedLesson, ...]:
    """All lessons in their order, each with what was made of it; the first that is not mastered is next."""
    times: dict[str, int] = {}
    best: dict[str, float] = {}
    for each in done:
        times[each.lesson] = times.get(each.lesson, 0) + 1
        best[each.lesson] = max(best.get(each.lesson, 0.0), each.first / each.count if each.count else 0.0)
    planned: list[PlannedLesson] = []
    found = False
    for lesson in lessons:
        entry = PlannedLesson(lesson, times.get(lesson.name, 0), best.get(lesson.name, 0.0))
        if not found and not entry.mastered:
            entry, found = PlannedLesson(lesson, entry.times, entry.best, next=True), True
        planned.append(entry)
    return tuple(planned)


def level_of(plan: Sequence[PlannedLesson]) -> str:
    """The level at which the learner is: that of the first lesson which is not mastered; else the highest there is."""
    if not plan:
        return LEVELS[0]
    open_now = [entry.lesson.level for entry in plan if not entry.mastered]
    return min(open_now, key=LEVELS.index) if open_now else max((e.lesson.level for e in plan), key=LEVELS.index)
