"""The stages of a turn against the silence in its recording, with delays injected into ears, mind and voice.

``python -m benchmarks.silences``. Two hundred turns of the very session that people talk with, on virtual time: sound
goes in and comes out sample by sample, so the recording of both directions is made as it is of a talk. Callers and
voices are tones that begin and end at any sample. Every silence is measured in the recording alone: from the last
sample of the caller that can be heard to the first one of ours. Beside it stands what the stages of the turn's record
add up to.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from random import Random

import numpy as np
from numpy.typing import NDArray

from benchmarks.table import Row, row, show
from duologue.app.talking.talking import Partner
from duologue.audio.pcm import RATE, Samples
from duologue.clock import MILLISECOND, SECOND, Clock
from duologue.dialogue.ports import Voiced
from duologue.dialogue.session.session import SessionEngines
from duologue.language.fake import FakeLanguage
from duologue.language.moderation import Moderator
from duologue.simulation.room import RoomSound
from duologue.simulation.runner import PLAIN
from duologue.simulation.scenario import Scenario, ScenarioStep
from duologue.simulation.spoken_runner import SpokenOutcome, run_spoken
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.speech.hearing import EAR_RATE, Expected, HearingCapabilities, Transcript, VoicePresence
from duologue.speech.hearing_fake import Loudness
from duologue.speech.utterance import Mark, MarkKind, Utterance
from duologue.telemetry.turns import silence_ms

CALLS, TURNS = 20, 10
"""Conversations, and turns in each."""
EARS_MS, MIND_MS, VOICE_MS = (0.0, 800.0), (0.0, 900.0), (0.0, 700.0)
"""What each engine takes beyond nothing, evenly drawn for each turn."""
AUDIBLE = 0.02
"""Full scale is 1: what is softer is silence."""
WORD_S, LOUD = 0.22, 0.2
QUESTIONS = ("What time is it now?", "Where does the tram stop?", "I would like some tea, please.", "Who wrote this?")
REPLY = "It is nearly noon."
APART_MS = 300
"""Silence in our channel before an answer: less is a pause between words."""


@dataclass(frozen=True, slots=True)
class TurnSilence:
    """One answer: ``heard_ms`` is the silence before it in the recording, ``stages`` are those of its record (ms)."""

    heard_ms: float
    stages: Mapping[str, float]

    @property
    def difference_ms(self) -> float:
        """Of the stages' sum to the silence."""
        return sum(self.stages.values()) - self.heard_ms


@dataclass(slots=True)
class _Caller:
    """Says tones, one for each word, that begin and end anywhere."""

    chance: Random
    says: str = ""

    def __call__(self, step: ScenarioStep, begin: int, number: int) -> list[RoomSound]:
        self.says = step.words
        length = round(WORD_S * EAR_RATE) + self.chance.randrange(EAR_RATE // 10)
        found: list[RoomSound] = []
        for word in step.words.split():
            wave = _tone(length, EAR_RATE)
            found.append(RoomSound(begin, begin + len(wave), word, number, wave=wave))
            begin += len(wave)
        return found


@dataclass(slots=True)
class _Ears:
    """Understand what the caller says, so long after its end."""

    caller: _Caller
    clock: Clock
    chance: Random
    name: str = "delayed ears"
    capabilities: HearingCapabilities = field(default_factory=lambda: HearingCapabilities(punctuation=True))

    async def warm_up(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def listen(
        self, sound: AsyncIterator[Samples], expected: Expected | None = None, voice: VoicePresence | None = None
    ) -> AsyncGenerator[Transcript, None]:
        async for _ in sound:
            pass
        await self.clock.wait_until(self.clock.now() + round(self.chance.uniform(*EARS_MS) * MILLISECOND))
        yield Transcript(self.caller.says, final=True)


@dataclass(slots=True)
class _Voice:
    """Says tones, so long after it was asked."""

    clock: Clock
    chance: Random

    async def voice(self, text: str, speaker: str, utterance_id: str) -> Voiced:
        await self.clock.wait_until(self.clock.now() + round(self.chance.uniform(*VOICE_MS) * MILLISECOND))
        words = text.split()
        each = round(WORD_S * RATE)
        marks = tuple(Mark(MarkKind.WORD, word, n * each, (n + 1) * each) for n, word in enumerate(words))
        return Voiced(
            Utterance(utterance_id, speaker, text, _tone(each * len(words), RATE), RATE, marks), self.clock.now()
        )


def _tone(length: int, rate: int) -> Samples:
    return (LOUD * np.sign(np.sin(2 * np.pi * 300 * (np.arange(length) + 0.5) / rate))).astype(np.float32)


def hold(seed: int, turns: int = TURNS) -> list[TurnSilence]:
    """One conversation."""
    chance = Random(seed)
    script: list[dict[str, object]] = [{"pause": 500 + chance.randrange(100)}]
    for _ in range(turns):
        script.append({"say": chance.choice(QUESTIONS)})
        script.append({"wait": "reply"})
        script.append({"pause": 600 + chance.randrange(500)})
    scenario = Scenario.model_validate({
        "name": "silences", "shows": "x", "replies": [REPLY], "script": script,
        "engines": {"thinking": {"first_ms": {"uniform": MIND_MS}}},
    })  # fmt: skip

    async def run() -> SpokenOutcome:
        clock, caller = LoopClock(SECOND), _Caller(chance)
        engines = SessionEngines(
            Loudness(AUDIBLE / 2), _Ears(caller, clock, chance), FakeLanguage(), _Voice(clock, chance), Moderator()
        )
        partner = Partner(replace(PLAIN, fillers=()), engines)
        return await run_spoken(scenario, partner, seed, utter=caller, clock=clock)

    return list(measured(simulate(run())))


def measured(spoken: SpokenOutcome) -> Iterator[TurnSilence]:
    """Each answer and its silence, in order. Raises :class:`ValueError` where recording and records do not tell of as
    many.
    """
    theirs, ours = (np.flatnonzero(np.abs(spoken.recording[:, side]) > AUDIBLE) for side in (0, 1))
    answers = [record for record in spoken.outcome.turns if record.kind == "answer" and record.on_air]
    begins = _begins(ours)
    if len(begins) != len(answers):
        raise ValueError(f"{len(begins)} answers are in the recording, {len(answers)} in the records")
    for first, record in zip(begins, answers, strict=True):
        last = int(theirs[np.searchsorted(theirs, first) - 1]) + 1
        yield TurnSilence((first - last) * 1000 / RATE, silence_ms(record))


def _begins(loud: NDArray[np.intp]) -> list[int]:
    """Where sound begins after a silence."""
    gaps = np.flatnonzero(np.diff(loud) > APART_MS * RATE // 1000)
    return [int(loud[0]), *(int(loud[gap + 1]) for gap in gaps)] if len(loud) else []


def rows(calls: int = CALLS, turns: int = TURNS) -> list[Row]:
    """The figures of all of them."""
    found = [each for seed in range(1, calls + 1) for each in hold(seed, turns)]
    off = [abs(each.difference_ms) for each in found]
    silences = [each.heard_ms for each in found]
    names = list(found[0].stages)
    return [
        row("turns with an answer", len(found), f"of {calls * turns}"),
        row("the silence in the recording, p50", float(np.median(silences)), "ms", f"{min(silences):.0f} to "
            f"{max(silences):.0f} ms"),
        row("stages' sum against it, at most", max(off), "ms", f"target ≤ 10 in all; p50 {np.median(off):.2f}"),
        row("turns beyond 10 ms", sum(each > 10 for each in off), f"of {len(found)}", "target 0"),
        *(row(f"stage {name}, p50", float(np.median([each.stages[name] for each in found])), "ms") for name in names),
    ]  # fmt: skip


if __name__ == "__main__":
    show("silences", rows())
