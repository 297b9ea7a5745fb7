from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.language.llama_text import TokenText


def read(*pieces: bytes, stops: tuple[str, ...] = ("<|im_end|>", "</s>")) -> list[str]:
    text = TokenText(stops)
    return [text.feed(piece) for piece in pieces] + [text.finish()]


def test_a_character_is_given_when_all_its_bytes_are_there():
    assert read(b"caf", b"\xc3", b"\xa9.") == ["caf", "", "é.", ""]


def test_a_stray_byte_is_left_out_and_holds_nothing():
    assert read(b"a\xff", b"b", b"\xe2\x82", b"c", b"\xf0") == ["a", "b", "", "c", "", ""]


def test_the_spaces_before_the_first_word_are_no_part_of_it():
    assert read(b" ", b"\n Well", b" then") == ["", "Well", " then", ""]


def test_a_stop_that_is_spelled_out_ends_the_text_and_shows_nothing_of_itself():
    text = TokenText(("<|im_end|>",))
    assert [text.feed(piece) for piece in (b"Bye.", b"<|im", b"_end|>user: and", b" more")] == ["Bye.", "", "", ""]
    assert text.stopped
    assert text.finish() == ""


def test_what_only_looked_like_a_stop_is_given_late():
    assert read(b"a <|im", b"possible") == ["a ", "<|impossible", ""]
    assert read(b"a <") == ["a ", "<"]


@given(st.text(max_size=60), st.lists(st.integers(0, 250), max_size=12), st.sampled_from(["", "</s>", "<|im_end|>x"]))
def test_the_way_it_is_cut_changes_nothing(words: str, cuts: list[int], end: str):
    raw = (words + end).encode()
    places = sorted({0, len(raw), *(cut for cut in cuts if cut <= len(raw))})
    pieces = [raw[begin:stop] for begin, stop in pairwise(places)]
    assert "".join(read(*pieces)) == words.lstrip()


@pytest.mark.parametrize("stops", [(), ("",), ("  ",)])
def test_without_stops_nothing_is_held(stops: tuple[str, ...]):
    assert read(b"<", stops=stops) == ["<", ""]
