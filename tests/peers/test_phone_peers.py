"""The whole line on loopback, called by a telephone that others made: a spoken question is played, the answer recorded.

The voice is espeak-ng's, the ears are scripted (what is to be shown is the way of the sound, not what is understood).
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
import wave
from collections.abc import AsyncGenerator
from pathlib import Path

import numpy as np
import pytest

from duologue.app import engines
from duologue.app.house import House
from duologue.audio.pcm import RATE, Samples
from duologue.settings import Settings, load_settings
from duologue.speech.hearing_fake import FakeHearing, Hearing, evenly
from duologue.telemetry.ledger import CallRecord, Entry, TurnRecord

pytestmark = [pytest.mark.peer, pytest.mark.realtime]
QUESTION = "hello can you hear me"
GREETING = "Good morning, this is Robin speaking."
QUESTION_AT = 4.0
"""Seconds of silence before it."""
CALL_SECONDS = 12


@contextlib.asynccontextmanager
async def _house(
    monkeypatch: pytest.MonkeyPatch, folder: Path, settings: str = ""
) -> AsyncGenerator[tuple[House, int, list[Entry]]]:
    def ears(settings: Settings, name: str) -> FakeHearing:
        return FakeHearing(usual=Hearing(evenly(QUESTION, 0.2, 0.25)))

    monkeypatch.setattr(engines, "create_stt", ears)
    file = folder / "duologue.toml"
    file.write_text(f'[phone]\nlisten = "127.0.0.1:0"\ngreeting = "{GREETING}"\n{settings}')
    flags = {
        "serve.line": True, "serve.show": False, "engines.tts": "espeak", "engines.stt": "pocketsphinx",
        "engines.llm": "improv",
    }  # fmt: skip
    house = House(load_settings(flags, config=file))
    entries: list[Entry] = []
    house.ledger.watch(entries.append)
    assert house.line is not None
    running = asyncio.get_running_loop().create_task(house.run())
    try:
        async with asyncio.timeout(60):
            while house.line.ready():
                assert not running.done(), running.exception()
                await asyncio.sleep(0.05)
        port = int(house.line.view().listens[0].partition(";")[0].rpartition(":")[2])
        yield house, port, entries
    finally:
        running.cancel()
        await asyncio.wait([running])


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
    places = np.arange(0, len(samples), rate / 8000)
    sound = np.interp(places, np.arange(len(samples)), samples)
    whole = np.concatenate([np.zeros(int(8000 * QUESTION_AT)), sound, np.zeros(8000 * 30)]).astype(np.int16)
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


async def test_baresip_asks_and_hears_the_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _question(tmp_path / "question.wav")
    recordings = tmp_path / "recordings"
    settings = f'record = "{recordings}"\nrecord_format = "wav"\ncodecs = ["pcmu"]\n'
    async with _house(monkeypatch, tmp_path, settings) as (_, port, entries):
        command = [*_baresip(tmp_path), "-e", f"/dial sip:1000@127.0.0.1:{port}", "-t", str(CALL_SECONDS)]
        running = await asyncio.create_subprocess_exec(
            *command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        async with asyncio.timeout(CALL_SECONDS + 30):
            output, _ = await running.communicate()
            while not any(isinstance(entry.record, CallRecord) for entry in entries):
                await asyncio.sleep(0.05)
    told = output.decode(errors="replace")
    (call,) = [entry.record for entry in entries if isinstance(entry.record, CallRecord)]
    assert call.answered, told
    assert not call.failed, call.reason
    assert (call.caller, call.called) == ("16", "1000")
    assert call.codec.startswith("PCMU"), call.codec
    turns = [entry.record for entry in entries if isinstance(entry.record, TurnRecord)]
    answers = [turn for turn in turns if turn.kind == "answer" and turn.spoken_to]
    assert [turn.heard for turn in turns if turn.kind == "answer"][0] == GREETING
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
    heard = next(iter(tmp_path.glob("dump-*-dec.wav")))
    with wave.open(str(heard)) as opened:
        sound = np.frombuffer(opened.readframes(opened.getnframes()), np.int16) / 32768
        there = _loud(sound.astype(np.float32), opened.getframerate() * opened.getnchannels())
    assert np.any(there < 3.5), "the telephone heard the greeting"
    assert np.any(there > QUESTION_AT + 1), "and the answer"
