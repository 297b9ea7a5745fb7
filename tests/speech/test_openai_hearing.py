"""The hosted ear against a server that speaks the protocol, and misbehaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from email.utils import formatdate

import numpy as np
import pytest
from spoken_phrases import KITCHEN, flite, padded, read_wav
from stt_conformance import SttConformance, check, hear
from transcription_server import Reply, TranscriptionServer

from duologue.clock import SECOND, VirtualClock
from duologue.errors import ClosedError, InputError, PeerError
from duologue.speech.hearing import EAR_RATE, Expected, SpeechToText
from duologue.speech.openai_hearing import OpenAIHearing, OpenAIHearingSettings, engine
from duologue.speech.openai_hearing_answers import read_answer
from scripted_server import serving

KEY = "sk-verysecret123456"
SOUND = np.tile(np.array([0.1, -0.1], np.float32), EAR_RATE)


class TestOpenAIHearingConforms(SttConformance):
    knows_words = False

    @pytest.fixture(autouse=True)
    async def _server(self) -> AsyncIterator[None]:
        async with serving(TranscriptionServer()) as server:
            self.server = server
            yield

    def make(self) -> SpeechToText:
        return ears(self.server, words=True)


def ears(server: TranscriptionServer, words: bool = False, limit: float = 15.0) -> OpenAIHearing:
    settings = OpenAIHearingSettings(base_url=server.base_url, model="whisper-1", words=words, answer_seconds=limit)
    return OpenAIHearing(settings, VirtualClock())


async def failing(reply: Reply, limit: float = 15.0) -> str:
    """The error after which the next stretch is understood."""
    async with serving(TranscriptionServer(reply)) as server:
        engine = ears(server, limit=limit)
        with pytest.raises(PeerError) as caught:
            await hear(engine, SOUND)
        assert (await hear(engine, SOUND))[-1].text
        await engine.close()
        return str(caught.value)


async def test_the_sound_arrives_as_it_was_with_what_is_expected() -> None:
    sound = padded(flite(KITCHEN))
    async with serving(TranscriptionServer()) as server:
        engine = ears(server, words=True)
        last = check(await hear(engine, sound, Expected(phrases=("Good moon",))), len(sound) / EAR_RATE, words=False)
        await engine.close()
    np.testing.assert_allclose(read_wav(server.files[0]), sound, atol=1e-4)
    assert server.forms[0] == {
        "model": "whisper-1", "language": "en", "response_format": "verbose_json",
        "timestamp_granularities[]": "word", "prompt": "Good moon",
    }  # fmt: skip
    assert [mark.text for mark in last.words] == ["Turn", "on", "the", "light", "in", "the", "kitchen"]


async def test_a_wrong_key_is_named_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    async with serving(TranscriptionServer(key="sk-another")) as server:
        engine = ears(server)
        for call in (engine.warm_up(), hear(engine, SOUND)):
            with pytest.raises(PeerError, match="refused the key") as caught:
                await call
            assert KEY not in repr(caught.value)
            assert "OPENAI_API_KEY" in caught.value.remedy
        await engine.close()


async def test_the_right_key_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    async with serving(TranscriptionServer(key=KEY)) as server:
        engine = ears(server)
        await engine.warm_up()
        assert (await hear(engine, SOUND))[-1].text
        await engine.close()


@pytest.mark.parametrize("header", [{"Retry-After": "2"}, {"Retry-After": formatdate(1_700_000_002, usegmt=True)}, {}])
async def test_a_busy_server_is_asked_once_more_when_it_says(header: dict[str, str]) -> None:
    async with serving(TranscriptionServer(Reply(status=429, headers=header))) as server:
        clock = VirtualClock()
        engine = OpenAIHearing(OpenAIHearingSettings(base_url=server.base_url, model="whisper-1"), clock)
        assert (await hear(engine, SOUND))[-1].text
        assert SECOND <= clock.now() <= 2 * SECOND
        await engine.close()


async def test_what_a_server_does_wrong_is_said_and_the_next_stretch_works() -> None:
    assert "busy" in await failing(Reply(status=429, headers={"Retry-After": "60"}))
    assert "status 500" in await failing(Reply(status=500, message=f"boom {KEY}"))
    assert KEY not in await failing(Reply(status=500, message=f"boom {KEY}"))
    assert "status 400" in await failing(Reply(status=400, message="too short"))
    assert "does not know the model" in await failing(Reply(status=404))
    assert "cut the connection" in await failing(Reply(cut=True))
    assert "no transcript" in await failing(Reply(garbage="<html>"))
    assert "no transcript" in await failing(Reply(garbage='{"text": 5}'))
    assert "in time" in await failing(Reply(silent=True), limit=0.3)


async def test_nobody_listening_there_is_said() -> None:
    async with serving(TranscriptionServer()) as server:
        engine = ears(server)
    with pytest.raises(PeerError, match="cannot be reached"):
        await engine.warm_up()
    await engine.close()


async def test_close_ends_a_request_that_waits() -> None:
    async with serving(TranscriptionServer(Reply(silent=True))) as server:
        engine = ears(server)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(expect_closed(engine))
            await server.asked.wait()
            await engine.close()
        assert task.result()


async def expect_closed(engine: OpenAIHearing) -> bool:
    with pytest.raises(ClosedError):
        await hear(engine, SOUND)
    return True


def test_times_that_are_nonsense_are_bent_into_order() -> None:
    body = (
        '{"text": "one two three", "words": [{"word": "one", "start": 0.5, "end": 0.2}, {"word": "two", "start": -3,'
        ' "end": 99}, {"word": "gone", "start": 0, "end": 1}, {"word": "three", "start": 1, "end": 2}]}'
    )
    marks = read_answer(body, EAR_RATE).words
    assert [(mark.text, mark.start, mark.end) for mark in marks] == [
        ("one", 8_000, 8_000), ("two", 8_000, 16_000), ("three", 16_000, 16_000),
    ]  # fmt: skip


def test_a_model_must_be_named() -> None:
    with pytest.raises(InputError, match="model"):
        engine(None)
