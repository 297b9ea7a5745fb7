"""Words of ours that come back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.clock import MILLISECOND
from duologue.dialogue.listening.echo import EchoFilter

PLAYED = "It is nearly noon in this quiet little town"


def filtered(now: int = 4000) -> EchoFilter:
    """A filter that knows :data:`PLAYED`, a word each 400 ms from 0 on."""
    echo = EchoFilter()
    echo.play((word, (number + 1) * 400 * MILLISECOND) for number, word in enumerate(PLAYED.split()))
    return echo


@pytest.mark.parametrize(
    ("text", "since", "left"),
    [
        ("it is nearly noon", 0, ""),
        ("It is nearly, noon. Wait a moment", 0, "Wait a moment"),
        ("no it is nearly noon", 0, "no"),
        ("noon", 1300, ""),
        ("is it noon", 0, "is it noon"),
        ("wait", 0, "wait"),
        ("it is nearly noon", 3000, "it is nearly noon"),
        ("", 0, ""),
    ],
)
def test_what_was_played_during_the_stretch_is_taken_out(text: str, since: int, left: str) -> None:
    assert filtered().strip(text, since * MILLISECOND, 1700 * MILLISECOND)[0] == left


def test_who_repeats_after_us_is_heard() -> None:
    assert filtered().strip(PLAYED, 4200 * MILLISECOND, 8000 * MILLISECOND) == (PLAYED, False)


def test_what_is_still_to_be_played_cannot_come_back() -> None:
    assert filtered().strip("quiet little town", 0, 1000 * MILLISECOND) == ("quiet little town", False)


def test_after_a_clear_the_rest_is_not_expected() -> None:
    echo = filtered()
    echo.silence(600 * MILLISECOND)
    assert echo.strip("this quiet little town", 0, 4000 * MILLISECOND) == ("this quiet little town", False)
    assert echo.strip("it is", 0, 4000 * MILLISECOND) == ("", True) and echo.dropped == 2


def test_what_plays_later_than_was_thought_is_expected_later() -> None:
    echo = filtered()
    words = PLAYED.split()[2:]
    echo.play(((word, (1600 + number * 400) * MILLISECOND) for number, word in enumerate(words)), 800 * MILLISECOND)
    assert echo.strip("noon in this", 0, 1700 * MILLISECOND) == ("noon in this", False)
    assert echo.strip("is nearly noon in", 0, 2100 * MILLISECOND) == ("", True)


@given(st.text(max_size=60))
def test_nothing_is_added_and_without_echo_nothing_changes(text: str) -> None:
    left, echo = filtered().strip(text, 0, 4000 * MILLISECOND)
    assert left == text if not echo else len(left) <= len(text)
    assert EchoFilter().strip(text, 0, 0) == (text, False)
