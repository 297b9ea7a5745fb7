"""A show as a part of the house: a studio of its own for each run, on engines and events that all share."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager

from duologue.app.admission import Needs, PlaceKind
from duologue.app.bus import BusTopic
from duologue.app.engines.engines import EnginePool
from duologue.app.house.parts import Keeper
from duologue.app.house.shared import Shared
from duologue.app.models import HouseView, PartState, StateEvent, StateView
from duologue.app.show.cast import CastMember
from duologue.app.show.early_stage import EarlyStage
from duologue.app.show.memory import ShowMemory
from duologue.app.show.output_models import OutputView
from duologue.app.show.studio import Studio, open_studio
from duologue.metering import Customer, charged_to
from duologue.settings import Settings
from duologue.speech.utterance import Utterance
from duologue.telemetry.metrics.metrics import Metrics

NEEDS: Needs = frozenset({PlaceKind.VOICE, PlaceKind.THOUGHT})


class ShowPart:
    """A show of the house. ``stage`` is the process of its first stage, if that was started already."""

    def __init__(
        self,
        settings: Settings,
        cast: Sequence[CastMember],
        shared: Shared,
        bus: BusTopic,
        metrics: Metrics,
        *,
        stage: EarlyStage | None = None,
        house: Callable[[], HouseView] = HouseView,
        told: Callable[[Keeper], None] = lambda keeper: None,
        spoken: Callable[[Utterance, int], None] = lambda utterance, at: None,
        silent: Callable[[str, int, int], None] = lambda line, at, played: None,
    ) -> None:
        self._spoken, self._silent = spoken, silent
        self._settings = settings
        self._cast = cast
        self._shared = shared
        self._bus = bus
        self._metrics = metrics
        self._stage = stage
        self._house = house
        self.memory = ShowMemory(bus.name, shapes=settings.show.seed is None)
        """What it remembers of itself, whatever becomes of its studio."""
        self.studio: Studio | None = None
        """None while it is not open; that of a programme that is over is kept, for who still watches."""
        self.keeper = Keeper(self, shared.clock, told)

    @property
    def name(self) -> str:
        """As its settings call it."""
        return self._settings.name

    @property
    def topic(self) -> str:
        """Of its events."""
        return self._bus.name

    @property
    def state(self) -> PartState:
        """Where it is in its life."""
        return self.keeper.state

    @property
    def failure(self) -> str:
        """Why it is not on air; empty while it is."""
        return self.keeper.failure

    @property
    def headless(self) -> bool:
        """It has no page."""
        return self._settings.show.headless

    def ready(self) -> Sequence[str]:
        """Why a viewer would see nothing now, or hear nobody."""
        return self.studio.ready()[1] if self.studio is not None else ("it is being opened",)

    def outputs(self) -> Sequence[OutputView]:
        """What goes out of it."""
        return self.studio.outputs() if self.studio is not None else ()

    async def run(self) -> None:
        """Be on air until cancelled, or until the programme is over. Raises :class:`~duologue.app.admission.PlaceTaken`
        when engines that are up already carry no more.
        """
        stage, self._stage = self._stage, None
        with charged_to(Customer(self.topic)):
            await self._broadcast(stage)

    async def _broadcast(self, stage: EarlyStage | None) -> None:
        shared = self._shared
        try:
            async with (
                shared.engines.lend() as engines,
                shared.admission.place(NEEDS),
                _core(shared.engines),
                open_studio(
                    self._settings,
                    engines,
                    self._bus,
                    shared.ledger,
                    self._metrics,
                    cast=self._cast,
                    clock=shared.clock,
                    stage=stage,
                    memory=self.memory,
                ) as self.studio,  # fmt: skip
            ):
                self.studio.spoken, self.studio.silent = self._spoken, self._silent
                self._bus.renew()  # to who has read since before it was opened
                await self.studio.run()
        except BaseException:
            self.studio = None
            raise

    def shown(self) -> StateEvent:
        """All that a page shows."""
        house = self._house()
        return self.studio.state(house) if self.studio is not None else StateEvent(state=StateView(house=house))


@asynccontextmanager
async def _core(engines: EnginePool) -> AsyncGenerator[None]:
    """The stage draws and encodes on about one core, so engines have one less between them."""
    with engines.workers.gate.reserved():
        yield
