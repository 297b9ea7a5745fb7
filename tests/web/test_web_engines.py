"""Engines and parts by hand over the web: who may, what is asked of the house, and what cannot be."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import httpx
import pytest
from studio_double import HouseDouble

Connect = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


async def test_voices_are_listed_and_tried(client: httpx.AsyncClient, house: HouseDouble) -> None:
    assert (await client.get("/api/voices")).json() == [{"engine": "espeak", "voices": ["en-us"]}]
    said = await client.post("/api/voices/try", json={"engine": "espeak", "voice": "en-us", "text": "Hello."})
    assert (said.status_code, said.content, said.headers["content-type"]) == (200, b"RIFF", "audio/wav")
    assert said.headers["cache-control"] == "no-store"
    assert house.room.asked == [("espeak", "en-us", "Hello.")]


@pytest.mark.parametrize("text", ["", "   ", "a" * 201])
async def test_what_is_nothing_to_say_is_not_said(client: httpx.AsyncClient, house: HouseDouble, text: str) -> None:
    answer = await client.post("/api/voices/try", json={"engine": "espeak", "voice": "en-us", "text": text})
    assert answer.status_code == 422
    assert house.room.asked == []


async def test_a_voice_of_nobody_is_named(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/voices/try", json={"engine": "nobody", "voice": "en-us", "text": "Hello."})
    assert (answer.status_code, answer.json()["remedy"]) == (422, "There are: espeak.")


async def test_a_part_is_directed_by_its_topic(client: httpx.AsyncClient, house: HouseDouble) -> None:
    topic = house.shows[0].topic
    for order in ("stop", "start", "restart"):
        assert (await client.post(f"/api/parts/{topic}/{order}")).json()["topic"] == topic
    assert house.orders == [(topic, "stop"), (topic, "start"), (topic, "restart")]
    missing = await client.post("/api/parts/nobody/stop")
    assert missing.status_code == 404 and topic in missing.json()["remedy"]
    assert (await client.post(f"/api/parts/{topic}/explode")).status_code == 422


async def test_keys_are_told_by_name_alone(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELEVENLABS_API_KEY", "a very secret key")
    answer = await client.get("/api/setup")
    assert answer.json()["keys"][0]["variable"] == "ELEVENLABS_API_KEY"
    assert "secret" not in answer.text
