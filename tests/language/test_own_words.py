"""Where a reply stops being the speaker's own."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.language.engine import Line, Moment, Prompt
from duologue.language.own_words import OwnWords
from duologue.language.persona import load_persona

CHAD = load_persona(Path(__file__).parents[2] / "packs" / "characters" / "chad")
PROMPT = Prompt(CHAD, (), "", (Line("friend", "What is that?"),), Moment.ANSWER)


def own(text: str, chops: list[int] | None = None, prompt: Prompt = PROMPT) -> tuple[str, bool]:
    words, given = OwnWords.of(prompt), ""
    places = sorted({0, len(text), *(place % (len(text) + 1) for place in chops or ())})
    for start, end in pairwise(places):
        given += words.feed(text[start:end])
    return given + words.finish(), words.over


@pytest.mark.parametrize(
    ("written", "said", "over"),
    [
        ("Well, I know. friend: What is it?", "Well, I know. ", True),
        ("Well, I know.\nfriend: What is it?", "Well, I know.\n", True),
        ("Well, I know!\n\n**Friend:** What is it?", "Well, I know!\n\n", True),
        ("friend: What is it?", "", True),
        ("(Answer the last line.)", "", False),
        ("(Answer the last line.) It is a cat.", " It is a cat.", False),
        ("Answer the last line. It is a cat.", " It is a cat.", False),
        ("It is a cat. (Answer the last line.) Yes.", "It is a cat. ", True),
        ("It is a cat.\nUser: And now?", "It is a cat.\n", True),
        ("It is a cat. User: a word like any other.", "It is a cat. User: a word like any other.", False),
        ("A friend in need: that is you. Friend or foe?", "A friend in need: that is you. Friend or foe?", False),
        ("He said: friendly people. (Answer me.)", "He said: friendly people. (Answer me.)", False),
        ("I am your friend", "I am your friend", False),
        ("Friend", "Friend", False),
        ("  \n Yes.  ", "  \n Yes.  ", False),
    ],
)
def test_another_speaker_and_an_instruction_are_no_part_of_it(written: str, said: str, over: bool):
    assert own(written) == (said, over)


SCRAPS = ["friend", "Friend:", " ", "\n", ". ", "(Answer the last line.)", "(Answer", "user:", "cat", "!", "**", ":"]


@given(st.lists(st.sampled_from(SCRAPS), max_size=12).map("".join), st.lists(st.integers(0, 200), max_size=12))
def test_however_it_is_chopped_the_same_is_given(text: str, chops: list[int]):
    """Spaces at its end, before what is not the speaker's, may have been given with the sentence before, or not."""
    (chopped, over), (whole, over_too) = own(text, chops), own(text)
    assert (chopped.rstrip(), over) == (whole.rstrip(), over_too)


@given(st.text(alphabet="abc .,!?\n*()\"'“”…:-", max_size=60), st.lists(st.integers(0, 60), max_size=8))
def test_of_a_reply_that_names_nobody_nothing_is_lost(text: str, chops: list[int]):
    assert own(text, chops) == (text, False)


def test_what_is_surely_its_own_is_not_held_back():
    words = OwnWords.of(PROMPT)
    assert [words.feed(piece) for piece in ("We", "ll,", " cats", " are", " fi")] == [
        "We",
        "ll,",
        " cats",
        " are",
        " fi",
    ]
    assert [words.feed(piece) for piece in (" fine.", " F", "ro", "gs.")] == [" fine.", " ", "Fro", "gs."]
