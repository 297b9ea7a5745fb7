"""What was heard, by the marks."""

from __future__ import annotations

from dataclasses import replace

import pytest
from doubles import RATE, WORD_SECONDS, utterance

from duologue.dialogue.heard import heard_text

TEXT = "Well, the well is well dug."
WORD = round(RATE * WORD_SECONDS)


@pytest.mark.parametrize(
    ("words", "heard"),
    [
        (0, ""),
        (0.9, ""),
        (1, "Well,"),
        (2.5, "Well, the"),
        (3, "Well, the well"),
        (5, "Well, the well is well"),
        (6, TEXT),
    ],
)
def test_a_word_is_heard_when_its_end_was_played(words: float, heard: str):
    assert heard_text(utterance(TEXT, "chad", "u"), int(words * WORD)) == heard


def test_without_offsets_the_words_are_found_in_order():
    spoken = utterance(TEXT, "chad", "u")
    spoken = replace(spoken, marks=tuple(replace(mark, offset=-1) for mark in spoken.marks))
    assert heard_text(spoken, 5 * WORD) == "Well, the well is well"


def test_without_marks_the_share_of_the_sound_decides():
    spoken = replace(utterance(TEXT, "chad", "u"), marks=())
    assert heard_text(spoken, 3 * WORD) == "Well, the well"
