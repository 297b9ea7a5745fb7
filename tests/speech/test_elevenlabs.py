"""The engine `elevenlabs` against a real, scripted server."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from hosted_server import CHARACTER_S, ELEVEN_VOICES, Behaviour, ElevenServer, alignment, tone
from tts_conformance import SENTENCE, TtsConformance, hear

from duologue.errors import InputError, PeerError
from duologue.speech.elevenlabs import ElevenLabs, ElevenLabsSettings, engine
from duologue.speech.utterance import MarkKind
from scripted_server import serving

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

KEY = "0123secret4567"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELEVENLABS_API_KEY", KEY)


def engine_for(server: ElevenServer, **changes: object) -> ElevenLabs:
    limits: dict[str, object] = {"first_sound_seconds": 0.5, "per_character_seconds": 0.0, "stall_seconds": 0.2}
    return engine(ElevenLabsSettings.model_validate({"base_url": server.base_url} | limits | changes))


class TestElevenLabs(TtsConformance):
    voice = "George"
    server: ElevenServer

    @pytest.fixture(autouse=True)
    async def served(self) -> AsyncIterator[None]:
        async with serving(ElevenServer(key=KEY)) as self.server:
            yield

    def make(self) -> ElevenLabs:
        return engine_for(self.server, first_sound_seconds=20, stall_seconds=20)


async def test_words_have_the_times_of_their_characters() -> None:
    async with serving(ElevenServer(key=KEY)) as server:
        tts = engine_for(server, rate=16_000)
        await tts.warm_up()
        heard = await hear(tts, "“Well,” she said – 42 times.", "Alice")
        await tts.close()
    words = [(mark.text, mark.offset, mark.start, mark.end) for mark in heard.of(MarkKind.WORD)]
    unit = round(CHARACTER_S * 16_000)
    assert words == [
        (word, at, at * unit, (at + len(word)) * unit)
        for word, at in (("Well", 1), ("she", 8), ("said", 12), ("42", 19), ("times", 22))
    ]


async def test_what_is_sent() -> None:
    async with serving(ElevenServer(key=KEY)) as server:
        tts = engine_for(server, model="m1", stability=0.4, speed=1.1, language="en", rate=22_050)
        await tts.warm_up()
        await hear(tts, "Hello.", ELEVEN_VOICES["Alice"])
        await tts.close()
    assert server.requests == [
        {
            "text": "Hello.", "model_id": "m1", "language_code": "en",
            "voice_settings": {"stability": 0.4, "speed": 1.1},
            "path": f"/v1/text-to-speech/{ELEVEN_VOICES['Alice']}/stream/with-timestamps",
            "query": {"output_format": ["pcm_22050"]},
        }
    ]  # fmt: skip


async def test_without_a_key_it_says_where_one_belongs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ELEVENLABS_API_KEY")
    tts = engine()
    with pytest.raises(InputError, match="ELEVENLABS_API_KEY"):
        await tts.warm_up()


async def test_a_refused_key_is_not_shown() -> None:
    async with serving(ElevenServer(key="another")) as server:
        tts = engine_for(server)
        with pytest.raises(PeerError, match="refused the key") as caught:
            await tts.warm_up()
        await tts.close()
    assert "ELEVENLABS_API_KEY" in caught.value.remedy
    assert KEY not in str(caught.value)


async def test_a_key_that_may_not_list_voices_speaks_by_identifier() -> None:
    async with serving(ElevenServer(key=KEY, listing=False)) as server:
        tts = engine_for(server)
        await tts.warm_up()
        assert len((await hear(tts, "Hello.", ELEVEN_VOICES["George"])).samples) > 0
        with pytest.raises(InputError, match="George"):
            await hear(tts, "Hello.", "George")
        await tts.close()


async def test_an_identifier_that_the_server_does_not_know_is_the_callers_fault() -> None:
    async with serving(ElevenServer(key=KEY)) as server:
        tts = engine_for(server)
        await tts.warm_up()
        with pytest.raises(InputError, match="a" * 20):
            await hear(tts, "Hello.", "a" * 20)
        await tts.close()


def event(**changes: object) -> bytes:
    good: dict[str, object] = {"audio_base64": base64.b64encode(tone(5, 24_000)).decode(), "alignment": None}
    return json.dumps(good | changes).encode() + b"\n"


@pytest.mark.parametrize(
    ("behaviour", "what"),
    [
        (Behaviour(status=400, message="bad model"), "refused the request (status 400): bad model"),
        (Behaviour(status=429, headers={"retry-after": "60"}), "busy or the quota is spent"),
        (Behaviour(status=503, message="maintenance"), "failed (status 503): maintenance"),
        (Behaviour(first=5.0), "no sound in time"),
        (Behaviour(stall_after=0), "no sound in time"),
        (Behaviour(stall_after=3), "stalled after"),
        (Behaviour(cut=3), "was cut after"),
        (Behaviour(raw=b"<html>It works!</html>"), "no event"),
        (Behaviour(raw=event()[:200]), "no event"),
        (Behaviour(raw=event() + b'{"detail": {"status": "busy", "message": "try later"}}'), "the middle: try later"),
        (Behaviour(raw=event(audio_base64="not base64!")), "not base64"),
        (Behaviour(raw=event(audio_base64="AAAA")), "half a sample"),
        (Behaviour(raw=event(alignment=alignment("Hello", 0) | {"characters": ["H"]})), "columns differ"),
        (Behaviour(raw=event(alignment={"characters": [], "character_start_times_seconds": "soon"})), "no event"),
        (
            Behaviour(raw=event(alignment=alignment("H", 0) | {"character_end_times_seconds": [float("nan")]})),
            "no event",
        ),
        (Behaviour(silent=True), "sent no sound"),
        (Behaviour(nothing=True), "sent no sound"),
    ],
)
async def test_each_misbehaviour_is_named(behaviour: Behaviour, what: str) -> None:
    async with serving(ElevenServer(behaviour, behaviour)) as server:
        tts = engine_for(server)
        await tts.warm_up()
        with pytest.raises(PeerError) as caught:
            await hear(tts, SENTENCE, "George")
        assert what in caught.value.what
        server.script.clear()
        assert len((await hear(tts, "Still here.", "George")).samples) > 0
        await tts.close()


async def test_leaving_closes_the_connection_at_once() -> None:
    async with serving(ElevenServer(Behaviour(stall_after=3))) as server:
        tts = engine_for(server, stall_seconds=20)
        await tts.warm_up()
        async with aclosing(tts.speak(SENTENCE, "George")) as stream:
            await anext(stream)
        async with asyncio.timeout(5):
            while not server.disconnected:  # noqa: ASYNC110 (the other end of a socket)
                await asyncio.sleep(0.005)
        await tts.close()
