"""Many who are listened to by one Whisper: passes that take their time on a virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

import numpy as np
import pytest

from duologue.app.admission import Admission, PlaceKind, PlaceTaken
from duologue.audio.pcm import Samples
from duologue.chains import Handover
from duologue.clock import SECOND
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.speech.hearing import EAR_RATE, Expected, Transcript
from duologue.speech.hearing_chain import HearingChain
from duologue.speech.hearing_fake import FakeHearing
from duologue.speech.whisper.engine import Whisper, WhisperSettings
from duologue.speech.whisper.messages import Found, LoadWhisper, Pass, WhisperLoaded
from duologue.speech.whisper.process import SIGN, WhisperProcess
from duologue.speech.whisper.words import Said

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

PASS_S = 0.06
"""Of a pass without a word on two slow cores, tiny.en."""
WITH_WORDS = 1.8
"""What one with words takes, in those."""
PIECE = EAR_RATE // 50
NOTICED = EAR_RATE // 10
DECIDED = 350 * EAR_RATE // 1000
TALKS = 0.4
LATE_MS = 300.0


class TimedPasses(WhisperProcess):
    """Every pass takes ``seconds``, and finds what its listener was expected to say."""

    def __init__(self, clock: LoopClock, seconds: float, claimed: float = PASS_S) -> None:
        super().__init__(LoadWhisper("none", 1, "int8", 1), 15.0, 0, clock)
        self.loaded = WhisperLoaded(multilingual=False, pass_s=claimed)
        self._seconds = seconds
        self._clock = clock
        self.at_work = 0

    async def find(self, wanted: Pass) -> AsyncGenerator[Found | None, None]:
        self.at_work += 1
        assert self.at_work == 1, "two passes at once"
        try:
            left = self._seconds
            while left > SIGN:
                await asyncio.sleep(SIGN)
                left -= SIGN
                yield None
            await asyncio.sleep(left)
            words = " ".join(wanted.phrases).split()
            each = wanted.seconds / (len(words) + 1)
            found = [Said(f" {word}", n * each, (n + 0.9) * each) for n, word in enumerate(words)]
            yield Found(wanted.number, tuple(found), "")
        finally:
            self.at_work -= 1


class Ready(Whisper):
    """It needs no worker: its passes are :class:`TimedPasses`."""

    async def warm_up(self) -> None: ...


class Crowd:
    """Callers who each say their own words ``turns`` times and listen for the rest of the time."""

    def __init__(self, seconds: float) -> None:
        self.clock = LoopClock()
        self.ears = Ready(WhisperSettings(model="none"), self.clock, TimedPasses(self.clock, seconds))
        self.handed: list[Handover] = []
        self.chain = HearingChain([self.ears, FakeHearing()], clock=self.clock, listener=self.handed.append)
        self.waits: list[float] = []
        self.texts: dict[int, list[str]] = {}

    async def call(self, number: int, turns: int) -> None:
        at = self.clock.now() + round(0.37 * number % 5 * SECOND)
        for turn in range(turns):
            length = round((1.5 + (number + turn) % 4) * EAR_RATE)
            self.texts.setdefault(number, []).append(await self._turn(number, length, at))
            at += round(length / EAR_RATE / TALKS * SECOND)

    async def _turn(self, number: int, length: int, at: int) -> str:
        """What is heard of a turn that begins ``at``; its source waits for no listener, as a person does not."""
        sound = np.full(length + DECIDED, 0.1, np.float32)
        sound[length:] = 0.0
        last = Transcript("")

        async def told() -> AsyncIterator[Samples]:
            for first in range(0, len(sound), PIECE):
                await self.clock.wait_until(at + (first + PIECE) * SECOND // EAR_RATE)
                yield sound[first : first + PIECE]

        voice = Voice(length, at, self.clock)
        async for heard in self.chain.listen(told(), Expected(phrases=(f"caller {number}",)), voice):
            last = heard
        self.waits.append((self.clock.now() - at) / 1e6 - 1000 * len(sound) / EAR_RATE)
        return last.text

    async def hold(self, many: int, turns: int) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(many):
                group.create_task(self.call(number, turns))


class Voice:
    """It spoke from ``at`` (ns) for ``length`` samples, which becomes known :data:`NOTICED` later."""

    def __init__(self, length: int, at: int, clock: LoopClock) -> None:
        self._length = length
        self._known = at + (length + NOTICED) * SECOND // EAR_RATE
        self._clock = clock

    @property
    def ended(self) -> int | None:
        return self._length if self._clock.now() >= self._known else None


def held(many: int, seconds: float, turns: int = 4) -> Crowd:
    async def main() -> Crowd:
        crowd = Crowd(seconds)
        await crowd.hold(many, turns)
        return crowd

    return simulate(main())


def test_as_many_as_are_admitted_hardly_wait() -> None:
    admitted = held(1, PASS_S * WITH_WORDS).ears.capabilities.at_once
    assert admitted is not None
    crowd = held(admitted, PASS_S * WITH_WORDS)
    assert float(np.percentile(crowd.waits, 95)) <= LATE_MS
    assert crowd.handed == []


def test_beyond_the_knee_they_wait_and_nobody_is_handed_to_other_ears() -> None:
    """Three seconds of work for each second: a chain would take silence for a failure after four."""
    crowd = held(20, 1.5, turns=2)
    assert float(np.percentile(crowd.waits, 95)) > 4_000
    assert crowd.handed == []
    assert crowd.texts == {number: [f"caller {number}"] * 2 for number in range(20)}


def test_who_comes_beyond_the_knee_is_refused() -> None:
    async def main() -> None:
        ears = Crowd(PASS_S).ears
        many = ears.capabilities.at_once
        admission = Admission(lambda kind: many if kind is PlaceKind.LISTENER else None)
        needs = frozenset({PlaceKind.LISTENER})
        assert many is not None
        async with asyncio.TaskGroup() as group:
            leave = asyncio.Event()

            async def stay() -> None:
                async with admission.place(needs):
                    await leave.wait()

            for _ in range(many):
                group.create_task(stay())
            await asyncio.sleep(0)
            with pytest.raises(PlaceTaken, match=f"all {many} places of a listener"):
                async with admission.place(needs):
                    raise AssertionError
            leave.set()

    simulate(main())
