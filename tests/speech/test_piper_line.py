"""Phonemes as Piper's voices were taught them, and the ids and marks of a line."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import tiny_models
from hypothesis import given
from hypothesis import strategies as st

from duologue.errors import InputError
from duologue.speech.espeak.clauses import Clause, clauses
from duologue.speech.espeak.phonemes import Phonemizer
from duologue.speech.piper.line import Passage, PiperLine, clause_symbols, ids, marks, passages
from duologue.speech.reading import ReadWord
from duologue.speech.utterance import MarkKind
from duologue.speech.words import spoken_words

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

TOLD = Path(__file__).parent / "data" / "piper_phonemes.json"
"""200 texts, and for each the sentences that say something, as ``EspeakPhonemizer`` of piper-tts 1.8.0
makes them (voice en-us).
"""


@pytest.fixture
async def phonemizer() -> AsyncIterator[Phonemizer]:
    made = Phonemizer()
    await made.warm_up()
    yield made
    await made.close()


def line_of(text: str, found: tuple[Clause, ...]) -> PiperLine:
    return PiperLine(text, found, tuple(ReadWord(word.offset, word.end, word) for word in spoken_words(text)))


async def test_two_hundred_texts_are_read_as_pipers_own_phonemizer_reads_them(phonemizer: Phonemizer) -> None:
    told: list[tuple[str, list[str]]] = json.loads(TOLD.read_text("utf-8"))
    assert len(told) == 200
    wrong: list[tuple[str, list[str], list[str]]] = []
    for text, wanted in told:
        found = passages(line_of(text, await phonemizer.clauses(text, "en-us")))
        read = ["".join(symbol for symbols in each.symbols for symbol in symbols) for each in found]
        if read != wanted:
            wrong.append((text, wanted, read))
    assert not wrong


async def test_clauses_tile_the_text_and_words_lie_in_them(phonemizer: Phonemizer) -> None:
    for text, _ in json.loads(TOLD.read_text("utf-8")):
        found = await phonemizer.clauses(text, "en-us")
        assert found[0].begin == 0 and not text[found[-1].end :].strip()
        for before, after in itertools.pairwise(found):
            assert before.end == after.begin
        for word in spoken_words(text):
            assert any(each.begin <= word.offset < each.end for each in found), (text, word)


async def test_an_unknown_language_is_named(phonemizer: Phonemizer) -> None:
    with pytest.raises(InputError, match="xx-nowhere"):
        await phonemizer.clauses("Hello.", "xx-nowhere")
    assert (await phonemizer.clauses("Hallo.", "de"))[0].mark == "."


@given(st.text(max_size=60), st.lists(st.integers(0, 60), max_size=6))
def test_whatever_was_told_clauses_stay_in_order(text: str, reached: list[int]) -> None:
    told = [("a", min(place, len(text))) for place in sorted(reached)]
    found = clauses(text, told)
    assert len(found) == len(told)
    for before, after in itertools.pairwise(found):
        assert 0 <= before.begin <= before.end == after.begin <= len(text)


def test_symbols_are_code_points_with_the_mark_and_no_language_switch() -> None:
    assert clause_symbols(Clause("(fr)bɔ̃(en)", ",", False, 0, 3)) == ("b", "ɔ", "\u0303", ",", " ")
    assert clause_symbols(Clause("haɪ", "", True, 0, 2), (("a", "ɪ"),)) == ("h", "aɪ")


def test_ids_have_a_pad_after_each_and_marks_take_it_with_them() -> None:
    text = "Hi, you."
    line = line_of(text, (Clause("haɪ", ",", False, 0, 3), Clause("juː", ".", True, 3, 8)))
    (passage,) = passages(line)
    numbers, owned = ids(passage, tiny_models.SYMBOLS)
    assert numbers[:4] == [1, 0, 20, 0] and numbers[-1] == 2 and 0 in numbers
    assert sum(count for _, count in owned) == len(numbers)
    made = marks(passage, owned, [480] * len(numbers), 48_000)
    words = [mark for mark in made if mark.kind is MarkKind.WORD]
    assert [(word.text, word.offset) for word in words] == [("Hi", 0), ("you", 4)]
    assert (words[0].start, words[0].end) == (960, 960 + 3 * 960)
    sounds = [mark.text for mark in made if mark.kind is MarkKind.PHONEME]
    assert sounds == ["h", "a", "ɪ", "j", "uː"]


def test_what_a_voice_does_not_know_takes_no_time() -> None:
    passage = Passage((("h", "☃", "a"),), ((),))
    numbers, owned = ids(passage, tiny_models.SYMBOLS)
    assert dict(owned)["☃"] == 0
    made = marks(passage, owned, [480] * len(numbers), 48_000)
    assert [(mark.text, mark.start, mark.end) for mark in made] == [("h", 960, 1920), ("a", 1920, 2880)]


def test_several_spoken_words_of_one_written_word_are_one_mark() -> None:
    (written,) = spoken_words("42")
    spoken = "forty two"
    words = (ReadWord(0, 5, written), ReadWord(6, 9, written))
    (passage,) = passages(PiperLine(spoken, (Clause("fɔːti tuː", "", True, 0, 9),), words))
    numbers, owned = ids(passage, tiny_models.SYMBOLS)
    made = marks(passage, owned, [100] * len(numbers), 48_000)
    (word,) = [mark for mark in made if mark.kind is MarkKind.WORD]
    assert (word.text, word.offset) == ("42", 0) and word.end - word.start == 9 * 200


def test_a_written_word_that_is_said_in_two_clauses_is_one_mark() -> None:
    (written,) = spoken_words("5/2026")
    words = (ReadWord(0, 3, written), ReadWord(5, 9, written))
    clauses = (Clause("meɪ", ",", False, 0, 5), Clause("tuː", ".", True, 5, 9))
    (passage,) = passages(PiperLine("May, 2026", clauses, words))
    numbers, owned = ids(passage, tiny_models.SYMBOLS)
    made = marks(passage, owned, [100] * len(numbers), 48_000)
    (word,) = [mark for mark in made if mark.kind is MarkKind.WORD]
    assert (word.text, word.offset, word.start, word.end) == ("5/2026", 0, 200, 200 + 8 * 200)
