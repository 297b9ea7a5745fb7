"""The application before a house without a show, or with more than shows: readiness, topics, want of a place."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from studio_double import Connect, HouseDouble, ShowDouble

from duologue.app.admission import Admission, PlaceKind
from duologue.app.models import Notice, NoticeEvent, PartState, PartView, TalkEvent, TalkView
from duologue.web import problems
from duologue.web.application import create_app
from duologue.web.options import WebOptions


def talk(*reasons: str) -> PartView:
    return PartView(name="talk", topic="talk", state=PartState.UP, reasons=reasons)


def client_of(house: HouseDouble) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(create_app(house, WebOptions()), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8081")


async def test_a_house_without_a_show_answers_and_says_what_it_has_not() -> None:
    async with client_of(HouseDouble(others=[talk()])) as client:
        assert (await client.get("/readyz")).json() == {"ok": True, "reasons": []}
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/metrics")).text.startswith("# HELP duologue_places")
        assert (await client.get("/api/shows")).json() == []
        found = (await client.get("/api/house")).json()
        assert [part["name"] for part in found["parts"]] == ["talk"]
        for path in ("/api/stage", "/stream/index.m3u8", "/api/conversations"):
            missing = await client.get(path)
            assert (missing.status_code, missing.json()["title"]) == (404, "This house has no show")
            assert "[serve]" in missing.json()["remedy"]


async def test_readiness_is_composed_of_the_parts_and_names_them() -> None:
    shows = [ShowDouble("day"), ShowDouble("late")]
    house = HouseDouble(shows, others=[talk("every place of a listener is taken")])
    async with client_of(house) as client:
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()["reasons"]) == (503, ["talk: every place of a listener is taken"])
        assert (await client.get("/shows/day/readyz")).json() == {"ok": True, "reasons": []}
        assert (await client.get("/healthz")).status_code == 200  # the process is well
        house.others = [talk()]
        shows[0].state = PartState.FAILED
        assert (await client.get("/readyz")).json() == {"ok": True, "reasons": ["day: it has failed, see the log"]}
        house.health = (False, ["it is shutting down"])
        assert (await client.get("/healthz")).json() == {"ok": False, "reasons": ["it is shutting down"]}


async def test_a_show_that_is_started_again_says_why_and_when_to_come_back(connect: Connect) -> None:
    shows = [ShowDouble("day", None, PartState.RESTARTING, "the disk is gone.")]
    async with connect(shows=shows) as client:
        answer = await client.get("/api/stage")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert "is started again: the disk is gone" in answer.json()["title"]


def events(body: str) -> list[dict[str, Any]]:
    return [json.loads(line.removeprefix("data: ")) for line in body.split("\n") if line.startswith("data: ")]


def told(house: HouseDouble) -> None:
    """Something under each topic, and the end."""
    for topic in ("show:day", "show:late", "talk:7", "talk:8", "line", "engines", "machine", ""):
        house.bus.publish(NoticeEvent(notice=Notice(level="info", text=topic or "all")), topic)
    house.bus.close()


@pytest.mark.parametrize(
    ("place", "asked", "got"),
    [
        ("", "", ["show:day", "talk:7", "talk:8", "line", "engines", "machine", "all"]),
        ("/shows/late", "", ["show:late", "talk:7", "talk:8", "line", "engines", "machine", "all"]),
        ("", "?topics=show:late", ["show:late", "all"]),
        ("", "?topics=talk:7, engines", ["talk:7", "engines", "all"]),
        ("", "?topics=talk", ["talk:7", "talk:8", "all"]),
        ("", "?topics=machine,line", ["line", "machine", "all"]),
    ],
)
async def test_a_client_gets_the_topics_that_it_asked_for(place: str, asked: str, got: list[str]) -> None:
    house = HouseDouble([ShowDouble("day"), ShowDouble("late")])
    async with client_of(house) as client:
        told(house)
        whole = events((await client.get(f"{place}/api/events{asked}", headers={"Last-Event-ID": "show-0"})).text)
        assert [event["notice"]["text"] for event in whole] == got
        # the state alone when nothing has happened since: all of it was before
        assert [event["type"] for event in events((await client.get(f"{place}/api/events{asked}")).text)] == ["state"]


async def test_who_reads_little_goes_on_where_it_left_off_whatever_else_has_happened() -> None:
    house = HouseDouble([ShowDouble("day")])
    house.bus.publish(NoticeEvent(notice=Notice(level="info", text="one")), "engines")
    for _ in range(5):
        house.bus.publish(NoticeEvent(notice=Notice(level="info", text="other")), "machine")
    house.bus.publish(NoticeEvent(notice=Notice(level="info", text="two")), "engines")
    house.bus.close()
    async with client_of(house) as client:
        answer = await client.get("/api/events?topics=engines", headers={"Last-Event-ID": "show-1"})
    assert [event["notice"]["text"] for event in events(answer.text)] == ["two"]
    assert "id: show-7" in answer.text


@pytest.mark.parametrize(
    ("topics", "words"),
    [("show:nope", "no topic 'show:nope'"), ("weather", "no topic 'weather'"), ("show:day,show:late", "two shows")],
)
async def test_topics_that_cannot_be_are_refused(topics: str, words: str) -> None:
    async with client_of(HouseDouble([ShowDouble("day"), ShowDouble("late")])) as client:
        answer = await client.get("/api/events", params={"topics": topics})
    assert answer.status_code == 422 and words in answer.json()["title"] and answer.json()["remedy"]


async def test_without_a_show_the_state_of_the_house_comes_first() -> None:
    house = HouseDouble(others=[talk()])
    view = TalkView(id="t", character="ada", title="Ada", started=1.0)
    async with client_of(house) as client:
        house.bus.publish(TalkEvent(talk=view), "talk:t")
        house.bus.close()
        answer = await client.get("/api/events", headers={"Last-Event-ID": "show-0"})
    assert events(answer.text) == [{"type": "talk", "talk": {**view.model_dump(mode="json")}}]


async def test_who_finds_no_place_is_told_when_to_try_again() -> None:
    app = FastAPI()
    problems.install(app)
    admission = Admission({PlaceKind.LISTENER: 1, PlaceKind.VOICE: None, PlaceKind.THOUGHT: None}.__getitem__)

    async def talk_to() -> None:
        async with admission.place(frozenset({PlaceKind.LISTENER})):
            await asyncio.sleep(0)

    app.add_api_route("/talk", talk_to)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        async with admission.place(frozenset({PlaceKind.LISTENER})):
            answer = await client.get("/talk")
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
            assert "the only place of a listener is taken" in answer.json()["title"]
        assert (await client.get("/talk")).status_code == 200
    assert admission.places.refused[PlaceKind.LISTENER] == 1
