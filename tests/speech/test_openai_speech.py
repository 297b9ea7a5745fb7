"""The engine `openai_speech` against a real, scripted server; the official client checks that server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from types import SimpleNamespace

import numpy as np
import pytest
from hosted_server import Behaviour, SpeechServer
from httpcore._async import http11
from openai import AsyncOpenAI
from tts_conformance import SENTENCE, TtsConformance, hear

from duologue.clock import SECOND, VirtualClock
from duologue.errors import ClosedError, InputError, PeerError
from duologue.hosted import KEPT_SECONDS, ServerError
from duologue.speech.openai.speech import OpenAISpeech, OpenAISpeechSettings, engine
from scripted_server import serving

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

KEY = "sk-speech-secret"


def engine_for(server: SpeechServer, clock: VirtualClock | None = None, **changes: object) -> OpenAISpeech:
    limits: dict[str, object] = {"first_sound_seconds": 0.5, "per_character_seconds": 0.0, "stall_seconds": 0.2}
    settings = OpenAISpeechSettings.model_validate({"base_url": server.base_url} | limits | changes)
    return OpenAISpeech(settings, clock) if clock else engine(settings)


class Counting(SpeechServer):
    connections = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        await super().__call__(reader, writer)


class TestOpenAISpeech(TtsConformance):
    voice = "alloy"
    server: SpeechServer

    @pytest.fixture(autouse=True)
    async def served(self) -> AsyncIterator[None]:
        async with serving(SpeechServer()) as self.server:
            yield

    def make(self) -> OpenAISpeech:
        return engine_for(self.server, first_sound_seconds=20, stall_seconds=20)


async def test_the_official_client_takes_the_server_for_real() -> None:
    async with (
        serving(SpeechServer(key=KEY)) as server,
        AsyncOpenAI(api_key=KEY, base_url=server.base_url, max_retries=0) as client,
    ):
        answer = await client.audio.speech.create(model="m", voice="alloy", input="Hello", response_format="pcm")
        assert len(answer.content) == 5 * 24_000 // 20 * 2


async def test_what_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    async with serving(SpeechServer(key=KEY)) as server:
        tts = engine_for(server, model="tiny", speed=1.5, instructions="Whisper.")
        await tts.warm_up()
        await hear(tts, "Hello \ud800 there.", "verse")
        await tts.close()
    assert server.requests[0] | {"path": "", "query": ""} == {
        "model": "tiny", "input": "Hello   there.", "voice": "verse", "response_format": "pcm", "speed": 1.5,
        "instructions": "Whisper.", "path": "", "query": "",
    }  # fmt: skip


async def test_a_server_without_a_list_is_left_to_judge_voices() -> None:
    async with serving(SpeechServer(Behaviour(status=400, message="no such voice: zed"), listing=False)) as server:
        tts = engine_for(server)
        await tts.warm_up()
        assert tts.capabilities.voices == ()
        with pytest.raises(PeerError, match="no such voice: zed"):
            await hear(tts, "Hello.", "zed")
        await tts.close()


async def test_a_refused_key_names_the_variable_and_never_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    async with serving(SpeechServer(key="another")) as server:
        tts = engine_for(server)
        with pytest.raises(PeerError, match="refused the key") as caught:
            await tts.warm_up()
        await tts.close()
    assert "OPENAI_API_KEY" in caught.value.remedy
    assert "secret" not in str(caught.value)


async def test_a_key_that_the_server_repeats_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "plainwordskey")
    async with serving(SpeechServer(Behaviour(status=500, message="died with plainwordskey"))) as server:
        tts = engine_for(server)
        await tts.warm_up()
        with pytest.raises(PeerError, match="died with …"):
            await hear(tts, "Hello.", "alloy")
        await tts.close()


@pytest.mark.parametrize(
    ("behaviour", "what"),
    [
        (Behaviour(status=400, message="bad model"), "refused the request (status 400): bad model"),
        (Behaviour(status=429, headers={"retry-after": "60"}), "busy or the quota is spent"),
        (Behaviour(status=500, message="out of memory"), "failed (status 500): out of memory"),
        (Behaviour(first=5.0), "no sound in time"),
        (Behaviour(stall_after=0), "no sound in time"),
        (Behaviour(stall_after=3), "stalled after"),
        (Behaviour(cut=0), "cut the connection"),
        (Behaviour(cut=3), "was cut after"),
        (Behaviour(raw=b'{"error": "in a 200"}'), "a document where PCM"),
        (Behaviour(raw=b"<html>It works!</html>"), "a document where PCM"),
        (Behaviour(raw=b"RIFF\x24\x00\x00\x00WAVEfmt "), "WAV where PCM"),
        (Behaviour(raw=b"\x00\x10" * 1000 + b"\x01"), "half a sample"),
        (Behaviour(silent=True), "sent no sound"),
        (Behaviour(nothing=True), "sent no sound"),
    ],
)
async def test_each_misbehaviour_is_named(behaviour: Behaviour, what: str) -> None:
    async with serving(SpeechServer(behaviour, behaviour)) as server:
        tts = engine_for(server)
        await tts.warm_up()
        with pytest.raises(PeerError) as caught:
            await hear(tts, SENTENCE, "alloy")
        assert what in caught.value.what
        assert caught.value.where == server.base_url
        server.script.clear()
        assert len((await hear(tts, "Still here.", "alloy")).samples) > 0
        await tts.close()


async def test_a_busy_server_is_asked_again_when_it_says_so() -> None:
    clock = VirtualClock()
    async with serving(SpeechServer(Behaviour(status=429, headers={"retry-after": "1"}))) as server:
        tts = engine_for(server, clock, first_sound_seconds=8)
        await tts.warm_up()
        assert len((await hear(tts, "Hello.", "alloy")).samples) > 0
        await tts.close()
    assert clock.now() == SECOND
    assert len(server.requests) == 2


async def test_nobody_there_is_said_with_the_address() -> None:
    async with serving(SpeechServer()) as server:
        pass
    tts = engine_for(server)
    with pytest.raises(PeerError, match="cannot be reached") as caught:
        await tts.warm_up()
    assert caught.value.where == server.base_url
    await tts.close()


async def test_leading_silence_is_kept() -> None:
    quiet = bytes(2 * 24_000)
    async with serving(SpeechServer(Behaviour(raw=quiet + b"\x00\x20" * 2_400))) as server:
        tts = engine_for(server)
        await tts.warm_up()
        samples = (await hear(tts, "Hello.", "alloy")).samples
        await tts.close()
    assert len(samples) == 26_400
    assert int(np.flatnonzero(samples)[0]) == 24_000


async def test_leaving_closes_the_connection() -> None:
    async with serving(SpeechServer(Behaviour(stall_after=3))) as server:
        tts = engine_for(server)
        await tts.warm_up()
        async with aclosing(tts.speak(SENTENCE, "alloy")) as stream:
            await anext(stream)
        await hear(tts, "Next.", "alloy")
        assert server.disconnected == 1
        await tts.close()


async def test_too_long_a_line_is_the_callers_fault() -> None:
    async with serving(SpeechServer()) as server:
        tts = engine_for(server)
        await tts.warm_up()
        with pytest.raises(InputError, match="4097 characters"):
            await hear(tts, "a" * 4_097, "alloy")
        await tts.close()


async def test_closing_ends_a_line_that_is_being_spoken() -> None:
    async with serving(SpeechServer(Behaviour(stall_after=3))) as server:
        tts = engine_for(server, stall_seconds=20)
        await tts.warm_up()
        stream = tts.speak(SENTENCE, "alloy")
        await anext(stream)
        await tts.close()
        with pytest.raises(ClosedError):
            async for _ in stream:
                pass


@pytest.mark.parametrize(
    ("behaviour", "status", "spent"),
    [
        (Behaviour(status=401), 401, False),
        (Behaviour(status=429, headers={"retry-after": "9"}), 429, False),
        (Behaviour(status=429, message="insufficient_quota", headers={"retry-after": "9"}), 429, True),
        (Behaviour(status=500), 500, False),
        (Behaviour(stall_after=0), 504, False),
        (Behaviour(cut=0), 0, False),
    ],
)
async def test_what_the_server_answered_is_known(behaviour: Behaviour, status: int, spent: bool) -> None:
    async with serving(SpeechServer(behaviour)) as server:
        tts = engine_for(server)
        await tts.warm_up()
        with pytest.raises(ServerError) as caught:
            await hear(tts, SENTENCE, "alloy")
        assert (caught.value.status, caught.value.spent) == (status, spent)
        await tts.close()


async def test_what_has_come_is_given_at_once_and_what_comes_at_once_in_one_go() -> None:
    whole = b"\x00\x20" * 72_000
    async with serving(SpeechServer(Behaviour(stall_after=1), Behaviour(raw=whole))) as server:
        tts = engine_for(server, stall_seconds=20)
        await tts.warm_up()
        async with aclosing(tts.speak(SENTENCE, "alloy")) as stream:
            assert len((await anext(stream)).samples) == 1_500  # the server's own piece, and no more of it yet
        async with aclosing(tts.speak(SENTENCE, "alloy")) as stream:
            chunks = [len(chunk.samples) async for chunk in stream]
        assert sum(chunks) == 72_000 and len(chunks) < 15  # not 30 tenths of a second
        await tts.close()


async def test_the_next_turns_line_needs_no_new_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    passed = 0.0
    clock = SimpleNamespace(monotonic=lambda: passed)
    monkeypatch.setattr(http11, "time", clock)
    async with serving(Counting()) as server:
        tts = engine_for(server)
        await tts.warm_up()
        for pause, connections in ((0.0, 1), (KEPT_SECONDS - 5, 1), (KEPT_SECONDS + 5, 2)):
            passed += pause
            await hear(tts, "Hello.", "alloy")
            assert server.connections == connections
        await tts.close()


async def test_a_long_line_has_longer_until_its_first_sound() -> None:
    slow = Behaviour(first=0.5)
    async with serving(SpeechServer(slow, slow)) as server:
        tts = engine_for(server, first_sound_seconds=0.1, per_character_seconds=0.1, stall_seconds=20)
        await tts.warm_up()
        with pytest.raises(PeerError, match="no sound in time"):
            await hear(tts, "No.", "alloy")
        assert len((await hear(tts, "a" * 250, "alloy")).samples) > 0
        await tts.close()
