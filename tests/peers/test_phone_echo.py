"""A line that echoes: what we say comes back at −20 dB, 100 ms later. The character does not take it for a caller."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from pathlib import Path

import numpy as np
import pytest

from duologue.audio import g711
from duologue.audio.pcm import Samples
from duologue.clock import MILLISECOND, SYSTEM_CLOCK
from duologue.telemetry.ledger import TurnRecord
from line_caller import Caller, caller
from peers.house_line import GREETING, QUESTION, line_house
from peers.telephone import RATE, sound_of, voiced
from peers.thinker import Thinker
from scripted_server import serving

pytestmark = [pytest.mark.peer, pytest.mark.realtime]
ANSWER = "Yes, I can hear you very well, and there is an echo."
FRAME = RATE // 50
DELAY = 100 * MILLISECOND
GAIN = 0.1


async def _telephone(one: Caller, said: list[Samples]) -> None:
    """Send 20 ms after 20 ms: what the caller says (``said``, one frame after another), and the echo of us."""
    begin, heard = SYSTEM_CLOCK.now(), 0
    for number in range(10_000):
        await SYSTEM_CLOCK.wait_until(begin + number * 20 * MILLISECOND)
        frame = said.pop(0) if said else np.zeros(FRAME, np.float32)
        if heard < len(one.packets) and one.packets[heard][0] + DELAY <= SYSTEM_CLOCK.now():
            frame = frame + GAIN * g711.decode(one.packets[heard][1].payload, "mu")
            heard += 1
        one.speak(g711.encode(frame.astype(np.float32), "mu"))


@contextlib.asynccontextmanager
async def _echoing(port: int) -> AsyncGenerator[list[Samples]]:
    """A call from such a line; what is put into the list is said on it."""
    said: list[Samples] = []
    async with caller() as one, asyncio.TaskGroup() as group:
        one.call(port)
        await one.until(lambda: one.agreed)
        speaking = group.create_task(_telephone(one, said))
        yield said
        speaking.cancel()
        one.hang_up()


async def test_on_a_half_duplex_line_its_own_voice_neither_interrupts_it_nor_is_answered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The scripted ears would take any sound for the question."""
    question = sound_of(await voiced(QUESTION, tmp_path / "question.wav"))[: 2 * RATE]
    half = 'codecs = ["pcmu"]\nduplex = "half"'
    async with (
        serving(Thinker([ANSWER])) as thinker,
        line_house(monkeypatch, tmp_path, half, tables=thinker.settings, llm="openai") as house,
        _echoing(house.port) as said,
    ):
        await house.until(lambda: house.of(TurnRecord))
        said += np.split(question, len(question) // FRAME)
        await house.until(house.answers)
    turns = house.of(TurnRecord)
    greeting = next(turn for turn in turns if turn.kind == "answer" and not turn.question)
    assert greeting.heard == GREETING and not greeting.interrupted and not greeting.false_alarms
    (person,) = [turn for turn in turns if turn.kind == "person"]
    assert person.text and QUESTION.startswith(person.text)
    (answer,) = house.answers()
    assert answer.heard == ANSWER and not answer.interrupted and not answer.false_alarms
