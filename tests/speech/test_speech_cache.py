from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tts_conformance import SENTENCE, TtsConformance, hear

from duologue.app.engines.engines import create_tts
from duologue.errors import ClosedError, PeerError
from duologue.settings import load_settings
from duologue.speech import speech_cache
from duologue.speech.espeak.voice import EspeakSettings
from duologue.speech.fake import Behaviour, FakeSpeech
from duologue.speech.kokoro.engine import KokoroSettings
from duologue.speech.piper import engine as piper
from duologue.speech.piper.engine import PiperSettings
from duologue.speech.speech_cache import CachedLine, CachedSpeech, SpeechCache, cache_key, fingerprint
from duologue.speech.utterance import Mark, MarkKind, SpeechChunk
from duologue.speech.voicing.voicing import Voicing

MEGABYTE = 1_000_000


def test_who_reads_the_counts_waits_for_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The house reads them on its loop, also while the folder of thousands of lines is looked through at the start."""
    looking, go_on = threading.Event(), threading.Event()
    real = Path.glob

    def slow(folder: Path, pattern: str) -> Iterator[Path]:
        looking.set()
        assert go_on.wait(10.0)
        return iter(real(folder, pattern))

    monkeypatch.setattr(Path, "glob", slow)
    cache = SpeechCache(tmp_path, MEGABYTE)
    with ThreadPoolExecutor(2) as threads:
        line = threads.submit(cache.get, "0" * 64)
        assert looking.wait(10.0)
        done, _ = wait([threads.submit(lambda: cache.counts)], timeout=2.0)
        go_on.set()
        assert line.result() is None
    assert done, "they were not to be had before the disk had answered"


class TestCachedFake(TtsConformance):
    voice = "low"

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path) -> None:
        self.cache = SpeechCache(tmp_path, 100 * MEGABYTE)

    def make(self) -> CachedSpeech:
        return CachedSpeech(FakeSpeech(), self.cache)


class TestFilledFake(TestCachedFake):
    """Every line twice: the second time from the disk."""

    @pytest.fixture
    async def engine(self) -> AsyncIterator[CachedSpeech]:
        engine = CachedSpeech(FakeSpeech(), self.cache)
        await engine.warm_up()
        for text in (SENTENCE, "One.", "Two little birds sat there.", "Four."):
            await hear(engine, text, self.voice)
        yield engine
        assert not self.cache.counts.failures
        await engine.close()


def files(folder: Path) -> list[Path]:
    return list(folder.glob("*/*"))


async def warm(fake: FakeSpeech, cache: SpeechCache, settings: str = "") -> CachedSpeech:
    engine = CachedSpeech(fake, cache, settings)
    await engine.warm_up()
    return engine


async def test_what_was_said_once_is_not_asked_again_and_sounds_the_same(tmp_path: Path) -> None:
    fake = FakeSpeech()
    engine = await warm(fake, SpeechCache(tmp_path, MEGABYTE))
    fresh = await hear(engine, SENTENCE, "low")
    stored = await hear(await warm(fake, SpeechCache(tmp_path, MEGABYTE)), SENTENCE, "low")  # as after a restart
    assert len(fake.calls) == 1
    np.testing.assert_array_equal(stored.samples, fresh.samples)
    assert stored.marks == fresh.marks
    counts = engine.cache.counts
    assert (counts.misses, counts.stored, counts.entries) == (1, 1, 1)
    assert counts.bytes == sum(path.stat().st_size for path in files(tmp_path))


@pytest.mark.parametrize("streams", [False, True])
async def test_an_utterance_says_whether_it_was_there(tmp_path: Path, streams: bool) -> None:
    engine = await warm(FakeSpeech(), SpeechCache(tmp_path, MEGABYTE))
    voicing, told = Voicing(engine), list[bool]()
    for number in range(2):
        given = {"speaker": "ada", "utterance_id": f"u{number}"}
        if streams:
            told.append({each.utterance.cached async for each in voicing.stream(SENTENCE, "low", **given)} == {True})
        else:
            told.append((await voicing.voice(SENTENCE, "low", **given)).utterance.cached)
    assert told == [False, True]


async def test_voice_text_engine_and_settings_all_count(tmp_path: Path) -> None:
    fake, cache = FakeSpeech(), SpeechCache(tmp_path, MEGABYTE)
    for settings, voice, text in (("", "low", "Hi."), ("", "high", "Hi."), ("", "low", "Ho."), ("x", "low", "Hi.")):
        await hear(await warm(fake, cache, settings), text, voice)
    assert len(fake.calls) == cache.counts.stored == 4
    assert cache_key("a", "b", "c", "d") != cache_key("a", "b", "cd", "")


@pytest.mark.parametrize("damage", [slice(0, -3), slice(0, 0), slice(1, None)])
async def test_a_damaged_entry_is_made_again(tmp_path: Path, damage: slice) -> None:
    fake, cache = FakeSpeech(), SpeechCache(tmp_path, MEGABYTE)
    engine = await warm(fake, cache)
    fresh = await hear(engine, SENTENCE, "low")
    (path,) = files(tmp_path)
    path.write_bytes(path.read_bytes()[damage])
    again = await hear(engine, SENTENCE, "low")
    np.testing.assert_array_equal(again.samples, fresh.samples)
    assert (cache.counts.corrupt, cache.counts.stored, len(fake.calls)) == (1, 2, 2)
    await hear(engine, SENTENCE, "low")
    assert cache.counts.hits == 1


@given(st.binary(max_size=200))
def test_no_file_is_anything_but_an_entry_or_damaged(content: bytes) -> None:
    from duologue.speech import speech_cache

    assert speech_cache._decode(speech_cache._MAGIC + content) is None  # pyright: ignore[reportPrivateUsage]


async def test_a_line_that_failed_or_was_left_is_not_kept(tmp_path: Path) -> None:
    fake = FakeSpeech([Behaviour(good_chunks=2, error=PeerError("cut"))])
    engine = await warm(fake, SpeechCache(tmp_path, MEGABYTE))
    with pytest.raises(PeerError):
        await hear(engine, SENTENCE, "low")
    async with aclosing(engine.speak(SENTENCE, "low")) as stream:
        await anext(stream)
    assert engine.cache.counts.stored == 0
    assert files(tmp_path) == []


def entry(count: int) -> CachedLine:
    return CachedLine(np.zeros(count, np.float32), 24_000, (Mark(MarkKind.WORD, "x", 0, count, offset=0),))


async def test_sound_that_is_no_number_is_neither_kept_nor_made_silence(tmp_path: Path) -> None:
    class Broken(FakeSpeech):
        async def speak(self, text: str, voice: str) -> AsyncGenerator[SpeechChunk, None]:
            async with aclosing(super().speak(text, voice)) as stream:
                async for chunk in stream:
                    yield replace(chunk, samples=chunk.samples * np.float32(np.nan))

    voicing = Voicing(engine := await warm(Broken(), SpeechCache(tmp_path, MEGABYTE)))
    for number in range(2):
        with pytest.raises(PeerError, match="not a number"):
            await voicing.voice(SENTENCE, "low", speaker="ada", utterance_id=f"u{number}")
    assert not engine.cache.counts.entries


def test_the_least_recently_used_go_first(tmp_path: Path) -> None:
    keys = [cache_key("e", "", "v", str(number)) for number in range(4)]
    cache = SpeechCache(tmp_path, 35_000)
    for key in keys[:3]:
        cache.put(key, entry(5_000))
    assert cache.get(keys[0]) is not None
    cache.put(keys[3], entry(5_000))
    assert [cache.get(key) is not None for key in keys] == [True, False, True, True]
    assert (cache.counts.evicted, cache.counts.entries) == (1, 3)
    assert cache.counts.bytes <= 35_000


def test_the_order_outlives_the_process(tmp_path: Path) -> None:
    keys = [cache_key("e", "", "v", str(number)) for number in range(3)]
    first = SpeechCache(tmp_path, MEGABYTE)
    for age, key in enumerate(keys):
        first.put(key, entry(5_000))
        path = tmp_path / key[:2] / f"{key}.speech"
        os.utime(path, ns=(10**18 - age, 10**18 - age))  # the last one made is the oldest
    second = SpeechCache(tmp_path, 25_000)
    assert [second.get(key) is not None for key in keys] == [True, True, False]


def test_what_a_killed_process_left_is_cleared(tmp_path: Path) -> None:
    (tmp_path / "ab").mkdir()
    old, fresh = tmp_path / "ab" / "x.part", tmp_path / "ab" / "y.part"
    old.write_bytes(b"half")
    fresh.write_bytes(b"half")
    os.utime(old, (0, 0))
    assert SpeechCache(tmp_path, MEGABYTE).get("ab" * 32) is None
    assert (old.exists(), fresh.exists()) == (False, True)


def test_one_entry_that_is_too_large_is_not_stored(tmp_path: Path) -> None:
    cache = SpeechCache(tmp_path, 1_000)
    cache.put("ab" * 32, entry(5_000))
    assert cache.counts == SpeechCache(tmp_path, 1_000).counts


async def test_a_disk_that_fails_costs_no_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    fake = FakeSpeech()
    engine = await warm(fake, SpeechCache(tmp_path / "file", MEGABYTE))
    for _ in range(2):
        assert len((await hear(engine, SENTENCE, "low")).samples) > 0
    assert len(fake.calls) == 2
    assert engine.cache.counts.failures >= 2


@pytest.mark.realtime
@pytest.mark.parametrize("what", ["get", "put"])
async def test_a_disk_that_hangs_costs_no_line_and_one_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(speech_cache, "DISK_SECONDS", 0.2)
    asked, go_on = list[str](), threading.Event()

    def hung(key: str, *_: object) -> None:
        asked.append(key)
        assert go_on.wait(60.0)

    engine = await warm(FakeSpeech(), SpeechCache(tmp_path, MEGABYTE))
    monkeypatch.setattr(engine.cache, what, hung)
    try:
        async with asyncio.timeout(20):
            for number in range(3):
                assert len((await hear(engine, f"Line {number}.", "low")).samples) > 0
        assert (len(asked), engine.cache.counts.failures) == (1, 1)
    finally:
        go_on.set()
    monkeypatch.undo()
    while not engine.cache.counts.stored:  # once the disk is back
        await hear(engine, "Hello.", "low")


async def test_fill_says_whether_it_had_to(tmp_path: Path) -> None:
    engine = await warm(FakeSpeech(), SpeechCache(tmp_path, MEGABYTE))
    assert [await engine.fill("Hello.", "low") for _ in range(2)] == [True, False]


async def test_many_at_once_agree(tmp_path: Path) -> None:
    engine = await warm(FakeSpeech(), SpeechCache(tmp_path, 60_000))
    async with asyncio.TaskGroup() as group:
        for number in range(30):
            group.create_task(hear(engine, f"Line {number % 7}.", "low"))
    counts = engine.cache.counts
    assert counts.hits + counts.misses == 30
    assert counts.bytes == sum(path.stat().st_size for path in files(tmp_path)) <= 60_000


def test_an_entry_that_goes_while_it_is_read_is_read_and_no_longer_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = CachedLine(np.zeros(24_000, np.float32), 24_000, ())
    read = Path.read_bytes
    cache = SpeechCache(tmp_path, 60_000)
    cache.put("a" * 8, sound)

    def read_and_lose(path: Path) -> bytes:
        content = read(path)
        monkeypatch.undo()
        cache.put("b" * 8, sound)
        return content

    monkeypatch.setattr(Path, "read_bytes", read_and_lose)
    assert cache.get("a" * 8) is not None
    counts = cache.counts
    assert (counts.entries, counts.evicted, counts.failures) == (1, 1, 0)
    assert counts.bytes == sum(path.stat().st_size for path in files(tmp_path))


async def test_closed_it_says_nothing_from_the_disk_either(tmp_path: Path) -> None:
    engine = await warm(FakeSpeech(), SpeechCache(tmp_path, MEGABYTE))
    await hear(engine, "Hello.", "low")
    await engine.close()
    with pytest.raises(ClosedError):
        await hear(engine, "Hello.", "low")


def test_settings_that_change_no_sound_change_no_fingerprint(tmp_path: Path) -> None:
    plain = EspeakSettings()
    assert fingerprint(plain) == fingerprint(EspeakSettings(restarts=1))
    assert fingerprint(plain) != fingerprint(EspeakSettings(pitch=51))
    assert fingerprint(None) == ""
    model = tmp_path / "m.onnx"
    model.write_bytes(b"1")
    before = fingerprint(KokoroSettings(model=model, voices=tmp_path))
    model.write_bytes(b"12")
    assert fingerprint(KokoroSettings(model=model, voices=tmp_path)) != before


def test_a_model_that_is_replaced_in_its_folder_changes_the_fingerprint(tmp_path: Path) -> None:
    model = tmp_path / "ann.onnx"
    model.write_bytes(b"1")
    folder = tmp_path.stat()
    before = fingerprint(PiperSettings(folder=tmp_path))
    model.write_bytes(b"12")  # in place: the folder itself stays as it was
    assert tmp_path.stat().st_mtime_ns == folder.st_mtime_ns
    assert fingerprint(PiperSettings(folder=tmp_path)) != before


def test_another_version_and_another_reading_say_their_lines_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = tmp_path / "languages"
    rules.mkdir()
    (rules / "en.toml").write_text("one")
    monkeypatch.setattr("duologue.speech.reading.SHIPPED", rules)
    monkeypatch.setenv("DUOLOGUE_ENGINES__PIPER__FOLDER", str(tmp_path))
    settings = load_settings({"engines.tts": "piper", "speech_cache.folder": str(tmp_path / "cache")})

    def key() -> str:
        engine = create_tts(settings, "piper")
        assert isinstance(engine, CachedSpeech)
        return engine.key("It costs $5.", "ann")

    before = key()
    assert key() == before
    (rules / "en.toml").write_text("two")
    assert (other := key()) != before
    monkeypatch.setattr(piper, "__version__", "9.9.9")
    assert key() not in (before, other)
