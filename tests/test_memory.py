"""The heap of a long-lived process."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import weakref

import pytest

from duologue.clock import VirtualClock
from duologue.memory import freeze, hold, keep_trimmed

PROBE = """
import sys, psutil, numpy as np
from duologue.memory import settle, trim
if "settle" in sys.argv:
    settle()
kept = []
for size in range(1, 40):  # ever larger arrays come and go, with something small kept between them
    large = np.ones(size * 1_000_000, np.uint8)
    kept.append(bytearray(100_000))
    del large
trim()
print(psutil.Process().memory_info().rss)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator is Linux's")
def test_what_was_freed_is_given_back() -> None:
    rss = int(
        subprocess.run([sys.executable, "-c", PROBE, "settle"], check=True, capture_output=True, text=True).stdout
    )
    assert rss < 90 * 2**20


def test_what_was_loaded_is_not_gone_through_again() -> None:
    before = len(gc.get_objects())
    try:
        freeze()
        assert gc.get_freeze_count() >= before and len(gc.get_objects()) < before
    finally:
        gc.unfreeze()


def test_the_collector_rests_while_things_are_loaded_and_works_afterwards() -> None:
    try:
        hold()
        assert not gc.isenabled()
        freeze()
        assert gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()


async def test_what_is_held_in_a_circle_goes_back_every_minute() -> None:
    class Circle:
        def __init__(self) -> None:
            self.own = self

    gc.disable()
    try:
        circle = weakref.ref(Circle())
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            small = group.create_task(keep_trimmed(VirtualClock()))
            while circle() is not None:  # noqa: ASYNC110 (nobody tells when the collector has run)
                await asyncio.sleep(0.01)
            small.cancel()
    finally:
        gc.enable()
