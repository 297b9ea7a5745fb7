"""Whisper through a model of random weights: the engine, its worker, and what happens when that dies."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from benchmarks.machine import busy
from spoken_phrases import KITCHEN, flite, padded, silence
from stt_conformance import SttConformance, check, hear, in_blocks
from whisper_model import COMPUTE, LETTERS, make

from duologue.app.engines.languages import refuse_deaf
from duologue.audio.pcm import Samples
from duologue.chains import Handover
from duologue.clock import SECOND, SYSTEM_CLOCK
from duologue.errors import InputError
from duologue.speech.hearing import EAR_RATE, Expected, SpeechToText, Transcript
from duologue.speech.hearing_chain import HearingChain
from duologue.speech.hearing_fake import FakeHearing
from duologue.speech.whisper.engine import Whisper, WhisperSettings, engine
from duologue.speech.whisper.messages import Found, LoadWhisper, Pass
from duologue.speech.whisper.model import TOKENS_PER_SECOND, WhisperModel
from duologue.speech.whisper.model import silence as silence_features
from duologue.speech.whisper.words import Said

pytestmark = pytest.mark.slow  # models are loaded and sound is understood: not for every save


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("whisper") / "tiny")


def settings(model: Path, every: float = 0.7) -> WhisperSettings:
    return WhisperSettings(model=str(model), threads=1, compute_type=COMPUTE, every_s=every, patience_s=2.0)


class TestWhisperConforms(SttConformance):
    knows_words = False

    @pytest.fixture(autouse=True)
    def _model(self, model: Path) -> None:
        self.model = model

    def make(self) -> SpeechToText:
        return Whisper(settings(self.model))


def test_a_language_for_which_the_model_has_no_sign_is_refused_before_anything_is_heard(model: Path) -> None:
    ears = Whisper(settings(model))
    refuse_deaf("en-GB", ears)
    with pytest.raises(InputError, match=r"'ga'.*whisper") as error:
        refuse_deaf("ga", ears, "Rita speaks")
    assert error.value.where == "engines.stt"
    assert not Whisper(settings(model / "gone")).languages, "the start names what is missing"


def test_an_english_model_is_one_whatever_its_folder_is_called(tmp_path: Path) -> None:
    """Its tokenizer has the signs of all languages; a hub's cache calls the folder by its revision."""
    for name, end in (("0d3d19a3", 50256), ("base.en", 50257)):
        tokens = ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|de|>"]
        added = [{"id": end + number, "content": token, "special": True} for number, token in enumerate(tokens)]
        (tmp_path / name).mkdir()
        (tmp_path / name / "tokenizer.json").write_text(json.dumps({"version": "1.0", "added_tokens": added}, indent=2))
    assert Whisper(settings(tmp_path / "0d3d19a3")).languages == {"en"}
    assert Whisper(settings(tmp_path / "base.en")).languages == {"en", "de"}


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


@pytest.mark.parametrize("beam", [1, 5])
@pytest.mark.parametrize("phrases", [(), ("good moon night " * 60,)], ids=["alone", "behind a long hint"])
def test_as_many_tokens_may_be_written_as_can_be_spoken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beam: int, phrases: tuple[str, ...]
) -> None:
    """CTranslate2 writes half of its ``max_length`` at most: who talked fast lost the end of each pass."""
    model = WhisperModel(LoadWhisper(str(make(tmp_path / "endless", seed=3)), 1, COMPUTE, beam))
    generate, lengths = model._model.generate, list[int]()  # pyright: ignore[reportPrivateUsage]

    class Counting:
        def __getattr__(self, name: str) -> Any:
            return getattr(whole, name)

        def generate(self, *given: Any, suppress_tokens: list[int], **options: Any) -> Any:
            results = generate(*given, suppress_tokens=[*suppress_tokens, model._end], **options)  # pyright: ignore[reportPrivateUsage]
            lengths.append(len(results[0].sequences_ids[0]))
            return results

    whole = model._model  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(model, "_model", Counting())
    for seconds in (1.0, 5.0, 10.0):
        model.run(Pass(0, silence_features(1_000), seconds, "en", phrases))
    assert lengths == [int(seconds * TOKENS_PER_SECOND["en"]) + 8 for seconds in (1.0, 5.0, 10.0)]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (("good moon", "good", "night"), ("good",)),
        (("good moon good moon", "good", "night"), ()),
        (("", "good"), ()),
    ],
    ids=["all was said", "a copy was dropped", "nothing was said"],
)
def test_texts_that_are_nearly_as_likely_are_told_where_all_of_the_likeliest_was_said(
    model: Path, monkeypatch: pytest.MonkeyPatch, written: tuple[str, ...], told: tuple[str, ...]
) -> None:
    """The second is less likely by a factor of e^1, the third by e^3. Alignment leaves copies no time."""
    known = WhisperModel(LoadWhisper(str(model), 1, COMPUTE, 5))
    texts = [[LETTERS.index(f" {word}") for word in text.split()] for text in written]
    whole = known._model  # pyright: ignore[reportPrivateUsage]

    class Certain:
        def __getattr__(self, name: str) -> Any:
            return getattr(whole, name)

        def generate(self, *_given: Any, **_options: Any) -> Any:
            scores = [log / (len(text) + 1) for log, text in zip((-1.0, -2.0, -4.0), texts, strict=False)]
            return [SimpleNamespace(sequences_ids=texts, scores=scores, no_speech_prob=0.0)]

        def align(self, _encoded: Any, _start: Any, given: list[list[int]], _frames: int) -> Any:
            count = len(given[0])
            places = [(n, min(5 + 20 * n, 45)) for n in range(count + 1)]
            return [SimpleNamespace(alignments=places, text_token_probs=[0.9] * count)]

    monkeypatch.setattr(known, "_model", Certain())
    sound = silence_features(1_000)
    sound[:, 10:100] = 1.0
    found = known.run(Pass(0, sound, 1.4, "en", voiced=1.0))
    assert found.alternatives == told


def test_a_pass_that_is_wanted_in_english_asks_the_model_to_translate(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = WhisperModel(LoadWhisper(str(model), 1, COMPUTE, 1))
    prompts: list[list[int]] = []
    whole = known._model  # pyright: ignore[reportPrivateUsage]

    class Watched:
        def __getattr__(self, name: str) -> Any:
            return getattr(whole, name)

        def generate(self, encoded: Any, given: list[list[int]], **options: Any) -> Any:
            prompts.extend(given)
            return whole.generate(encoded, given, **options)

    monkeypatch.setattr(known, "_model", Watched())
    monkeypatch.setattr(known, "multilingual", True)
    for translated in (False, True):
        known.run(Pass(0, silence_features(1_000), 1.0, "en", translated=translated))
    translate, transcribe = (
        known._letters.token_to_id(f"<|{task}|>")  # pyright: ignore[reportPrivateUsage]
        for task in ("translate", "transcribe")
    )
    assert transcribe in prompts[0] and translate not in prompts[0]
    assert translate in prompts[-1] and transcribe not in prompts[-1]


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
            if number * len(block) > len(sound) // 2 and not struck and whisper.workers[0].pid is not None:
                struck = True
                os.kill(whisper.workers[0].pid, blow)
            yield block
            await asyncio.sleep(0)

    shown: list[Transcript] = [transcript async for transcript in whisper.listen(told())]
    assert struck
    assert whisper.workers[0].restarts == 1
    last = check(shown, 10)
    assert (last.text, last.words) == (whole.text, whole.words)


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
async def test_a_worker_that_is_lost_takes_no_word_from_any_of_its_listeners(whisper: Whisper, blow: int) -> None:
    """One of them waits for its pass, the others for theirs: each hears what it would have heard."""
    sounds = [padded(flite(text)) for text in (KITCHEN, "no no no not that one", "five five five one two")]
    alone = [check(await hear(whisper, sound), 10) for sound in sounds]

    struck = False

    async def told(sound: Samples) -> AsyncIterator[Samples]:
        nonlocal struck
        for block in in_blocks(sound):
            if whisper.workers[0].gate.waiting and not struck:
                struck = True  # somebody's pass is being made, and another waits
                assert whisper.workers[0].pid is not None
                os.kill(whisper.workers[0].pid, blow)
            yield block
            await asyncio.sleep(0)

    async def listen(sound: Samples) -> list[Transcript]:
        return [transcript async for transcript in whisper.listen(told(sound))]

    async with asyncio.TaskGroup() as group:
        heard = [group.create_task(listen(sound)) for sound in sounds]
    assert struck
    assert whisper.workers[0].restarts == 1
    together = [check(task.result(), 10) for task in heard]
    assert [(one.text, one.words) for one in together] == [(one.text, one.words) for one in alone]


@pytest.mark.realtime
async def test_who_speaks_while_all_cores_are_burnt_loses_no_word(whisper: Whisper) -> None:
    """In real time, before a chain whose next ears would say something else."""
    sound = padded(flite(KITCHEN), after=0.5)
    end = len(sound) - EAR_RATE // 2
    handed: list[Handover] = []
    chain = HearingChain([whisper, FakeHearing()], listener=handed.append)

    async def heard(speed: int) -> list[str]:
        voice, began = Voice(), SYSTEM_CLOCK.now()

        async def spoken() -> AsyncIterator[Samples]:
            for number, block in enumerate(in_blocks(sound), 1):
                at = number * len(block)
                await SYSTEM_CLOCK.wait_until(began + at * SECOND // (EAR_RATE * speed))
                voice.ended = end if at >= end + EAR_RATE // 10 else None
                yield block

        said = [transcript async for transcript in chain.listen(spoken(), None, voice)]
        return check(said, 10).text.split()

    await chain.warm_up()
    whole = await heard(speed=1_000)
    with busy(2 * (os.cpu_count() or 1), at_most=60):
        assert await heard(speed=1) == await heard(speed=1) == whole != []
    assert handed == []
    assert whisper.workers[0].restarts == 0


async def test_who_waits_for_its_turn_gives_a_sign_each_second(
    whisper: Whisper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chain takes silence for a failure, and would hand the listener to ears that understand less."""
    monkeypatch.setattr("duologue.speech.whisper.engine.SIGN", 0.01)
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


@pytest.mark.parametrize(("voiced", "kept"), [(2.0, [" the", " museum"]), (0.8, [" tell"])], ids=["more", "no more"])
def test_what_the_model_takes_for_said_before_is_heard_without_the_phrases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, voiced: float, kept: list[str]
) -> None:
    """Behind a phrase that a caller says it wrote only how that begins, although the voice went on."""
    model = WhisperModel(LoadWhisper(str(make(tmp_path / "told", seed=3)), 1, COMPUTE, 1))
    whole = [Said(" the", 0.3, 0.9), Said(" museum", 0.9, 1.9)]

    def heard(_features: Samples, wanted: Pass, _begin: float) -> tuple[list[Said], str, tuple[str, ...]]:
        return ([Said(" tell", 0.2, 0.5)] if wanted.phrases else whole), "en", ()

    monkeypatch.setattr(model, "_heard", heard)
    found = model.run(Pass(0, silence_features(300), 3.0, "en", ("tell me about the museum",), voiced))
    assert isinstance(found, Found)
    assert [word.text for word in found.words] == kept
