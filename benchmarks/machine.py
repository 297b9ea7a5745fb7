"""What is done to the machine beside a measurement: programs of other login sessions that burn its cores, processes
that are held to some cores or stopped for a part of their time.

Everything that is started here ends by itself after a while, also when the benchmark is killed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence

import psutil
from rich.console import Console

SLICE = 0.01
"""Seconds that a throttled process runs, or rests, at a time: whichever is shorter."""
_CONSOLE = Console(stderr=True)
_LOOP = (
    "import sys, time\nend = time.monotonic() + float(sys.argv[1])\nwhile time.monotonic() < end: sum(range(10_000))"
)


def say(text: str) -> None:
    """What the benchmark is about to do, for who watches it."""
    _CONSOLE.print(f"  {text}", style="dim", highlight=False, markup=False, soft_wrap=True)


def cores() -> list[int]:
    """Those this process may use."""
    return sorted(os.sched_getaffinity(0))


@contextlib.contextmanager
def held_to(where: Iterable[int] | None) -> Generator[None]:
    """What is started inside runs on these cores only (None: on all)."""
    before = os.sched_getaffinity(0)
    if where is not None:
        os.sched_setaffinity(0, set(where))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def foreign(
    command: Sequence[str], what: str, environment: Mapping[str, str] | None = None
) -> Generator[subprocess.Popen[str]]:
    """A program in a login session of its own, with pipes; its whole session is killed at the end."""
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True, env=environment
    ) as process:
        say(f"started {what} (pid {process.pid}, a session of its own)")
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            say(f"ended {what} (pid {process.pid})")


@contextlib.contextmanager
def busy(count: int, at_most: float, where: Iterable[int] | None = None) -> Generator[None]:
    """Busy loops, each in a login session of its own; after ``at_most`` seconds they end by themselves."""
    command = [sys.executable, "-c", _LOOP, f"{at_most:g}"]
    with contextlib.ExitStack() as stack:
        with held_to(where):
            for _ in range(count):
                stack.enter_context(foreign(command, "a busy loop"))
        yield


@contextlib.contextmanager
def throttled(processes: Callable[[], list[psutil.Process]], share: float) -> Generator[None]:
    """Let processes run for ``share`` of the time only, by SIGSTOP and SIGCONT; they are asked for twice a second."""
    if share >= 1:
        yield
        return
    runs, rests = (SLICE, SLICE * (1 - share) / share) if share <= 0.5 else (SLICE * share / (1 - share), SLICE)
    over = threading.Event()

    def hold() -> None:
        held, looked = processes(), time.perf_counter()
        due = time.perf_counter()
        while not over.is_set():
            if time.perf_counter() - looked > 0.5:
                held, looked = processes(), time.perf_counter()
            _signal(held, signal.SIGSTOP)
            time.sleep(max(0.0, (due := due + rests) - time.perf_counter()))
            _signal(held, signal.SIGCONT)
            time.sleep(max(0.0, (due := due + runs) - time.perf_counter()))
        _signal(processes(), signal.SIGCONT)

    thread = threading.Thread(target=hold, name="throttle")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _signal(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def tree(pid: int) -> list[psutil.Process]:
    """A process and all its descendants; none when it is over."""
    try:
        main = psutil.Process(pid)
        return [main, *main.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def load() -> str:
    """What else the machine does: how many programs wanted its cores in the last minute, for who reads the figures."""
    return f"load {os.getloadavg()[0]:.1f}"


def cpu_seconds(processes: Iterable[psutil.Process]) -> float:
    """What they have used so far."""
    used = 0.0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            used += sum(process.cpu_times()[:2])
    return used


def megabytes(processes: Iterable[psutil.Process]) -> tuple[float, float]:
    """Their memory, each page they share with others counted in part (PSS), and in full (RSS)."""
    found = [process.memory_full_info() for process in processes]
    return sum(each.pss for each in found) / 2**20, sum(each.rss for each in found) / 2**20
