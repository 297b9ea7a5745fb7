"""A character without a voice for the engine in use gets one; a voice by name goes to the engine that knows it."""

from __future__ import annotations

import json
import math
import shutil
import tomllib
import zipfile
from itertools import pairwise
from pathlib import Path

import pytest
from typer.testing import CliRunner

from duologue.api import Character
from duologue.app.engines.spare_voices import known_voices, owner, spare_voice
from duologue.app.show.cast import load_cast, load_member
from duologue.cli.main import build
from duologue.errors import InputError
from duologue.models.entries import KOKORO
from duologue.places import packs_folder
from duologue.settings import load_settings
from duologue.speech.espeak.voice import SPARE, EspeakSettings, parse_voice
from duologue.speech.kokoro import engine as kokoro
from duologue.speech.piper import config as piper_config
from duologue.speech.piper import engine as piper

FOUR = ("one", "two", "three", "four")


def test_a_spare_voice_is_by_the_name_and_apart_from_those_taken() -> None:
    first = spare_voice("chad", FOUR, ())
    assert first in FOUR and spare_voice("chad", FOUR, ()) == first
    assert spare_voice("chad", FOUR, {first}) not in ("", first)
    assert spare_voice("chad", ("only",), {"only"}) == "only"
    assert spare_voice("chad", (), ()) == ""
    assert len({spare_voice(str(at), FOUR, ()) for at in range(40)}) == 4


def test_a_spare_voice_of_the_same_speaker_lies_three_semitones_from_the_partners() -> None:
    kinds = [f"joe{kind}" for kind in piper.KINDS]
    for name in map(str, range(20)):
        assert spare_voice(name, kinds, {"joe?pitch=0.86"}) == "joe?pitch=1.24"
        assert spare_voice(name, kinds, {"joe?pitch=1.28&rate=1.05"}) in ("joe", "joe?pitch=0.82")
        assert spare_voice(name, kinds, {"joe?pitch=0.86", "joe?pitch=1.28"}) == "joe"  # as far as there is one
    assert {spare_voice(str(at), kinds, {"ann?pitch=0.86"}) for at in range(20)} == set(kinds)


def test_those_who_ship_lie_three_semitones_apart() -> None:
    packs = packs_folder()
    files = [packs / "characters" / name / "character.toml" for name in ("chad", "virgin")]
    named = [
        tomllib.loads(file.read_text("utf-8"))["voice"]["piper"] for file in (*files, packs / "personas" / "phone.toml")
    ]
    voices = [piper_config.parse_voice(voice) for voice in named]
    assert len({voice.base for voice in voices}) == 1
    pitches = sorted(voice.pitch for voice in voices)
    assert all(12 * math.log2(high / low) >= 3 for low, high in pairwise(pitches))


def test_all_of_espeaks_spare_voices_are_voices() -> None:
    assert len({parse_voice(voice, EspeakSettings()) for voice in SPARE}) == len(SPARE)


def piper_folder(folder: Path) -> Path:
    folder.mkdir()
    for name, speakers in (("ann", {}), ("crowd", {"p1": 0, "p2": 1})):
        (folder / f"{name}.onnx").write_bytes(b"")
        (folder / f"{name}.onnx.json").write_text(json.dumps({"speaker_id_map": speakers}))
    (folder / "broken.onnx").write_bytes(b"")
    return folder


def test_engines_tell_their_voices_before_they_are_started(tmp_path: Path) -> None:
    folder = piper_folder(tmp_path / "voices")
    assert piper.known_voices(piper.PiperSettings(folder=folder)) == ("ann", "broken", "crowd#p1", "crowd#p2")
    alone = piper.known_voices(piper.PiperSettings(folder=folder, voices=("ann",)))
    assert alone[0] == "ann" and len(alone) == 3
    pitches = sorted(piper_config.parse_voice(voice).pitch for voice in alone)
    assert all(12 * math.log2(high / low) >= 3 for low, high in pairwise(pitches))  # semitones
    voices = tmp_path / "voices.bin"
    with zipfile.ZipFile(voices, "w") as box:
        for name in ("af_one", "bm_two", "jf_three"):
            box.writestr(f"{name}.npy", b"")
    assert kokoro.known_voices(kokoro.KokoroSettings(model=voices, voices=voices)) == ("af_one", "bm_two")
    voices.write_bytes(b"no archive")
    assert kokoro.known_voices(kokoro.KokoroSettings(model=voices, voices=voices)) == ()


@pytest.fixture
def settings_with_piper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = piper_folder(tmp_path / "voices")
    monkeypatch.setenv("DUOLOGUE_ENGINES__PIPER__FOLDER", str(folder))
    monkeypatch.setenv("DUOLOGUE_ENGINES__TTS", "piper")
    return folder


def test_a_cast_that_names_no_voice_for_the_engine_gets_two(settings_with_piper: Path) -> None:
    settings = load_settings()
    known = known_voices(settings)
    chad, virgin = load_cast(("chad", "virgin"), settings.engines.tts, known)
    assert {chad.voices["piper"], virgin.voices["piper"]} <= set(known["piper"])
    assert chad.voices["piper"] != virgin.voices["piper"]
    with pytest.raises(InputError, match="no voice for the engine 'elevenlabs2'"):
        load_member("chad", ("elevenlabs2",), known)


def test_packs_that_name_espeak_only_get_voices_of_piper_apart(settings_with_piper: Path, tmp_path: Path) -> None:
    for name in ("chad", "virgin"):
        shutil.copytree(packs_folder() / "characters" / name, tmp_path / name)
        file = tmp_path / name / "character.toml"
        lines = file.read_text("utf-8").splitlines()
        others = ("elevenlabs", "kokoro", "openai_speech", "piper")
        file.write_text("\n".join(line for line in lines if not line.startswith(others)), "utf-8")
    settings = load_settings()
    known, names = known_voices(settings), [str(tmp_path / name) for name in ("chad", "virgin")]
    once, again = (load_cast(names, settings.engines.tts, known) for _ in range(2))
    voices = [member.voices["piper"] for member in once]
    assert set(voices) <= set(known["piper"]) and len(set(voices)) == 2
    assert voices == [member.voices["piper"] for member in again]


def test_a_voice_by_name_goes_to_the_engine_that_knows_it(settings_with_piper: Path) -> None:
    known = known_voices(load_settings())
    assert owner("ann", ("espeak", "piper"), known) == "piper"
    assert owner("ann?pitch=1.2", ("espeak", "piper"), known) == "piper"
    assert owner("en-us+m3?rate=165", ("piper",), known) == "espeak"
    assert owner("whatever it calls them", ("elevenlabs", "piper"), known) == "elevenlabs"
    looks = packs_folder() / "characters" / "chad"
    guest = Character("guest", looks=looks, voice="ann").member(("espeak", "piper"), known)
    assert guest.voices["piper"] == "ann" and guest.voices["espeak"].startswith("en-us+m3")


def test_a_voice_by_name_goes_to_a_model_that_is_here_and_not_in_use(
    settings_with_piper: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUOLOGUE_MODELS", str(tmp_path / "models"))
    assert "kokoro" not in known_voices(load_settings())
    for file in KOKORO.files:  # by their sizes: nothing is read of them
        place = tmp_path / "models" / "kokoro" / file.name
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("wb") as empty:
            empty.truncate(file.size)
    assert owner("am_michael", ("piper",), known_voices(load_settings())) == "kokoro"
    assert owner("ann", ("piper",), known_voices(load_settings())) == "piper"


def test_pack_check_says_which_voice_a_character_is_given(settings_with_piper: Path, tmp_path: Path) -> None:
    shutil.copytree(packs_folder() / "characters" / "chad", tmp_path / "chad")
    outcome = CliRunner().invoke(build(["pack"]), ["pack", "check", str(tmp_path / "chad"), "--json"])
    (found,) = json.loads(outcome.output)[str(tmp_path / "chad")]
    assert (outcome.exit_code, found["severity"], found["key"]) == (0, "warning", "voice.piper")
    assert "no voice for the engine piper, which is in use: it is given '" in found["what"]


def test_pack_check_names_a_voice_that_no_engine_would_take(settings_with_piper: Path, tmp_path: Path) -> None:
    shutil.copytree(packs_folder() / "characters" / "chad", tmp_path / "chad")
    file = tmp_path / "chad" / "character.toml"
    told = file.read_text("utf-8").replace("?pitch=0.86", "?pitch=3").replace("pitch=35", "pitch=350")
    file.write_text(told.replace("en_US-joe-medium", "ann"), "utf-8")
    outcome = CliRunner().invoke(build(["pack"]), ["pack", "check", str(tmp_path / "chad"), "--json"])
    found = json.loads(outcome.output)[str(tmp_path / "chad")]
    assert outcome.exit_code == 1 and all(each["severity"] == "error" for each in found)
    assert {each["key"]: each["remedy"] for each in found}.keys() == {"voice.piper", "voice.espeak"}
    assert any("pitch=3 in the voice 'ann?pitch=3' is not allowed" in each["what"] for each in found)
