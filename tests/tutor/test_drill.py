"""A drill step by step, without a clock: what is asked, how answers are judged, what help costs, and how it ends."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tutor_lessons import small_lesson

from duologue.clock import SECOND
from duologue.tutor import drill
from duologue.tutor.drill import (
    Answer,
    AnswerVerdict,
    AskExercise,
    DrillPhase,
    Finish,
    Give,
    Help,
    Judge,
    RateWord,
    Rating,
    SpokenWord,
    TutorSays,
)
from duologue.tutor.words import WordState

LESSON = small_lesson()


def begun() -> drill.Standing:
    return drill.begin(LESSON, 0, "de").standing


T = TypeVar("T")


def only(step: drill.DrillStep, kind: type[T]) -> list[T]:
    return [effect for effect in step.effects if isinstance(effect, kind)]


def answered(standing: drill.Standing, *said: str, at: int = 10 * SECOND, written: bool = False) -> drill.DrillStep:
    step = drill.DrillStep(standing)
    for each in said:
        step = drill.answer(step.standing, Answer(each, written), at)
    return step


RIGHT = ("Good morning to you", "thank you", "I'm 20", "tuesday")


def test_it_begins_with_its_words_and_the_first_exercise() -> None:
    step = drill.begin(LESSON, 0)
    assert step.spoken == "Let us begin. Say after me. Good morning to you."
    assert only(step, AskExercise) == [AskExercise(LESSON.exercises[0], 1, 4)]


def test_who_is_right_goes_through_it_at_once() -> None:
    standing = begun()
    asked: list[int] = []
    for said in RIGHT[:-1]:
        step = answered(standing, said)
        assert only(step, Judge)[0].verdict is AnswerVerdict.RIGHT and not only(step, Judge)[0].correction
        asked += [ask.number for ask in only(step, AskExercise)]
        standing = step.standing
    last = answered(standing, RIGHT[-1], at=30 * SECOND)
    assert asked == [2, 3, 4]
    (finish,) = only(last, Finish)
    assert (finish.right, finish.first, finish.count, finish.seconds) == (4, 4, 4, 30.0)
    assert last.standing.phase is DrillPhase.OVER
    assert last.spoken.endswith("All 4 right, 4 of them at once. That was it.")


def test_a_wrong_answer_is_tried_again_then_with_a_hint_then_told_and_comes_back_at_the_end() -> None:
    standing = answered(begun(), RIGHT[0]).standing
    first = answered(standing, "goodbye")
    assert first.spoken == "That is for leaving. Try again."
    assert only(first, Judge)[0].correction == "Thank you." and not only(first, Give)
    second = answered(first.standing, "the flower")
    assert [give.text for give in only(second, Give)] == ["It is polite."]
    third = answered(second.standing, "to you", at=20 * SECOND)
    assert "It is: Thank you." in third.spoken
    assert only(third, RateWord) == [RateWord("thank you", Rating.AGAIN)]
    assert third.standing.queue == (2, 3, 1)
    again = answered(third.standing, RIGHT[2], RIGHT[3])
    (ask,) = only(again, AskExercise)
    assert ask == AskExercise(LESSON.exercises[1], 5, 5, again=True)
    last = answered(again.standing, "thank you")
    (finish,) = only(last, Finish)
    assert (finish.right, finish.first) == (4, 3)
    assert not only(last, RateWord)  # it was rated when it was not known


def test_what_comes_for_the_second_time_does_not_come_again() -> None:
    wrong = answered(begun(), *["no"] * 3 * 5)
    assert wrong.standing.phase is DrillPhase.ASKED
    over = answered(wrong.standing, *["no"] * 3 * 3)
    assert over.standing.phase is DrillPhase.OVER and only(over, Finish)[0].right == 0
    assert len(over.standing.outcomes) == 8


def test_a_sentence_said_after_the_tutor_is_as_good_as_its_words() -> None:
    wanted = "Good morning to you."
    missing = answered(begun(), "good morning you")
    assert missing.spoken == f"I did not hear: to. Once more: {wanted}"
    clear = [SpokenWord(word, True, 90) for word in ("Good", "morning", "to", "you")]
    unclear = [replace(clear[0], clear=False, score=20), *clear[1:]]
    close = drill.answer(begun(), Answer("good morning to you", sound=tuple(unclear)), SECOND)
    (judged,) = only(close, Judge)
    assert judged.verdict is AnswerVerdict.CLOSE and "Listen once more: Good." in close.spoken
    assert [(word.state, word.score) for word in judged.words][:2] == [(WordState.UNCLEAR, 20), (WordState.RIGHT, 90)]
    bad = drill.answer(begun(), Answer("good morning to you", sound=tuple(unclear[:1] * 2 + unclear[2:])), SECOND)
    assert only(bad, Judge)[0].words[1].score is None  # of other words: it tells nothing
    worse = [replace(word, clear=False) for word in clear[:2]] + clear[2:]
    again = drill.answer(begun(), Answer("good morning to you", sound=tuple(worse)), SECOND)
    assert only(again, Judge)[0].verdict is AnswerVerdict.WRONG and "Listen to Good, morning." in again.spoken


def test_who_writes_is_told_what_is_missing_or_too_much_and_not_what_was_heard() -> None:
    wanted = "Good morning to you."
    assert answered(begun(), "good morning you", written=True).spoken == f"Missing: to. Once more: {wanted}"
    other = answered(begun(), "good evening to you", written=True)
    assert other.spoken == f"Missing: morning. Once more: {wanted}"
    more = answered(begun(), "a good morning to you", written=True)
    assert more.spoken == f"Too much: a. Once more: {wanted}"
    assert [each.written for step in (other, more) for each in only(step, Judge)] == [True, True]


def test_what_was_not_understood_gets_no_score() -> None:
    words = tuple(SpokenWord(word, True, 80) for word in ("Good", "morning", "to", "you"))
    (judged,) = only(drill.answer(begun(), Answer("good morning you", sound=words), 0), Judge)
    assert [(word.text, word.score) for word in judged.words if word.state is WordState.MISSING] == [("to", None)]


def test_a_slip_of_the_pen_is_nearly_right_in_writing_alone() -> None:
    standing = answered(begun(), *RIGHT[:3]).standing
    written = answered(standing, "Tusday", written=True)
    (judged,) = only(written, Judge)
    assert (judged.verdict, judged.correction) == (AnswerVerdict.CLOSE, "Tuesday")
    assert only(answered(standing, "Tusday"), Judge)[0].verdict is AnswerVerdict.WRONG


def test_who_does_not_know_is_shown_the_answer_that_they_are_told() -> None:
    """And not the one that has a word of theirs by chance; who came near one is shown that."""
    standing = answered(begun(), *RIGHT[:2]).standing
    lost = answered(standing, "so very old", "so very old", "so very old")
    assert [judged.wanted for judged in only(lost, Judge)] == ["I am twenty."]
    assert "It is: I am twenty." in lost.spoken
    assert only(answered(standing, "I am twenty years"), Judge)[0].wanted == "I am twenty years old."


@pytest.mark.parametrize("said", ["hint please", "Give me a hint."])
def test_help_may_be_asked_for_in_words_and_is_not_taken_for_an_answer(said: str) -> None:
    step = answered(begun(), said)
    assert step.spoken == "The R is soft." and step.standing.tries == 0
    assert only(step, Give)[0].help is Help.HINT
    assert step.standing.helped == (Help.HINT,)


def test_help_costs_a_rating_and_the_count_of_those_at_once() -> None:
    helped = drill.help_with(begun(), Help.TRANSLATION, 0)
    (given_,) = only(helped, Give)
    assert (given_.text, given_.language) == ("Guten Morgen.", "de") and not helped.spoken
    step = answered(helped.standing, RIGHT[0])
    assert only(step, RateWord) == [RateWord("good morning", Rating.HARD)]
    assert only(answered(begun(), RIGHT[0], at=SECOND), RateWord) == [RateWord("good morning", Rating.EASY)]
    assert only(answered(begun(), RIGHT[0], at=20 * SECOND), RateWord) == [RateWord("good morning", Rating.GOOD)]
    over = answered(step.standing, *RIGHT[1:])
    assert (only(over, Finish)[0].right, only(over, Finish)[0].first) == (4, 3)


def test_without_a_hint_or_a_translation_there_is_something_to_say() -> None:
    standing = answered(begun(), *RIGHT[:2]).standing
    (hint,) = only(drill.help_with(standing, Help.HINT, 0), Give)
    assert hint.text == "It begins with: I …"
    missing = drill.help_with(standing, Help.TRANSLATION, 0, aloud=True)
    assert missing.spoken == "There is no translation of this one, I am sorry."


def test_it_is_said_again_and_skipped() -> None:
    assert answered(begun(), "say it again please").spoken == "Say after me. Good morning to you."
    skipped = answered(begun(), "skip this one")
    assert "The answer is: Good morning to you." in skipped.spoken
    assert skipped.standing.queue == (1, 2, 3, 0)


def test_who_talks_on_after_the_end_is_told_what_this_is() -> None:
    over = answered(begun(), *RIGHT)
    after = answered(over.standing, "Tell me about London")
    assert "no language model" in after.spoken and after.standing == over.standing


def test_which_words_are_looked_for_in_the_sound() -> None:
    standing = begun()
    assert drill.expected(standing, "good evening to you") == "Good morning to you."
    assert drill.expected(standing, "hint please") == ""
    third = answered(standing, *RIGHT[:2]).standing
    assert drill.expected(third, "twenty years old") == "I am twenty years old."
    assert drill.expected(third, "I have twenty years") == ""


SAID = st.sampled_from(
    ["", "no", "hint please", "skip this one", "say it again please", "translate that please", "goodbye", *RIGHT]
)


@given(st.lists(st.tuples(SAID, st.booleans()), max_size=60))
def test_whatever_is_said_it_goes_on_and_ends(said: list[tuple[str, bool]]) -> None:
    standing, now = begun(), 0
    for text, written in said:
        now += SECOND
        step = drill.answer(standing, Answer(text, written), now)
        assert step.spoken  # silence would be taken for a fault
        assert sum(isinstance(effect, AskExercise) for effect in step.effects) <= 1
        assert len(step.standing.outcomes) + len(step.standing.queue) <= 2 * len(LESSON.exercises)
        assert (step.standing.phase is DrillPhase.OVER) == (not step.standing.queue)
        if only(step, Finish):
            assert standing.phase is DrillPhase.ASKED and step.standing.phase is DrillPhase.OVER
        standing = step.standing
    for _ in range(2 * len(LESSON.exercises)):
        standing = drill.answer(standing, Answer("skip this one"), now).standing
    assert standing.phase is DrillPhase.OVER
    assert not any(isinstance(effect, TutorSays) and not effect.text for effect in drill.begin(LESSON, 0).effects)
