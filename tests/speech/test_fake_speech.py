from __future__ import annotations

import asyncio

import pytest
from tts_conformance import SENTENCE, TtsConformance, hear

from duologue.clock import SECOND, VirtualClock
from duologue.errors import PeerError
from duologue.speech.fake import Behaviour, FakeSpeech


class TestFake(TtsConformance):
    voice = "low"

    def make(self) -> FakeSpeech:
        return FakeSpeech()


async def test_latency_passes_on_the_given_clock() -> None:
    clock = VirtualClock()
    engine = FakeSpeech([Behaviour(latency=3 * SECOND, per_chunk=SECOND)], clock=clock)
    await engine.warm_up()
    await hear(engine, "one two three", "high")
    assert clock.now() == 5 * SECOND


async def test_failures_come_when_the_script_says() -> None:
    engine = FakeSpeech([Behaviour(), Behaviour(good_chunks=1, error=PeerError("it broke"))])
    await engine.warm_up()
    await hear(engine, SENTENCE, "low")
    stream = engine.speak(SENTENCE, "low")
    await anext(stream)
    with pytest.raises(PeerError, match="it broke"):
        await anext(stream)
    await hear(engine, SENTENCE, "low")


async def test_a_hanging_call_can_be_cancelled_and_is_counted() -> None:
    engine = FakeSpeech(usual=Behaviour(hang=True, good_chunks=1))
    await engine.warm_up()
    stream = engine.speak(SENTENCE, "low")
    await anext(stream)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(anext(stream))  # pyright: ignore[reportArgumentType]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
    assert engine.cancelled == 1
