from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from duologue.app.doctor import Machine, SizeProbe, examine, missing_parts, quota_cores, size_probe, verdict
from duologue.broadcast.encoder import EncoderProbe
from duologue.cli.main import build
from duologue.settings import load_settings

QUIET = Machine(2, 4000, 2000, 3.0, 0.1)
WORKS = EncoderProbe("libx264", True)


def test_the_rate_leaves_room_to_breathe() -> None:
    assert size_probe(1920, 1080, [5.0] * 10, [14.9] * 10).rate == 30
    assert size_probe(1920, 1080, [5.0] * 10, [15.1] * 10).rate == 25
    assert size_probe(1920, 1080, [20.0] * 10, [80.0] * 10).rate == 0
    assert size_probe(640, 360, [1.0] * 20, [2.0] * 19 + [50.0]).encode_p95_ms == 2.0


def test_the_verdict_names_the_largest_size_at_full_rate() -> None:
    settings = load_settings()
    sizes = (SizeProbe(1920, 1080, 5, 30, 40, 15), SizeProbe(1280, 720, 2, 8, 9, 30), SizeProbe(640, 360, 1, 2, 3, 30))
    first, second = verdict(settings, QUIET, sizes, WORKS)
    assert "1280x720 at 30" in first
    assert "--size 1280x720" in second
    (only,) = verdict(settings, QUIET, (SizeProbe(1920, 1080, 2, 8, 9, 30),), WORKS)
    assert "1920x1080 at 30" in only


def test_the_verdict_of_a_machine_that_is_too_slow() -> None:
    (only,) = verdict(load_settings(), QUIET, (SizeProbe(640, 360, 50, 60, 70, 0),), WORKS)
    assert "no show" in only


@pytest.mark.parametrize(
    ("machine", "encoder", "word"),
    [
        (Machine(2, 4000, 2000, 0, 9.0), WORKS, "steal"),
        (Machine(2, 4000, 2000, 60, 0.0), WORKS, "Other programs used 60 %"),
        (QUIET, EncoderProbe("h264_qsv", False, "no device"), "no device"),
        (QUIET, None, "libx264 stands in"),
    ],
)
def test_causes_are_named(machine: Machine, encoder: EncoderProbe | None, word: str) -> None:
    words = verdict(load_settings(), machine, (SizeProbe(1920, 1080, 2, 8, 9, 30),), encoder)
    assert word in words[-1]


@pytest.mark.parametrize(
    ("text", "cores"),
    [("max 100000\n", None), ("200000 100000\n", 2), ("150000 100000", 1), ("5000 100000", 1), ("", None), ("1 0", 1)],
)
def test_a_containers_quota_counts(text: str, cores: int | None) -> None:
    assert quota_cores(text) == cores


def test_what_is_missing_comes_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(_name: str) -> None:
        return None

    monkeypatch.setattr(shutil, "which", nothing)
    commands = [part.command for part in missing_parts()]
    assert "sudo apt-get install ffmpeg" in commands
    assert "sudo apt-get install nodejs npm" in commands
    assert "sudo apt-get install pulseaudio-utils" in commands


@pytest.mark.slow
async def test_a_whole_examination(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    looked: list[str] = []
    found = await examine(load_settings(), looked.append)
    assert found.well
    assert [size.width for size in found.sizes] == [1920, 1280, 640]
    assert found.sizes[0].encode_ms > found.sizes[2].encode_ms
    assert found.voices > 50
    assert {"engines", "encoders", "frames at 1280x720"} <= set(looked)


@pytest.mark.slow
def test_a_broken_engine_is_found_and_exits_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DUOLOGUE_ENGINES__ESPEAK__LIBRARY", str(tmp_path / "nix.so"))
    result = CliRunner().invoke(build(["doctor"]), ["doctor", "--json"])
    assert result.exit_code == 1
    engines = json.loads(result.stdout)["engines"]
    assert [engine["name"] for engine in engines if not engine["works"]] == ["espeak"]
