"""Personas are files; what is wrong with one is said with file, key and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from duologue.errors import InputError
from duologue.language.persona import load_persona

PACKS = Path(__file__).parents[2] / "packs" / "characters"


@pytest.mark.parametrize("name", ["chad", "virgin"])
def test_the_shipped_personas_load(name: str):
    persona = load_persona(PACKS / name)
    assert (
        persona.name == name and len(persona.moves) > 50 and len(persona.fillers) >= 4 and len(persona.deflections) >= 4
    )


def test_a_description_is_enough(tmp_path: Path):
    file = tmp_path / "rita" / "persona.toml"
    file.parent.mkdir()
    file.write_text('description = "A pirate."')
    persona = load_persona(file)
    assert (persona.name, persona.title, persona.temperature, persona.moves) == ("rita", "Rita", None, {})
    assert load_persona(file.parent) == persona


def test_a_file_anywhere_is_called_as_itself_not_as_the_folder_that_it_lies_in(tmp_path: Path):
    file = tmp_path / "rita.toml"
    file.write_text('description = "A pirate."')
    persona = load_persona(file)
    assert (persona.name, persona.title) == ("rita", "Rita")


@pytest.mark.parametrize(
    ("text", "key", "remedy"),
    [
        ("", "description", "Add description"),
        ('description = ""', "description", "Write description"),
        ('description = "x"\ndescripton = "y"', "descripton", "Did you mean 'description'?"),
        ('description = "x"\nformat = 2', "format", "Write format = 1"),
        ('description = "x"\nmax_words = 2', "max_words", "Write max_words"),
        ('description = "x"\nmax_words = 20.5', "max_words", "Write max_words"),
        ('description = "x"\nmax_seconds = true', "max_seconds", "Write max_seconds"),
        ('description = "x"\ntemperature = "hot"', "temperature", "Write temperature"),
        ('description = "x"\nfillers = []', "fillers", "Write fillers"),
        ('description = "x"\nstyle = ["a", 3]', "style", "Write style"),
        ('description = "x"\nimprov = 3', "improv", "[improv]"),
        ('description = "x"\n[improv]\nlink = "a"', "improv.link", "Write improv.link"),
        ('description = "x"\n[improv]\nlinks = ["so much for that"]', "improv.links", "Did you mean 'link'?"),
        ('description = "x"\n[improv]\n"bit.boat" = ["so much for that"]', "improv.bit.boat", '"bit.boat.1"'),
        ('description = "x"\n[improv]\nlink = ["so much for {topc}, then"]', "improv.link", "Did you mean {topic}?"),
        ('description = "x"\n[improv]\nlink = ["so much for {topic, then"]', "improv.link", "Close it."),
        ('description = "x"\n[improv]\nlink = ["{topic} {topic}!"]', "improv.link", "words of its own"),
    ],
)
def test_errors_name_file_key_and_remedy(tmp_path: Path, text: str, key: str, remedy: str):
    file = tmp_path / "persona.toml"
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        load_persona(file)
    assert caught.value.where == f"{file}: {key}"
    assert remedy in caught.value.remedy


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"description = ", "the persona file is not TOML"),
        (b"\xff\xfe", "no text in UTF-8"),
        (b"#" * 1_000_001, "more than 1000000 bytes"),
        (b"a = " + b"[" * 5_000, "nested too deeply"),
    ],
)
def test_files_that_are_no_persona(tmp_path: Path, content: bytes, what: str):
    file = tmp_path / "persona.toml"
    file.write_bytes(content)
    with pytest.raises(InputError, match=what):
        load_persona(tmp_path)


def test_a_file_that_begins_with_a_mark_of_its_order_as_those_of_windows_do(tmp_path: Path):
    (tmp_path / "persona.toml").write_text('description = "Short."', "utf-8-sig")
    assert load_persona(tmp_path).description == "Short."


def test_a_missing_file(tmp_path: Path):
    with pytest.raises(InputError, match="no persona file"):
        load_persona(tmp_path)
