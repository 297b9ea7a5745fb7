"""Frames of many listeners in few steps: in order, in time, bounded, and no one's failure but the engine's."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import numpy as np
import pytest

from duologue.audio.pcm import Samples
from duologue.simulation.virtual_time import simulate
from duologue.speech.hearing import EAR_RATE, VAD_FRAME
from duologue.speech.shared_activity import BACKLOG, BATCH, WINDOW_MS, SharedActivity
from duologue.speech.silero import Silero


class Counting:
    """Gives each frame its own first sample back; fails while told to."""

    def __init__(self) -> None:
        self.open_streams: set[int] = set()
        self.batches: list[list[int]] = []
        self.error: Exception | None = None
        self._next = 0

    def open(self) -> int:
        self._next += 1
        self.open_streams.add(self._next)
        return self._next

    def step(self, frames: Mapping[int, Samples]) -> Mapping[int, float]:
        assert set(frames) <= self.open_streams
        self.batches.append(list(frames))
        if self.error:
            raise self.error
        return {stream: float(frame[0]) for stream, frame in frames.items()}

    def forget(self, stream: int) -> None:
        self.open_streams.remove(stream)


def frame(value: float) -> Samples:
    return np.full(VAD_FRAME, value, np.float32)


class Ear:
    def __init__(self, shared: SharedActivity) -> None:
        self.shared = shared
        self.heard: list[tuple[object, int, float]] = []
        self.stream = shared.open(self.take)

    def take(self, found: object, frame: Samples, end: int) -> None:
        assert len(frame) == VAD_FRAME
        self.heard.append((found, end, asyncio.get_running_loop().time()))

    def push(self, value: float, end: int = 0) -> None:
        self.shared.push(self.stream, frame(value), end)

    def found(self) -> list[object]:
        return [found for found, _, _ in self.heard]


def test_what_comes_within_a_window_is_one_step() -> None:
    async def main() -> None:
        engine = Counting()
        shared = SharedActivity(engine)
        ears = [Ear(shared) for _ in range(5)]
        for number, ear in enumerate(ears):
            ear.push(number / 8, end=number)
            await asyncio.sleep(0.0005)
        await asyncio.sleep(0.01)
        assert len(engine.batches) == 1
        assert [ear.heard[0][:2] for ear in ears] == [(number / 8, number) for number in range(5)]
        assert max(ear.heard[0][2] for ear in ears) == pytest.approx(WINDOW_MS / 1000)
        ears[0].push(0.5)
        await asyncio.sleep(0.01)
        assert len(engine.batches) == 2
        assert (shared.steps, shared.frames) == (2, 6)

    simulate(main())


def test_a_crowd_is_split_and_the_loop_turns_in_between() -> None:
    async def main() -> None:
        engine = Counting()
        shared = SharedActivity(engine)
        ears = [Ear(shared) for _ in range(3 * BATCH + 1)]
        for ear in ears:
            ear.push(0.25)
        await asyncio.sleep(WINDOW_MS / 1000)
        seen = [len(engine.batches)]
        while seen[-1] < 4:
            await asyncio.sleep(0)
            seen.append(len(engine.batches))
        assert max(map(len, engine.batches)) == BATCH
        assert len(set(seen)) >= 3
        assert all(ear.found() == [0.25] for ear in ears)

    simulate(main())


def test_one_that_brings_a_file_pays_for_it_and_keeps_its_order() -> None:
    async def main() -> None:
        engine = Counting()
        shared = SharedActivity(engine)
        fast, slow = Ear(shared), Ear(shared)
        slow.push(0.5)
        for number in range(100):
            fast.push(number / 128, number)
        assert len(fast.heard) == 100 - BACKLOG
        assert slow.heard == []
        await asyncio.sleep(0.1)
        assert fast.found() == [number / 128 for number in range(100)]
        assert slow.found() == [0.5]

    simulate(main())


def test_without_a_window_each_frame_is_told_in_its_own_call() -> None:
    async def main() -> None:
        ear = Ear(SharedActivity(Counting(), window_ms=0))
        ear.push(0.5)
        assert ear.found() == [0.5]

    simulate(main())


def test_what_was_cleared_or_forgotten_is_not_told() -> None:
    async def main() -> None:
        engine = Counting()
        shared = SharedActivity(engine)
        cleared, gone, staying = Ear(shared), Ear(shared), Ear(shared)
        for ear in (cleared, gone, staying):
            ear.push(0.5)
        shared.clear(cleared.stream)
        shared.forget(gone.stream)
        shared.forget(gone.stream)
        await asyncio.sleep(0.1)
        assert (cleared.heard, gone.heard, staying.found()) == ([], [], [0.5])
        assert engine.open_streams == {cleared.stream, staying.stream}

    simulate(main())


def test_one_listener_may_end_another_while_it_is_told() -> None:
    async def main() -> None:
        shared = SharedActivity(Counting())
        second: list[int] = []
        first = shared.open(lambda found, frame, end: shared.forget(second[0]))
        told: list[object] = []
        second.append(shared.open(lambda found, frame, end: told.append(found)))
        for stream in (first, second[0]):
            shared.push(stream, frame(0.5), 0)
        await asyncio.sleep(0.1)
        assert told == []

    simulate(main())


def test_a_failure_is_told_to_each_and_passes() -> None:
    async def main() -> None:
        engine = Counting()
        shared = SharedActivity(engine)
        ears = [Ear(shared) for _ in range(3)]
        engine.error = ZeroDivisionError("broken")
        for ear in ears:
            ear.push(0.5)
        await asyncio.sleep(0.1)
        engine.error = None
        for ear in ears:
            ear.push(0.25)
        await asyncio.sleep(0.1)
        for ear in ears:
            assert [type(found) for found in ear.found()] == [ZeroDivisionError, float]

    simulate(main())


def test_silero_gives_the_same_alone_and_in_company() -> None:
    sound = (np.random.default_rng(3).standard_normal(EAR_RATE) * 0.1).astype(np.float32)
    frames = [sound[at : at + VAD_FRAME] for at in range(0, len(sound) - VAD_FRAME, VAD_FRAME)]

    async def main(window_ms: float, company: int) -> list[object]:
        shared = SharedActivity(Silero(), window_ms)
        ears = [Ear(shared) for _ in range(company)]
        for number, each in enumerate(frames):
            for place, ear in enumerate(ears):
                shared.push(ear.stream, each * (1.0 if place == 0 else 0.3 * place), number)
            await asyncio.sleep(0.032)
        return ears[0].found()

    alone = simulate(main(0.0, 1))
    assert len(alone) == len(frames)
    assert simulate(main(WINDOW_MS, 5)) == pytest.approx(alone, abs=1e-5)
