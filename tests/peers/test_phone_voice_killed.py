"""The voice's process is killed while it works at an answer: the caller hears every word, and is answered again."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import numpy as np
import psutil
import pytest

from duologue.audio import g711
from duologue.clock import MILLISECOND, SYSTEM_CLOCK
from duologue.telemetry.ledger import TurnRecord, WorkerRecord
from line_caller import Caller, caller
from peers.house_line import QUESTION, line_house
from peers.telephone import RATE, sound_of, voiced
from peers.thinker import Thinker
from scripted_server import serving

pytestmark = [pytest.mark.peer, pytest.mark.realtime]
VOICE = "duologue.speech.espeak.worker"
ANSWERS = (
    "Yes, I can hear you very well. The lighthouse stands on a rock. Its keeper lights the lamp at dusk.",
    "The sea is calm today.",
)
QUIET = b"\xff" * (RATE // 50)


def _voice() -> int:
    """Its process, which forks one for each line."""
    found = [each for each in psutil.Process().children(recursive=True) if VOICE in each.cmdline()]
    return min(found, key=lambda each: each.create_time()).pid


async def _telephone(one: Caller, said: list[bytes]) -> None:
    """Send 20 ms after 20 ms what is ``said``, frame by frame, and else silence, which is sound, too."""
    begin = SYSTEM_CLOCK.now()
    for number in range(10_000):
        await SYSTEM_CLOCK.wait_until(begin + number * 20 * MILLISECOND)
        one.speak(said.pop(0) if said else QUIET)


async def test_of_an_answer_whose_voice_is_killed_every_word_is_heard(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sound = sound_of(await voiced(QUESTION, tmp_path / "question.wav"))[: 2 * RATE]
    spoken = g711.encode(sound.astype(np.float32), "mu")
    question = [spoken[at : at + len(QUIET)] for at in range(0, len(spoken) - len(QUIET) + 1, len(QUIET))]
    said: list[bytes] = []
    async with (
        serving(Thinker(ANSWERS)) as thinker,
        line_house(monkeypatch, tmp_path, 'codecs = ["pcmu"]\n', tables=thinker.settings, llm="openai") as house,
        caller() as one,
        asyncio.TaskGroup() as group,
    ):
        one.call(house.port)
        await one.until(lambda: one.agreed)
        telephone = group.create_task(_telephone(one, said))
        await house.until(lambda: house.of(TurnRecord))
        killed = _voice()
        os.kill(killed, signal.SIGSTOP)  # so that it is at work when it dies: it is quick
        said += question
        async with asyncio.timeout(20):
            while not any(QUESTION in str(asked) for asked in thinker.requests):  # noqa: ASYNC110 (it tells nobody)
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)  # its first sentence waits for the voice
        assert not house.answers()
        os.kill(killed, signal.SIGKILL)
        await house.until(lambda: len(house.answers()) == 1, 40)
        said += question
        await house.until(lambda: len(house.answers()) == 2, 40)
        assert _voice() != killed
        telephone.cancel()
        one.hang_up()
        call = await house.call()
    assert [turn.heard for turn in house.answers()] == list(ANSWERS)
    assert not any(turn.interrupted or turn.failure for turn in house.answers()) and not call.failed
    assert [record for record in house.of(WorkerRecord) if record.worker == "espeak" and record.restarts]
