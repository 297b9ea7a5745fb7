"""A drill: a lesson gone through exercise by exercise. It needs no language model, and says so.

A state machine without I/O: each step takes the standing, what happened and the time, and gives the next standing and
what follows (:data:`DrillEffect`) as values. Standings are immutable, so that a step whose words nobody heard is taken
back by keeping the standing of before.

    ready ──begin──▶ asked ──answer: right─────────▶ next exercise asked … ──▶ over
                      │ ▲ ──answer: wrong, tries left──▶ asked again, with a hint the second time
                      │ └──help: hint, translation, again
                      └──answer: wrong for the last time, or skip──▶ the answer is told; it comes once more at the end
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from functools import cache
from typing import TypeAlias

from duologue.clock import SECOND
from duologue.tutor.grammar import HELP_WORDS
from duologue.tutor.lesson import Exercise, ExerciseKind, Lesson
from duologue.tutor.words import WordMark, WordState, is_typo, likeness, marked, nearest, same, words_of

TRIES = 3
"""Answers to an exercise, before its answer is told."""
HINT_AFTER = 1
"""Wrong answers, after which the hint is given unasked."""
REPEATED = 0.75
"""Of the words of a sentence that is said after the tutor: enough for it to count."""
AIMED = 0.5
"""Of the words of an answer and of a right one: enough that this was meant."""
EASY_NS = 6 * SECOND
"""Who answers within this at the first try found it easy."""
NO_MODEL = (
    "I have no language model here, so I cannot talk about just anything. What I can do is practise with you: "
    "I ask, you answer, and I tell you what was right."
)
"""What a drill says of itself to whom asks for more."""


class Help(StrEnum):
    """What a learner may ask for."""

    HINT = "hint"
    TRANSLATION = "translation"
    AGAIN = "again"
    SKIP = "skip"


class DrillPhase(StrEnum):
    """Where a drill stands."""

    READY = "ready"
    ASKED = "asked"
    OVER = "over"


class Rating(IntEnum):
    """How well something was remembered, as FSRS counts."""

    AGAIN = 1
    HARD = 2
    GOOD = 3
    EASY = 4


class AnswerVerdict(StrEnum):
    """What an answer was."""

    RIGHT = "right"
    CLOSE = "close"
    """Right but for a slip of the pen, or a word that was unclear."""
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word of the sentence that was to be said, as its sound was judged: ``clear`` or not; ``score`` (0…100) only
    where scores are to be trusted.
    """

    text: str
    clear: bool
    score: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the learner said or wrote. ``sound`` judges the words of the answer that comes nearest to it, where it was
    spoken and the judge found them.
    """

    said: str
    written: bool = False
    sound: tuple[SpokenWord, ...] = ()


@dataclass(frozen=True, slots=True)
class ExerciseOutcome:
    """How an exercise went at last."""

    exercise: str
    verdict: AnswerVerdict
    tries: int
    helped: tuple[Help, ...]
    seconds: float


# What follows


@dataclass(frozen=True, slots=True)
class TutorSays:
    """The tutor says this."""

    text: str


@dataclass(frozen=True, slots=True)
class AskExercise:
    """An exercise is shown: number ``number`` (from 1) of ``count``; ``again``: it comes for the second time."""

    exercise: Exercise
    number: int
    count: int
    again: bool = False


@dataclass(frozen=True, slots=True)
class Judge:
    """An answer was judged, a ``written`` or a spoken one. ``wanted`` is the right answer that came nearest;
    ``correction`` what to say instead of the learner's own words (empty: nothing), ``because`` why.
    """

    exercise: Exercise
    said: str
    wanted: str
    verdict: AnswerVerdict
    words: tuple[WordMark, ...]
    correction: str = ""
    because: str = ""
    tries: int = 1
    written: bool = False


@dataclass(frozen=True, slots=True)
class Give:
    """Help is given: a hint, or a translation into ``language``."""

    exercise: Exercise
    help: Help
    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class RateWord:
    """A vocable was remembered so well."""

    word: str
    rating: Rating


@dataclass(frozen=True, slots=True)
class Finish:
    """The lesson is over. ``right`` of ``count`` exercises were answered at last, ``first`` of them at the first try
    and without help.
    """

    right: int
    first: int
    count: int
    seconds: float
    outcomes: tuple[ExerciseOutcome, ...]


DrillEffect: TypeAlias = TutorSays | AskExercise | Judge | Give | RateWord | Finish


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a learner is in a lesson. ``queue`` are the places of the exercises still to come, the one that is asked
    first; ``language`` is what is translated into. Times are nanoseconds.
    """

    lesson: Lesson
    language: str = ""
    phase: DrillPhase = DrillPhase.READY
    queue: tuple[int, ...] = ()
    done: int = 0
    tries: int = 0
    helped: tuple[Help, ...] = ()
    began: int = 0
    asked: int = 0
    outcomes: tuple[ExerciseOutcome, ...] = ()

    @property
    def exercise(self) -> Exercise | None:
        """The one that is asked."""
        return self.lesson.exercises[self.queue[0]] if self.phase is DrillPhase.ASKED else None

    @property
    def again(self) -> bool:
        """The one that is asked comes for the second time."""
        exercise = self.exercise
        return exercise is not None and any(outcome.exercise == exercise.id for outcome in self.outcomes)


@dataclass(frozen=True, slots=True)
class DrillStep:
    """What came of something."""

    standing: Standing
    effects: tuple[DrillEffect, ...] = ()

    @property
    def spoken(self) -> str:
        """All that the tutor says of it."""
        return " ".join(effect.text for effect in self.effects if isinstance(effect, TutorSays))


def begin(lesson: Lesson, now: int, language: str = "") -> DrillStep:
    """Start a lesson from its beginning."""
    queue = tuple(range(len(lesson.exercises)))
    standing = Standing(lesson, language, DrillPhase.ASKED, queue, began=now, asked=now)
    return DrillStep(standing, (TutorSays(lesson.intro), *_asking(standing)))


def asks_for(said: str) -> Help | None:
    """The help that somebody asks for in words."""
    words = words_of(said)
    return next((Help(name) for name, phrases in _help_words().items() if words in phrases), None)


@cache
def _help_words() -> Mapping[str, frozenset[tuple[str, ...]]]:
    return {name: frozenset(map(words_of, phrases)) for name, phrases in HELP_WORDS.items()}


def expected(standing: Standing, said: str) -> str:
    """The answer whose words are to be looked for in the sound of what was said; empty: none."""
    exercise = standing.exercise
    if exercise is None or asks_for(said) is not None:
        return ""
    if any(same(said, each.said) for each in exercise.mistakes):
        return ""
    candidates = (*exercise.answers, *exercise.options)
    return nearest(said, candidates)


def answer(standing: Standing, given: Answer, now: int) -> DrillStep:
    """Take an answer, or help asked for in words."""
    exercise = standing.exercise
    if exercise is None:
        return DrillStep(standing, (TutorSays(_over(standing)),))
    if (wish := asks_for(given.said)) is not None:
        return help_with(standing, wish, now, aloud=True)
    judged = _judged(exercise, given, standing.tries + 1)
    tried = replace(standing, tries=standing.tries + 1)
    if judged.verdict is not AnswerVerdict.WRONG:
        step = _next(tried, judged.verdict, now)
        return DrillStep(step.standing, (judged, *_praise(judged), *step.effects))
    if tried.tries < TRIES:
        hinted = tried.tries > HINT_AFTER and bool(exercise.hint) and Help.HINT not in tried.helped
        helped = (*tried.helped, Help.HINT) if hinted else tried.helped
        hint = (Give(exercise, Help.HINT, exercise.hint), TutorSays(exercise.hint)) if hinted else ()
        return DrillStep(replace(tried, helped=helped), (judged, TutorSays(_blame(judged)), *hint))
    step = _next(tried, AnswerVerdict.WRONG, now)
    told = TutorSays(f"{_blame(judged, last=True)} It is: {_sentence(exercise.answers[0])}")
    return DrillStep(step.standing, (judged, told, *step.effects))


def help_with(standing: Standing, wish: Help, now: int, *, aloud: bool = False) -> DrillStep:
    """Give help; ``aloud``: it was asked for in words, and is said as well as shown."""
    exercise = standing.exercise
    if exercise is None:
        return DrillStep(standing, (TutorSays(_over(standing)),) if aloud else ())
    match wish:
        case Help.SKIP:
            step = _next(standing, AnswerVerdict.WRONG, now)
            return DrillStep(
                step.standing, (TutorSays(f"The answer is: {_sentence(exercise.answers[0])}"), *step.effects)
            )
        case Help.AGAIN:
            return DrillStep(standing, (TutorSays(_question(exercise)),))
        case Help.HINT:
            text = exercise.hint or _first_letters(exercise.answers[0])
            given = Give(exercise, wish, text)
        case Help.TRANSLATION:
            text = exercise.translations.get(standing.language, "")
            given = Give(exercise, wish, text, standing.language)
            if not text:
                text = "There is no translation of this one, I am sorry."
                given = replace(given, text=text, language="")
    helped = standing.helped if wish in standing.helped else (*standing.helped, wish)
    spoken = (TutorSays("There it is, in writing." if given.language else text),) if aloud else ()
    return DrillStep(replace(standing, helped=helped), (given, *spoken))


# How an answer is judged


def _judged(exercise: Exercise, given: Answer, tries: int) -> Judge:
    said = given.said
    mistake = next((each for each in exercise.mistakes if same(said, each.said)), None)
    wanted = _aimed_at(said, exercise.answers)
    words = _with_sound(marked(said, wanted), given.sound)
    if mistake is not None:
        verdict = AnswerVerdict.WRONG
    elif exercise.kind is ExerciseKind.REPEAT and not given.written:
        verdict = _repeated(words)
    elif any(same(said, each) for each in exercise.answers):
        unclear = any(word.state is WordState.UNCLEAR for word in words)
        verdict = AnswerVerdict.CLOSE if unclear else AnswerVerdict.RIGHT
    else:
        verdict = AnswerVerdict.CLOSE if given.written and is_typo(said, wanted) else AnswerVerdict.WRONG
    corrected = verdict is not AnswerVerdict.RIGHT and not same(said, wanted)
    return Judge(
        exercise, said, wanted, verdict, words, wanted if corrected else "",
        mistake.because if mistake is not None else "", tries, given.written,
    )  # fmt: skip


def _aimed_at(said: str, answers: Sequence[str]) -> str:
    """The right answer that comes nearest; where none is near, the best one, which is what the learner is told."""
    found = nearest(said, answers)
    return found if likeness(said, found) >= AIMED else answers[0]


def _with_sound(words: Sequence[WordMark], sound: Sequence[SpokenWord]) -> tuple[WordMark, ...]:
    """The words with what their sound told, where it is of the same words."""
    wanted = [word for word in words if word.state is not WordState.EXTRA]
    if [word.text for word in wanted] != [word.text for word in sound]:
        return tuple(words)
    judged = iter(sound)
    found: list[WordMark] = []
    for word in words:
        if word.state is WordState.EXTRA:
            found.append(word)
            continue
        heard = next(judged)
        unclear = word.state is WordState.RIGHT and not heard.clear
        state = WordState.UNCLEAR if unclear else word.state
        found.append(replace(word, state=state, score=heard.score if word.state is WordState.RIGHT else None))
    return tuple(found)


def _repeated(words: Sequence[WordMark]) -> AnswerVerdict:
    """A sentence that was said after the tutor: as good as its words."""
    wanted = [word for word in words if word.state is not WordState.EXTRA]
    right = sum(word.state is WordState.RIGHT for word in wanted)
    missing = sum(word.state is WordState.MISSING for word in wanted)
    if right == len(wanted):
        return AnswerVerdict.RIGHT
    return AnswerVerdict.CLOSE if not missing and right >= REPEATED * len(wanted) else AnswerVerdict.WRONG


# What is said


def _asking(standing: Standing) -> tuple[DrillEffect, ...]:
    exercise = standing.exercise
    assert exercise is not None
    number, count = standing.done + 1, standing.done + len(standing.queue)
    return AskExercise(exercise, number, count, standing.again), TutorSays(_question(exercise))


def _question(exercise: Exercise) -> str:
    parts = [exercise.ask]
    if exercise.kind is ExerciseKind.REPEAT:
        parts.append(_sentence(exercise.answers[0]))
    elif exercise.kind is ExerciseKind.CHOICE:
        options = [_sentence(option) for option in exercise.options]
        parts.append(" Or: ".join(options))
    return " ".join(parts)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


_PRAISE = ("Good.", "Right.", "Well done.", "Yes.", "Exactly.")


def _praise(judged: Judge) -> tuple[DrillEffect, ...]:
    if judged.verdict is AnswerVerdict.RIGHT:
        return (TutorSays(_PRAISE[len(judged.wanted) % len(_PRAISE)]),)
    unclear = [word.text for word in judged.words if word.state is WordState.UNCLEAR]
    if unclear:
        return (TutorSays(f"Good. Listen once more: {', '.join(unclear)}."),)
    return (TutorSays("Nearly. Look how it is written."),)


def _blame(judged: Judge, *, last: bool = False) -> str:
    if judged.because:
        return _sentence(judged.because) if last else f"{_sentence(judged.because)} Try again."
    if last:
        return "Not quite."
    if judged.exercise.kind is not ExerciseKind.REPEAT:
        return "Not quite. Try again."
    once_more = f"Once more: {_sentence(judged.wanted)}"
    if missing := _those(judged, WordState.MISSING):
        return f"{'Missing' if judged.written else 'I did not hear'}: {missing}. {once_more}"
    if unclear := _those(judged, WordState.UNCLEAR):
        return f"Listen to {unclear}. {once_more}"
    return f"Too much: {_those(judged, WordState.EXTRA)}. {once_more}"


def _those(judged: Judge, state: WordState) -> str:
    """The first words of an answer that are so."""
    return ", ".join([word.text for word in judged.words if word.state is state][:4])


def _first_letters(text: str) -> str:
    return f"It begins with: {' '.join(text.split()[: max(1, len(text.split()) // 3)])} …"


def _over(standing: Standing) -> str:
    """To who goes on talking."""
    if standing.phase is DrillPhase.READY:
        return "Choose a lesson, and we begin."
    return f"This lesson is over. {NO_MODEL} Choose another lesson, or this one again."


# How it goes on


def _next(standing: Standing, verdict: AnswerVerdict, now: int) -> DrillStep:
    """The exercise is done: note how it went, and ask the next, or end."""
    exercise = standing.exercise
    assert exercise is not None
    second = standing.again
    seconds = (now - standing.asked) / SECOND
    outcome = ExerciseOutcome(exercise.id, verdict, standing.tries, standing.helped, seconds)
    rated = tuple(RateWord(word, _rating(outcome, now - standing.asked)) for word in exercise.words if not second)
    comes_again = (standing.queue[0],) if verdict is AnswerVerdict.WRONG and not second else ()
    after = replace(
        standing, queue=(*standing.queue[1:], *comes_again), done=standing.done + 1, tries=0, helped=(), asked=now,
        outcomes=(*standing.outcomes, outcome),
    )  # fmt: skip
    if after.queue:
        return DrillStep(after, (*rated, *_asking(after)))
    over = replace(after, phase=DrillPhase.OVER)
    finish = _finish(over, now)
    return DrillStep(over, (*rated, finish, TutorSays(_result(finish)), TutorSays(standing.lesson.outro)))


def _rating(outcome: ExerciseOutcome, took: int) -> Rating:
    if outcome.verdict is AnswerVerdict.WRONG:
        return Rating.AGAIN
    if outcome.tries > 1 or outcome.helped or outcome.verdict is AnswerVerdict.CLOSE:
        return Rating.HARD
    return Rating.EASY if took <= EASY_NS else Rating.GOOD


def _finish(standing: Standing, now: int) -> Finish:
    last = {outcome.exercise: outcome for outcome in standing.outcomes}
    right = sum(outcome.verdict is not AnswerVerdict.WRONG for outcome in last.values())
    begun = {outcome.exercise: outcome for outcome in reversed(standing.outcomes)}
    first = sum(
        outcome.verdict is not AnswerVerdict.WRONG and outcome.tries == 1 and not outcome.helped
        for outcome in begun.values()
    )
    return Finish(right, first, len(standing.lesson.exercises), (now - standing.began) / SECOND, standing.outcomes)


def _result(finish: Finish) -> str:
    if finish.right == finish.count:
        return f"All {finish.count} right, {finish.first} of them at once."
    return f"{finish.right} of {finish.count} right, {finish.first} of them at once."
