"""The parts of Whisper's engine that need no model: features, words, when a pass is due, and turns."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from importlib import import_module
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from spoken_phrases import KITCHEN, flite, noise, telephone

from duologue.audio.pcm import Samples
from duologue.precedence import WorkGate
from duologue.speech.hearing import EAR_RATE
from duologue.speech.whisper.engine import URGENCY
from duologue.speech.whisper.features import HOP, LogMel
from duologue.speech.whisper.messages import Found
from duologue.speech.whisper.stretch import BREAK, ENOUGH, LONGEST, PAUSE, WINDOW, Due, Reason, WhisperStretch
from duologue.speech.whisper.words import (
    Heard,
    Said,
    as_they_sound,
    copied_from,
    crowded_out,
    evened,
    joined,
    sounds_spoken,
    that_sound,
    unsaid_from,
    with_marks,
)

SECOND = EAR_RATE


@given(st.lists(st.integers(1, 5_000), min_size=1, max_size=20))
def test_features_made_as_sound_comes_are_those_of_the_whole(sizes: list[int]) -> None:
    extract: Any = import_module("faster_whisper.feature_extractor").FeatureExtractor()
    sound = noise(sum(sizes) / EAR_RATE + 0.05, 0.2)
    wanted = extract(sound)[:, : -(-len(sound) // HOP)]
    mel, at = LogMel(), 0
    for size in [*sizes, len(sound)]:
        mel.push(sound[at : at + size])
        at += size
    made = mel.window(0, len(sound), 0)
    assert made.shape == wanted.shape
    assert np.abs(made - wanted).max() < 2e-3


def test_a_window_is_filled_with_silence_and_what_is_forgotten_is_not_asked_for() -> None:
    sound = noise(4.0, 0.2)
    mel = LogMel()
    mel.push(sound)
    whole = mel.window(0, len(sound), 0)
    window = mel.window(2 * SECOND, len(sound), 1_000)
    assert window.shape == (80, 1_000)
    assert np.allclose(window[:, :200], np.maximum(whole[:, 200:], window.min()), atol=1e-5)
    assert np.ptp(window[:, 200:]) == 0.0
    mel.forget(2 * SECOND)
    assert np.array_equal(mel.window(2 * SECOND, len(sound), 1_000), window)


def said(*words: tuple[str, float, float]) -> list[Said]:
    return [Said(f" {text}", start, end) for text, start, end in words]


def test_a_copy_that_alignment_finds_no_time_for_was_not_said() -> None:
    """As tiny.en placed them in recordings of people, with a window that was too short for it."""
    clubs = said(
        ("10", 0, 0.38), ("of", 0.38, 0.6), ("clubs", 0.6, 0.64), ("10", 0.64, 0.64), ("of", 0.64, 0.64),
        ("clubs", 0.64, 0.82), ("10", 0.82, 0.82), ("of", 0.82, 0.82), ("clubs", 0.82, 0.88),
    )  # fmt: skip
    assert unsaid_from(clubs) == 3
    fives = said(("5", 0, 0.88), ("5", 0.88, 1.42), *[("5", 1.42 + n / 50, 1.44 + n / 50) for n in range(3)])
    assert unsaid_from(fives) == 2


def test_a_word_of_the_text_that_alignment_left_no_time_is_no_copy_whatever_follows_at_the_end() -> None:
    """As tiny.en placed ten seconds of speech without a pause, and what it wrote then until it was stopped."""
    asked = said(
        ("mean?", 0.6, 0.84), ("Where", 1.04, 1.06), ("can", 1.06, 1.2), ("I", 1.2, 1.36), ("leave", 1.36, 1.5),
        ("my", 1.5, 1.72), ("suitcase?", 1.72, 1.96),
    )  # fmt: skip
    again = said(*[(word, 1.96, 1.96) for word in ("Where", "can", "I", "leave", "my", "suitcase?") * 3])
    assert unsaid_from([*asked, *again]) == len(asked)


def test_a_sure_word_whose_time_alignment_gave_to_the_one_before_was_said() -> None:
    """As tiny.en placed it in a recording of a person: "…or unlock the conference." lost its last word."""
    words = said(("or", 4.26, 4.62), ("unlock", 4.62, 5.02), ("the", 5.02, 5.86), ("conference.", 5.86, 5.86))
    assert unsaid_from(words) == 3
    placed = crowded_out(words, 3)
    assert placed is not None
    assert [word.text for word in placed] == [word.text for word in words]
    assert placed[2].end == placed[3].start == pytest.approx(5.02 + 0.84 * 3 / 13)
    assert placed[3].end == 5.86
    doubted = [*words[:3], replace(words[3], probability=0.5)]
    assert crowded_out(doubted, 3) is None
    hasty = [*words[:2], replace(words[2], end=5.1), replace(words[3], start=5.1, end=5.1)]
    assert crowded_out(hasty, 3) is None  # 13 letters in 80 ms


@pytest.mark.parametrize(
    ("words", "first"),
    [
        (said(("10", 0, 0.4), ("of", 0.4, 0.6), ("clubs", 0.6, 1.6), ("10", 1.6, 1.6)), 3),
        (said(("5", 0, 0.88), ("5", 0.88, 1.42), ("5", 1.42, 1.44)), 2),
        (said(("Yes.", 0, 0.5), ("That", 0.5, 0.8), ("is", 0.8, 2.0), ("that", 2.0, 2.0), ("is", 2.0, 2.0)), 3),
        (said(("well", 0, 0.3), ("no", 0.3, 0.5), ("no", 0.5, 1.5), ("no", 1.5, 1.5), ("no", 1.5, 1.5)), 3),
        (said(("Beep", 0.0, 0.0)), 0),
        (said(("Beep", 0.0, 0.9)), 1),
    ],
    ids=["the text again", "the last word again", "a sentence again", "the last two again", "all", "nothing"],
)
def test_a_copy_without_time_is_not_believed_however_sure(words: list[Said], first: int) -> None:
    assert crowded_out(words, first) is None


@pytest.mark.parametrize(
    "words",
    [
        said(("no", 0.1, 0.3), ("no", 0.3, 0.5), ("no", 0.52, 0.8)),
        said(("five", 0.0, 0.4), ("five", 0.4, 0.9)),
        said(("do", 0.0, 0.2), ("it", 0.2, 0.2), ("so", 0.2, 0.5), ("do", 0.5, 0.7), ("it", 0.7, 0.7), ("so", 0.7, 1)),
        [],
    ],
    ids=["no no no", "five five", "a phrase twice, its short word without time", "nothing"],
)  # fmt: skip
def test_what_was_said_twice_stays(words: list[Said]) -> None:
    assert unsaid_from(words) == len(words)


def test_a_short_copy_behind_the_voice_was_not_said() -> None:
    """As tiny.en placed it in a recording of a person whose voice went at 0.94 s."""
    clubs = said(("10", 0, 0.4), ("of", 0.4, 0.6), ("clubs", 0.6, 0.86), ("10", 0.86, 1.06))
    assert copied_from(clubs, 0.94) == 3
    assert copied_from(clubs, 1.0) == copied_from(clubs, 0.0) == 4  # it is within the voice; that is not known
    whole = said(("Ten", 0, 0.4), ("of", 0.4, 0.86), ("ten", 0.9, 1.0), ("of.", 1.0, 1.2))
    assert copied_from(whole, 0.9) == 2


@pytest.mark.parametrize(
    ("words", "voiced"),
    [
        (said(("no", 0.1, 0.3), ("no", 0.3, 0.5), ("no", 0.52, 0.8)), 0.7),
        (said(("5", 0.0, 0.94), ("5", 0.94, 1.36)), 1.23),
        (said(("ten", 0.0, 0.4), ("of", 0.4, 0.6), ("clubs", 0.9, 1.3)), 0.95),
        ([], 1.0),
    ],
    ids=["no no no", "five five, the last drawn out", "a last word behind the voice that repeats nothing", "nothing"],
)
def test_what_lies_within_the_voice_or_repeats_nothing_stays(words: list[Said], voiced: float) -> None:
    assert copied_from(words, voiced) == len(words)


def features(sound: Samples) -> Samples:
    mel = LogMel()
    mel.push(sound)
    return mel.window(0, len(sound), 1_000)


NOISY = features(noise(9.0, 0.1))


@pytest.mark.parametrize("pitches", [(440,), (350,), (440, 480), (480, 620), (697, 1209), (941, 1477)])
def test_no_word_lies_in_a_tone(pitches: tuple[int, ...]) -> None:
    """A hold tone, and what a telephone signals with."""
    sound = 0.1 * tones(pitches, 2.0)
    assert not sounds_spoken(Said(" Beep", 0.0, 1.9), features(sound))
    assert not sounds_spoken(Said(" Beep", 3.0, 4.0), features(sound))
    assert not sounds_spoken(Said(" Beep", 12.0, 13.0), features(sound))
    quiet = np.concatenate([np.zeros(8_000, np.float32), sound, np.zeros(8_000, np.float32)])
    for start, end in ((0.3, 2.8), (0.4, 0.6), (0.5, 0.5), (2.45, 2.55)):
        assert not sounds_spoken(Said(" Beep", start, end), features(quiet))


def tones(pitches: tuple[int, ...], seconds: float) -> Samples:
    at = np.arange(round(seconds * EAR_RATE)) / EAR_RATE
    return np.sum([np.sin(2 * np.pi * pitch * at) for pitch in pitches], axis=0).astype(np.float32)


@pytest.mark.parametrize("line", ["wide", "telephone"])
@pytest.mark.parametrize("voice", ["slt", "rms"])
def test_words_lie_in_a_voice(voice: str, line: str) -> None:
    sound = flite(KITCHEN, voice)
    seen = features(telephone(sound) if line == "telephone" else sound)
    for word in range(10):
        assert sounds_spoken(Said(" word", 0.2 + word / 5, 0.4 + word / 5), seen)


def test_a_sure_word_without_time_has_the_sound_before_it_and_none_in_quiet() -> None:
    """As alignment placed "Yes, yes": the first ends at its mark, the second lies behind its own sound."""
    voice = flite(KITCHEN, "slt")[: round(0.3 * SECOND)]
    gap, rest = np.zeros(SECOND // 20, np.float32), np.zeros(SECOND, np.float32)
    twice, once = features(np.concatenate([voice, gap, voice, rest])), features(np.concatenate([voice, rest]))
    yes = [Said(" Yes,", 0.0, 0.3, 0.8), Said(" yes,", 0.8, 0.8, 0.96)]
    assert spans(that_sound(yes, twice)) == [(0.0, 0.3), (0.3, 0.8)]
    assert that_sound(yes, once) == yes[:1], "nothing sounds there"
    assert that_sound([yes[0], replace(yes[1], probability=0.5)], twice) == yes[:1], "and it is not sure"


def spans(words: list[Said]) -> list[tuple[float, float]]:
    return [(word.start, word.end) for word in words]


def test_a_word_ends_where_its_sound_does_and_not_where_the_next_begins() -> None:
    """Half a second of sound each, with pauses; alignment gives all of the time away."""
    quiet, loud = np.zeros(SECOND // 2, np.float32), noise(0.5, 0.2)
    seen = features(np.concatenate([quiet, loud, quiet, loud, quiet]))
    words = as_they_sound(said(("one", 0.0, 1.5), ("two", 1.5, 2.2)), seen, 2.5)
    assert np.array(spans(words)) == pytest.approx(np.array([(0.5, 1.0), (1.5, 2.0)]), abs=0.04)
    cut = as_they_sound(said(("one", 0.6, 0.9)), seen, 0.9)  # it was said for longer than alignment has it
    assert np.array(spans(cut)) == pytest.approx(np.array([(0.6, 1.0)]), abs=0.03)


def test_a_last_word_ends_with_its_sound_and_goes_on_for_no_other() -> None:
    loud, closed, quiet = noise(0.5, 0.2), np.zeros(round(0.1 * SECOND), np.float32), np.zeros(SECOND, np.float32)
    seen = features(np.concatenate([loud, closed, loud[: SECOND // 50], quiet, loud]))
    assert as_they_sound(said(("stop", 0.0, 0.5)), seen, 0.62)[0].end == pytest.approx(0.62, abs=0.03)
    assert as_they_sound(said(("stop", 0.0, 1.1)), seen, 1.1)[0].end == pytest.approx(0.62, abs=0.03)


def test_a_word_ends_before_a_pause_though_alignment_sets_the_next_one_late() -> None:
    """As tiny.en placed "on. Please" in a line of Piper's: the first 0.02 s into the second, that 0.12 s after its
    sound began. The closure in "stop" is no pause.
    """
    loud, pause = noise(0.5, 0.2), np.zeros(round(0.14 * SECOND), np.float32)
    seen = features(np.concatenate([loud, pause, loud]))
    for border in ((0.66, 0.82), (0.55, 0.8)):
        words = as_they_sound(said(("on.", 0.1, border[0]), ("Please", border[1], 1.1)), seen, 1.14)
        assert np.array(spans(words)) == pytest.approx(np.array([(0.1, 0.5), (0.62, 1.14)]), abs=0.03)
    closure = features(np.concatenate([loud, pause[: SECOND // 16], loud]))
    words = as_they_sound(said(("stopping", 0.1, 0.7), ("now", 0.9, 1.1)), closure, 1.06)
    assert spans(words)[0] == (0.1, pytest.approx(0.82, abs=0.03))
    later = features(np.concatenate([loud, np.zeros(SECOND // 5, np.float32), loud]))
    early = as_they_sound(said(("on.", 0.1, 0.4), ("it", 0.54, 0.7), ("is", 0.9, 1.2)), later, 1.2)
    assert spans(early)[1] == pytest.approx((0.68, 0.83), abs=0.03), "silence before a word is no pause behind it"


def test_in_noise_words_end_with_their_sound_and_where_it_drowns_them_only_borders_are_mended() -> None:
    there = said(("one", 0.1, 0.8), ("two", 0.8, 1.3))
    heard = features(np.concatenate([noise(0.5, 0.02), noise(0.5, 0.2), noise(0.5, 0.02)]))
    assert np.array(spans(as_they_sound(there, heard, 1.3))) == pytest.approx(
        np.array([(0.48, 0.72), (0.78, 1.0)]), abs=0.03
    )
    drowned = as_they_sound(there, features(noise(1.5, 0.1)), 1.3)
    assert spans(drowned) == [(0.1, pytest.approx(0.73)), (pytest.approx(0.78), 1.3)]


def test_a_border_moves_to_where_the_letters_would_have_it_but_not_at_a_mark_or_beside_digits() -> None:
    """As tiny.en placed them in a line of Piper's: "the" had 0.4 s of which 0.18 were its own, "capital" the rest."""
    assert spans(evened(said(("the", 0.5, 0.9), ("capital", 0.9, 1.2)))) == [
        (0.5, pytest.approx(0.805)), (pytest.approx(0.805), 1.2)
    ]  # fmt: skip
    assert spans(evened(said(("umbrella", 0.5, 0.7), ("with", 0.7, 1.1)))) == [
        (0.5, pytest.approx(0.8)), (pytest.approx(0.8), 1.1)
    ]  # fmt: skip
    for others in (said(("the,", 0.5, 0.9), ("capital", 0.96, 1.2)), said(("the", 0.5, 0.9), ("12.", 0.9, 1.8))):
        assert evened(others) == others
    fitting = said(("go", 0.0, 0.3), ("on", 0.3, 0.6), ("a", 0.6, 0.75), ("very", 0.75, 1.35))
    assert np.array(spans(evened(fitting))) == pytest.approx(np.array(spans(fitting)))
    assert evened([]) == []


@given(st.lists(st.tuples(st.floats(0, 0.5), st.floats(0, 0.5)), max_size=8))
def test_evened_words_stay_in_order_within_their_time(steps: list[tuple[float, float]]) -> None:
    words: list[Said] = []
    at = 0.0
    for number, (gap, length) in enumerate(steps):
        words.append(Said(" " + "word" * (number % 3 + 1), at + gap, at + gap + length))
        at += gap + length
    found = evened(words)
    assert [word.text for word in found] == [word.text for word in words]
    assert all(one.start <= one.end + 1e-9 and one.end <= two.start + 1e-9 for one, two in pairwise(found))
    assert all(words[0].start <= word.start <= word.end + 1e-9 <= at + 2e-9 for word in found)


@given(st.lists(st.tuples(st.floats(0, 0.5), st.floats(0, 0.5)), max_size=8), st.floats(0.0, 6.0))
def test_words_stay_in_order_wherever_alignment_had_them(steps: list[tuple[float, float]], until: float) -> None:
    words: list[Said] = []
    at = 0.0
    for gap, length in steps:
        words.append(Said(" word", at + gap, at + gap + length))
        at += gap + length
    found = as_they_sound(words, NOISY, max(until, at))
    assert [word.text for word in found] == [word.text for word in words]
    assert all(0.0 <= word.start <= word.end <= max(until, at) + 0.4 for word in found)
    assert all(one.end <= two.start + 1e-9 or one.end - two.start <= 0.011 for one, two in pairwise(found))


def test_marks_go_with_their_word_and_not_with_its_time() -> None:
    joined = with_marks([Said(" Yes", 0, 0.4), Said(",", 0.4, 1.2), Said(" no", 1.2, 1.5, tokens=2), Said("!", 1.5, 3)])
    assert [(word.text, word.start, word.end, word.tokens) for word in joined] == [
        (" Yes,", 0, 0.4, 2), (" no!", 1.2, 1.5, 3),
    ]  # fmt: skip


def heard(stretch: WhisperStretch, seconds: float, ended: int | None = None, silent: range = range(0)) -> list[Due]:
    """The passes that come due, each answered by a word for each half second, numbered by its place in the sound."""
    dues: list[Due] = []
    for _ in range(round(seconds * 50)):
        stretch.hear(SECOND // 50, silent=False)
        if due := stretch.due(ended):
            dues.append(due)
            stretch.take(due, found(numbered(due, silent)), ended)
        stretch.settle(ended)
    return dues


def found(words: list[Said], *alternatives: str) -> Found:
    """A pass's answer."""
    return Found(0, tuple(words), "", alternatives)


def numbered(due: Due, silent: range = range(0)) -> list[Said]:
    """One word in the first 0.4 s of each half second, but ``silent`` ones of each dozen, as a model hears them in this
    window: alignment lets the first word begin where the window does, and a word that the window cuts is there too.
    """
    half = SECOND // 2
    places = [n for n in range(max(0, due.begin // half), due.end // half) if n % 12 not in silent]
    places = [n for n in places if n * half + 0.3 * SECOND > due.begin]
    words = [
        Said(f" w{n}", max(0.0, (n * half - due.begin) / SECOND + 0.05), (n * half - due.begin) / SECOND + 0.4)
        for n in places
    ]
    return [replace(word, start=0.0) if number == 0 else word for number, word in enumerate(words)]


def test_the_pass_at_a_pause_is_made_once_and_is_the_final_text() -> None:
    stretch = WhisperStretch(round(0.7 * SECOND))
    partials = heard(stretch, 2.0)
    assert {due.reason for due in partials} == {Reason.PARTIAL}
    assert all(due.window < WINDOW for due in partials)
    assert heard(stretch, 0.1, ended=2 * SECOND) == []
    (pause,) = heard(stretch, 1.0, ended=2 * SECOND)
    assert (pause.reason, pause.end, pause.window) == (Reason.PAUSE, 2 * SECOND + PAUSE, WINDOW)
    assert stretch.last(2 * SECOND) is None
    assert stretch.transcript(final=True).text == "w0 w1 w2 w3"
    heard(stretch, 0.5)  # the voice came back
    last = stretch.last(None)
    assert last is not None
    assert last.end == stretch.heard


def test_what_lies_before_a_long_pause_is_not_passed_over_again() -> None:
    stretch = WhisperStretch(round(0.7 * SECOND))
    heard(stretch, 6.0)
    heard(stretch, 0.6, ended=6 * SECOND)
    assert stretch.transcript().stable == len(stretch.transcript().text) > 0
    assert all(due.begin >= 6 * SECOND - SECOND // 3 for due in heard(stretch, 2.0))
    assert BREAK / SECOND > 0.22
    assert ENOUGH < LONGEST


@pytest.mark.parametrize("pauses", [False, True])
def test_a_monologue_of_three_minutes_loses_nothing_and_says_nothing_twice(pauses: bool) -> None:
    stretch = WhisperStretch(round(0.7 * SECOND))
    dues: list[Due] = []
    silent = range(11, 12) if pauses else range(0)
    if pauses:
        for turn in range(30):
            dues += heard(stretch, 5.5, silent=silent)
            dues += heard(stretch, 0.5, ended=round((6 * turn + 5.5) * SECOND), silent=silent)
    else:
        dues = heard(stretch, 180.0)
    if due := stretch.last(None):
        dues.append(due)
        stretch.take(due, found(numbered(due, silent)), None)
    assert stretch.transcript(final=True).text.split() == [f"w{n}" for n in range(360) if n % 12 not in silent]
    assert max(due.end - due.begin for due in dues) <= LONGEST + SECOND
    assert sum(due.end - due.begin for due in dues) <= 180 * SECOND * 6


def spoken(first: int, last: int) -> list[tuple[str, float, float]]:
    """Words of 0.4 s, one each half second."""
    return [(f"w{n}", n / 2, n / 2 + 0.4) for n in range(first, last)]


@pytest.mark.parametrize(
    "again",
    [
        [("Did", 7.2, 7.4), *spoken(15, 24)],
        [("w17", 7.2, 8.9), *spoken(18, 24)],
        [("four", 7.2, 7.9), ("teen", 7.9, 8.4), *spoken(17, 24)],
        [("w20", 7.2, 10.4), *spoken(21, 24)],
        [*spoken(15, 18), ("w19", 9.0, 9.9), *spoken(20, 24)],
    ],
    ids=[
        "the end of what is settled misheard", "two words left out", "two words misheard",
        "all that the pass before heard left out", "a word left out later, where the later pass is believed",
    ],
)  # fmt: skip
def test_at_a_cut_within_speech_nothing_is_lost_or_said_twice(again: list[tuple[str, float, float]]) -> None:
    """The pass over the first ten seconds is cut behind w14; the next begins 0.3 s before that, amid the sentence."""
    stretch = WhisperStretch(LONGEST)
    stretch.hear(LONGEST, silent=False)
    first = stretch.due(None)
    assert first is not None and first.reason is Reason.LENGTH
    stretch.take(first, found(said(*spoken(0, 15), ("w15", 7.6, 7.9), *spoken(16, 20))), None)
    stretch.hear(2 * SECOND, silent=False)
    last = stretch.last(None)
    assert last is not None and last.begin == round(7.2 * SECOND)
    begin = last.begin / SECOND
    stretch.take(last, found(said(*((text, max(0.0, at - begin), to - begin) for text, at, to in again))), None)
    left_out = {"w18"} if ("w19", 9.0, 9.9) in again else set[str]()
    assert stretch.transcript(final=True).text.split() == [f"w{n}" for n in range(24) if f"w{n}" not in left_out]


def test_words_that_are_said_three_times_at_a_cut_stay_three() -> None:
    def at(*ends: float) -> list[Heard]:
        return [Heard(" no", round((end - 0.2) * SECOND), round(end * SECOND)) for end in ends]

    three = at(8.0, 8.3, 8.6)
    assert joined(three, at(8.31, 8.6)) == [three[0], *at(8.31, 8.6)]
    assert joined(three, at(7.7, 8.02, 8.28, 8.61)) == at(8.02, 8.28, 8.61), "one was settled"
    assert joined(three, []) == three
    assert joined([], three) == three


def test_alternatives_are_of_the_whole_text_and_go_when_more_is_said() -> None:
    stretch = WhisperStretch(LONGEST)
    stretch.hear(6 * SECOND, silent=False)
    assert stretch.due(6 * SECOND) is None
    stretch.hear(PAUSE, silent=False)
    pause = stretch.due(6 * SECOND)
    assert pause is not None and pause.reason is Reason.PAUSE
    stretch.take(pause, found(said(*spoken(0, 12)), "w0 to the"), 6 * SECOND)
    assert stretch.transcript().alternatives == ("w0 to the",)
    stretch.hear(BREAK, silent=False)
    assert stretch.settle(6 * SECOND), "what is settled may still have been something else, while nothing follows"
    assert stretch.transcript(final=True).alternatives == ("w0 to the",)
    stretch.hear(2 * SECOND, silent=False)
    last = stretch.last(None)
    assert last is not None
    stretch.take(last, found(said(("more", 1.0, 1.4)), "moor"), None)
    told = stretch.transcript(final=True)
    assert (told.text.split()[-2:], told.alternatives[0].split()[-2:]) == (["w11", "more"], ["w11", "moor"])


def test_noise_without_a_word_is_let_go() -> None:
    stretch = WhisperStretch(SECOND)
    for _ in range(60 * 50):
        stretch.hear(SECOND // 50, silent=False)
        if due := stretch.due(None):
            assert due.end - due.begin <= LONGEST + SECOND
            stretch.take(due, found([]), None)
    assert stretch.transcript(final=True).text == ""


def test_silence_alone_is_never_passed_over() -> None:
    stretch = WhisperStretch(SECOND)
    for _ in range(60 * 50):
        stretch.hear(SECOND // 50, silent=True)
        assert stretch.due(None) is None
    assert stretch.last(None) is None


@pytest.mark.parametrize(("silent", "begin"), [(0.5, 0.4), (0.06, 0.0), (0.0, 0.0)])
def test_the_first_pass_begins_in_the_silence_before_the_voice(silent: float, begin: float) -> None:
    """Where it began with the voice the model misheard first words, and whatever hung on them."""
    stretch = WhisperStretch(SECOND)
    stretch.hear(round(silent * SECOND), silent=True)
    stretch.hear(SECOND // 2, silent=False)
    last = stretch.last(None)
    assert last is not None and last.begin == stretch.needed == round(begin * SECOND)


async def test_the_most_urgent_pass_goes_first_and_who_leaves_is_passed_over() -> None:
    gate, order = WorkGate(1), list[str]()

    async def work(name: str, reason: Reason) -> None:
        turn = gate.ask("whisper", URGENCY[reason])
        try:
            await turn.come.wait()
            order.append(name)
        finally:
            turn.leave()

    first = gate.ask("whisper", URGENCY[Reason.LENGTH])
    assert gate.busy("whisper")
    async with asyncio.TaskGroup() as group:
        group.create_task(work("partial", Reason.PARTIAL))
        group.create_task(work("pause", Reason.PAUSE))
        gone = group.create_task(work("gone", Reason.FINAL))
        group.create_task(work("final", Reason.FINAL))
        group.create_task(work("pause, later", Reason.PAUSE))
        await asyncio.sleep(0)
        assert gate.waiting == 5
        assert not await first.within(0.0) or first.come.is_set()
        gone.cancel()
        await asyncio.sleep(0)
        first.leave()
    assert order == ["final", "pause", "pause, later", "partial"]
    assert not gate.busy("whisper")
