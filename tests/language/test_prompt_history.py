"""What of a long conversation an engine is shown."""

from __future__ import annotations

from dataclasses import replace

from duologue.language.chat import messages
from duologue.language.engine import MAX_HISTORY, Line, Moment, Prompt, newest
from duologue.language.persona import Persona

ADA = Persona("ada", "Ada", "A calm woman.", max_words=40)


def test_the_newest_lines_fit_in_characters_oldest_first() -> None:
    lines = [Line("person", f"{number:04} " + "word " * 119) for number in range(100)]
    shown = Prompt.by(ADA, topic="tea", lines=lines).lines
    assert shown == tuple(lines[-len(shown) :])
    assert MAX_HISTORY - 611 < sum(line.size for line in shown) <= MAX_HISTORY


def test_short_lines_are_bounded_by_their_speakers_names() -> None:
    lines = [Line("person", "") for _ in range(MAX_HISTORY)]
    assert newest(lines) == tuple(lines[: MAX_HISTORY // len("person")])
    assert newest(lines[:3]) == tuple(lines[:3])
    assert newest(()) == ()


def test_what_is_to_be_answered_is_there_however_long_it_is() -> None:
    lines = [Line("ada", "It is noon."), Line("person", "word " * MAX_HISTORY)]
    assert newest(lines) == (lines[1],)


def test_all_of_what_was_chosen_is_sent() -> None:
    """One place decides how much: what fits is not cut again on its way."""
    lines = [Line("person" if number % 2 else "ada", f"line {number}") for number in range(120)]
    sent = messages(Prompt.by(ADA, lines=lines))
    assert all(any(f"line {number}" in message["content"] for message in sent) for number in range(120))


def test_a_topic_makes_no_show_of_a_conversation() -> None:
    alone = replace(Prompt.by(ADA, topic="tea", lines=[Line("friend", "Hello?")]), moment=Moment.ANSWER)
    text = " ".join(message["content"] for message in messages(alone))
    assert "tea" in text and not any(word in text for word in ("show", "audience", "stage"))
    two = " ".join(message["content"] for message in messages(replace(alone, others=(ADA,))))
    assert "The topic of the show: tea" in two and "friend from the audience" in two


def test_in_a_silence_the_character_is_asked_to_break_it() -> None:
    asked = replace(Prompt.by(ADA, lines=[Line("ada", "Hello there.")]), moment=Moment.OPENING)
    assert "Nobody has said anything for a while" in messages(asked)[-1]["content"]
    assert "Greet them" in messages(replace(asked, lines=()))[-1]["content"]
