"""The engines `kokoro` and `piper` with their real libraries and worker, on tiny random models."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import tiny_models
from tts_conformance import SENTENCE, TtsConformance, check_marks, hear

from duologue.errors import InputError, PeerError
from duologue.language.languages import ENGLISH
from duologue.speech.kokoro import engine as kokoro
from duologue.speech.local.engine import FIRST_CLAUSE, MAX_CHARACTERS, MAX_SENTENCE, LocalSpeech, sentences
from duologue.speech.piper import engine as piper
from duologue.speech.piper.engine import PiperSpeech
from duologue.speech.utterance import MarkKind

pytestmark = pytest.mark.slow  # models are loaded and sound is understood: not for every save

pytest.importorskip("kokoro_onnx", reason="the extra kokoro is not installed")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for name, durations in (("timed", True), ("plain", False)):
        (folder / name / "piper").mkdir(parents=True)
        tiny_models.kokoro(folder / name, durations=durations)
        tiny_models.piper(folder / name / "piper", "tiny", rate=22_050, alignments=durations)
    tiny_models.piper(folder / "timed" / "piper", "many", rate=16_000, alignments=True, speakers=2)
    return folder


def kokoro_of(folder: Path, **changes: object) -> LocalSpeech:
    paths: dict[str, object] = {"model": folder / "kokoro.onnx", "voices": folder / "voices.bin"}
    return kokoro.engine(kokoro.KokoroSettings.model_validate(paths | changes))


def piper_of(folder: Path, **changes: object) -> PiperSpeech:
    return piper.engine(piper.PiperSettings.model_validate({"folder": folder} | changes))


class TestKokoro(TtsConformance):
    voice = "af_tiny"

    @pytest.fixture(autouse=True)
    def folder(self, models: Path) -> None:
        self.models = models

    def make(self) -> LocalSpeech:
        return kokoro_of(self.models / "timed")


class TestKokoroWithoutTimes(TestKokoro):
    def make(self) -> LocalSpeech:
        return kokoro_of(self.models / "plain")


class TestPiper(TestKokoro):
    voice = "tiny"

    def make(self) -> LocalSpeech:
        return piper_of(self.models / "timed" / "piper")


async def test_a_killed_worker_is_replaced_and_the_line_goes_on(models: Path) -> None:
    engine = kokoro_of(models / "timed")
    await engine.warm_up()
    text = "One little bird. Two little birds. Three little birds."
    whole = await hear(engine, text, "af_tiny")
    chunks = engine.speak(text, "af_tiny")
    count = len((await anext(chunks)).samples)
    assert engine.worker.pid is not None
    os.kill(engine.worker.pid, signal.SIGKILL)
    count += sum([len(chunk.samples) async for chunk in chunks])
    assert engine.worker.restarts == 1
    assert count == len(whole.samples)
    await engine.close()


async def test_a_sentence_that_takes_too_long_costs_the_worker_and_then_the_line(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("duologue.workers.GRACE", 0.001)
    engine = kokoro_of(models / "timed", sentence_seconds=0.001, restarts=1)
    await engine.warm_up()
    with pytest.raises(PeerError, match="2 times in a row, at last: kokoro gave no sign of life"):
        await hear(engine, SENTENCE, "af_tiny")
    await engine.close()


async def test_speakers_of_one_model_are_voices_and_rates_come_out_alike(models: Path) -> None:
    engine = piper_of(models / "timed" / "piper")
    await engine.warm_up()
    assert engine.capabilities.voices == ("many#s0", "many#s1", "tiny")
    first, second = [await hear(engine, "Hello there.", voice) for voice in ("many#s1", "tiny")]
    assert len(first.samples) == pytest.approx(len(second.samples), rel=0.01)
    await engine.close()


async def test_a_folder_with_one_voice_that_tells_no_times_gives_none(models: Path) -> None:
    engine = piper_of(models / "plain" / "piper")
    await engine.warm_up()
    assert not engine.capabilities.word_marks
    assert (await hear(engine, "Hello.", "tiny")).marks == ()
    await engine.close()


async def test_phonemes_lie_within_their_words(models: Path) -> None:
    engine = kokoro_of(models / "timed")
    await engine.warm_up()
    heard = await hear(engine, "Cats nap. Dogs dig.", "am_tiny")
    check_marks(heard, "Cats nap. Dogs dig.")
    words = heard.of(MarkKind.WORD)
    for phoneme in heard.of(MarkKind.PHONEME):
        assert any(word.start <= phoneme.start and phoneme.end <= word.end for word in words), phoneme
    assert [word.offset for word in words] == [0, 5, 10, 15]
    await engine.close()


async def test_what_is_read_aloud_lasts_as_long_as_what_is_said_for_it(models: Path, tmp_path: Path) -> None:
    tiny_models.piper(tmp_path, "deutsch", rate=22_050, alignments=True, language="de")
    sum_read = "It was $3.50, Dr. Who.", "It was 3 dollars and 50 cents, Doctor Who."
    pairs = (
        (piper_of(tmp_path), "deutsch", "Am 3. Mai, bzw. im Juni.", "Am dritten Mai, beziehungsweise im Juni."),
        (piper_of(models / "timed" / "piper"), "tiny", *sum_read),
        (kokoro_of(models / "timed"), "af_tiny", *sum_read),
    )
    for engine, voice, written, said in pairs:
        await engine.warm_up()
        found, plain = [await hear(engine, text, voice) for text in (written, said)]
        assert len(found.samples) == len(plain.samples), written
        check_marks(found, written)
        await engine.close()


async def fails_to_load(engine: LocalSpeech, what: str) -> None:
    with pytest.raises(InputError, match=what):
        await engine.warm_up()
    await engine.close()


async def test_a_wrong_file_of_kokoro_is_named(tmp_path: Path, models: Path) -> None:
    (tmp_path / "text").write_text("{}")
    await fails_to_load(kokoro_of(models / "timed", model=tmp_path / "none.onnx"), "no file .*none.onnx")
    await fails_to_load(kokoro_of(models / "timed", model=tmp_path / "text"), "text is no ONNX model")
    await fails_to_load(kokoro_of(models / "timed", voices=tmp_path / "text"), "text holds no voices")


async def test_a_wrong_file_of_piper_is_named(tmp_path: Path) -> None:
    await fails_to_load(piper_of(tmp_path), "no voice in")
    (tmp_path / "half.onnx").write_text("{}")
    await fails_to_load(piper_of(tmp_path), "no file .*half.onnx.json")
    (tmp_path / "half.onnx.json").write_text("{}")
    await fails_to_load(piper_of(tmp_path), "half.onnx is no voice of Piper")


def test_without_settings_it_says_what_it_needs() -> None:
    for module in (kokoro, piper):
        with pytest.raises(InputError, match="Write "):
            module.engine(None)


async def test_too_long_a_line_is_the_callers_fault(models: Path) -> None:
    engine = kokoro_of(models / "plain")
    await engine.warm_up()
    with pytest.raises(InputError, match="too long"):
        await hear(engine, "a" * (MAX_CHARACTERS + 1), "af_tiny")
    await engine.close()


def test_sentences_are_cut_where_they_end_and_long_ones_earlier() -> None:
    text = "Dr. Who said 3.5. “Really?” Yes…  ... " + "word, " * 100
    parts = list(sentences(text, ENGLISH))
    assert [part for _, part in parts[:3]] == ["Dr. Who said 3.5.", "“Really?”", "Yes…"]
    assert all(text[offset : offset + len(part)] == part and len(part) <= MAX_SENTENCE for offset, part in parts)
    assert "".join(part for _, part in parts[3:]).count("word") == 100


def test_a_long_sentence_begins_with_a_short_clause() -> None:
    clause = "a word that is followed by another one and by several others, "
    (first, said), *rest = sentences(clause * 5 + "and that was all of it.", ENGLISH)
    assert first == 0 and said == clause.strip()
    assert len(rest[0][1]) > FIRST_CLAUSE


def test_one_that_is_no_longer_than_it_may_be_is_not_cut() -> None:
    text = "It is a long one, with a clause, and yet it is said as a whole, for a voice says it better so, I hope."
    assert len(text) > FIRST_CLAUSE and list(sentences(text, ENGLISH)) == [(0, text)]


def test_no_address_is_cut_however_long() -> None:
    address = f"https://example.com/{'a1/' * 100}"
    text = f"It is on {address} now, where {'it has been for years, and '.join([''] * 8)}so it will."
    cut = [part for _, part in sentences(text, ENGLISH)]
    assert " ".join(cut) == text and len(cut) > 2
    assert [part for part in cut if "a1/" in part] == [f"It is on {address}"]
