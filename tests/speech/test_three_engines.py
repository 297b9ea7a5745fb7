"""Ears, mind and voice in processes of their own, on tiny models, at one gate: who goes first, and what hangs."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import tiny_models
import whisper_model
from spoken_phrases import KITCHEN, flite, padded
from stt_conformance import hear

import tiny_gguf
from duologue.app.engines.worker_views import workers_of
from duologue.clock import SECOND
from duologue.language.engine import Line, Prompt
from duologue.language.llama import LlamaLanguage, LlamaSettings
from duologue.language.persona import Persona
from duologue.precedence import OVERDUE, Errand, Urgency, WorkGate, errand_of
from duologue.speech.piper import engine as piper
from duologue.speech.piper.engine import PiperSpeech
from duologue.speech.whisper.engine import Whisper, WhisperSettings
from duologue.workers import Workers

pytestmark = [pytest.mark.slow, pytest.mark.realtime]

LINE = "The kettle is on, the table is laid for four; somebody has already eaten the last biscuit."


@dataclass
class Engines:
    ears: Whisper
    mind: LlamaLanguage
    voice: PiperSpeech
    gate: WorkGate

    async def write(self, words: int) -> int:
        """So many pieces of an answer that never ends."""
        found = 0
        prompt = Prompt(Persona("ada", "Ada", "Calm."), (), "", (Line("person", "Hello."),))
        async with aclosing(self.mind.write(prompt)) as pieces:
            async for _ in pieces:
                found += 1
                if found == words:
                    break
        return found

    async def say(self) -> int:
        """A line; how much sound that was."""
        async with aclosing(self.voice.speak(LINE, "ann")) as chunks:
            return sum([len(chunk.samples) async for chunk in chunks])

    def pieces(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for (worker, _), count in self.gate.counts.items():
            found[worker] = found.get(worker, 0) + count.pieces
        return found


@asynccontextmanager
async def opened(folder: Path) -> AsyncGenerator[Engines]:
    pytest.importorskip("llama_cpp", reason=tiny_gguf.MISSING)
    tiny_models.vits(folder, "ann")
    gguf = tiny_gguf.write(folder / "endless.gguf", endless=True)
    ears = Whisper(
        WhisperSettings(
            model=str(whisper_model.make(folder / "whisper")), threads=1, compute_type=whisper_model.COMPUTE
        )
    )
    mind = LlamaLanguage(LlamaSettings(model=gguf, context=16_384, threads=1, max_tokens=16_000))
    voice = piper.engine(piper.PiperSettings(folder=folder))
    workers = Workers()
    workers.gate = WorkGate(1)
    try:
        for engine in (ears, mind, voice):
            await engine.warm_up()
            workers.add(*workers_of(engine))
        yield Engines(ears, mind, voice, workers.gate)
    finally:
        for engine in (ears, mind, voice):
            await engine.close()


async def again(urgency: Urgency, work: Callable[[], Awaitable[object]]) -> None:
    while True:
        with errand_of(Errand(urgency)):
            await work()


async def answer(engines: Engines) -> Errand:
    """What somebody said, the first words of an answer, and a sentence of it."""
    with errand_of(Errand(Urgency.AWAITED)) as errand:
        await hear(engines.ears, padded(flite(KITCHEN)))
        assert await engines.write(10) == 10
        assert await engines.say() > 10_000
    return errand


async def test_an_answer_goes_before_all_that_looks_ahead_and_that_goes_on(tmp_path: Path) -> None:
    async with opened(tmp_path) as engines, asyncio.TaskGroup() as group:
        alone = await answer(engines)
        one = engines.pieces()
        others = [
            group.create_task(again(Urgency.NEXT, lambda: engines.write(200))),
            group.create_task(again(Urgency.AHEAD, engines.say)),
            group.create_task(again(Urgency.SPECULATIVE, lambda: engines.write(50))),
        ]
        await asyncio.sleep(0.3)
        beside = [await answer(engines) for _ in range(3)]
        await asyncio.sleep(2.5)
        made = engines.pieces()
        for other in others:
            other.cancel()
    assert alone.waited < 0.1 * SECOND
    for errand in beside:  # at most a piece of another's before each of its own, but for those that starved
        assert errand.waited > 0
    for worker in ("llama", "piper"):
        assert made[worker] > 4 * one[worker], "who gives way goes on all the same"
    assert sum(count.gave_way for count in engines.gate.counts.values()) >= 3, "each answer overtook something"
    assert engines.gate.waiting == 0


async def test_a_worker_that_hangs_holds_nobody_else(tmp_path: Path) -> None:
    async with opened(tmp_path) as engines, asyncio.TaskGroup() as group:
        assert engines.mind.worker.pid is not None
        os.kill(engines.mind.worker.pid, signal.SIGSTOP)
        with errand_of(Errand(Urgency.AWAITED)):
            stuck = group.create_task(engines.write(1))
            await asyncio.sleep(0.05)
        with errand_of(Errand(Urgency.AHEAD)) as errand:
            assert await engines.say() > 10_000
        assert errand.waited > OVERDUE * 0.8 and not stuck.done()
        os.kill(engines.mind.worker.pid, signal.SIGCONT)
        assert await stuck == 1
