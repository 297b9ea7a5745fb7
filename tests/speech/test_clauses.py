"""A long text in pieces: nothing is lost, none is too long, and none but the last of a sentence sounds like an end."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duologue.language.languages import load_language
from duologue.speech.clauses import LEAST, SpokenPiece, in_clauses

LONG = (
    "So tell me, what would you like to talk about with us right now, before the ferry leaves and the captain wakes "
    "up; or shall we begin at once? Yes. I think that nobody has ever really seen the very end of that long dark cave."
)
WORDS = st.lists(
    st.sampled_from(("river", "of", "a", "stone,", "bird.", "the", "tall;", "“sun,”", "Mr.", "–", "3.5", "岩、")),
    max_size=80,
).map(" ".join)


def test_what_is_short_stays_whole() -> None:
    assert in_clauses("Yes, of course.", 40) == [SpokenPiece("Yes, of course.", 0, 15)]
    assert in_clauses("  ", 40) == []


def test_sentences_stay_whole_and_go_together_where_they_can() -> None:
    assert in_clauses("One is here. Two is there. Three is nowhere.", 30) == [
        SpokenPiece("One is here. Two is there.", 0, 26),
        SpokenPiece("Three is nowhere.", 27, 44),
    ]


def test_a_sentence_ends_where_its_language_says() -> None:
    text = "Ja, gut so. Wir bleiben bis zum 3. Mai hier."
    german = load_language("de")
    assert [each.text for each in in_clauses(text, 35, german)] == ["Ja, gut so.", "Wir bleiben bis zum 3. Mai hier."]


def test_what_must_be_cut_begins_with_less() -> None:
    sentence = LONG[: LONG.index("?") + 1]
    assert [each.text for each in in_clauses(sentence, 120, first=70)] == [
        "So tell me, what would you like to talk about with us right now,",
        "before the ferry leaves and the captain wakes up; or shall we begin at once?",
    ]
    assert [each.text for each in in_clauses(sentence, 160, first=70)] == [sentence]


def test_an_address_is_not_cut() -> None:
    address = f"https://example.com/{'a1/' * 30}"
    text = f"It stands on {address} for all to see."
    assert [each.text for each in in_clauses(text, 40)] == [f"It stands on {address}", "for all to see."]


@pytest.mark.parametrize(
    ("most", "pieces"),
    [
        (
            75,
            [
                "So tell me, what would you like to talk about with us right now,",
                "before the ferry leaves and the captain wakes up;",
                "or shall we begin at once?",
                "Yes.",
                "I think that nobody has ever really seen the very end of that long dark,",
                "cave.",
            ],
        ),
        (
            40,
            [
                "So tell me, what would you like to talk,",
                "about with us right now,",
                "before the ferry leaves and the captain,",
                "wakes up; or shall we begin at once?",
                "Yes.",
                "I think that nobody has ever really seen,",
                "the very end of that long dark cave.",
            ],
        ),
    ],
)
def test_a_long_sentence_is_cut_after_a_clause_else_after_a_word_that_can_end_one(most: int, pieces: list[str]) -> None:
    assert [each.text for each in in_clauses(LONG, most)] == pieces


def test_a_comma_is_taken_rather_than_a_semicolon_that_sounds_like_an_end() -> None:
    text = "The ferry leaves when the captain is awake, and not before; nobody has ever seen him in a hurry at all."
    assert in_clauses(text, 70)[0].text == "The ferry leaves when the captain is awake,"


@settings(deadline=None)
@given(WORDS, st.integers(LEAST, 200))
def test_no_word_is_lost_and_none_is_too_long(text: str, most: int) -> None:
    pieces = in_clauses(text, most)
    assert all(len(each.text) <= most + 1 for each in pieces)
    said = [word.rstrip(",") for each in pieces for word in each.text.split()]
    assert said == [word.rstrip(",") for word in text.split()]
    for each in pieces:
        assert text[each.begin : each.end].strip() in (each.text, each.text[:-1])


@settings(deadline=None)
@given(st.text(max_size=300), st.integers(LEAST, 80))
def test_any_text_can_be_cut(text: str, most: int) -> None:
    kept = "".join(each.text for each in in_clauses(text, most))
    assert "".join(kept.replace(",", "").split()) == "".join(text.replace(",", "").split())
