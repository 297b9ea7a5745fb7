"""How the benchmark of the Talk page judges what it captured: by sounds and frames whose verdict is known."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from benchmarks.page.browser import AudioClock, Captured, Track
from benchmarks.page.house import lag_ms
from benchmarks.page.servers import CHUNKS, REPLY, floor, story, written_at
from benchmarks.page.silence import silent_after
from benchmarks.page.sound import (
    begun,
    first_audible,
    gaps,
    last_audible,
    onsets,
    place,
    shift,
    sounds,
)
from benchmarks.page.spoken import scripted
from benchmarks.page.talkers import most_at_once, stalls

from duologue.app.talk.messages import PlayedSound
from duologue.audio.pcm import RATE, Samples, silence
from duologue.clock import MILLISECOND
from duologue.speech.hearing import EAR_RATE

EXACT = AudioClock(np.array([[0.0, 500.0], [1e6, 500.0]]), RATE)
"""A context that began when the page's clock stood at half a second."""


def noise(seconds: float, seed: int = 1, rate: int = RATE) -> Samples:
    return (0.2 * np.random.default_rng(seed).standard_normal(round(seconds * rate))).astype(np.float32)


def frame(name: str, samples: Samples, start: int = 0, *, first: bool = True, more: bool = False, gap: int = 0):
    return PlayedSound(name, start, samples, first, more, gap)


def visit(
    track: Track, frames: list[tuple[float, PlayedSound]], told: list[tuple[float, dict[str, object]]]
) -> Captured:
    return Captured(0.0, [], told, frames, [], [], track, 0.0)


def played(name: str, begin: int, samples: int = RATE // 10) -> tuple[float, dict[str, object]]:
    """What the page says when so much was heard of a sound that began at a frame of its context."""
    return 0.0, {"type": "played", "id": name, "samples": samples, "at": round((begin + samples) * 1e6 / RATE)}


def test_a_frame_passes_when_the_clock_about_it_says_so() -> None:
    assert EXACT.at(RATE) == 1500
    assert EXACT.frame(1500) == RATE
    drifting = AudioClock(np.array([[at, at / 1000] for at in range(0, 100_000, 20)], float), RATE)
    assert drifting.at(50 * RATE) == pytest.approx(50_050, abs=0.1)
    assert drifting.frame(drifting.at(70 * RATE)) == pytest.approx(70 * RATE, abs=5)
    readings = np.array([[at, 10 + at % 7] for at in range(0, 2_000, 20)], float)
    assert AudioClock(readings, RATE, late=True).at(RATE) == pytest.approx(1010)


def test_what_is_audible_begins_and_ends_where_it_does() -> None:
    track = Track(np.concatenate([silence(RATE), noise(0.5), silence(RATE)]), 4800, EXACT)
    assert first_audible(track, 0) == pytest.approx(500 + 100 + 1000, abs=1)
    assert last_audible(track, 0, 10_000) == pytest.approx(500 + 100 + 1500, abs=1)
    assert first_audible(track, 2_200) is None


def test_silence_is_counted_from_the_key() -> None:
    track = Track(np.concatenate([noise(1.0), silence(RATE)]), 0, EXACT)
    assert silent_after(track, 1460) == pytest.approx(40, abs=1)
    assert silent_after(track, 1501) == 0
    assert silent_after(track, 2400) is None


def test_a_sound_is_what_its_frames_make_up() -> None:
    whole = noise(1.0)
    found = sounds(
        [
            (10, frame("a/0", whole[:2000], more=True, gap=96)),
            (20, frame("a/0", whole[2000:], 2000, first=False)),
            (30, frame("hm", whole[:100])),
        ]
    )
    assert [(each.id, each.reply, each.index, each.gap, each.came, each.whole) for each in found] == [
        ("a/0", "a", 0, 96, 10, 20), ("hm", "", -1, 0, 30, 30),
    ]  # fmt: skip
    assert np.array_equal(found[0].samples, whole)


def test_the_gap_between_sentences_is_found_to_the_sample_and_so_is_a_hole_in_one() -> None:
    one, other = noise(1.3, 2), noise(1.1, 3)
    written, beyond, hole = RATE * 120 // 1000, 480, 960
    heard = np.concatenate(
        [silence(3_000), one, silence(written + beyond), other[: RATE // 2], silence(hole), other[RATE // 2 :]]
    )
    track = Track(heard, 1_000, EXACT)
    second = 4_000 + len(one) + written + beyond
    told = [played("a/0", 4_000), played("a/1", second + 300)]  # a place of its own may be a little wrong
    captured = visit(track, [(0, frame("a/0", one)), (1, frame("a/1", other, gap=written))], told)
    between, holes = gaps(track, captured)
    assert [(each.written, each.beyond) for each in between] == [(120.0, 10.0)]
    assert holes == [0.0, 20.0]
    assert begun(told)["a/0"] == pytest.approx(4_000, abs=1)


def test_sentences_of_two_replies_have_no_gap_between_them() -> None:
    one, other = noise(1.0, 2), noise(1.0, 3)
    track = Track(np.concatenate([one, silence(RATE), other]), 0, EXACT)
    told = [played("a/0", 0), played("b/0", len(one) + RATE)]
    captured = visit(track, [(0, frame("a/0", one)), (1, frame("b/0", other))], told)
    assert gaps(track, captured)[0] == []


def test_a_sound_that_was_not_heard_has_no_place() -> None:
    track = Track(noise(3.0, 5), 0, EXACT)
    sent = sounds([(0, frame("a/0", noise(1.0, 6)))])[0]
    assert place(track, sent, RATE) is None
    assert place(track, replace(sent, samples=track.samples[RATE : 2 * RATE]), RATE + 500) is not None


def test_what_the_microphone_heard_is_found_although_its_beginning_was_missed() -> None:
    waves = [noise(1.0 + n / 10, n, EAR_RATE) for n in range(3)]
    script = scripted(waves, 2.0, 1.5)
    missed, late = round(0.7 * EAR_RATE), noise(0.9, 9, EAR_RATE) * np.float32(0.01)
    faint = noise(script.seconds, 8, EAR_RATE)[missed:] * np.float32(0.001)
    heard = (script.sound[missed:] * 0.4 + faint).astype(np.float32)
    expected = [begin - missed for begin, _ in script.stretches]
    assert list(onsets(heard, script.sound, script.stretches, 1600)) == expected
    after = np.concatenate([late, heard])
    assert list(onsets(after, script.sound, script.stretches, 1600)) == [each + len(late) for each in expected]
    assert shift(after, script.sound) == len(late) - missed
    cut = heard[: expected[2] - 800]
    assert list(onsets(cut, script.sound, script.stretches, 1600))[2] is None


def test_a_listener_waits_for_what_comes_late_and_not_for_what_is_written() -> None:
    piece = noise(0.2)
    length = 200 * MILLISECOND

    def at(ms: float) -> int:
        return round(ms * MILLISECOND)

    on_time = [(at(0), frame("a/0", piece, more=True)), (at(150), frame("a/0", piece, len(piece), first=False))]
    next_one = (at(300), frame("a/1", piece, gap=RATE * 120 // 1000))
    late, spoke = stalls([*on_time, next_one])
    assert late == [0, 0]
    assert spoke == [(0, length), (length, 2 * length), (at(520), at(520) + length)]
    dry = [on_time[0], (at(230), on_time[1][1]), (at(600), next_one[1])]
    assert stalls(dry)[0] == pytest.approx([30, 50])
    other_reply = (at(5_000), frame("b/0", piece))
    assert stalls([*on_time, other_reply])[0] == [0]


def test_how_many_speak_at_once() -> None:
    assert most_at_once([]) == 0
    assert most_at_once([(0, 10), (10, 20), (15, 30), (16, 18)]) == 3


def test_the_loop_s_lateness_is_of_the_wakes_in_between() -> None:
    before = {0.001: 100.0, 0.005: 100.0, float("inf"): 100.0}
    after = {0.001: 190.0, 0.005: 200.0, float("inf"): 200.0}
    assert lag_ms(before, after, 0.5) == pytest.approx(0.5 * 50 / 45)
    assert lag_ms(before, after, 0.95) == pytest.approx(3.0)
    assert lag_ms({}, {0.001: 1.0, float("inf"): 4.0}, 0.99) == float("inf")
    assert np.isnan(lag_ms(after, after, 0.99))


def test_the_old_tutor_s_case_is_as_long_as_its_own() -> None:
    assert json.loads(REPLY)["chunks"][2]["text"] == CHUNKS[2]
    assert (sum(map(len, CHUNKS)), len(REPLY)) == (160, 490)
    assert written_at(0) == pytest.approx(4 / 99)
    assert written_at(len(REPLY) - 1) == pytest.approx(490 / 99)


def test_nobody_is_quicker_than_the_floor() -> None:
    whole, streams = floor(streams=False), floor(streams=True)
    assert whole.written == streams.written
    assert all(one < other for one, other in zip(whole.written, whole.voiced, strict=True))
    assert whole.first == whole.voiced
    assert streams.first[0] == pytest.approx(whole.written[0] + 0.1 * 14 / 15)
    assert whole.done == pytest.approx(whole.written[0] + 160 / 15)
    assert streams.heard < whole.heard
    assert len({story(number) for number in range(30)}) == 30
