"""The improviser reads like a double act: coherent, never twice the same, about the topic."""

from __future__ import annotations

import asyncio
import re
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from improv_shows import CHAD, TEN_TOPICS, VIRGIN, show

from duologue.errors import PeerError
from duologue.language.engine import Line, Moment, Prompt
from duologue.language.improv import MOST_READ, Improv, neutral_moves
from duologue.language.improv.topic import understand, word_lists
from duologue.language.moderation import Moderator
from duologue.language.moves import CATEGORIES, CHAINS, Move, parse_moves, squeeze
from duologue.language.persona import Persona
from duologue.language.text import clean, sentences, word_count
from few_examples import examples

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute


WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


def content_words(text: str) -> set[str]:
    """The words that carry meaning, in lower case, plural endings removed."""
    small = word_lists()["small"] | word_lists()["stop"]
    words = (word.lower().replace("’", "'").removesuffix("'s") for word in WORD.findall(text))
    return {word.removesuffix("s") if len(word) > 3 else word for word in words if word not in small and len(word) > 2}


TOPICS = (
    *TEN_TOPICS, "cats vs dogs", "🍕", "¿Por qué los gatos duermen tanto?", "私の猫", "???", "Can you microwave fish?",
    "a very long topic about the many ways in which a committee of seventeen retired sailors might fold one napkin",
    "iPhone chargers", "C++", "Who would win, a bear or a shark?", "Pineapple belongs on pizza",
    "How to ask for a raise",
)  # fmt: skip


def texts(lines: list[Line]) -> list[str]:
    return [line.text for line in lines]


def grams(lines: list[Line], size: int = 4) -> set[tuple[str, ...]]:
    words = squeeze(" ".join(texts(lines))).split()
    return set(zip(*(words[start:] for start in range(size)), strict=False))


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("seed", [0, 1, 77, 123_456_789])
def test_no_sentence_is_said_twice_in_a_show(topic: str, seed: int):
    said = [squeeze(s) for line in show(topic, seed=seed) for s in sentences(line.text) if word_count(s) > 2]
    assert len(said) == len(set(said))


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("first", [0, 1])
def test_lines_are_well_formed(topic: str, first: int):
    cast = (CHAD, VIRGIN) if first == 0 else (VIRGIN, CHAD)
    for line in show(topic, seed=3 + first, cast=cast):
        assert 6 <= word_count(line.text) <= 45, line.text
        assert not re.search(r"[{}<>]|  | [.,!?;:]|\bNone\b", line.text), line.text
        assert not re.search(r"\b[Aa] (?:an?|the|this|that)\b|\b[Aa]n (?:an?|the)\b", line.text), line.text
        assert line.text[-1] in ".!?", line.text
        assert all(not s[0].islower() or s[1].isupper() for s in sentences(line.text)), line.text
        assert clean(line.text, ("chad", "virgin")) == line.text


@pytest.mark.parametrize("topic", TOPICS)
def test_a_show_is_about_its_topic(topic: str):
    read = understand(topic)
    words = {word.lower() for word in re.findall(r"\w+", f"{read.name} {read.short}")} - {
        "this",
        "that",
        "a",
        "the",
        "to",
    }
    lines = show(topic, seed=5)
    named = [line for line in lines if words & {word.lower() for word in re.findall(r"\w+", line.text)}]
    assert len(named) >= 5
    assert words & {word.lower() for word in re.findall(r"\w+", lines[0].text)}


@pytest.mark.parametrize("topic", TEN_TOPICS)
@pytest.mark.parametrize("seed", range(6))
def test_turns_refer_to_the_turn_before(topic: str, seed: int):
    lines = show(topic, seed=seed)
    about = content_words(understand(topic).name)
    linked = [bool((content_words(a.text) & content_words(b.text)) - about) for a, b in pairwise(lines)]
    assert sum(linked) >= 4, [line.text for line in lines]
    shared = [bool(content_words(a.text) & content_words(b.text)) for a, b in pairwise(lines)]
    assert all(any(shared[start : start + 3]) for start in range(len(shared) - 2))


def test_ten_shows_on_ten_topics_read_differently():
    shows = [show(topic, seed=seed) for seed, topic in enumerate(TEN_TOPICS)]
    overlaps = [len(grams(a) & grams(b)) / min(len(grams(a)), len(grams(b))) for a, b in combinations(shows, 2)]
    assert max(overlaps) < 0.35
    assert sum(overlaps) / len(overlaps) < 0.12
    assert len({lines[0].text for lines in shows}) == 10
    assert len({squeeze(lines[1].text)[:30] for lines in shows}) == 10


def test_the_same_topic_again_is_another_show():
    shows = [show("garden gnomes", seed=seed) for seed in range(8)]
    overlaps = [len(grams(a) & grams(b)) / min(len(grams(a)), len(grams(b))) for a, b in combinations(shows, 2)]
    assert max(overlaps) < 0.75 and sum(overlaps) / len(overlaps) < 0.35


def test_questions_are_answered_by_the_line_written_for_them():
    lines = texts(show("pineapple on pizza", seed=3))
    asked = [(a, b) for a, b in pairwise(lines) if a.endswith("?")]
    assert len(asked) >= 3
    assert all(len(content_words(b)) >= 2 for _, b in asked)


def test_a_callback_comes_late_in_the_show():
    templates = [
        move for persona in (CHAD, VIRGIN) for move in parse_moves(persona.moves) if move.category == "callback"
    ]
    for seed in range(10):
        lines = texts(show("my cat", seed=seed))
        found = [
            n for n, text in enumerate(lines) for move in templates if f" {move.signature} " in f" {squeeze(text)} "
        ]
        assert found and min(found) >= 6, lines


def test_the_ending_says_good_night():
    assert all("ood night" in show(topic, seed=seed)[-1].text for seed, topic in enumerate(TOPICS))


@pytest.mark.parametrize("turns", [1, 2, 3, 4, 5, 20])
def test_shows_of_any_length(turns: int):
    lines = show("leg day", turns=turns, seed=2)
    assert len(set(texts(lines))) == turns


def test_a_very_long_show_keeps_going_and_spreads_its_repeats():
    lines = texts(show("leg day", turns=120, seed=2))
    assert all(len(set(lines[start : start + 12])) == 12 for start in range(0, 108, 6))


REMARKS = (
    "Is Chad stronger than a horse?", "hello!", "You two are great", "this is boring", "I own three llamas.", "why",
    "🎺", "猫",
)  # fmt: skip


@pytest.mark.parametrize("remark", REMARKS)
@pytest.mark.parametrize("turn", [1, 4, 7])
def test_a_person_is_answered_by_name(remark: str, turn: int):
    lines = show("leg day", seed=4, remarks={turn: Line("Ada", remark)})
    place = next(place for place, line in enumerate(lines) if line.speaker == "Ada")
    assert "Ada" in lines[place + 1].text
    assert len(set(texts(lines))) == len(lines)


def test_a_person_s_words_come_back():
    lines = show("leg day", seed=4, remarks={4: Line("Ada", "Is Chad stronger than a horse?")})
    answer = lines[[line.speaker for line in lines].index("Ada") + 1]
    assert "horse" in answer.text


def test_lines_of_another_engine_are_taken_up():
    said = Line("virgin", "My uncle once bought a haunted wheelbarrow in Leeds.")
    line = Improv().line(Prompt(CHAD, (VIRGIN,), "leg day", (said,), Moment.MIDDLE, 1, 12, 3))
    assert "haunted wheelbarrow" in line
    asked = Line("virgin", "How would you even lift a haunted wheelbarrow?")
    answer = Improv().line(Prompt(CHAD, (VIRGIN,), "leg day", (asked,), Moment.MIDDLE, 1, 12, 3))
    how = [move for move in parse_moves(CHAD.moves) if move.name == "answer.how"]
    assert any(move.signature in squeeze(answer) for move in how)


def test_a_line_cut_short_is_still_understood():
    lines = show("leg day", seed=6)
    words = lines[4].text.split()
    cut = (*lines[:4], Line(lines[4].speaker, " ".join(words[: len(words) * 2 // 3])))
    assert Improv().line(Prompt(VIRGIN, (CHAD,), "leg day", cut, Moment.MIDDLE, 5, 12, 6))


def test_a_persona_without_material_plays_the_neutral_set():
    rita, bob = Persona("rita", "Rita", "A pirate."), Persona("bob", "Bob", "A cook.")
    lines = texts(show("leg day", turns=8, seed=1, cast=(rita, bob)))
    assert len(set(lines)) == 8 and sum("leg day" in line for line in lines) >= 3


def test_own_moves_stand_beside_the_neutral_ones():
    rita = Persona("rita", "Rita", "A pirate.", moves={"open.ship.1": ("Ahoy, {topic} on <the port side>!",)})
    assert show("leg day", turns=2, cast=(rita, CHAD))[0].text == "Ahoy, leg day on the port side!"


def test_equal_prompts_give_equal_lines_and_another_seed_another_show():
    assert show("leg day", seed=9) == show("leg day", seed=9)
    assert show("leg day", seed=9) != show("leg day", seed=10)


def test_the_cap_of_the_prompt_is_kept():
    engine = Improv()
    for turn in range(10):
        line = engine.line(Prompt(CHAD, (VIRGIN,), "leg day", (), Moment.OPENING, turn, 12, turn, max_words=15))
        assert word_count(line) <= 15


async def test_the_stream_yields_to_other_tasks():
    async def write() -> None:
        async for _ in Improv().write(Prompt(CHAD, (VIRGIN,), "leg day")):
            pass

    ticks = 0
    async with asyncio.TaskGroup() as group:
        task = group.create_task(write())
        while not task.done():
            ticks += 1
            await asyncio.sleep(0)
    assert ticks > 5


def test_without_any_material_it_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("duologue.language.improv.neutral_moves", tuple[Move, ...])
    with pytest.raises(PeerError, match="nothing for Rita to say"):
        Improv().line(Prompt(Persona("rita", "Rita", "x"), (), "leg day"))


# The material itself

PERSONAS = {"chad": CHAD, "virgin": VIRGIN}


def test_every_bit_goes_on_from_step_to_step():
    moves = {move.name for persona in PERSONAS.values() for move in parse_moves(persona.moves) if move.step}
    for name in moves:
        bit, _, step = name.rpartition(".")
        last = 2 if bit.startswith("close.") else 3
        assert all(f"{bit}.{number}" in moves for number in range(1, last + 1)), name
        assert int(step) <= last


def test_each_speaker_answers_the_other_s_steps():
    for mine, other in ((CHAD, VIRGIN), (VIRGIN, CHAD)):
        firsts = {name[:-2] for name in mine.moves if name.endswith(".1")}
        assert all(f"{bit}.2" in other.moves for bit in firsts)


def test_lines_are_known_again_by_their_fixed_words():
    moves = [*parse_moves(CHAD.moves), *parse_moves(VIRGIN.moves), *neutral_moves()]
    seen: dict[str, str] = {}
    for move in moves:
        assert seen.setdefault(move.signature, move.template) == move.template, move.signature
        hidden = [m.name for m in moves if m.name != move.name and f" {move.signature} " in f" {squeeze(m.template)} "]
        assert not hidden, (move.name, hidden)


def test_the_material_itself_may_go_on_air():
    moderator = Moderator()
    for persona in PERSONAS.values():
        for line in (*(t for ts in persona.moves.values() for t in ts), *persona.deflections, *persona.fillers):
            assert not moderator.finds_word(line), line


def test_every_category_has_material():
    for persona in PERSONAS.values():
        own = {move.category for move in parse_moves(persona.moves)} | {move.category for move in neutral_moves()}
        assert own >= CATEGORIES - CHAINS


@settings(max_examples=examples(150), deadline=None)
@given(st.text(max_size=120), st.integers(0, 2**31))
def test_no_topic_breaks_it(topic: str, seed: int):
    lines = show(topic, turns=4, seed=seed)
    assert all(line.text.strip() and "{" not in line.text.replace(topic, "") for line in lines)


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(st.text(max_size=60), max_size=5), st.sampled_from(list(Moment)))
def test_no_history_breaks_it(said: list[str], moment: Moment):
    lines = tuple(Line(("virgin", "chad", "Ada")[number % 3], text) for number, text in enumerate(said))
    assert Improv().line(Prompt(CHAD, (VIRGIN,), "leg day", lines, moment, len(lines), 12, 1))


def test_of_what_is_endless_the_end_is_answered() -> None:
    """A program may write a megabyte; all of it took a third of a second, in which nobody else was served."""
    text = "The old harbour is a quiet place. " + "cup of tea " * 50_000 + "Do you like penguins?"
    improv = Improv()

    def answers(said: str) -> list[str]:
        asked = (Line("person", said),)
        return [improv.line(Prompt(CHAD, (VIRGIN,), "", asked, Moment.ANSWER, 1, 12, seed)) for seed in range(30)]

    assert answers(text) == answers(text[-MOST_READ:])
