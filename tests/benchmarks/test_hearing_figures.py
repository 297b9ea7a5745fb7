"""How the benchmark of ears counts words."""

from __future__ import annotations

import gzip
import wave
from pathlib import Path

import pytest
from benchmarks.natural.recordings import errors, normal, prompts
from benchmarks.natural.words import count


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("You are the person I am looking for.", "you're the person I'm looking for"),
        ("I cannot, and that is that.", "I can't and that's that"),
        ("Agent login.", "agent log in"),
        ("the black list file name", "The blacklist filename"),
        ("press 1 or 21", "Press one or twenty-one."),
        ("T. T. Y.", "TTY"),
        ("the PBX and IVR platform", "the p b x and i v r platform"),
    ],
)
def test_what_only_is_written_in_another_way_is_no_error(said: str, heard: str) -> None:
    assert errors([said], [heard])[0] == 0.0


@pytest.mark.parametrize(
    ("said", "heard", "wrong"),
    [
        ("turn it on", "turn it off", 1),
        ("your party's name", "your parties name", 1),
        ("log in now", "log now", 1),
        ("it is the dog's", "it is the dog is", 2),
        ("no no no", "no no", 1),
        ("t t y", "t y", 1),
        ("ten of clubs", "10 of clubs 10", 1),
    ],
)
def test_what_was_misheard_lost_or_made_up_is_one(said: str, heard: str, wrong: int) -> None:
    rate, words = errors([said], [heard])
    assert words == len(said.split())
    assert rate == pytest.approx(100 * wrong / words)


def test_exactly_counted_the_spelling_matters() -> None:
    assert errors(["you are in the log in"], ["you're in the login"], exact=True)[0] == pytest.approx(100 * 4 / 6)


def test_short_forms_are_written_out() -> None:
    assert normal("They won't say it's 10, can't they?") == "they will not say it is ten can not they"


@pytest.mark.parametrize(
    ("said", "heard", "lost", "more"),
    [
        ("My address is twelve Harbour Street.", "My address is 12 Harbour Street.", 0, 0),
        ("Five five five, one two one two.", "555-1212.", 0, 0),
        ("I said one one, not one.", "I said 11, not 1.", 0, 0),
        ("Ten of clubs.", "10 of clubs. 10 of clubs.", 0, 3),
        ("No no no, that is wrong.", "No no, that is wrong.", 1, 0),
        ("Two two.", "2", 1, 0),
    ],
)
def test_words_lost_and_words_too_many(said: str, heard: str, lost: int, more: int) -> None:
    assert (count(said, heard, "delete"), count(said, heard, "insert")) == (lost, more)


def test_what_stands_in_brackets_is_not_counted_as_said(tmp_path: Path) -> None:
    """Recordings of silence whose texts say so in round brackets were counted as words that were missed."""
    texts = {
        "a-hush": "(a second of silence)", "b-beep": "[a tone]", "c-mute": "<beep falling>",
        "d-one": "read (as in red)", "e-call": "please hold (the music begins)", "f-star": "press * now",
    }  # fmt: skip
    for name in texts:
        with wave.open(str(tmp_path / f"{name}.wav"), "wb") as out:
            out.setparams((1, 2, 16_000, 0, "NONE", ""))
            out.writeframes(bytes(3_200))
    listed = tmp_path / "texts.gz"
    listed.write_bytes(gzip.compress("".join(f"{name}: {text}\n" for name, text in texts.items()).encode()))
    found = prompts("a", "z", tmp_path, listed)
    assert [normal(each.text) for each in found] == ["please hold", "press star now"]
