"""Thirty spoken turns on what needs no network, no key and no download: PocketSphinx, improv, espeak; and Silero.

Callers by flite talk with a character in real time, through the very session that `duologue talk` holds. Both
directions are recorded by when they left, and every silence is measured twice: in the recording, from the script's own
last sample to the first sample of the answer that can be heard; and as the sum of the stages in the turn's record.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from benchmarks.table import Row, row
from benchmarks.voice import probe, scenes
from duologue.app.talking.talking import Partner, open_partner
from duologue.audio.pcm import RATE, Samples, from_int16
from duologue.clock import MILLISECOND, SECOND, SYSTEM_CLOCK
from duologue.dialogue.session.record import SessionRecorder
from duologue.dialogue.session.session import Session
from duologue.dialogue.session.sink import PacedSink
from duologue.dialogue.turns.vocabulary import Commit, Effect, Event
from duologue.settings import Settings
from duologue.speech.hearing import EAR_RATE
from duologue.telemetry.ledger import TurnRecord
from duologue.telemetry.turns import silence_ms

TURNS = 30
AT_ONCE = 2
"""Callers at the same time: as many as PocketSphinx hears by default."""
PATIENCE_SECONDS = 12.0
"""Without an answer for so long a caller goes on."""
_AUDIBLE = 10 ** (-50 / 20)
"""Full scale is 1: what is softer is not heard as the beginning of a word."""

PHRASES = (
    "What time does the museum open?",
    "Please tell me something about the sea.",
    "I would like to know how old you are.",
    "Where do you come from?",
    "What is your favourite food?",
    "Do you think it will rain in the morning?",
    "I am looking for a good book.",
    "Can you tell me a story about a dog?",
    "My brother is coming to see us on Friday.",
    "How do you make a cup of tea?",
    "What should I wear to the party?",
    "Please turn on the light in the kitchen.",
    "Who was the first man on the moon?",
    "I have to go to the doctor today.",
    "Is there a train in the evening?",
)


@dataclass(slots=True)
class Turn:
    """``end`` is when the last sample of the last word sounded (ns)."""

    end: int
    record: TurnRecord | None = None


@dataclass(slots=True)
class Call:
    """One caller: what they say in turn, both directions as they were heard, and what became of each turn."""

    partner: Partner
    phrases: Sequence[str]
    voice: str
    turns: list[Turn] = field(default_factory=list[Turn])
    spoken: list[Samples] = field(default_factory=list[Samples])
    began: int = 0
    answered: asyncio.Event = field(default_factory=asyncio.Event)

    async def hold(self) -> None:
        """The whole call."""
        sink = PacedSink(self._write, lambda report: session.notify(report))
        recorder = SessionRecorder("call", self.partner.persona.name, "person", self._keep)

        def observe(item: Event | Effect, now: int) -> None:
            recorder.take(item, now)
            if isinstance(item, Commit) and item.heard:
                self.answered.set()

        session = Session(self.partner.persona, self.partner.engines, sink, observe=observe)
        async with asyncio.TaskGroup() as group:
            floor = group.create_task(sink.run())
            await session.run(self._source())
            floor.cancel()
        self.began = sink.began

    async def _source(self) -> AsyncGenerator[Samples, None]:
        """Blocks of 20 ms on an absolute grid: silence until the answer is over, and half a second more; then the next
        phrase.
        """
        start, number = SYSTEM_CLOCK.now(), 0
        noise = from_int16(np.random.default_rng(2).normal(0, 4, EAR_RATE).astype(np.int16))
        for phrase in self.phrases:
            sound = await asyncio.to_thread(scenes.said, phrase, self.voice)
            blocks = [probe.quiet(0.02)] * 25 + _blocks(sound)
            ends = start + (number + 25) * probe.FRAME_NS + len(sound) * SECOND // EAR_RATE
            self.answered.clear()
            limit = len(blocks) + int(PATIENCE_SECONDS * 50)
            for place in range(limit):
                if place >= len(blocks) and self.answered.is_set():
                    break
                if place == len(blocks):
                    self.turns.append(Turn(ends))
                await SYSTEM_CLOCK.wait_until(start + (number + 1) * probe.FRAME_NS)
                number += 1
                block = blocks[place] if place < len(blocks) else probe.quiet(0.02)
                yield from_int16(block) + noise[: len(block)]

    def _write(self, block: Samples) -> None:
        self.spoken.append(block)

    def _keep(self, record: TurnRecord) -> None:
        if record.kind == "answer" and record.on_air and self.turns:
            self.turns[-1].record = replace(record)

    def silences(self) -> list[float | None]:
        """Of each turn, as it is in the recording (ms)."""
        heard = np.abs(np.concatenate(self.spoken)) > _AUDIBLE
        found: list[float | None] = []
        for turn, following in zip(self.turns, [*self.turns[1:], None], strict=True):
            first = (turn.end - self.began) * RATE // SECOND
            last = (following.end - self.began) * RATE // SECOND if following else len(heard)
            loud = np.flatnonzero(heard[first:last])
            found.append(float(loud[0]) * 1000 / RATE if len(loud) else None)
        return found


def _blocks(sound: probe.Pcm) -> list[probe.Pcm]:
    whole = np.concatenate([sound, np.zeros(-len(sound) % probe.FRAME, np.int16)])
    return list(whole.reshape(-1, probe.FRAME))


async def calls(turns: int = TURNS) -> list[Call]:
    """Hold them, :data:`AT_ONCE` at a time."""
    async with open_partner(Settings(), "phone") as partner:
        brief = replace(partner.persona, max_sentences=1, max_words=12)
        partner = replace(partner, persona=brief)
        each = turns // AT_ONCE
        found = [Call(partner, [PHRASES[n % len(PHRASES)] for n in range(each)], voice) for voice in scenes.VOICES]
        async with asyncio.TaskGroup() as group:
            for call in found[:AT_ONCE]:
                group.create_task(call.hold())
        return found[:AT_ONCE]


def rows() -> list[Row]:
    """The figures of thirty turns."""
    waits: list[float] = []
    stages: dict[str, list[float]] = {}
    differences: list[float] = []
    unanswered = 0
    for call in asyncio.run(calls()):
        for turn, silence in zip(call.turns, call.silences(), strict=True):
            if silence is None or turn.record is None:
                unanswered += 1
                continue
            waits.append(silence)
            # the record's end of speech is what voice activity saw; here the script's own takes its place
            own = silence_ms(turn.record)
            own["endpointing"] += (turn.record.spoken_to - turn.end) / MILLISECOND
            differences.append(abs(sum(own.values()) - silence))
            for name, value in own.items():
                stages.setdefault(name, []).append(value)
    p50, p95 = np.percentile(waits, [50, 95])
    many = len(waits)
    rows = [
        row(f"embedded engines, {many} turns: last word's end → first audio, p50 (target ≤ 600)", float(p50), "ms"),
        row("the same, p95 (target ≤ 1000)", float(p95), "ms"),
        row("stages' sum against the silence in the recording, at most (target ≤ 10)", max(differences), "ms"),
        row("turns without an answer (target 0)", unanswered, "turns"),
    ]
    return rows + [row(f"stage {name}, p50", float(np.median(values)), "ms") for name, values in stages.items()]
