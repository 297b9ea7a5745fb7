from __future__ import annotations

import os

import pytest

from duologue.clock import SECOND, VirtualClock
from duologue.telemetry.machine import CpuTimes, MachineSampler, ProcessTimes, busy_and_steal, process_sample


def test_steal_is_its_share_of_all_time() -> None:
    busy, steal = busy_and_steal(CpuTimes(1_000, 800, 10), CpuTimes(1_200, 850, 40))
    assert steal == pytest.approx(15.0)
    assert busy == pytest.approx(60.0)


@pytest.mark.parametrize("after", [CpuTimes(1_000, 800, 10), CpuTimes(900, 700, 5)])
def test_a_clock_that_stands_or_goes_back_gives_nothing(after: CpuTimes) -> None:
    assert busy_and_steal(CpuTimes(1_000, 800, 10), after) == (0.0, 0.0)


def test_a_process_is_measured_in_cores() -> None:
    sample = process_sample(ProcessTimes(10.0, 0), ProcessTimes(10.75, 64 * 2**20), SECOND // 2)
    assert sample.cpu_percent == pytest.approx(150.0)
    assert sample.rss_mb == 64.0


def test_a_new_process_and_a_reused_id_have_used_nothing_yet() -> None:
    assert process_sample(None, ProcessTimes(10.0, 0), SECOND).cpu_percent == 0.0
    assert process_sample(ProcessTimes(20.0, 0), ProcessTimes(10.0, 0), SECOND).cpu_percent == 0.0
    assert process_sample(ProcessTimes(1.0, 0), ProcessTimes(2.0, 0), 0).cpu_percent == 0.0


def test_this_machine_and_this_process_are_seen_and_a_dead_one_is_left_out() -> None:
    clock = VirtualClock()
    sampler = MachineSampler(clock)
    sampler.sample({"me": os.getpid()})
    clock.advance(SECOND)
    sum(range(300_000))
    sample = sampler.sample({"me": os.getpid(), "gone": 2**22 + 1})
    assert set(sample.processes) == {"me"}
    assert sample.processes["me"].rss_mb > 5
    assert sample.cores >= 1
    assert 0 < sample.available_mb <= sample.total_mb
    assert 0 <= sample.steal_percent <= 100
