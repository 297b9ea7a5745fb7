"""What a turn costs by itself: from typed words to the first sound handed to the sink and to the first 20 ms that leave
it, how late blocks leave, and the CPU time of a session.

``python -m benchmarks.turn_cost``. Engines take no time; each session has its paced sink and a silent source. The
loop's clock is the CPU time of this process plus what it would have slept, so that a machine that is busy with other
things does not show: these are figures of the code. Those of a real clock, beside the peers', are those of
``benchmarks.voice``.
"""

from __future__ import annotations

import asyncio
import random
import selectors
import sys
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field

import numpy as np

from duologue.audio.pcm import RATE, Samples
from duologue.clock import MILLISECOND, SECOND
from duologue.dialogue.ports import Voiced
from duologue.dialogue.session.session import Session, SessionEngines
from duologue.dialogue.session.sink import BLOCK_MS, PacedSink
from duologue.language.fake import FakeLanguage, ScriptedReply
from duologue.language.moderation import load_moderator
from duologue.language.persona import Persona
from duologue.memory import freeze
from duologue.speech.hearing import EAR_RATE
from duologue.speech.hearing_fake import FakeHearing
from duologue.speech.utterance import Mark, MarkKind, Utterance

PERSONA = Persona("ada", "Ada", "A calm woman.", fillers=("Hm.",))
ANSWER = "Certainly, here is one sentence."
SOUND = (0.1 * np.sin(np.arange(round(1.2 * RATE)) / 20)).astype(np.float32)
SETTLE_SECONDS, SECONDS = 1.0, 20.0


class _Selector(selectors.DefaultSelector):
    """Never sleeps: what it would have slept is added to ``slept``."""

    slept = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            self.slept += timeout or 0.0
        return ready


class _OwnTimeLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._own = _Selector()
        super().__init__(self._own)

    def time(self) -> float:
        return time.thread_time() + self._own.slept


class _LoopClock:
    """The loop's own time as the session's clock (ns)."""

    def now(self) -> int:
        return round(asyncio.get_running_loop().time() * SECOND)

    def wall(self) -> int:
        return self.now()

    def cpu(self) -> int:
        return time.process_time_ns()

    def sleep_until(self, deadline: int) -> None:
        raise AssertionError("nothing may block the loop")

    async def wait_until(self, deadline: int) -> None:
        await asyncio.sleep(max(0, deadline - self.now()) / SECOND)


CLOCK = _LoopClock()


class _Voice:
    async def voice(self, text: str, speaker: str, utterance_id: str) -> Voiced:
        words = text.split()
        each = len(SOUND) // len(words)
        marks = tuple(Mark(MarkKind.WORD, word, n * each, (n + 1) * each) for n, word in enumerate(words))
        return Voiced(Utterance(utterance_id, speaker, text, SOUND, RATE, marks), CLOCK.now())


class _Silence:
    """Voice activity that hears nothing."""

    def open(self) -> int:
        return 0

    def step(self, frames: Mapping[int, Samples]) -> Mapping[int, float]:
        return dict.fromkeys(frames, 0.0)

    def forget(self, stream: int) -> None:
        pass


@dataclass(slots=True)
class Figures:
    """Milliseconds."""

    waits: list[float] = field(default_factory=list[float])
    leaves: list[float] = field(default_factory=list[float])
    late: list[float] = field(default_factory=list[float])


class _Sink(PacedSink):
    """Notes how long after :attr:`asked` the first sound came and left, and how late blocks leave (ms)."""

    def __init__(self, figures: Figures) -> None:
        super().__init__(self._leave, lambda report: self.session.notify(report), CLOCK, silence=False)
        self.session: Session
        self.asked = 0
        self._figures = figures
        self._given = 0

    async def play(self, utterance: Utterance, gap_ms: int) -> None:
        if self.asked:
            self._figures.waits.append((CLOCK.now() - self.asked) / MILLISECOND)
            self._given = self.asked
        self.asked = 0
        await super().play(utterance, gap_ms)

    def _leave(self, block: Samples) -> None:
        now = CLOCK.now()
        self._figures.late.append((now - self.at) / MILLISECOND)
        if self._given and block[::61].any():
            self._figures.leaves.append((now - self._given) / MILLISECOND)
            self._given = 0


async def _source(chance: random.Random) -> AsyncGenerator[Samples, None]:
    block = np.zeros(EAR_RATE * BLOCK_MS // 1000, np.float32)
    begin, number = CLOCK.now() + chance.randrange(BLOCK_MS * MILLISECOND), 0
    while True:
        await CLOCK.wait_until(begin + number * BLOCK_MS * MILLISECOND)
        number += 1
        yield block


async def _type(session: Session, sink: _Sink, chance: random.Random) -> None:
    end = CLOCK.now() + round(SECONDS * SECOND)
    await asyncio.sleep(SETTLE_SECONDS + 2.0 * chance.random())
    while CLOCK.now() < end:
        sink.asked = CLOCK.now()
        session.say("what time is it")
        await asyncio.sleep(1.8 + 0.4 * chance.random())
    session.hang_up()


async def _hold(number: int, engines: SessionEngines, figures: Figures) -> None:
    """One conversation."""
    chance, sink = random.Random(number), _Sink(figures)
    sink.session = session = Session(PERSONA, engines, sink, clock=CLOCK)
    await asyncio.sleep(0.5 * chance.random())
    async with asyncio.TaskGroup() as group:
        floor = group.create_task(sink.run())
        group.create_task(_type(session, sink, chance))
        await session.run(_source(chance))
        floor.cancel()


async def _measure(sessions: int) -> Figures:
    figures = Figures()
    ears = FakeHearing([])
    await ears.warm_up()
    engines = SessionEngines(
        _Silence(), ears, FakeLanguage((), CLOCK, ScriptedReply(ANSWER)), _Voice(), load_moderator()
    )
    freeze()
    async with asyncio.TaskGroup() as group:
        for number in range(sessions):
            group.create_task(_hold(number, engines, figures))
    return figures


def main() -> None:
    """Print a line for each number of sessions."""
    for sessions in map(int, sys.argv[1:] or ("1", "50", "100")):
        with asyncio.Runner(loop_factory=_OwnTimeLoop) as runner:
            began = time.process_time()
            found = runner.run(_measure(sessions))
            used = (time.process_time() - began) / SECONDS / sessions * 1000
        (usual, worst), (left, last) = (np.percentile(each, (50, 99)) for each in (found.waits, found.leaves))
        print(
            f"{sessions:4} sessions: first sound after {usual:.2f} / {worst:.2f} ms, first 20 ms leave after "
            f"{left:.2f} / {last:.2f} ms (p50/p99 of {len(found.leaves)}), blocks late "
            f"{np.percentile(found.late, 99):.2f} ms (p99), {used:.2f} ms of CPU a second of a session"
        )


if __name__ == "__main__":
    main()
