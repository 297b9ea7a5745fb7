"""The running system: settings, and what all its parts share: engines, places, events.

Each command builds the same house and switches parts on: the shows, conversations with people, the phone line. Each
part is kept by a :class:`~duologue.app.parts.Keeper`: what one suffers is its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from duologue.app.admission import Admission, PlaceKind
from duologue.app.bus import Bus, Topics
from duologue.app.cast import CastMember
from duologue.app.early_stage import EarlyStage
from duologue.app.engines import EnginePool
from duologue.app.machine_watch import MachineWatch
from duologue.app.models import (
    EnginesEvent,
    EngineView,
    HouseView,
    Notice,
    PartEvent,
    PlacesEvent,
    PlacesView,
    StateEvent,
    StateView,
    TalkEvent,
    TalkTurnEvent,
    TalkTurnView,
    TalkView,
    WorkerEvent,
    WorkerView,
)
from duologue.app.parts import Keeper, Part
from duologue.app.show import ShowPart
from duologue.app.vitals import EngineVitals, engine_view, note_engines, vitals
from duologue.app.worker_views import worker_view
from duologue.chains import Handover
from duologue.clock import SECOND, SYSTEM_CLOCK, Clock, SteadyClock
from duologue.errors import InputError
from duologue.ids import unique_id
from duologue.settings import Settings
from duologue.supervision import WorkerPhase, WorkerState
from duologue.telemetry.ledger import AdmissionRecord, HandoverRecord, PartRecord, WorkerRecord
from duologue.telemetry.ledger_files import MEGABYTE, FileLimits
from duologue.telemetry.log import get_logger
from duologue.telemetry.metrics import Metrics
from duologue.telemetry.stream import FILE, HOUSE, Ledger, written

CLOSING_SECONDS = 15.0
"""For parts to end when the house does; then again, before they are given up."""
LOOK = SECOND
"""How often the house looks at how its parts and engines are (ns)."""

if TYPE_CHECKING:
    from duologue.app.endpoints import Endpoints
    from duologue.app.line import LinePart
    from duologue.app.talk_sessions import TalkPart
    from duologue.phone.twilio_calls import TwilioCalls

log = get_logger(__name__)


def written_as_set(ledger: Ledger, settings: Settings) -> AbstractAsyncContextManager[Ledger]:
    """The ledger of a house, written where the settings say. Raises :class:`InputError` when it cannot be."""
    part = settings.ledger
    limits = FileLimits(part.file_mb * MEGABYTE, part.keep_files, part.keep_mb * MEGABYTE)
    return written(ledger, part.folder / FILE if part.folder is not None else None, HOUSE, limits)


def _stuck(names: Sequence[str]) -> None:
    """Nothing is done about parts that hang; whoever owns the process may."""


class House:
    """The parts that the settings switch on, and more ``parts``, none of them running yet.

    ``cast`` is for a house of one show, instead of the one that is set; ``stage`` is for the first show. ``stuck`` is
    called with the names of the parts that would not end in time, however often they were told.

    Raises :class:`InputError` when nothing is switched on.
    """

    def __init__(
        self,
        settings: Settings,
        cast: Sequence[CastMember] = (),
        clock: Clock = SYSTEM_CLOCK,
        stage: EarlyStage | None = None,
        *,
        parts: Sequence[Part] = (),
        stuck: Callable[[Sequence[str]], None] = _stuck,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._picks = settings.picks
        self._stamps = SteadyClock(clock)
        self._stuck = stuck
        registry = self._registry = CollectorRegistry()
        self.ledger = Ledger(clock)
        self._metrics = Metrics(registry)
        self.ledger.watch(self._metrics.observe)
        self._closing = False
        self.bus = Bus(self.state, unique_id(clock.wall()))
        self.engines = EnginePool(settings)
        self.engines.listeners.append(self._handed_over)
        self.engines.workers.listeners.append(self._worker_changed)
        self.admission = Admission(self.engines.at_once, changed=self._places_changed, told=self._place_told)
        workers = self.engines.workers.states
        self._machine = MachineWatch(self.ledger, clock, workers, self._metrics.loop_lag)
        self._part_records: dict[str, PartRecord] = {}
        self._engine_views: tuple[EngineView, ...] = ()
        self._worker_views: dict[str, WorkerView] = {}
        self.shows: tuple[ShowPart, ...] = tuple(self._shows(settings, cast, stage)) if settings.serve.show else ()
        self.talk = self._talk(settings) if settings.serve.talk else None
        self.line = self._line(settings) if settings.serve.line else None
        self.endpoints = self._endpoints(settings) if settings.serve.api else None
        others: tuple[Part, ...] = (*filter(None, (self.talk, self.line, self.endpoints)), *parts)
        self.keepers = (
            *(show.keeper for show in self.shows),
            *(Keeper(part, clock, self._part_changed) for part in others),
        )
        if not self.keepers:
            raise InputError(
                "nothing is switched on",
                where="serve",
                remedy="Set show, talk, line or api to true under [serve], or give --show.",
            )
        registry.register(_Figures(self))

    def _shows(self, settings: Settings, cast: Sequence[CastMember], stage: EarlyStage | None) -> Iterator[ShowPart]:
        for each in settings.each_show().values():
            topic = self.bus.topic(each.topic)
            yield ShowPart(
                each, cast, self.engines, self.admission, topic, self._clock, self.ledger,
                self._metrics, stage=stage, house=self.view, told=self._part_changed,
            )  # fmt: skip
            stage = None

    def _talk(self, settings: Settings) -> TalkPart:
        from duologue.app.talk_sessions import TalkPart  # its imports would make the start of a show longer

        return TalkPart(
            settings, self.engines, self.admission, self.ledger, self._clock, self._talk_changed, self._talk_turned
        )

    def _line(self, settings: Settings) -> LinePart:
        from duologue.app.line import LinePart

        return LinePart(settings, self.engines, self.admission, self.bus.topic("line"), self.ledger, self._clock)

    def _endpoints(self, settings: Settings) -> Endpoints:
        from duologue.app.endpoints import Endpoints

        return Endpoints(settings, self.engines, self.admission, self._clock)

    async def run(self) -> None:
        """Keep every part going until cancelled, or until all are over.

        Raises what none of them could be for, when none could.
        """
        async with (
            written_as_set(self.ledger, self._settings),
            self.engines.open(),
            asyncio.TaskGroup() as group,
        ):
            looking = group.create_task(self._look())
            watching = group.create_task(self._machine.run())
            tasks = {group.create_task(keeper.run()): keeper for keeper in self.keepers}
            try:
                await asyncio.wait(tasks)
            finally:
                self._closing = True
                self.bus.close()
                looking.cancel()
                watching.cancel()
                await self._end(tasks)
        failures = [keeper.error for keeper in self.keepers if keeper.error is not None]
        if len(failures) == len(self.keepers):
            raise ExceptionGroup("no part of the house could be", failures)

    # What the outside asks

    def view(self) -> HouseView:
        """The house now."""
        return HouseView(
            parts=tuple(keeper.view() for keeper in self.keepers),
            engines=self._engines_now(),
            workers=self.workers(),
            places=self._places_now(),
            waiting=self.admission.places.waiting,
            talks=self.talk.open_now if self.talk is not None else (),
        )

    def state(self, topics: Topics) -> StateEvent:
        """What a reader of ``topics`` begins with: the house, the first show among them, and the phone line."""
        show = next((show for show in self.shows if show.topic in topics), None)
        event = show.shown() if show is not None else StateEvent(state=StateView(house=self.view()))
        if self.line is None or self.line.topic not in topics:
            return event
        return StateEvent(state=event.state.model_copy(update={"line": self.line.view()}))

    @property
    def twilio(self) -> TwilioCalls | None:
        """The calls that come from Twilio; None while none are taken."""
        return self.line.twilio if self.line is not None else None

    def workers(self) -> tuple[WorkerView, ...]:
        """Every child process that is kept running."""
        return tuple(self._worker_now(state) for state in self.engines.workers.states())

    async def restart_worker(self, name: str) -> WorkerView:
        """Put another in the place of a worker, when it is done with what it is at; how it is then.

        Raises :class:`InputError` for a name that is not there.
        """
        return self._worker_now(await self.engines.workers.restart(name))

    def healthy(self) -> tuple[bool, Sequence[str]]:
        """Whether the process works at all."""
        return (False, ("it is shutting down",)) if self._closing else (True, ())

    def metrics(self) -> bytes:
        """Prometheus' text exposition of all parts."""
        return generate_latest(self._registry)

    # What the parts report

    def _part_changed(self, keeper: Keeper) -> None:
        view, topic = keeper.view(), keeper.part.topic
        self.bus.publish(PartEvent(part=view), topic)
        record = PartRecord(view.name, view.state.value, view.failure, view.restarts)
        if self._part_records.get(topic) != record:
            self._part_records[topic] = record
            self.ledger.enter(topic, record)
        if view.due is not None:
            notice = Notice(
                level="error", text=f"{keeper.part.name} has failed: {keeper.failure}", remedy="It is started again."
            )
            self.bus.topic(topic).notice(notice)

    def _talk_changed(self, talk: TalkView) -> None:
        self.bus.publish(TalkEvent(talk=talk), f"talk:{talk.id}")

    def _talk_turned(self, talk: str, turn: TalkTurnView) -> None:
        self.bus.publish(TalkTurnEvent(talk=talk, turn=turn), f"talk:{talk}")

    def _worker_changed(self, state: WorkerState) -> None:
        self.ledger.enter(HOUSE, WorkerRecord(state.name, state.phase.value, state.cause, state.restarts))
        self._tell_worker(self._worker_now(state))

    def _worker_now(self, state: WorkerState) -> WorkerView:
        return worker_view(state, self._stamps, self.engines.workers.gate)

    def _tell_worker(self, view: WorkerView) -> None:
        self._worker_views[view.name] = view
        self.bus.publish(WorkerEvent(worker=view), "engines")

    def _places_changed(self) -> None:
        event = PlacesEvent(places=self._places_now(), waiting=self.admission.places.waiting)
        self.bus.publish(event, "machine")

    def _place_told(self, kind: PlaceKind, outcome: str) -> None:
        places = self.admission.places
        many = places.capacity(kind)
        record = AdmissionRecord(kind.value, outcome, places.taken[kind], -1 if many is None else many)
        self.ledger.enter(HOUSE, record)

    def _handed_over(self, handover: Handover) -> None:
        moment = handover.moment.value
        record = HandoverRecord(handover.engine, handover.successor, moment, handover.cause, handover.at)
        self.ledger.enter(HOUSE, record)
        notice = Notice(level="warning", text=f"{handover.words}.", remedy="duologue doctor tells what it needs.")
        self.bus.topic("engines").notice(notice)
        self._look_at_engines()

    # How it is done

    async def _look(self) -> None:
        due = self._clock.now()
        while True:
            for keeper in self.keepers:
                keeper.look()
            self._look_at_engines()
            self._metrics.lost(self.ledger.dropped)
            self._look_at_workers()
            note_engines(self._metrics, self._vitals())
            due = max(due + LOOK, self._clock.now())
            await self._clock.wait_until(due)

    def _look_at_engines(self) -> None:
        views = self._engines_now()
        if views != self._engine_views:
            self._engine_views = views
            self.bus.publish(EnginesEvent(engines=views), "engines")

    def _look_at_workers(self) -> None:
        """What waited, for the page and the metrics: the gate counts, and tells nobody."""
        for view in self.workers():
            known = self._worker_views.get(view.name)
            if known is not None and (known.waited_s, known.gave_way) != (view.waited_s, view.gave_way):
                self._tell_worker(view)
        for (worker, urgency), count in self.engines.workers.gate.counts.items():
            self._metrics.work(worker, urgency.name.lower(), count)

    def _engines_now(self) -> tuple[EngineView, ...]:
        return tuple(engine_view(each, self._picks) for each in self._vitals())

    def _vitals(self) -> tuple[EngineVitals, ...]:
        llm, tts, ears = self.engines.chains
        return vitals(llm, tts, self._clock.now(), ears)

    def _places_now(self) -> tuple[PlacesView, ...]:
        places = self.admission.places
        return tuple(
            PlacesView(
                kind=kind.value, places=places.capacity(kind), taken=places.taken[kind], refused=places.refused[kind],
                waited=places.waited[kind],
            )
            for kind in PlaceKind
        )  # fmt: skip

    async def _end(self, tasks: Mapping[asyncio.Task[None], Keeper]) -> None:
        """Have the parts end, and name those that hang: told a second time, most do."""
        for again in (False, True):
            for task in tasks:
                task.cancel()
            _, hanging = await asyncio.wait(tasks, timeout=CLOSING_SECONDS)
            if not hanging:
                return
            names = sorted(tasks[task].part.name for task in hanging)
            log.error("part.hangs", parts=names, seconds=CLOSING_SECONDS, given_up=again)
        self._stuck(names)


class _Figures(Collector):
    """The house's own metrics, read when they are asked for."""

    def __init__(self, house: House) -> None:
        self._house = house

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client."""
        house, places = self._house, self._house.admission.places
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
        for keeper in house.keepers:
            up.add_metric([keeper.part.topic], not keeper.reasons)
            restarts.add_metric([keeper.part.topic], keeper.restarts)
        yield from (up, restarts)
        running = GaugeMetricFamily("duologue_worker_up", "1 while a child process is up", labels=["worker"])
        for state in house.engines.workers.states():
            running.add_metric([state.name], state.phase is WorkerPhase.UP)
        yield running
        if house.line is not None:
            away = CounterMetricFamily("duologue_calls_sent_away", "Calls that were sent away", labels=["reason"])
            for reason, count in house.line.refusals.items():
                away.add_metric([reason], count)
            yield away
        yield CounterMetricFamily(
            "duologue_event_overruns", "Times that a reader of events was left behind", value=house.bus.overruns
        )
