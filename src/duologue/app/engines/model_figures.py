"""What a model costs on this machine: measured once, when it is fetched, by the engine that will run it.

Voices say a short and a longer sentence; ears hear one, by the embedded voice. Times are by the clock, or the CPU time
that it took where that is less: then others had the cores meanwhile, and that tells nothing of the model. A model that
does not run is told of, not raised: it was fetched well, and what its engine lacks can come later.
"""

from __future__ import annotations

import asyncio
import os
import statistics
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, cast

import numpy as np
import psutil

from duologue.app.doctor.ears import speak
from duologue.audio.pcm import Samples
from duologue.clock import SECOND, SYSTEM_CLOCK, Clock
from duologue.dialogue.listening.endpointing import MIN_WAIT_MS
from duologue.errors import DuologueError, in_words
from duologue.models.catalogue import Model, ModelKind
from duologue.models.figures import Figures, this_machine
from duologue.settings import installed_model, load_settings
from duologue.speech.engine import TextToSpeech
from duologue.speech.hearing import EAR_RATE, Expected, SpeechToText
from duologue.speech.whisper.stretch import PAUSE

SHORT = "Good to hear it, yes."
LONGER = "The kettle is on, the table is laid for four, and somebody has already eaten the last biscuit."
ROUNDS = 3
PATIENCE = 120.0
"""Seconds for all of it."""
HEAD_START_MS = MIN_WAIT_MS - 1000 * PAUSE / EAR_RATE
"""Ears begin their last pass that long before the soonest decision."""
GRAIN_MS = 10.0
"""Of CPU times: nothing is called free."""
_GROUPS = {ModelKind.VOICE: "duologue.tts", ModelKind.EARS: "duologue.stt"}


async def measure(model: Model, folder: Path, clock: Clock = SYSTEM_CLOCK) -> Figures:
    """The figures of a model that lies in ``folder``; takes some seconds of CPU time."""
    if model.kind not in _GROUPS:
        return Figures(this_machine())
    try:
        async with asyncio.timeout(PATIENCE):
            return await (_voice if model.kind is ModelKind.VOICE else _ears)(model, folder, clock)
    except TimeoutError:
        return Figures(this_machine(), trouble=f"it took more than {PATIENCE:g} s")
    except DuologueError as error:
        return Figures(this_machine(), trouble=in_words(error))


def _engine(model: Model, folder: Path) -> Any:
    """The engine of the model, on its files alone."""
    group = _GROUPS[model.kind]
    point = next(point for point in entry_points(group=group) if point.name == model.engine)
    part = installed_model(model.engine, group)
    return point.load()(part.model_validate(model.table(folder)) if part is not None else None)


async def _voice(model: Model, folder: Path, clock: Clock) -> Figures:
    engine = cast("TextToSpeech", _engine(model, folder))
    try:
        before = _memory()
        await engine.warm_up()
        voice = (model.voices or engine.capabilities.voices)[0]
        firsts: list[float] = []
        factors: list[float] = []
        for _ in range(ROUNDS):
            firsts.append((await _said(engine, SHORT, voice, clock))[0] * 1000)
            _, took, length = await _said(engine, LONGER, voice, clock)
            factors.append(took / length)
        memory = max(0.0, _memory() - before)
        notes: tuple[str, ...] = getattr(engine, "notes", ())
    finally:
        await engine.close()
    return Figures(
        this_machine(), round(statistics.median(firsts), 1), round(statistics.median(factors), 3),
        memory_mb=round(memory), note=" ".join(notes),
    )  # fmt: skip


async def _said(engine: TextToSpeech, text: str, voice: str, clock: Clock) -> tuple[float, float, float]:
    """Until the first sound, until the last, and the length of it (s)."""
    watch, first, samples = _Watch(clock), 0.0, 0
    async with aclosing(engine.speak(text, voice)) as chunks:
        async for chunk in chunks:
            if not samples:
                first = watch.seconds()
            samples += len(chunk.samples)
    return first, watch.seconds(), max(samples, 1) / engine.capabilities.rate


async def _ears(model: Model, folder: Path, clock: Clock) -> Figures:
    engine = cast("SpeechToText", _engine(model, folder))
    try:
        before = _memory()
        await engine.warm_up()
        sound = await speak(load_settings({"engines.tts": "espeak", "engines.stt": "pocketsphinx"}))
        if sound is None:
            return Figures(this_machine(), trouble="the embedded voice did not speak to it")
        finals = [await _heard(engine, sound, clock) for _ in range(ROUNDS)]
        memory = max(0.0, _memory() - before)
    finally:
        await engine.close()
    return Figures(this_machine(), final_ms=round(max(finals), 1), memory_mb=round(memory))


class _Voice:
    """See :class:`duologue.speech.hearing.VoicePresence`: one that speaks until it is said to have gone."""

    ended: int | None = None


async def _heard(engine: SpeechToText, sound: Samples, clock: Clock) -> float:
    """From the soonest that a session decides that a turn is over to its final words (ms). Ears are told that the voice
    went, as in a session, and have :data:`HEAD_START_MS` before that decision.
    """
    watch, voice = _Watch(clock), _Voice()

    async def told() -> AsyncIterator[Samples]:
        for at in range(0, len(sound), EAR_RATE // 10):
            yield sound[at : at + EAR_RATE // 10]
        voice.ended = len(sound)
        watch.start()
        yield np.zeros(MIN_WAIT_MS * EAR_RATE // 1000, np.float32)

    async with aclosing(engine.listen(told(), Expected(), voice)) as transcripts:
        async for _ in transcripts:
            pass
    return max(watch.seconds() * 1000 - HEAD_START_MS, GRAIN_MS)


class _Watch:
    """A watch by the clock and by the CPU time of this process and its workers."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.start()

    def start(self) -> None:
        """From now on."""
        self._began, self._used = self._clock.now(), _cpu()

    def seconds(self) -> float:
        """Since then, by the clock, or of CPU time where that is less."""
        return min((self._clock.now() - self._began) / SECOND, max(_cpu() - self._used, GRAIN_MS / 1000))


def _cpu() -> float:
    """Seconds of CPU time of this process and its workers."""
    return sum(times.user + times.system for times in _each(lambda process: process.cpu_times()))


def _memory() -> float:
    """Resident MB of this process and its workers."""
    return sum(memory.rss for memory in _each(lambda process: process.memory_info())) / 1e6


def _each(ask: Callable[[psutil.Process], Any]) -> list[Any]:
    """What this process and its workers answer; one that has ended answers nothing."""
    own = psutil.Process(os.getpid())
    answers: list[Any] = []
    for process in (own, *own.children(recursive=True)):
        try:
            answers.append(ask(process))
        except psutil.NoSuchProcess:
            continue
    return answers
