"""What may go on air."""

from __future__ import annotations

import asyncio
import tracemalloc
from pathlib import Path

import pytest

from duologue.errors import InputError
from duologue.language import moderation
from duologue.language.moderation import Moderator, Subject, Verdict, fold, load_moderator


@pytest.mark.parametrize(
    "text",
    [
        "what the frotz", "FROTZ", "Frötz!", "fr0tz", "f.r.o.t.z", "f r o t z", "F-R-O-T-Z", "frooootz", "frotzing",
        "frotzes", "fr*otz", "$narf is bad", "sn@rf", "5narf", "fr\u043etz", "well,frotz.", "the grue is here",
        "the  GRUE is", "f_r_o_t_z", "a f r o t z b", "fr\u200botz", "fr\u00adotz", "f\u0336rotz", "fr\u034fotz",
        "fr🙂otz", "f🏽r0\u200dtz", "frotz🙂", "🙂frotz", "the gr\u2060ue",
    ],
)  # fmt: skip
def test_listed_words_are_found_in_thin_disguise(text: str):
    assert Moderator(["frotz", "snarf", "the grue"]).finds_word(text)


@pytest.mark.parametrize(
    "text",
    [
        "frot",
        "frotzonia",
        "a grue",
        "refrotz",
        "I am a b c person",
        "1055 5 0",
        "grue the",
        "class assess Scunthorpe",
        "🙂",
        "fr\notz",
        "fr 🙂 otz",
        "",
    ],
)
def test_other_words_are_not(text: str):
    assert not Moderator(["frotz", "snarf", "the grue"]).finds_word(text)


@pytest.mark.parametrize(
    "text",
    [
        "Scunthorpe", "an assessment of the class", "cockatoo and peacock", "Moby Dick", "hello, shitake", "grapes",
        "Essex", "spices", "Fagin", "I shot the sheriff", "a raccoon", "kill the lights", "Pakistan", "sextant",
        "retardant foam",
    ],
)  # fmt: skip
def test_the_shipped_list_leaves_ordinary_words_alone(text: str):
    assert not Moderator().finds_word(text)


def test_conversations_with_one_list_share_it():
    first = load_moderator()
    tracemalloc.start()
    try:
        others = [load_moderator() for _ in range(20)]
        each = tracemalloc.get_traced_memory()[0] / len(others)
    finally:
        tracemalloc.stop()
    assert each < 4000, "bytes; the list itself has twenty times as many"
    first.refused[Subject.LINE] += 1
    assert others[0].refused[Subject.LINE] == 0, "and nothing else"
    assert Moderator(["other"]).finds_word("other") and not first.finds_word("other")


def test_the_shipped_list_finds_what_it_lists():
    moderator = Moderator()
    assert all(moderator.finds_word(f"so {word} it is") for word in moderation.read_words(moderation.WORD_LIST))


async def test_length_and_emptiness():
    moderator = Moderator([], max_length={Subject.CHAT: 10})
    assert (await moderator.judge("short", Subject.CHAT)).allowed
    assert "11 characters" in (await moderator.judge("eleven char", Subject.CHAT)).reason
    assert "empty" in (await moderator.judge(" \u200b ", Subject.TOPIC)).reason
    assert (await moderator.judge("🍕", Subject.TOPIC)).allowed
    assert moderator.refused[Subject.CHAT] == 1 and moderator.refused[Subject.TOPIC] == 1
    await moderator.judge("tea again", Subject.TOPIC)
    assert moderator.refused[Subject.TOPIC] == 1, "what was let in is not counted"


async def test_a_100_kb_topic_is_refused_with_its_length():
    with pytest.raises(InputError, match="102400 characters, and at most 400"):
        await Moderator().admit("x" * 102_400, Subject.TOPIC)


@pytest.mark.parametrize(
    ("text", "step"), [("x" * 401, "Shorten it."), ("\u200b", "Write a word or two."), ("frotz", "other words")]
)
async def test_who_is_refused_is_told_what_to_do(text: str, step: str):
    with pytest.raises(InputError) as caught:
        await Moderator(["frotz"]).admit(text, Subject.TOPIC)
    assert step in caught.value.remedy


async def test_admit_trims_and_never_repeats_what_it_refuses():
    moderator = Moderator(["frotz"])
    assert await moderator.admit("  a   nice\ntopic ", Subject.TOPIC) == "a nice topic"
    with pytest.raises(InputError) as caught:
        await moderator.admit("frotz you", Subject.CHAT)
    assert "frotz" not in str(caught.value)


async def no_lamps(text: str, subject: Subject) -> Verdict:
    return Verdict("lamp" not in text, f"no lamps in a {subject}")


async def broken(text: str, subject: Subject) -> Verdict:
    raise ZeroDivisionError


async def slow(text: str, subject: Subject) -> Verdict:
    await asyncio.sleep(3600)
    return Verdict(True)


async def test_plugged_in_checks_are_asked_after_the_list():
    moderator = Moderator([], checks=[no_lamps])
    assert (await moderator.judge("a chair", Subject.LINE)).allowed
    assert (await moderator.judge("a lamp", Subject.LINE)).reason == "no lamps in a line"


async def test_what_a_check_cannot_judge_stays_off_the_air(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(moderation, "CHECK_SECONDS", 0.01)
    assert "ZeroDivisionError" in (await Moderator([], checks=[broken]).judge("hi", Subject.LINE)).reason
    assert "no verdict" in (await Moderator([], checks=[slow]).judge("hi", Subject.LINE)).reason


def test_a_user_list_adds_and_allows(tmp_path: Path):
    file = tmp_path / "words.txt"
    file.write_text("# mine\nfrotz  # a spell\n!bastard\n", "utf-8")
    moderator = load_moderator(file)
    assert moderator.finds_word("frotz") and not moderator.finds_word("bastard sword") and moderator.finds_word("bitch")


def test_the_first_line_counts_in_a_list_that_windows_wrote(tmp_path: Path):
    """It begins with a mark of its byte order, which is no part of the line."""
    file = tmp_path / "words.txt"
    file.write_text("!bastard\r\nsnarf\r\n", "utf-8-sig")
    moderator = load_moderator(file)
    assert not moderator.finds_word("bastard sword") and moderator.finds_word("snarf")


def test_an_unreadable_list_is_named(tmp_path: Path):
    with pytest.raises(InputError, match=r"words\.txt"):
        load_moderator(tmp_path / "words.txt")


def test_folding_leaves_numbers_alone():
    assert (fold("455"), fold("B4D!"), fold("É")) == ("455", "bad", "e")
