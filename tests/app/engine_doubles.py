"""Fake engines in the place of those that settings name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from duologue.app.engines import engines
from duologue.app.show.cast import CastMember
from duologue.audio.pcm import Samples
from duologue.language.fake import FakeLanguage
from duologue.language.persona import Persona
from duologue.settings import Settings
from duologue.simulation.virtual_time import LoopClock
from duologue.speech.hearing import Expected, HearingCapabilities, Transcript, VoicePresence
from duologue.speech.hearing_fake import FakeHearing, Hearing

ADA = CastMember("ada", "Ada", "", "#fff", Path(), Persona("ada", "Ada", "A calm woman."), {"fake": "low"})


class LimitedEar(FakeHearing):
    """Hears so many stretches at once, and lets more wait, as PocketSphinx does; ``limit_known``: it says so."""

    def __init__(self, usual: Hearing, at_once: int, *, limit_known: bool, clock: LoopClock) -> None:
        super().__init__(usual=usual, clock=clock)
        self._at_once = at_once if limit_known else None
        self._free = asyncio.Semaphore(at_once)

    @property
    def capabilities(self) -> HearingCapabilities:
        return HearingCapabilities(partials=True, punctuation=True, words=True, at_once=self._at_once)

    async def listen(
        self, sound: AsyncIterator[Samples], expected: Expected | None = None, voice: VoicePresence | None = None
    ) -> AsyncGenerator[Transcript, None]:
        async with self._free:
            async for transcript in super().listen(sound, expected, voice):
                yield transcript


class SlowLanguage(FakeLanguage):
    """Comes up after so many seconds. ``closed``, ``warmed``: how often."""

    def __init__(self, name: str = "fake", seconds: float = 0.0, clock: LoopClock | None = None) -> None:
        super().__init__(clock=clock or LoopClock())
        self.name = name
        self._seconds = seconds
        self.closed = self.warmed = 0

    async def warm_up(self) -> None:
        await asyncio.sleep(self._seconds)
        self.warmed += 1

    async def close(self) -> None:
        self.closed += 1
        await super().close()


Make = Callable[[str], object]
"""An engine by its name in settings."""


def install(monkeypatch: pytest.MonkeyPatch, **makes: Make) -> None:
    """Have ``llm``, ``tts``, ``stt`` and ``vad`` made so, and nothing done in a thread: virtual time knows none."""
    groups = {f"duologue.{kind}": make for kind, make in makes.items()}

    def create(group: str, name: str, settings: Settings) -> object:
        return groups[group](name)

    async def at_once(work: Callable[..., Any], *arguments: object) -> Any:
        return work(*arguments)

    monkeypatch.setattr(engines, "_create", create)
    monkeypatch.setattr(asyncio, "to_thread", at_once)
