"""What could be better about a lesson that can be held as it is. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from duologue.tutor.lesson import ExerciseKind, Lesson
from duologue.tutor.words import same

LONG_SENTENCE = 12
"""Words that can be said after somebody; more are forgotten on the way."""


def remarks(lesson: Lesson) -> tuple[str, ...]:
    """In the lesson's order."""
    return tuple(_remarks(lesson))


def _remarks(lesson: Lesson) -> Iterator[str]:
    trained = {word for exercise in lesson.exercises for word in exercise.words}
    for vocable in lesson.vocabulary:
        if vocable.word not in trained:
            yield f"vocabulary: {vocable.word!r} is in no exercise's words, so it never comes for review."
    tags = sorted({tag for exercise in lesson.exercises for tag in exercise.translations})
    for number, exercise in enumerate(lesson.exercises, 1):
        where = f"exercise {number}"
        if not exercise.hint:
            yield f"{where}: it has no hint; the first words of the answer are given instead."
        for tag in tags:
            if tag not in exercise.translations:
                yield f"{where}: the others have a translation into {tag!r}, this one has none."
        if exercise.kind is ExerciseKind.REPEAT and len(exercise.answers[0].split()) > LONG_SENTENCE:
            yield f"{where}: {len(exercise.answers[0].split())} words are a lot to say after somebody."
        for mistake in exercise.mistakes:
            if any(same(mistake.said, answer) for answer in exercise.answers):
                yield f"{where}: the mistake {mistake.said!r} is one of its answers as well, and counts as a mistake."
