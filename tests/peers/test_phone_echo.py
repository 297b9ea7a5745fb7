"""A line that echoes: what we say comes back at −20 dB, 100 ms later. The character does not take it for a caller."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest

from duologue.audio import g711
from duologue.audio.pcm import Samples
from duologue.clock import MILLISECOND, SYSTEM_CLOCK
from duologue.speech.hearing import EAR_RATE, Expected, Transcript, VoicePresence
from duologue.speech.hearing_fake import Hearing, evenly, understood
from duologue.telemetry.ledger import TurnRecord
from line_caller import Caller, caller
from peers.house_line import GREETING, QUESTION, Ears, line_house
from peers.telephone import RATE, sound_of, voiced
from peers.thinker import Thinker
from scripted_server import serving

pytestmark = [pytest.mark.peer, pytest.mark.realtime]
ANSWER = "Yes, I can hear you very well, and there is an echo."
FRAME = RATE // 50
DELAY = 100 * MILLISECOND
GAIN = 0.1
LOUD = 0.1
"""A caller's voice has such peaks; the echo does not."""


class SharpEars(Ears):
    """They understand everything: what is loud is the question, what is faint what the character says meanwhile."""

    def __init__(self, said: Callable[[], str]) -> None:
        super().__init__()
        self._said = said
        self.faint = 0

    async def listen(
        self, sound: AsyncIterator[Samples], expected: Expected | None = None, voice: VoicePresence | None = None
    ) -> AsyncGenerator[Transcript, None]:
        seconds, peak, shown = 0.0, 0.0, Transcript("", final=False)
        async for block in sound:
            seconds += len(block) / EAR_RATE
            peak = max(peak, float(np.max(np.abs(block), initial=0)))
            now = understood(self._hearing(peak), seconds)
            if seconds > 0.4 and now.text != shown.text:
                shown = now
                yield now
        self.faint += peak < LOUD
        whole = understood(self._hearing(peak), max(seconds, 30.0) if peak >= LOUD else seconds)
        yield Transcript(whole.text, final=True, stable=len(whole.text), words=whole.words)

    def _hearing(self, peak: float) -> Hearing:
        return Hearing(evenly(QUESTION if peak >= LOUD else self._said(), 0.2, 0.25))


async def _telephone(one: Caller, said: list[Samples]) -> None:
    """Send 20 ms after 20 ms: what the caller says (``said``, one frame after another), and the echo of us."""
    begin, heard = SYSTEM_CLOCK.now(), 0
    for number in range(10_000):
        await SYSTEM_CLOCK.wait_until(begin + number * 20 * MILLISECOND)
        frame = said.pop(0) if said else np.zeros(FRAME, np.float32)
        if heard < len(one.packets) and one.packets[heard][0] + DELAY <= SYSTEM_CLOCK.now():
            echo = g711.decode(one.packets[heard][1].payload, "mu")
            heard += 1
            frame = frame + GAIN * np.resize(echo, FRAME)
        one.speak(g711.encode(frame.astype(np.float32), "mu"))


@contextlib.asynccontextmanager
async def _echoing(port: int) -> AsyncGenerator[tuple[Caller, list[Samples]]]:
    said: list[Samples] = []
    async with caller() as one, asyncio.TaskGroup() as group:
        one.call(port)
        await one.until(lambda: one.agreed)
        speaking = group.create_task(_telephone(one, said))
        yield one, said
        speaking.cancel()
        one.hang_up()


async def test_its_own_voice_neither_interrupts_it_nor_is_answered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    question = sound_of(await voiced(QUESTION, tmp_path / "question.wav"))[: 3 * RATE]
    question = 0.5 * question / np.max(np.abs(question))
    asked = asyncio.Event()
    made: list[SharpEars] = []

    def ears() -> SharpEars:
        made.append(SharpEars(lambda: ANSWER if asked.is_set() else GREETING))
        return made[-1]

    async with (
        serving(Thinker([ANSWER])) as thinker,
        line_house(
            monkeypatch, tmp_path, 'codecs = ["pcmu"]', tables=thinker.settings, llm="openai", ears=ears
        ) as house,
        _echoing(house.port) as (_, said),
    ):
        await house.until(lambda: house.of(TurnRecord))
        asked.set()
        said += np.split(question, len(question) // FRAME)
        await house.until(house.answers)
    turns = house.of(TurnRecord)
    greeting = next(turn for turn in turns if turn.kind == "answer" and not turn.question)
    assert greeting.heard == GREETING and not greeting.interrupted
    assert [turn.text for turn in turns if turn.kind == "person"] == [QUESTION]
    (answer,) = house.answers()
    assert answer.heard == ANSWER and not answer.interrupted
