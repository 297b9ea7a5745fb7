"""A show that is short of CPU: plainer, never broken. What is counted is in the delivered stream, whatever time it took
to play it.
"""

from __future__ import annotations

import time
from typing import Any

import pytest
from benchmarks.live import Live, live, proven
from benchmarks.machine import busy, cpu_seconds, throttled

pytestmark = [pytest.mark.alone, pytest.mark.realtime, pytest.mark.slow, pytest.mark.timeout(240)]  # it burns all cores

WATCHED_S = 12
"""Of its stream, when it may have found what it can do without: all other workers wait meanwhile."""
SHOW = ("is a tomato a fruit", "--turns", "100", "--seed", "7", "--size", "640x360", "--test-card", "--headless")


def assert_whole(report: dict[str, Any]) -> None:
    """Ten different pictures in any second, evenly; every sample of sound; near live."""
    picture, sound = report["picture"], report["sound"]
    assert report["seconds"] >= WATCHED_S - 1, report["wrong"]
    assert picture["rate"]["least"] >= 10, report
    assert (picture["missing"], picture["repeated"], picture["out_of_order"], picture["unreadable"]) == (0, 0, 0, 0)
    assert picture["rate"]["largest_step_ms"] <= 67  # every picture, or exactly every second one
    assert picture["skips"] <= 3
    assert not [*sound["gaps"], *sound["holes"], *sound["slips"], *sound["seams"]]
    assert report["live"]["viewer_most"] <= 10


def test_beside_three_busy_programs_the_stream_has_its_pictures_evenly_and_all_of_its_sound() -> None:
    with live(*SHOW, humble=True) as on_air, busy(3, at_most=200):
        proven(on_air.stream, 6)  # the first seconds, in which the show may look for what it can do without
        assert_whole(proven(on_air.stream, WATCHED_S))


def test_with_a_part_of_the_time_that_it_needs_it_gets_plainer_and_is_as_whole() -> None:
    """How fast the machine is does not matter: what the show uses when it is left alone is measured first, and less of
    it is left until it does without something.
    """
    with live(*SHOW, humble=True) as on_air:
        needs = _used(on_air, 6)
        for part in (2, 3, 4):
            with throttled(on_air.every, needs / part):
                proven(on_air.stream, 10)
                if not on_air.stage()["steps"]:
                    continue
                assert_whole(proven(on_air.stream, WATCHED_S))
            break
        steps = on_air.stage()["steps"]
        assert steps and steps[0]["why"]


def _used(on_air: Live, seconds: float) -> float:
    """Cores that the show uses while it is watched."""
    before, began = cpu_seconds(on_air.every()), time.perf_counter()
    proven(on_air.stream, seconds)
    return (cpu_seconds(on_air.every()) - before) / (time.perf_counter() - began)
