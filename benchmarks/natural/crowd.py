"""Many callers at once, and one who talks for three minutes: sections of :mod:`benchmarks.natural.ears`.

Whisper's callers talk on virtual time, its passes made here one after another and their CPU time charged
(:mod:`benchmarks.natural.world`): the figures are those of one worker that has a core to itself, whoever else uses the
machine. Not in them: what features and voice activity take. PocketSphinx has a process for each listener, so its
callers talk in real time, and want a machine of their own.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence

import numpy as np
import psutil

from benchmarks.machine import say
from benchmarks.natural.recordings import DECIDED, Said, errors, heard, model_folder, prompts
from benchmarks.natural.words import count
from benchmarks.natural.world import ChargedPasses, Ears
from benchmarks.table import Row, row
from duologue.audio.pcm import Samples
from duologue.clock import SECOND, SYSTEM_CLOCK, Clock
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.speech.hearing import EAR_RATE, SpeechToText
from duologue.speech.pocketsphinx.engine import PocketSphinx, PocketSphinxSettings
from duologue.speech.silero import Silero
from duologue.speech.whisper.engine import Whisper, WhisperSettings

AT_ONCE = tuple(int(each) for each in os.environ.get("AT_ONCE", "1 5 10 20").split())
LATE_MS = 300.0
"""Where p95 of decision → final text passes this, the knee is."""
TURNS_EACH = int(os.environ.get("TURNS_EACH", "4"))
"""Turns of each caller."""
TALKS = 0.4
"""Of the time."""
NOTICED = EAR_RATE // 10
"""A voice that went is told so much later."""
PIECE = EAR_RATE // 50
MONOLOGUE_S = float(os.environ.get("MONOLOGUE_S", "180"))
BETWEEN = round(0.2 * EAR_RATE)
"""Between two prompts of the monologue: too short for a pause at which speech is settled."""


class Known:
    """The voice of somebody who spoke from ``at`` (ns) for ``length`` samples; that it went is told :data:`NOTICED`
    later.
    """

    def __init__(self, length: int, at: int, clock: Clock) -> None:
        self._length = length
        self._known = at + (length + NOTICED) * SECOND // EAR_RATE
        self._clock = clock

    @property
    def ended(self) -> int | None:
        """See :class:`duologue.speech.hearing.VoicePresence`."""
        return self._length if self._clock.now() >= self._known else None


async def _turn(ears: SpeechToText, turn: Samples, at: int, clock: Clock) -> float:
    """A turn that begins ``at`` (ns); the milliseconds from its decision to the final text. The decision waits for
    nobody: ears that do not keep up with the sound are late.
    """
    sound = np.concatenate([turn, np.zeros(DECIDED, np.float32)])

    async def told() -> AsyncIterator[Samples]:
        for first in range(0, len(sound), PIECE):
            await clock.wait_until(at + min(first + PIECE, len(sound)) * SECOND // EAR_RATE)
            yield sound[first : first + PIECE]

    async for _ in ears.listen(told(), None, Known(len(turn), at, clock)):
        pass
    return (clock.now() - at) / 1e6 - 1000 * len(sound) / EAR_RATE


async def _crowd(ears: SpeechToText, many: int, spoken: Sequence[Samples], clock: Clock) -> list[float]:
    """So many callers at once; all waits (ms)."""
    waits: list[float] = []

    async def call(number: int) -> None:
        at = clock.now() + round(0.37 * number % 5 * SECOND)
        for turn in range(TURNS_EACH):
            sound = spoken[(7 * number + turn) % len(spoken)]
            waits.append(await _turn(ears, sound, at, clock))
            at += round(len(sound) / EAR_RATE / TALKS * SECOND)

    async with asyncio.TaskGroup() as group:
        for number in range(many):
            group.create_task(call(number))
    return waits


def knee() -> list[Row]:
    """Callers at once: how long a final text is waited for, and what a minute of a caller costs."""
    spoken = [each.sound for each in prompts("a", "m") if 1.5 <= len(each.sound) / EAR_RATE <= 6.0]
    passes, settings = Ears(model_folder()), WhisperSettings(model=str(model_folder()))
    made: list[Row] = []
    carried = 0
    for many in AT_ONCE:
        say(f"{many} callers at once")
        before = passes.seconds
        waits, seconds = simulate(_virtually(settings, passes, many, spoken))
        passes.kept.save()
        found = _of_crowd("whisper", many, waits, 60 * (passes.seconds - before) / seconds / many)
        carried = many if found[0]["value"] <= LATE_MS else carried
        made += found
    made.append(row(f"whisper: the most of these with p95 within {LATE_MS:g} ms", carried, "callers"))
    admitted = asyncio.run(_admitted(settings))
    made.append(row("whisper: admission stands at", admitted, "callers", "by a pass at its start"))
    for many in AT_ONCE:
        made += asyncio.run(_sphinx(many, spoken))
        if made[-2]["value"] > LATE_MS:
            break
    return made


async def _virtually(
    settings: WhisperSettings, passes: Ears, many: int, spoken: Sequence[Samples]
) -> tuple[list[float], float]:
    """The waits of a crowd on virtual time (ms), and how long all took (s)."""
    clock = LoopClock()
    waits = await _crowd(Whisper(settings, clock, ChargedPasses(passes, clock)), many, spoken, clock)
    return waits, clock.now() / SECOND


async def _admitted(settings: WhisperSettings) -> int:
    ears = Whisper(settings)
    await ears.warm_up()
    try:
        return ears.capabilities.at_once or 0
    finally:
        await ears.close()


async def _sphinx(many: int, spoken: Sequence[Samples]) -> list[Row]:
    ears = PocketSphinx(PocketSphinxSettings(listeners=many))
    await ears.warm_up()
    before, began = _cpu(ears), SYSTEM_CLOCK.now()
    waits = await _crowd(ears, many, spoken, SYSTEM_CLOCK)
    used, minutes = _cpu(ears) - before, (SYSTEM_CLOCK.now() - began) / (60 * SECOND)
    await ears.close()
    return _of_crowd("pocketsphinx, real time", many, waits, used / minutes / many)


def _of_crowd(name: str, many: int, waits: Sequence[float], cost: float) -> list[Row]:
    late = float(np.percentile(waits, 95))
    return [
        row(f"{name}, {many} at once: decision to final text, p95", late, "ms", f"p50 {np.median(waits):.0f}"),
        row(f"{name}, {many} at once: CPU of a caller's minute", cost, "s"),
    ]


def _cpu(ears: PocketSphinx) -> float:
    """Seconds of this process, which cuts the sound, and of the workers."""
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in (os.getpid(), *ears.pids))


async def monologue() -> list[Row]:
    """Somebody talks without a pause that settles anything: the whole beside its sentences heard one by one."""
    activity, ears = Silero(), Whisper(WhisperSettings(model=str(model_folder()), every_s=5.0))
    await ears.warm_up()
    said, seconds = list[Said](), 0.0
    for each in prompts("a", "m"):
        length = (len(each.sound) + BETWEEN) / EAR_RATE
        if 2.0 <= length <= 9.0 and seconds + length <= MONOLOGUE_S:
            said.append(each)
            seconds += length
    gap = np.zeros(BETWEEN, np.float32)
    text, _ = await heard(ears, np.concatenate([part for each in said for part in (each.sound, gap)]), activity)
    alone = [(await heard(ears, each.sound, activity))[0] for each in said]
    await ears.close()
    whole = " ".join(each.text for each in said)
    rate, words = errors([whole], [text])
    other = errors([each.text for each in said], alone)[0]
    return [
        row(f"a monologue of {seconds:.0f} s, {words} words: word errors", rate, "%", f"one by one {other:.1f}"),
        row("words of it that are lost; one by one", count(whole, text, "delete"), "places",
            f"{sum(count(each.text, one, 'delete') for each, one in zip(said, alone, strict=True))}"),
        row("words too many; one by one", count(whole, text, "insert"), "places",
            f"{sum(count(each.text, one, 'insert') for each, one in zip(said, alone, strict=True))}"),
    ]  # fmt: skip


SECTIONS = {"knee": knee, "monologue": lambda: asyncio.run(monologue())}
