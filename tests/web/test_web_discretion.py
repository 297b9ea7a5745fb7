"""What people say in talks: told to the tokens that may read it, and to no others."""

from __future__ import annotations

import json

import httpx
import pytest
from studio_double import HouseDouble

from duologue.app.bus import Bus, Topics
from duologue.app.models import HouseView, StateEvent, StateView, TalkEvent, TalkTurnEvent, TalkTurnView, TalkView
from duologue.tokens import Scope
from duologue.web.application import create_app
from duologue.web.options import Grant, Key, WebOptions

SECRET = "the-password-is-swordfish"
TURN = TalkTurnView(number=1, speaker="person", state="ended", text=SECRET)
TALK = TalkView(id="t", character="ada", title="Ada", started=1.0, turns=(TURN,))


class TalkingHouse(HouseDouble):
    """Somebody talks with a character of it."""

    def view(self) -> HouseView:
        return HouseView(parts=(), talks=(TALK,))


def house() -> HouseDouble:
    def state(topics: Topics) -> StateEvent:
        return StateEvent(state=StateView(house=found.view()))

    found = TalkingHouse(bus=Bus(state, "house"))
    return found


@pytest.mark.parametrize("scope", [None, *Scope])
@pytest.mark.parametrize("topics", ["", "?topics=talk", "?topics=talk:t", "?topics=machine"])
async def test_a_token_reads_what_others_say_only_if_it_may(scope: Scope | None, topics: str) -> None:
    key = Key("a token of somebody", Grant("one", frozenset({scope} if scope else ())))
    options = WebOptions(host="0.0.0.0", keys=(key,))
    there = house()
    transport = httpx.ASGITransport(create_app(there, options))
    headers = {"Authorization": f"Bearer {key.token}"}
    there.bus.publish(TalkTurnEvent(talk="t", turn=TURN), "talk:t")
    there.bus.publish(TalkEvent(talk=TALK), "talk:t")
    there.bus.close()
    async with httpx.AsyncClient(transport=transport, base_url="http://talk.example", headers=headers) as client:
        now = (await client.get("/api/house")).json()
        begun = (await client.get(f"/api/events{topics}")).text
        since = (await client.get(f"/api/events{topics}", headers={"Last-Event-ID": "house-0"})).text
    assert [talk["title"] for talk in now["talks"]] == ["Ada"], "that it goes on is no secret"
    state = json.loads(begun.partition("data: ")[2].partition("\n")[0])["state"]["house"]
    assert [talk["title"] for talk in state["talks"]] == ["Ada"]
    concerned = topics != "?topics=machine"
    assert ("event: talk\n" in since) is concerned
    told = json.dumps([now, state]) + since
    if scope is Scope.ADMIN:
        assert told.count(SECRET) == (4 if concerned else 2)
    else:
        assert SECRET not in told and "talk_turn" not in since
