"""How Whisper hears, and what it costs: ``python -m benchmarks natural_ears`` with a fetched model.

Human recordings come from Debian's ``pocketsphinx-testdata`` and ``asterisk-core-sounds-en-wav`` (its prompts a to m to
tune with, n to z to measure). Voice activity is Silero's, as in a session: the ears are told of pauses by it, and words
that lie where it heard nobody are dropped. Words are counted by jiwer, after both texts went through one normaliser:
:func:`duologue.speech.pocketsphinx_words.dictionary_words` (lower case, no marks, numbers read out). Where others use
the machine, times are CPU times of the process that did the work, and the rows say so.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import Any

import numpy as np
import psutil

from benchmarks import natural_words
from benchmarks.natural_recordings import (
    Listener,
    babble,
    errors,
    heard,
    interval,
    model_folder,
    noisy,
    prompts,
    telephoned,
    testdata,
)
from benchmarks.table import Row, row
from duologue.audio.pcm import Samples
from duologue.simulation.spoken import pink
from duologue.speech.hearing import EAR_RATE, SpeechToText
from duologue.speech.pocketsphinx import PocketSphinx
from duologue.speech.silero import Silero
from duologue.speech.whisper import Whisper, WhisperSettings
from duologue.speech.whisper_features import HOP, LogMel
from duologue.speech.whisper_messages import LoadWhisper, Pass
from duologue.speech.whisper_model import WhisperModel

THREADS = 2
ROUNDS = 5
NOISE_MINUTES = float(os.environ.get("NOISE_MINUTES", "10"))
FULL_WINDOW_S = 30


class FullWindow:
    """The same model over whole recordings by the window that it was trained with."""

    def __init__(self, model: WhisperModel) -> None:
        self._model = model

    def heard(self, sound: Samples) -> str:
        """All of it in one pass; recordings are shorter than that window."""
        mel = LogMel()
        mel.push(sound)
        wanted = Pass(0, mel.window(0, len(sound), FULL_WINDOW_S * EAR_RATE // HOP), len(sound) / EAR_RATE, "en")
        return " ".join(word.text.strip() for word in self._model.run(wanted).words)


async def _understood(ears: SpeechToText, sounds: Sequence[Samples], activity: Silero) -> tuple[list[str], list[float]]:
    texts: list[str] = []
    waits: list[float] = []
    for sound in sounds:
        text, wait, _ = await heard(ears, sound, activity)
        texts.append(text)
        waits.append(wait)
    return texts, waits


async def word_errors() -> list[Row]:
    """Whisper beside PocketSphinx and its own 30 s window; then by telephone and in noise."""
    activity, ears, sphinx = Silero(), Whisper(WhisperSettings(model=str(model_folder()), every_s=5.0)), PocketSphinx()
    full = FullWindow(WhisperModel(LoadWhisper(str(model_folder()), THREADS, "int8", 1)))
    for each in (ears, sphinx):
        await each.warm_up()
    made: list[Row] = []
    tuning = os.environ.get("TUNE") == "1"
    people = prompts("a", "m") if tuning else prompts("n", "z")
    sets = {"testdata": testdata(), "prompts a–m, tuned with" if tuning else "prompts n–z, kept aside": people}
    heard_all: list[tuple[str, str]] = []
    for name, group in sets.items():
        said, sounds = [each.text for each in group], [each.sound for each in group]
        texts, waits = await _understood(ears, sounds, activity)
        if os.environ.get("SHOW"):
            for one, two in zip(said, texts, strict=True):
                if errors([one], [two])[0]:
                    print(f"{one!r}\n    {two!r}", file=sys.stderr)
        rate, words = errors(said, texts)
        whole = errors(said, [full.heard(sound) for sound in sounds])[0]
        low, high = interval(said, texts)
        what = f"word errors, {name}, {words} words ({low:.1f}–{high:.1f})"
        made.append(row(what, rate, "%", f"30 s window {whole:.1f}", whole / rate if rate else None))
        heard_all += zip(said, texts, strict=True)
        if not tuning:
            other = errors(said, (await _understood(sphinx, sounds, activity))[0])[0]
            made.append(row(f"the same beside PocketSphinx, {name}", rate, "%", f"{other:.1f}", other / rate))
        late = f"p95 {1000 * float(np.percentile(waits, 95)):.0f}, busy machine"
        made.append(row(f"decision to final text, {name}, p50", 1000 * statistics.median(waits), "ms", late))
    said, texts = [one for one, _ in heard_all], [two for _, two in heard_all]
    low, high = interval(said, texts)
    made.append(
        row(f"word errors, both, {errors(said, texts)[1]} words ({low:.1f}–{high:.1f})", errors(said, texts)[0], "%")
    )
    conditions = {
        "G.711": telephoned, "pink noise 20 dB": noisy(lambda count: pink(count / EAR_RATE + 1, 0.1)[:count], 20.0),
        "babble 20 dB": noisy(babble(prompts("a", "m")), 20.0),
    }  # fmt: skip
    for name, change in ({} if tuning else conditions).items():
        sounds = [change(each.sound) for each in people]
        rate, _ = errors([each.text for each in people], (await _understood(ears, sounds, activity))[0])
        made.append(row(f"word errors, n–z, {name}", rate, "%"))
    for each in (ears, sphinx):
        await each.close()
    return made


def passes() -> list[Row]:
    """One pass with word times beside faster-whisper's ``transcribe`` with them, CPU seconds of this process."""
    sound = np.concatenate([each.sound for each in testdata()[-5:]])
    ours = WhisperModel(LoadWhisper(str(model_folder()), THREADS, "int8", 1))
    theirs: Any = import_module("faster_whisper").WhisperModel(
        str(model_folder()), device="cpu", compute_type="int8", cpu_threads=THREADS
    )
    made: list[Row] = []
    for seconds in (1.5, 4.0, 9.0):
        piece = sound[: round(seconds * EAR_RATE)]

        def we(piece: Samples = piece) -> None:
            mel = LogMel()
            mel.push(piece)
            ours.run(Pass(0, mel.window(0, len(piece), 1_000), len(piece) / EAR_RATE, "en"))

        def they(piece: Samples = piece) -> None:
            found, _ = theirs.transcribe(
                piece, language="en", beam_size=1, temperature=0.0, word_timestamps=True,
                condition_on_previous_text=False,
            )  # fmt: skip
            list(found)

        mine, other = (_cpu_of(work) for work in (we, they))
        peer = f"faster-whisper {other * 1000:.0f} ms"
        made.append(row(f"a pass over {seconds:g} s, CPU", mine * 1000, "ms", peer, other / mine))
    return made


def _cpu_of(work: Callable[[], None]) -> float:
    """The least CPU time (s) of some rounds: what the work takes, and not its neighbours."""
    taken: list[float] = []
    for _ in range(ROUNDS + 1):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return min(taken[1:])


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


async def nobody() -> list[Row]:
    """Words in sounds that nobody makes with the mouth: as a session hears them, and with the gate forced open."""
    activity, ears = Silero(), Whisper(WhisperSettings(model=str(model_folder())))
    await ears.warm_up()
    made: list[Row] = []
    for name, sound in sounds_of_nobody(60 * NOISE_MINUTES):
        listener = Listener(activity)
        onsets = 0
        async for _ in listener.told(sound):
            onsets = listener.onsets
        text, _, _ = await heard(ears, sound, activity, forced=True)
        words = len(text.split())
        made.append(row(f"{name}, {NOISE_MINUTES:g} min: voices noticed", onsets, "times"))
        made.append(row(f"{name}: words with the gate forced open", words / NOISE_MINUTES, "a minute", text[:40]))
    await ears.close()
    return made


async def cost() -> list[Row]:
    """CPU seconds of the worker for a minute in which one caller talks 40 % of the time, in turns."""
    activity, ears = Silero(), Whisper(WhisperSettings(model=str(model_folder())))
    await ears.warm_up()
    assert ears.pid is not None
    worker = psutil.Process(ears.pid)
    turns = [each for each in prompts("n", "z") if 1.5 <= len(each.sound) / EAR_RATE <= 8.0][:30]
    before = sum(worker.cpu_times()[:2])
    for each in turns:
        await heard(ears, each.sound, activity)
    used = sum(worker.cpu_times()[:2]) - before
    talked = sum(len(each.sound) for each in turns) / EAR_RATE
    memory = worker.memory_info().rss / 1e6
    carried = ears.capabilities.at_once or 0
    await ears.close()
    return [
        row("ears of a caller who talks 40 %, CPU of a minute", used / talked * 24.0, "s"),
        row("passes of each turn", ears.passes / len(turns), "passes"),
        row("memory of the worker", memory, "MB"),
        row("listeners that it says it carries", carried, "listeners"),
    ]


SECTIONS: dict[str, Callable[[], list[Row]]] = {
    "passes": passes, "cost": lambda: asyncio.run(cost()), "errors": lambda: asyncio.run(word_errors()),
    "nobody": lambda: asyncio.run(nobody()), **natural_words.SECTIONS,
}  # fmt: skip


def rows() -> list[Row]:
    """All sections, or those that ``EARS_SECTIONS`` names."""
    wanted = os.environ.get("EARS_SECTIONS", " ".join(SECTIONS)).split()
    return [each for name in wanted for each in SECTIONS[name]()]
