"""`duologue transcribe`, as a person would type it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from duologue.audio.pcm import RATE, silence
from duologue.audio.wav import WavWriter

pytestmark = pytest.mark.slow  # models are loaded and sound is understood: not for every save

TEXT = "please turn on the light in the kitchen"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("flite") is None:
        pytest.skip("needs the Debian package flite")
    path = tmp_path_factory.mktemp("clip") / "kitchen.wav"
    subprocess.run(["flite", "-voice", "slt", "-t", TEXT, "-o", str(path)], check=True, timeout=20)
    return path


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    code = "from duologue.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, "transcribe", *arguments], capture_output=True, text=True, timeout=90, check=False
    )


def test_it_writes_down_what_is_said(clip: Path) -> None:
    done = run(str(clip))
    assert done.returncode == 0, done.stderr
    assert {"turn", "kitchen"} <= set(done.stdout.split())


def test_words_as_json_with_a_domain_of_ones_own(clip: Path, tmp_path: Path) -> None:
    phrases = tmp_path / "phrases.txt"
    phrases.write_text("Turn on the light in the kitchen, please.\nPlease turn on the light.\n")
    done = run(str(clip), "--words", "--json", "--phrases", str(phrases))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["text"] == TEXT
    assert [word["word"] for word in found["words"]] == TEXT.split()
    assert all(0 <= word["start"] < word["end"] < 5 for word in found["words"])


def test_words_as_rows(clip: Path) -> None:
    rows = run(str(clip), "--words").stdout.splitlines()
    assert [len(row.split()) for row in rows] == [3] * len(rows)


def test_where_nothing_is_understood_that_is_said(tmp_path: Path) -> None:
    with WavWriter(tmp_path / "silence.wav") as file:
        file.write(silence(RATE))
    done = run(str(tmp_path / "silence.wav"))
    assert (done.returncode, done.stdout) == (1, "")
    assert "silence.wav: nothing was understood" in done.stderr
    done = run(str(tmp_path / "silence.wav"), "--json")
    assert (done.returncode, json.loads(done.stdout)["text"]) == (1, "")


def test_what_is_wrong_is_said(clip: Path, tmp_path: Path) -> None:
    for arguments, words in (
        ((str(tmp_path / "none.wav"),), "cannot be read"),
        ((str(clip), "--engine", "nobody"), "no engine 'nobody'"),
        ((str(clip), "--engine", "whisper"), "engines.whisper.model"),
    ):
        done = run(*arguments)
        assert done.returncode == 2
        assert words in done.stderr
        assert "Traceback" not in done.stderr
