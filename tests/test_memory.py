"""The heap of a long-lived process."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import weakref
from collections.abc import Iterator

import pytest

from duologue import memory
from duologue.clock import SECOND, VirtualClock
from duologue.memory import freeze, hold, keep_trimmed

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

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


TABLE = """
import asyncio, ctypes, gc, sys
from duologue.clock import VirtualClock
from duologue.memory import keep_trimmed, settle

class Heap(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena ordblks smblks hblks mapped a b c d e".split()]

mallinfo = ctypes.CDLL(None).mallinfo2
mallinfo.restype = Heap

async def first_minute():
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        small = group.create_task(keep_trimmed(VirtualClock()))
        while not gc.get_freeze_count():
            await asyncio.sleep(0.01)
        small.cancel()

settle()
loaded = [sys.intern(f"loaded {number}") for number in range(25_000)]
if "widen" in sys.argv:
    asyncio.run(first_minute())
before = mallinfo().mapped  # a table of 2 ** 17 places is larger than what is mapped by itself
for batch in range(30):
    names = [sys.intern(f"name {batch} {number}") for number in range(1500)]
print(mallinfo().mapped - before)
"""


ARENAS = """
import ctypes, sys, threading, tempfile
from pathlib import Path
from duologue.memory import settle
settle()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
libc.fopen.restype, libc.malloc_info.argtypes, libc.fclose.argtypes = (
    ctypes.c_void_p, [ctypes.c_int, ctypes.c_void_p], [ctypes.c_void_p])
busy = threading.Barrier(4)

def take():
    held = [libc.malloc(100_000) for _ in range(50)]
    busy.wait()
    for each in held:
        libc.free(each)

threads = [threading.Thread(target=take) for _ in range(4)]
for each in threads:
    each.start()
for each in threads:
    each.join()
with tempfile.NamedTemporaryFile() as file:
    told = libc.fopen(file.name.encode(), b"w")
    libc.malloc_info(0, told)
    libc.fclose(told)
    print(Path(file.name).read_text().count("<heap nr="))
"""


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """All other tests find the collector as the run set it up: at work, and with what was loaded set aside."""
    gc.unfreeze()
    threshold = gc.get_threshold()
    yield
    gc.set_threshold(*threshold)
    gc.enable()
    gc.collect()
    gc.freeze()


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator is Linux's")
def test_what_was_freed_is_given_back() -> None:
    rss = int(
        subprocess.run([sys.executable, "-c", PROBE, "settle"], check=True, capture_output=True, text=True).stdout
    )
    assert rss < 90 * 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator is Linux's")
def test_what_one_thread_frees_is_there_for_all() -> None:
    """With an arena each, every thread keeps room for the most that it ever held."""
    run = subprocess.run([sys.executable, "-c", ARENAS], check=True, capture_output=True, text=True)
    assert int(run.stdout) == 1


@pytest.mark.skipif(
    sys.platform != "linux" or sys.version_info >= (3, 12), reason="glibc is Linux's, and 3.11's table is measured"
)
def test_the_table_of_strings_doubles_in_the_first_minute_and_not_after_hundreds_of_calls() -> None:
    def grown(*how: str) -> int:
        run = subprocess.run([sys.executable, "-c", TABLE, *how], check=True, capture_output=True, text=True)
        return int(run.stdout)

    assert grown() > 2**20
    assert grown("widen") == 0


def test_what_was_loaded_is_not_gone_through_again() -> None:
    before = len(gc.get_objects())
    freeze()
    assert gc.get_freeze_count() >= before and len(gc.get_objects()) < before


def test_nothing_but_the_minute_goes_through_all_that_came_since() -> None:
    freeze()
    before = gc.get_stats()
    kept = [[each] for each in range(gc.get_threshold()[0] * 400)]
    after = gc.get_stats()
    assert after[1]["collections"] > before[1]["collections"] and kept
    assert after[2]["collections"] == before[2]["collections"]


def test_the_collector_rests_while_things_are_loaded_and_works_afterwards() -> None:
    hold()
    assert not gc.isenabled()
    freeze()
    assert gc.isenabled()


class Circle:
    def __init__(self) -> None:
        self.own = self


async def test_what_is_held_in_a_circle_goes_back_every_minute() -> None:
    gc.disable()
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        small = group.create_task(keep_trimmed(VirtualClock()))
        while not gc.get_freeze_count():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        for _ in range(3):
            circle = weakref.ref(Circle())
            while circle() is not None:  # noqa: ASYNC110 (nobody tells when the collector has run)
                await asyncio.sleep(0.01)
        small.cancel()


async def test_what_was_loaded_by_the_first_minute_is_not_gone_through_again() -> None:
    kept = [Circle() for _ in range(1000)]
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        small = group.create_task(keep_trimmed(VirtualClock()))
        while not gc.get_freeze_count():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        small.cancel()
    assert gc.get_freeze_count() >= len(kept)


async def test_a_process_of_one_thread_gives_back_on_its_loop_each_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, given = VirtualClock(), list[int]()
    circle = weakref.ref(Circle())
    gc.disable()
    monkeypatch.setattr(memory, "trim", lambda: given.append(clock.now() // SECOND))
    async with asyncio.TaskGroup() as group:
        trimming = group.create_task(memory.keep_trimmed_here(clock))
        while len(given) < 3:  # noqa: ASYNC110 (its clock goes on by itself)
            await asyncio.sleep(0)
        trimming.cancel()
    assert given[:3] == [60, 120, 180] and circle() is None
