"""A house in this process whose phone line takes calls on loopback: its process, its voice and its table are the real
ones, its ears are scripted (what is to be shown is what becomes of calls, not what is understood).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from duologue.app.calls.line import LinePart
from duologue.app.calls.line_models import LineView
from duologue.app.engines import engines
from duologue.app.house.house import House
from duologue.app.models import LineEvent
from duologue.settings import Settings, load_models_folder, load_settings
from duologue.speech.hearing_fake import FakeHearing, Hearing, evenly
from duologue.telemetry.ledger import CallRecord, Entry, TurnRecord
from peers.sip_line import free_port

MODELS = load_models_folder(None)  # before the tests' own surroundings hide it
GREETING = "Good morning, this is Robin speaking."
QUESTION = "hello can you hear me"
R = TypeVar("R")


class Ears(FakeHearing):
    """Everybody says the same."""

    def __init__(self, text: str = QUESTION) -> None:
        super().__init__(usual=Hearing(evenly(text, 0.2, 0.25)))


class LineHouse:
    """A running one; ``entries`` are its ledger."""

    def __init__(self, house: House, part: LinePart) -> None:
        self.house, self.part = house, part
        self.entries: list[Entry] = []
        self._told = asyncio.Event()
        house.ledger.watch(self._enter)

    def _enter(self, entry: Entry) -> None:
        self.entries.append(entry)
        self._told.set()

    @property
    def port(self) -> int:
        """Where it takes calls, by UDP."""
        return int(self.part.view().listens[0].partition(";")[0].rpartition(":")[2])

    def of(self, kind: type[R]) -> list[R]:
        """What was recorded of ``kind``."""
        return [entry.record for entry in self.entries if isinstance(entry.record, kind)]

    def answers(self) -> list[TurnRecord]:
        """To what callers said."""
        return [turn for turn in self.of(TurnRecord) if turn.kind == "answer" and turn.question]

    async def until(self, reached: Callable[[], object], seconds: float = 20.0) -> None:
        """Until what was recorded makes something so."""
        async with asyncio.timeout(seconds):
            while not reached():
                self._told.clear()
                await self._told.wait()

    async def line(self, reached: Callable[[LineView], object], seconds: float = 30.0) -> LineView:
        """The line as a page is told of it, as soon as something is so."""
        async with asyncio.timeout(seconds):
            async for event in self.house.bus.subscribe(frozenset({"line"})):
                view = event.line if isinstance(event, LineEvent) else self.part.view()
                if reached(view):
                    return view
        raise AssertionError("the house has ended")

    async def call(self, count: int = 1) -> CallRecord:
        """The newest of so many calls that are over."""
        await self.until(lambda: len(self.of(CallRecord)) >= count)
        return self.of(CallRecord)[-1]


@contextlib.asynccontextmanager
async def line_house(
    monkeypatch: pytest.MonkeyPatch, folder: Path, settings: str = "", *, tables: str = "", llm: str = "improv",
    ears: Callable[[], FakeHearing] | None = Ears,
) -> AsyncGenerator[LineHouse]:  # fmt: skip
    """It takes calls. ``settings`` are more of ``[phone]``, ``tables`` stand behind that. Without ``ears`` they are the
    default model's, from :data:`MODELS`.
    """
    if ears is None:
        monkeypatch.setenv("DUOLOGUE_MODELS", str(MODELS))
    else:

        def listening(settings: Settings, name: str) -> FakeHearing:
            return ears()

        monkeypatch.setattr(engines, "create_stt", listening)
    first, file = free_port(40), folder / "duologue.toml"
    file.write_text(
        f'[phone]\nlisten = "127.0.0.1:0"\ngreeting = "{GREETING}"\nmedia_ports = [{first}, {first + 39}]\n'
        f"{settings}\n{tables}"
    )
    flags = {
        "serve.line": True, "serve.show": False, "engines.tts": "espeak", "engines.llm": llm,
        "engines.stt": "pocketsphinx" if ears else "whisper",
    }  # fmt: skip
    house = House(load_settings(flags, config=file))
    assert house.line is not None
    made = LineHouse(house, house.line)
    running = asyncio.get_running_loop().create_task(house.run())
    try:
        async with asyncio.timeout(60):
            while house.line.ready():
                assert not running.done(), running.exception()
                await asyncio.sleep(0.05)
        yield made
    finally:
        running.cancel()
        await asyncio.wait([running])
