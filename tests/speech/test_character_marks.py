from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from duologue.speech.character_marks import CharacterMarks, TimedCharacter
from duologue.speech.utterance import Mark
from duologue.speech.words import spoken_words


def timed(text: str) -> list[TimedCharacter]:
    return [TimedCharacter(character, at * 10, at * 10 + 10) for at, character in enumerate(text)]


def marks(text: str, characters: list[TimedCharacter], cuts: list[int]) -> tuple[Mark, ...]:
    builder = CharacterMarks(text)
    found: tuple[Mark, ...] = ()
    edges = [0, *sorted(min(cut, len(characters)) for cut in cuts), len(characters)]
    for begin, end in pairwise(edges):
        found += builder.feed(characters[begin:end])
    return found + builder.finish(len(text) * 10)


TEXT = st.text(st.sampled_from("abÄ日😀’'-–… .,\n“”42"), max_size=60)


@given(TEXT, st.lists(st.integers(0, 60), max_size=5))
def test_cutting_the_alignment_anywhere_changes_nothing(text: str, cuts: list[int]) -> None:
    whole = marks(text, timed(text), [])
    assert marks(text, timed(text), cuts) == whole
    assert [(mark.text, mark.offset) for mark in whole] == [(word.text, word.offset) for word in spoken_words(text)]
    assert all(mark.start == mark.offset * 10 and mark.end == (mark.offset + len(mark.text)) * 10 for mark in whole)


@given(TEXT, st.lists(st.tuples(st.sampled_from("abxyz 4."), st.integers(0, 900), st.integers(0, 900)), max_size=40))
def test_nonsense_gives_every_word_once_in_order_and_inside(text: str, nonsense: list[tuple[str, int, int]]) -> None:
    characters = [TimedCharacter(character, start, end) for character, start, end in nonsense]
    found = marks(text, characters, [3])
    assert [mark.text for mark in found] == [word.text for word in spoken_words(text)]
    for before, after in pairwise(found):
        assert before.start <= before.end <= after.start <= after.end or after.end <= len(text) * 10


def test_what_the_engine_left_out_or_added_does_not_shift_the_rest() -> None:
    text = "One two, three."
    characters = [each for each in timed(text) if each.character not in ",t"]
    characters.insert(3, TimedCharacter("~", 30, 31))
    found = marks(text, characters, [])
    assert [(mark.text, mark.start, mark.end) for mark in found] == [
        ("One", 0, 30), ("two", 50, 70), ("three", 100, 140),
    ]  # fmt: skip
