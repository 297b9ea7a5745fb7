"""The running system: settings, and what all its parts share: engines, places, events.

Each command builds the same house and switches parts on: the shows, conversations with people, the phone line. Each
part is kept by a :class:`~duologue.app.house.parts.Keeper`: what one suffers is its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING

from duologue.app import setup
from duologue.app.admission import Admission, PlaceKind
from duologue.app.bus import Bus, Topics
from duologue.app.engines.engine_room import EngineRoom
from duologue.app.engines.engines import EnginePool
from duologue.app.engines.vitals import EngineVitals, device_of, engine_view, note_engines, vitals
from duologue.app.engines.worker_views import worker_view
from duologue.app.evidence.board import EvidenceBoard
from duologue.app.evidence.budget_watch import BudgetWatch
from duologue.app.evidence.machine_watch import MachineWatch
from duologue.app.evidence.report_room import ReportRoom
from duologue.app.faces.faces import FaceBoard
from duologue.app.house.figures import HouseFigures
from duologue.app.house.news import HouseNews
from duologue.app.house.parts import Keeper, Part
from duologue.app.house.shared import Shared, TalkListener
from duologue.app.models import (
    EnginesEvent,
    EngineView,
    HouseView,
    PartState,
    PartView,
    PlacesEvent,
    PlacesView,
    SetupView,
    StateEvent,
    StateView,
    StoreView,
    WorkerEvent,
    WorkerView,
)
from duologue.app.show.cast import CastMember
from duologue.app.show.early_stage import EarlyStage
from duologue.app.show.output_models import OutputsEvent, OutputView
from duologue.app.show.show import ShowPart
from duologue.app.spending.models import UsageView
from duologue.app.spending.spending import Spending
from duologue.app.talking.partners import HOUSE_VOICE, find_partner
from duologue.chains import Handover
from duologue.clock import SECOND, SYSTEM_CLOCK, Clock, SteadyClock
from duologue.errors import DuologueError, InputError, in_words
from duologue.evidence.budgets import read_budgets
from duologue.ids import unique_id
from duologue.places import runs_folder
from duologue.settings import Settings
from duologue.settings_parts import TelemetrySettings
from duologue.supervision import WorkerState
from duologue.telemetry.ledger import RequestRecord, WorkerRecord
from duologue.telemetry.ledger_files import MEGABYTE, FileLimits
from duologue.telemetry.log import get_logger
from duologue.telemetry.metrics.metrics import Metrics
from duologue.telemetry.run_shelf import RunShelf
from duologue.telemetry.runs import keeping_of
from duologue.telemetry.stream import FILE, HOUSE, Ledger, written
from duologue.tracing import exporting

CLOSING_SECONDS = 15.0
"""For parts to end when the house does; then again, before they are given up."""
DAY = 24 * 3600 * SECOND
LOOK = SECOND
"""How often the house looks at how its parts and engines are (ns)."""
WEB = "web"
"""What requests are of."""

if TYPE_CHECKING:
    from duologue.app.calls.line import LinePart
    from duologue.app.endpoints import Endpoints
    from duologue.app.people.accounts import TokenAccounts
    from duologue.app.people.people import People
    from duologue.app.people.remembering import Remembering
    from duologue.app.talk.sessions import TalkPart
    from duologue.app.talking.talking import Talk
    from duologue.phone.twilio.calls import TwilioCalls
    from duologue.store.values import UsageBy
    from duologue.telemetry.otlp_export import OtlpExport

log = get_logger(__name__)


def written_as_set(ledger: Ledger, settings: Settings) -> AbstractAsyncContextManager[Ledger]:
    """The ledger of a house, and the runs of its parts, written where the settings say. Raises :class:`InputError` when
    it cannot be.
    """
    part = settings.ledger
    limits = FileLimits(part.file_mb * MEGABYTE, part.keep_files, part.keep_mb * MEGABYTE)
    path = part.folder / FILE if part.folder is not None else None
    return written(ledger, path, HOUSE, limits, keeping_of(settings.runs))


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
        self.ledger = Ledger(clock)
        self.bus = Bus(self.state, unique_id(clock.wall()))
        self._news = HouseNews(self.bus, self.ledger)
        self._metrics = Metrics()
        self.ledger.watch(self._metrics.observe)
        if settings.telemetry.budgets is not None:
            budgets = read_budgets(settings.telemetry.budgets)
            self.ledger.watch(BudgetWatch(budgets, self._metrics.broken, self._news.budget).observe)
        self._export = self._exported(settings.telemetry)
        self._closing = False
        self.spending = Spending(settings, self.ledger, clock, self._news.spending)
        self.engines = EnginePool(settings, self.spending, clock)
        self.engines.listeners.append(self._handed_over)
        self.engines.workers.listeners.append(self._worker_changed)
        self.faces = FaceBoard(clock)
        self.evidence = EvidenceBoard(self.ledger, self._run_of)
        self.reports = ReportRoom(self._shelf, settings.telemetry.budgets, self._write_runs)
        self.room = EngineRoom(self.engines, cache(self._usual_voice), clock)
        self.admission = Admission(self.engines.at_once, changed=self._places_changed, told=self._place_told)
        self._machine = MachineWatch(self.ledger, clock, self.engines.workers.states, self._metrics.loop_lag)
        self._engine_views: tuple[EngineView, ...] = ()
        self._output_views: tuple[OutputView, ...] = ()
        self._worker_views: dict[str, WorkerView] = {}
        self.remembering = self._remembering(settings)
        self._shared = Shared(self.engines, self.admission, self.ledger, clock, self.remembering)
        self.accounts = self._accounts(settings)
        self.shows: tuple[ShowPart, ...] = tuple(self._shows(settings, cast, stage)) if settings.serve.show else ()
        self.talk = self._talk(settings) if settings.serve.talk else None
        self.line = self._line(settings) if settings.serve.line else None
        self.endpoints = self._endpoints(settings) if settings.serve.api else None
        others: tuple[Part, ...] = (*filter(None, (self.talk, self.line, self.endpoints)), *parts)
        self.keepers = (
            *(show.keeper for show in self.shows),
            *(Keeper(part, clock, self._news.part) for part in others),
        )
        if not self.keepers:
            raise InputError(
                "nothing is switched on",
                where="serve",
                remedy="Set show, talk, line or api to true under [serve], or give --show.",
            )
        places, workers = self.admission.places, self.engines.workers
        self._metrics.registry.register(HouseFigures(places, self.keepers, workers, self.bus, self.line, self.store))

    def _shows(self, settings: Settings, cast: Sequence[CastMember], stage: EarlyStage | None) -> Iterator[ShowPart]:
        for each in settings.each_show().values():
            topic = self.bus.topic(each.topic)
            yield ShowPart(
                each, cast, self._shared, topic, self._metrics, stage=stage, house=self.view,
                told=self._news.part, spoken=self.faces.spoken, silent=self.faces.silent,
            )  # fmt: skip
            stage = None

    def _remembering(self, settings: Settings) -> Remembering | None:
        """What is kept of people, where anybody can talk with us; and what was used today, where that is capped."""
        serve = settings.serve
        wanted = serve.talk or serve.line or settings.web.accounts or settings.spending.capped
        return self._open_store(settings) if settings.store.keep and wanted else None

    def _open_store(self, settings: Settings) -> Remembering:
        from duologue.app.people.remembering import Remembering, open_store
        from duologue.app.talking.partners import partner_names

        store = open_store(settings, self._clock)
        assert store is not None
        store.listeners.append(self._news.store)
        return Remembering(store, settings, self._clock, partner_names())

    def _accounts(self, settings: Settings) -> TokenAccounts | None:
        if not settings.web.accounts:
            return None
        if self.remembering is None:
            raise InputError("tokens lie in the store", where="web.accounts", remedy="Set keep = true under [store].")
        from duologue.app.people.accounts import TokenAccounts

        return TokenAccounts(self.remembering.store, self._clock)

    def _talk(self, settings: Settings) -> TalkPart:
        from duologue.app.talk.sessions import TalkPart  # its imports would make the start of a show longer

        listener = TalkListener(self._news.talk, self._news.turn, self.faces.see)
        return TalkPart(settings, self._shared, listener)

    def _line(self, settings: Settings) -> LinePart:
        from duologue.app.calls.line import LinePart

        return LinePart(settings, self._shared, self.bus.topic("line"), TalkListener(moved=self.faces.see))

    def _endpoints(self, settings: Settings) -> Endpoints:
        from duologue.app.endpoints import Endpoints

        return Endpoints(settings, self._shared, TalkListener(self._news.talk, self._news.turn))

    def _exported(self, settings: TelemetrySettings) -> OtlpExport | None:
        """Who tells a collector, if there is one. Raises :class:`InputError`."""
        if settings.otlp is None:
            return None
        from duologue.telemetry.otlp_export import OtlpExport

        made = OtlpExport(
            settings.otlp, self.ledger.origin, self._metrics.registry, texts=settings.otlp_texts,
            every=settings.otlp_seconds, clock=self._clock, instance=unique_id(self._clock.wall()),
        )  # fmt: skip
        self.ledger.watch(made.observe)
        return made

    async def run(self) -> None:
        """Keep every part going until cancelled, or until all are over.

        Raises what none of them could be for, when none could.
        """
        async with (
            written_as_set(self.ledger, self._settings),
            self._kept(),
            self.engines.open(),
            asyncio.TaskGroup() as group,
        ):
            looking = group.create_task(self._look())
            watching = group.create_task(self._machine.run())
            drawing = group.create_task(self.faces.run())
            counting = group.create_task(self.spending.run())
            beside = [group.create_task(self.accounts.run())] if self.accounts is not None else []
            if self.remembering is not None:
                beside.append(group.create_task(self.remembering.run()))
            beside.append(group.create_task(self._remember_shows()))
            telling = group.create_task(self._tell_traces(self._export)) if self._export is not None else None
            tasks = {group.create_task(keeper.run()): keeper for keeper in self.keepers}
            try:
                await asyncio.wait(tasks)
            finally:
                self._closing = True
                self.bus.close()
                self.evidence.close()
                looking.cancel()
                watching.cancel()
                drawing.cancel()
                counting.cancel()
                await self._end(tasks)
                for task in beside:
                    task.cancel()
                if telling is not None:
                    telling.cancel()  # last: it tells of the turns that have just ended
                    await asyncio.wait([telling])
        failures = [keeper.error for keeper in self.keepers if keeper.error is not None]
        if len(failures) == len(self.keepers):
            raise ExceptionGroup("no part of the house could be", failures)

    async def _tell_traces(self, export: OtlpExport) -> None:
        with exporting():
            await export.run()

    @asynccontextmanager
    async def _kept(self) -> AsyncGenerator[None]:
        """The store takes what it is given, to the last."""
        if self.remembering is not None:
            self.remembering.store.start()
            await self.spending.attach(self.remembering.store)
        try:
            yield
        finally:
            if self.remembering is not None:
                self.spending.finish()
                await self.remembering.store.close()

    async def _remember_shows(self) -> None:
        """Once they are on air: loading the store takes a third of a second, and a show begins without."""
        if not self._settings.store.keep or not self.shows:
            return
        due = self._clock.now()
        while not any(show.state is PartState.UP for show in self.shows):
            due = max(due + LOOK, self._clock.now())
            await self._clock.wait_until(due)
        own: Remembering | None = None
        try:
            if self.remembering is None:
                self.remembering = own = await asyncio.to_thread(self._open_store, self._settings)
                own.store.start()
                await self.spending.attach(own.store)
            for show in self.shows:
                await show.memory.begin(self.remembering)
        except DuologueError as error:  # a show goes on without
            log.warning("show.knows_nothing_of_before", cause=in_words(error))
        due = self._clock.now()
        while own is not None:  # of one that was there before, others see to it
            own.retain()
            due = max(due + DAY, self._clock.now())
            await self._clock.wait_until(due)

    # What the outside asks

    def answered(self, record: RequestRecord) -> None:
        """A request that belongs to somebody's trace was."""
        self.ledger.enter(WEB, record)

    def view(self) -> HouseView:
        """The house now."""
        return HouseView(
            parts=tuple(keeper.view() for keeper in self.keepers),
            engines=self._engines_now(),
            workers=self.workers(),
            outputs=self._outputs_now(),
            places=self._places_now(),
            waiting=self.admission.places.waiting,
            talks=tuple(view for talk in self._talks() for view in talk.open_now),
            store=self.store(),
        )

    def _talks(self) -> Iterator[Talk]:
        if self.talk is not None:
            yield self.talk
        if self.endpoints is not None:
            yield self.endpoints.talk

    def state(self, topics: Topics) -> StateEvent:
        """What a reader of ``topics`` begins with: the house, the first show among them, and the phone line."""
        show = next((show for show in self.shows if show.topic in topics), None)
        event = show.shown() if show is not None else StateEvent(state=StateView(house=self.view()))
        if self.line is None or self.line.topic not in topics:
            return event
        return StateEvent(state=event.state.model_copy(update={"line": self.line.view()}))

    @property
    def people(self) -> People | None:
        """What is kept of people; None: nothing is."""
        if self.remembering is None:
            return None
        from duologue.app.people.people import People

        return People(self.remembering.store, self._clock, self._shelf)

    @property
    def _shelf(self) -> RunShelf:
        return RunShelf(self._settings.runs.folder or runs_folder())

    def _usual_voice(self, engine: str) -> str:
        return find_partner(HOUSE_VOICE, self._settings).voices[engine]

    def _run_of(self, part: str) -> str:
        recorder = self.ledger.recorder
        return recorder.run_of(part) if recorder is not None else ""

    def _write_runs(self) -> None:
        """What was entered until now is in its run; it blocks."""
        if self.ledger.recorder is not None:
            self.ledger.recorder.settle()

    @property
    def twilio(self) -> TwilioCalls | None:
        """The calls that come from Twilio; None while none are taken."""
        return self.line.twilio if self.line is not None else None

    def store(self) -> StoreView | None:
        """What is kept of people; None: nothing is."""
        if self.remembering is None:
            return None
        state = self.remembering.store.state
        return StoreView(
            where=state.where, failure=state.failure, remedy=state.remedy, lost=state.lost, waiting=state.waiting
        )

    def workers(self) -> tuple[WorkerView, ...]:
        """Every child process that is kept running."""
        return tuple(self._worker_now(state) for state in self.engines.workers.states())

    async def usage(self, by: UsageBy = "engine", since: str = "") -> UsageView:
        """What engines were asked for since a day, and what of today's caps is used. Raises as
        :meth:`Spending.view <duologue.app.spending.spending.Spending.view>`.
        """
        return await self.spending.view(by, since)

    async def setup(self) -> SetupView:
        """Which keys are there, and what a better voice or mind would take."""
        return await setup.look(self._settings)

    def direct_part(self, topic: str, order: str) -> PartView:
        """``start``, ``stop`` or ``restart`` the part of a topic; how it is at once.

        Raises :class:`InputError` for one that is not there, or that is over.
        """
        keeper = next((each for each in self.keepers if each.part.topic == topic), None)
        if keeper is None:
            raise InputError(f"there is no part {topic!r}", where="topic", remedy="See the Services page.")
        {"start": keeper.start, "stop": keeper.stop, "restart": keeper.restart}[order]()
        log.info("part.directed", part=keeper.part.name, order=order)
        return keeper.view()

    async def restart_worker(self, name: str) -> WorkerView:
        """Put another in the place of a worker, when it is done with what it is at; how it is then.

        Raises :class:`InputError` for a name that is not there.
        """
        return self._worker_now(await self.engines.workers.restart(name))

    def healthy(self) -> tuple[bool, Sequence[str]]:
        """Whether the process works at all."""
        return (False, ("it is shutting down",)) if self._closing else (True, ())

    def metrics(self, *, openmetrics: bool = False) -> bytes:
        """Prometheus' text exposition of all parts; that of OpenMetrics has exemplars."""
        return self._metrics.exposition(openmetrics=openmetrics)

    # What the parts report

    def _worker_changed(self, state: WorkerState) -> None:
        self.ledger.enter(HOUSE, WorkerRecord(state.name, state.phase.value, state.cause, state.restarts))
        self._tell_worker(self._worker_now(state))

    def _worker_now(self, state: WorkerState) -> WorkerView:
        return worker_view(state, self._stamps, self.engines.workers.gate)

    def _tell_worker(self, view: WorkerView) -> None:
        self._worker_views[view.name] = view
        self.bus.publish(WorkerEvent(worker=view), "engines")

    def _handed_over(self, handover: Handover) -> None:
        self._news.handover(handover)
        self._look_at_engines()

    def _place_told(self, kind: PlaceKind, outcome: str) -> None:
        self._news.place(self.admission.places, kind, outcome)

    def _places_changed(self) -> None:
        event = PlacesEvent(places=self._places_now(), waiting=self.admission.places.waiting)
        self.bus.publish(event, "machine")

    # How it is done

    async def _look(self) -> None:
        due = self._clock.now()
        while True:
            for keeper in self.keepers:
                keeper.look()
            self._look_at_engines()
            self._look_at_outputs()
            self._metrics.lost(self.ledger.dropped)
            self._look_at_workers()
            note_engines(self._metrics.engines, self._vitals())
            for cap in self.spending.caps():
                self._metrics.engines.cap(cap.engine, cap.unit, cap.share)
            due = max(due + LOOK, self._clock.now())
            await self._clock.wait_until(due)

    def _look_at_engines(self) -> None:
        views = self._engines_now()
        if views != self._engine_views:
            self._engine_views = views
            self.bus.publish(EnginesEvent(engines=views), "engines")

    def _look_at_outputs(self) -> None:
        views = self._outputs_now()
        if views != self._output_views:
            self._output_views = views
            self.bus.publish(OutputsEvent(outputs=views), "machine")

    def _outputs_now(self) -> tuple[OutputView, ...]:
        return tuple(view for show in self.shows for view in show.outputs())

    def _look_at_workers(self) -> None:
        """What waited, for the page and the metrics: the gate counts, and tells nobody."""
        for view in self.workers():
            known = self._worker_views.get(view.name)
            if known is not None and _waits(known) != _waits(view):
                self._tell_worker(view)
        for (worker, urgency), count in self.engines.workers.gate.counts.items():
            self._metrics.engines.work(worker, urgency.name.lower(), count)

    def _engines_now(self) -> tuple[EngineView, ...]:
        return tuple(
            engine_view(
                each, self._picks, device=device_of(self._settings.engine(each.health.name)),
                factor=self._settings.factor(each.health.name),
            )
            for each in self._vitals()
        )  # fmt: skip

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


def _waits(view: WorkerView) -> tuple[float, int, int]:
    return view.waited_s, view.gave_way, view.queued
