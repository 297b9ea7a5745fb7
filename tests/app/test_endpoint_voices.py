"""Whom a client of OpenAI's speech API hears, also with engines on servers that tell their voices late, or never."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import numpy as np
import pytest
from engine_doubles import install

from duologue.app.admission import Admission
from duologue.app.endpoints import FOREIGN_VOICES, Endpoints
from duologue.app.engines.engines import EnginePool
from duologue.app.house.shared import Shared
from duologue.app.talking.partners import find_partner
from duologue.clock import SYSTEM_CLOCK
from duologue.errors import InputError
from duologue.language.fake import FakeLanguage
from duologue.settings import load_settings
from duologue.speech.engine import SpeechCapabilities
from duologue.speech.hearing_fake import FakeHearing, Loudness
from duologue.speech.utterance import SpeechChunk
from duologue.telemetry.stream import Ledger


class Hosted:
    """A voice on a server: which it has is known when it is up, or never."""

    def __init__(self, name: str, *voices: str) -> None:
        self.name = name
        self.said: list[str] = []
        self._voices, self._up = voices, False

    @property
    def capabilities(self) -> SpeechCapabilities:
        assert self._up
        return SpeechCapabilities(rate=16_000, voices=self._voices)

    async def warm_up(self) -> None:
        self._up = True

    async def speak(self, text: str, voice: str) -> AsyncGenerator[SpeechChunk]:
        self.said.append(voice)
        yield SpeechChunk(np.sin(np.arange(16_000) / 8).astype(np.float32))

    async def close(self) -> None: ...


@asynccontextmanager
async def endpoints_of(monkeypatch: pytest.MonkeyPatch, *engines: Hosted) -> AsyncGenerator[Endpoints]:
    by_name = {each.name: each for each in engines}
    make: Callable[[str], object] = by_name.__getitem__
    install(
        monkeypatch, tts=make, llm=lambda name: FakeLanguage(), stt=lambda name: FakeHearing(),
        vad=lambda name: Loudness(),
    )  # fmt: skip
    settings = load_settings(
        {"engines.tts": ",".join(by_name), "engines.stt": "pocketsphinx", "speech_cache.skip": tuple(by_name)}
    )
    pool = EnginePool(settings)
    made = Endpoints(settings, Shared(pool, Admission(pool.at_once), Ledger(SYSTEM_CLOCK)))
    async with pool.open(), asyncio.TaskGroup() as group:
        running = group.create_task(made.run())
        while made.ready():  # noqa: ASYNC110 (it has no event)
            await asyncio.sleep(0.01)
        yield made
        running.cancel()


async def heard(endpoints: Endpoints, voice: str) -> int:
    return sum([len(piece) async for piece in endpoints.speak("Hello there.", voice)])


async def test_a_server_that_lists_its_voices_is_heard_in_them(monkeypatch: pytest.MonkeyPatch) -> None:
    hosted = Hosted("elevenlabs", "George", "Alice")
    async with endpoints_of(monkeypatch, hosted) as endpoints:
        assert {"George", "Alice", "chad"} <= set(endpoints.voices)
        assert await heard(endpoints, "Alice") > 0
        for _ in range(2):  # whom nobody has told of ours hears one of them, always the same
            assert await heard(endpoints, "alloy") > 0
        assert hosted.said[0] == "Alice" and hosted.said[1] == hosted.said[2] in ("George", "Alice")
        with pytest.raises(InputError, match="there is no voice 'nobody'"):
            await heard(endpoints, "nobody")


async def test_a_server_that_lists_none_is_heard_in_the_houses_voice(monkeypatch: pytest.MonkeyPatch) -> None:
    hosted = Hosted("openai_speech")
    async with endpoints_of(monkeypatch, hosted) as endpoints:
        for voice in FOREIGN_VOICES:
            assert await heard(endpoints, voice) > 0
        usual = find_partner("chad", load_settings({"engines.tts": "openai_speech"})).voices["openai_speech"]
        assert set(hosted.said) == {usual}


async def test_each_engine_of_a_chain_has_a_voice_for_whoever_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    listing, silent, local = Hosted("elevenlabs", "George", "alloy"), Hosted("openai_speech"), Hosted("espeak", "en")
    async with endpoints_of(monkeypatch, listing, silent, local) as endpoints:
        found = endpoints.named("alloy")
        assert found["elevenlabs"] == "alloy" and found["openai_speech"] and found["espeak"]
        assert await heard(endpoints, "alloy") > 0
        assert (listing.said, silent.said, local.said) == (["alloy"], [], [])
