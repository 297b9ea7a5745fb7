"""Whether the ears work, as `duologue doctor` asks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from duologue.app.doctor import ears as doctor_ears
from duologue.settings import Settings, load_settings
from duologue.speech.hearing import EAR_RATE

pytestmark = pytest.mark.slow  # models are loaded


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    return load_settings()


async def test_the_embedded_ears_hear_the_sentence(settings: Settings) -> None:
    sound = await doctor_ears.speak(settings)
    assert sound is not None
    works, heard = await doctor_ears.try_ear(settings, "pocketsphinx", sound)
    assert works
    assert heard.startswith("heard “please")
    assert await doctor_ears.try_activity(load_settings(), sound) == (True, "tells speech from silence")
    assert await doctor_ears.try_turn_end(settings, sound) is None


async def test_what_does_not_work_says_why(settings: Settings, tmp_path: Path) -> None:
    silence = np.zeros(EAR_RATE, np.float32)
    assert await doctor_ears.try_ear(settings, "pocketsphinx", silence) == (False, "it heard nothing in a sentence")
    works, why = await doctor_ears.try_ear(settings, "whisper", silence)
    assert not works and "engines.whisper.model" in why
    assert await doctor_ears.try_activity(load_settings(), silence) == (False, "it does not tell speech from silence")
    missing = load_settings({"hearing.smart_turn": tmp_path / "none.onnx"})
    works, why = await doctor_ears.try_turn_end(missing, silence) or (True, "")
    assert not works and "none.onnx" in why
