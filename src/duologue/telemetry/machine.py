"""What the machine does: CPU and memory of our processes, and the share of CPU time the hypervisor kept from us.

The deltas are pure functions of two readings; :class:`MachineSampler` reads. Steal comes from /proc/stat (proc_stat(5))
and is 0 on systems without it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import psutil

from duologue.clock import MILLISECOND, SECOND, SYSTEM_CLOCK, Clock, milliseconds

_MIB = 2**20
_HERTZ, _PAGE = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
_TICKS = 20 * MILLISECOND
"""How exactly the system says when a process began, and what the time is."""


@dataclass(frozen=True, slots=True)
class CpuTimes:
    """The machine's CPU time since boot, in seconds over all cores. ``total`` includes idle and steal."""

    total: float
    idle: float
    steal: float


@dataclass(frozen=True, slots=True)
class ProcessTimes:
    """A process' CPU time since its start (s; with its children's, of those that are asked for so), its resident memory
    (bytes), and how long its threads were ready to run and no core ran them (ns; 0: it was not asked for).
    """

    cpu: float
    rss: int
    wait: int = 0


@dataclass(frozen=True, slots=True)
class MachineReading:
    """Everything read at one instant (``at``: monotonic ns). A process that is gone is missing."""

    at: int
    machine: CpuTimes
    available: int
    processes: Mapping[int, ProcessTimes]
    disk: int = 0
    """How long some program waited for a disk, since boot (µs)."""


@dataclass(frozen=True, slots=True)
class ProcessSample:
    """A process between two readings: 100 % is one core. ``wait_ms``: its threads were ready, and no core ran them."""

    cpu_percent: float
    rss_mb: float
    wait_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class MachineSample:
    """The machine between two readings. ``busy_percent`` and ``steal_percent`` are of all cores together."""

    cores: int
    total_mb: float
    available_mb: float
    busy_percent: float
    steal_percent: float
    processes: dict[str, ProcessSample] = field(default_factory=lambda: dict[str, ProcessSample]())
    disk_wait_ms: float = 0.0


def busy_and_steal(before: CpuTimes, after: CpuTimes) -> tuple[float, float]:
    """Percent of the CPU time between two readings that was used by anyone here, and that was stolen."""
    total = after.total - before.total
    if total <= 0:
        return 0.0, 0.0
    steal = max(0.0, after.steal - before.steal)
    idle = max(0.0, after.idle - before.idle)
    return max(0.0, 100 * (total - idle - steal) / total), 100 * steal / total


def process_sample(before: ProcessTimes, after: ProcessTimes, elapsed: int) -> ProcessSample:
    """A process over ``elapsed`` nanoseconds; one whose id was used again has computed nothing."""
    percent = 100 * max(0.0, after.cpu - before.cpu) * SECOND / elapsed if elapsed > 0 else 0.0
    return ProcessSample(percent, after.rss / _MIB, milliseconds(max(0, after.wait - before.wait)))


class MachineSampler:
    """Call :meth:`sample` once a second; a reading takes well under a millisecond."""

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self._cores = psutil.cpu_count() or 1
        self._total_mb = psutil.virtual_memory().total / _MIB
        self._last = self._read((), frozenset(), frozenset())

    def sample(
        self, pids: Mapping[str, int], waiting: Collection[str] = (), parents: Collection[str] = ()
    ) -> MachineSample:
        """What happened since the last call, with the processes by the names given. Of those in ``waiting`` it is read,
        thread by thread, how long they waited for a core; what those in ``parents`` computed includes their children.
        A process is missing that was not among those of the last call, unless it began since.
        """
        threads = frozenset(pids[name] for name in waiting if name in pids)
        families = frozenset(pids[name] for name in parents if name in pids)
        before, after = self._last, self._read(tuple(pids.values()), threads, families)
        self._last = after
        elapsed = after.at - before.at
        known = {pid: before.processes.get(pid) or _newborn(pid, elapsed) for pid in after.processes}
        busy, steal = busy_and_steal(before.machine, after.machine)
        return MachineSample(
            cores=self._cores,
            total_mb=self._total_mb,
            available_mb=after.available / _MIB,
            busy_percent=busy,
            steal_percent=steal,
            processes={
                name: process_sample(first, after.processes[pid], elapsed)
                for name, pid in pids.items()
                if (first := known.get(pid)) is not None
            },
            disk_wait_ms=max(0, after.disk - before.disk) / 1000,
        )

    def _read(self, pids: tuple[int, ...], threads: frozenset[int], families: frozenset[int]) -> MachineReading:
        processes: dict[int, ProcessTimes] = {}
        for pid in pids:
            with contextlib.suppress(OSError):  # it is gone; who started it reports that
                stat = _stat(pid)
                computed = stat.cpu + (_of_children(pid, stat) if pid in families else 0.0)
                processes[pid] = ProcessTimes(computed, stat.rss, _waited(pid) if pid in threads else 0)
        available = psutil.virtual_memory().available
        return MachineReading(self._clock.now(), _machine_times(), available, processes, _disk_waited())


class _Stat(NamedTuple):
    """What the kernel says of a process: its own CPU time, that of its children that are over, when it began after boot
    (s), and its resident memory (bytes).
    """

    cpu: float
    children: float
    began: float
    rss: int


def _stat(pid: int) -> _Stat:
    """By one file (proc_pid_stat(5)), of which psutil reads two. Raises :class:`OSError` for a process that is gone,
    and on systems without /proc.
    """
    told = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()  # from the third field on: a name may hold anything
    return _Stat(
        (int(told[11]) + int(told[12])) / _HERTZ, (int(told[13]) + int(told[14])) / _HERTZ, int(told[19]) / _HERTZ,
        int(told[21]) * _PAGE,
    )  # fmt: skip


def _of_children(pid: int, stat: _Stat) -> float:
    """CPU time of a process' children: those that are over, as the kernel sums them up for it, and those that live."""
    found = stat.children
    for child in _children(pid):
        with contextlib.suppress(OSError):  # it is over: the next reading has it among those
            alive = _stat(child)
            found += alive.cpu + _of_children(child, alive)
    return found


def _read(path: str) -> bytes:
    """A file of /proc, which is read some fifty times a second: an object for the path and one for the file are two
    thirds of what that costs. Raises :class:`OSError`.
    """
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(file, 4096)
    finally:
        os.close(file)


def _newborn(pid: int, elapsed: int) -> ProcessTimes | None:
    """What a process had used ``elapsed`` nanoseconds ago: nothing, when it is no older (proc_pid_stat(5)). None: it is
    older, or nobody knows.
    """
    try:
        age = float(_read("/proc/uptime").split()[0]) - _stat(pid).began
    except OSError:
        return None
    return ProcessTimes(0.0, 0) if 0 <= age * SECOND <= elapsed + _TICKS else None


def _children(pid: int) -> list[int]:
    """Those that its first thread made (proc_pid_task(5)): ours are made by no other. None on systems without it."""
    try:
        return [*map(int, _read(f"/proc/{pid}/task/{pid}/children").split())]
    except OSError:
        return []


def _waited(pid: int) -> int:
    """How long the threads of a process waited for a core (ns), by /proc (proc_pid_schedstat(5)); 0 on systems without
    it.
    """
    total = 0
    threads = f"/proc/{pid}/task"
    try:
        names = os.listdir(threads)  # noqa: PTH208 (as in _read)
    except OSError:
        return 0
    for name in names:
        try:
            total += int(_read(f"{threads}/{name}/schedstat").split()[1])
        except (OSError, ValueError, IndexError):
            continue  # the thread is over
    return total


def _disk_waited() -> int:
    """How long some program here waited for a disk (µs since boot), by the kernel's pressure figures; 0 without."""
    try:
        return int(_read("/proc/pressure/io").partition(b"\n")[0].rpartition(b"total=")[2])
    except (OSError, ValueError):
        return 0


def _machine_times() -> CpuTimes:
    times = psutil.cpu_times()
    idle = times.idle + float(getattr(times, "iowait", 0.0))
    steal = float(getattr(times, "steal", 0.0))
    parts = ("user", "nice", "system", "irq", "softirq")  # guest time is in user already
    return CpuTimes(sum(float(getattr(times, part, 0.0)) for part in parts) + idle + steal, idle, steal)
