"""What a ledger keeps of a far end's positions: enough to lay each sample where it was heard, and hardly more."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise

import pytest

from duologue.audio.pcm import RATE
from duologue.clock import MILLISECOND, SECOND
from duologue.dialogue.ports import PlayEnded, PlayProgress, PlayStarted
from duologue.dialogue.session.positions import TOLERANCE, PlayReport, PositionSieve

STEP = RATE // 100
BEGAN = 7 * SECOND


def far_end(seconds: float, holds: Sequence[tuple[float, float]], chance: random.Random) -> list[PlayReport]:
    """Reports of one that plays ``seconds``, held at some places for some time, five times a second; some come twice,
    the second time without news, as of one that was asked again.
    """
    reports: list[PlayReport] = [PlayStarted("c/1", BEGAN)]
    at, played, told = BEGAN, 0, BEGAN
    left = list(holds)
    while played < seconds * RATE:
        if left and played >= left[0][0] * RATE:
            at += round(left.pop(0)[1] * SECOND)
        played += STEP
        at += STEP * SECOND // RATE
        if at - told >= 200 * MILLISECOND:
            told = at
            reports.append(PlayProgress("c/1", at + chance.randrange(-8, 8) * MILLISECOND, played))
            if chance.random() < 0.3:
                reports.append(PlayProgress("c/1", at + 150 * MILLISECOND, played))
    return [*reports, PlayEnded("c/1", at, played)]


def kept(reports: Sequence[PlayReport]) -> list[PlayReport]:
    sieve = PositionSieve()
    return [each for report in reports for each in sieve.kept(report)]


def laid(reports: Sequence[PlayReport]) -> dict[int, int]:
    """When each hundredth of a second of it was played (ns), as the reader of a recorded talk reckons it."""
    found: dict[int, int] = {}
    places = [(each.at_ns, getattr(each, "played_samples", 0)) for each in reports]
    for (_, before), (at, played) in pairwise(places):
        for sample in range(-(-before // STEP) * STEP, played, STEP):
            found[sample] = at - (played - sample) * SECOND // RATE
    return found


@pytest.mark.parametrize(
    "holds", [(), ((1.0, 0.4),), ((0.5, 3.0), (2.0, 0.12), (2.9, 20.0)), tuple((n / 4, 0.06) for n in range(1, 40))]
)
def test_a_reader_lays_each_sample_where_all_reports_would_have_laid_it(holds: tuple[tuple[float, float], ...]) -> None:
    for seed in range(20):
        reports = far_end(11.0, holds, random.Random(seed))
        everything, found = laid(reports), laid(kept(reports))
        assert found.keys() == everything.keys()
        beyond = [sample for sample, at in found.items() if abs(at - everything[sample]) > TOLERANCE + 16 * MILLISECOND]
        assert not beyond, "no further than it may be, and what one report said too early or too late"


def test_of_one_that_plays_on_hardly_any_is_kept() -> None:
    reports = far_end(11.0, (), random.Random(1))
    found = kept(reports)
    assert len(reports) > 55 and [type(each).__name__ for each in found] == [
        "PlayStarted", "PlayProgress", "PlayProgress", "PlayEnded",
    ]  # fmt: skip


def test_a_hold_is_kept_from_its_beginning_to_its_end() -> None:
    reports: list[PlayReport] = [PlayStarted("c/1", 0)]
    reports += [PlayProgress("c/1", n * SECOND // 5, n * RATE // 5) for n in range(1, 6)]
    reports += [PlayProgress("c/1", SECOND + n * SECOND // 5, RATE) for n in range(1, 20)]
    reports += [PlayProgress("c/1", 5 * SECOND, RATE * 6 // 5), PlayEnded("c/1", 6 * SECOND, RATE * 11 // 5)]
    found = kept(reports)
    assert found == [reports[0], PlayProgress("c/1", SECOND, RATE), reports[-2], reports[-1]]


def test_one_that_is_cut_while_it_is_held_ended_where_it_was_held() -> None:
    reports: list[PlayReport] = [
        PlayStarted("c/1", 0), PlayProgress("c/1", SECOND // 5, RATE // 5), PlayEnded("c/1", 9 * SECOND, RATE // 5)
    ]  # fmt: skip
    assert kept(reports) == reports


def test_each_utterance_is_reckoned_from_its_own_beginning() -> None:
    first = far_end(2.0, (), random.Random(1))
    second = [
        PlayStarted("c/2", 12 * SECOND),
        PlayProgress("c/2", 13 * SECOND, RATE),
        PlayEnded("c/2", 13 * SECOND, RATE),
    ]
    late = PlayProgress("c/3", 20 * SECOND, RATE)  # of one whose beginning nobody told
    assert kept([*first, *second, late]) == [first[0], first[-1], second[0], second[-1], late]
