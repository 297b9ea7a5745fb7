"""Prometheus metrics of one running system. Its own registry, no globals: two systems in one process do not meet.

What happened is counted from the ledger's entries, and nowhere else; the label ``of`` says which part of the house it
is of. What is no happening (memory, loop lag, the state of an engine) is measured and given by name.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from threading import Lock
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from duologue.clock import SECOND
from duologue.telemetry.ledger import EffectRecord, Entry, EventRecord, MachineRecord
from duologue.telemetry.loop_lag import Lag
from duologue.telemetry.metrics.engines import EngineMetrics
from duologue.telemetry.metrics.series import SeriesOf, Totals
from duologue.telemetry.metrics.show import ShowMetrics
from duologue.telemetry.metrics.turns import TurnMetrics

AT_ONCE = 64
"""Entries that wait to be counted, at most: a millisecond of work."""
_LAG_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0)


def label_of(of: str) -> str:
    """The label of a part of the house: each show has its own, for there are few; all talks have one, and all calls."""
    part, _, _ = of.partition(":")
    return of if part == "show" else part


class Metrics:
    """Let it look on at a :class:`~duologue.telemetry.stream.Ledger` (:meth:`observe`); :meth:`exposition` is what
    ``/metrics`` serves.

    Entries are counted some at a time, and before anybody reads a figure: one amid other work costs several times as
    much. Reading may be another thread's.
    """

    def __init__(self) -> None:
        self._waiting: deque[Entry] = deque()
        self._counting = Lock()
        self.registry: CollectorRegistry = _Counted(self._count)
        made = SeriesOf(self.registry)
        histogram, counter, gauge = made.histogram, made.counter, made.gauge
        self._shows = ShowMetrics(made)
        self._turns = TurnMetrics(made)
        self.engines = EngineMetrics(made)
        """Told how engines are, besides what they are asked."""
        self._totals = Totals()
        self._lag = histogram("loop_lag_seconds", "How late the main event loop woke", _LAG_BUCKETS)
        self._held = counter("loop_held", "Wake-ups over 5 ms late while this process was busy")
        self._cpu = gauge("process_cpu_ratio", "CPU of a process in cores", "process")
        self._rss = gauge("process_resident_bytes", "Resident memory of a process", "process")
        self._wait = gauge(
            "process_cpu_wait_ratio", "Time that threads of it were ready and no core ran them", "process"
        )
        self._others = gauge("machine_others_ratio", "Share of CPU time that programs had which are none of ours")
        self._steal = gauge("machine_steal_ratio", "Share of CPU time that the hypervisor gave to others")
        self._available = gauge("machine_available_bytes", "Memory that can be had without swapping")
        self._lost = counter("ledger_dropped", "Entries of the ledger that never reached the disk")
        self._broken = counter("budget_breaches", "Times that something took longer than its budget", "of", "budget")

    def observe(self, entry: Entry) -> None:
        """Count what was entered in the ledger."""
        if isinstance(entry.record, EventRecord | EffectRecord):
            return  # each step of a conversation: most of a ledger, and nothing is counted from it
        self._waiting.append(entry)
        if len(self._waiting) >= AT_ONCE:
            self._count()

    def _count(self) -> None:
        """What waits."""
        with self._counting:
            while self._waiting:
                entry = self._waiting.popleft()
                of, record = label_of(entry.of), entry.record
                for metrics in (self._shows, self._turns, self.engines):
                    metrics.observe(of, record)
                if isinstance(record, MachineRecord):
                    self._machine(record)

    def _machine(self, record: MachineRecord) -> None:
        self._steal.set(record.steal_percent / 100)
        self._others.set(record.others_percent / 100)
        self._available.set(record.available_mb * 2**20)
        for name, percent in record.cpu_percent.items():
            self._cpu.labels(name).set(percent / 100)
        for name, ms in record.cpu_wait_ms.items():
            self._wait.labels(name).set(ms / 1000)
        for name, megabytes in record.rss_mb.items():
            self._rss.labels(name).set(megabytes * 2**20)

    def lost(self, total: int) -> None:
        """So many entries of the ledger never reached the disk, since the start."""
        self._lost.inc(self._totals.rise(total, "ledger"))

    def broken(self, of: str, budget: str) -> None:
        """Something of a part took longer than its budget."""
        self._broken.labels(label_of(of), budget).inc()

    def loop_lag(self, lag: Lag) -> None:
        """The main loop woke."""
        self._lag.observe(max(0, lag.late) / SECOND)
        if lag.held:
            self._held.inc()

    def exposition(self, of: str | None = None, *, openmetrics: bool = False) -> bytes:
        """The text format that Prometheus scrapes; with ``of`` what is of that part, and of nobody. That of OpenMetrics
        has exemplars besides: the trace of a turn that was counted.
        """
        if openmetrics:
            latest: Any = import_module("prometheus_client.openmetrics.exposition")
            return bytes(latest.generate_latest(self.registry))
        if of is None:
            return generate_latest(self.registry)
        only = CollectorRegistry()
        only.register(_Only(self.registry, of))
        return generate_latest(only)


class _Counted(CollectorRegistry):
    """A registry of what is counted late: ``before`` anybody reads it."""

    def __init__(self, before: Callable[[], None]) -> None:
        super().__init__()
        self._before = before

    def collect(self) -> Iterable[Metric]:
        """See prometheus_client."""
        self._before()
        return super().collect()


class _Only(Collector):
    """What a registry has of one part of the house."""

    def __init__(self, registry: CollectorRegistry, of: str) -> None:
        self._registry = registry
        self._of = of

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client."""
        for family in self._registry.collect():
            found = Metric(family.name, family.documentation, family.type, family.unit)
            found.samples = [sample for sample in family.samples if sample.labels.get("of", self._of) == self._of]
            yield found
