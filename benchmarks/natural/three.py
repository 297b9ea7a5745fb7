"""A talk with three real engines at once, ears, mind and voice, alone and beside a show: ``python -m benchmarks.natural
three``.

Callers are Kokoro's voices (:mod:`benchmarks.natural.callers`), heard by the default ears and answered in the default
voice, in real time and in this process; the mind is Gemma 3 270M by ``llama``. Beside a show the show's characters are
written by the same mind. What is told is the time from a caller's last word to our first sound, less the time that the
same mind needs for the first sentence of the same prompts when it has the machine to itself; beside the same talk with
a mind that takes no time (``improv``). The one-minute load before and after stands in a row: other work on the machine
is in every figure here.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from benchmarks.machine import say
from benchmarks.natural.callers import Half, Renderings, Turn, callers, needed
from benchmarks.table import Row, row
from duologue.app.house.house import House
from duologue.app.talking.talking import Partner
from duologue.audio.pcm import Samples
from duologue.clock import MILLISECOND, SECOND, SYSTEM_CLOCK
from duologue.dialogue.ports import PlayEnded, PlayStarted
from duologue.dialogue.replies.replies import read_reply
from duologue.dialogue.replies.text import SpokenPart
from duologue.dialogue.session.session import SessionOptions
from duologue.dialogue.session.sink import PacedSink
from duologue.dialogue.turns.vocabulary import AudioReady, Effect, Event, ReplyBegun
from duologue.language.engine import LanguageCapabilities, LanguageModel, Prompt, ReadsAhead
from duologue.language.llama import LlamaLanguage, LlamaSettings
from duologue.language.moderation import Moderator
from duologue.models.entries import GEMMA_270M
from duologue.models.shelf import ModelShelf
from duologue.precedence import Urgency, WaitCount
from duologue.settings import Settings, load_models_folder, load_settings
from duologue.speech.hearing import EAR_RATE
from duologue.telemetry.ledger import Entry, FrameRecord, SkipRecord

TURNS = int(os.environ.get("TURNS", "30"))
SMALL_TURNS = 3
BLOCK = EAR_RATE // 50
PATIENCE_S = 25.0
"""For an answer; a caller who gets none goes on."""
PAUSE_S = 1.5
"""Between the end of an answer and what the caller says next."""
WARM_S = 20.0
"""A show is on air for so long before the talk begins."""


class NotedModel:
    """A mind that keeps what it was asked."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self.name = model.name
        self.prompts: list[Prompt] = []

    @property
    def capabilities(self) -> LanguageCapabilities:
        """The model's."""
        return self._model.capabilities

    async def warm_up(self) -> None:
        """It is."""

    async def close(self) -> None:
        """Its owner does."""

    def write(self, prompt: Prompt) -> AsyncIterator[str]:
        """See the protocol."""
        self.prompts.append(prompt)
        return self._model.write(prompt)

    async def read_ahead(self, prompt: Prompt) -> None:
        """See the protocol."""
        if isinstance(model := self._model, ReadsAhead):
            await model.read_ahead(prompt)


@dataclass
class TalkFigures:
    """What came of a talk. Times are seconds; ``prompts`` are those that were answered aloud, ``queued`` is what their
    first sounds waited for other work of ours (ms), and of ``told`` tokens ``kept`` had been read before.
    """

    waits: list[float] = field(default_factory=list[float])
    prompts: list[Prompt] = field(default_factory=list[Prompt])
    queued: list[float] = field(default_factory=list[float])
    told: int = 0
    kept: int = 0
    unanswered: int = 0
    frames: int = 0
    late: int = 0
    halved: int = 0
    skipped: int = 0
    counts: dict[tuple[str, Urgency], WaitCount] = field(default_factory=dict[tuple[str, Urgency], WaitCount])

    def observe(self, entry: Entry) -> None:
        """What the house enters in its ledger."""
        match entry.record:
            case FrameRecord() as frame:
                self.frames += 1
                self.late += frame.lateness_ms > 0
                self.halved += frame.periods > 1
            case SkipRecord(first=first, following=following):
                self.skipped += following - first
            case _:
                pass


def settings(mind: str, *, show: bool) -> Settings:
    """The defaults, with another mind, and a show or none."""
    gguf = ModelShelf(load_models_folder(None)).path(GEMMA_270M) / "gemma-3-270m-q4_k_m.gguf"
    return load_settings(
        {
            "serve.show": show, "serve.talk": True, "show.turns": 100, "show.topic": "tea", "show.headless": True,
            "engines.llm": mind, "engines.tts": "piper", "engines.stt": "whisper", "engines.llama.model": str(gguf),
        }
    )  # fmt: skip


@asynccontextmanager
async def opened(chosen: Settings, found: TalkFigures) -> AsyncGenerator[Partner]:
    """A house that is up, and somebody to talk to."""
    house = House(chosen)
    house.ledger.watch(found.observe)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(house.run())
        talk = house.talk
        assert talk is not None
        while talk.ready() or any(show.ready() for show in house.shows):
            await SYSTEM_CLOCK.wait_until(SYSTEM_CLOCK.now() + SECOND // 5)
        if house.shows:
            await SYSTEM_CLOCK.wait_until(SYSTEM_CLOCK.now() + round(WARM_S * SECOND))
        found.frames = found.late = found.halved = found.skipped = 0
        async with talk.open() as partner:
            yield partner
        found.counts.update(house.engines.workers.gate.counts)
        running.cancel()


class Conversation:
    """A caller who says a turn, waits for the answer to its end, and says the next."""

    def __init__(self, partner: Partner, found: TalkFigures) -> None:
        self._found = found
        self._model = NotedModel(partner.engines.model)
        self._sink = PacedSink(lambda block: None, lambda report: self._session.notify(report))
        fitted = replace(partner, engines=replace(partner.engines, model=self._model))
        self._session = fitted.session(self._sink, SessionOptions(), observe=self._see)
        self._said: list[int] = []
        self._over = 0

    def _see(self, item: Event | Effect, now: int) -> None:
        match item:
            case PlayStarted(utterance_id, at) if "/" in utterance_id:
                self._said.append(at)
            case PlayEnded(utterance_id) if "/" in utterance_id:
                self._over = now
            case ReplyBegun(prompt=told, kept=kept):
                self._found.told += told
                self._found.kept += kept
            case AudioReady(index=0, queued_ms=queued_ms):
                self._found.queued.append(queued_ms)
            case _:
                pass

    async def hold(self, turns: list[tuple[str, Turn]], sounds: Renderings) -> None:
        """All turns, one after another."""
        async with asyncio.TaskGroup() as group:
            beside = [group.create_task(self._sink.run()), group.create_task(self._session.run())]
            due = SYSTEM_CLOCK.now()
            due = await self._say(np.zeros(2 * EAR_RATE, np.float32), due)
            for number, (voice, turn) in enumerate(turns, 1):
                due = await self._turn(sounds.phrases(voice, turn), due)
                say(f"turn {number} of {len(turns)}: {self._found.waits[-1]:.2f} s, load {os.getloadavg()[0]:.1f}")
            self._session.hang_up()
            for task in beside[:1]:
                task.cancel()

    async def _turn(self, phrases: list[tuple[Samples, int]], due: int) -> int:
        before, end = len(self._said), due
        for sound, pause in phrases:
            due = await self._say(sound, due)
            end = due
            due = await self._say(np.zeros(pause * EAR_RATE // 1000, np.float32), due)
        until = end + round(PATIENCE_S * SECOND)
        while SYSTEM_CLOCK.now() < until:
            due = await self._say(np.zeros(BLOCK, np.float32), due)
            answered = [at for at in self._said[before:] if at >= end]
            if answered and self._over > answered[0] and SYSTEM_CLOCK.now() - self._over > PAUSE_S * SECOND:
                self._found.waits.append((answered[0] - end) / SECOND)
                self._found.prompts.append(self._model.prompts[-1])
                return due
        self._found.unanswered += 1
        self._found.waits.append(PATIENCE_S)
        return due

    async def _say(self, sound: Samples, due: int) -> int:
        """In blocks of 20 ms, each when it is due."""
        for at in range(0, len(sound), BLOCK):
            block = sound[at : at + BLOCK].astype(np.float32)
            due += len(block) * SECOND // EAR_RATE
            await SYSTEM_CLOCK.wait_until(due)
            self._session.hear(block)
        return due


async def held(mind: str, turns: list[tuple[str, Turn]], sounds: Renderings, *, show: bool = False) -> TalkFigures:
    """A talk in a house of its own."""
    found = TalkFigures()
    async with opened(settings(mind, show=show), found) as partner:
        await Conversation(partner, found).hold(turns, sounds)
    return found


async def own_times(prompts: list[Prompt]) -> list[float]:
    """Seconds from each prompt to its first sentence, the mind alone; what could be read ahead is."""
    part = settings("llama", show=False).engine("llama")
    assert isinstance(part, LlamaSettings)
    model, took = LlamaLanguage(part), list[float]()
    await model.warm_up()
    try:
        for prompt in prompts:
            await model.read_ahead(prompt)
            began = SYSTEM_CLOCK.now()
            async with aclosing(read_reply(model, prompt, Moderator())) as items:
                async for item in items:
                    if isinstance(item, SpokenPart):
                        took.append((SYSTEM_CLOCK.now() - began) / SECOND)
                        break
    finally:
        await model.close()
    return took


def _figures(what: str, found: TalkFigures, own: float, default: float) -> list[Row]:
    middle, read = float(np.median(found.waits)), 100 * found.kept / max(1, found.told)
    made = [
        row(f"last word → first sound, {what}, p50", middle, "s", f"p95 {float(np.quantile(found.waits, 0.95)):.2f}"),
        row(f"the same less the mind's own first sentence, {what}, p50", middle - own, "s", f"own {own:.2f}"),
        row(f"that over the default's figure, {what}", middle - own - default, "s", f"target 0.3; {default:.2f}"),
        row(f"turns that were not answered, {what}", found.unanswered, "", f"of {len(found.waits)}"),
        row(f"of it waiting for other work of ours, {what}, mean", float(np.mean(found.queued or [0.0])), "ms"),
        row(f"tokens of prompts that were read before, {what}", read, "%", f"of {found.told}"),
    ]
    for (worker, urgency), count in sorted(found.counts.items()):
        if count.waited > 10 * MILLISECOND * count.pieces or count.gave_way:
            told = f"longest {count.longest / MILLISECOND:.0f} ms, overtaken {count.gave_way} of {count.pieces}"
            mean = count.waited / count.pieces / MILLISECOND
            made.append(row(f"wait of a piece of {worker}, {urgency.name.lower()}, {what}", mean, "ms", told))
    return made


async def _measured(turns: list[tuple[str, Turn]], sounds: Renderings) -> list[Row]:
    before = os.getloadavg()[0]
    say("a mind that takes no time")
    default = float(np.median((await held("improv", turns, sounds)).waits))
    say("three engines")
    alone = await held("llama", turns, sounds)
    own = float(np.median(await own_times(alone.prompts)))
    made = _figures("alone", alone, own, default)
    say("three engines and a show")
    beside = await held("llama", turns, sounds, show=True)
    made += _figures("beside a show", beside, float(np.median(await own_times(beside.prompts))), default)
    told = f"{beside.late} late, {beside.halved} at half the rate"
    made.append(row("frames of the show that were skipped or repeated", beside.skipped, "", f"{told}, {beside.frames}"))
    made.append(row("load of the machine, one minute", os.getloadavg()[0], "", f"before {before:.1f}"))
    return made


def rows(small: bool = False) -> list[Row]:
    """All figures."""
    said = callers(Half.ASIDE, 1)
    plain = [(voice, turn) for voice, each in said.items() for turn in each if not turn.dictated]
    turns = plain[:: max(1, len(plain) // TURNS)][: SMALL_TURNS if small else TURNS]
    sounds = Renderings()
    sounds.make([each for each in needed(said) if any(each[1] in turn.rendered for _, turn in turns)])
    return asyncio.run(_measured(turns, sounds))
