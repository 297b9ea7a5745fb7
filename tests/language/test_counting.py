"""Words and marks of a text, counted quickly."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from duologue.language.counting import TOKENS, count_tokens


@given(st.text() | st.text("aé_1 \n\t.’你🙂\x1c\ud800"))
def test_it_counts_what_its_pattern_finds(text: str) -> None:
    assert count_tokens(text) == len(TOKENS.findall(text))


def test_every_character_is_what_its_pattern_takes_it_for() -> None:
    for code in range(0x3000):
        text = f"a{chr(code)}b"
        assert count_tokens(text) == len(TOKENS.findall(text)), hex(code)
