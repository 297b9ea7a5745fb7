"""From a line of settings to voices: chains and the speech cache as the studio makes them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from duologue.app.engines.engines import create_activity, create_llm, create_tts, create_voicing, open_engines
from duologue.app.engines.voices import CastVoices
from duologue.app.show.cast import load_cast
from duologue.chains import Handover
from duologue.errors import InputError
from duologue.language.chain import LanguageChain
from duologue.settings import Settings, load_settings
from duologue.speech.silero import Silero
from duologue.speech.speech_cache import CachedSpeech

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ELEVENLABS_API_KEY", raising=False)


def settings_of(folder: Path, **engines: Any) -> Settings:
    return load_settings({"speech_cache.folder": folder, **{f"engines.{key}": each for key, each in engines.items()}})


def test_one_name_or_several(tmp_path: Path) -> None:
    assert settings_of(tmp_path, tts="espeak").engines.tts == ("espeak",)
    several = settings_of(tmp_path, tts=["elevenlabs", "espeak"], llm="improv")
    assert (
        several.engines.tts == settings_of(tmp_path, tts="elevenlabs, espeak").engines.tts == ("elevenlabs", "espeak")
    )
    assert (several.tts, several.llm) == ("elevenlabs", "improv")
    for wrong, what in (("espeak,espeak", "twice"), ("", "engines.tts"), ("espeak,megaphone", "megaphone")):
        with pytest.raises(InputError, match=what):
            settings_of(tmp_path, tts=wrong)


async def test_a_show_is_voiced_by_the_one_that_can(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, tts="elevenlabs,espeak")
    voicing = create_voicing(settings)
    assert voicing.names == ("elevenlabs", "espeak")
    await voicing.warm_up()
    voiced = await CastVoices(voicing, load_cast(("chad", "virgin"), settings.engines.tts)).voice("Hi.", "virgin", "u")
    assert voiced.utterance.engine == "espeak"
    await voicing.close()


def test_a_character_needs_a_voice_for_each(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="megaphone"):
        load_cast(("chad", "virgin"), ("espeak", "megaphone"))


def test_engines_that_think_make_a_chain_when_there_are_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUOLOGUE_ENGINES__OPENAI__MODEL", "tiny")
    assert create_llm(settings_of(tmp_path)).name == "improv"
    chain = create_llm(settings_of(tmp_path, llm="openai,improv"))
    assert isinstance(chain, LanguageChain)
    assert chain.name == "openai"


def test_what_is_costly_is_cached_and_what_is_not_is_not(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, tts="elevenlabs,espeak")
    assert isinstance(create_tts(settings), CachedSpeech)
    assert not isinstance(create_tts(settings, "espeak"), CachedSpeech)
    off = load_settings({"engines.tts": "elevenlabs", "speech_cache.limit_mb": 0})
    assert not isinstance(create_tts(off), CachedSpeech)


async def test_who_thinks_alone_and_does_not_come_up_is_told_of_with_the_way_to_a_stand_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUOLOGUE_ENGINES__LLAMA__MODEL", str(tmp_path / "absent.gguf"))
    async with open_engines(settings_of(tmp_path, llm="llama"), speaks=False) as engines:
        with pytest.RaisesGroup(pytest.RaisesExc(InputError, match="there is no file")) as caught:
            await engines.warm_up()
        assert 'llm = ["llama", "improv"]' in str(caught.value.exceptions[0])
    async with open_engines(settings_of(tmp_path, llm="llama,improv"), speaks=False) as engines:
        failures: list[Handover] = []
        engines.listeners.append(failures.append)
        await engines.warm_up()
        assert [(each.engine, each.successor) for each in failures] == [("llama", "improv")]


def test_voice_activity_may_come_from_a_strangers_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stranger-1.dist-info").mkdir()
    (tmp_path / "stranger-1.dist-info" / "METADATA").write_text("Name: stranger\nVersion: 1\n")
    (tmp_path / "stranger-1.dist-info" / "entry_points.txt").write_text("[duologue.vad]\near = stranger_ear:engine\n")
    (tmp_path / "stranger_ear.py").write_text("def engine(settings):\n    return 'an ear'\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert create_activity(load_settings({"engines.vad": "ear"})) == "an ear"
    assert isinstance(create_activity(load_settings()), Silero)
    with pytest.raises(InputError, match="no engine 'earr' that notices"):
        load_settings({"engines.vad": "earr"})
