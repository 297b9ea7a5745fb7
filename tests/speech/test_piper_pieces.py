"""The engine `piper` on a voice built as Piper's are: pieces, deaths in mid-sentence, pitch, marks, wrong files."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import numpy as np
import pytest
import tiny_models
from tts_conformance import SENTENCE, TtsConformance, check_marks, hear

from duologue.errors import InputError
from duologue.speech.piper import engine as piper
from duologue.speech.piper.engine import PiperSpeech
from duologue.speech.utterance import MarkKind

pytestmark = pytest.mark.slow

LONG = "The kettle is on, the table is laid for four; somebody has already eaten the last biscuit. And then they left!"


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("voices")
    tiny_models.vits(folder, "ann")
    tiny_models.vits(folder, "crowd", rate=16_000, speakers=2)
    return folder


def engine_of(folder: Path, **changes: object) -> PiperSpeech:
    return piper.engine(piper.PiperSettings.model_validate({"folder": folder} | changes))


@pytest.fixture
async def engine(voices: Path) -> AsyncIterator[PiperSpeech]:
    made = engine_of(voices)
    await made.warm_up()
    yield made
    await made.close()


class TestPiecewisePiper(TtsConformance):
    voice = "crowd#s1?pitch=0.9&rate=1.1"

    @pytest.fixture(autouse=True)
    def folder(self, voices: Path) -> None:
        self.folder_of_voices = voices

    def make(self) -> PiperSpeech:
        return engine_of(self.folder_of_voices)


async def test_the_same_line_is_the_same_samples_in_any_process(voices: Path, engine: PiperSpeech) -> None:
    other = engine_of(voices)
    await other.warm_up()
    await hear(other, "Something else before.", "ann")
    once, again = [await hear(each, LONG, "ann") for each in (engine, other)]
    await other.close()
    assert np.array_equal(once.samples, again.samples) and once.marks == again.marks
    assert engine.notes == ()


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP])
@pytest.mark.parametrize("heard", [1, 3])
async def test_a_worker_lost_in_mid_sentence_costs_nothing_and_says_nothing_twice(
    voices: Path, blow: signal.Signals, heard: int
) -> None:
    engine = engine_of(voices, sentence_seconds=1.0)
    await engine.warm_up()
    whole = await hear(engine, LONG, "ann")
    parts: list[np.ndarray] = []
    marks: list[object] = []
    async with aclosing(engine.speak(LONG, "ann")) as chunks:
        async for chunk in chunks:
            parts.append(chunk.samples)
            marks += chunk.marks
            if len(parts) == heard:
                assert engine.worker.pid is not None
                os.kill(engine.worker.pid, blow)
    assert engine.worker.restarts == 1
    assert np.array_equal(np.concatenate(parts), whole.samples)
    assert tuple(marks) == whole.marks
    await engine.close()


async def test_the_phonemes_worker_is_replaced_and_the_line_goes_on(engine: PiperSpeech) -> None:
    whole = await hear(engine, LONG, "ann")
    assert engine.phonemizer.worker.pid is not None
    os.kill(engine.phonemizer.worker.pid, signal.SIGKILL)
    assert np.array_equal((await hear(engine, LONG, "ann")).samples, whole.samples)
    assert engine.phonemizer.worker.restarts == 1 and engine.worker.restarts == 0


async def test_two_lines_at_once_take_turns_by_the_piece(engine: PiperSpeech) -> None:
    alone = await hear(engine, LONG, "ann")
    async with aclosing(engine.speak(LONG, "ann")) as first:
        parts = [(await anext(first)).samples]
        between = await hear(engine, "Meanwhile.", "crowd#s0")
        parts += [chunk.samples async for chunk in first]
    assert len(between.samples) and np.array_equal(np.concatenate(parts), alone.samples)


async def test_pitch_and_rate_change_what_they_say_and_nothing_else(engine: PiperSpeech) -> None:
    plain, low, quick = [await hear(engine, LONG, f"ann{kind}") for kind in ("", "?pitch=0.8", "?rate=1.5")]
    assert len(low.samples) == pytest.approx(len(plain.samples), rel=0.25)  # as long, by the model's own steps
    assert len(quick.samples) < 0.9 * len(plain.samples)
    for heard in (low, quick):
        check_marks(heard, LONG)
        assert [mark.text for mark in heard.of(MarkKind.WORD)] == [mark.text for mark in plain.of(MarkKind.WORD)]


@pytest.mark.parametrize(
    ("voice", "what"),
    [("ann?pitch=3", "pitch=3"), ("ann?pitch=high", "pitch=high"), ("ann?colour=red", "no parameter 'colour'")],
)
async def test_a_voice_written_wrong_is_named(engine: PiperSpeech, voice: str, what: str) -> None:
    with pytest.raises(InputError, match=what):
        await hear(engine, SENTENCE, voice)


@pytest.mark.parametrize("text", ["😀 👩‍👩‍👧 🎉", "", "  \n ", "… — !?"])
async def test_emoji_marks_and_nothing_are_nothing_to_say(engine: PiperSpeech, text: str) -> None:
    assert [chunk async for chunk in engine.speak(text, "ann")] == []


async def test_a_line_of_two_thousand_characters_is_said_to_its_last_word(engine: PiperSpeech) -> None:
    text = "The kettle is on, the table is laid for four, and it cost $3.50. " * 31
    heard = await hear(engine, text[:2000].rsplit(" ", 1)[0], "ann")
    check_marks(heard, text[:2000].rsplit(" ", 1)[0])
    words = [mark for mark in heard.marks if mark.kind is MarkKind.WORD]
    assert len(words) == len(text[:2000].rsplit(" ", 1)[0].split())


async def test_one_word_of_two_thousand_characters(engine: PiperSpeech) -> None:
    heard = await hear(engine, "a" * 2_000, "ann")
    check_marks(heard, "a" * 2_000)
    assert len(heard.samples) > 48_000


async def test_a_voice_that_cannot_be_cut_says_so(tmp_path: Path) -> None:
    tiny_models.vits(tmp_path, "round", whole=True)
    engine = engine_of(tmp_path)
    await engine.warm_up()
    (note,) = engine.notes
    assert note.startswith("The voice round speaks a sentence at a time, not piece by piece: its pieces differ")
    once, again = [await hear(engine, LONG, "round") for _ in range(2)]
    assert np.array_equal(once.samples, again.samples)
    await engine.close()


async def test_nothing_is_written_beside_a_voice_and_its_folder_may_be_read_only(tmp_path: Path) -> None:
    tiny_models.vits(tmp_path, "ann")
    before = written(tmp_path)
    os.chmod(tmp_path, 0o500)  # noqa: PTH101 (a folder of the test's own)
    engine = engine_of(tmp_path)
    await engine.warm_up()
    assert len((await hear(engine, SENTENCE, "ann")).samples)
    await engine.close()
    os.chmod(tmp_path, 0o700)  # noqa: PTH101
    assert written(tmp_path) == before


def written(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


async def test_letters_are_spoken_by_a_voice_that_was_taught_with_letters(tmp_path: Path) -> None:
    tiny_models.vits(tmp_path, "letters")
    config = tmp_path / "letters.onnx.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"phoneme_type": "text"}))
    engine = engine_of(tmp_path)
    await engine.warm_up()
    assert not engine.capabilities.word_marks
    assert len((await hear(engine, "abc.", "letters")).samples)
    await engine.close()


async def test_wrong_files_are_named(tmp_path: Path) -> None:
    tiny_models.vits(tmp_path, "ann")
    model, config = tmp_path / "ann.onnx", tmp_path / "ann.onnx.json"
    good: dict[str, object] = json.loads(config.read_text())
    wrong: tuple[tuple[str, object, str], ...] = (
        ("phoneme_type", "pinyin", "taught with pinyin"),
        ("espeak", {"voice": "xx-nowhere"}, "no voice 'xx-nowhere'"),
        ("audio", {}, "audio.sample_rate"),
    )
    for key, value, what in wrong:
        config.write_text(json.dumps({**good, key: value}))
        with pytest.raises(InputError, match=what):
            await heard_once(tmp_path)
    config.write_text(json.dumps(good))
    for content in (model.read_bytes()[:-100], b"", b"<html>404</html>"):
        model.write_bytes(content)
        with pytest.raises(InputError, match=r"ann\.onnx is no voice of Piper"):
            await heard_once(tmp_path)


async def test_where_the_voices_are_missing_the_phonemes_are_not_left_coming_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, given_up = engine_of(tmp_path, voices=("nobody",)), asyncio.Event()

    async def long() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()

    monkeypatch.setattr(engine.phonemizer, "warm_up", long)
    try:
        with pytest.raises(InputError):
            await engine.warm_up()
        assert given_up.is_set()
    finally:
        await engine.close()


async def heard_once(folder: Path) -> None:
    engine = engine_of(folder)
    try:
        await engine.warm_up()
        await hear(engine, SENTENCE, "ann")
    finally:
        await engine.close()
