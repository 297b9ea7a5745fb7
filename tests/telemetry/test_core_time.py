"""What a thread had of the cores, by the kernel's own count."""

from __future__ import annotations

import os
import threading

import pytest

from duologue.clock import MILLISECOND, SYSTEM_CLOCK
from duologue.telemetry.core_time import CoreTime, core_time


def burn(milliseconds: int) -> None:
    until = SYSTEM_CLOCK.cpu() + milliseconds * MILLISECOND
    while SYSTEM_CLOCK.cpu() < until:
        sum(range(1000))


def test_a_thread_that_computes_ran_and_one_that_sleeps_did_not() -> None:
    before = core_time()
    burn(30)
    after = core_time()
    assert after.ran - before.ran >= 10 * MILLISECOND and after.waited >= before.waited
    found: list[CoreTime] = []

    def sleeper() -> None:
        first = core_time()
        SYSTEM_CLOCK.sleep_until(SYSTEM_CLOCK.now() + 50 * MILLISECOND)
        found.append(CoreTime(core_time().ran - first.ran, 0))

    thread = threading.Thread(target=sleeper)
    thread.start()
    thread.join()
    assert found[0].ran < 20 * MILLISECOND, "its own figures, not those of the process"


def test_a_thread_that_ends_leaves_no_file_open() -> None:
    core_time()

    def once() -> None:
        core_time()

    def count() -> int:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 (a folder of links, of which one is this very listing)

    before = count()
    for _ in range(20):
        thread = threading.Thread(target=once)
        thread.start()
        thread.join()
    assert count() <= before


def test_a_system_that_does_not_say(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[CoreTime] = []

    def refused(*arguments: object) -> int:
        raise FileNotFoundError

    monkeypatch.setattr(os, "open", refused)
    thread = threading.Thread(target=lambda: found.append(core_time()))
    thread.start()
    thread.join()
    assert found == [CoreTime()]


def test_what_is_neither_run_nor_wanted_is_idle() -> None:
    """So a round of writing that computed, or that no core was free for, is no disk's doing."""
    before = CoreTime(1_000, 500)
    assert CoreTime(1_000, 500).idle(before, 300) == 300
    assert CoreTime(1_250, 540).idle(before, 300) == 10
