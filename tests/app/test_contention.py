"""A show beside busy programs of other login sessions: plainer perhaps, never broken."""

from __future__ import annotations

import pytest
from benchmarks.live import live, proven
from benchmarks.machine import busy

pytestmark = [pytest.mark.realtime, pytest.mark.slow, pytest.mark.timeout(240)]

SHOW = ("is a tomato a fruit", "--turns", "100", "--seed", "7", "--size", "640x360", "--test-card", "--headless")


def test_beside_three_busy_programs_the_stream_has_its_pictures_evenly_and_all_of_its_sound() -> None:
    """What is counted is in the delivered stream, whatever time it took to play it."""
    with live(*SHOW, humble=True) as on_air, busy(3, at_most=200):
        proven(on_air.stream, 6)  # the first seconds, in which the show may look for what it can do without
        report = proven(on_air.stream, 20)
    picture, sound = report["picture"], report["sound"]
    assert report["seconds"] >= 19, report["wrong"]
    assert picture["rate"]["least"] >= 10, report
    assert (picture["missing"], picture["repeated"], picture["out_of_order"], picture["unreadable"]) == (0, 0, 0, 0)
    assert picture["rate"]["largest_step_ms"] <= 67  # every picture, or exactly every second one
    assert picture["skips"] <= 3
    assert not [*sound["gaps"], *sound["holes"], *sound["slips"], *sound["seams"]]
    assert report["live"]["viewer_most"] <= 10
