"""The words of an answer beside those that were expected."""

from __future__ import annotations

import string

from hypothesis import given
from hypothesis import strategies as st

from duologue.tutor.words import WordState, is_typo, likeness, marked, nearest, same, words_of

R, M, X = WordState.RIGHT, WordState.MISSING, WordState.EXTRA


def states(said: str, wanted: str) -> list[tuple[str, WordState]]:
    return [(mark.text, mark.state) for mark in marked(said, wanted)]


def test_what_is_said_is_compared_and_not_how_it_is_written() -> None:
    assert same("I'm 20.", "i am twenty")
    assert same("What’s your name?", "what is your name")
    assert same("It's 7:30!", "it is seven thirty")
    assert not same("I am thirteen", "I am thirty")
    assert words_of("“Hello”, he said…") == ("hello", "he", "said")


def test_words_that_are_missing_exchanged_or_too_many() -> None:
    assert states("hello nice meet you", "Hello, nice to meet you.") == [
        ("Hello", R), ("nice", R), ("to", M), ("meet", R), ("you", R),
    ]  # fmt: skip
    assert states("I see you tomorrow", "See you tomorrow.") == [("I", X), ("See", R), ("you", R), ("tomorrow", R)]
    (changed,) = [mark for mark in marked("good evening to you", "Good morning to you.") if mark.state is M]
    assert (changed.text, changed.hint) == ("morning", "evening")
    assert states("", "Thank you.") == [("Thank", M), ("you", M)]
    assert states("thank you so much", "Thank you.")[-2:] == [("so", X), ("much", X)]
    assert states("I'm fine", "I am fine.") == [("I", R), ("am", R), ("fine", R)]


def test_the_nearest_of_several_and_slips_of_the_pen() -> None:
    wanted = ("I am fine, thank you.", "Not bad.", "I am tired.")
    assert nearest("not too bad", wanted) == "Not bad."
    assert nearest("I tired", wanted) == "I am tired."
    assert is_typo("Where are you form?", "Where are you from?")
    assert is_typo("Wensday", "Wednesday") and not is_typo("Monday", "Sunday is it")
    assert not is_typo("thirteen", "thirty") and not is_typo("Where you from", "Where are you from?")


TEXTS = st.lists(st.text(string.ascii_lowercase[:5], min_size=1, max_size=3), max_size=8).map(" ".join)


@given(TEXTS, TEXTS)
def test_every_expected_word_is_marked_once_and_in_order(said: str, wanted: str) -> None:
    marks = marked(said, wanted)
    assert [mark.text for mark in marks if mark.state is not X] == wanted.split()
    right = sum(mark.state is R for mark in marks)
    assert right <= min(len(said.split()), len(wanted.split()))
    assert (right == len(wanted.split()) and not any(mark.state is X for mark in marks)) == (
        said.split() == wanted.split()
    )
    assert 0.0 <= likeness(said, wanted) <= 1.0
