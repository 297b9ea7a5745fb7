"""Who takes calls in the tests: somebody who says what they are told to, and writes down what the leg tells."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from duologue.audio.pcm import RATE, Samples
from duologue.clock import Clock
from duologue.dialogue.far_end.remote_sink import RemoteSink
from duologue.dialogue.ports import PlayEnded, PlayEvent, PlayProgress, PlayStarted
from duologue.errors import PeerError
from duologue.phone.leg import CallLeg, Digit, LegEnded, LegEvent, Marked, Played, Quality, Sent, Sound, Stopped
from duologue.speech.utterance import Utterance

WORD = RATE // 4
"""Samples of a spoken word."""


def spoken(utterance_id: str, first: int, words: int, *, whole: bool = True) -> Utterance:
    """Words that a recording by telephone tells apart: each a level of its own."""
    levels = np.float32(0.1) + np.arange(first, first + words, dtype=np.float32) * np.float32(0.02)
    return Utterance(utterance_id, "", "ada", np.repeat(levels, WORD), open=not whole)


def words_in(heard: Samples, rate: int) -> dict[int, float]:
    """How much of each word is in it (1: all)."""
    found = np.rint((heard[heard > 0.08] - 0.1) / 0.02).astype(int)
    return {int(word): int(count) / rate * 4 for word, count in zip(*np.unique(found, return_counts=True), strict=True)}


@dataclass
class Person:
    """Takes a call: :attr:`says` speaks through the sink while the leg's events come."""

    clock: Clock
    says: Callable[[Person, CallLeg], Coroutine[Any, Any, None]]
    events: list[LegEvent] = field(default_factory=list[LegEvent])
    reports: list[PlayEvent | PlayProgress] = field(default_factory=list[PlayEvent | PlayProgress])
    legs: list[CallLeg] = field(default_factory=list[CallLeg])

    async def take(self, leg: CallLeg) -> None:
        self.legs.append(leg)
        self.sink = RemoteSink(leg.manners, self.reports.append, self.clock)
        await leg.answer()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self.sink.run()), group.create_task(self._speak(leg))]
            talking = group.create_task(self.says(self, leg))
            async for event in leg.events():
                self.events.append(event)
                self._heed(event)
            for task in (*tasks, talking):
                task.cancel()

    async def _speak(self, leg: CallLeg) -> None:
        try:
            await self.sink.connect(leg.write)
        except PeerError:
            pass  # the end is told as well

    def _heed(self, event: LegEvent) -> None:
        match event:
            case Played(utterance_id, samples, at):
                self.sink.acknowledge(utterance_id, samples, at)
            case Stopped(utterance_id, samples, at):
                self.sink.stopped(utterance_id, samples, at)
            case Quality(round_trip_ms=milliseconds):
                self.sink.round_trip(milliseconds)
            case Marked(name):
                self.sink.marked(name)
            case _:
                pass

    @property
    def played(self) -> dict[str, int]:
        """Samples of each utterance that is over, as they were reported."""
        return {each.utterance_id: each.played_samples for each in self.reports if isinstance(each, PlayEnded)}

    @property
    def started(self) -> list[str]:
        return [each.utterance_id for each in self.reports if isinstance(each, PlayStarted)]

    @property
    def sent(self) -> list[str]:
        return [each.id for each in self.events if isinstance(each, Sent)]

    @property
    def keys(self) -> str:
        return "".join(each.key for each in self.events if isinstance(each, Digit))

    @property
    def sound(self) -> list[Sound]:
        return [each for each in self.events if isinstance(each, Sound)]

    @property
    def end(self) -> LegEnded:
        last = self.events[-1]
        assert isinstance(last, LegEnded)
        return last


async def silent(person: Person, leg: CallLeg) -> None:
    """Says nothing."""


async def until(what: Callable[[], object], seconds: float = 5.0) -> None:
    """Wait for it; a few tests talk over real sockets."""
    async with asyncio.timeout(seconds):
        while not what():  # noqa: ASYNC110 (what it waits for has no event)
            await asyncio.sleep(0.005)
