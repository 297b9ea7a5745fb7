"""When words come again, the lesson that is made of them, the plan and the level."""

from __future__ import annotations

import pytest
from tutor_lessons import small_lesson

from duologue.clock import SECOND
from duologue.tutor import drill
from duologue.tutor.drill import Answer, Rating
from duologue.tutor.lesson import REVIEW, ExerciseKind, shipped_lessons
from duologue.tutor.plan import level_of, plan_of
from duologue.tutor.progress import LessonDone, Remembered, WordCard
from duologue.tutor.review import MOST_WORDS, due, new_card, rated, review_of

NOW = 1_800_000_000 * SECOND
DAY = 24 * 3600 * SECOND
LESSON = small_lesson()


def test_a_word_comes_later_the_better_it_is_known_and_soon_when_it_was_forgotten() -> None:
    card = new_card(LESSON.vocabulary[0], "small", NOW)
    assert due([card], NOW) == (card,)
    gaps: list[float] = []
    now = NOW
    for _ in range(6):
        card = rated(card, Rating.GOOD, now)
        gaps.append((card.due - now) / DAY)
        now = card.due
    assert gaps == sorted(gaps) and gaps[0] < 0.1 and gaps[-1] > 30
    assert card.reviews == 6 and not card.lapses and card.rating == Rating.GOOD
    forgotten = rated(card, Rating.AGAIN, now)
    assert (forgotten.due - now) / DAY < 0.1 and forgotten.lapses == 1
    assert rated(card, Rating.EASY, now).due > rated(card, Rating.HARD, now).due


def test_equal_answers_give_equal_days() -> None:
    card = new_card(LESSON.vocabulary[0], "small", NOW)
    assert rated(rated(card, Rating.GOOD, NOW), Rating.GOOD, NOW + DAY) == rated(
        rated(card, Rating.GOOD, NOW), Rating.GOOD, NOW + DAY
    )


def test_a_review_asks_what_is_due_in_exercises_that_train_it() -> None:
    lesson = shipped_lessons()[0]
    cards = [new_card(each, lesson.name, NOW) for each in lesson.vocabulary]
    cards.append(WordCard("a conversation's word", "From a talk.", "", NOW))
    late = rated(cards[0], Rating.EASY, NOW)
    review = review_of(due([late, *cards[1:]], NOW + SECOND), shipped_lessons())
    assert review is not None and review.name == REVIEW
    trained = [exercise.words for exercise in review.exercises]
    assert sorted(words[0] for words in trained) == sorted(card.word for card in cards[1:])
    own = next(exercise for exercise in review.exercises if exercise.words == ("a conversation's word",))
    assert (own.kind, own.answers, own.ask) == (
        ExerciseKind.REPEAT, ("a conversation's word",), "From a talk. Say after me."
    )  # fmt: skip
    assert len({exercise.id for exercise in review.exercises}) == len(review.exercises)
    standing = drill.begin(review, 0).standing
    while standing.exercise is not None:
        step = drill.answer(standing, Answer(standing.exercise.answers[0]), SECOND)
        assert sum(isinstance(effect, drill.RateWord) for effect in step.effects) == 1
        standing = step.standing
    assert review_of((), shipped_lessons()) is None
    many = [WordCard(f"word {number}", due=NOW) for number in range(50)]
    found = review_of(many, shipped_lessons())
    assert found is not None and len(found.exercises) == MOST_WORDS


def test_the_plan_goes_on_with_what_is_not_mastered() -> None:
    lessons = shipped_lessons()
    assert [entry.next for entry in plan_of(lessons, ())] == [True, False, False]
    done = [LessonDone("greetings", 7, 6, 7, 60.0, NOW), LessonDone("at-the-cafe", 7, 3, 7, 60.0, NOW)]
    plan = plan_of(lessons, done)
    assert [entry.next for entry in plan] == [False, True, False]
    assert plan[0].mastered and plan[0].times == 1 and level_of(plan) == "A1"
    all_done = [LessonDone(lesson.name, 7, 7, 7, 60.0, NOW) for lesson in lessons]
    assert not any(entry.next for entry in plan_of(lessons, all_done))
    assert level_of(plan_of(lessons, all_done)) == "A2" and level_of(()) == "A1"
    assert level_of(plan_of(lessons, all_done[:2])) == "A2"


@pytest.mark.parametrize("count", [1, 3])
async def test_a_memory_keeps_the_newest_of_each_word(count: int) -> None:
    kept = Remembered()
    for number in range(count):
        await kept.learn([WordCard("tea", due=number), WordCard("milk", due=-number)])
    assert [(card.word, card.due) for card in await kept.cards()] in (
        [("milk", 0), ("tea", 0)], [("milk", -2), ("tea", 2)],
    )  # fmt: skip
