"""How Whisper hears, and what it costs: ``python -m benchmarks natural.ears`` with a fetched model.

Human recordings come from Debian's ``pocketsphinx-testdata`` and ``asterisk-core-sounds-en-wav`` (their texts from
``asterisk-core-sounds-en``; its prompts a to m to tune with, n to z to measure). Voice activity is Silero's, as in a
session: the ears are told of pauses by it, and words that lie where it heard nobody are dropped. Words are counted by
jiwer, after both texts went through one normaliser,
:func:`benchmarks.natural.recordings.normal` (lower case, no marks, numbers read out, short forms written out); a word
written as two is no error. Where others use the machine, times are CPU times of the process that did the work, and the
rows say so.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
import psutil

from benchmarks.machine import say
from benchmarks.natural import crowd, errors, nobody, words
from benchmarks.natural.recordings import heard, model_folder, prompts, testdata
from benchmarks.table import Row, row
from duologue.audio.pcm import Samples
from duologue.clock import SECOND, SYSTEM_CLOCK
from duologue.speech.hearing import EAR_RATE
from duologue.speech.silero import Silero
from duologue.speech.whisper.engine import Whisper, WhisperSettings
from duologue.speech.whisper.features import LogMel
from duologue.speech.whisper.messages import LoadWhisper, Pass
from duologue.speech.whisper.model import WhisperModel

THREADS = (1, 2)
ROUNDS = 5


def passes() -> list[Row]:
    """One greedy pass with word times beside faster-whisper's ``transcribe`` with them, CPU seconds of this process: on
    one thread, as the ears have it, and on two, of which one often waits for the other, and burns its core meanwhile.
    """
    sound = np.concatenate([each.sound for each in testdata()[-5:]])
    made: list[Row] = []
    for threads in THREADS:
        ours = WhisperModel(LoadWhisper(str(model_folder()), threads, "int8", 1))
        theirs: Any = import_module("faster_whisper").WhisperModel(
            str(model_folder()), device="cpu", compute_type="int8", cpu_threads=threads
        )
        for seconds in (1.5, 4.0, 9.0):
            piece = sound[: round(seconds * EAR_RATE)]
            mine, other = _cpu_of(partial(_ours, ours, piece)), _cpu_of(partial(_theirs, theirs, piece))
            what = f"a pass over {seconds:g} s, threads {threads}, CPU"
            made.append(row(what, mine * 1000, "ms", f"faster-whisper {other * 1000:.0f} ms", other / mine))
    return made


def _ours(model: WhisperModel, piece: Samples) -> None:
    mel = LogMel()
    mel.push(piece)
    seconds = len(piece) / EAR_RATE
    model.run(Pass(0, mel.window(0, len(piece), 1_000), seconds, "en", voiced=seconds))


def _theirs(model: Any, piece: Samples) -> None:
    found, _ = model.transcribe(
        piece, language="en", beam_size=1, temperature=0.0, word_timestamps=True, condition_on_previous_text=False
    )
    list(found)


def _cpu_of(work: Callable[[], None]) -> float:
    """The least CPU time (s) of some rounds: what the work takes, and not its neighbours."""
    taken: list[float] = []
    for _ in range(ROUNDS + 1):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return min(taken[1:])


async def cost() -> list[Row]:
    """CPU seconds of the worker for a minute in which one caller talks 40 % of the time, in turns."""
    activity, ears = Silero(), Whisper(WhisperSettings(model=str(model_folder())))
    await ears.warm_up()
    assert ears.workers[0].pid is not None
    worker = psutil.Process(ears.workers[0].pid)
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
    "passes": passes, "cost": lambda: asyncio.run(cost()), **errors.SECTIONS, **nobody.SECTIONS,
    **words.SECTIONS, **crowd.SECTIONS,
}  # fmt: skip


def rows() -> list[Row]:
    """All sections, or those that ``EARS_SECTIONS`` names, each with what it took."""
    wanted = os.environ.get("EARS_SECTIONS", " ".join(SECTIONS)).split()
    made: list[Row] = []
    for name in wanted:
        say(f"ears: {name}")
        began = SYSTEM_CLOCK.now()
        made += SECTIONS[name]()
        made.append(row(f"the section {name} took", (SYSTEM_CLOCK.now() - began) / SECOND, "s"))
    return made
