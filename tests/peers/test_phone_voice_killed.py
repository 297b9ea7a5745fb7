"""The voice's process is killed while it works at an answer: the caller hears every word, and is answered again."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from duologue.audio import g711
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


async def _asks(one: Caller, question: bytes) -> None:
    for at in range(0, len(question) - len(QUIET) + 1, len(QUIET)):
        await one.chatter(question[at : at + len(QUIET)], 0.02)


async def _waits(one: Caller, reached: Callable[[], object]) -> None:
    """As a telephone does: silence is sound, too."""
    for _ in range(300):
        if reached():
            return
        await one.chatter(QUIET, 0.1)
    raise AssertionError("it waited for half a minute")


async def test_of_an_answer_whose_voice_is_killed_every_word_is_heard(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sound = sound_of(await voiced(QUESTION, tmp_path / "question.wav"))[: 2 * RATE]
    question = g711.encode(sound.astype(np.float32), "mu")
    async with (
        serving(Thinker(ANSWERS)) as thinker,
        line_house(monkeypatch, tmp_path, 'codecs = ["pcmu"]\n', tables=thinker.settings, llm="openai") as house,
        caller() as one,
    ):
        one.call(house.port)
        await one.until(lambda: one.agreed)
        await _waits(one, lambda: house.of(TurnRecord))
        killed, asked = _voice(), len(thinker.requests)
        os.kill(killed, signal.SIGSTOP)  # so that it is at work when it dies: it is quick
        await _asks(one, question)
        await _waits(one, lambda: len(thinker.requests) > asked)
        await one.chatter(QUIET, 1.0)
        assert not house.answers()
        os.kill(killed, signal.SIGKILL)
        await _waits(one, lambda: len(house.answers()) == 1)
        await _asks(one, question)
        await _waits(one, lambda: len(house.answers()) == 2)
        assert _voice() != killed
        one.hang_up()
        call = await house.call()
    assert [turn.heard for turn in house.answers()] == list(ANSWERS)
    assert not any(turn.interrupted or turn.failure for turn in house.answers()) and not call.failed
    assert [record for record in house.of(WorkerRecord) if record.worker == "espeak" and record.restarts]
