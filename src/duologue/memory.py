"""A heap that does not ratchet, and is not gone through while people talk.

Glibc's allocator keeps what was freed, and a process on air for weeks must not grow by it. Python's collector goes
through everything now and then, what was imported included, and nothing else runs meanwhile.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import resource
import sys
import threading
from collections.abc import Callable

from duologue.clock import SECOND, Clock

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
"""Parameters of mallopt(3)."""
LARGE = 1024 * 1024
"""Bytes from which an allocation is mapped by itself, and given back when it is freed: long utterances, bakes,
segments. What is mapped comes back page by page, each a fault: a sentence's arrays, which are smaller and live for a
millisecond, cost more than twice the CPU when they were mapped as well.
"""
SPARE = 8 * LARGE
"""Bytes at the end of the arena that stay ours when they are free, for the next such arrays; :func:`trim` gives them
back.
"""


FILES = 8192
"""Files and sockets of a server: what knocks at the door, and what is at work behind it."""
TRIMMED_EVERY = 60
"""Seconds."""
_NEVER = 1_000_000
"""Of the collector's generations, after so many of the one before."""
_PLACES = 2**16 * 2 // 3
"""That can be used of Python's table of interned strings as a loaded house has it."""


def settle() -> None:
    """Call once, first thing in a long-lived process.

    The threshold for large allocations is fixed, which otherwise grows with the largest that was ever freed. All
    threads share one arena, with some room to spare: what a voice's thread frees is there for the loop, where with two
    each of them kept room for the most that it ever held (a third of it stood empty with fifty calls). Does nothing
    where the C library is another one.
    """
    mallopt = _libc("mallopt")
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, LARGE)
        mallopt(_M_TRIM_THRESHOLD, SPARE)
        mallopt(_M_ARENA_MAX, 1)


def allow_files(wanted: int = FILES) -> None:
    """Have so many files and sockets be open at once, as far as we may: a shell allows 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def trim() -> None:
    """Return what was freed to the system (malloc_trim(3)). Takes some milliseconds: call it beside the frame path."""
    malloc_trim = _libc("malloc_trim")
    if malloc_trim is not None:
        malloc_trim(0)


async def keep_trimmed(clock: Clock) -> None:
    """Return what was freed, every minute, until cancelled: what lies between kept pieces goes back no other way.

    What holds itself in a circle is looked for first: the collector counts objects and not bytes, and a few hundred may
    keep megabytes. A conversation that is over is in none, but a stranger's engine may be. What is there after the
    first minute was loaded by those who were first to need it, and is set aside like the rest: gone through each minute
    it held every thread for 34 ms. A conversation of that very moment may stay behind with it, once.
    """
    await clock.wait_until(clock.now() + TRIMMED_EVERY * SECOND)
    await asyncio.to_thread(_widen_interned)
    await asyncio.to_thread(_collect_and_freeze)
    while True:
        await clock.wait_until(clock.now() + TRIMMED_EVERY * SECOND)
        await asyncio.to_thread(collect_and_trim)


async def keep_trimmed_here(clock: Clock) -> None:
    """The same for a process that has one thread, on its loop: 2 to 4 ms for a heap of 40 MB. What a call leaves lies
    in circles of so few objects that the collector by itself comes to them after hundreds of calls.
    """
    while True:
        await clock.wait_until(clock.now() + TRIMMED_EVERY * SECOND)
        collect_and_trim()


def start_trimming(clock: Clock) -> None:
    """The same for a process without a loop, twice as often, in a thread that ends with the process.

    What a bake leaves lies all over the heap: it goes back once, and page by page comes again as what is small is laid
    into the holes (35 MB in a minute).
    """
    threading.Thread(target=_trim_on, args=(clock,), name="trim", daemon=True).start()


def _trim_on(clock: Clock) -> None:
    while True:
        clock.sleep_until(clock.now() + TRIMMED_EVERY * SECOND // 2)
        trim()


def collect_and_trim() -> None:
    """Free what holds itself in circles, and :func:`trim`. Holds every thread meanwhile: some milliseconds."""
    gc.collect()
    trim()


def _collect_and_freeze() -> None:
    gc.collect()
    gc.freeze()


def _widen_interned() -> None:
    """Have Python's table of interned strings double now, by 1 MB, and not after some hundreds of calls: a place of it
    that was used once is not used again, so a process that lives long comes to it whatever it does. 40 ms, in which
    other threads have their turns. Not from Python 3.12 on, of which some keep what was interned for good
    (https://github.com/python/cpython/issues/113993).
    """
    if sys.version_info < (3, 12):
        strings = [sys.intern(f"{__name__} {number}") for number in range(_PLACES + 1)]
        del strings


def hold() -> None:
    """Call before a long-lived process loads what it works with: none of that is garbage, and looking for some takes a
    tenth of the time. :func:`freeze` ends it.
    """
    gc.disable()


def freeze() -> None:
    """Call once, when a long-lived process has loaded what it works with: none of that is collected again.

    A full collection of all that is imported holds the loop for 20–120 ms; of what came since, for 2 to 4, and of what
    fifty talks hold for 60 to 100 on a busy machine. So there is none but that of :func:`keep_trimmed`, which is to run
    beside.
    """
    gc.freeze()
    gc.set_threshold(*gc.get_threshold()[:2], _NEVER)
    gc.enable()


def _libc(name: str) -> Callable[..., int] | None:
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
