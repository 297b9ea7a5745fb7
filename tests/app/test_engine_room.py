"""Engines by hand: a voice says something, one engine is brought up at a time, and what is not there is named."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import AsyncGenerator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from duologue.app.engines.engine_room import LINE, EngineRoom
from duologue.app.engines.engines import EnginePool
from duologue.app.engines.vitals import device_of, engine_view, vitals
from duologue.chains import EngineHealth
from duologue.errors import ClosedError, InputError
from duologue.speech.chain import VoicingChain
from duologue.speech.engine import SpeechCapabilities
from duologue.speech.speech_cache import CachedSpeech, SpeechCache
from duologue.speech.timed import TimedSpeech
from duologue.speech.utterance import SpeechChunk


class Voice:
    """Says a tone of a second. ``said`` is what it was asked for."""

    name = "tone"
    capabilities = SpeechCapabilities(rate=16_000, voices=("low", "high"))

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []
        self.asked = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def warm_up(self) -> None: ...

    async def speak(self, text: str, voice: str) -> AsyncGenerator[SpeechChunk, None]:
        self.said.append((voice, text))
        self.asked.set()
        await self.gate.wait()
        yield SpeechChunk(np.sin(np.arange(16_000) / 8).astype(np.float32))

    async def close(self) -> None: ...


def room(chain: VoicingChain | None) -> EngineRoom:
    usual = {"tone": "usual"}
    return EngineRoom(cast(EnginePool, SimpleNamespace(chains=(None, chain, None))), usual.__getitem__)


async def test_a_voice_says_what_it_is_given_as_a_wav_file() -> None:
    voice = Voice()
    chain = VoicingChain([voice])
    trial = room(chain)
    assert [each.voices for each in trial.voices] == [()]  # it has not come up
    await chain.warm_up()
    assert [(each.engine, each.voices) for each in trial.voices] == [("tone", ("low", "high"))]
    with wave.open(io.BytesIO(await trial.say("tone", "high", "Hello."))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (48_000, 1, 2)
        assert 40_000 < file.getnframes() <= 48_000
    assert voice.said == [("high", "Hello.")]


@pytest.mark.parametrize(
    ("told", "usual", "listed"),
    [
        (("af", "de", "en-gb", "en-us", "fr"), "en-us+m3?rate=165", ("en-us", "en-gb", "af", "de", "fr")),
        (("de_DE-eva", "en_GB-amy", "en_US-joe"), "en_US-joe?pitch=0.9", ("en_US-joe", "en_GB-amy", "de_DE-eva")),
        (("af_bella", "am_adam", "am_puck"), "am_puck", ("am_puck", "am_adam", "af_bella")),
    ],
)
async def test_the_list_begins_with_the_voice_of_the_house_and_its_kin(
    told: tuple[str, ...], usual: str, listed: tuple[str, ...]
) -> None:
    voice = Voice()
    voice.capabilities = SpeechCapabilities(rate=16_000, voices=told)
    chain = VoicingChain([voice])
    await chain.warm_up()
    trial = EngineRoom(cast(EnginePool, SimpleNamespace(chains=(None, chain, None))), {"tone": usual}.__getitem__)
    assert [each.voices for each in trial.voices] == [listed]
    await trial.warm_up("tts", "tone")
    assert voice.said == [(listed[0], LINE)]


async def test_what_is_not_there_is_named() -> None:
    chain = VoicingChain([Voice()])
    await chain.warm_up()
    with pytest.raises(InputError, match="there is no engine 'bass'") as refused:
        await room(chain).say("bass", "low", "Hello.")
    assert "tone" in refused.value.remedy
    with pytest.raises(InputError, match="no voice 'middle'"):
        await room(chain).say("tone", "middle", "Hello.")
    with pytest.raises(InputError, match="no part that needs one") as refused:
        await room(None).warm_up("tts", "tone")
    with pytest.raises(InputError, match="no kind 'vad'"):
        await room(chain).warm_up("vad", "tone")
    assert room(None).voices == ()


async def test_one_is_tried_at_a_time() -> None:
    voice = Voice()
    chain = VoicingChain([voice])
    await chain.warm_up()
    trial = room(chain)
    voice.gate.clear()
    async with asyncio.TaskGroup() as group:
        first = group.create_task(trial.say("tone", "low", "One."))
        await voice.asked.wait()
        with pytest.raises(ClosedError, match="another engine is being tried"):
            await trial.warm_up("tts", "tone")
        voice.gate.set()
        assert (await first).startswith(b"RIFF")
    await trial.say("tone", "low", "Two.")


async def test_warming_up_asks_the_engine_itself_and_its_pace_is_told(tmp_path: Path) -> None:
    voice = Voice()
    cached = CachedSpeech(TimedSpeech(voice), SpeechCache(tmp_path, 1_000_000))
    chain = VoicingChain([cached])
    await chain.warm_up()
    trial = room(chain)
    for _ in range(3):
        await trial.warm_up("tts", "tone")
    assert voice.said == [("low", LINE)] * 3  # never from the cache
    [found] = vitals(None, chain, 0)
    view = engine_view(found, device="CPU", factor=0.5)
    assert view.cold_ms is not None and view.warm_ms is not None and view.characters is not None
    assert view.expected == pytest.approx(len(LINE) / 0.5, rel=0.02)  # a second of sound for the line
    assert found.health == EngineHealth("tone")


async def test_an_engine_that_tells_no_voices_is_warmed_up_too() -> None:
    """As one on a server whose key may speak and not list."""
    voice = Voice()
    voice.capabilities = SpeechCapabilities(rate=16_000)
    chain = VoicingChain([voice])
    await chain.warm_up()
    await room(chain).warm_up("tts", "tone")
    assert voice.said == [("usual", LINE)]


def test_where_an_engine_computes() -> None:
    assert device_of(None) == device_of(object()) == "CPU"
    assert device_of(SimpleNamespace(base_url="https://key:secret@api.example.org/v1")) == "api.example.org"
