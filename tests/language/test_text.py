"""Text that a voice can speak."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.language.languages import load_language
from duologue.language.text import cap, clean, estimate_seconds, sentences, word_count

NAMES = ("chad", "Chad", "virgin", "Virgin")


@pytest.mark.parametrize(
    ("raw", "spoken"),
    [
        ("Chad: Hello there.", "Hello there."),
        ("**Chad:** Hello there.", "Hello there."),
        ('"Hello there."', "Hello there."),
        ("“Hello there.”", "Hello there."),
        ('She said "hello" and "bye"', 'She said "hello" and "bye"'),
        ("*laughs* Hello. *adjusts glasses* Bye.", "Hello. Bye."),
        ("(chuckles nervously) Hello.", "Hello."),
        ("[sighs deeply] Hello.", "Hello."),
        ("That is *really* good, **very** good, _quite_ good.", "That is really good, very good, quite good."),
        ("Salt (the white one) is good.", "Salt (the white one) is good."),
        ("Hello 😀 there 👨‍👩‍👧.", "Hello there."),
        ("# Title\n\n- one\n- two\n1. three", "Title. one. two. three"),
        ("See [this page](http://x.y/z) or https://a.b/c now.", "See this page or https://a.b/c now."),
        ("<think>I must be funny.</think>Hello.", "Hello."),
        ("<think>I must be", ""),
        ("Hello.\nVirgin: And I say bye.\nChad: Ha!", "Hello."),
        ("Look, `code` and ```\nblock\n``` here", "Look, code and here"),
        ("Well—maybe — or not.", "Well, maybe, or not."),
        ("It cost 3 * 4 * 5.", "It cost 3 * 4 * 5."),
        ("Caf\u0065\u0301\u200b ist \u00a0gut.", "Café ist gut."),
        ("*laughs*", ""),
        ("(You begin.)", ""),  # our own prompt, given back
        ("… !!! 🎉", ""),
        ("   ", ""),
        ("Virgin, listen: yes.", "Virgin, listen: yes."),
        ("猫は寝る。", "猫は寝る。"),
        ("snake_case_name stays", "snake_case_name stays"),
    ],
)
def test_what_engines_emit_becomes_speakable(raw: str, spoken: str):
    assert clean(raw, NAMES) == spoken


def test_sentences_keep_abbreviations_and_decimals_whole():
    text = "Dr. Strange paid 3.50 for it, e.g. in May. Why? He had to! So"
    assert sentences(text) == ["Dr. Strange paid 3.50 for it, e.g. in May.", "Why?", "He had to!", "So"]


@pytest.mark.parametrize(
    ("tag", "text", "found"),
    [
        ("en", "See no. 5. No. Five!", ["See no. 5.", "No.", "Five!"]),
        ("en", "It was plan B. Then J. R. Smith left.", ["It was plan B.", "Then J. R. Smith left."]),
        ("en", "At 5 p.m. sharp. At 6 p.m. They left.", ["At 5 p.m. sharp.", "At 6 p.m.", "They left."]),
        ("en", "I have 3. Mary has 4.", ["I have 3.", "Mary has 4."]),
        ("en", "“Go on…” he said. “Why?” Nobody knew.", ["“Go on…” he said.", "“Why?”", "Nobody knew."]),
        ("de", "Am 3. Mai kam er. Wir waren 3. Dann ging er.", ["Am 3. Mai kam er.", "Wir waren 3.", "Dann ging er."]),
        ("de", "Um 5 bzw. 6 Uhr. Nr. 5 ist da, usw. Gut.", ["Um 5 bzw. 6 Uhr.", "Nr. 5 ist da, usw.", "Gut."]),
        ("ja", "猫は寝る。「本当？」はい。", ["猫は寝る。", "「本当？", "」はい。"]),
    ],
)  # fmt: skip
def test_sentences_end_by_what_is_known_of_the_language(tag: str, text: str, found: list[str]):
    assert sentences(text, load_language(tag)) == found


@pytest.mark.parametrize(
    ("text", "words", "kept"),
    [
        ("One two three. Four five.", 10, "One two three. Four five."),
        ("One two three. Four five.", 4, "One two three."),
        ("One two three, four five six seven.", 5, "One two three."),
        ("One, two three four five six seven.", 5, "One, two three four five."),
        ("One two three four five six", 4, "One two three four."),
    ],
)
def test_the_cap_cuts_at_a_sentence_then_a_clause_then_a_word(text: str, words: int, kept: str):
    assert cap(text, words, 60.0) == kept


def test_the_cap_in_seconds():
    text = "Extraordinarily incomprehensible institutionalisation. " * 4
    kept = cap(text.strip(), 100, 8.0)
    assert kept == " ".join(["Extraordinarily incomprehensible institutionalisation."] * 2)


def test_scripts_without_spaces_are_counted_and_cut():
    text = "猫は一日中寝ています、" * 20
    assert word_count(text) > 50
    kept = cap(text, 20, 60.0)
    assert 0 < word_count(kept) <= 21 and kept.endswith(".")


@given(st.text(max_size=400), st.integers(1, 60))
def test_capped_text_is_a_shorter_beginning(text: str, words: int):
    spoken = clean(text, NAMES)
    kept = cap(spoken, words, 20.0)
    assert word_count(kept) <= max(words, 1) + 1
    assert estimate_seconds(kept) <= 20.5
    if spoken:
        assert kept


@given(st.text(max_size=300))
def test_cleaning_twice_changes_nothing_that_matters(text: str):
    once = clean(text, NAMES)
    assert "\n" not in once and "\u200b" not in once and "  " not in once
    assert once == "" or any(character.isalnum() for character in once)


def test_of_a_long_address_its_host_takes_time_and_no_cap_cuts_it() -> None:
    text = f"It is all on https://www.example.com/{'a1/' * 100}?x=1 by now."
    assert estimate_seconds(text) == estimate_seconds("It is all on example.com by now.") < 5
    assert cap(text, 40, 12.0) == text
