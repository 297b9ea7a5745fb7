"""Whisper through a model of random weights: the engine, its worker, and what happens when that dies."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from spoken_phrases import KITCHEN, flite, padded, silence
from stt_conformance import SttConformance, check, hear, in_blocks
from whisper_model import make

from duologue.audio.pcm import Samples
from duologue.errors import InputError
from duologue.speech.hearing import EAR_RATE, Expected, SpeechToText, Transcript
from duologue.speech.whisper import Whisper, WhisperSettings, engine

pytestmark = pytest.mark.slow  # models are loaded and sound is understood: not for every save


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("whisper") / "tiny")


def settings(model: Path, every: float = 0.7) -> WhisperSettings:
    return WhisperSettings(model=str(model), threads=1, every_s=every, patience_s=2.0)


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
    assert check(await hear(whisper, silence(3.0)), 3.0).text == ""
    assert whisper.passes == 0
    sound = padded(flite(KITCHEN))
    check(await hear(whisper, sound, Expected(phrases=("good moon",))), len(sound) / EAR_RATE)
    assert 2 <= whisper.passes <= len(sound) / EAR_RATE / 0.7 + 2


async def test_passes_do_not_hold_the_loop(whisper: Whisper, loop_guard: None) -> None:
    check(await hear(whisper, padded(flite(KITCHEN))), 10)


@pytest.mark.parametrize("file", ["model.bin", "tokenizer.json", "config.json", "vocabulary"])
async def test_a_model_folder_with_a_file_missing_is_refused_and_the_file_named(tmp_path: Path, file: str) -> None:
    folder = make(tmp_path / "whole")
    for each in folder.glob(f"{file}*"):
        each.unlink()
    ears = Whisper(settings(folder))
    with pytest.raises(InputError, match=file):
        await ears.warm_up()
    await ears.close()


async def test_a_broken_model_and_no_model_are_named(tmp_path: Path) -> None:
    folder = make(tmp_path / "whole")
    (folder / "model.bin").write_bytes(b"no model at all")
    for model in (folder, tmp_path / "none"):
        ears = Whisper(settings(model))
        with pytest.raises(InputError, match=model.name):
            await ears.warm_up()
        await ears.close()
    with pytest.raises(InputError, match="model"):
        engine(None)


class Voice:
    """A voice that went, or has not."""

    def __init__(self, ended: int | None = None) -> None:
        self.ended = ended


async def test_the_final_text_lies_ready_when_the_voice_has_been_away(whisper: Whisper) -> None:
    """No pass is made after the sound has ended, and what was shown at the pause is the final text."""
    sound, voice, made = padded(flite(KITCHEN), after=0.5), Voice(), 0

    async def told() -> AsyncIterator[Samples]:
        nonlocal made
        for number, block in enumerate(in_blocks(sound)):
            if number * len(block) >= len(sound) - EAR_RATE // 3:
                voice.ended = len(sound) - EAR_RATE // 2
            yield block
        made = whisper.passes

    shown = [transcript async for transcript in whisper.listen(told(), None, voice)]
    assert whisper.passes == made > 0
    assert shown[-1].final
    assert shown[-1].text == shown[-2].text != ""


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
async def test_a_worker_that_is_lost_in_mid_sentence_costs_time_and_no_word(whisper: Whisper, blow: int) -> None:
    sound = padded(flite(KITCHEN))
    whole = check(await hear(whisper, sound), 10)
    struck = False

    async def told() -> AsyncIterator[Samples]:
        nonlocal struck
        for number, block in enumerate(in_blocks(sound)):
            if number * len(block) > len(sound) // 2 and not struck and whisper.pid is not None:
                struck = True
                os.kill(whisper.pid, blow)
            yield block
            await asyncio.sleep(0)

    shown: list[Transcript] = [transcript async for transcript in whisper.listen(told())]
    assert struck
    assert whisper.restarts == 1
    last = check(shown, 10)
    assert (last.text, last.words) == (whole.text, whole.words)


async def test_who_waits_for_its_turn_gives_a_sign_each_second(
    whisper: Whisper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chain takes silence for a failure, and would hand the listener to ears that understand less."""
    monkeypatch.setattr("duologue.speech.whisper.SIGN", 0.01)
    (worker,) = whisper.workers
    turn = worker.gate.ask(worker.name)  # somebody else's pass that takes long
    signs: list[Transcript] = []
    async for transcript in whisper.listen(_once(padded(flite(KITCHEN)))):
        signs.append(transcript)
        if len(signs) == 3:
            turn.leave()
    assert signs[-1].final
    assert all(sign.text == "" for sign in signs[:3])


async def _once(sound: Samples) -> AsyncIterator[Samples]:
    yield sound


async def test_its_capability_says_how_many_it_carries(whisper: Whisper) -> None:
    assert (whisper.capabilities.at_once or 0) >= 1
