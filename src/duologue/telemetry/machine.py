"""What the machine does: CPU and memory of our processes, and the share of CPU time the hypervisor kept from us.

The deltas are pure functions of two readings; :class:`MachineSampler` reads. Steal comes from /proc/stat (proc_stat(5))
and is 0 on systems without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import psutil

from duologue.clock import SECOND, SYSTEM_CLOCK, Clock

STEAL_ALARM_PERCENT = 5.0
"""Above this the machine itself is named as the cause of lateness."""
_MIB = 2**20


@dataclass(frozen=True, slots=True)
class CpuTimes:
    """The machine's CPU time since boot, in seconds over all cores. ``total`` includes idle and steal."""

    total: float
    idle: float
    steal: float


@dataclass(frozen=True, slots=True)
class ProcessTimes:
    """A process' CPU time since its start (s), and its resident memory (bytes)."""

    cpu: float
    rss: int


@dataclass(frozen=True, slots=True)
class MachineReading:
    """Everything read at one instant (``at``: monotonic ns). A process that is gone is missing."""

    at: int
    machine: CpuTimes
    available: int
    processes: Mapping[int, ProcessTimes]


@dataclass(frozen=True, slots=True)
class ProcessSample:
    """A process between two readings: 100 % is one core."""

    cpu_percent: float
    rss_mb: float


@dataclass(frozen=True, slots=True)
class MachineSample:
    """The machine between two readings. ``busy_percent`` and ``steal_percent`` are of all cores together."""

    cores: int
    total_mb: float
    available_mb: float
    busy_percent: float
    steal_percent: float
    processes: dict[str, ProcessSample] = field(default_factory=lambda: dict[str, ProcessSample]())


def busy_and_steal(before: CpuTimes, after: CpuTimes) -> tuple[float, float]:
    """Percent of the CPU time between two readings that was used by anyone here, and that was stolen."""
    total = after.total - before.total
    if total <= 0:
        return 0.0, 0.0
    steal = max(0.0, after.steal - before.steal)
    idle = max(0.0, after.idle - before.idle)
    return max(0.0, 100 * (total - idle - steal) / total), 100 * steal / total


def process_sample(before: ProcessTimes | None, after: ProcessTimes, elapsed: int) -> ProcessSample:
    """CPU of a process over ``elapsed`` nanoseconds; 0 for one that was not seen before (or whose id was used
    again).
    """
    used = after.cpu - before.cpu if before is not None else 0.0
    percent = 100 * max(0.0, used) * SECOND / elapsed if elapsed > 0 else 0.0
    return ProcessSample(percent, after.rss / _MIB)


class MachineSampler:
    """Call :meth:`sample` once a second; a reading takes well under a millisecond."""

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self._cores = psutil.cpu_count() or 1
        self._total_mb = psutil.virtual_memory().total / _MIB
        self._last = self._read(())

    def sample(self, pids: Mapping[str, int]) -> MachineSample:
        """What happened since the last call, with the processes by the names given."""
        before, after = self._last, self._read(tuple(pids.values()))
        self._last = after
        busy, steal = busy_and_steal(before.machine, after.machine)
        return MachineSample(
            cores=self._cores,
            total_mb=self._total_mb,
            available_mb=after.available / _MIB,
            busy_percent=busy,
            steal_percent=steal,
            processes={
                name: process_sample(before.processes.get(pid), after.processes[pid], after.at - before.at)
                for name, pid in pids.items()
                if pid in after.processes
            },
        )

    def _read(self, pids: tuple[int, ...]) -> MachineReading:
        processes: dict[int, ProcessTimes] = {}
        for pid in pids:
            try:
                process = psutil.Process(pid)
                times = process.cpu_times()
                processes[pid] = ProcessTimes(times.user + times.system, process.memory_info().rss)
            except psutil.Error:
                continue  # it is gone; who started it reports that
        return MachineReading(self._clock.now(), _machine_times(), psutil.virtual_memory().available, processes)


def _machine_times() -> CpuTimes:
    times = psutil.cpu_times()
    idle = times.idle + float(getattr(times, "iowait", 0.0))
    steal = float(getattr(times, "steal", 0.0))
    parts = ("user", "nice", "system", "irq", "softirq")  # guest time is in user already
    return CpuTimes(sum(float(getattr(times, part, 0.0)) for part in parts) + idle + steal, idle, steal)
