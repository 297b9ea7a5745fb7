"""The chunker: where sentences end, what a voice says of them, and that no size of token changes either."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duologue.dialogue.replies.chunker import Chunker, Chunking, Sentence
from duologue.dialogue.replies.chunker_speech import speakable
from few_examples import examples

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute


def chunk(text: str, names: tuple[str, ...] = (), chunking: Chunking | None = None) -> list[Sentence]:
    chunker = Chunker(chunking, names)
    return chunker.feed(text) + chunker.finish()


def spoken(text: str, names: tuple[str, ...] = ()) -> list[str]:
    return [sentence.spoken for sentence in chunk(text, names) if sentence.spoken]


@pytest.mark.parametrize(
    "sentences",
    [
        ["Hello there.", "How are you?", "Good!"],
        ["Mr. Smith met Dr. Jones vs. Prof. Ray, e.g. at noon.", "They talked."],
        ["We open at 5 p.m. on Mondays.", "Come early."],
        ["The shop shuts at 5 p.m.", "After that we sleep."],
        ["She works for the U.S. Army.", "He does not."],
        ["I grew up in the U.S.", "The food was big."],
        ["J. R. R. Tolkien wrote it.", "I read it."],
        ["It costs 3.50 and weighs 1,000.25 grams at 10.30.", "Buy it."],
        ["See No. 5 on p. 12.", "No.", "Never."],
        ["Well... maybe not.", "Hm...", "Fine."],
        ["Wait… what?", "Oh."],
        ['"Stop!" he said.', "He said “Never.”", "Then he left."],
        ["(It rained.)", "We stayed in."],
        ["Really?!", "Yes!!", "Ok."],
        ["I like plan B.", "Then again, no."],
        ["Apples, pears, etc. are fruit.", "So is this."],
        ["He is so tall, and so am I.", "We play."],
    ],
)
def test_sentences_end_where_a_reader_would_end_them(sentences: list[str]):
    assert spoken(" ".join(sentences)) == sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Buy:\n- apples\n- pears\n\n1. Wash them\n2. Eat", ["Buy:", "apples", "pears", "Wash them", "Eat"]),
        ("# Plan\n\n**First**, _rest_.", ["Plan", "First, rest."]),
        ("Look:\n```python\nprint('a. b')\n\nx = 1\n```\nThat is it.", ["Look:", "Some code.", "That is it."]),
        ("<think>Should I? Yes. I will.</think>Sure. Why not?", ["Sure.", "Why not?"]),
        ("Great! 😀🎉 Let us go. 👍", ["Great!", "Let us go."]),
        ("*smiles warmly* Come in. (laughs) Sit.", ["Come in.", "Sit."]),
        ("A line,\nbroken here. Next\n---\nEnd", ["A line, broken here.", "Next", "End"]),
        ("| name | age |\n|------|-----|\n| Ada | 36 |", ["name, age", "Ada, 36"]),
        ("これは本です。「はい！」終わり", ["これは本です。", "「はい！」", "終わり"]),
        ("See [the docs. Really](https://a.b/c.d e) now.", ["See the docs. Really now."]),
        ("Call `a.b(). x` now. Go.", ["Call a.b(). x now.", "Go."]),
    ],
)
def test_what_was_written_for_a_page_is_spoken_sensibly(text: str, expected: list[str]):
    assert spoken(text) == expected


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("See https://www.example.com/docs?id=7#x.", "See https://www.example.com/docs?id=7#x."),
        ("At <http://127.0.0.1:8081/> now", "At http://127.0.0.1:8081/ now"),
        ("Write to <mailto:ada.b_c@example.org>!", "Write to ada.b_c@example.org!"),
        ("It is $1 or $5.50 or €3 million or £2.01.", "It is $1 or $5.50 or €3 million or £2.01."),
        ("Python 3.11.2, v2.0, 127.0.0.1, 3.14", "Python 3.11.2, v2.0, 127.0.0.1, 3.14"),
        ("20 °C & ~5 km/h, #3 → x, ≤ 5 ™", "20 °C & ~5 km/h, #3 → x, ≤ 5 ™"),
        ("use `get_user()` or `x == 1`", "use get_user() or x == 1"),
        (f"run `{'x' * 41}` now", "run some code now"),
        ("a &lt; b &amp; c", "a < b & c"),
        ("a) It is 5*3, or 5 x 3, or 5 × 3", "It is 5*3, or 5 x 3, or 5 × 3"),
        ("Great :) see you ;-)", "Great see you"),
        ("💥", ""),
        ("http://[::1", "http://[::1"),
    ],
)  # fmt: skip
def test_what_is_written_stays_but_for_the_marks_of_a_page(raw: str, said: str):
    """Captions, context and what was heard know this text; the words for it are the voice's."""
    assert speakable(raw) == said


def test_name_labels_and_other_speakers_are_not_spoken():
    text = "**Chad:** I win. You know it.\nVirgin: No you do not.\nChad: Yes."
    assert spoken(text, ("Chad", "Virgin")) == ["I win.", "You know it."]


def test_a_long_first_sentence_starts_at_a_clause_and_later_ones_do_not():
    long = "When I was young and strong and beautiful we went to the sea, and then we stayed there for a whole week."
    first, rest, again = spoken(f"{long} {long}")
    assert first.endswith("sea,") and rest.startswith("and then") and again == long


def test_the_first_clause_is_given_as_soon_as_it_is_long_enough():
    chunker = Chunker()
    text = "When I was young and strong we went to the sea, and then we stayed there for "
    given = [(at, sentence) for at, character in enumerate(text) for sentence in chunker.feed(character)]
    assert [(at + 1, sentence.spoken[-4:]) for at, sentence in given] == [(Chunking().first, "sea,")]


def test_a_sentence_is_given_when_the_white_space_after_it_has_come():
    chunker = Chunker()
    assert chunker.feed("Yes.") == []
    assert [sentence.spoken for sentence in chunker.feed(" ")] == ["Yes."]
    assert chunker.feed("At 3.") == [] and chunker.feed("5 it") == []


def test_it_can_be_used_again_after_its_end():
    chunker = Chunker(names=("Chad",))
    assert [s.spoken for s in chunker.feed("```x") + chunker.finish()] == ["Some code."]
    assert [s.spoken for s in chunker.feed("Chad: Hi.") + chunker.finish()] == ["Hi."]


PIECES = st.sampled_from(
    ["Mr. ", "U.S. ", "e.g. ", "3.5", "...", "… ", "? ", "! ", ". ", ".\n", "\n", "\n\n", "- ", "1. ", "```", "`", "**",
     "<think>", "</think>", "https://a.example/b?c", "ada@b.example", "“", "”", '"', ")", "(", "[", "](", "]", "😀",
     "。", "！", "」", "Chad: ", "The ", "word ", "i ", "5 p.m. ", ", ", "; ", "—", "\u200b", "\r\n", "é"]
)  # fmt: skip
TEXTS = st.one_of(st.lists(PIECES, max_size=60).map("".join), st.text(max_size=400))


@settings(max_examples=examples(400), deadline=None)
@given(TEXTS, st.randoms(use_true_random=False))
def test_the_size_of_the_tokens_changes_nothing_and_nothing_is_lost(text: str, dice: random.Random):
    chunking = Chunking(first=30, least=10, most=60)
    whole = chunk(text, ("Chad", "Virgin"), chunking)
    cuts = sorted(dice.choices(range(len(text) + 1), k=12))
    chunker = Chunker(chunking, ("Chad", "Virgin"))
    pieces = [text[a:b] for a, b in itertools.pairwise([0, *cuts, len(text)])]
    given_ = [sentence for piece in pieces for sentence in chunker.feed(piece)]
    assert given_ + chunker.finish() == whole
    assert "".join(sentence.raw for sentence in whole) == text
    assert all(len(sentence.raw) <= chunking.most for sentence in whole)


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["river", "Stone", "bird", "The", "a", "Fig", "sun"]), min_size=1, max_size=80), st.data()
)
def test_every_word_is_spoken_once_and_in_order(words: list[str], data: st.DataObject):
    text = "".join(word + data.draw(st.sampled_from([" ", ". ", ", ", "? ", "\n", "... ", ": "])) for word in words)
    said = " ".join(sentence.spoken for sentence in chunk(text))
    assert ["".join(filter(str.isalpha, word)) for word in said.split()] == words


@pytest.mark.parametrize("text", ["a" * 100_000, "```" + "x " * 50_000, "<think>" + "y" * 100_000, "-" * 50_000 + "x",
                                  "[" * 20_000, "`a. " * 20_000, "$1,1,1,1" * 10_000])  # fmt: skip
def test_memory_is_bounded_whatever_comes(text: str):
    chunker = Chunker()
    raw = 0
    for start in range(0, len(text), 1000):
        raw += sum(len(sentence.raw) for sentence in chunker.feed(text[start : start + 1000]))
        assert len(chunker.held) < Chunking().most + 1
    assert raw + sum(len(sentence.raw) for sentence in chunker.finish()) == len(text)


@given(st.text("aewIwvx ,.!?'", max_size=40))
def test_plain_words_are_said_the_same_by_the_short_way(text: str):
    """A picture is silent, and sends the text the long way round."""
    assert speakable(text) == speakable(f"{text} 🙂")
