"""What a page waits for when it connects to a show of twelve hours: the state in one message, of bounded size."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import MutableMapping
from typing import Any

import numpy as np

from benchmarks.table import Row, row
from duologue.app.engines.engines import open_engines
from duologue.app.house.house import House
from duologue.app.models import ConversationState, ConversationView, TelemetryEvent, TelemetryView
from duologue.app.show.studio import Studio, open_studio
from duologue.clock import MILLISECOND, SYSTEM_CLOCK
from duologue.settings import load_settings
from duologue.speech.utterance import Mark, MarkKind, Utterance
from duologue.telemetry.ledger import TurnRecord
from duologue.telemetry.metrics.metrics import Metrics
from duologue.web.events import EventStream

HOURS, TURNS, CONVERSATIONS = 12, 1000, 50
PAGES = 50
LINE = " ".join(f"word{number}" for number in range(35))
WANTED_MS = 100.0
WANTED = f"wanted: {WANTED_MS:g} ms"


def talk(studio: Studio, name: str, turns: int) -> None:
    """Enter a conversation with so many turns as it would be on air, every word with its times."""
    cast = ("chad", "virgin")
    studio.book.open(
        ConversationView(
            id=name, topic="tea", cast=cast, turns_planned=turns, seed=1, state=ConversationState.RUNNING, started=0
        )
    )
    marks = tuple(Mark(MarkKind.WORD, word, place * 100, place * 100 + 90) for place, word in enumerate(LINE.split()))
    for number in range(turns):
        turn, speaker = f"{name}-{number}", cast[number % 2]
        studio.book.voiced(Utterance(turn, speaker, LINE, np.zeros(3500, np.float32), marks=marks))
        at = (number + 1) * 1000 * MILLISECOND
        studio.book.record(
            TurnRecord(turn, name, number, speaker, text=LINE, asked=at, on_air=at, ended=at + 1, state="ended")
        )


def beat(second: int) -> TelemetryEvent:
    """A second's figures."""
    names = TelemetryView.model_fields
    return TelemetryEvent(telemetry=TelemetryView.model_validate({name: second % 30 for name in names}))


async def connect(house: House, topics: frozenset[str]) -> tuple[float, int]:
    """A page: the milliseconds until it had the state, and the message's bytes."""
    found: list[int] = []
    gone = asyncio.Event()

    async def receive() -> MutableMapping[str, Any]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        body: bytes = message.get("body", b"")
        if b"event: state" in body:
            found.append(len(body))
            gone.set()

    began = SYSTEM_CLOCK.now()
    stream = EventStream(house.bus.subscribe(topics), 15.0, asyncio.Event())
    await stream({"type": "http"}, receive, send)
    [size] = found
    return (SYSTEM_CLOCK.now() - began) / MILLISECOND, size


async def measure() -> tuple[list[float], int]:
    """Each page's wait (ms), and the state's bytes."""
    settings = load_settings({"show.size": "320x180", "web.port": 0})
    house = House(settings)
    [show] = house.shows
    bus = house.bus.topic(show.topic)
    async with (
        open_engines(settings) as engines,
        open_studio(settings, engines, bus, house.ledger, Metrics()) as show.studio,
    ):
        for number in range(CONVERSATIONS):
            talk(show.studio, f"c{number}", TURNS // CONVERSATIONS)
        for second in range(HOURS * 3600):
            house.bus.publish(beat(second), show.topic)
        topics = frozenset({show.topic, "engines", "machine", "talk", "line"})
        pages = [await connect(house, topics) for _ in range(PAGES)]
    return [wait for wait, _ in pages], max(size for _, size in pages)


def rows() -> list[Row]:
    """The figures of fifty pages, one after the other."""
    waits, size = asyncio.run(measure())
    median = statistics.median(waits)
    return [
        row(f"page connects to {HOURS} h and {TURNS} turns, p50", median, "ms", WANTED, WANTED_MS / median),
        row("the same, the longest of fifty", max(waits), "ms", WANTED, WANTED_MS / max(waits)),
        row("its state, one message", size / 1000, "kB"),
    ]
