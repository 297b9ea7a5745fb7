"""What the figures of the voice benchmark are made of: the scripted ears, the stop-watch, and who was cut in."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.voice import probe
from benchmarks.voice.rows import compared, endings
from benchmarks.voice.scenes import Turn, words_of

MS = 1_000_000


def caller(*words: tuple[str, float, float], seconds: float = 3.0) -> probe.Caller:
    return probe.Caller(probe.quiet(seconds), tuple(probe.Word(*word) for word in words))


def texts(who: probe.Caller, until: float) -> list[tuple[float, str, bool]]:
    """What the ears say, 20 ms by 20 ms, and when."""
    ears, found = probe.Segments(who), list[tuple[float, str, bool]]()
    for number in range(1, int(until * 50) + 1):
        who.position = number * 0.02
        if news := ears.poll():
            found.append((round(who.position, 2), *news))
    return found


def test_a_word_is_heard_when_it_has_ended_and_a_segment_is_final_after_its_silence() -> None:
    heard = texts(caller(("one", 0.1, 0.29), ("two", 0.35, 0.49), ("three", 1.0, 1.19)), 2.0)
    assert heard == [
        (0.3, "one", False),
        (0.5, "one two", False),
        (0.7, "one two", True),
        (1.2, "three", False),
        (1.4, "three", True),
    ]


def test_a_word_that_is_being_said_keeps_the_segment_open() -> None:
    heard = texts(caller(("a", 0.1, 0.3), ("longword", 0.4, 1.0)), 1.1)
    assert (1.0, "a longword", False) in heard
    assert not any(final for _, _, final in heard)


def test_a_caller_says_the_same_again_when_the_sound_is_over() -> None:
    heard = texts(caller(("hi", 0.1, 0.3), seconds=1.0), 2.6)
    assert [text for _, text, final in heard if final] == ["hi", "hi", "hi"]


def test_a_reply_is_timed_to_its_own_first_sound_only() -> None:
    log = probe.Log(decided=[100 * MS, 5_000 * MS], handed=[103 * MS, 104 * MS], sent=[110 * MS])
    assert probe.replies(log, 0) == ([3.0], [10.0])  # the second turn had no answer, and borrows none
    assert probe.replies(log, 200 * MS) == ([], [])  # before the measurement


def blocks(count: int, late: dict[int, int] | None = None) -> list[int]:
    return [(number * 20 + (late or {}).get(number, 0)) * MS for number in range(count)]


def test_a_late_block_is_an_error_and_one_that_moves_the_rest_is_a_drift() -> None:
    errors, drifts = probe.pacing(probe.Log(sent=blocks(60, {30: 7})), 0)
    assert max(errors) == pytest.approx(7.0)
    assert drifts == [pytest.approx(0.0)]
    moved = blocks(60, dict.fromkeys(range(30, 60), 9))
    assert probe.pacing(probe.Log(sent=moved), 0)[1] == [pytest.approx(9.0)]


def test_two_blocks_at_once_at_the_start_are_a_lead_and_no_error() -> None:
    sent = [0, *(at - 20 * MS for at in blocks(60)[1:])]
    errors, drifts = probe.pacing(probe.Log(sent=sent), 0)
    assert max(errors) == pytest.approx(0.0)
    assert drifts == [pytest.approx(0.0)]


def test_what_follows_an_interruption_is_counted_and_the_next_reply_is_not() -> None:
    sent = [*range(0, 1000 * MS, 20 * MS), 1_010 * MS, *range(3_000 * MS, 3_500 * MS, 20 * MS)]
    log = probe.Log(handed=[0, 2_990 * MS], sent=sent, interrupted=[985 * MS, 5_000 * MS])
    assert probe.stops(log, 0) == [pytest.approx(25.0)]  # the second came over silence: nothing had to stop


def test_an_answer_inside_a_turn_cuts_in_and_the_first_decision_after_it_ends_it() -> None:
    turns = (Turn(1.0, 3.0), Turn(10.0, 12.0), Turn(20.0, 22.0))
    found = endings(turns, decided=[2.0, 3.4, 12.5, 19.0, 40.0], handed=[2.1, 3.5, 12.6])
    assert [each.cut_in for each in found] == [True, False, False]
    assert found[0].silence == pytest.approx(400.0)
    assert found[1].silence == pytest.approx(500.0)
    assert found[2].silence is None


def test_the_ratio_is_to_the_best_peer_as_it_comes() -> None:
    made = compared("x", "ms", [("ours", 2.0), ("a", 8.0), ("b", 6.0), ("b, tuned", 1.0)])
    assert made["ratio"] == 3.0
    assert made["peer"] == "a 8 · b 6 · b, tuned 1"
    assert compared("x", "ms", [("ours", 2.0)])["ratio"] is None


def test_words_share_a_phrase_by_their_letters_and_end_with_it() -> None:
    words = words_of("a banana", 1.0, 0.9)
    assert [word.text for word in words] == ["a", "banana"]
    assert words[0].end == words[1].start == pytest.approx(1.2)
    assert words[1].end == pytest.approx(1.9)


def test_quantiles_of_nothing_are_nothing() -> None:
    assert probe.quantiles([]) == {"n": 0}
    assert probe.quantiles(list(map(float, np.arange(101))))["p99"] == 99.0
