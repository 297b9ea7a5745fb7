"""What people tell of themselves, found by the rules of their language."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.language.languages import ENGLISH, load_language
from duologue.language.told import MOST, facts_told

GERMAN = load_language("de")


@pytest.mark.parametrize(
    ("said", "facts"),
    [
        ("Hello, my name is Ada.", ["Their name is Ada."]),
        (
            "hello my name is ada and i live in new york because i like it",
            ["Their name is Ada.", "They live in New York."],
        ),
        ("You can call me O'Brien!", ["Their name is O'Brien."]),
        ("I love green tea, and I hate waiting.", ["They like green tea.", "They do not like waiting."]),
        ("I am 31 years old. My dog is called rex", ["They are 31 years old.", "Their dog is called rex."]),
        ("i'm from south korea but i live in berlin", ["They live in Berlin.", "They come from South Korea."]),
        ("I work as a train driver in the north.", ["They work as: train driver."]),
    ],
)
def test_what_is_said_plainly_is_found(said: str, facts: list[str]) -> None:
    assert [fact.text for fact in facts_told(said, ENGLISH)] == facts


@pytest.mark.parametrize(
    "said",
    [
        "call me back later", "I would like a tea", "do you know what my name is", "my name is not important",
        "I live in a small house", "I am from the north", "Do I like it? I like it.", "", "what do I love",
    ],
)  # fmt: skip
def test_what_is_not_said_is_not_found(said: str) -> None:
    assert facts_told(said, ENGLISH) == ()


@pytest.mark.parametrize(
    ("said", "facts"),
    [
        ("Ich heiße Jürgen und wohne in Köln.", ["Die Person heißt Jürgen.", "Die Person wohnt in Köln."]),
        ("ich mag keine Spinnen", ["Was die Person nicht mag: Spinnen."]),
        ("Ich komme aus der Küche.", []),
    ],
)
def test_german_has_rules_of_its_own(said: str, facts: list[str]) -> None:
    assert [fact.text for fact in facts_told(said, GERMAN)] == facts


def test_a_language_without_a_file_finds_nothing_and_tells_in_english() -> None:
    strange = load_language("xx")
    assert facts_told("my name is Ada", strange) == ()
    assert "{facts}" in strange.memory.known


def test_the_slot_and_the_value_go_with_it() -> None:
    name, home = facts_told("my name is ada, i live in rome", ENGLISH)
    assert (name.slot, name.value, home.slot, home.value) == ("name", "Ada", "home", "Rome")


WORDS = st.sampled_from(["my", "name", "is", "i", "live", "in", "like", "tea", ".", ",", "{0}", "'", "-"])


@given(st.text(max_size=400) | st.lists(WORDS, max_size=80).map(" ".join))
def test_whatever_is_said_is_read_in_bounds(text: str) -> None:
    for language in (ENGLISH, GERMAN):
        found = facts_told(text, language)
        assert len(found) <= MOST
        assert all(fact.text and len(fact.text) < 200 for fact in found)
