"""Whatever a command prints, on either stream, it prints no key and no password of an address."""

from __future__ import annotations

import sys
import wave
from pathlib import Path

import pytest
import structlog

from duologue.cli.main import build, run, show_fault
from duologue.errors import PeerError
from duologue.redaction import REDACTED, hide
from duologue.telemetry.log import get_logger

KEY, PASSWORD = "gsk_Zq81MnPp4x0YtLw7", "horse-battery"
NOWHERE = f"http://jo:{PASSWORD}@127.0.0.1:9/v1"  # the port "discard": nobody listens


@pytest.fixture(autouse=True)
def engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("DUOLOGUE_ENGINES__OPENAI_SPEECH__BASE_URL", NOWHERE)
    monkeypatch.setenv("DUOLOGUE_ENGINES__OPENAI_HEARING__BASE_URL", NOWHERE)
    monkeypatch.setenv("DUOLOGUE_ENGINES__OPENAI_HEARING__MODEL", "whisper-1")
    monkeypatch.setenv("DUOLOGUE_SPEECH_CACHE__FOLDER", str(tmp_path / "cache"))
    (tmp_path / "lines.txt").write_text("Hello.\n")
    with wave.open(str(tmp_path / "sound.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(b"\x00\x10" * 16_000)


def command(*words: str) -> int:
    return run(lambda: build(words)(list(words)))


@pytest.mark.parametrize(
    "words",
    [
        ("say", "Hello.", "-o", "{}/out.wav", "--tts", "openai_speech", "--voice", "alloy"),
        ("transcribe", "{}/sound.wav", "--engine", "openai_hearing", "--json"),
        ("settings", "--json"),
    ],
)
def test_no_command_shows_a_secret(words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command(*(word.format(tmp_path) for word in words))
    printed = "".join(capsys.readouterr())
    assert f"http://{REDACTED}@127.0.0.1:9/v1" in printed
    assert KEY not in printed and PASSWORD not in printed


@pytest.mark.parametrize(
    ("words", "work"),
    [
        (("doctor", "--json"), "duologue.app.doctor.doctor.examine"),
        (("transcribe", "{}/sound.wav", "--json"), "duologue.cli.transcribe._hear"),
        (("warm", "{}/lines.txt"), "duologue.cli.warm._fill"),
    ],
)
def test_logs_of_a_command_hide_secrets_and_stay_off_standard_output(
    words: tuple[str, ...],
    work: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def failing(*_: object) -> None:
        get_logger("test").error("failed", cause=f"the key {KEY}", at=NOWHERE)
        raise PeerError("it broke")

    monkeypatch.setenv("DUOLOGUE_ENGINES__TTS", "openai_speech,espeak")
    monkeypatch.setattr(work, failing)
    assert command(*(word.format(tmp_path) for word in words)) != 0
    out, err = capsys.readouterr()
    assert structlog.is_configured() and "failed" in err and out == ""
    assert KEY not in err and PASSWORD not in err


def test_a_fault_that_nobody_foresaw_is_shown_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    hide(KEY)
    try:
        raise RuntimeError(f"no header {KEY} to {NOWHERE}")
    except RuntimeError:
        show_fault(*sys.exc_info())  # pyright: ignore[reportArgumentType]
    printed = capsys.readouterr().err
    assert "RuntimeError: no header ***" in printed and PASSWORD not in printed
