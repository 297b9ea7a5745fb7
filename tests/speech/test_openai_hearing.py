"""The hosted ear against a server that speaks the protocol, and misbehaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from email.utils import formatdate

import numpy as np
import pytest
from spoken_phrases import KITCHEN, flite, padded, read_wav
from stt_conformance import SttConformance, check, hear
from transcription_server import Reply, TranscriptionServer

from duologue.clock import SECOND, VirtualClock
from duologue.errors import ClosedError, InputError, PeerError
from duologue.speech.hearing import EAR_RATE, Expected, SpeechToText
from duologue.speech.openai.hearing import OpenAIHearing, OpenAIHearingSettings, engine
from duologue.speech.openai.hearing_answers import read_answer
from scripted_server import serving

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

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


async def test_what_is_wanted_in_english_is_translated_by_a_model_that_can() -> None:
    async with serving(TranscriptionServer()) as server:
        engine = ears(server, words=True)
        await engine.warm_up()
        assert engine.capabilities.translates
        assert (await hear(engine, SOUND, Expected(language="", translated=True)))[-1].text
        await engine.close()
    assert server.paths == ["/v1/audio/translations"]
    assert server.forms[0] == {"model": "whisper-1", "response_format": "verbose_json"}


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


class Voice:
    """A voice that went, or has not."""

    ended: int | None = None


async def at_pauses(server: TranscriptionServer, *pauses: tuple[int, bool], settings: dict[str, object] | None = None):
    """What was told of two seconds of speech with pauses of so many blocks of 20 ms, behind which the voice comes back
    or does not.
    """
    given = {"base_url": server.base_url, "model": "whisper-1", **(settings or {})}
    engine, voice = OpenAIHearing(OpenAIHearingSettings.model_validate(given), VirtualClock()), Voice()

    async def sound() -> AsyncIterator[np.ndarray]:
        count = 0
        for blocks, back in pauses:
            for block in np.split(SOUND, len(SOUND) // 320):
                count += 320
                yield block
            voice.ended = count
            for _ in range(blocks):
                count += 320
                yield np.zeros(320, np.float32)
                await asyncio.sleep(0.002)
            if back:
                voice.ended = None

    told = [each async for each in engine.listen(sound(), None, voice)]
    await engine.close()
    return told


async def test_what_was_understood_at_a_pause_lies_ready_when_the_turn_is_over() -> None:
    async with serving(TranscriptionServer()) as server:
        told = await at_pauses(server, (60, False))
        assert len(server.files) == 1
        assert [(each.text, each.final) for each in told] == [(told[0].text, False), (told[0].text, True)]
        assert await at_pauses(server, (4, False))  # no pause yet
        assert len(server.files) == 2


async def test_who_speaks_on_is_heard_whole_and_the_pause_counts_no_more() -> None:
    async with serving(TranscriptionServer()) as server:
        told = await at_pauses(server, (60, True), (60, False))
        assert [each.final for each in told] == [False, False, True]
        assert len(read_wav(server.files[-1])) > 2 * len(SOUND)
        assert len(server.files) == 2


async def test_a_request_that_failed_at_a_pause_is_made_again_at_the_end() -> None:
    async with serving(TranscriptionServer(Reply(status=400))) as server:
        told = await at_pauses(server, (60, False))
    assert [each.final for each in told] == [True]
    assert told[0].text


async def test_who_pays_for_each_request_is_asked_once() -> None:
    async with serving(TranscriptionServer()) as server:
        told = await at_pauses(server, (60, True), (60, False), settings={"at_pauses": False})
        assert [each.final for each in told] == [True]
        assert len(server.files) == 1


async def test_who_stops_listening_leaves_no_request_behind() -> None:
    async with serving(TranscriptionServer(Reply(silent=True))) as server:
        engine, voice = ears(server), Voice()
        voice.ended = EAR_RATE

        async def sound() -> AsyncIterator[np.ndarray]:
            yield SOUND
            await asyncio.Event().wait()

        async def listen() -> None:
            async with aclosing(engine.listen(sound(), None, voice)) as told:
                async for _ in told:
                    pass

        async with asyncio.TaskGroup() as group:
            listening = group.create_task(listen())
            await server.asked.wait()
            listening.cancel()
        assert not [task for task in asyncio.all_tasks() if "_transcribe" in repr(task.get_coro())]
        await engine.close()


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


def test_a_server_that_knows_the_form_and_not_the_times_is_understood() -> None:
    transcript = read_answer('{"text": "one two", "language": "english", "words": null, "segments": []}', EAR_RATE)
    assert (transcript.text, transcript.words) == ("one two", ())


@pytest.mark.parametrize("end", ["1e999", "NaN", "Infinity"])
def test_a_time_that_is_no_number_is_no_transcript(end: str) -> None:
    with pytest.raises(ValueError, match="no transcript"):
        read_answer(f'{{"text": "hi", "words": [{{"word": "hi", "start": 0, "end": {end}}}]}}', EAR_RATE)


def test_a_model_must_be_named() -> None:
    with pytest.raises(InputError, match="model"):
        engine(None)
