from __future__ import annotations

import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.audio.pcm import RATE, silence
from duologue.speech.utterance import Mark, MarkKind, Utterance
from duologue.stage.captions.captions import (
    LINE_WIDTH,
    LINES,
    TimedWord,
    caption_at,
    lines_of,
    pages_of,
    reference_width,
    showable,
    timed_words,
    track_of,
)

WORD = 12_000
"""Samples a word of these utterances takes."""


def spoken(text: str, *, marks: bool = True, offsets: bool = True) -> Utterance:
    words = text.split()
    places: list[int] = []
    for word in words:
        places.append(text.index(word, places[-1] + 1 if places else 0))
    return Utterance(
        id="u1",
        speaker="ann",
        text=text,
        samples=silence(WORD * len(words)),
        marks=tuple(
            Mark(MarkKind.WORD, word.strip(".,!?"), n * WORD, (n + 1) * WORD - 500, places[n] if offsets else -1)
            for n, word in enumerate(words)
        )
        if marks
        else (),
    )


def shown(utterance: Utterance, sample: int, start: int = 0) -> str:
    """The caption as text, lit words in capitals."""
    words = caption_at(utterance, start, sample).words
    return " ".join(word.text.upper() if word.lit else word.text.lower() for word in words)


def test_a_word_is_lit_from_the_moment_it_is_spoken() -> None:
    utterance = spoken("Well, nobody asked me!")
    assert shown(utterance, -1) == ""
    assert shown(utterance, 0) == "WELL, nobody asked me!"
    assert shown(utterance, WORD - 1) == "WELL, nobody asked me!"
    assert shown(utterance, WORD) == "WELL, NOBODY asked me!"
    assert shown(utterance, 3 * WORD) == "WELL, NOBODY ASKED ME!"
    assert shown(utterance, 1_000_000 + WORD, start=1_000_000) == "WELL, NOBODY asked me!"


def test_the_last_page_lingers_and_goes() -> None:
    utterance = spoken("Fine.")
    assert shown(utterance, WORD + int(0.59 * RATE)) == "FINE."
    assert shown(utterance, WORD + int(0.61 * RATE)) == ""


def test_the_speaker_is_named() -> None:
    assert caption_at(spoken("Yes."), 0, 10).speaker == "ann"
    assert caption_at(spoken("Yes."), 0, -10).speaker == ""


def test_pages_turn_between_words_and_nothing_is_lost() -> None:
    text = " ".join(f"word{n}" for n in range(80))
    utterance = spoken(text)
    seen: list[str] = []
    for n in range(80):
        state = caption_at(utterance, 0, n * WORD)
        page = [word.text for word in state.words]
        assert (
            page[[word.lit for word in state.words].count(True) - 1] == f"word{n}"
        )  # the newest lit one is being said
        if page[0] not in seen:
            seen.extend(page)
    assert seen == text.split()


def test_a_page_ends_at_a_breath_when_one_is_near() -> None:
    words = [TimedWord(word, n) for n, word in enumerate(("aaaa " * 25 + "end. " + "bbbb " * 10).split())]
    assert pages_of(words)[0][-1].text == "end."


texts = st.lists(st.text(st.sampled_from("abcdefgWi.,'é"), min_size=1, max_size=90), min_size=1, max_size=40)


@given(texts)
def test_every_line_fits_and_every_letter_is_shown(words: list[str]) -> None:
    pages = pages_of([TimedWord(word, n) for n, word in enumerate(words)])
    assert "".join(word.text for page in pages for word in page) == "".join(words)
    for page in pages:
        lines = lines_of([word.text for word in page])
        assert len(lines) <= LINES
        for line in lines:
            assert reference_width(" ".join(page[index].text for index in line)) <= LINE_WIDTH + 2
    starts = [word.start for page in pages for word in page]
    assert starts == sorted(starts)


def test_four_hundred_characters_without_a_blank_are_broken() -> None:
    pages = pages_of([TimedWord("m" * 400, 0)])
    assert sum(len(word.text) for page in pages for word in page) == 400
    assert len(pages) > 2


ENDLESS = "".join(map(str, range(120)))


@pytest.mark.parametrize("marks", [True, False])
@pytest.mark.parametrize("text", [f"Oh {ENDLESS} no.", f"{ENDLESS}!"])
def test_of_a_word_of_many_lines_every_page_is_seen_while_it_is_spoken(text: str, marks: bool) -> None:
    utterance = spoken(text, marks=marks)
    track, seen = track_of(utterance), dict[str, int]()
    assert len(track.pages) > 2
    for sample in range(0, track.end, WORD // 100):
        page = track.at(sample).words
        seen.setdefault(" ".join(word.text for word in page), [word.lit for word in page].count(True))
    assert list(seen) == [" ".join(word.text for word in page) for page in track.pages]
    assert set(seen.values()) == {1}  # a page turns when its first word is begun


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Well \U0001f600 then", "Well then"),
        ("naïve Straße żółw Ελλάδα мир", "naïve Straße żółw Ελλάδα мир"),
        ("שלום world مرحبا", "world"),
        ("日本", ""),
        ("a​b\tc\x07d", "ab cd"),
        ("“Quoted” – and… it’s 5 € ×", "“Quoted” – and… it’s 5 € ×"),
        ("nai\u0308ve Z\u030curich e\u0301te\u0301", "naïve Žurich été"),
    ],
)
def test_what_the_font_lacks_is_left_out(text: str, expected: str) -> None:
    assert showable(text) == expected


def test_punctuation_comes_from_the_text_where_the_engine_knows_the_place() -> None:
    assert [word.text for word in timed_words(spoken("“Oh, no!” he said."))] == ["“Oh,", "no!”", "he", "said."]
    assert [word.text for word in timed_words(spoken("Oh, no! he said.", offsets=False))] == ["Oh", "no", "he", "said"]


def test_without_marks_time_is_shared_out_by_letters() -> None:
    words = timed_words(spoken("a bbbbbbb cc", marks=False))
    assert [word.text for word in words] == ["a", "bbbbbbb", "cc"]
    assert words[0].start == 0
    assert words[2].start - words[1].start == pytest.approx(4 * (words[1].start - words[0].start), rel=0.01)


def test_another_rate_is_converted() -> None:
    mark = Mark(MarkKind.WORD, "hi", 11_025, 22_050)
    utterance = Utterance("u", "ann", "hi", np.zeros(22_050, np.float32), 22_050, (mark,))
    assert track_of(utterance).end == RATE
    assert timed_words(utterance)[0].start == RATE // 2


def test_nothing_to_show_is_an_empty_caption() -> None:
    assert caption_at(spoken("日本", marks=False), 0, 5).words == ()
    assert caption_at(Utterance("u", "ann", "", silence(4800)), 0, 5).words == ()


def test_the_pages_of_an_utterance_are_worked_out_once() -> None:
    utterance = spoken("Once is enough.")
    assert track_of(utterance) is track_of(utterance)
    others = [spoken(f"other {n}") for n in range(20)]
    assert len({id(track_of(other)) for other in others}) == 20


def test_the_pages_of_an_utterance_do_not_keep_its_sound() -> None:
    utterance = spoken("Said and gone.")
    sound = weakref.ref(utterance.samples)
    track = track_of(utterance)
    del utterance
    assert sound() is None
    assert track.pages


def test_a_quote_that_opens_belongs_to_the_word_after_it() -> None:
    text = "He said “Would you (please) eat it?” Yes."
    starts = [text.index(word) for word in ("He", "said", "Would", "you", "please", "eat", "it", "Yes")]
    marks = tuple(Mark(MarkKind.WORD, "x", 100 * at, 100 * at + 50, offset=at) for at in starts)
    words = timed_words(Utterance("u", "a", text, np.zeros(9000, np.float32), marks=marks))
    assert [word.text for word in words] == ["He", "said", "“Would", "you", "(please)", "eat", "it?”", "Yes."]
