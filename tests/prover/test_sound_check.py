from __future__ import annotations

import numpy as np
import pytest

from duologue.audio.pcm import Samples
from duologue.broadcast.testcard import PILOT_HZ, PILOT_LEVEL, TestCard
from duologue.prover.sound_check import SoundCheck, seams, sync

CARD = TestCard(640, 360, 30)


def heard(sound: Samples, piece: int = 1024, start: int = 0) -> SoundCheck:
    check = SoundCheck(30)
    for at in range(0, len(sound), piece):
        check.add(0, (start + at) / 48_000, 48_000, sound[at : at + piece])
    check.end()
    return check


def without_pilot(sound: Samples, begin: int, count: int) -> Samples:
    at = np.arange(begin, begin + count)
    spoiled = sound.copy()
    spoiled[begin : begin + count] -= (PILOT_LEVEL * np.sin(2 * np.pi * PILOT_HZ * at / 48_000)).astype(np.float32)
    return spoiled


def test_a_loud_moment_that_costs_the_pilot_is_no_hole_and_no_slip() -> None:
    sound = CARD.beep(0, 240_000)
    sound[110_000:112_000] += 0.5 * np.sin(np.arange(2_000) * 0.06).astype(np.float32)
    report = heard(without_pilot(sound, 110_400, 1_200)).report()
    assert report.pilot and not report.holes and not report.slips


def test_the_same_moment_in_silence_is_a_hole() -> None:
    report = heard(without_pilot(CARD.beep(0, 240_000), 110_400, 1_200)).report()
    (found,) = report.holes
    assert found.at == pytest.approx(110_400 / 48_000, abs=0.011)
    assert found.ms == pytest.approx(25, abs=11)


@pytest.mark.parametrize("start", [0, 480, 48_000 * 3600])
@pytest.mark.parametrize("piece", [64, 1024, 5_000])
def test_neither_the_pieces_nor_the_hour_change_what_is_heard(piece: int, start: int) -> None:
    check = heard(CARD.beep(start, 48_000 * 12), piece, start)
    report = check.report()
    assert report.seconds == 12 and not (report.gaps or report.holes or report.slips)
    inside = [at * 48_000 % 48_000 for _, at in check.beeps[start % 48_000 > 0 :]]
    assert len(inside) >= 11
    assert all(min(at, 48_000 - at) < 3 for at in inside)


def test_sound_without_a_pilot_is_not_judged_inside() -> None:
    report = heard(np.zeros(96_000, np.float32)).report()
    assert not report.pilot and not report.holes


def test_a_stretch_too_short_to_judge_is_no_reason_to_fail() -> None:
    assert heard(CARD.beep(0, 300)).report().seconds == pytest.approx(0.006, abs=0.001)
    assert heard(np.zeros(0, np.float32)).report().seconds == 0


def test_a_flash_without_its_beep_is_no_offset() -> None:
    found = sync([(0, 1.0), (0, 2.0), (1, 0.5)], [(0, 1.01), (0, 2.9), (1, 0.45)])
    assert (found.flashes, found.beeps, found.matched) == (3, 3, 2)
    assert (found.least_ms, found.most_ms) == (-50.0, 10.0)
    assert sync([], []).matched == 0


def test_picture_without_sound_where_one_run_follows_another_is_a_seam() -> None:
    pictures = {0: (0.0, 10.0), 1: (12.0, 20.0), 2: (20.0, 30.0)}
    sounds = {0: (0.0, 9.98), 1: (12.0, 19.8), 2: (20.1, 30.0)}
    (found,) = seams(pictures, sounds)
    assert (found.at, found.ms) == (19.8, 300.0)
    assert seams(pictures, {0: (0.0, 9.0)}) == []  # a run that nobody heard is no seam, but silence
