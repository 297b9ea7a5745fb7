"""A character whose language nothing that is set hears, or thinks in, is refused with a remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from duologue.app.doctor.doctor import strangers
from duologue.app.talking.talking import open_partner
from duologue.errors import InputError
from duologue.settings import Settings, load_settings

GERMAN = 'name = "rita"\nlanguage = "de"\ndescription = "Du bist Rita."\n'


def settings_of(folder: Path, text: str) -> Settings:
    (folder / "duologue.toml").write_text(text)
    return load_settings(config=folder / "duologue.toml")


@pytest.mark.parametrize(
    ("text", "where", "names"),
    [
        ("", "engines.llm", "improv"),
        ('[engines]\nllm = ["openai", "improv"]\n[engines.openai]\nmodel = "x"\n', "engines.stt", "pocketsphinx"),
    ],
)
async def test_a_talk_is_refused_before_anything_is_loaded(tmp_path: Path, text: str, where: str, names: str) -> None:
    (tmp_path / "rita.toml").write_text(GERMAN)
    with pytest.raises(InputError) as error:
        async with open_partner(settings_of(tmp_path, text), str(tmp_path / "rita.toml")):
            raise AssertionError("it was not refused")
    assert error.value.where == where and names in error.value.what and "'de'" in error.value.what
    assert f"Set {where} to" in error.value.remedy


async def test_the_doctor_tells_of_it(tmp_path: Path) -> None:
    assert await strangers(load_settings({})) == ()
    pack = tmp_path / "rita"
    pack.mkdir()
    shipped = Path(__file__).parents[2] / "packs" / "characters" / "chad"
    for file in shipped.iterdir():
        if file.name != "persona.toml":
            (pack / file.name).symlink_to(file)
    (pack / "persona.toml").write_text(GERMAN)
    found = await strangers(settings_of(tmp_path, f'[show]\ncast = ["{pack}", "virgin"]\n'))
    (one,) = found
    assert "Rita speaks 'de'" in one.what and "engines.llm" in one.command
