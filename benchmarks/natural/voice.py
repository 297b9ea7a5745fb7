"""What the default voice costs, and that its pieces are the whole.

Run ``python -m benchmarks.natural.voice [FOLDER]``: the voices of Piper in FOLDER, else the one that
``duologue models get natural`` brought. Times are by the clock; beside them the CPU time of the workers, which a busy
machine does not change (its grain is 10 ms).
"""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import aclosing
from pathlib import Path

import numpy as np
import psutil

from benchmarks.table import Row, row, show
from duologue.audio.pcm import RATE, Samples
from duologue.models.entries import PIPER_JOE
from duologue.models.shelf import ModelShelf
from duologue.settings import load_models_folder
from duologue.speech.piper import engine as piper
from duologue.speech.piper import vits
from duologue.speech.piper.config import read_config, voice_names
from duologue.speech.piper.engine import KINDS, PiperSettings, PiperSpeech
from duologue.speech.piper.vits import PiecewiseVits, Speaking

LINES = {
    20: ("Good to hear it, yes.", "What time is it now?", "I never said that.", "Put the kettle on."),
    80: (
        "The kettle is on, the table is laid for four, and somebody has eaten the biscuits.",
        "I asked my neighbor about the ladder, and he said that he has never owned a one.",
        "Nobody told me that the meeting had moved, so I sat there alone for half an hour.",
    ),
    240: (
        "I went down to the harbor this morning, because the ships were coming in, and I stood there for an hour, "
        "watching the men unload crates of oranges, while the gulls argued over everything that fell, and nobody "
        "seemed to be in any hurry at all.",
        "If you had asked me yesterday whether a goat could climb a ladder, I would have laughed, but this morning "
        "there was one on the roof of the library, looking down at the caretaker, who had brought a bucket, a rope "
        "and very little hope.",
    ),
}
ROUNDS = 6


async def _said(engine: PiperSpeech, text: str, voice: str) -> tuple[float, float, float, Samples]:
    """Milliseconds to the first sound by the clock and of CPU, the CPU time over the length, and the sound."""
    began, used = time.perf_counter_ns(), _cpu(engine)
    first = cpu = 0.0
    parts: list[Samples] = []
    async with aclosing(engine.speak(text, voice)) as chunks:
        async for chunk in chunks:
            if not parts:
                first, cpu = (time.perf_counter_ns() - began) / 1e6, (_cpu(engine) - used) * 1000
            parts.append(chunk.samples)
    whole = np.concatenate(parts)
    return first, cpu, (_cpu(engine) - used) / (len(whole) / RATE), whole


def _cpu(engine: PiperSpeech) -> float:
    """Seconds of the workers, children that have ended included."""
    pids = [pid for pid in (engine.worker.pid, engine.phonemizer.worker.pid) if pid is not None]
    times = [psutil.Process(pid).cpu_times() for pid in pids]
    return sum(each.user + each.system + each.children_user + each.children_system for each in times)


def fundamental(sound: Samples) -> float:
    """The median fundamental (Hz) of the loud 40 ms of a voice, by autocorrelation."""
    size, low, high = RATE // 25, RATE // 260, RATE // 60
    frames = sound[: len(sound) // size * size].reshape(-1, size)
    loud = np.square(frames).mean(axis=1)
    found: list[float] = []
    for frame in frames[loud > np.quantile(loud, 0.6)]:
        spectrum = np.fft.rfft(frame - frame.mean(), 2 * size)
        alike = np.fft.irfft(np.square(np.abs(spectrum)))[: high + 1]
        lag = low + int(np.argmax(alike[low:]))
        if alike[lag] > 0.5 * alike[0]:
            found.append(RATE / lag)
    return float(np.median(found))


async def _engine_rows(folder: Path) -> list[Row]:
    began = time.perf_counter()
    engine = piper.engine(PiperSettings(folder=folder))
    await engine.warm_up()
    rows = [row("cold start", time.perf_counter() - began, "s")]
    voice = engine.capabilities.voices[0]
    for length, lines in LINES.items():
        taken = [await _said(engine, line, voice) for _ in range(ROUNDS) for line in lines]
        firsts, cpus, factors = (np.array([each[at] for each in taken]) for at in (0, 1, 2))
        rows += [
            row(f"first sound, {length} characters, p50", float(np.median(firsts)), "ms", f"CPU {np.median(cpus):.0f}"),
            row(f"first sound, {length} characters, p95", float(np.quantile(firsts, 0.95)), "ms"),
            row(f"CPU time over length, {length} characters", float(np.mean(factors)), "s/s"),
        ]
    workers = (engine.worker.pid, engine.phonemizer.worker.pid)
    memory = sum(psutil.Process(pid).memory_info().rss for pid in workers if pid is not None)
    rows.append(row("memory of both workers, after all that", memory / 1e6, "MB"))
    heard = {kind: (await _said(engine, LINES[240][0], voice + kind))[3] for kind in KINDS}
    rows += [row(f"fundamental of NAME{kind}", fundamental(sound), "Hz") for kind, sound in heard.items()]
    await engine.close()
    return rows


def _equality_rows(folder: Path) -> list[Row]:
    rows: list[Row] = []
    for name in voice_names(folder, ()):
        config = read_config(folder, name)
        rate, inference = config.audio.sample_rate, config.inference
        numbers = [
            number for symbol, each in config.phoneme_id_map.items() if symbol.isalpha() for number in (*each, 0)
        ]
        scales = (inference.noise_scale, inference.length_scale, inference.noise_w)

        def speaking(
            seed: int, count: int, numbers: list[int] = numbers, scales: tuple[float, float, float] = scales
        ) -> Speaking:
            chosen = np.random.default_rng(seed).choice(np.array(numbers[::2]), count)
            return Speaking([1, 0, *(int(each) for number in chosen for each in (number, 0)), 2], 0, scales, seed)

        began = time.process_time()
        path = folder / f"{name}.onnx"
        model, why = vits.load(path.read_bytes(), config.hop_length, speaking(0, 24), rate)
        rows.append(row(f"{name}: read, cut, loaded and tried", time.process_time() - began, "s of CPU", why))
        if isinstance(model, PiecewiseVits):
            worst = [
                model.difference_db(speaking(seed, count), rate) for seed, count in enumerate((20, 60, 120, 120, 120))
            ]
            rows.append(row(f"{name}: pieces against whole, worst border of 5 lines", min(worst), "dB"))
    return rows


def rows(folder: Path | None = None) -> list[Row]:
    """All figures of the voices in ``folder``."""
    folder = folder or ModelShelf(load_models_folder(None)).path(PIPER_JOE)
    return [*_equality_rows(folder), *asyncio.run(_engine_rows(folder))]


if __name__ == "__main__":
    show("natural_voice", rows(Path(sys.argv[1]) if len(sys.argv) > 1 else None))
