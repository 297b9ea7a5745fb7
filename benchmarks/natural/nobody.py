"""Sounds that nobody makes with the mouth: a section of :mod:`benchmarks.natural.ears`.

First through a session on virtual time (:mod:`benchmarks.natural.world`), where nothing may be taken for a turn; then
through the ears with the gate forced open, as if voice activity took all of it for a voice.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

import numpy as np

from benchmarks.machine import say
from benchmarks.natural.recordings import heard, model_folder
from benchmarks.natural.world import Ears, House, uttered
from benchmarks.table import Row, row
from duologue.audio.pcm import Samples
from duologue.dialogue.ports import PlayStarted
from duologue.dialogue.turns.vocabulary import SpeechStarted, Understood
from duologue.simulation.scenario import ScenarioStep
from duologue.simulation.spoken import pink
from duologue.speech.hearing import EAR_RATE
from duologue.speech.silero import Silero
from duologue.speech.whisper.engine import Whisper, WhisperSettings

NOISE_MINUTES = float(os.environ.get("NOISE_MINUTES", "10"))
REPLY = "I did not understand that."


def sounds_of_nobody(seconds: float) -> Iterator[tuple[str, Samples]]:
    """Noise, music, a hold tone, typing and breath: made here, so that anyone has them."""
    count = round(seconds * EAR_RATE)
    at = np.arange(count) / EAR_RATE
    generator = np.random.default_rng(3)
    yield "pink noise", pink(seconds, 0.05)[:count]
    notes = 220 * 2 ** (generator.choice([0, 2, 4, 5, 7, 9, 11, 12], round(seconds * 4) + 1) / 12)
    pitch = np.repeat(notes, EAR_RATE // 4)[:count]
    phase = np.cumsum(pitch) / EAR_RATE * 2 * np.pi
    decay = np.exp(-4 * (at % 0.25))
    chords = np.sin(phase) + 0.5 * np.sin(2 * phase) + 0.4 * np.sin(1.5 * phase) + 0.2 * np.sin(3 * phase)
    yield "music", (0.08 * chords * decay).astype(np.float32)
    yield "hold tone", (0.1 * np.sin(2 * np.pi * 440 * at) * (at % 4 < 1)).astype(np.float32)
    keys = np.zeros(count, np.float32)
    for start in np.cumsum(generator.exponential(0.16, round(seconds * 6))):
        begin = int(start * EAR_RATE)
        click = (generator.standard_normal(400) * np.exp(-np.arange(400) / 60) * 0.15).astype(np.float32)
        if begin + 400 < count:
            keys[begin : begin + 400] += click
    yield "typing", keys
    breath = pink(seconds, 0.03, seed=11)[:count] * np.maximum(0, np.sin(2 * np.pi * at / 3.5)) ** 2
    yield "breath", breath.astype(np.float32)


def in_a_session(world: House, name: str, sound: Samples) -> list[Row]:
    """What a session makes of it: turns that somebody took, which have words, and times that it spoke."""
    script = [ScenarioStep(pause=500), ScenarioStep(say=name), ScenarioStep(pause=5_000)]
    outcome = world.hold(f"nobody-{name.replace(' ', '-')}", script, [REPLY] * 200, uttered({name: [(sound, 0)]}))
    world.save()
    items = [entry.item for entry in outcome.log.entries]
    words = [item.text for item in items if isinstance(item, Understood) and item.final and item.text]
    spoke = sum(isinstance(item, PlayStarted) for item in items)
    onsets = sum(isinstance(item, SpeechStarted) for item in items)
    what = f"{len(sound) / EAR_RATE / 60:g} min of {name} through a session: turns"
    beside = f"spoke {spoke} times, noticed {onsets} voices without a word {'; '.join(words)[:40]}".strip()
    return [row(what, len(words), "turns", beside)]


async def forced_open(name: str, sound: Samples) -> list[Row]:
    """Words with the gate forced open."""
    activity, ears = Silero(), Whisper(WhisperSettings(model=str(model_folder()), every_s=5.0))
    await ears.warm_up()
    text, _ = await heard(ears, sound, activity, forced=True)
    await ears.close()
    minutes = len(sound) / EAR_RATE / 60
    return [row(f"{name}: words with the gate forced open", len(text.split()) / minutes, "a minute", text[:40])]


def nobody() -> list[Row]:
    """All sounds, both ways."""
    world, made = House(Ears(model_folder())), list[Row]()
    world.prepare([REPLY])
    for name, sound in sounds_of_nobody(60 * NOISE_MINUTES):
        say(name)
        made += in_a_session(world, name, sound)
        made += asyncio.run(forced_open(name, sound))
    return made


SECTIONS = {"nobody": nobody}
