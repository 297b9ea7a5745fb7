"""What of a long conversation an engine is shown."""

from __future__ import annotations

from duologue.language.engine import MAX_HISTORY, MAX_HISTORY_CHARACTERS, Line, Prompt, newest
from duologue.language.persona import Persona

ADA = Persona("ada", "Ada", "A calm woman.", max_words=40)


def test_the_newest_lines_fit_in_characters_oldest_first() -> None:
    lines = [Line("person", f"{number:04} " + "word " * 119) for number in range(100)]
    shown = Prompt.by(ADA, topic="tea", lines=lines).lines
    assert shown == tuple(lines[-len(shown) :])
    assert MAX_HISTORY_CHARACTERS - 600 < sum(len(line.text) for line in shown) <= MAX_HISTORY_CHARACTERS


def test_short_lines_are_counted() -> None:
    lines = [Line("person", str(number)) for number in range(MAX_HISTORY + 50)]
    assert newest(lines) == tuple(lines[-MAX_HISTORY:])
    assert newest(lines[:3]) == tuple(lines[:3])
    assert newest(()) == ()


def test_what_is_to_be_answered_is_there_however_long_it_is() -> None:
    lines = [Line("ada", "It is noon."), Line("person", "word " * MAX_HISTORY_CHARACTERS)]
    assert newest(lines) == (lines[1],)
