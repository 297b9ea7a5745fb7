"""The metrics of a house that are read when they are asked for: places, parts, workers, the store, calls sent away."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from duologue.app.admission import PlaceKind, Places
from duologue.app.bus import Bus
from duologue.app.house.parts import Keeper
from duologue.app.models import StoreView
from duologue.supervision import WorkerPhase
from duologue.workers import Workers

if TYPE_CHECKING:
    from duologue.app.calls.line import LinePart


class HouseFigures(Collector):
    """Of one house; see the module."""

    def __init__(
        self, places: Places, keepers: Sequence[Keeper], workers: Workers, bus: Bus, line: LinePart | None,
        store: Callable[[], StoreView | None],
    ) -> None:  # fmt: skip
        self._places = places
        self._keepers = keepers
        self._workers = workers
        self._bus = bus
        self._line = line
        self._store = store

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client."""
        places = self._places
        offered = GaugeMetricFamily("duologue_places", "Conversations that engines carry at once", labels=["kind"])
        taken = GaugeMetricFamily("duologue_places_taken", "Places that are taken", labels=["kind"])
        refused = CounterMetricFamily("duologue_refusals", "Conversations refused for want of a place", labels=["kind"])
        waited = CounterMetricFamily("duologue_waits", "Conversations that waited for a place", labels=["kind"])
        for kind in PlaceKind:
            if (capacity := places.capacity(kind)) is not None:
                offered.add_metric([kind], capacity)
            taken.add_metric([kind], places.taken[kind])
            refused.add_metric([kind], places.refused[kind])
            waited.add_metric([kind], places.waited[kind])
        yield from (offered, taken, refused, waited)
        yield GaugeMetricFamily("duologue_places_waiting", "Who waits for a place", value=places.waiting)
        up = GaugeMetricFamily("duologue_part_up", "1 while a part of the house would serve somebody", labels=["part"])
        restarts = CounterMetricFamily("duologue_part_restarts", "Times that a part was started again", labels=["part"])
        for keeper in self._keepers:
            up.add_metric([keeper.part.topic], not keeper.reasons)
            restarts.add_metric([keeper.part.topic], keeper.restarts)
        yield from (up, restarts)
        running = GaugeMetricFamily("duologue_worker_up", "1 while a child process is up", labels=["worker"])
        for state in self._workers.states():
            running.add_metric([state.name], state.phase is WorkerPhase.UP)
        yield running
        if (kept := self._store()) is not None:
            yield GaugeMetricFamily("duologue_store_up", "1 while what is said is remembered", value=not kept.failure)
            yield CounterMetricFamily("duologue_store_lost", "Writes to the store that never will be", value=kept.lost)
        if self._line is not None:
            away = CounterMetricFamily("duologue_calls_sent_away", "Calls that were sent away", labels=["reason"])
            for reason, count in self._line.refusals.items():
                away.add_metric([reason], count)
            yield away
        yield CounterMetricFamily(
            "duologue_event_overruns", "Times that a reader of events was left behind", value=self._bus.overruns
        )
