"""A lesson: what is practised, exercise by exercise. Lessons are files (docs/lessons.md), not code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from duologue.errors import InputError
from duologue.places import packs_folder
from duologue.text_files import read_table
from duologue.tutor.words import words_of
from duologue.validation import problems, tuples

FORMAT = 1
"""The only value of ``format`` that this version reads."""
LEVELS = ("A1", "A2", "B1", "B2", "C1", "C2")
"""Of the Common European Framework of Reference for Languages, the easiest first."""
REVIEW = "review"
"""What no file may be called: the lesson that is made of what is due."""


class ExerciseKind(StrEnum):
    """What the learner is to do."""

    REPEAT = "repeat"
    """Say ``text`` after the tutor."""
    CHOICE = "choice"
    """Say, or press, one of ``options``."""
    ANSWER = "answer"
    """Say a short answer: one of ``answers``."""
    WRITE = "write"
    """Write one of ``answers``."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """A wrong answer that many give: ``said``, and ``because``, what to tell them."""

    said: str
    because: str


@dataclass(frozen=True, slots=True)
class LessonWord:
    """A word or phrase that a lesson teaches. ``translations`` are by language (ISO 639-1)."""

    word: str
    meaning: str
    translations: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Exercise:
    """One thing to do. ``ask`` is what the tutor says before it, ``answers`` are right, the first one the best;
    ``translations`` are of what is to be understood (the text, else what is asked). ``words`` are the vocables that it
    trains.
    """

    id: str
    kind: ExerciseKind
    ask: str
    answers: tuple[str, ...]
    options: tuple[str, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    hint: str = ""
    translations: Mapping[str, str] = field(default_factory=dict[str, str])
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is practised at one sitting. ``intro`` and ``outro`` are what the tutor says first and last; ``order`` is
    its place among those of its level.
    """

    name: str
    title: str
    level: str
    order: int
    about: str
    intro: str
    outro: str
    vocabulary: tuple[LessonWord, ...]
    exercises: tuple[Exercise, ...]

    def vocable(self, word: str) -> LessonWord | None:
        """By its word."""
        return next((each for each in self.vocabulary if each.word == word), None)


# The file

_Text = Annotated[str, StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=400)]
_Texts = tuple[_Text, ...]
_Tag = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]
_Name = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Mistake(_Strict):
    said: _Text
    because: _Text


class _Vocable(_Strict):
    word: _Text
    meaning: _Text
    translations: dict[_Tag, _Text] = {}


class _Exercise(_Strict):
    kind: Literal["repeat", "choice", "answer", "write"]
    text: _Text | None = Field(default=None, description="What is to be said after the tutor.")
    ask: _Text | None = Field(default=None, description="What the tutor says before it.")
    options: _Texts = Field(default=(), max_length=6, description="What there is to choose from.")
    answers: _Texts = Field(default=(), max_length=40, description="What is right, the best first.")
    mistakes: Annotated[tuple[_Mistake, ...], Field(max_length=20)] = ()
    hint: _Text | None = None
    translations: dict[_Tag, _Text] = {}
    words: _Texts = ()

    @model_validator(mode="after")
    def _whole(self) -> _Exercise:
        if self.kind == "repeat":
            if self.text is None or self.options or self.answers:
                raise ValueError('a "repeat" has a text, and neither options nor answers')
        elif self.text is not None or self.ask is None or not self.answers:
            raise ValueError(f'a "{self.kind}" has ask and answers, and no text')
        if self.kind == "choice":
            if len(self.options) < 2:
                raise ValueError('a "choice" has two options or more')
            if strange := [each for each in self.answers if each not in self.options]:
                raise ValueError(f"the answer {strange[0]!r} is none of the options")
        elif self.options:
            raise ValueError('only a "choice" has options')
        for said in (self.text or "", *self.options, *self.answers):
            if said and not words_of(said):
                raise ValueError(f"{said!r} holds no word that could be said")
        return self


class _File(_Strict):
    """A lesson file as it is written."""

    format: Literal[1] = FORMAT
    title: _Text
    level: Literal["A1", "A2", "B1", "B2", "C1", "C2"]
    order: int = Field(default=100, ge=0, le=999, description="Its place among the lessons of its level.")
    about: _Text
    intro: _Text
    outro: _Text
    vocabulary: Annotated[tuple[_Vocable, ...], Field(max_length=100)] = ()
    exercise: Annotated[tuple[_Exercise, ...], Field(min_length=1, max_length=60)]


def load_lesson(path: Path) -> Lesson:
    """Read a lesson's file; it is called as the file is.

    Raises :class:`InputError` that names the file, the key and the remedy.
    """
    name = path.stem
    if not _Name.fullmatch(name) or name == REVIEW:
        raise InputError(
            f"a lesson cannot be called {name!r}", where=str(path),
            remedy=f"Use small letters, digits and hyphens in the file's name, and not {REVIEW!r}.",
        )  # fmt: skip
    return parse_lesson(read_table(path, "the lesson"), name, str(path))


def parse_lesson(data: Mapping[str, object], name: str, where: str) -> Lesson:
    """Make a lesson of a decoded TOML document. Raises :class:`InputError`."""
    try:
        found = _File.model_validate(tuples(data))
    except ValidationError as error:
        problem = problems(error, _File)[0]
        key = re.sub(r"\[(\d+)\]", lambda number: f" {int(number[1]) + 1}", problem.key)
        raise InputError(problem.what, where=f"{where}: {key}", remedy=problem.remedy) from None
    taught = tuple(LessonWord(each.word, each.meaning, each.translations) for each in found.vocabulary)
    known = [each.word for each in taught]
    if twice := next((word for word in known if known.count(word) > 1), None):
        raise InputError(f"{twice!r} is in the vocabulary twice", where=where, remedy="Leave one of them out.")
    exercises = tuple(_exercise(number, each) for number, each in enumerate(found.exercise, 1))
    for number, exercise in enumerate(exercises, 1):
        if strange := next((word for word in exercise.words if word not in known), None):
            raise InputError(
                f"{strange!r} is not in the lesson's vocabulary", where=f"{where}: exercise {number}.words",
                remedy="Write it as it stands under [[vocabulary]], or add it there.",
            )  # fmt: skip
    return Lesson(name, found.title, found.level, found.order, found.about, found.intro, found.outro, taught, exercises)


def _exercise(number: int, given: _Exercise) -> Exercise:
    kind = ExerciseKind(given.kind)
    answers = (given.text,) if given.text is not None else given.answers
    mistakes = tuple(Mistake(each.said, each.because) for each in given.mistakes)
    ask = given.ask or "Say after me."
    return Exercise(
        str(number), kind, ask, answers, given.options, mistakes, given.hint or "", given.translations, given.words
    )


def lessons_folder() -> Path:
    """Where those lie that ship."""
    return packs_folder() / "lessons"


@dataclass(frozen=True, slots=True)
class _Shelf:
    lessons: tuple[Lesson, ...]
    broken: Mapping[str, InputError]


@cache
def _shelf(folder: Path) -> _Shelf:
    """What lies in ``folder``: a file that is no lesson costs none of the others."""
    found: list[Lesson] = []
    broken: dict[str, InputError] = {}
    for file in sorted(folder.glob("*.toml")):
        try:
            found.append(load_lesson(file))
        except InputError as error:
            place = error.where.removeprefix(f"{folder}/")
            broken[file.stem] = InputError(error.what, where=place, remedy=error.remedy)
    lessons = sorted(found, key=lambda lesson: (LEVELS.index(lesson.level), lesson.order))
    return _Shelf(tuple(lessons), broken)


def shipped_lessons() -> tuple[Lesson, ...]:
    """Those that ship, the easiest first."""
    return _shelf(lessons_folder()).lessons


def broken_lessons() -> tuple[InputError, ...]:
    """What is wrong with those that lie beside them and cannot be held; each names its file."""
    return tuple(_shelf(lessons_folder()).broken.values())


def find_lesson(name: str) -> Lesson:
    """One that ships, by name; or any, by its file. Raises :class:`InputError` with what there is."""
    if name.endswith(".toml"):
        return load_lesson(Path(name))
    shelf = _shelf(lessons_folder())
    found = next((lesson for lesson in shelf.lessons if lesson.name == name), None)
    if found is None:
        if name in shelf.broken:
            raise shelf.broken[name]
        names = ", ".join(lesson.name for lesson in shelf.lessons)
        raise InputError(f"there is no lesson {name!r}", where="lesson", remedy=f"Name one of {names}, or a file.")
    return found
