"""The whole line on loopback, called by a telephone that others made: a spoken question is played, the answer recorded.

The voice is espeak-ng's, the ears are scripted (what is to be shown is the way of the sound, not what is understood).
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest

from duologue.audio.pcm import RATE, Samples
from duologue.audio.resample import resample
from duologue.telemetry.ledger import CallRecord, TurnRecord
from peers.house_line import GREETING, QUESTION, line_house

pytestmark = [pytest.mark.peer, pytest.mark.realtime]
QUESTION_AT = 4.0
"""Seconds of silence before it."""
CALL_SECONDS = 12


def _question(file: Path) -> None:
    """Silence, the question as espeak-ng says it, silence; 8 kHz."""
    program = shutil.which("espeak-ng")
    if program is None:
        pytest.skip("espeak-ng is not installed (Debian package espeak-ng)")
    spoken = file.with_name("spoken.wav")
    subprocess.run([program, "-w", str(spoken), QUESTION], check=True)
    with wave.open(str(spoken)) as opened:
        rate = opened.getframerate()
        samples = np.frombuffer(opened.readframes(opened.getnframes()), np.int16).astype(np.float32)
    sound = resample(samples, rate, 8000)
    quiet = np.zeros(8000 * 30, np.float32)
    whole = np.concatenate([quiet[: int(8000 * QUESTION_AT)], sound, quiet]).astype(np.int16)
    with wave.open(str(file), "wb") as opened:
        opened.setparams((1, 2, 8000, 0, "NONE", ""))
        opened.writeframes(whole.tobytes())


def _baresip(folder: Path, codec: str = "PCMU") -> list[str]:
    program = shutil.which("baresip")
    if program is None:
        pytest.skip("baresip is not installed (Debian package baresip-core)")
    modules = next((each for each in map(Path, ("/usr/lib/baresip/modules",)) if each.is_dir()), None)
    if modules is None:
        pytest.skip("baresip's modules are not there")
    home = folder / "baresip"
    home.mkdir()
    (home / "config").write_text(
        f"""module_path {modules}
module account.so
module g711.so
module aufile.so
module sndfile.so
module menu.so
module stdio.so
sip_listen 127.0.0.1:0
audio_source aufile,{folder / "question.wav"}
audio_player aufile,{folder / "heard.wav"}
audio_alert aufile,{folder / "alert.wav"}
audio_codecs {codec}
snd_path {folder}
rtp_timeout 20
"""
    )
    (home / "accounts").write_text(f"<sip:16@127.0.0.1>;regint=0;audio_codecs={codec}\n")
    (home / "contacts").write_text("")
    return [program, "-f", str(home)]


def _loud(sound: Samples, rate: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Seconds at which it is no silence."""
    return np.flatnonzero(np.abs(sound) > 0.02) / rate


def _dump(folder: Path) -> Path:
    """What baresip heard."""
    return next(iter(folder.glob("dump-*-dec.wav")))


async def test_baresip_asks_and_hears_the_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _question(tmp_path / "question.wav")
    recordings = tmp_path / "recordings"
    settings = f'record = "{recordings}"\nrecord_format = "wav"\ncodecs = ["pcmu"]\n'
    async with line_house(monkeypatch, tmp_path, settings) as house:
        command = [*_baresip(tmp_path), "-e", f"/dial sip:1000@127.0.0.1:{house.port}", "-t", str(CALL_SECONDS)]
        running = await asyncio.create_subprocess_exec(
            *command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        async with asyncio.timeout(CALL_SECONDS + 30):
            output, _ = await running.communicate()
            call = await house.call()
    told = output.decode(errors="replace")
    assert house.of(CallRecord) == [call]
    assert call.answered, told
    assert not call.failed, call.reason
    assert (call.caller, call.called) == ("16", "1000")
    assert call.codec.startswith("PCMU"), call.codec
    turns = house.of(TurnRecord)
    answers = [turn for turn in turns if turn.kind == "answer" and turn.spoken_to]
    assert next(turn.heard for turn in turns if turn.kind == "answer") == GREETING
    assert answers, told
    assert all(turn.first_audio <= turn.sent and not turn.estimated for turn in answers if turn.sent)
    (file,) = recordings.iterdir()
    with wave.open(str(file)) as opened:
        both = np.frombuffer(opened.readframes(opened.getnframes()), np.int16).reshape(-1, 2) / 32768
    caller, character = (_loud(both[:, side].astype(np.float32), RATE) for side in (0, 1))
    assert len(character)
    assert character[0] < 0.5, "the greeting sounds when the call is answered"
    assert np.any((caller > QUESTION_AT - 0.5) & (caller < QUESTION_AT + 3))
    assert np.any(character > QUESTION_AT + 1), "the answer is on the recording"
    with wave.open(str(_dump(tmp_path))) as opened:
        sound = np.frombuffer(opened.readframes(opened.getnframes()), np.int16) / 32768
        there = _loud(sound.astype(np.float32), opened.getframerate() * opened.getnchannels())
    assert np.any(there < 3.5), "the telephone heard the greeting"
    assert np.any(there > QUESTION_AT + 1), "and the answer"
