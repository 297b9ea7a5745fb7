"""Engines that are left to us are asked for in the language of whoever is to speak."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from duologue import Character, Conversation, Show
from duologue import settings as settings_module
from duologue.app.engines.languages import use_of
from duologue.audio.pcm import RATE, silence
from duologue.audio.wav import WavWriter
from duologue.cli.main import build
from duologue.errors import InputError
from duologue.models.automatic import Use
from duologue.models.choosing import Choices
from duologue.settings import load_settings

GERMAN = 'name = "rita"\nlanguage = "de-AT"\ndescription = "Du bist Rita."\n'
SCENARIO = """
name: {name}
shows: whom engines are asked for
character: {character}
replies: improv
script:
  - say: hello there
"""
ENGLISH = frozenset({"en"})
BOTH = frozenset({"de", "en"})


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Use]:
    """What was asked of engines; whoever asks goes no further."""
    found: list[Use] = []

    def choose(
        names: Mapping[str, Sequence[str]], tables: Mapping[str, Mapping[str, object]], folder: Path, use: Use
    ) -> Choices:
        found.append(use)
        raise InputError("that is all")

    monkeypatch.setattr(settings_module, "choose", choose)
    monkeypatch.chdir(tmp_path)
    return found


@pytest.fixture
def rita(tmp_path: Path) -> Path:
    """A pack that speaks German."""
    pack = tmp_path / "rita"
    pack.mkdir()
    shipped = Path(__file__).parents[2] / "packs" / "characters" / "chad"
    for file in shipped.iterdir():
        if file.name != "persona.toml":
            (pack / file.name).symlink_to(file)
    (pack / "persona.toml").write_text(GERMAN)
    return pack


def run(*arguments: str) -> None:
    result = CliRunner().invoke(build(arguments), arguments)
    assert isinstance(result.exception, InputError) and result.exception.what == "that is all", result.exception


def test_a_talk_asks_in_the_characters_language(asked: list[Use], rita: Path) -> None:
    run("talk", "--text", "--as", str(rita))
    run("talk", "--text", "--as", str(rita / "persona.toml"))
    run("talk", "--text", "--as", "phone")
    assert asked == [Use(frozenset(languages), shows=False, talks=True) for languages in ({"de"}, {"de"}, ENGLISH)]


@pytest.mark.parametrize("command", [("show", "tea"), ("render", "tea", "-o", "tea.mp4")])
def test_a_show_asks_in_all_languages_of_its_cast(asked: list[Use], rita: Path, command: tuple[str, ...]) -> None:
    run(*command, "--cast", f"{rita},virgin")
    run(*command)
    Path("duologue.toml").write_text(
        f'[shows.day]\ncast = ["{rita}", "chad"]\n[shows.late]\ncast = ["chad", "virgin"]\n'
    )
    run("serve", "--show", "--talk")
    assert [use.languages for use in asked] == [BOTH, ENGLISH, BOTH]
    assert asked[-1] == Use(BOTH, shows=True, talks=True)


def test_a_character_that_is_not_there_keeps_no_other_show_from_its_language(asked: list[Use], rita: Path) -> None:
    text = f'[shows.day]\ncast = ["{rita}", "nobody"]\n[shows.late]\ncast = ["nobody", "nobody-else"]\n'
    Path("duologue.toml").write_text(text)
    run("serve", "--show")
    assert asked[0].languages == {"de"}


def test_scenarios_aloud_ask_in_the_languages_of_all(asked: list[Use], rita: Path) -> None:
    for name, character in (("one", str(rita)), ("two", "chad")):
        Path(f"{name}.yaml").write_text(SCENARIO.format(name=name, character=character))
    run("simulate", "one.yaml", "two.yaml", "--audio")
    run("simulate", "one.yaml", "--audio")
    assert asked == [Use(frozenset(languages), shows=False, talks=True) for languages in (BOTH, {"de"})]


def test_who_says_or_keeps_a_line_asks_in_the_characters_language(asked: list[Use], rita: Path) -> None:
    Path("lines.txt").write_text("Guten Tag.")
    run("say", "Guten Tag.", "-o", "line.wav", "--as", str(rita))
    run("say", "Good day.", "-o", "line.wav")
    run("warm", "lines.txt", "--as", str(rita), "--as", "chad")
    run("warm", "lines.txt")
    Path("duologue.toml").write_text(f'[show]\ncast = ["{rita}", "virgin"]\n')
    run("warm", "lines.txt")
    assert [use.languages for use in asked] == [{"de"}, ENGLISH, BOTH, ENGLISH, BOTH]
    assert [use.talks and not use.shows for use in asked] == [True, True, False, False, False]


def test_what_is_looked_at_is_what_the_house_would_ask(asked: list[Use], rita: Path) -> None:
    Path("duologue.toml").write_text(f'[show]\ncast = ["{rita}", "virgin"]\n')
    run("doctor")
    run("settings")
    assert [use.languages for use in asked] == [BOTH, BOTH]


def test_a_recording_is_asked_of_ears_for_its_language(asked: list[Use]) -> None:
    with WavWriter(Path("call.wav")) as file:
        file.write(silence(RATE))
    run("transcribe", "call.wav", "--language", "fr-CA")
    run("transcribe", "call.wav")
    assert asked == [Use(frozenset({tag}), shows=False, talks=True) for tag in ("fr", "en")]


def test_a_recording_in_a_language_without_ears_is_refused_and_the_command_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DUOLOGUE_MODELS", str(tmp_path))
    with WavWriter(Path("call.wav")) as file:
        file.write(silence(RATE))
    arguments = ["transcribe", "call.wav", "--language", "fr"]
    result = CliRunner().invoke(build(arguments), arguments)
    assert isinstance(result.exception, InputError)
    assert "'fr', in which no engine that is set (pocketsphinx) hears" in result.exception.what
    assert "duologue models get whisper-base" in result.exception.remedy


def test_lines_of_python_ask_in_the_languages_of_their_characters(asked: list[Use], rita: Path) -> None:
    mine = Character("mine", looks=rita)
    for character in (mine, str(rita)):
        with pytest.raises(InputError, match="that is all"):
            Conversation(character)
    with pytest.raises(InputError, match="that is all"):
        Show("tea", cast=["chad", mine]).render("tea.mp4")
    talk = Use(frozenset({"de"}), shows=False, talks=True)
    assert asked == [talk, talk, Use(BOTH)]


def test_who_comes_to_a_house_without_a_show_is_taken_to_speak_english() -> None:
    assert use_of(load_settings({"serve.show": False, "serve.talk": True})) == Use(ENGLISH, shows=False, talks=True)
