"""Files and lines that the docs show are what the readers of such files take; and the scenario holds."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from duologue.evidence.budgets import read_budgets
from duologue.language.persona import load_persona
from duologue.simulation.runner import run_scenario
from duologue.simulation.scenario_file import read_scenario
from duologue.stage.packs.manifest import CharacterManifest, RoomManifest, parse_manifest
from duologue.telemetry.ledger import KINDS
from duologue.telemetry.lines import shapes

ROOT = Path(__file__).parents[1]
"""Of the repository."""


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / page).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def written(folder: Path, name: str, text: str) -> Path:
    folder.mkdir()
    file = folder / name
    file.write_text(text, "utf-8")
    return file


def test_the_scenario_of_the_page_holds_as_it_stands_there(tmp_path: Path) -> None:
    whole, with_sound = blocks("docs/simulation.md", "yaml")
    scenario = read_scenario(written(tmp_path / "a", "mine.yaml", whole))
    for seed in range(1, 6):
        assert [(check.name, check.was) for check in run_scenario(scenario, seed).failed] == []
    both = yaml.safe_load(whole) | yaml.safe_load(with_sound)
    assert read_scenario(written(tmp_path / "b", "mine.yaml", yaml.safe_dump(both))).caller.band == "telephone"


def test_the_persona_of_the_page_is_read(tmp_path: Path) -> None:
    (text,) = blocks("docs/personas.md", "toml")
    persona = load_persona(written(tmp_path / "rita", "persona.toml", text))
    assert (persona.title, persona.dialogue) == ("Rita", {"barge_ms": 900}) and persona.moves


@pytest.mark.parametrize(("number", "model"), [(0, CharacterManifest), (1, RoomManifest)])
def test_the_packs_of_the_page_are_read(number: int, model: Any, tmp_path: Path) -> None:
    """The drawings are not there: what is wrong with the keys is found before anybody looks for them."""
    text = blocks("packs/README.md", "toml")[number]
    file = written(tmp_path / cast("str", tomllib.loads(text)["name"]), "pack.toml", text)
    found = parse_manifest(file, model)
    assert isinstance(found, model), found


def test_the_budgets_of_the_page_are_read(tmp_path: Path) -> None:
    (text,) = blocks("docs/evidence.md", "toml")
    budgets = read_budgets(written(tmp_path / "a", "budgets.toml", text))
    assert (budgets.answer_ms, budgets.t2_t3_ms) == (1500.0, 5.0), "one changed, one of its preset"


@pytest.mark.parametrize("page", ["docs/ledger.md", "docs/latency.md", "docs/simulation.md"])
def test_the_lines_of_a_ledger_have_the_fields_that_there_are(page: str) -> None:
    lines = [json.loads(line) for block in blocks(page, "json") for line in block.splitlines()]
    assert lines
    for line in cast("list[Mapping[str, Any]]", lines):
        known = {shape.key for shape in shapes(KINDS[line["kind"]])}
        assert line.keys() - {"v", "id", "at", "kind", "of"} - known == set(), line
