"""`duologue say`: its marks, and who speaks when an engine cannot."""

from __future__ import annotations

import json
import wave
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from duologue.cli import say as say_command
from duologue.cli.main import build
from duologue.errors import InputError
from duologue.speech.utterance import Utterance


def say(*words: str) -> Result:
    return CliRunner().invoke(build(("say",)), ["say", *words])


def test_marks_lie_in_the_sound_that_was_written(tmp_path: Path) -> None:
    target = tmp_path / "hello.wav"
    result = say("Hello there, friend.", "-o", str(target), "--marks")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    with wave.open(str(target)) as file:
        assert told["seconds"] == pytest.approx(file.getnframes() / 48_000, abs=0.001)
    assert [word["word"] for word in told["words"]] == ["Hello", "there", "friend"]
    assert (told["engine"], told["alphabet"]) == ("espeak", "espeak")
    for marks in (told["words"], told["phonemes"]):
        starts = [mark["start"] for mark in marks]
        assert starts == sorted(starts)
        assert all(0 <= mark["start"] <= mark["end"] <= told["seconds"] for mark in marks)
    assert len(told["phonemes"]) > 8


@pytest.mark.slow
def test_a_voice_without_times_has_those_of_its_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--marks` of Kokoro had no marks, and no word about it."""
    told = json.loads(say("Pay me $5.50, friend.", "-o", str(tmp_path / "a.wav"), "--marks").stdout)
    voice = say_command._voice  # pyright: ignore[reportPrivateUsage]

    async def untimed(*arguments: Any) -> Utterance:
        return replace(await voice(*arguments), marks=(), alphabet="", engine="kokoro")

    monkeypatch.setattr(say_command, "_voice", untimed)
    result = say("Pay me $5.50, friend.", "-o", str(tmp_path / "a.wav"), "--marks")
    assert result.stderr.startswith("kokoro gives no times of words: they are sought in its sound")
    found = json.loads(result.stdout)
    assert [word["word"] for word in found["words"]] == ["Pay", "me", "5.50", "friend"]
    assert [word["start"] for word in found["words"]] == pytest.approx(
        [word["start"] for word in told["words"]], abs=0.12
    )
    assert found["alphabet"] == "arpabet" and found["phonemes"][0]["phoneme"] == "P"

    async def mute(*arguments: Any) -> Utterance:
        return replace(await untimed(*arguments), samples=np.zeros(4800, np.float32))

    monkeypatch.setattr(say_command, "_voice", mute)
    result = say("Pay me $5.50, friend.", "-o", str(tmp_path / "a.wav"), "--marks")
    assert result.exit_code == 0 and json.loads(result.stdout)["words"] == []
    assert "nor does its sound: the sound does not hold the text" in result.stderr


def test_the_next_engine_speaks_and_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ELEVENLABS_API_KEY", raising=False)
    result = say("Hello.", "-o", str(tmp_path / "a.wav"), "--tts", "elevenlabs,espeak", "--voice", "somebody")
    assert result.exit_code == 0, result.output
    assert "elevenlabs failed" in result.stderr and "espeak takes over" in result.stderr
    assert "1 word" in result.stdout


def test_when_nobody_is_left_it_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ELEVENLABS_API_KEY", raising=False)
    result = say("Hello.", "-o", str(tmp_path / "a.wav"), "--tts", "elevenlabs", "--voice", "somebody")
    assert isinstance(result.exception, InputError)
    assert not result.stderr, "the error is printed by who catches it"


@pytest.mark.parametrize("name", ["a.mp3", "a", "-"])
def test_a_name_that_is_not_wav_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    for words in (["say", "Hello.", "-o", name], ["talk", "--record", name], ["talk", "--text", "--out", name]):
        error = CliRunner().invoke(build(words), words).exception
        assert isinstance(error, InputError)
        formats = "WAV and Opus are" if "--record" in words else "WAV is"
        assert f"only {formats} written" in str(error) and ".wav;" in error.remedy
    assert not list(tmp_path.iterdir())


def test_nothing_to_say_has_a_remedy(tmp_path: Path) -> None:
    error = say(" \n", "-o", str(tmp_path / "a.wav")).exception
    assert isinstance(error, InputError)
    assert error.remedy and not list(tmp_path.iterdir())
    spoken = say("…", "-o", str(tmp_path / "a.wav")).exception
    assert isinstance(spoken, InputError)
    assert "nothing to say" in spoken.what and spoken.remedy


def test_a_named_voice_belongs_to_the_named_engine(tmp_path: Path) -> None:
    result = say("Hello.", "-o", str(tmp_path / "a.wav"), "--as", "nobody", "--voice", "en-gb", "--tts", "espeak")
    assert result.exit_code == 0, "with a voice of its own nobody's character is needed"
    assert isinstance(say("Hello.", "-o", str(tmp_path / "a.wav"), "--voice", "robot").exception, InputError)
