"""What is believed heard over a Twilio media stream, and what its caller heard: 200 interruptions in virtual time.

Run ``python -m benchmarks phone.carriers``. Words of a quarter of a second, each a level of its own, are interrupted
anywhere; Twilio's end (``duologue.simulation.twilio_peer``) takes 30 ms to get a message and 20 to 90 ms to say one.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

import numpy as np

from benchmarks.table import Row, row
from duologue.audio.pcm import RATE
from duologue.clock import SECOND
from duologue.dialogue.far_end.remote_sink import RemoteSink
from duologue.dialogue.ports import PlayEnded, PlayEvent, PlayProgress
from duologue.phone.leg import CallLeg, Marked, Quality
from duologue.phone.twilio.calls import TwilioCalls
from duologue.phone.twilio.voice import Invitation, TwilioDoor
from duologue.simulation.twilio_peer import TwilioPeer
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.speech.utterance import Utterance

INTERRUPTIONS = 200
WORDS = 15
WORD = RATE // 4


@dataclass(frozen=True)
class Outcome:
    """Samples (48 kHz): by the marks that had come when the clear was ordered, as reported at the end, and heard."""

    marked: int
    believed: int
    heard: int
    clear_to_silence_ms: float


def _speech() -> Utterance:
    levels = np.float32(0.1) + np.arange(WORDS, dtype=np.float32) * np.float32(0.02)
    return Utterance("u", "", "ada", np.repeat(levels, WORD))


def interrupt(at: float, seed: int, *, marks: bool = True) -> Outcome:
    """Speak, and clear after ``at`` seconds; without ``marks`` none is heeded."""
    reports: list[PlayEvent | PlayProgress] = []
    marked, cleared = 0, 0

    async def converse(leg: CallLeg) -> None:
        sink = RemoteSink(leg.manners, reports.append, clock)
        await leg.answer()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(sink.run()), group.create_task(sink.connect(leg.write))]
            tasks.append(group.create_task(speak(sink, leg)))
            async for event in leg.events():
                if isinstance(event, Marked) and marks:
                    heed(sink, event)
                elif isinstance(event, Quality) and marks:
                    sink.round_trip(event.round_trip_ms)
            for task in tasks:
                task.cancel()

    def heed(sink: RemoteSink, event: Marked) -> None:
        nonlocal marked
        sink.marked(event.name)
        if not cleared:
            marked = max(marked, int(event.name.split(":")[1]))

    async def speak(sink: RemoteSink, leg: CallLeg) -> None:
        nonlocal cleared
        await sink.play(_speech(), 0)
        await asyncio.sleep(at)
        cleared = clock.now()
        await sink.clear()
        await asyncio.sleep(1.0)
        await leg.hang_up("over")

    async def main() -> TwilioPeer:
        peer = TwilioPeer(clock, seed=seed)
        calls = TwilioCalls(TwilioDoor("token", "https://a.example"), converse, clock=clock)
        async with asyncio.TaskGroup() as group:
            playing = group.create_task(peer.run())
            peer.begin()
            await calls.hold(Invitation("CA01", "", ""), peer)
            playing.cancel()
        return peer

    clock = LoopClock(start=SECOND)
    heard = simulate(main()).heard
    loud = np.flatnonzero(heard > 0.05)
    believed = sum(each.played_samples for each in reports if isinstance(each, PlayEnded))
    stopped = SECOND + (int(loud[-1]) + 1) * SECOND // 8000 if len(loud) else cleared
    return Outcome(marked, believed, 6 * len(loud), (stopped - cleared) / 1e6)


def rows() -> list[Row]:
    """The figures."""
    chance = random.Random(11)
    moments = [chance.uniform(0.2, 3.6) for _ in range(INTERRUPTIONS)]
    found = [interrupt(at, seed) for seed, at in enumerate(moments)]
    bare = [interrupt(at, seed, marks=False) for seed, at in enumerate(moments[:40])]
    errors = [abs(each.believed - each.heard) / 48 for each in found]
    without = [abs(each.believed - each.heard) / 48 for each in bare]
    words = [abs(each.believed // WORD - each.heard // WORD) for each in found]
    claimed = sum(each.marked // WORD > each.heard // WORD for each in found)
    silence = [each.clear_to_silence_ms for each in found]
    return [
        row("words acknowledged by marks and not heard, over all interruptions", claimed, "words", "target 0"),
        row("interruptions after which the words believed heard were others", sum(map(bool, words)), "of 200"),
        row("most words off", max(words), "words"),
        row(
            "position believed heard, off, p50",
            float(np.median(errors)),
            "ms",
            f"without marks {np.median(without):.0f}",
        ),
        row("the same, p95", float(np.quantile(errors, 0.95)), "ms", f"without marks {np.quantile(without, 0.95):.0f}"),
        row("clear ordered to silence at the caller's, p95", float(np.quantile(silence, 0.95)), "ms", "30 ms of way"),
    ]
