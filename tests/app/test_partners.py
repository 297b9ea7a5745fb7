"""Who can be talked to: by name, by a pack's folder, by a persona's file, or by the folder that has nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from duologue.app.talking.partners import find_partner, find_persona
from duologue.errors import InputError
from duologue.settings import load_settings


@pytest.mark.parametrize(("file", "named"), [("rita/persona.toml", "rita"), ("rita.toml", "rita.toml")])
def test_a_persona_without_pictures_is_a_file_or_a_folder(
    file: str, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text('description = "A pirate."')
    found = find_partner(named, load_settings({"engines.tts": "espeak"}))
    assert (found.name, found.title) == ("rita", "Rita") and found.voices["espeak"]
    assert find_persona(named) == found.persona


def test_a_folder_of_a_name_that_ships_and_one_with_a_pack_are_what_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("chad", "robin"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "persona.toml").write_text('description = "A pirate."')
    (tmp_path / "robin" / "character.toml").write_text("format = 1")
    assert "pirate" not in find_persona("chad").description
    with pytest.raises(InputError, match="the key 'name' is missing"):
        find_partner("robin", load_settings({"engines.tts": "espeak"}))
