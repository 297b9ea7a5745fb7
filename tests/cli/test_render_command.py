"""``duologue render`` as a person meets it who misnames the film, or has enough of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from duologue.cli.main import INTERRUPTED, build
from duologue.errors import InputError
from duologue.prover.verify import verify


@pytest.mark.parametrize("words", [("render", "tea", "-o"), ("show", "tea", "--port", "0", "--record")])
def test_a_film_is_called_what_it_is(tmp_path: Path, words: tuple[str, ...]) -> None:
    """It was an MP4 under whatever name."""
    result = CliRunner().invoke(build(words), [*words, str(tmp_path / "tea.mkv")])
    assert isinstance(result.exception, InputError)
    assert result.exception.what == "only MP4 is written, and 'tea.mkv' is no name for it"
    assert "tea.mp4" in result.exception.remedy
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.realtime
@pytest.mark.timeout(120)
def test_ctrl_c_says_where_the_film_so_far_is(tmp_path: Path) -> None:
    film, part = tmp_path / "tea.mp4", tmp_path / "tea.mp4.part"
    words = ["render", "tea", "-o", str(film), "--turns", "40", "--size", "320x180"]
    with subprocess.Popen(
        [sys.executable, "-m", "duologue", *words], stderr=subprocess.PIPE, text=True,
        env=os.environ | {"DUOLOGUE_ENGINES__TTS": "espeak"},
    ) as process:  # fmt: skip
        while process.poll() is None and not (part.exists() and part.stat().st_size):
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        told = process.communicate()[1]
    assert process.returncode == INTERRUPTED
    assert told.splitlines()[-1] == f"What there is of the film is in {part}, and plays."
    assert list(tmp_path.iterdir()) == [part]
    assert verify(str(part)).picture.frames >= 30
