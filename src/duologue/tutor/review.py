"""Spaced review: when a word comes again, by FSRS, and the lesson that is made of what is due. Pure: time is given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from fsrs import Card as Memory
from fsrs import Rating as Remembering
from fsrs import Scheduler, State

from duologue.tutor.drill import Rating
from duologue.tutor.lesson import REVIEW, Exercise, ExerciseKind, Lesson, LessonWord
from duologue.tutor.progress import WordCard

MICROSECOND = 1_000
MOST_WORDS = 12
"""Of a review."""
_SCHEDULER = Scheduler(enable_fuzzing=False)
"""With its usual parameters; without chance, so that the same answers give the same days."""


def new_card(vocable: LessonWord, lesson: str, now: int) -> WordCard:
    """A word that was not learnt yet, due at once (``now``, here and below: Unix ns)."""
    return WordCard(vocable.word, vocable.meaning, lesson, now)


def rated(card: WordCard, rating: Rating, now: int) -> WordCard:
    """The card after it was asked: when it comes again follows from how well it was remembered."""
    after, _ = _SCHEDULER.review_card(_memory(card), Remembering(int(rating)), _date(now))
    return replace(
        card, due=_time(after.due), state=after.state.value, step=after.step, stability=after.stability,
        difficulty=after.difficulty, last_review=_time(after.last_review) if after.last_review else None,
        reviews=card.reviews + 1, rating=int(rating),
        lapses=card.lapses + (rating is Rating.AGAIN and card.state == State.Review.value),
    )  # fmt: skip


def _memory(card: WordCard) -> Memory:
    last = _date(card.last_review) if card.last_review is not None else None
    return Memory(
        0, State(card.state), card.step, card.stability, card.difficulty, due=_date(card.due), last_review=last
    )


def due(cards: Iterable[WordCard], now: int) -> tuple[WordCard, ...]:
    """Those whose time has come, the longest overdue first."""
    return tuple(sorted((card for card in cards if card.due <= now), key=lambda card: (card.due, card.word)))


def review_of(cards: Sequence[WordCard], lessons: Iterable[Lesson]) -> Lesson | None:
    """A lesson of the words that are ``due``, each in an exercise of its own lesson that trains it, or said after the
    tutor; None: there are none.
    """
    known = {lesson.name: lesson for lesson in lessons}
    exercises: list[Exercise] = []
    taught: list[LessonWord] = []
    for number, card in enumerate(cards[:MOST_WORDS], 1):
        found = known.get(card.lesson)
        known_as = found.vocable(card.word) if found is not None else None
        vocable = known_as or LessonWord(card.word, card.meaning)
        training = [each for each in found.exercises if card.word in each.words] if found is not None else []
        exercise = training[card.reviews % len(training)] if training else _said_after(vocable)
        exercises.append(replace(exercise, id=str(number), words=(card.word,)))
        taught.append(vocable)
    if not exercises:
        return None
    count = f"{len(exercises)} words" if len(exercises) > 1 else "one word"
    return Lesson(
        REVIEW, "Review", "A1", 0, f"The {count} whose time has come.", f"Let us see what you remember: {count}.",
        "That was the review. They come again when it is time.", tuple(taught), tuple(exercises),
    )  # fmt: skip


def _said_after(vocable: LessonWord) -> Exercise:
    ask = f"{vocable.meaning.rstrip('.')}. Say after me." if vocable.meaning else "Say after me."
    return Exercise("", ExerciseKind.REPEAT, ask, (vocable.word,), translations=vocable.translations)


def _date(now: int) -> datetime:
    return datetime.fromtimestamp(now // MICROSECOND / 1e6, UTC)


def _time(date: datetime) -> int:
    return round(date.timestamp() * 1e6) * MICROSECOND
