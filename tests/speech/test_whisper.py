"""faster-whisper through a model of random weights, and the agreement of passes by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from duologue.speech.whisper_agreement import Agreement, Said
from hypothesis import given
from hypothesis import strategies as st
from spoken_phrases import KITCHEN, flite, padded, silence
from stt_conformance import SttConformance, check, hear
from whisper_model import make

from duologue.errors import InputError, PeerError
from duologue.speech.hearing import EAR_RATE, Expected, SpeechToText
from duologue.speech.whisper import Whisper, WhisperSettings, engine

pytestmark = pytest.mark.slow  # models are loaded and sound is understood: not for every save


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("whisper") / "tiny")


def settings(model: Path, every: float = 0.7) -> WhisperSettings:
    return WhisperSettings(model=str(model), offline=True, threads=1, every_s=every)


class TestWhisperConforms(SttConformance):
    knows_words = False

    @pytest.fixture(autouse=True)
    def _model(self, model: Path) -> None:
        self.model = model

    def make(self) -> SpeechToText:
        return Whisper(settings(self.model))


@pytest.fixture
async def whisper(model: Path) -> AsyncIterator[Whisper]:
    ears = Whisper(settings(model))
    await ears.warm_up()
    yield ears
    await ears.close()


async def test_it_passes_over_the_sound_as_it_grows_and_not_over_silence(whisper: Whisper) -> None:
    before = whisper.passes
    assert before == 1  # warming up
    assert check(await hear(whisper, silence(3.0)), 3.0).text == ""
    assert whisper.passes == before
    sound = padded(flite(KITCHEN))
    check(await hear(whisper, sound, Expected(phrases=("good moon",))), len(sound) / EAR_RATE)
    assert 2 <= whisper.passes - before <= len(sound) / EAR_RATE / 0.7 + 2


async def test_passes_do_not_hold_the_loop(whisper: Whisper, loop_guard: None) -> None:
    check(await hear(whisper, padded(flite(KITCHEN))), 10)


async def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    ears = Whisper(settings(tmp_path / "none"))
    with pytest.raises(PeerError, match="none"):
        await ears.warm_up()
    await ears.close()
    with pytest.raises(InputError, match="model"):
        engine(None)


def said(text: str, each: int = 100) -> list[Said]:
    return [Said(f" {word}", n * each, (n + 1) * each) for n, word in enumerate(text.split())]


def test_what_is_agreed_stays_whatever_comes() -> None:
    agreement = Agreement()
    assert agreement.take(said("turn of")).stable == 0
    heard = agreement.take(said("Turn off the"))
    assert (heard.text, heard.stable) == ("Turn off the", 4)
    heard = agreement.take(said("burn off the light."))
    assert (heard.text, heard.stable) == ("Turn off the light.", len("Turn off the"))
    last = agreement.finish(said("burn on a fight please"))
    assert (last.text, last.final, last.stable) == ("Turn off the fight please", True, 25)


def test_a_cut_is_after_the_agreed_words_or_forced() -> None:
    agreement = Agreement()
    agreement.take(said("one two three"))
    agreement.take(said("one two tree"))
    agreement.shorten(1_000, force=False)
    assert agreement.cut == 200
    agreement.shorten(1_000, force=True)
    assert agreement.cut == 300
    assert agreement.finish([]).text == "one two tree"
    agreement.shorten(2_000, force=True)
    assert agreement.cut == 2_000


@given(st.lists(st.lists(st.sampled_from(["a", "b", "c"]), max_size=8), max_size=8), st.sets(st.integers(0, 7)))
def test_the_stable_part_never_changes(passes: list[list[str]], cuts: set[int]) -> None:
    agreement, stable = Agreement(), ""
    for number, words in enumerate(passes):
        heard = agreement.take(said(" ".join(words)))
        assert heard.text.startswith(stable)
        stable = heard.text[: heard.stable]
        if number in cuts:
            agreement.shorten(1_000, force=False)
    assert agreement.finish(said("c c c")).text.startswith(stable)
