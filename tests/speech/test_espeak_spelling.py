from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duologue.speech.espeak.spelling import respell


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Hm.", "hmm."),
        ("Hmmm, mm-hm, MHM!", "hmm, um-hum, um-hum!"),
        ("Pfft… cats vs. dogs", "puff… cats versus dogs"),
        ("Shh! Brrr. Hmph.", "shush! burr. humf."),
        ("The hammer and the pffts of rhythm, Hmong vsync", "The hammer and the pffts of rhythm, Hmong vsync"),
        ("", ""),
    ],
)
def test_sounds_are_written_as_they_sound(written: str, spoken: str) -> None:
    assert respell(written, "en-us").spoken == spoken


def test_positions_lead_back_to_what_was_written() -> None:
    spelling = respell("So hm, cats", "EN-GB")
    assert spelling.spoken == "So hmm, cats"
    assert spelling.places == (0, 1, 2, 3, 3, 3, 5, 6, 7, 8, 9, 10)


def test_other_languages_stay_as_they_are() -> None:
    assert respell("Hm.", "de").spoken == "Hm."


@settings(deadline=None)
@given(st.text(alphabet="hmpfvsrz.- aé😀", max_size=40))
def test_every_position_is_one_of_the_text_and_in_order(text: str) -> None:
    spelling = respell(text, "en-us")
    assert len(spelling.places) == len(spelling.spoken)
    assert list(spelling.places) == sorted(spelling.places)
    assert all(0 <= place < len(text) for place in spelling.places)
