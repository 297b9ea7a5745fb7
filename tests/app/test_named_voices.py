"""The voices that ship: chad, virgin and the persona of the phone are told apart, each with the default voice."""

from __future__ import annotations

import math
from itertools import combinations
from pathlib import Path

import pytest

from duologue.app.engines.spare_voices import known_voices, named_voice
from duologue.app.show.cast import load_cast
from duologue.app.talking.partners import find_partner
from duologue.models.entries import PIPER_JOE
from duologue.settings import load_settings
from duologue.speech.piper.config import parse_voice


@pytest.fixture
def joe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "voices").mkdir()
    for file in PIPER_JOE.files:
        (tmp_path / "voices" / file.name).write_bytes(b"")
    monkeypatch.setenv("DUOLOGUE_ENGINES__PIPER__FOLDER", str(tmp_path / "voices"))
    monkeypatch.setenv("DUOLOGUE_ENGINES__TTS", "piper")


def test_three_characters_of_one_speaker_are_three_semitones_apart(joe: None) -> None:
    settings = load_settings()
    members = [*load_cast(("chad", "virgin"), settings.engines.tts, known_voices(settings))]
    voices = [parse_voice(each.voices["piper"]) for each in (*members, find_partner("phone", settings))]
    assert {voice.base for voice in voices} == {"en_US-joe-medium"}
    for one, other in combinations(voices, 2):
        assert abs(12 * math.log2(one.pitch / other.pitch)) >= 3


def test_a_voice_that_the_engine_does_not_have_counts_as_none() -> None:
    voices = {"piper": "joe?pitch=0.9", "elevenlabs": "abc", "espeak": "en-us+m3"}
    known = {"piper": ("ann", "ann?pitch=1.2"), "espeak": ("en-gb+f2",)}
    assert named_voice(voices, "piper", known) == ""
    assert named_voice(voices, "piper", {"piper": ("joe",)}) == "joe?pitch=0.9"
    assert named_voice(voices, "piper", {}) == "joe?pitch=0.9"  # it does not tell
    assert named_voice(voices, "elevenlabs", known) == "abc"
    assert named_voice(voices, "espeak", known) == "en-us+m3"
    assert named_voice(voices, "kokoro", known) == ""
