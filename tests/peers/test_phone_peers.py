"""The whole line on loopback, called by a telephone that others made: a spoken question is played, the answer recorded.

The voice is espeak-ng's, the ears are scripted (what is to be shown is the way of the sound, not what is understood).
"""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from duologue.audio.pcm import RATE as RECORDED
from duologue.audio.pcm import Samples
from duologue.telemetry.ledger import CallRecord, TurnRecord
from peers.house_line import GREETING, QUESTION, line_house
from peers.sip_line import HOST
from peers.telephone import RATE, telephone, voiced

pytestmark = [pytest.mark.peer, pytest.mark.realtime]


def _loud(sound: Samples, rate: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Seconds at which it is no silence."""
    return np.flatnonzero(np.abs(sound) > 0.02) / rate


async def test_baresip_asks_and_hears_the_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    recordings = tmp_path / "recordings"
    settings = f'record = "{recordings}"\nrecord_format = "wav"\ncodecs = ["pcmu"]\n'
    question = await voiced(QUESTION, tmp_path / "question.wav")
    async with (
        line_house(monkeypatch, tmp_path, settings) as house,
        telephone(tmp_path / "telephone") as phone,
    ):
        phone.order("dial", f"sip:1000@{HOST}:{house.port}")
        await phone.until("CALL_ESTABLISHED")
        await house.until(lambda: house.of(TurnRecord))
        greeted = phone.heard_samples
        phone.speak(question)
        await house.until(house.answers)
        phone.order("hangup")
        call = await house.call()
    assert house.of(CallRecord) == [call]
    assert call.answered, phone.events
    assert not call.failed, call.reason
    assert (call.caller, call.called) == ("16", "1000")
    assert call.codec.startswith("PCMU"), call.codec
    turns = house.of(TurnRecord)
    answers = [turn for turn in turns if turn.kind == "answer" and turn.spoken_to]
    assert next(turn.heard for turn in turns if turn.kind == "answer") == GREETING
    assert answers, phone.events
    assert all(turn.first_audio <= turn.sent and not turn.estimated for turn in answers if turn.sent)
    (file,) = recordings.iterdir()
    with wave.open(str(file)) as opened:
        both = np.frombuffer(opened.readframes(opened.getnframes()), np.int16).reshape(-1, 2) / 32768
    caller, character = (_loud(both[:, side].astype(np.float32), RECORDED) for side in (0, 1))
    assert len(character)
    assert character[0] < 0.5, "the greeting sounds when the call is answered"
    assert character[0] + 1 < caller[0] < character[-1], "the question is on the recording"
    assert np.any(character > caller[0] + 1), "the answer is on the recording"
    sound = phone.heard()
    assert len(_loud(sound[:greeted], RATE)), "the telephone heard the greeting"
    assert len(_loud(sound[greeted:], RATE)), "and the answer"
