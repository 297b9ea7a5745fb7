"""Onsets, offsets, the sound before them, and how long to wait."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.dialogue.listening.endpointing import (
    FRAME_NS,
    AdaptivePatience,
    BoundedPatience,
    PreRoll,
    SpeechGate,
    Trust,
    judge,
    judge_guessed,
    trust,
)
from duologue.dialogue.listening.melody import Contour
from duologue.dialogue.turns.vocabulary import SpeechStarted, SpeechStopped


def run(probabilities: list[float]) -> list[SpeechStarted | SpeechStopped]:
    gate = SpeechGate()
    events = (gate.step(value, (number + 1) * FRAME_NS) for number, value in enumerate(probabilities))
    return [event for event in events if event]


def test_onset_and_offset_are_told_with_their_own_times() -> None:
    assert run([0.1, 0.9, 0.9, 0.9, 0.1, 0.1, 0.1]) == [SpeechStarted(FRAME_NS), SpeechStopped(7 * FRAME_NS // 2)]


def test_a_single_frame_is_no_onset_and_a_short_dropout_no_offset() -> None:
    assert run([0.9, 0.1, 0.9, 0.1]) == []
    assert run([0.9, 0.9, 0.1, 0.1, 0.9, 0.1, 0.1]) == [SpeechStarted(0)]


def test_a_probability_that_dies_away_is_no_speech_any_more_but_ends_it_late() -> None:
    events = run([0.9, 0.9, 0.9, 0.6, 0.5, 0.4, 0.1, 0.1, 0.1])
    assert events == [SpeechStarted(0), SpeechStopped(5 * FRAME_NS // 2)]


def test_between_the_thresholds_nothing_changes() -> None:
    assert run([0.4] * 5 + [0.6] * 2 + [0.4] * 9) == [SpeechStarted(5 * FRAME_NS)]


def test_a_frame_may_be_the_beginning_of_a_voice_before_one_is_told() -> None:
    gate = SpeechGate()
    found: list[bool] = []
    for number, value in enumerate([0.1, 0.32, 0.1, 0.6, 0.9, 0.9, 0.4, 0.2, 0.2, 0.2, 0.4]):
        gate.step(value, (number + 1) * FRAME_NS)
        found.append(gate.rising)
    assert found == [False, True, False, True, *[False] * 6, True]
    gate.reset()
    assert not gate.rising


def test_after_a_reset_a_voice_that_goes_on_has_a_new_onset() -> None:
    gate = SpeechGate()
    gate.step(0.9, FRAME_NS)
    assert gate.step(0.9, 2 * FRAME_NS) == SpeechStarted(0) and gate.speaking
    gate.reset()
    gate.step(0.9, 3 * FRAME_NS)
    assert gate.step(0.9, 4 * FRAME_NS) == SpeechStarted(2 * FRAME_NS)


@given(st.lists(st.floats(0, 1), max_size=200))
def test_onsets_and_offsets_alternate_and_times_only_grow(probabilities: list[float]) -> None:
    events = run(probabilities)
    assert [type(event) for event in events] == ([SpeechStarted, SpeechStopped] * len(events))[: len(events)]
    assert [event.at for event in events] == sorted(event.at for event in events)


def test_voice_is_counted_from_the_onset_on_through_its_pauses() -> None:
    gate = SpeechGate()
    counts: list[int] = []
    for number, value in enumerate([0.9, 0.1, 0.9, 0.9, 0.1, 0.4, 0.9, 0.1, 0.1, 0.1, 0.1, 0.9, 0.9]):
        gate.step(value, number * FRAME_NS)
        counts.append(gate.voiced)
    assert counts[3:11] == [2, 2, 2, 3, 3, 3, 3, 3]
    assert counts[-1] == 2


@pytest.mark.parametrize(
    ("confidence", "final", "voiced_ms", "found"),
    [
        (0.4, True, 96, Trust.NONE),  # a cough that slipped through: no words at all
        (0.4, True, 300, Trust.DOUBT),  # "mm-hm" taken for "which you"
        (-1.0, False, 300, Trust.DOUBT),  # what may still become something else
        (0.9, True, 200, Trust.FULL),
        (0.9, False, 96, Trust.FULL),
        (-1.0, True, 250, Trust.FULL),  # an engine that never says
        (-1.0, False, 500, Trust.FULL),
        (0.1, True, 800, Trust.DOUBT),  # "uh-huh" taken for "lower house"
        (0.1, True, 900, Trust.FULL),  # nobody coughs for so long
    ],
)
def test_words_are_believed_by_voice_and_by_confidence(
    confidence: float, final: bool, voiced_ms: float, found: Trust
) -> None:
    """Words that are no commands."""
    assert trust("which way", confidence, final, voiced_ms) is found


@pytest.mark.parametrize(
    ("text", "confidence", "voiced_ms", "found"),
    [
        ("Stop!", 0.5, 200, Trust.FULL),
        ("No.", 0.46, 130, Trust.FULL),
        ("Wait, wait a second", 0.5, 300, Trust.FULL),
        ("Stop!", 0.5, 100, Trust.NONE),
        ("What?", 0.25, 300, Trust.FULL),
        ("What?", 0.19, 300, Trust.FULL),
        ("Know that", 0.5, 300, Trust.FULL),  # "No, that…"
        ("No, no.", 0.25, 300, Trust.FULL),
        ("Wait, stop!", 0.25, 300, Trust.FULL),
        ("Stop that", 0.3, 300, Trust.DOUBT),
        ("Stop!", 0.1, 300, Trust.DOUBT),
        ("Ship!", 0.5, 300, Trust.DOUBT),
        ("you did not stop at all", 0.5, 400, Trust.DOUBT),
        ("Mm-hm.", 0.5, 300, Trust.DOUBT),
    ],
)
def test_a_command_is_believed_although_the_engine_is_less_sure(
    text: str, confidence: float, voiced_ms: float, found: Trust
) -> None:
    assert trust(text, confidence, True, voiced_ms) is found
    early = trust(text, confidence, False, voiced_ms)
    assert early is (Trust.FULL if found is Trust.FULL else Trust.DOUBT)


def test_words_that_only_join_others_take_no_floor_unless_the_voice_is_long() -> None:
    assert trust("and if", 0.9, True, 350) is Trust.DOUBT  # what "mm-hm" was taken for
    assert trust("and if", -1.0, True, 350) is Trust.DOUBT
    assert trust("and if", 0.9, True, 550) is Trust.FULL
    assert trust("and stop", 0.9, True, 350) is Trust.FULL


@given(st.lists(st.integers(1, 900), max_size=40), st.integers(0, 2000))
def test_the_pre_roll_is_the_newest_sound_however_it_was_chopped(sizes: list[int], count: int) -> None:
    ring = PreRoll(0.1)
    whole = np.arange(sum(sizes), dtype=np.float32)
    at = 0
    for size in sizes:
        ring.push(whole[at : at + size])
        at += size
    expected = whole[len(whole) - min(count, 1600, len(whole)) :]
    assert np.array_equal(ring.newest(count), expected)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("What time is it?", "question"),
        ("I live in Paris.", "finished"),
        ("“I live in Paris.”", "finished"),
        ("I live in Paris and", "trailing"),
        ("I live in Paris, ", "trailing"),
        ("Well…", "trailing"),
        ("what time does it open", "question without mark"),
        ("i would like to go to the", "leaning"),
        ("my number is five five one", "dictation"),
        ("It is 0 4 2.", "dictation"),
        ("my name is m o r", "dictation"),
        ("The train leaves at six.", "finished"),
        ("Are you twenty one?", "question"),
        ("the train leaves at six", "unsure"),
        ("tell me more", "closing word"),
        ("it is spelled m it", "dictation"),
        ("my brother is coming to see us on friday", "closing word"),
        ("yes", "whole"),
        ("no thanks", "whole"),
        ("i went there yesterday", "closing word"),
        ("and how long does the second one take", "question without mark"),
        ("and when the bakery", "question without mark"),
        ("where do you come from", "question without mark"),
        ("i come from", "leaning"),
        ("and what is it like", "question without mark"),
        ("i would like to know how old you are", "unsure"),
        ("the two of us are", "leaning"),
        ("i asked about the page after that", "closing word"),
        ("i told him that", "trailing"),
        ("i have seen the museum", "unsure"),
        ("what time", "few words"),
        ("Could you tell me what time.", "unsure"),
        ("I would like to go to the.", "leaning"),
        ("That is what I was looking for.", "unsure"),
        ("Because it rained and.", "trailing"),
        ("Is it big or?", "trailing"),
        ("Is that what it is for?", "question"),
        ("My number is 4155550123.", "dictation"),
        ("415.", "dictation"),
        ("It is 415-555-01.", "dictation"),
        ("My number is 415.", "dictation"),
        ("It costs 415.", "unsure"),
        ("My postcode is SW1.", "dictation"),
        ("And the code is five fives.", "dictation"),
        ("My birthday is the fourth of the seventh.", "dictation"),
        ("It is my birthday on Friday.", "finished"),
        ("Is your number 7?", "question"),
        ("It costs 20.", "finished"),
        ("", "no words yet"),
        ("…", "no words yet"),
        ("Why did you say that?", "question"),
    ],
)
def test_words_say_whether_more_will_come(text: str, why: str) -> None:
    assert judge(text) == why


def test_a_finished_sentence_waits_shorter_than_an_open_one() -> None:
    patience = AdaptivePatience()
    texts = ("What time is it?", "i have seen the museum", "i went there and")
    assert [patience.wait(text).ms for text in texts] == [300, 750, 1200]


def test_a_speaker_who_pauses_long_is_waited_for() -> None:
    patience = AdaptivePatience()
    for pause in (800.0, 850.0, 900.0):
        patience.resumed(pause)
    assert patience.wait("i have seen the museum").ms == 970
    assert 300 < patience.wait("What time is it?").ms < 970
    assert "usual pause 850" in patience.wait("i have seen the museum").why


def test_old_habits_and_outliers_are_forgotten() -> None:
    patience = AdaptivePatience()
    for pause in (5000.0, 20.0, 50_000.0):
        patience.resumed(pause)
    assert patience.wait("i have seen the museum").ms == 750
    for pause in [900.0] * 12 + [200.0] * 12:
        patience.resumed(pause)
    assert patience.wait("i have seen the museum").ms == 750


@given(st.text(max_size=80), st.lists(st.floats(0, 1e6), max_size=30))
def test_the_wait_is_bounded_whatever_is_said(text: str, pauses: list[float]) -> None:
    patience = AdaptivePatience()
    for pause in pauses:
        patience.resumed(pause)
    assert 250 <= patience.wait(text).ms <= 1200
    assert patience.wait(text) == patience.wait(text)


def test_the_bounds_of_the_user_hold_whatever_was_learnt():
    free = AdaptivePatience()
    patience = BoundedPatience(AdaptivePatience(), 500, 900)
    for each in (free, patience):
        for _ in range(3):
            each.resumed(700)
    assert patience.wait("Is it open?").ms == max(500, free.wait("Is it open?").ms)
    assert (patience.wait("I went to the").ms, free.wait("I went to the").ms) == (900, 1100)
    assert patience.wait("I went to the").why.endswith("bound 900 ms")
    assert BoundedPatience(free, 250, 1200).wait("I went to the") == free.wait("I went to the")


@pytest.mark.parametrize(
    ("text", "level", "why"),
    [
        ("I tried to call you this morning.", 4.0, "finished"),
        ("I tried to call you this morning.", -1.5, "finished"),
        ("I tried to call you this morning.", -2.0, "fallen"),
        ("I tried to call you this morning.", None, "closing word"),
        ("I bought a new coat.", None, "finished"),
        ("When I was a child.", -2.0, "leading up"),
        ("If it rains tomorrow?", None, "leading up"),
        ("But before we begin.", None, "leading up"),
        ("By the way.", -2.0, "leading up"),
        ("And, to be honest.", None, "leading up"),
        ("When is my appointment?", None, "question"),
        ("When did it stop working.", None, "unsure"),
        ("When I was a child we used to swim in that lake.", 0.0, "unsure"),
        ("Could I have a?", -2.0, "leaning"),
        ("Is that what it is for?", None, "question"),
        ("What is it about?", None, "question"),
        ("What can I do?", None, "question"),
        ("Where is he?", None, "question"),
        ("Do you know where they are?", None, "question"),
        ("What will we do then?", None, "question"),
        ("What is it made of?", None, "question"),
        ("What is the name of?", None, "leaning"),
        ("I think it was in 1984.", None, "finished"),
        ("My number is 1984.", None, "dictation"),
        ("I called the office end.", -2.0, "trailing"),
        ("We watched it to the end.", -2.0, "fallen"),
        ("When did the war end?", None, "question"),
        ("Can I go to?", -2.0, "leaning"),
        ("Do you know where the?", -2.0, "leaning"),
        ("Is there a good?", -2.0, "leaning"),
        ("He is a very.", -2.0, "leaning"),
        ("The code is 7.", -2.0, "dictation"),
        ("My number is 041.", -2.0, "dictation"),
        ("It is 163. 555 5 fives", None, "dictation"),
        ("It is spelled M. A. Why?", None, "dictation"),
        ("It is spelled why?", -2.0, "dictation"),
        ("C. U.", None, "dictation"),
        ("It is spelled Mayer.", -2.0, "fallen"),
        ("I would like to book a table.", 2.0, "asks for something"),
        ("I need a taxi tomorrow.", None, "asks for something"),
        ("And please bring me a spoon.", 2.0, "finished"),
        ("Please bring me a spoon.", 2.0, "asks for something"),
        ("You are absolutely right.", 2.0, "asks for something"),
        ("You are.", 2.0, "leaning"),
        ("I want.", 2.0, "finished"),
        ("I need the.", 2.0, "leaning"),
        ("I would like a coffee and.", 2.0, "trailing"),
        ("I am looking for.", 2.0, "unsure"),
        ("I would like a coffee.", -2.0, "fallen"),
        ("I tried to call you, but nobody picked up.", 2.0, "two clauses"),
        ("I went home because I was tired.", 2.0, "two clauses"),
        ("But nobody picked up.", 2.0, "finished"),
        ("I came home and slept.", 2.0, "finished"),
        ("I went to bed and.", 2.0, "trailing"),
        ("Tell me why?", None, "question"),
        ("How are you?", None, "question"),
        ("It is on the.", -2.0, "leaning"),
        ("Next Wednesday.", -2.0, "leading up"),
        ("I would like to go to there.", -2.0, "trailing"),
        ("I have just come from there.", 2.0, "finished"),
        ("No thanks.", None, "closing word"),
        ("…", None, "no words yet"),
    ],
)
def test_a_guessed_full_stop_counts_with_what_else_speaks_for_an_end(text: str, level: float | None, why: str) -> None:
    assert judge_guessed(text, contour=None if level is None else Contour(level)) == why


def test_what_asks_for_something_and_what_has_two_clauses_waits_less_than_a_clause_that_may_go_on() -> None:
    patience = AdaptivePatience(guessed=True)
    patience.sounded(Contour(2.0))
    texts = ("I would like the blue one.", "I called you, but nobody came.", "I called you this morning.")
    assert [patience.wait(text).ms for text in texts] == [600, 800, 1300]
    for _ in range(4):
        patience.wait("I called you this morning.")
        patience.resumed(1100.0)
    assert [patience.wait(text).ms for text in texts] == [600, 800, 1300]
    sure = AdaptivePatience()
    assert {sure.wait(text).ms for text in texts} == {350}


def test_what_may_have_been_the_beginning_of_more_is_waited_for_as_that() -> None:
    """tiny.en heard "Could I have egg?", and half as likely "Could I have a..."; what a caller wants is a glass."""
    patience = AdaptivePatience(guessed=True)
    assert patience.wait("Could I have egg?").ms == 500
    assert patience.wait("Could I have egg?", ("Could I have eggs?",)).ms == 500
    assert patience.wait("Could I have egg?", ("Could I have eggs?", "Could I have a")).ms == 1400
    assert patience.wait("My number is 415.", ("My number is",)).why == "dictation", "which waits for more anyway"
    assert AdaptivePatience().wait("I see.", ("I see the",)).why == "finished", "ears that know their full stops"
    assert BoundedPatience(patience, 300, 900).wait("We should ask you.", ("We should ask your...",)).ms == 900


def test_who_never_goes_on_behind_a_whole_sentence_is_not_waited_for_as_long_as_who_does() -> None:
    quick, slow = AdaptivePatience(guessed=True), AdaptivePatience(guessed=True)
    text = "I bought a new coat."
    waits: list[list[int]] = [[], []]
    for _ in range(13):
        for patience, each in zip((quick, slow), waits, strict=True):
            each.append(patience.wait(text).ms)
            if patience is slow and len(each) % 2:
                patience.resumed(400.0)
            else:
                patience.ended()
    assert waits[0][::4] == [1300, 1121, 1003, 915]
    assert set(waits[1][1:]) == {1300}
    assert quick.wait(text).why == "finished, went on behind 0 of 13"
    assert (quick.wait("I called you and").ms, quick.wait("Did I call you?").ms) == (1400, 500)


def test_who_goes_on_after_a_decision_had_not_ended_there() -> None:
    taken_back, never_ended = AdaptivePatience(guessed=True), AdaptivePatience(guessed=True)
    for patience in (taken_back, never_ended):
        for _ in range(9):
            patience.wait("I bought a new coat.")
            patience.ended()
        patience.wait("I bought a new coat.")
    taken_back.ended()
    taken_back.resumed(900.0, ended=True)
    never_ended.resumed(900.0)
    assert taken_back.wait("I left.") == never_ended.wait("I left.")
    assert taken_back.wait("I left.").why == "finished, went on behind 1 of 10"


def test_a_gap_between_words_and_a_pause_elsewhere_say_nothing_of_who_goes_on() -> None:
    patience = AdaptivePatience(guessed=True)
    for text, pause in (("I bought a new coat.", 240.0), ("I called you and", 900.0), ("Did I?", 900.0)):
        patience.wait(text)
        patience.resumed(pause)
    for text in ("I called you and", "Did I?"):
        patience.wait(text)
        patience.ended()
    patience.wait("I bought a new coat.")
    patience.ended()
    assert patience.wait("I bought a new coat.").why == "finished, went on behind 0 of 1"


def test_ears_that_guess_are_believed_less_than_others_and_the_melody_is_asked() -> None:
    sure, guessed = AdaptivePatience(), AdaptivePatience(guessed=True)
    text = "I bought a new coat."
    assert (sure.wait(text).ms, guessed.wait(text).ms) == (350, 1300)
    waits: list[int] = []
    for level in (-2.0, 0.0, 5.0):
        for patience in (sure, guessed):
            patience.sounded(Contour(level))
        assert sure.wait(text).ms == 350
        waits.append(guessed.wait(text).ms)
    assert waits == [560, 1300, 1300]
    assert guessed.wait("I called the office and").ms == 1400


def test_a_pause_in_search_of_a_word_says_nothing_of_those_between_sentences() -> None:
    patience = AdaptivePatience()
    for _ in range(3):
        patience.wait("i would like to go to the")
        patience.resumed(1000.0)
    assert patience.wait("What time is it?").ms == 300
    assert patience.wait("i have seen the museum").ms == 1120
    for _ in range(3):
        patience.wait("I have seen the museum.")
        patience.resumed(800.0)
    assert patience.wait("What time is it?").ms == 610


def test_where_ears_guess_a_pause_in_a_sentence_says_nothing_of_questions_and_fallen_voices() -> None:
    patience = AdaptivePatience(guessed=True)
    patience.sounded(Contour(0.0))
    for _ in range(4):
        patience.wait("I paid for two tickets.")
        patience.resumed(1100.0)
    assert patience.wait("I paid for two tickets.").ms == 1300
    assert patience.wait("What time is it?").ms == 500
    patience.sounded(Contour(-3.0))
    assert patience.wait("I paid for two tickets.").ms == 560
    for _ in range(3):
        patience.wait("I paid for two tickets.")
        patience.resumed(700.0)
    assert patience.wait("I paid for two tickets.").ms == 690
    assert patience.wait("I would like the blue one.").ms == 690
