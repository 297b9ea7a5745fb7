"""A conversation of two with the improviser, as a stranger would hold it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from duologue.language.engine import Line, Moment, Prompt
from duologue.language.evaluation import Rule, evaluate
from duologue.language.improv import Improv, neutral_moves
from duologue.language.moves import squeeze
from duologue.language.persona import Persona, load_persona
from duologue.places import packs_folder

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

PACKS = packs_folder()
FILES = (PACKS / "characters" / "chad", PACKS / "characters" / "virgin", PACKS / "personas" / "phone.toml")
SAID = (
    "Hello", "How are you?", "What do you think about pizza?", "Thanks", "pizza", "asdf qwer", "Why?",
    "What time is it?", "My cat is sick", "I lost my keys yesterday", "no", "ok", "who are you",
    "Is a hot dog a sandwich?", "tell me a joke", "I think that the moon landing was fake", "where is my parcel",
    "you are stupid", "you are great", "???", "12345", "Goodbye",
)  # fmt: skip
STOCK = Persona("rita", "Rita", "You are Rita.")


def _personas() -> tuple[Persona, ...]:
    return (*map(load_persona, FILES), STOCK)


def _talk(persona: Persona, said: tuple[str, ...] = SAID, topic: str = "", seed: int = 0) -> list[str]:
    lines: list[Line] = []
    for text in said:
        lines.append(Line("friend", text))
        lines.append(Line(persona.name, _answer(persona, lines, topic, seed)))
    return [line.text for line in lines[1::2]]


def _answer(persona: Persona, lines: list[Line], topic: str = "", seed: int = 0) -> str:
    prompt = Prompt.by(persona, topic=topic, lines=lines)
    return Improv().line(replace(prompt, moment=Moment.ANSWER, turn=len(lines) - 1, seed=seed))


@pytest.mark.parametrize("persona", _personas(), ids=lambda persona: persona.name)
@pytest.mark.parametrize("topic", ["", "tea"])
def test_it_reads_well(persona: Persona, topic: str):
    for seed in range(5):
        replies = _talk(persona, topic=topic, seed=seed)
        text = " ".join(replies)
        assert len(set(replies)) == len(replies), "a line came twice"
        assert "silence, no" not in text and "that silence" not in text
        assert "“" not in text, "a remark was quoted as if it were a thing"
        assert "pizza" in replies[2]
        assert "your cat" in replies[8]
        assert "moon landing" in replies[15]
        brief = [finding for finding in evaluate(persona, replies).findings if finding.rule is not Rule.STIFF]
        assert not brief


def test_the_telephone_keeps_its_own_rules():
    phone = load_persona(FILES[2])
    for seed in range(5):
        assert evaluate(phone, _talk(phone, seed=seed)).share_good == 1.0


@pytest.mark.parametrize("persona", _personas(), ids=lambda persona: persona.name)
def test_a_line_that_was_interrupted_is_not_begun_again(persona: Persona):
    lines = [Line("friend", "What do you think about pizza?")]
    whole = _answer(persona, lines)
    for words in range(2, len(whole.split())):
        cut = " ".join(whole.split()[:words])
        after = [*lines, Line(persona.name, cut), Line("friend", "What do you think about pizza?")]
        assert not squeeze(_answer(persona, after)).startswith(squeeze(cut)), cut


def test_it_begins_and_asks_into_a_silence():
    for persona in _personas():
        opening = Improv().line(replace(Prompt.by(persona), moment=Moment.OPENING))
        about = Improv().line(replace(Prompt.by(persona, topic="cold tea"), moment=Moment.OPENING))
        still = Improv().line(replace(Prompt.by(persona, lines=[Line(persona.name, opening)]), moment=Moment.OPENING))
        assert "silence" not in opening.lower()
        assert "cold tea" in about
        assert still not in {opening, about}


def test_every_persona_that_ships_answers_every_kind_itself():
    kinds = {move.name for move in neutral_moves() if move.category == "talk"}
    for file in FILES:
        assert kinds <= load_persona(file).moves.keys(), file


def test_a_long_talk_is_never_stuck():
    replies = _talk(STOCK, ("no", "yes", "Why?") * 20)
    assert all(replies)
    assert all(one != other for one, other in pairwise(replies))
