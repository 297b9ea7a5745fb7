"""Each engine by itself, cold and warm: how long until the final transcript, the first word, the first sound.

*Cold* is from making the engine to its first answer; *warm* is the median of what follows. Ears hear a spoken question
at the pace of speech; what is timed begins with its last sample. Whisper runs on a tiny random model: its words are
nonsense, its path is the real one, so it shows what the path costs and not what a model does. Hosted engines are not
among them: against a double on this machine they would show the double.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.table import Row, row
from benchmarks.voice import probe, scenes
from duologue.app.show.cast import load_member
from duologue.audio.pcm import Samples, from_int16
from duologue.clock import MILLISECOND
from duologue.language.engine import LanguageModel, Line, Moment, Prompt
from duologue.language.improv import Improv
from duologue.speech.engine import TextToSpeech
from duologue.speech.espeak.engine import Espeak
from duologue.speech.hearing import SpeechToText
from duologue.speech.pocketsphinx.engine import PocketSphinx
from duologue.speech.whisper.engine import Whisper, WhisperSettings

QUESTION = "What time does the museum open?"
SENTENCE = "It opens at ten, and on Sunday at eleven."
TIMES = 5
_MODELS = Path(__file__).parents[2] / "tests" / "speech"


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds."""

    cold: float
    warm: float


async def _times(make: Callable[[], Awaitable[Any]], use: Callable[[Any], Awaitable[float]]) -> Times:
    """``make`` a warm engine, ``use`` it again and again; what its first answer and the later ones take."""
    before = probe.now()
    engine = await make()
    try:
        made = (probe.now() - before) / MILLISECOND
        first = await use(engine)
        return Times(made + first, float(np.median([await use(engine) for _ in range(TIMES)])))
    finally:
        await engine.close()


async def _hear(engine: SpeechToText, sound: Samples) -> float:
    """From the last sample to the final transcript (ms)."""
    ended = 0

    async def spoken() -> AsyncIterator[Samples]:
        nonlocal ended
        start = probe.now()
        for number in range(-(-len(sound) // probe.FRAME)):
            due = start + (number + 1) * probe.FRAME_NS
            await asyncio.sleep(max(0, due - probe.now()) / probe.SECOND)
            yield sound[number * probe.FRAME : (number + 1) * probe.FRAME]
        ended = probe.now()

    async for transcript in engine.listen(spoken()):
        if transcript.final:
            break
    return (probe.now() - ended) / MILLISECOND


async def _think(engine: LanguageModel) -> float:
    """To the first piece of a reply (ms)."""
    persona = load_member("chad", ("espeak",)).persona
    prompt = Prompt(persona, (), "museums", (Line("person", QUESTION),), Moment.ANSWER)
    before = probe.now()
    async for _ in engine.write(prompt):
        return (probe.now() - before) / MILLISECOND
    raise RuntimeError(f"{engine.name} wrote nothing")


async def _speak(engine: TextToSpeech, voice: str) -> float:
    """To the first sound of a sentence (ms)."""
    before = probe.now()
    async for chunk in engine.speak(SENTENCE, voice):
        if len(chunk.samples):
            return (probe.now() - before) / MILLISECOND
    raise RuntimeError(f"{engine.name} said nothing")


async def _warm(engine: Any) -> Any:
    await engine.warm_up()
    return engine


async def _all(models: Path) -> list[tuple[str, str, Times]]:
    question = from_int16(scenes.said(QUESTION, scenes.VOICES[0]))
    sys.path.insert(0, str(_MODELS))
    tiny: Any = import_module("whisper_model")
    model = tiny.make(models / "tiny")
    hears = "final transcript after the speech ended"
    return [
        ("pocketsphinx", hears, await _times(lambda: _warm(PocketSphinx()), lambda ears: _hear(ears, question))),
        (
            "whisper, tiny random model",
            hears,
            await _times(lambda: _warm(Whisper(WhisperSettings(model=str(model)))), lambda ears: _hear(ears, question)),
        ),
        ("improv", "first token", await _times(lambda: _warm(Improv()), _think)),
        ("espeak", "first sound", await _times(lambda: _warm(Espeak()), lambda voice: _speak(voice, "en-us+m3"))),
    ]


TARGETS = {"pocketsphinx": " (target ≤ 150)"}


def rows() -> list[Row]:
    """A row per engine, warm, with the cold figure beside it."""
    with TemporaryDirectory() as folder:
        found = asyncio.run(_all(Path(folder)))
    return [
        row(f"{name}: {what}, warm{TARGETS.get(name, '')}", times.warm, "ms", f"cold {times.cold:.0f}")
        for name, what, times in found
    ]
