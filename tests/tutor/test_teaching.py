"""What is believed of a language model's notes, and what it is told of the learner."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.language.structured import NOTES, ReplyChunk, asked_for
from duologue.tutor.lesson import LessonWord, shipped_lessons
from duologue.tutor.plan import plan_of
from duologue.tutor.progress import LessonDone, WordCard
from duologue.tutor.teaching import LONGEST_NOTE, MOST_PRACTISED, believed, briefing, word_noted

SAID = "I have twenty years."
TEXT = "So you're twenty! Where do you live?"
GOOD = ReplyChunk(
    0, TEXT, "smile", "I am twenty.", "Du bist also zwanzig! Wo wohnst du?", "I live in …", "to live: to have your home"
)


def noted(**notes: str) -> ReplyChunk:
    return replace(ReplyChunk(0, TEXT), **notes)


def test_notes_that_can_be_so_stay_as_they_are() -> None:
    assert believed(GOOD, SAID, "German") == GOOD
    assert word_noted(GOOD) == LessonWord("to live", "to have your home")
    assert word_noted(ReplyChunk(0, TEXT)) is None


@pytest.mark.parametrize("kind", NOTES)
@pytest.mark.parametrize(
    "nothing", ["null", "None.", "N/A", "-", "…", "No mistake.", "(none)", "“null”", "string", "42"]
)
def test_a_word_for_nothing_is_nothing(kind: str, nothing: str) -> None:
    assert believed(noted(**{kind: nothing}), SAID, "German") == noted()


@pytest.mark.parametrize("kind", NOTES)
def test_the_form_given_back_is_nothing(kind: str) -> None:
    for copied in (*(asked_for(each, "German") for each in NOTES), kind, f"{kind}: {asked_for(kind, 'German')}"):
        assert believed(noted(**{kind: copied}), SAID, "German") == noted()


@pytest.mark.parametrize(
    ("said", "correction"),
    [
        ("I'm fine, thanks", "I am fine, thanks."),  # as it was said
        ("i am fine", "“I am fine.”"),
        ("I like tea", "Where do you live?"),  # has nothing to do with it
        ("Ich mag Tee", "You should try to speak English."),
        (SAID, TEXT),  # its own answer
        ("", "I am twenty."),  # nobody has said anything
        ("Hello", "Hello! It is so nice to meet you today, and I hope that you are well and want to learn."),
    ],
)
def test_a_correction_that_corrects_nothing_is_none(said: str, correction: str) -> None:
    assert believed(noted(correction=correction), said) == noted()


@pytest.mark.parametrize(
    ("said", "correction", "shown"),
    [
        (SAID, "Correction: I am twenty.", "I am twenty."),
        (SAID, '"I am twenty."', "I am twenty."),
        ("He goed", "He went.", "He went."),
        ("How you call this?", "What is this called?", "What is this called?"),
        ("beautifull", "beautiful", "beautiful"),
        ("me hungry", "I'm hungry.", "I'm hungry."),
    ],
)
def test_a_correction_is_shown_by_itself(said: str, correction: str, shown: str) -> None:
    assert believed(noted(correction=correction), said).correction == shown


def test_what_is_in_the_same_language_still_is_no_translation() -> None:
    for untranslated in (TEXT, TEXT.lower().replace("!", "."), "You're twenty! Where do you live?"):
        assert believed(noted(translation=untranslated), SAID, "German") == noted()
    assert believed(GOOD, SAID).translation == ""  # nobody said into which


def test_a_hint_is_no_echo() -> None:
    for echo in (TEXT, SAID):
        assert believed(noted(hint=echo), SAID) == noted()


@pytest.mark.parametrize(
    ("note", "vocable"),
    [
        ("to live: to have your home", LessonWord("to live", "to have your home")),
        ("“live” – to have your home", LessonWord("live", "to have your home")),
        ("living = to have your home", LessonWord("living", "to have your home")),
        ("twenty", LessonWord("twenty", "")),
        ("twenty: Twenty.", LessonWord("twenty", "")),
        ("you: a person", None),
        ("where do you: a question", None),
        ("lighthouse: a tower at sea", None),
        ("live {}[]: code", None),
        ("live so that you are where you live and live: long", None),
        ("l" * 4_000 + ": endless", None),
    ],
)
def test_a_word_to_be_learnt_is_one_of_the_text(note: str, vocable: LessonWord | None) -> None:
    assert word_noted(believed(noted(vocabulary=note), SAID)) == vocable


@given(
    st.fixed_dictionaries({kind: st.text(max_size=200) for kind in NOTES}), st.text(max_size=200), st.text(max_size=200)
)
def test_whatever_is_written_something_can_be_made_of_it(notes: dict[str, str], text: str, said: str) -> None:
    once = believed(ReplyChunk(0, text, **notes), said, "German")
    assert once.text == text
    assert (word_noted(once) is None) == (once.vocabulary == "")


def test_a_model_that_goes_on_and_on_is_cut() -> None:
    endless = "so it is and so it was " * 800
    found = believed(noted(correction=endless, translation=endless, hint=endless, vocabulary=endless), SAID, "German")
    assert not found.correction and not found.vocabulary
    assert max(len(found.translation), len(found.hint)) <= LONGEST_NOTE


def test_a_model_is_told_the_level_what_comes_next_and_the_words_of_the_learner() -> None:
    lessons = shipped_lessons()
    assert "level is A1" in briefing(plan_of(lessons, ()), ()) and "“Greetings”" in briefing(plan_of(lessons, ()), ())
    done = [LessonDone(lesson.name, 7, 7, 7, 60.0, 1) for lesson in lessons if lesson.level == "A1"]
    cards = [WordCard(f"word {number}") for number in range(MOST_PRACTISED + 3)]
    told = briefing(plan_of(lessons, done), cards)
    assert "level is A2" in told and "“Numbers and time”" in told
    assert f"word {MOST_PRACTISED - 1}." in told and f"word {MOST_PRACTISED}" not in told
    assert len(told) < 600
