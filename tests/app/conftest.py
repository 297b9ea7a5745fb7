"""What the tests of whole shows share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from duologue.places import packs_folder

USUAL, BRIEF = "max_words = 45", "max_words = 12"


@pytest.fixture(scope="session")
def brief_packs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """The two who ship, as people of few words: a turn of theirs takes three seconds instead of eight."""
    folder = tmp_path_factory.mktemp("brief")
    found: list[Path] = []
    for name in ("chad", "virgin"):
        found.append(Path(shutil.copytree(packs_folder() / "characters" / name, folder / name)))
        persona = found[-1] / "persona.toml"
        text = persona.read_text("utf-8")
        assert USUAL in text
        persona.write_text(text.replace(USUAL, BRIEF), "utf-8")
    return tuple(found)


@pytest.fixture
def brief_cast(brief_packs: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """They are on stage where a test names nobody: it waits for turns, and how long one is it does not ask."""
    monkeypatch.setenv("DUOLOGUE_SHOW__CAST", ",".join(map(str, brief_packs)))
