"""A house with the compatible API on loopback, for clients of OpenAI's that nobody has changed."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI
from studio_double import HouseDouble

from duologue.app.admission import Admission
from duologue.app.endpoints import Endpoints
from duologue.app.engines import engines
from duologue.app.house.house import House
from duologue.app.house.shared import Shared
from duologue.clock import SYSTEM_CLOCK
from duologue.language.engine import LanguageModel
from duologue.settings import load_settings
from duologue.speech.hearing import SpeechToText
from duologue.speech.hearing_fake import FakeHearing
from duologue.telemetry.stream import Ledger
from duologue.web.application import create_app
from duologue.web.listener import Listener, make_listener
from duologue.web.options import WebOptions

EMBEDDED = {"engines.tts": "espeak", "engines.stt": "pocketsphinx", "engines.llm": "improv"}


@dataclass
class OpenAISite:
    """Where it is, and what stands behind it."""

    port: int
    house: House
    listener: Listener

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"


def thinking(monkeypatch: pytest.MonkeyPatch, model: LanguageModel) -> None:
    """Have ``model`` think in every house."""
    given(monkeypatch, engines.LLM_GROUP, model)


def given(monkeypatch: pytest.MonkeyPatch, kind: str, engine: object) -> None:
    """Have ``engine`` be that of its ``kind`` in every house."""
    create: Any = engines._create  # pyright: ignore[reportPrivateUsage]

    def made(group: str, name: str, chosen: Any) -> Any:
        return engine if group == kind else create(group, name, chosen)

    monkeypatch.setattr(engines, "_create", made)


@contextlib.asynccontextmanager
async def openai_client(
    monkeypatch: pytest.MonkeyPatch,
    llm: LanguageModel | None = None,
    key: str = "none",
    *,
    ears: SpeechToText | None = None,
    hears: bool = False,
    **options: Any,
) -> AsyncGenerator[AsyncOpenAI]:
    """A client of a house in this process whose engines are warm; ``llm`` thinks in it. It asks once.

    PocketSphinx takes longer to load than all that most tests ask for: who ``hears`` has it, the others have ``ears``
    that understand nothing.
    """
    settings = load_settings(EMBEDDED)
    pool = engines.EnginePool(settings)
    if llm is not None:
        thinking(monkeypatch, llm)
    if not hears:
        given(monkeypatch, engines.STT_GROUP, ears or FakeHearing())
    endpoints = Endpoints(settings, Shared(pool, Admission(pool.at_once), Ledger(SYSTEM_CLOCK)))
    app = create_app(HouseDouble(endpoints=endpoints), WebOptions(**options))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with pool.open(), asyncio.TaskGroup() as group:
        running = group.create_task(endpoints.run())
        while endpoints.ready():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        async with httpx.AsyncClient(transport=transport) as http:
            taken: Any = http  # they name httpx by another name
            yield AsyncOpenAI(base_url="http://127.0.0.1/v1", api_key=key, http_client=taken, max_retries=0)
        running.cancel()


@contextlib.asynccontextmanager
async def openai_site(room: int = 0, **flags: Any) -> AsyncGenerator[OpenAISite]:
    """It is warm. ``room``: bytes that the kernel takes for a client which does not read (0: as it does)."""
    given: dict[str, Any] = {"serve.show": False, "serve.api": True, **EMBEDDED, **flags}
    settings = load_settings(given)
    house = House(settings)
    listener = make_listener(house, settings)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        if room:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, room)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(house.run())
            serving = group.create_task(listener.serve([sock]))
            try:
                async with asyncio.timeout(90):
                    while not listener.started or house.endpoints is None or house.endpoints.ready():  # noqa: ASYNC110
                        await asyncio.sleep(0.02)
                yield OpenAISite(sock.getsockname()[1], house, listener)
            finally:
                listener.should_exit = True
                await serving
                running.cancel()
