"""A far end that is watched: words that a recording tells apart, and what was reported of them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

import numpy as np
from session_doubles import loud_utterance

from duologue.audio.pcm import Samples
from duologue.dialogue.far_end.remote_sink import Manners, RemoteSink
from duologue.dialogue.heard import heard_text
from duologue.dialogue.ports import PlayEnded, PlayEvent, PlayProgress
from duologue.simulation.far_player import FarHabits, FarPlayer
from duologue.simulation.virtual_time import LoopClock
from duologue.speech.utterance import Utterance

WORD = 14_400
"""Samples of a spoken word."""
BROWSER = Manners()
MARKS = Manners(tells_stop=False, holds=False, piece_ms=100)
"""As Twilio's media streams are: marks come back, a clear sends all of them back."""
SILENT = Manners(acknowledges=False, tells_stop=False)


def numbered(utterance_id: str, first: int, words: int) -> Utterance:
    """Words that a recording tells apart: each a level of its own."""
    spoken = loud_utterance(" ".join(f"w{first + n}" for n in range(words)), "ada", utterance_id)
    samples = np.repeat(np.float32(0.1) + np.arange(first, first + words, dtype=np.float32) / 1000, WORD)
    return replace(spoken, samples=samples)


def words_in(recording: Samples) -> dict[int, int]:
    """How many samples of each word are in it."""
    found = np.rint((recording[recording > 0.05] - 0.1) * 1000).astype(int)
    return {int(word): int(count) for word, count in zip(*np.unique(found, return_counts=True), strict=True)}


def heard_words(recording: Samples) -> int:
    """Whole words; the last of one that fades out is not."""
    return sum(count >= WORD for count in words_in(recording).values())


@dataclass
class Stage:
    """A sink, its far end, and what was reported."""

    manners: Manners
    habits: FarHabits
    seed: int = 0
    round_trip_ms: float = 0.0
    reports: list[PlayEvent | PlayProgress] = field(default_factory=list[PlayEvent | PlayProgress])

    def __post_init__(self) -> None:
        self.clock = LoopClock()
        self.sink = RemoteSink(self.manners, self.reports.append, self.clock)
        self.sink.round_trip(self.round_trip_ms)
        self.player = FarPlayer(self.sink, self.habits, self.clock, self.seed)

    def begin(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        tasks = [group.create_task(self.sink.run())]
        return [*tasks, group.create_task(self.player.run()), group.create_task(self.sink.connect(self.player.write))]

    @property
    def recording(self) -> Samples:
        return self.player.recording

    def heard(self, utterances: list[Utterance]) -> int:
        """Words, by what was reported."""
        played = {each.utterance_id: each.played_samples for each in self.reports if isinstance(each, PlayEnded)}
        return sum(len(heard_text(each, played[each.id]).split()) for each in utterances)


async def interrupted(stage: Stage, at: float) -> list[Utterance]:
    """Three utterances, cleared after so many seconds; until the end of each is known."""
    utterances = [numbered(f"u{number}", 10 * number, 5) for number in range(3)]
    async with asyncio.TaskGroup() as group:
        tasks = stage.begin(group)
        for number, utterance in enumerate(utterances):
            await stage.sink.play(utterance, 120 if number else 0)
        await asyncio.sleep(at)
        await stage.sink.clear()
        await asyncio.sleep(1.0)
        for task in tasks:
            task.cancel()
    assert sorted(each.utterance_id for each in stage.reports if isinstance(each, PlayEnded)) == ["u0", "u1", "u2"]
    return utterances
