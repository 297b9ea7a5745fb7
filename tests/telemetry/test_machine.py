from __future__ import annotations

import os
import subprocess
import sys

import pytest

from duologue.clock import SECOND, VirtualClock
from duologue.telemetry.machine import CpuTimes, MachineSampler, ProcessTimes, busy_and_steal, process_sample

BURN = "import time; t = time.process_time()\nwhile time.process_time() - t < 0.3: pass"


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


def test_a_reused_id_and_a_clock_that_stands_give_nothing() -> None:
    assert process_sample(ProcessTimes(20.0, 0), ProcessTimes(10.0, 0), SECOND).cpu_percent == 0.0
    assert process_sample(ProcessTimes(1.0, 0), ProcessTimes(2.0, 0), 0).cpu_percent == 0.0


def test_a_process_that_nobody_looked_at_before_is_not_told_as_idle() -> None:
    """What it did in that second is not known: 0 would be a claim, and make others of what it used."""
    clock = VirtualClock()
    sampler = MachineSampler(clock)
    clock.advance(SECOND // 100)  # this process is older than that
    assert sampler.sample({"me": os.getpid()}).processes == {}
    clock.advance(SECOND)
    assert set(sampler.sample({"me": os.getpid()}).processes) == {"me"}


def test_of_one_that_began_since_the_last_look_all_is_known() -> None:
    clock = VirtualClock()
    sampler = MachineSampler(clock)
    script = BURN + "\nprint('done', flush=True); import sys; sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None and child.stdout.readline().strip() == b"done"
        clock.advance(60 * SECOND)  # however slow the machine is: it is younger
        sample = sampler.sample({"new": child.pid}).processes["new"]
        child.kill()
    assert sample.cpu_percent >= 100 * 0.25 / 60, "0.3 s of it in a minute"


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


def test_how_long_threads_waited_for_a_core_is_counted_for_those_asked_for() -> None:
    before, after = ProcessTimes(1.0, 0, 5_000_000), ProcessTimes(1.5, 0, 12_000_000)
    assert process_sample(before, after, SECOND).wait_ms == pytest.approx(7.0)
    assert process_sample(after, before, SECOND).wait_ms == 0.0
    clock = VirtualClock()
    sampler = MachineSampler(clock)
    sampler.sample({"me": os.getpid(), "other": os.getppid()}, ["me"])
    clock.advance(SECOND)
    sample = sampler.sample({"me": os.getpid(), "other": os.getppid()}, ["me", "nobody"])
    assert sample.processes["me"].wait_ms >= 0 and sample.processes["other"].wait_ms == 0
    assert sample.disk_wait_ms >= 0


def test_what_a_worker_has_its_children_do_is_its_own() -> None:
    """Of a child that lives, and of one that is over: a voice forks one for each line. Of others' it is not counted."""
    living = "import sys; print('done', flush=True); sys.stdin.read()"
    script = f"""
import subprocess, sys
sys.stdin.readline()
subprocess.run([sys.executable, "-c", {BURN!r}], check=True)
print("over", flush=True); sys.stdin.readline()
child = subprocess.Popen([sys.executable, "-c", {BURN + chr(10) + living!r}], stdin=subprocess.PIPE)
sys.stdin.readline(); child.kill(); child.wait()
"""
    clock = VirtualClock()
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdin is not None and parent.stdout is not None
        with_them, without = MachineSampler(clock), MachineSampler(clock)
        with_them.sample({"voice": parent.pid}, parents=["voice"])
        without.sample({"voice": parent.pid})
        used: list[float] = []
        for word in ("over", "done"):
            parent.stdin.write("on\n")
            parent.stdin.flush()
            assert parent.stdout.readline().strip() == word
            clock.advance(SECOND)
            sample = with_them.sample({"voice": parent.pid}, parents=["voice", "nobody"])
            used.append(sample.processes["voice"].cpu_percent)
            assert without.sample({"voice": parent.pid}).processes["voice"].cpu_percent < used[-1]
        parent.stdin.close()
        parent.wait()
    assert used[0] >= 25 and used[1] >= 25, "0.3 s of each child in a second"
