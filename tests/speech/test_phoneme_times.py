from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from duologue.speech.phoneme_times import TimedSymbol, phonemes_and_words
from duologue.speech.utterance import Mark, MarkKind
from duologue.speech.words import spoken_words


def timed(symbols: str) -> list[TimedSymbol]:
    return [TimedSymbol(symbol, at * 10, at * 10 + 10) for at, symbol in enumerate(symbols)]


def marks_of(symbols: list[TimedSymbol], text: str) -> list[Mark]:
    phonemes, words = phonemes_and_words(symbols, [(len(word.text), word) for word in spoken_words(text)])
    return [*phonemes, *words]


def test_signs_belong_to_their_phoneme_and_blanks_end_words() -> None:
    marks = marks_of(timed("ˈɑːt ˌɪt."), "Art, it.")
    phonemes = [(m.text, m.start, m.end, m.stressed) for m in marks if m.kind is MarkKind.PHONEME]
    assert phonemes == [("ɑː", 0, 30, True), ("t", 30, 40, False), ("ɪ", 50, 70, False), ("t", 70, 80, False)]
    words = [(m.text, m.offset, m.start, m.end) for m in marks if m.kind is MarkKind.WORD]
    assert words == [("Art", 0, 0, 40), ("it", 5, 50, 80)]


def test_words_that_were_run_together_share_their_time_by_letters() -> None:
    marks = marks_of(timed("əvðə kæt"), "of the cat")
    words = [(m.text, m.start, m.end) for m in marks if m.kind is MarkKind.WORD]
    assert words == [("of", 0, 17), ("the", 17, 53), ("cat", 53, 80)]


@given(st.text(st.sampled_from("ab ˈː.̃"), max_size=30), st.text(st.sampled_from("ab ,-'"), max_size=30))
def test_anything_gives_marks_in_order_and_inside(symbols: str, text: str) -> None:
    marks = marks_of(timed(symbols), text)
    for kind in MarkKind:
        of_kind = [mark for mark in marks if mark.kind is kind]
        assert all(0 <= mark.start <= mark.end <= len(symbols) * 10 for mark in of_kind)
        assert all(before.end <= after.start for before, after in pairwise(of_kind))
    words = [mark.text for mark in marks if mark.kind is MarkKind.WORD]
    assert words in ([], [word.text for word in spoken_words(text)])
