from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from duologue.app.doctor.doctor import (
    Diagnosis,
    Machine,
    Missing,
    SizeProbe,
    Wanting,
    examine,
    granted,
    missing_parts,
    probe_size,
    quota_cores,
    room_for,
    running,
    size_probe,
    verdict,
)
from duologue.app.doctor.ears import try_ear
from duologue.app.doctor.memory import recall
from duologue.app.doctor.voices import try_voice
from duologue.broadcast.encoder import EncoderProbe
from duologue.cli.doctor import print_diagnosis, print_headroom
from duologue.cli.main import build
from duologue.clock import MILLISECOND
from duologue.settings import Settings, load_settings
from duologue.simulation.virtual_time import simulate
from duologue.speech.fake import FakeSpeech
from duologue.speech.hearing_fake import FakeHearing
from duologue.telemetry.ledger import GovernorStep
from speech import tiny_models

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


class SlowVoice(FakeSpeech):
    async def warm_up(self) -> None:
        await asyncio.sleep(40)
        await super().warm_up()


class SlowEar(FakeHearing):
    async def warm_up(self) -> None:
        await asyncio.sleep(40)
        await super().warm_up()


def test_an_engine_that_takes_as_long_to_come_up_as_a_house_allows_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow machine loads a large model in 40 s: the house waits for it, and the doctor called it broken."""

    def voice(_settings: Settings, _name: str) -> SlowVoice:
        return SlowVoice()

    def ear(_settings: Settings, _name: str) -> SlowEar:
        return SlowEar()

    monkeypatch.setattr("duologue.app.doctor.voices.create_tts", voice)
    monkeypatch.setattr("duologue.app.doctor.ears.create_stt", ear)
    assert simulate(try_voice(load_settings(), "slow"))[0] > 0
    assert simulate(try_ear(load_settings(), "slow", None))[0]
    short = load_settings({"chains.start_seconds": 20})
    assert simulate(try_voice(short, "slow")) == (0, "it was not ready within 20 s")
    assert simulate(try_ear(short, "slow", None)) == (False, "it took more than 20 s")


def test_what_is_missing_comes_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(_name: str) -> None:
        return None

    monkeypatch.setattr(shutil, "which", nothing)
    commands = [part.command for part in missing_parts()]
    assert "sudo apt-get install ffmpeg" in commands
    assert "sudo apt-get install nodejs npm" in commands
    assert "sudo apt-get install pulseaudio-utils" in commands


def test_the_headroom_is_that_of_the_show_as_it_is_set(tmp_path: Path) -> None:
    sizes = (SizeProbe(1920, 1080, 2, 8, 9, 30), SizeProbe(640, 360, 0.4, 0.8, 1, 30))
    full = room_for(load_settings(), QUIET, sizes)
    assert full is not None and (full.cost.width, full.cost.frame_ms) == (1920, 10)
    assert full.needs[-1].step is GovernorStep.SIZE and full.now.programs == pytest.approx(0.06)
    flags = {"show.size": "640x360", "show.fps": 15, "show.record": str(tmp_path / "a.mp4")}
    small = room_for(load_settings(flags), QUIET, sizes)
    assert small is not None and (small.cost.fps, small.cost.frame_ms) == (15, pytest.approx(1.2))
    assert small.needs[-1].step is GovernorStep.RATE  # a recording keeps its size
    assert room_for(load_settings(), QUIET, ()) is None


def test_who_wants_to_run_counts_more_than_what_they_got(tmp_path: Path) -> None:
    sizes = (SizeProbe(1920, 1080, 2, 8, 9, 30),)
    crowded = Machine(2, 4000, 2000, 50.0, 0.0, programs=9.0)
    room = room_for(load_settings(), crowded, sizes)
    assert room is not None and (room.now.programs, room.now.share) == (9.0, 0.2)
    stat = tmp_path / "stat"
    wanting = Wanting(stat)
    wanting.look()
    assert wanting.mean == 0.0
    for count in (1, 3, 6):
        stat.write_text(f"cpu  1 2 3\nprocs_running {count}\nprocs_blocked 0\n")
        wanting.look()
    assert wanting.mean == pytest.approx(7 / 3, abs=0.01)


@pytest.mark.parametrize(
    ("stat", "found"), [("", None), ("procs_running 3\n", 3), ("procs_running x", None), ("procs_running", None)]
)
def test_the_kernels_count_of_those_who_want_to_run(stat: str, found: int | None) -> None:
    assert running(stat) == found


def test_what_a_show_would_give_up_now_is_said() -> None:
    sizes = (SizeProbe(1920, 1080, 4, 16, 20, 30),)
    busy = Machine(2, 4000, 2000, 95.0, 0.0, programs=2.0)
    room = room_for(load_settings(), busy, sizes)
    words = verdict(load_settings(), busy, sizes, WORKS, room)
    assert any(word.startswith("As things are now, a show would be seen with the TV's picture only") for word in words)
    assert len(verdict(load_settings(), QUIET, sizes, WORKS, room_for(load_settings(), QUIET, sizes))) == 1


class Borrowed:
    """A machine that runs us every other millisecond: by the clock everything takes twice the CPU time."""

    def __init__(self) -> None:
        self._cpu = 0

    def now(self) -> int:
        return 2 * self._cpu

    def wall(self) -> int:
        return 2 * self._cpu

    def cpu(self) -> int:
        self._cpu += MILLISECOND
        return self._cpu

    def sleep_until(self, deadline: int) -> None:
        pass

    async def wait_until(self, deadline: int) -> None:
        pass


def test_a_frame_costs_its_cpu_time_whatever_the_clock_says() -> None:
    probe = probe_size(320, 180, 1_000_000, Borrowed())
    assert (probe.compose_ms, probe.encode_ms, probe.encode_p95_ms) == (1, 1, 1)
    assert probe.wall_ms == pytest.approx(6, abs=0.2)  # three looks at the CPU's clock a frame


def test_what_the_scheduler_grants_is_asked_in_a_child_and_we_stay_as_we_are() -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0)
    assert "nice" in granted()
    assert os.getpriority(os.PRIO_PROCESS, 0) == before


def test_a_room_is_printed_in_a_few_lines() -> None:
    room = room_for(load_settings(), QUIET, (SizeProbe(1920, 1080, 1.4, 8.2, 9, 30),))
    assert room is not None
    out = Console(width=200, file=io.StringIO(), highlight=False)
    print_headroom(out, room, "nice 0 (-10 was refused)")
    assert isinstance(out.file, io.StringIO)
    first, now, one, two, four, scheduler = out.file.getvalue().splitlines()
    assert "a frame takes 9.6 ms of 33.3 (compose 1.4, encode 8.2): 3.5 × what is needed on a free core" in first
    assert "as things are now (busy threads of others: 0.1; cores left: 1.9): the full picture" in now
    assert "1 busy program (1.0" in one and "2 busy programs (0.7" in two
    assert "4 busy programs (0.4 cores left): the TV's picture only in every second frame" in four
    assert "nice 0 (-10 was refused)" in scheduler


@pytest.mark.parametrize(("wanted", "mark"), [("libx264", "·"), ("h264_nvenc", "✗")])
def test_an_encoder_that_is_not_here_is_a_fault_where_it_is_set(wanted: str, mark: str) -> None:
    encoders = (WORKS, EncoderProbe("h264_nvenc", False, "it does not open"))
    missing = (Missing("the page is not built", "watching in the browser", "make setup"),)
    out = Console(width=200, file=io.StringIO(), highlight=False)
    print_diagnosis(out, Diagnosis(QUIET, (), encoders, 0, (), None, missing, (), True), wanted)
    assert isinstance(out.file, io.StringIO)
    assert out.file.getvalue().splitlines()[1:] == [
        "Encoder   ✓ libx264 ", f"Encoder   {mark} h264_nvenc it does not open",
        "Missing   the page is not built. For watching in the browser: make setup",
    ]  # fmt: skip


@pytest.mark.slow
async def test_a_whole_examination(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    looked: list[str] = []
    found = await examine(load_settings(), looked.append)
    assert found.well
    assert [size.width for size in found.sizes] == [1920, 1280, 640]
    assert found.sizes[0].encode_ms > found.sizes[2].encode_ms
    assert found.voices > 50
    assert found.headroom is not None and found.headroom.times > 0
    assert "nice" in found.machine.scheduler
    assert recall(1920, 1080, 30) == found.headroom.cost
    assert {"engines", "encoders", "frames at 1280x720"} <= set(looked)


@pytest.mark.slow
def test_a_broken_engine_is_found_and_exits_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DUOLOGUE_ENGINES__ESPEAK__LIBRARY", str(tmp_path / "nix.so"))
    plain = CliRunner().invoke(build(["doctor"]), ["doctor"], env={"COLUMNS": "200"}).stdout.splitlines()
    assert any("✗ espeak speaks" in line for line in plain)
    assert any("· piper speaks. installed; not chosen, not tried" in line for line in plain)
    result = CliRunner().invoke(build(["doctor"]), ["doctor", "--json"])
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert told["headroom"]["now"]["seen"]
    engines = told["engines"]
    assert [engine["name"] for engine in engines if engine["works"] is False] == ["espeak"]
    assert {engine["works"] for engine in engines if not engine["chosen"]} == {None}


@pytest.mark.slow
async def test_a_voice_that_speaks_whole_sentences_only_is_told_of(tmp_path: Path) -> None:
    """Through the cache of what was said, which every engine stands behind."""
    tiny_models.vits(tmp_path, "round", whole=True)
    voices, note = await try_voice(load_settings({"engines.tts": "piper", "engines.piper.folder": tmp_path}), "piper")
    assert voices == 1 and "a sentence at a time, not piece by piece" in note
    nowhere = load_settings({"engines.tts": "piper", "engines.piper.folder": tmp_path / "nowhere"})
    voices, note = await try_voice(nowhere, "piper")
    assert voices == 0 and "there is no voice" in note
