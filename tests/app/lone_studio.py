"""A studio without a house around it: engines, events, ledger and metrics are its own."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from duologue.app.bus import Bus, Topics
from duologue.app.engines.engines import open_engines
from duologue.app.house.house import written_as_set
from duologue.app.models import HouseView, StateEvent
from duologue.app.show.studio import Studio, open_studio
from duologue.settings import Settings
from duologue.telemetry.metrics.metrics import Metrics
from duologue.telemetry.stream import Ledger


@asynccontextmanager
async def lone_studio(settings: Settings) -> AsyncGenerator[Studio]:
    metrics = Metrics()
    async with written_as_set(Ledger(), settings) as ledger, open_engines(settings) as engines:
        ledger.watch(metrics.observe)

        def state(topics: Topics) -> StateEvent:
            return studio.state(HouseView())

        bus = Bus(state, "lone")
        async with open_studio(settings, engines, bus.topic(settings.topic), ledger, metrics) as studio:
            yield studio
        bus.close()
