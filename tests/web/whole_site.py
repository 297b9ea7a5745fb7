"""A house with all that can be asked of one, without its stage process and without a telephone network."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from studio_double import LineDouble

from duologue.app import setup
from duologue.app.house.house import House
from duologue.app.models import HouseView, PartState, SetupView, StateEvent
from duologue.app.show.output_models import OutputView
from duologue.app.show.studio import Studio, open_studio
from duologue.broadcast.packets import Packet, StreamFormat, Track
from duologue.settings import load_settings
from duologue.telemetry.metrics.metrics import Metrics
from duologue.web.listener import make_listener

EMBEDDED = {"engines.tts": "espeak", "engines.stt": "pocketsphinx", "engines.llm": "improv"}
FORMAT = StreamFormat(640, 360, 30, b"\x01\x64\x00\x1f\xff\xe0\x00", b"\x11\x90")
WALL = 1_700_000_000_000_000_000


@dataclass(frozen=True)
class OpenShow:
    """A show on air: its studio takes whatever is asked, and nobody draws it."""

    studio: Studio
    name: str = "show"
    state: PartState = PartState.UP
    failure: str = ""
    headless: bool = False

    @property
    def topic(self) -> str:
        return f"show:{self.name}"

    def outputs(self) -> tuple[OutputView, ...]:
        return self.studio.outputs()

    def shown(self) -> StateEvent:
        return self.studio.state(HouseView())


def _packets(seconds: int) -> list[Packet]:
    pictures = [Packet(Track.VIDEO, n, 1, n % 30 == 0, b"\0\0\0\1\x65picture") for n in range(seconds * 30 + 5)]
    sounds = [Packet(Track.AUDIO, pts, 1024, True, b"sound") for pts in range(0, seconds * 48_000 + 8000, 1024)]
    return sorted([*pictures, *sounds], key=lambda p: p.pts * (1600 if p.track is Track.VIDEO else 1))


class Line(LineDouble):
    """One call, and no carrier."""

    topic, twilio = "line", None

    @property
    def refusals(self) -> dict[str, int]:
        return {}


@asynccontextmanager
async def whole_house(folder: Path) -> AsyncGenerator[House]:
    """Talks, the compatible API, a store, a show on air and a line with one call, on the embedded engines."""
    flags: dict[str, Any] = {"serve.show": False, "serve.talk": True, "serve.api": True, **EMBEDDED}
    settings = load_settings({**flags, "store.url": f"sqlite:///{folder}/store.sqlite3"})
    house = House(settings)
    whole: Any = house
    async with asyncio.TaskGroup() as group:
        running = group.create_task(house.run())
        try:
            async with asyncio.timeout(90):
                while house.talk is None or house.talk.ready() or house.endpoints is None or house.endpoints.ready():  # noqa: ASYNC110 (they have no events)
                    await asyncio.sleep(0.05)
            topic, metrics = house.bus.topic(settings.topic), Metrics()
            async with (
                house.engines.lend() as engines,
                open_studio(settings, engines, topic, house.ledger, metrics) as studio,
            ):
                studio.outlet.begin(FORMAT, WALL)
                studio.outlet.feed(_packets(3))
                studio.link.ready.set()
                whole.shows, whole.line = (OpenShow(studio),), Line()
                talking = group.create_task(studio.programme.run())
                try:
                    yield house
                finally:
                    whole.shows, whole.line = (), None
                    talking.cancel()
        finally:
            running.cancel()


@asynccontextmanager
async def listening(folder: Path) -> AsyncGenerator[int]:
    """The same behind a real listener on loopback; its port."""
    with pytest.MonkeyPatch.context() as patch:
        quiet_setup(patch)
        async with whole_house(folder) as house:
            listener = make_listener(house, load_settings(EMBEDDED))
            with socket.create_server(("127.0.0.1", 0)) as sock:
                async with asyncio.TaskGroup() as group:
                    serving = group.create_task(listener.serve([sock]))
                    while not listener.started:  # noqa: ASYNC110 (uvicorn has no event)
                        await asyncio.sleep(0.01)
                    try:
                        yield sock.getsockname()[1]
                    finally:
                        listener.should_exit = True
                        await serving


async def _looks_nowhere(settings: object) -> SetupView:
    """Nobody is asked whether a server of models is there."""
    return SetupView(keys=(), upgrades=())


def quiet_setup(patch: Any) -> None:
    """What :meth:`House.setup` would ask of this machine's other programs is not asked."""
    patch.setattr(setup, "look", _looks_nowhere)
