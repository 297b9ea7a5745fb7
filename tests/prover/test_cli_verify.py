from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from duologue.cli.verify import verify
from programme import Programme, whole


@pytest.fixture(name="app")
def app_fixture() -> typer.Typer:
    app = typer.Typer()
    app.command()(verify)
    return app


def test_a_whole_film_is_said_to_be_whole(tmp_path: Path, app: typer.Typer) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(Programme().encode(whole(90)).file())
    result = CliRunner().invoke(app, [str(film)])
    assert result.exit_code == 0, result.output
    assert "Nothing is wrong." in result.output
    assert "frames seen" in result.output


def test_a_broken_film_fails_with_its_faults_in_words_and_in_json(tmp_path: Path, app: typer.Typer) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(Programme().encode([frame for frame in whole(90) if frame[0] != 44]).file())
    words = CliRunner().invoke(app, [str(film)])
    assert words.exit_code == 1
    assert "Wrong: 1 frame is missing, number 44." in words.output
    answer = CliRunner().invoke(app, [str(film), "--json", "--seconds", "2"])
    assert answer.exit_code == 1
    found = json.loads(answer.output)
    assert found["ok"] is False and found["picture"]["missing_numbers"] == [44]
    assert found["picture"]["frames"] == 59
