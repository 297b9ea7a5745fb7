"""What the tutor's benchmark makes wrong, and how it counts."""

from __future__ import annotations

import math

import pytest
from benchmarks.tutor.__main__ import SENTENCES, TUNING, TUNING_VOICES, VOICES, Said, area, auc, usual
from benchmarks.tutor.sounds import PHONES, TYPICAL, exchanged, others, plan, units, wrongs

from duologue.speech.pronunciation.goodness import SAME, PhoneScore


def test_the_area_is_how_often_right_is_above_wrong() -> None:
    assert area([3, 2], [1, 0]) == 1.0 and area([0], [1]) == 0.0
    assert area([1, 1], [1]) == 0.5 and area([3, 1], [2]) == 0.5
    assert math.isnan(area([], [1]))
    said = [Said("v", "a", False, False, 1.0), Said("v", "b", True, True, 2.0), Said("v", "c", True, False, 0.0)]
    assert (auc(said), auc(said, typical=True), auc(said, typical=False)) == (0.5, 0.0, 1.0)


def test_words_fall_into_phonemes_of_either_alphabet() -> None:
    assert [phone for _, phone in units("hˈæpi", 0)] == ["HH", "", "AE", "P", ""]
    assert [phone for _, phone in units("tʃˈɛɹi", 0)][:4] == ["CH", "", "EH", "R"]
    assert [phone for _, phone in units("n'aIs", 1)] == ["N", "", "AY", "S"]
    assert "".join(piece for piece, _ in units("fɹˈaɪdeɪ", 0)) == "fɹˈaɪdeɪ"


def test_one_phoneme_is_exchanged_and_nothing_else() -> None:
    assert exchanged("θˈɪŋk", 0, 0, "S") == "sˈɪŋk"
    assert exchanged("m'i:t", 1, 1, "IH") == "m'It"
    words = ["θˈɪŋk", "əbˈaʊt", "hˈɑːlɪdeɪz"]
    for typical in (False, True):
        found = wrongs(words, 0, 4, "seed", typical=typical)
        assert found == wrongs(words, 0, 4, "seed", typical=typical) and len(set(found)) == 4
        for number, place, instead in found:
            phones = [phone for _, phone in units(words[number], 0) if phone]
            assert instead in others(phones[place])
            assert not typical or instead in TYPICAL[phones[place]]
            assert exchanged(words[number], 0, place, instead) != words[number]


def test_what_speakers_exchange_is_not_wrong() -> None:
    for kin in SAME:
        for phone in kin:
            assert not kin & set(others(phone))
    assert set(TYPICAL) <= set(PHONES) and all(set(found) <= set(PHONES) for found in TYPICAL.values())


def test_the_halves_share_no_voice_and_no_sentence() -> None:
    assert not set(VOICES) & set(TUNING_VOICES) and not set(SENTENCES) & set(TUNING)


def test_a_sentence_whose_words_run_together_is_only_said_right() -> None:
    wishes = list(plan("v", ["of the sea"], 4, lambda text: ["ʌvðə", "sˈiː"], 0))
    assert [wish.word for wish in wishes] == [-1]
    wishes = list(plan("v", ["of the sea"], 4, lambda text: ["ʌv", "ðə", "sˈiː"], 0))
    assert len(wishes) == 5 and sum(wish.instead.endswith("*") for wish in wishes) == 2


def test_what_is_usual_is_drawn_to_all_where_there_is_little() -> None:
    def said(name: str, ratio: float) -> Said:
        return Said("v", "w", False, False, 0.0, (PhoneScore(name, 0, 5, ratio, ""),))

    found = usual([*(said("AE", 1.0) for _ in range(200)), said("ZH", -3.0)])
    assert found["AE"][0] == pytest.approx(1.0, abs=0.05)
    assert -3.0 < found["ZH"][0] < 1.0
